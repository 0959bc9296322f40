//! One event, one effect: however often, however concurrently and across whatever restart it is sent.
//! Next: [`super::pages`].

use std::sync::Arc;

use serde_json::json;

use crate::support::bodies::{fixture, node_added, with};
use crate::support::flaky_store::FlakyStore;
use crate::support::http::{Answer, Connection, ask};
use crate::support::relay::TestRelay;

const CONFLICTS: &str = "castai_relay_conflicting_duplicates_total";

fn is_duplicate(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["duplicate"].as_bool().unwrap()
}

/// This many senders of one event, each with its request on the way.
async fn twins(relay: &TestRelay, count: usize, id: &str) -> Vec<Connection> {
    let mut twins = Vec::with_capacity(count);
    for _ in 0..count {
        let mut twin = Connection::open(relay.public).await;
        twin.request("POST", "/castai/events", &[], &node_added(id)).await;
        twins.push(twin);
    }
    twins
}

#[tokio::test]
async fn an_event_that_comes_again_is_answered_as_a_duplicate_and_told_once() {
    let relay = TestRelay::start("").await;
    assert!(!is_duplicate(&relay.send(node_added("evt")).await));
    for _ in 0..3 {
        let again = relay.send(node_added("evt")).await;
        assert_eq!(again.body, r#"{"received":true,"id":"evt","duplicate":true}"#);
    }
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 1);
    assert_eq!((relay.received("accepted").await, relay.received("duplicate").await), (1.0, 3.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_concurrent_twins_exactly_one_is_new_and_none_is_answered_before_the_commit() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), "").await;
    store.appends.hold();
    let answers: Vec<_> =
        twins(&relay, 100, "evt").await.into_iter().map(|twin| when_open(store.clone(), twin)).collect();
    store.appends.until_reached(1).await;
    // As many requests again that need no store, so that the twins have had their turn.
    for _ in 0..100 {
        assert_eq!(ask(relay.public, "GET", "/nowhere", &[], b"").await.status, 404);
    }
    store.appends.open();
    let mut new = 0;
    for answer in answers {
        new += usize::from(!is_duplicate(&answer.await.unwrap()));
    }
    assert_eq!(new, 1);
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 1);
}

/// The answer, which must not come while the store holds back.
fn when_open(store: Arc<FlakyStore>, mut twin: Connection) -> tokio::task::JoinHandle<Answer> {
    tokio::spawn(async move {
        let answer = twin.answer().await.unwrap();
        assert!(store.appends.is_open(), "answered before the commit: {answer:?}");
        answer
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_first_of_several_twins_cannot_be_kept_none_is_told_it_was() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), "").await;
    store.appends.hold();
    let twins = twins(&relay, 10, "evt").await;
    store.appends.until_reached(1).await;
    store.appends.fail();
    for mut twin in twins {
        let answer = twin.answer().await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "store_failed"));
    }
    store.appends.open();
    relay.accept(node_added("evt")).await;
}

#[tokio::test]
async fn a_repeat_after_a_restart_is_still_a_duplicate() {
    let relay = TestRelay::start("").await;
    relay.accept(node_added("evt")).await;
    let relay = relay.restart("").await;
    assert!(is_duplicate(&relay.send(node_added("evt")).await));
    assert!(is_duplicate(&relay.send(node_added("evt")).await));
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 1);
    assert_eq!(relay.metric(CONFLICTS).await, 0.0);
}

#[tokio::test]
async fn an_id_that_comes_again_with_another_body_changes_nothing_and_is_counted() {
    let relay = TestRelay::start("").await;
    let other = with(&node_added("evt"), json!({"clusterName": "another"}));
    relay.accept(node_added("evt")).await;
    assert!(is_duplicate(&relay.send(&other).await));
    let relay = relay.restart("").await;
    assert!(is_duplicate(&relay.send(&other).await), "the store remembers the body too");
    for body in [&node_added("evt"), &node_added("evt"), &other] {
        assert!(is_duplicate(&relay.send(body).await));
    }
    let kept = relay.event("evt").await;
    assert_eq!((kept.event.body, kept.conflicts), (node_added("evt"), 3));
    assert_eq!(relay.metric(CONFLICTS).await, 2.0, "since the restart");
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 1);
}

#[tokio::test]
async fn an_event_without_an_id_is_known_by_its_content_whatever_the_order_of_its_keys() {
    let relay = TestRelay::start("").await;
    let id = relay
        .accept(r#"{"eventType":"node.added","clusterName":"prod-eu","data":{"nodeName":"a","lifecycle":"spot"}}"#)
        .await;
    assert!(id.as_str().starts_with("sha256:"), "{id}");
    let reordered =
        r#"{ "data": {"lifecycle": "spot", "nodeName": "a"}, "clusterName": "prod-eu", "eventType": "node.added" }"#;
    assert!(is_duplicate(&relay.send(reordered).await));
    let other = r#"{"eventType":"node.added","clusterName":"prod-eu","data":{"nodeName":"b","lifecycle":"spot"}}"#;
    assert!(!is_duplicate(&relay.send(other).await));
}

#[tokio::test]
async fn one_notification_id_in_two_organisations_is_two_events() {
    let relay = TestRelay::start("").await;
    let notification = fixture("webhook/rendered/built-warning-pending-pod.json");
    let elsewhere = with(&notification, json!({"organization_id": "00000000-0000-4000-8000-000000000002"}));
    let ids = [relay.accept(&notification).await, relay.accept(&elsewhere).await];
    let number = "0b6c5d61-5a0e-4d0e-8f3c-6d1f2a7b9c03";
    assert_eq!(ids[0].as_str(), format!("6f0c1c1e-7f0a-4b1f-9f5a-2f4f5f0e9a10/{number}"));
    assert_eq!(ids[1].as_str(), format!("00000000-0000-4000-8000-000000000002/{number}"));
}
