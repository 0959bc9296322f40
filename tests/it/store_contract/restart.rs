//! What only an engine with a file promises: all of it outlives the process, but for the leases.

use std::path::PathBuf;

use castai_relay::event::batch::Receipt;
use castai_relay::names::CursorName;
use castai_relay::store::{Backlog, Candidate, Cursor, End, Ruling};
use castai_relay::target::Cause;
use futures_util::FutureExt;

use super::owed::*;
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
    note_conflict(&running.store, "a").await;
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
    let appended = again.store.append(vec![owing("a", 9, &["slack"])], None).await.unwrap().appended;
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
async fn rate_and_burst_hold_across_a_restart() {
    let running = Reopening::new();
    let script = Script::default().rate(10_000, 2);
    keep(&running.store, (0..4).map(|n| owing(&n.to_string(), 0, &["slack"]))).await;
    for batch in script.claim(&running.store, "slack", at(0)).await {
        script.settle(&running.store, &batch, delivered(), at(0)).await;
    }
    let again = running.reopen();
    assert!(script.claim(&again.store, "slack", at(9)).await.is_empty());
    assert_eq!(script.claim(&again.store, "slack", at(10)).await.len(), 1);
}

#[tokio::test]
async fn a_closed_target_is_closed_after_a_restart_and_probed_at_once() {
    let running = Reopening::new();
    keep(&running.store, [owing("a", 0, &["slack"])]).await;
    let (outcome, _) = retry(at(0));
    let refusing = Sign::Refusing { reason: Reason::TargetRefused, detail: "no_service".to_owned() };
    settle(&running.store, &claim_one(&running.store, "slack", at(0)).await, (outcome, refusing)).await;
    let again = running.reopen();
    let standing = again.store.standing(&target("slack")).await.unwrap();
    let closed = standing.closed().map(|closed| (closed.cause, closed.since, closed.reported));
    assert_eq!(closed, Some((Cause::Refusing, at(0), true)));
    assert!(claim_one(&again.store, "slack", at(1)).await.is_probe, "whoever restarts it may have mended it");
}

#[tokio::test]
async fn a_group_that_was_on_its_way_leaves_again_as_one_after_a_restart() {
    let running = Reopening::new();
    let script = Script::default().groups("everything", 60, 10);
    let member = |name, seconds| grouped(owing(name, seconds, &["slack"]), "all", 10);
    keep(&running.store, [member("a", 0), member("b", 0)]).await;
    let first = script.claim_one(&running.store, "slack", at(10)).await;
    keep(&running.store, [member("c", 11)]).await;
    let again = running.reopen();
    let second = script.claim_one(&again.store, "slack", at(12)).await;
    assert_eq!((told(&second), second.first(), second.attempt), (vec!["a", "b", "c"], first.first(), 2));
}

#[tokio::test]
async fn the_interval_of_a_group_holds_across_a_restart() {
    let running = Reopening::new();
    let script = Script::default().groups("everything", 60, 10);
    let member = |name, seconds| grouped(owing(name, seconds, &["slack"]), "all", 0);
    keep(&running.store, [member("a", 0)]).await;
    let first = script.claim_one(&running.store, "slack", at(0)).await;
    script.settle(&running.store, &first, delivered(), at(1)).await;
    let again = running.reopen();
    keep(&again.store, [member("b", 2)]).await;
    assert!(script.claim(&again.store, "slack", at(59)).await.is_empty());
    assert_eq!(told(&script.claim_one(&again.store, "slack", at(60)).await), ["b"]);
}

#[tokio::test]
async fn a_storm_goes_on_after_a_restart() {
    let running = Reopening::new();
    let script = Script::default().storms("everything", 60);
    let news = |name: &str, seconds| watched(owing(name, seconds, &["slack"]));
    keep(&running.store, ["a", "b", "c"].map(|name| news(name, 0))).await;
    let first = script.claim_one(&running.store, "slack", at(0)).await;
    let taken = Outcome::Delivered { receipt: Receipt::new("ts-1") };
    script.settle(&running.store, &first, (taken, Sign::Well), at(1)).await;
    let again = running.reopen();
    keep(&again.store, (1..12).map(|n| news(&n.to_string(), n * 5))).await;
    assert!(script.claim(&again.store, "slack", at(59)).await.is_empty());
    let second = script.claim_one(&again.store, "slack", at(60)).await;
    assert_eq!((second.deliveries.len(), second.is_storm, second.earlier), (11, true, Receipt::new("ts-1")));
}

/// What nobody can read was told by nobody: the storm has a new message then.
#[tokio::test]
async fn what_the_message_of_a_storm_told_survives_a_restart() {
    let running = Reopening::new();
    let script = Script::default().storms("everything", 60).rewriting_storms();
    let news = |name: &str, seconds| watched(owing(name, seconds, &["slack"]));
    keep(&running.store, ["a", "b", "c"].map(|name| news(name, 0))).await;
    let first = script.claim_one(&running.store, "slack", at(0)).await;
    let taken = || (Outcome::Delivered { receipt: Receipt::new("ts-1") }, Sign::Well);
    script.settle(&running.store, &first, taken(), at(1)).await;
    let again = running.reopen();
    keep(&again.store, (1..12).map(|n| news(&n.to_string(), n * 5))).await;
    let second = script.claim_one(&again.store, "slack", at(60)).await;
    assert_eq!((&second.before, &second.earlier), (&Some(first.in_all()), &Receipt::new("ts-1")));
    // It is on its way, and nobody learns how that ended.
    let again = again.reopen();
    let second = script.claim_one(&again.store, "slack", at(61)).await;
    assert_eq!((second.attempt, &second.before), (2, &Some(first.in_all())));
    script.settle(&again.store, &second, taken(), at(61)).await;

    let Reopening { directory, store } = again;
    drop(store);
    let path = directory.path().join("relay.db");
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE slots SET told = 'x'", []).unwrap();
    let store = open(path);
    keep(&store, [news("d", 62)]).await;
    assert_eq!(script.claim_one(&store, "slack", at(121)).await.before, None);
}

#[tokio::test]
async fn an_incident_outlives_a_restart_with_what_the_target_gave_for_it() {
    let running = Reopening::new();
    keep(&running.store, [opens_for(owing("a", 0, &["pager"]), "prod", 100)]).await;
    let taken = Outcome::Delivered { receipt: Receipt::new("ts-1") };
    settle(&running.store, &claim_one(&running.store, "pager", at(0)).await, (taken, Sign::Well)).await;
    let again = running.reopen();
    assert_eq!(next_due(&again.store, "pager", at(1)).await, Some(at(100)));
    let ending = claim_one(&again.store, "pager", at(100)).await;
    assert!(ending.incident.as_ref().is_some_and(|incident| incident.timed_out));
    assert_eq!(ending.earlier, Receipt::new("ts-1"));
}

/// The dead process may have told it, so its end is owed, and whoever judges is asked what to make of the doubt.
#[tokio::test]
async fn an_attempt_that_a_restart_cut_off_is_a_doubt() {
    let running = Reopening::new();
    keep(&running.store, [opens(owing("a", 0, &["pager"]), "prod"), owing("b", 0, &["slack"])]).await;
    claim_one(&running.store, "pager", at(0)).await;
    claim_one(&running.store, "slack", at(0)).await;
    let again = running.reopen();
    let careful = Script::default().ruled(|candidate, _| match candidate.interrupted {
        true => Ruling::End(End::Dead { reason: Reason::Ambiguous, detail: "it may have arrived".to_owned() }),
        false => Ruling::Leave,
    });
    assert!(careful.claim(&again.store, "slack", at(1)).await.is_empty());
    assert_eq!(state_of(&again.store, "b").await, DeliveryState::Dead);
    keep(&again.store, [ends(owing("over", 1, &["pager"]), "prod")]).await;
    assert_eq!(names(&claim(&again.store, "pager", at(1)).await), ["over"]);
}

/// An event that owes too much cannot be kept: then nothing of the transaction is.
#[tokio::test]
async fn where_a_report_cannot_be_kept_nothing_has_happened() {
    let running = Reopening::new();
    let mut unkeepable = owing("unkeepable", 0, &["oncall"]);
    unkeepable.owed = vec![unkeepable.owed.remove(0); 65_537];
    let broken = Script::default().raising(vec![owing("report", 0, &["oncall"]), unkeepable]);
    keep(&running.store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;

    let expired =
        |_: &Candidate<'_>, _| Ruling::End(End::Dead { reason: Reason::Expired, detail: "it is too old".to_owned() });
    let claim = claim_of("slack", at(0), 9, &broken.clone().ruled(expired).terms());
    assert!(running.store.claim(claim).await.is_err());
    let before = stored(&running.store, "a").await;
    assert_eq!((before.deliveries[0].state, before.deliveries[0].attempts), (DeliveryState::Pending, 0));

    let claimed = self::claim(&running.store, "slack", at(0)).await;
    let held = stored(&running.store, "a").await;
    let error = running.store.settle(ended(&claimed[0], dead(), &broken.terms())).await.unwrap_err();
    assert!(error.detail.contains("65537"), "{error}");
    assert_eq!(stored(&running.store, "a").await, held);
    assert_eq!(running.store.event(&id("report")).await.unwrap(), None, "nor is the half that could be kept");
    assert!(is_done(&settle(&running.store, &claimed[0], delivered()).await), "and it can still be settled");
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
