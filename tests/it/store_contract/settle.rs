//! Clauses on settling: each outcome, the fence, and what a settlement raises.

use castai_relay::event::batch::Lease;
use tokio::task::JoinSet;

use super::*;

const LONG_AFTER: u64 = 1_000_000;

/// Where all news give rise to these.
fn raising(raised: impl Into<Vec<Append>>) -> Terms {
    Script::default().raising(raised.into()).terms()
}

pub async fn what_was_delivered_is_never_claimed_again(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    assert!(is_done(&settle(&store, &claimed, delivered()).await));
    assert_eq!(state_of(&store, "a").await, DeliveryState::Delivered);
    assert!(claim(&store, "slack", at(LONG_AFTER)).await.is_empty());
}

pub async fn what_was_given_up_is_never_claimed_again_and_keeps_its_reason(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    assert!(is_done(&settle(&store, &claimed, dead()).await));
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.attempts), (DeliveryState::Dead, 1));
    assert_eq!(row.detail.as_deref(), Some("the channel is archived"));
    assert!(claim(&store, "slack", at(LONG_AFTER)).await.is_empty());
}

pub async fn a_retry_waits_for_its_time_and_keeps_its_reason(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    assert!(is_done(&settle(&store, &claimed, retry(at(5))).await));
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.attempts, row.due_at), (DeliveryState::Pending, 1, at(5)));
    assert_eq!(row.detail.as_deref(), Some("the target answered 503"));
    assert!(claim(&store, "slack", at(4)).await.is_empty());
    assert_eq!(claim_one(&store, "slack", at(5)).await.attempt, 2);
}

pub async fn the_last_reason_for_failing_is_kept_after_success(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let first = claim_one(&store, "slack", at(0)).await;
    settle(&store, &first, retry(at(5))).await;
    let second = claim_one(&store, "slack", at(5)).await;
    settle(&store, &second, delivered()).await;
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 2));
    assert_eq!(row.detail.as_deref(), Some("the target answered 503"), "it says why a second attempt was needed");
}

pub async fn an_older_attempt_is_fenced_and_changes_and_raises_nothing(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let old = claim_one(&store, "slack", at(0)).await;
    let new = claim_one(&store, "slack", at(30)).await;
    let before = stored(&store, "a").await;
    for outcome in [delivered(), dead(), retry(at(0)), pause(at(LONG_AFTER))] {
        let late = ended(&old, outcome, &raising([owing("raised", 30, &["slack"])]));
        assert_eq!(store.settle(late).await.unwrap(), Settled::Fenced);
    }
    assert_eq!(stored(&store, "a").await, before);
    assert_eq!(store.event(&id("raised")).await.unwrap(), None);
    assert_eq!(next_due(&store, "slack", at(30)).await, Some(at(60)), "the target is not paused");
    assert!(is_done(&settle(&store, &new, delivered()).await));
}

pub async fn an_attempt_is_settled_once(store: Arc<dyn Store>) {
    for (n, first) in [delivered(), dead(), retry(at(50))].into_iter().enumerate() {
        let name = n.to_string();
        keep(&store, [owing(&name, 0, &["slack"])]).await;
        let claimed = claim_one(&store, "slack", at(0)).await;
        assert!(is_done(&settle(&store, &claimed, first.clone()).await));
        let before = stored(&store, &name).await;
        for second in [delivered(), dead(), retry(at(0)), first.clone()] {
            assert_eq!(settle(&store, &claimed, second.clone()).await, Settled::Fenced, "{first:?}, then {second:?}");
        }
        assert_eq!(stored(&store, &name).await, before);
    }
}

/// Whoever looks later must see that it may be there twice, or though it was given up.
pub async fn that_an_attempt_may_have_arrived_is_remembered_whatever_comes_after(store: Arc<dyn Store>) {
    let in_doubt = |(outcome, sign): How| match outcome {
        Outcome::Retry { at, reason, detail, .. } => (Outcome::Retry { at, reason, ambiguous: true, detail }, sign),
        Outcome::Dead { reason, detail, .. } => (Outcome::Dead { reason, ambiguous: true, detail }, sign),
        delivered @ Outcome::Delivered { .. } => (delivered, sign),
    };
    keep(&store, ["told twice", "given up", "cut short", "plain"].map(|name| owing(name, 0, &["slack"]))).await;
    let all = claim(&store, "slack", at(0)).await;
    settle(&store, &all[0], in_doubt(retry(at(1)))).await;
    settle(&store, &all[1], in_doubt(dead())).await;
    settle(&store, &all[3], retry(at(1))).await;
    for batch in claim(&store, "slack", at(LONG_AFTER)).await {
        settle(&store, &batch, retry(at(LONG_AFTER))).await;
    }
    for batch in claim(&store, "slack", at(LONG_AFTER)).await {
        settle(&store, &batch, delivered()).await;
    }
    for (name, expected) in [("told twice", true), ("given up", true), ("cut short", true), ("plain", false)] {
        assert_eq!(stored(&store, name).await.deliveries[0].in_doubt, expected, "{name}");
    }
}

pub async fn a_delivery_nobody_claimed_cannot_be_settled(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let delivery = Delivery {
        again: None,
        id: stored(&store, "a").await.deliveries[0].id,
        route: route("everything"),
        target: target("slack"),
        severity: Severity::Info,
        attempt: 1,
        claimed_at: at(0),
        event: event("a", 0),
    };
    for lease in [0, 1] {
        let batch = Batch::of_one(delivery.clone(), Lease(lease));
        assert_eq!(settle(&store, &batch, delivered()).await, Settled::Fenced);
    }
    assert_eq!(claim_one(&store, "slack", at(0)).await.attempt, 1);
}

pub async fn a_late_settlement_counts_while_nobody_else_has_claimed(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    let late = Settlement { at: at(LONG_AFTER), ..ended(&claimed, delivered(), &Script::default().terms()) };
    assert!(is_done(&store.settle(late).await.unwrap()));
    assert!(claim(&store, "slack", at(LONG_AFTER)).await.is_empty());
}

pub async fn of_many_concurrent_settlements_of_one_attempt_one_counts(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    let mut settlers = JoinSet::new();
    for n in 0..40 {
        let (store, raised) = (store.clone(), owing(&format!("raised-{n}"), 0, &["oncall"]));
        let settlement = ended(&claimed, dead(), &raising([raised]));
        settlers.spawn(async move { store.settle(settlement).await.unwrap() });
    }
    let settled = settlers.join_all().await;
    assert_eq!(settled.iter().filter(|settled| is_done(settled)).count(), 1);
    assert_eq!(claim(&store, "oncall", at(0)).await.len(), 1, "only the one that counts raises anything");
}

pub async fn what_a_settlement_raises_is_kept_with_it_and_owed(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    let raise = vec![owing("raised-1", 1, &["oncall"]), owing("raised-2", 1, &["oncall", "slack"])];
    let Settled::Done { after: Aftermath { ended, woken, .. }, .. } =
        store.settle(ended(&claimed, dead(), &raising(raise.clone()))).await.unwrap()
    else {
        panic!("it was settled in time")
    };
    assert_eq!(ended.iter().map(|ended| ended.delivery).collect::<Vec<_>>(), claimed.deliveries);
    assert!(woken.contains(&target("oncall")), "there is news for it: {woken:?}");
    assert_eq!(stored(&store, "raised-1").await.event, raise[0].event);
    assert_eq!(names(&claim(&store, "oncall", at(1)).await), ["raised-1", "raised-2"]);
    assert_eq!(names(&claim(&store, "slack", at(1)).await), ["raised-2"]);
}

pub async fn what_was_raised_before_is_counted_as_a_repeat(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;
    for claimed in claim(&store, "slack", at(0)).await {
        let raise = raising([owing("raised", 1, &["oncall"])]);
        assert!(is_done(&store.settle(ended(&claimed, dead(), &raise)).await.unwrap()));
    }
    assert_eq!(stored(&store, "raised").await.duplicates, 1);
    assert_eq!(claim(&store, "oncall", at(1)).await.len(), 1);
}
