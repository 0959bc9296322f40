//! What becomes of deliveries that hours and silences keep from leaving: they end as silenced, with the reason, and are
//! told to nobody, then or later.

use castai_relay::store::DeliveryState;
use serde_json::json;

use super::{CONFIG, add, call, listed};
use crate::support::bodies::{node_added, spot_interrupted};
use crate::support::receivers::status;
use crate::support::relay::TestRelay;

const BOTH: &str = r#"
admin: { token: "a-token-for-operators" }
routes: [ { name: all-news, match: {}, notify: [slack-ops, oncall] } ]
"#;

/// Where the deliveries of this event stand, in the order of the targets, with the words kept of them.
async fn ends(relay: &TestRelay, id: &str) -> Vec<(DeliveryState, Option<String>)> {
    let deliveries = relay.event(id).await.deliveries.into_iter();
    deliveries.map(|delivery| (delivery.state, delivery.detail)).collect()
}

#[tokio::test]
async fn what_is_silenced_is_recorded_so_and_never_told_while_the_other_target_hears_of_it() {
    let relay = TestRelay::start(BOTH).await;
    add(&relay, json!({"targets": ["slack-ops"]})).await;
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    let why = "silenced by S1 until 2026-11-20T09:15:31Z: upgrade (ada)".to_owned();
    let expected = [(DeliveryState::Silenced, Some(why)), (DeliveryState::Delivered, None)];
    assert_eq!(ends(&relay, "a").await, expected);
    assert_eq!((relay.slack().received().len(), relay.pagerduty().received().len()), (0, 1));
    relay.pass(3600);
    relay.accept(node_added("b")).await;
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1, "only what came after the silence");
    assert_eq!(ends(&relay, "a").await, expected);
}

#[tokio::test]
async fn a_silence_that_is_ended_lets_the_next_one_through_at_once() {
    let relay = TestRelay::start(CONFIG).await;
    add(&relay, json!({})).await;
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    call(&relay, "DELETE", "/api/v1/silences/S1?by=bob", "").await;
    assert_eq!(listed(&relay, "").await, [""; 0]);
    relay.accept(node_added("b")).await;
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 1);
}

#[tokio::test]
async fn a_silence_spares_what_it_does_not_name() {
    let relay = TestRelay::start(CONFIG).await;
    add(&relay, json!({"match": {"type": "node.*", "not": {"type": "node.spot_interrupted"}}})).await;
    relay.accept(node_added("a")).await;
    relay.accept(spot_interrupted("b")).await;
    relay.deliver().await;
    assert_eq!(ends(&relay, "a").await[0].0, DeliveryState::Silenced);
    assert_eq!(ends(&relay, "b").await[0].0, DeliveryState::Delivered);
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_is_silenced_too() {
    let relay = TestRelay::start(CONFIG).await;
    relay.slack().next_replies([status(503)]);
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    assert_eq!(ends(&relay, "a").await[0].0, DeliveryState::Pending);
    add(&relay, json!({})).await;
    relay.pass(600);
    relay.deliver().await;
    assert_eq!(ends(&relay, "a").await[0].0, DeliveryState::Silenced);
    assert_eq!(relay.slack().received().len(), 1, "the attempt that failed");
}

#[tokio::test]
async fn outside_its_hours_a_route_tells_nobody_and_says_why() {
    let relay = TestRelay::start(
        r#"
routes:
  - { name: office, notify: [slack-ops], active: [ { days: [mon-fri], times: ["10:00-18:00"], time_zone: Europe/Berlin } ] }
"#,
    )
    .await;
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    let why = "outside its hours: active mon-fri 10:00-18:00 (Europe/Berlin)".to_owned();
    assert_eq!(ends(&relay, "a").await, [(DeliveryState::Silenced, Some(why))]);
    relay.pass(3600);
    relay.accept(node_added("b")).await;
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1);
}

#[tokio::test]
async fn the_end_of_an_incident_is_told_at_any_hour_if_its_beginning_was() {
    let relay = TestRelay::start(
        r#"
admin: { token: "a-token-for-operators" }
routes:
  - name: spot
    match: { type: node.spot_interrupted }
    notify: [oncall]
    incident: { key: "spot/{{ event.cluster.id }}", resolve_when: { type: node.added } }
"#,
    )
    .await;
    let actions = || {
        let received = relay.pagerduty().received();
        received.iter().map(|call| call.json()["event_action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    relay.accept(spot_interrupted("a")).await;
    relay.deliver().await;
    add(&relay, json!({"match": {}, "everything": true})).await;
    relay.accept(node_added("b")).await;
    relay.deliver().await;
    assert_eq!(actions(), ["trigger", "resolve"]);
    relay.accept(spot_interrupted("c")).await;
    relay.deliver().await;
    relay.accept(node_added("d")).await;
    relay.deliver().await;
    assert_eq!(actions(), ["trigger", "resolve"], "who was not told that it began is not told that it is over");
    assert_eq!(ends(&relay, "c").await[0].0, DeliveryState::Silenced);
}
