//! The relay as a process that is killed while it reads: nothing is lost, nothing is doubled; and what it says.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use castai_relay::names::EventId;
use castai_relay::runtime::{Clock, SystemClock};
use castai_relay::store::Store;
use castai_relay::store::sqlite::SqliteStore;

use super::*;
use crate::support::castai::KEY;
use crate::support::process::{House, Relay};

const KILLS: usize = 8;
const RECORDS: i64 = 2000;

fn house(castai: &StandIn, audit_log: &str) -> House {
    House::with(&format!(
        r#"
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ sqlite: {{ path: relay.db }} }}
castai: {{ api_url: "http://{}", api_key: {KEY} }}
sources: {{ webhooks: {{}}, audit_log: {{ every: 1s, {audit_log} }} }}
"#,
        castai.address
    ))
}

/// A record of this many seconds ago.
fn ago(id: &str, seconds: i64) -> Value {
    let mut record = record(id, 0, "workload.pod.updated");
    let time = Timestamp::from_millis(SystemClock.now().as_millis() - seconds * 1000);
    record["occurredAt"] = json!(time);
    record["ingestedAt"] = json!(time);
    record
}

/// Waits until so many whole rounds have begun since this many calls.
async fn until_rounds(castai: &StandIn, calls: usize, rounds: usize) {
    let begun = || castai.asked(V2).iter().skip(calls).filter(|asked| asked.query("page.cursor").is_none()).count();
    while begun() < rounds {
        castai.until_asked(V2, castai.asked(V2).len() + 1).await;
    }
}

async fn life(house: &House, castai: &StandIn, calls: usize) -> Relay {
    let relay = house.serve().await;
    castai.until_asked(V2, castai.asked(V2).len() + calls).await;
    relay
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_page_and_commit_it_loses_nothing_and_doubles_nothing() {
    let castai = StandIn::start().await;
    let house = house(&castai, "start: 2h, sweep: none");
    castai.push(List::AuditV2, (0..RECORDS).map(|n| ago(&format!("e-{n}"), 6100 - n * 3)));
    let dice = RandomState::new();
    for round in 0..KILLS {
        let calls = usize::try_from(dice.hash_one(round) % 4).unwrap() + 1;
        life(&house, &castai, calls).await.kill();
        castai.push(List::AuditV2, [ago(&format!("late-{round}"), 60)]);
    }
    let calls = castai.asked(V2).len();
    let relay = house.serve().await;
    until_rounds(&castai, calls, 2).await;
    relay.kill();

    let store = SqliteStore::open(&house.path().join("relay.db"), Arc::new(|_, _| {})).unwrap();
    let expected = (0..RECORDS).map(|n| format!("e-{n}")).chain((0..KILLS).map(|n| format!("late-{n}")));
    for id in expected {
        let event = store.event(&EventId::parse(&own(&id)).unwrap()).await.unwrap();
        let event = event.unwrap_or_else(|| panic!("{id} was lost"));
        assert_eq!((event.deliveries.len(), event.duplicates, event.conflicts), (1, 0, 0), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_came_too_late_for_the_overlap_is_said() {
    let castai = StandIn::start().await;
    let house = house(&castai, "start: 1h, overlap: 1s, sweep: { every: 1s, back: 50m }");
    castai.push(List::AuditV2, [ago("new", 1)]);
    let relay = house.serve().await;
    until_rounds(&castai, 0, 3).await;
    let mut late = ago("late", 600);
    late["ingestedAt"] = json!(SystemClock.now());
    castai.push(List::AuditV2, [late]);
    let said = relay.until_logged("set a longer `overlap`").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["event.id"], &said["overlap"], &said["level"]),
        (&json!(own("late")), &json!("1s"), &json!("WARN"))
    );
    let lag = said["ingested_after_seconds"].as_f64().unwrap();
    assert!((600.0..700.0).contains(&lag), "{said}");
    relay.look("/livez").await;
    assert!(relay.look("/metrics").await.contains("castai_relay_audit_records_beyond_overlap_total 1\n"));
}
