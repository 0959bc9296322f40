//! A past that nobody lived through: a month of events in a database, told, silenced and given up as in a real one.
//!
//! The events go in by the store's own door; how their deliveries ended is written by a few statements, because a million
//! attempts would take half an hour.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castai_relay::event::delivery::Owed;
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{EventId, RouteName, SourceName, TargetName};
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{Append, Store};
use rusqlite::Connection;
use serde_json::json;

const TYPES: [&str; 8] = [
    "node.added",
    "node.added",
    "node.removed",
    "node.removed",
    "node.spot_interrupted",
    "castai.notification",
    "audit.autoscaler.node.drained",
    "kubernetes.event",
];
const INSTANCES: [&str; 5] = ["m6i.2xlarge", "m6i.large", "c5.xlarge", "r6g.large", "t3.medium"];
const TARGETS: [&[&str]; 4] = [&["slack-ops"], &["slack-ops", "oncall"], &["slack-ops", "mail"], &[]];

/// The id of an event, by its number.
pub fn id(number: usize) -> String {
    format!("evt-{number:07}")
}

/// Makes so many events up, spread over November.
pub async fn make(database: &Path, events: usize) {
    let store = SqliteStore::open(database, Arc::new(|_, _| {})).unwrap();
    let numbers: Vec<usize> = (0..events).collect();
    for page in numbers.chunks(1000) {
        store.append(page.iter().map(|number| append(*number, events)).collect(), None).await.unwrap();
    }
    drop(store);
    end_most(database);
}

fn append(number: usize, events: usize) -> Append {
    let begin = Timestamp::parse("2026-11-01T00:00:00Z").unwrap();
    let month = Duration::from_secs(28 * 86_400);
    let received_at = begin.saturating_add(month.mul_f64(number as f64 / events as f64));
    let type_name = if number % 5_000 == 17 { "savings.threshold" } else { TYPES[number % TYPES.len()] };
    let node = format!("ip-10-0-{}-{}", number % 251, number % 239);
    let (instance, lifecycle) = (INSTANCES[number % 5], ["spot", "on_demand"][number % 2]);
    let data = json!({"nodeName": node, "instanceType": instance, "lifecycle": lifecycle, "zone": "eu-central-1a"});
    let data = data.as_object().unwrap().clone();
    let cluster = format!("cluster-{}", number % 40);
    let event = Event {
        id: EventId::from_sender(None, &id(number)),
        source: SourceName::parse(["castai", "audit_log", "notifications"][number % 3]).unwrap(),
        kind: CastAIEvent::read(type_name, &data, &mut Vec::new()),
        severity: Severity::ALL[[0, 0, 0, 2, 0, 0, 3, 0, 0, 0, 4][number % 11]],
        organization: None,
        cluster: Cluster { name: Some(cluster), ..Cluster::default() },
        category: None,
        labels: Default::default(),
        occurred_at: Some(received_at),
        received_at,
        body: json!({"id": id(number), "eventType": type_name, "data": data}).to_string().into(),
        data,
        notes: Vec::new(),
    };
    let route = RouteName::parse("nodes").unwrap();
    let owed = TARGETS[number % TARGETS.len()].iter().map(|target| TargetName::parse(target).unwrap());
    let owed = owed.map(|target| Owed::plain(route.clone(), target, event.severity)).collect();
    Append { event, owed, routed_by: None, deed: None }
}

/// All but the last thousand have ended: most were told at the first attempt.
fn end_most(database: &Path) {
    let connection = Connection::open(database).unwrap();
    let sql = "
        UPDATE deliveries SET attempts = 1, settled_at = received_at + 300,
               state = CASE WHEN id % 97 = 0 THEN 2 WHEN target = 'mail' AND id % 7 = 0 THEN 3 ELSE 1 END,
               reason = iif(id % 97 = 0, 'message_refused', NULL)
        WHERE id < (SELECT max(seq) - 1000 FROM events) * 65536;
        INSERT INTO ledger (event, number, at, fact)
        SELECT id / 65536, id % 65536 + 1, settled_at,
               json_object('what', 'attempted', 'delivery', id, 'attempt', 1, 'took_ms', 300,
                           'outcome', iif(state = 2, 'dead', 'delivered'), 'answer', json_object('status', 200, 'said', 'ok'))
        FROM deliveries WHERE state IN (1, 2);";
    connection.execute_batch(sql).unwrap();
}

/// How long it takes until all words are in the index.
pub fn wait_for_the_index(database: &Path) -> Duration {
    let (connection, started) = (Connection::open(database).unwrap(), Instant::now());
    let is_covered = "SELECT indexed_to >= (SELECT max(seq) FROM events) FROM search_index";
    while !connection.query_row(is_covered, [], |row| row.get::<_, bool>(0)).unwrap() {
        std::thread::sleep(Duration::from_millis(50));
    }
    started.elapsed()
}
