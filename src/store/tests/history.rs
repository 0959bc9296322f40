//! Looking back: all that was, in bounded steps, whatever version wrote it and whatever happens meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::event::ledger::KeptTable;
use crate::event::{Severity, Timestamp};
use crate::store::sqlite::SqliteStore;
use crate::store::{Append, Store};

const VERSION_1: &str = include_str!("../../../tests/fixtures/store/version_1.sql");
const VERSION_2: &str = include_str!("../../../tests/fixtures/store/version_2.sql");
const VERSION_2_IN_USE: &str = include_str!("../../../tests/fixtures/store/version_2_in_use.sql");
const VERSION_4: &str = include_str!("../../../tests/fixtures/store/version_4.sql");

fn house() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    (directory, path)
}

fn written(text: &str) -> (TempDir, PathBuf) {
    let (directory, path) = house();
    Connection::open(&path).unwrap().execute_batch(text).unwrap();
    (directory, path)
}

fn owes(route: &str, target: &str) -> Owed {
    Owed::plain(RouteName::parse(route).unwrap(), TargetName::parse(target).unwrap(), Severity::Error)
}

/// An event that comes in this second, with these particulars.
fn event(second: i64, data: Value) -> Event {
    let (id, received_at) = (format!("evt-{second}"), Timestamp::from_millis(second * 1000));
    let record = json!({"id": id, "source": "castai", "type": "node.added", "severity": "info", "cluster": {},
                        "labels": {}, "received_at": received_at, "data": data});
    Event::from_record(record.to_string().as_bytes(), Default::default()).unwrap()
}

fn append(second: i64, owed: Vec<Owed>, routed_by: Option<TableId>) -> Append {
    Append { event: event(second, json!({})), owed, routed_by, deed: None }
}

async fn with_events(path: &Path, seconds: std::ops::Range<i64>) -> SqliteStore {
    let store = SqliteStore::open(path, Arc::new(|_, _| {})).unwrap();
    let appends = seconds.map(|second| append(second, vec![owes("nodes", "slack")], None));
    store.append(appends.collect(), None).await.unwrap();
    store
}

fn a_step() -> i64 {
    i64::try_from(STEP).unwrap()
}

fn history(path: &Path, when: Period, newest: Option<u64>) -> History {
    History::of(Peek::open(path).unwrap(), when, newest).unwrap()
}

fn steps(mut history: History) -> Vec<Step> {
    std::iter::from_fn(|| history.step().unwrap()).collect()
}

fn ids(steps: &[Step]) -> Vec<&str> {
    steps.iter().flat_map(|step| &step.events).map(|past| past.event.id.as_str()).collect()
}

/// What each event owed: by which route, to whom, and the incident that it ends.
fn owed(steps: &[Step]) -> Vec<String> {
    let of = |past: &Past| {
        let one = |owed: &Owed| {
            let ends = owed.incident.as_ref().map(|step| format!(" ends {}", step.key)).unwrap_or_default();
            format!("{}>{} {}{ends}", owed.route, owed.target, owed.severity)
        };
        format!("{}: {}", past.event.id, past.owed.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    steps.iter().flat_map(|step| &step.events).map(of).collect()
}

#[tokio::test]
async fn all_that_came_is_seen_in_order_and_in_steps_while_a_relay_runs_and_after() {
    let (_directory, path) = house();
    let count = 2 * a_step() + 5;
    let store = with_events(&path, 0..count).await;
    let expected: Vec<String> = (0..count).map(|second| format!("evt-{second}")).collect();
    let running = steps(history(&path, Period::default(), None));
    assert_eq!(running.iter().map(|step| step.events.len()).collect::<Vec<_>>(), [STEP, STEP, 5]);
    assert_eq!(ids(&running), expected);
    assert!(running.iter().flat_map(|step| &step.events).all(|past| past.owed == [owes("nodes", "slack")]));
    drop(store);
    assert_eq!(ids(&steps(history(&path, Period::default(), None))), expected);
}

#[tokio::test]
async fn a_step_is_bounded_in_bytes_too() {
    let (_directory, path) = house();
    let store = SqliteStore::open(&path, Arc::new(|_, _| {})).unwrap();
    let text = "x".repeat(STEP_BYTES / 3);
    let large = |second| Append { event: event(second, json!({"text": text})), ..append(second, vec![], None) };
    store.append((0..7).map(large).collect(), None).await.unwrap();
    let steps = steps(history(&path, Period::default(), None));
    assert_eq!(steps.iter().map(|step| step.events.len()).collect::<Vec<_>>(), [3, 3, 1]);
}

#[tokio::test]
async fn a_time_and_the_newest_of_it_can_be_asked_for() {
    let (_directory, path) = house();
    let _store = with_events(&path, 0..10).await;
    let [since, until] = [3_000, 8_000].map(|millis| Some(Timestamp::from_millis(millis)));
    let seen = |since, until, newest| {
        let steps = steps(history(&path, Period { since, until }, newest));
        ids(&steps).iter().map(|id| id.trim_start_matches("evt-").parse().unwrap()).collect::<Vec<u8>>()
    };
    assert_eq!(seen(since, until, None), [3, 4, 5, 6, 7]);
    assert_eq!(seen(since, until, Some(2)), [6, 7]);
    assert_eq!(seen(None, None, Some(3)), [7, 8, 9]);
    assert_eq!(seen(None, until, Some(u64::MAX)), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(seen(until, since, None), [0; 0]);
    assert_eq!(seen(Some(Timestamp::from_millis(99_000)), None, Some(1)), [0; 0]);
}

#[tokio::test]
async fn what_comes_after_the_beginning_is_no_part_of_it_and_what_goes_is_left_out() {
    let (_directory, path) = house();
    let store = with_events(&path, 0..(a_step() + 2)).await;
    let mut looking = history(&path, Period::default(), None);
    assert_eq!((looking.percent(), looking.step().unwrap().unwrap().events.len()), (0, STEP));
    store.append(vec![append(9_999, vec![], None)], None).await.unwrap();
    let number = a_step() + 1;
    drop(store);
    Connection::open(&path).unwrap().execute("DELETE FROM events WHERE seq = ?1", [number]).unwrap();
    assert_eq!(ids(&[looking.step().unwrap().unwrap()]), [format!("evt-{number}")]);
    assert_eq!(looking.percent(), 100);
    assert!(looking.step().unwrap().is_none());
}

#[tokio::test]
async fn what_nobody_can_read_is_told_with_its_number_and_hides_nothing_else() {
    let (_directory, path) = house();
    drop(with_events(&path, 0..4).await);
    let spoil = Connection::open(&path).unwrap();
    spoil.execute("UPDATE events SET record = X'7B' WHERE seq = 2", []).unwrap();
    spoil.execute("UPDATE deliveries SET target = 'No such name!' WHERE id / 65536 = 3", []).unwrap();
    drop(spoil);
    let steps = steps(history(&path, Period::default(), None));
    assert_eq!(ids(&steps), ["evt-0", "evt-3"]);
    let unreadable: Vec<i64> = steps.iter().flat_map(|step| &step.unreadable).map(|(number, _)| *number).collect();
    assert_eq!(unreadable, [2, 3]);
    assert!(steps[0].unreadable[1].1.contains("No such name!"), "{:?}", steps[0].unreadable);
}

#[tokio::test]
async fn the_table_of_that_time_can_be_read() {
    let (_directory, path) = house();
    let store = SqliteStore::open(&path, Arc::new(|_, _| {})).unwrap();
    let table = KeptTable::new("{routes: []}".into());
    store.keep_table(table.clone(), Timestamp::EPOCH).await.unwrap();
    store.append(vec![append(1, vec![], Some(table.id))], None).await.unwrap();
    let mut looking = history(&path, Period::default(), None);
    assert_eq!(looking.step().unwrap().unwrap().events[0].routed_by, Some(table.id));
    assert_eq!(looking.table(table.id).unwrap(), Some(table.text));
    assert_eq!(looking.table(TableId::of("another one")).unwrap(), None);
}

#[test]
fn databases_of_every_version_are_read_as_they_are() {
    let kept = |text: &str| {
        let (_directory, path) = written(text);
        let before = std::fs::read(&path).unwrap();
        let looking = history(&path, Period::default(), None);
        assert_eq!(looking.table(TableId::of("x")).unwrap(), None);
        let steps = steps(looking);
        assert!(steps.iter().all(|step| step.unreadable.is_empty()), "{steps:?}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "looking changes nothing");
        owed(&steps)
    };
    assert_eq!(kept(VERSION_1), ["evt-1: all-news>slack-ops info"]);
    assert_eq!(kept(&format!("{VERSION_2}{VERSION_2_IN_USE}"))[0], "evt-1: all-news>slack-ops info");
    let version_4 = kept(VERSION_4);
    let end = "nodes>console info ends n/n1";
    assert!(version_4.iter().any(|owed| owed.ends_with(end)), "{version_4:?}");
    assert!(version_4.iter().any(|owed| owed.ends_with("default_targets>console warning")), "{version_4:?}");
}

#[test]
fn what_fell_back_or_timed_out_was_not_owed_by_a_route() {
    let (_directory, path) = written(VERSION_4);
    let change = "UPDATE deliveries SET origin = id % 65536 + 1 WHERE id IN (65536, 65537)";
    Connection::open(&path).unwrap().execute_batch(change).unwrap();
    assert!(steps(history(&path, Period::default(), None))[0].events[0].owed.is_empty());
}

#[test]
fn a_database_without_anything_of_ours_is_refused() {
    let (_directory, path) = written("CREATE TABLE shopping (what TEXT)");
    let refused = History::of(Peek::open(&path).unwrap(), Period::default(), None).unwrap_err();
    assert!(matches!(refused, OpenError::Empty(_)), "{refused}");
}
