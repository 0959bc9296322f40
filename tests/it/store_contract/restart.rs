//! What only an engine with a file promises: all of it outlives the process, but for the leases.

use std::path::PathBuf;

use castai_relay::names::CursorName;
use castai_relay::store::{Backlog, Cursor};
use futures_util::FutureExt;

use super::*;

/// A SQLite store that can be closed and opened again.
struct Reopening {
    directory: TempDir,
    store: Arc<dyn Store>,
}

impl Reopening {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path().join("relay.db"));
        Self { directory, store }
    }

    fn reopen(self) -> Self {
        // The lock on the file goes with the last handle: opening again proves that nothing holds on to it.
        drop(self.store);
        let store = open(self.directory.path().join("relay.db"));
        Self { store, ..self }
    }
}

fn open(path: PathBuf) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&path, Arc::new(|_, _| {})).unwrap())
}

#[tokio::test]
async fn events_and_what_became_of_their_deliveries_survive_a_restart() {
    let running = Reopening::new();
    let body = Bytes::from_static(b"\xff\xfe{");
    let given = owed_to(Event { body, ..event("a", 0) }, &["slack", "oncall", "email"]);
    keep(&running.store, [given.clone()]).await;
    running.store.append(vec![given], None).await.unwrap();
    running.store.note_conflict(&id("a")).await.unwrap();
    settle(&running.store, &claim_one(&running.store, "slack", at(0)).await, delivered()).await;
    settle(&running.store, &claim_one(&running.store, "oncall", at(0)).await, dead()).await;
    settle(&running.store, &claim_one(&running.store, "email", at(0)).await, retry(at(50))).await;
    let (before, backlog) = (stored(&running.store, "a").await, running.store.backlog().await.unwrap());

    let again = running.reopen();
    assert_eq!(stored(&again.store, "a").await, before);
    assert_eq!(again.store.backlog().await.unwrap(), backlog);
    assert!(claim(&again.store, "email", at(49)).await.is_empty(), "a retry keeps its time");
    assert_eq!(claim_one(&again.store, "email", at(50)).await.attempt, 2);
}

#[tokio::test]
async fn an_id_that_was_kept_before_a_restart_is_a_repeat_after_it() {
    let running = Reopening::new();
    keep(&running.store, [owing("a", 0, &["slack"])]).await;
    let again = running.reopen();
    let appended = again.store.append(vec![owing("a", 9, &["slack"])], None).await.unwrap();
    assert_eq!(appended, [Appended::Duplicate { conflict: false }]);
}

#[tokio::test]
async fn a_cursor_survives_a_restart() {
    let running = Reopening::new();
    let name = CursorName::parse("audit").unwrap();
    let cursor = |value: &str| Some(Cursor { name: name.clone(), value: value.to_owned() });
    running.store.append(vec![owing("a", 0, &[])], cursor("page 1")).await.unwrap();
    running.store.append(vec![], cursor("page 2")).await.unwrap();
    let again = running.reopen();
    assert_eq!(again.store.cursor(&name).await.unwrap().as_deref(), Some("page 2"));
    assert!(again.store.contains(&id("a")).await.unwrap());
}

#[tokio::test]
async fn a_pause_survives_a_restart() {
    let running = Reopening::new();
    keep(&running.store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;
    settle(&running.store, &claim(&running.store, "slack", at(0)).await[0], pause(at(60))).await;
    let again = running.reopen();
    assert_eq!(next_due(&again.store, "slack", at(0)).await, Some(at(60)));
    assert!(claim(&again.store, "slack", at(59)).await.is_empty());
    assert_eq!(claim(&again.store, "slack", at(60)).await.len(), 2);
}

#[tokio::test]
async fn what_the_dead_process_had_claimed_is_due_at_once_and_fenced_against_it() {
    let running = Reopening::new();
    keep(&running.store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&running.store, "slack", at(0)).await;
    let again = running.reopen();
    let late = settle(&again.store, &claimed, delivered()).await;
    assert_eq!(late, Settled::Fenced, "the attempt ended with its process");
    let next = claim_one(&again.store, "slack", at(1)).await;
    assert_eq!((next.attempt, &next.deliveries), (2, &claimed.deliveries));
    assert!(next.lease > claimed.lease, "the holder before the restart is fenced for ever");
    assert!(is_done(&settle(&again.store, &next, delivered()).await));
}

#[tokio::test]
async fn thousands_of_events_survive_a_restart_in_their_order() {
    const CALLS: u64 = 20;
    const EACH: u64 = 400;
    let running = Reopening::new();
    for call in 0..CALLS {
        keep(&running.store, (call * EACH..(call + 1) * EACH).map(|n| owing(&n.to_string(), n / 200, &["slack"])))
            .await;
    }
    let again = running.reopen();
    let backlog = again.store.backlog().await.unwrap();
    assert_eq!(backlog[&target("slack")], Backlog { pending: CALLS * EACH, oldest: Some(at(0)), dead: 0 });
    let claimed = claim(&again.store, "slack", at(40)).await;
    assert_eq!(names(&claimed), (0..CALLS * EACH).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn delivery_ids_are_not_used_again_after_pruning_and_a_restart() {
    let mut running = Reopening::new();
    let mut last = None;
    for round in 0..3 {
        keep(&running.store, [owing(&round.to_string(), round, &["slack"])]).await;
        let claimed = claim_one(&running.store, "slack", at(round)).await;
        assert!(last < Some(claimed.first()), "{} came after {last:?}", claimed.first());
        last = Some(claimed.first());
        settle(&running.store, &claimed, delivered()).await;
        running.store.prune(at(1_000), 100).await.unwrap();
        running = running.reopen();
    }
}

#[tokio::test]
async fn what_was_queued_when_the_store_was_dropped_is_kept() {
    let running = Reopening::new();
    let mut write = running.store.append(vec![owing("a", 0, &["slack"])], None);
    let _ = (&mut write).now_or_never();
    drop(write);
    let again = running.reopen();
    assert_eq!(claim(&again.store, "slack", at(0)).await.len(), 1);
}
