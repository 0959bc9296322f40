//! Clauses on looking after the store: backlog, pruning, probing, and callers that go away.

use castai_relay::event::batch::Lease;
use castai_relay::names::DeliveryId;
use castai_relay::store::Backlog;
use futures_util::FutureExt;

use super::*;

/// Appends an event that is newer than all others. An engine may keep its newest event however old it is, so that it
/// never gives its number again (SQLite does); so nothing is promised about that one.
async fn keep_a_newest(store: &Arc<dyn Store>) {
    keep(store, [owing("newest", 1_000, &[])]).await;
}

async fn is_there(store: &Arc<dyn Store>, name: &str) -> bool {
    store.event(&id(name)).await.unwrap().is_some()
}

/// Waits until everything that was asked of the store before is decided. Writes are done in the order they are asked.
async fn come_to_rest(store: &Arc<dyn Store>) {
    store.probe().await.unwrap();
}

pub async fn the_backlog_counts_what_is_pending_and_dead_and_knows_the_oldest(store: Arc<dyn Store>) {
    keep(&store, (0..6).map(|n| owing(&n.to_string(), n, &["slack", "oncall"]))).await;
    let four = claim_of("slack", at(9), 4, &Script::default().terms());
    let claimed = store.claim(four).await.unwrap().batches;
    settle(&store, &claimed[0], delivered()).await;
    settle(&store, &claimed[1], dead()).await;
    settle(&store, &claimed[2], retry(at(99))).await;
    let backlog = store.backlog().await.unwrap();
    assert_eq!(backlog[&target("slack")], Backlog { pending: 4, oldest: Some(at(2)), dead: 1 });
    assert_eq!(backlog[&target("oncall")], Backlog { pending: 6, oldest: Some(at(0)), dead: 0 });
    assert_eq!(backlog.len(), 2);
}

pub async fn a_target_that_waits_for_nothing_is_not_in_the_backlog(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "oncall"])]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, delivered()).await;
    settle(&store, &claim_one(&store, "oncall", at(0)).await, dead()).await;
    let backlog = store.backlog().await.unwrap();
    assert_eq!(
        backlog.into_iter().collect::<Vec<_>>(),
        [(target("oncall"), Backlog { dead: 1, ..Backlog::default() })]
    );
}

pub async fn pruning_forgets_only_what_is_older(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &[]), owing("b", 9, &[]), owing("c", 10, &[])]).await;
    keep_a_newest(&store).await;
    assert_eq!(store.prune(at(10), 100).await.unwrap(), 2);
    assert_eq!((is_there(&store, "b").await, is_there(&store, "c").await), (false, true));
    assert_eq!(store.prune(at(10), 100).await.unwrap(), 0);
}

pub async fn pruning_never_forgets_what_is_still_owed(store: Arc<dyn Store>) {
    for name in ["delivered", "dead", "waiting", "half"] {
        keep(&store, [owing(name, 0, &["slack"])]).await;
        let claimed = claim_one(&store, "slack", at(0)).await;
        let outcome = match name {
            "delivered" => delivered(),
            "dead" => dead(),
            _ => retry(at(900)),
        };
        settle(&store, &claimed, outcome).await;
    }
    keep(&store, [owing("untouched", 0, &["slack"]), owing("leased", 0, &["oncall"])]).await;
    claim_one(&store, "oncall", at(0)).await;
    keep_a_newest(&store).await;
    assert_eq!(store.prune(at(999), 100).await.unwrap(), 2);
    for (name, stays) in
        [("delivered", false), ("dead", false), ("waiting", true), ("untouched", true), ("leased", true)]
    {
        assert_eq!(is_there(&store, name).await, stays, "{name}");
    }
    assert_eq!(store.backlog().await.unwrap()[&target("slack")].dead, 0, "the dead letter went with its event");
    assert_eq!(claim(&store, "slack", at(999)).await.len(), 3);
}

pub async fn pruning_forgets_no_more_than_its_limit(store: Arc<dyn Store>) {
    keep(&store, (0..5).map(|n| owing(&n.to_string(), n, &[]))).await;
    keep_a_newest(&store).await;
    assert_eq!(store.prune(at(10), 3).await.unwrap(), 3);
    assert_eq!((is_there(&store, "2").await, is_there(&store, "3").await), (false, true), "the oldest go first");
    assert_eq!(store.prune(at(10), 3).await.unwrap(), 2);
    assert_eq!(store.prune(at(10), 0).await.unwrap(), 0);
}

pub async fn a_pruned_event_is_new_again_with_ids_never_used_before(store: Arc<dyn Store>) {
    let mut used = Vec::new();
    for round in 0..3 {
        keep(&store, [owing("a", round, &["slack"]), owing("b", round, &["slack"])]).await;
        for claimed in claim(&store, "slack", at(round)).await {
            assert!(!used.contains(&claimed.first()), "{} was used before", claimed.first());
            used.push(claimed.first());
            settle(&store, &claimed, delivered()).await;
        }
        keep(&store, [owing(&format!("newest-{round}"), round, &[])]).await;
        store.prune(at(1_000), 100).await.unwrap();
        assert!(!is_there(&store, "a").await);
    }
}

pub async fn a_probe_succeeds_and_changes_nothing(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let before = stored(&store, "a").await;
    for _ in 0..3 {
        store.probe().await.unwrap();
    }
    assert_eq!(stored(&store, "a").await, before);
}

pub async fn what_nobody_knows_is_answered_and_does_no_harm(store: Arc<dyn Store>) {
    assert_eq!(store.event(&id("nobody")).await.unwrap(), None);
    note_conflict(&store, "nobody").await;
    assert!(claim(&store, "nobody", at(0)).await.is_empty());
    assert_eq!(next_due(&store, "nobody", at(0)).await, None);
    assert_eq!(store.prune(at(1_000), 100).await.unwrap(), 0);
    for row in [0, 1, -1, i64::MAX, i64::MIN] {
        let delivery = Delivery {
            again: None,
            id: DeliveryId::from_row(row),
            route: route("everything"),
            target: target("nobody"),
            severity: Severity::Info,
            attempt: 1,
            claimed_at: at(0),
            event: event("nobody", 0),
        };
        let raising = Script::default().raising(vec![owing("raised", 0, &["slack"])]).terms();
        let settlement = ended(&Batch::of_one(delivery, Lease(1)), dead(), &raising);
        assert_eq!(store.settle(settlement).await.unwrap(), Settled::Fenced);
    }
    assert!(!is_there(&store, "nobody").await && !is_there(&store, "raised").await);
    assert!(store.backlog().await.unwrap().is_empty());
}

pub async fn an_append_that_is_dropped_half_way_is_done_or_not_done(store: Arc<dyn Store>) {
    for n in 0..30 {
        let given = owing(&n.to_string(), 0, &["slack", "oncall"]);
        let mut write = store.append(vec![given.clone()], None);
        if n % 3 > 0 {
            // What it would answer is nobody's business any more.
            let _ = (&mut write).now_or_never();
        }
        drop(write);
        come_to_rest(&store).await;
        let kept = store.event(&given.event.id).await.unwrap();
        assert!(kept.as_ref().is_none_or(|kept| kept.deliveries.len() == 2), "{kept:?}");
        let again = store.append(vec![given], None).await.unwrap().appended[0];
        assert_eq!(again == Appended::New, kept.is_none());
    }
    assert_eq!(claim(&store, "slack", at(0)).await.len(), 30);
    assert_eq!(claim(&store, "oncall", at(0)).await.len(), 30);
}

pub async fn a_settlement_that_is_dropped_half_way_is_done_or_not_done(store: Arc<dyn Store>) {
    for n in 0..30 {
        let (name, raised) = (n.to_string(), format!("raised-{n}"));
        keep(&store, [owing(&name, 0, &["slack"])]).await;
        let claimed = claim_one(&store, "slack", at(0)).await;
        let raising = Script::default().raising(vec![owing(&raised, 0, &[])]).terms();
        let settlement = ended(&claimed, dead(), &raising);
        let mut write = store.settle(settlement.clone());
        if n % 3 > 0 {
            let _ = (&mut write).now_or_never();
        }
        drop(write);
        come_to_rest(&store).await;
        let done = state_of(&store, &name).await == DeliveryState::Dead;
        assert_eq!(is_there(&store, &raised).await, done, "both or neither");
        assert_eq!(store.settle(settlement).await.unwrap() == Settled::Fenced, done);
    }
}

/// A claim nobody hears of may have taken its lease; then the delivery comes back when the lease ends.
pub async fn a_claim_that_is_dropped_half_way_loses_nothing(store: Arc<dyn Store>) {
    keep(&store, (0..5).map(|n| owing(&n.to_string(), 0, &["slack"]))).await;
    let mut write = store.claim(claim_of("slack", at(0), 3, &Script::default().terms()));
    let _ = (&mut write).now_or_never();
    drop(write);
    come_to_rest(&store).await;
    assert_eq!(claim(&store, "slack", at(30)).await.len(), 5);
}
