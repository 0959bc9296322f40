//! Clauses on settling: each outcome, the fence, and what a settlement raises.

use tokio::task::JoinSet;

use super::*;

const LONG_AFTER: u64 = 1_000_000;

pub async fn what_was_delivered_is_never_claimed_again(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    assert_eq!(settle(&store, &claimed, Outcome::Delivered).await, Settled::Done);
    assert_eq!(state_of(&store, "a").await, DeliveryState::Delivered);
    assert!(claim(&store, "slack", at(LONG_AFTER)).await.is_empty());
}

pub async fn what_was_given_up_is_never_claimed_again_and_keeps_its_reason(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    assert_eq!(settle(&store, &claimed, dead()).await, Settled::Done);
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.attempts), (DeliveryState::Dead, 1));
    assert_eq!(row.detail.as_deref(), Some("the channel is archived"));
    assert!(claim(&store, "slack", at(LONG_AFTER)).await.is_empty());
}

pub async fn a_retry_waits_for_its_time_and_keeps_its_reason(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    assert_eq!(settle(&store, &claimed, retry(at(5))).await, Settled::Done);
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
    settle(&store, &second, Outcome::Delivered).await;
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 2));
    assert_eq!(row.detail.as_deref(), Some("the target answered 503"), "it says why a second attempt was needed");
}

pub async fn an_older_attempt_is_fenced_and_changes_and_raises_nothing(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let old = claim_one(&store, "slack", at(0)).await;
    let new = claim_one(&store, "slack", at(30)).await;
    let before = stored(&store, "a").await;
    for outcome in [Outcome::Delivered, dead(), retry(at(0)), pause(at(LONG_AFTER))] {
        let late = ended(&old, outcome, vec![owing("raised", 30, &["slack"])]);
        assert_eq!(store.settle(late).await.unwrap(), Settled::Fenced);
    }
    assert_eq!(stored(&store, "a").await, before);
    assert_eq!(store.event(&id("raised")).await.unwrap(), None);
    assert_eq!(store.next_due(&target("slack")).await.unwrap(), Some(at(60)), "the target is not paused");
    assert_eq!(settle(&store, &new, Outcome::Delivered).await, Settled::Done);
}

pub async fn an_attempt_is_settled_once(store: Arc<dyn Store>) {
    for (n, first) in [Outcome::Delivered, dead(), retry(at(50))].into_iter().enumerate() {
        let name = n.to_string();
        keep(&store, [owing(&name, 0, &["slack"])]).await;
        let claimed = claim_one(&store, "slack", at(0)).await;
        assert_eq!(settle(&store, &claimed, first.clone()).await, Settled::Done);
        let before = stored(&store, &name).await;
        for second in [Outcome::Delivered, dead(), retry(at(0)), first.clone()] {
            assert_eq!(settle(&store, &claimed, second.clone()).await, Settled::Fenced, "{first:?}, then {second:?}");
        }
        assert_eq!(stored(&store, &name).await, before);
    }
}

pub async fn a_delivery_nobody_claimed_cannot_be_settled(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let delivery = stored(&store, "a").await.deliveries[0].id;
    for attempt in [0, 1] {
        let settlement = Settlement { delivery, attempt, outcome: Outcome::Delivered, at: at(0), raise: vec![] };
        assert_eq!(store.settle(settlement).await.unwrap(), Settled::Fenced);
    }
    assert_eq!(claim_one(&store, "slack", at(0)).await.attempt, 1);
}

pub async fn a_late_settlement_counts_while_nobody_else_has_claimed(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    let late = Settlement { at: at(LONG_AFTER), ..ended(&claimed, Outcome::Delivered, vec![]) };
    assert_eq!(store.settle(late).await.unwrap(), Settled::Done);
    assert!(claim(&store, "slack", at(LONG_AFTER)).await.is_empty());
}

pub async fn of_many_concurrent_settlements_of_one_attempt_one_counts(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    let mut settlers = JoinSet::new();
    for n in 0..40 {
        let (store, raised) = (store.clone(), owing(&format!("raised-{n}"), 0, &["oncall"]));
        let settlement = ended(&claimed, if n % 2 == 0 { dead() } else { retry(at(0)) }, vec![raised]);
        settlers.spawn(async move { store.settle(settlement).await.unwrap() });
    }
    let settled = settlers.join_all().await;
    assert_eq!(settled.iter().filter(|settled| **settled == Settled::Done).count(), 1);
    assert_eq!(claim(&store, "oncall", at(0)).await.len(), 1, "only the one that counts raises anything");
}

pub async fn what_a_settlement_raises_is_kept_with_it_and_owed(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    let raise = vec![owing("raised-1", 1, &["oncall"]), owing("raised-2", 1, &["oncall", "slack"])];
    assert_eq!(store.settle(ended(&claimed, dead(), raise.clone())).await.unwrap(), Settled::Done);
    assert_eq!(stored(&store, "raised-1").await.event, raise[0].event);
    assert_eq!(names(&claim(&store, "oncall", at(1)).await), ["raised-1", "raised-2"]);
    assert_eq!(names(&claim(&store, "slack", at(1)).await), ["raised-2"]);
}

pub async fn what_was_raised_before_is_counted_as_a_repeat(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;
    for claimed in claim(&store, "slack", at(0)).await {
        let raise = vec![owing("raised", 1, &["oncall"])];
        assert_eq!(store.settle(ended(&claimed, dead(), raise)).await.unwrap(), Settled::Done);
    }
    assert_eq!(stored(&store, "raised").await.duplicates, 1);
    assert_eq!(claim(&store, "oncall", at(1)).await.len(), 1);
}
