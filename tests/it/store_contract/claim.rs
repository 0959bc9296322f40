//! Clauses on claiming: what leaves, in which order, and to how many at once.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::*;

pub async fn the_oldest_due_leaves_first_and_no_more_than_the_limit(store: Arc<dyn Store>) {
    let appends = [("c", 3), ("a", 1), ("d", 3), ("b", 2)].map(|(name, seconds)| owing(name, seconds, &["slack"]));
    keep(&store, appends).await;
    let terms = Script::default().terms();
    let up_to = async |limit| store.claim(claim_of("slack", at(9), limit, &terms)).await.unwrap().batches;
    assert!(up_to(0).await.is_empty());
    assert_eq!(names(&up_to(3).await), ["a", "b", "c"]);
    assert_eq!(names(&up_to(3).await), ["d"]);
}

pub async fn a_claim_hands_out_the_whole_event_and_what_is_owed(store: Arc<dyn Store>) {
    let mut given = owing("a", 0, &["slack", "oncall"]);
    given.event.body = Bytes::from_static(b"\xff\x00 not UTF-8");
    given.owed[1].severity = Severity::Critical;
    keep(&store, [given.clone()]).await;
    let rows = stored(&store, "a").await.deliveries;
    for (row, owed) in rows.into_iter().zip(given.owed) {
        let Owed { route, target, severity, .. } = owed;
        let claimed = claim_one(&store, target.as_str(), at(5)).await;
        let event = given.event.clone();
        let expected =
            Delivery { id: row.id, route, target, severity, attempt: 1, claimed_at: at(5), event, again: None };
        assert_eq!(claimed.shown, [expected]);
        assert_eq!((claimed.deliveries, claimed.attempt, claimed.claimed_at), (vec![row.id], 1, at(5)));
    }
}

pub async fn a_target_is_handed_only_its_own_deliveries(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack-2"]), owing("c", 0, &["slack", "slack-2"])]).await;
    assert_eq!(names(&claim(&store, "slack-2", at(0)).await), ["b", "c"]);
    assert_eq!(names(&claim(&store, "slack", at(0)).await), ["a", "c"]);
}

pub async fn nothing_leaves_before_it_is_due(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 10, &["slack"])]).await;
    assert!(claim(&store, "slack", at(9)).await.is_empty());
    assert_eq!(names(&claim(&store, "slack", at(10)).await), ["a"]);
}

pub async fn a_claimed_delivery_is_hidden_while_its_lease_lasts(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    claim_one(&store, "slack", at(0)).await;
    assert!(claim(&store, "slack", at(0)).await.is_empty());
    assert!(claim(&store, "slack", at(29)).await.is_empty());
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.attempts, row.due_at), (DeliveryState::Pending, 1, at(30)));
}

pub async fn a_lapsed_lease_is_due_again_as_the_next_attempt(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let first = claim_one(&store, "slack", at(0)).await;
    let second = claim_one(&store, "slack", at(30)).await;
    assert!(second.lease > first.lease, "it has another holder");
    assert_eq!((second.attempt, second.claimed_at, &second.deliveries), (2, at(30), &first.deliveries));
    assert_eq!(claim_one(&store, "slack", at(60)).await.attempt, 3);
}

pub async fn concurrent_claims_never_hand_out_a_delivery_twice(store: Arc<dyn Store>) {
    keep(&store, (0..100).map(|n| owing(&n.to_string(), 0, &["slack"]))).await;
    let mut claimers = JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        let claim = claim_of("slack", at(0), 3, &Script::default().terms());
        claimers.spawn(async move { store.claim(claim).await.unwrap().batches });
    }
    let claimed = claimers.join_all().await.concat();
    assert_eq!(claimed.len(), 100);
    assert_eq!(claimed.iter().map(Batch::first).collect::<BTreeSet<_>>().len(), 100);
}
