//! Clauses on when: what is due next, and targets that asked to be left alone.

use super::*;

pub async fn nothing_pending_is_due_never(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "oncall"]), owing("b", 0, &["email"])]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, delivered()).await;
    settle(&store, &claim_one(&store, "oncall", at(0)).await, dead()).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, None);
    assert_eq!(next_due(&store, "oncall", at(0)).await, None);
    assert_eq!(next_due(&store, "email", at(0)).await, Some(at(0)));
}

pub async fn what_is_due_next_is_the_earliest_of_what_is_pending(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 7, &["slack"])]).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, Some(at(0)));
    let claimed = claim_one(&store, "slack", at(0)).await;
    settle(&store, &claimed, retry(at(5))).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, Some(at(5)));
    settle(&store, &claim_one(&store, "slack", at(5)).await, retry(at(9))).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, Some(at(7)));
}

pub async fn what_is_leased_is_due_when_the_lease_ends(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    claim_one(&store, "slack", at(3)).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, Some(at(33)));
    assert_eq!(claim(&store, "slack", at(33)).await.len(), 1, "and then a claim does find it");
}

pub async fn a_pause_holds_back_everything_for_its_target_and_for_no_other(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "oncall"]), owing("b", 1, &["slack", "oncall"])]).await;
    let claimed = claim_one(&store, "slack", at(0)).await;
    assert!(is_done(&settle(&store, &claimed, pause(at(20))).await));
    keep(&store, [owing("c", 2, &["slack", "oncall"])]).await;
    assert!(claim(&store, "slack", at(19)).await.is_empty());
    assert_eq!(names(&claim(&store, "oncall", at(19)).await), ["a", "b", "c"]);
    let waited = claim(&store, "slack", at(20)).await;
    assert_eq!(names(&waited), ["b", "a", "c"], "what was tried before has its turn among the fresh");
}

pub async fn nothing_is_due_before_a_pause_ends(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "oncall"])]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, pause(at(20))).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, Some(at(20)));
    assert_eq!(next_due(&store, "oncall", at(0)).await, Some(at(0)));
    claim_one(&store, "slack", at(20)).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, Some(at(50)), "a pause that is over delays nothing");
}

/// Several attempts run at once: one that was told `60s` must not be overruled by one that was told `1s` later.
pub async fn a_shorter_pause_does_not_cut_a_longer_one_short(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;
    let claimed = claim(&store, "slack", at(0)).await;
    settle(&store, &claimed[0], pause(at(60))).await;
    settle(&store, &claimed[1], pause(at(10))).await;
    assert_eq!(next_due(&store, "slack", at(0)).await, Some(at(60)));
    assert!(claim(&store, "slack", at(59)).await.is_empty());
    assert_eq!(claim(&store, "slack", at(60)).await.len(), 2);
}
