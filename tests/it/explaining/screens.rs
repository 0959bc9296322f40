//! Each thing that can become of an event, and what the screen says of it.

use serde_json::json;

use super::{call, explained};
use crate::support::bodies::{node_added, spot_interrupted, with};
use crate::support::castai::lists::List;
use crate::support::receivers::{says, status};
use crate::support::relay::TestRelay;

/// Slack hears of nodes.
const NODES: &str = r#"
admin: { token: a-token-for-operators }
routes:
  - { name: interruptions, match: { type: node.spot_interrupted }, notify: [oncall] }
  - { name: nodes, match: { type: "node.*" }, notify: [slack-ops], stop: true }
"#;

/// Who is on call hears of an interruption until a node is there.
const INCIDENTS: &str = r#"
admin: { token: a-token-for-operators }
routes:
  - name: spot
    match: { type: node.spot_interrupted }
    notify: [oncall]
    incident: { key: "spot/{{ event.cluster.name }}", resolve_when: { type: node.added } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn delivered() {
    let relay = TestRelay::start(NODES).await;
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate() {
    let relay = TestRelay::start(NODES).await;
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    relay.pass(5);
    relay.send(node_added("evt-1")).await;
    relay.send(node_added("evt-1")).await;
    relay.inbox.write_repeats_down().await;
    relay.pass(5);
    relay.send(with(&node_added("evt-1"), json!({"clusterName": "prod-us"}))).await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route() {
    let relay = TestRelay::start(NODES).await;
    relay.accept(r#"{"id": "evt-1", "eventType": "cluster.deleted", "data": {"by": "ada\u001b[31m"}}"#).await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn silenced() {
    let relay = TestRelay::start(NODES).await;
    let silence = json!({"targets": ["slack-ops"], "for": "1h", "by": "ada", "why": "an upgrade"});
    assert_eq!(call(&relay, "POST", "silences", &silence.to_string()).await.status, 201);
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn grouped() {
    let routes = "routes: [ { name: nodes, match: { type: 'node.*' }, notify: [slack-ops], group: { by: [cluster], wait: 30s } } ]";
    let relay = TestRelay::start(&format!("{}\n{routes}", super::CONFIG)).await;
    for id in ["evt-1", "evt-2", "evt-3"] {
        relay.accept(node_added(id)).await;
    }
    relay.deliver().await;
    insta::assert_snapshot!("grouped_and_waiting", explained(&relay, "evt-2").await);
    relay.pass(30);
    relay.deliver().await;
    insta::assert_snapshot!("grouped_and_told", explained(&relay, "evt-2").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_the_target() {
    let relay = TestRelay::start(NODES).await;
    relay.slack().always_replies(says(404, "no_service"));
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    relay.pass(60);
    relay.accept(node_added("evt-2")).await;
    relay.deliver().await;
    insta::assert_snapshot!("waiting_for_a_closed_target", explained(&relay, "evt-2").await);
    let pause = json!({"by": "ada", "why": "Slack moves", "for": "2h"});
    assert_eq!(call(&relay, "POST", "targets/slack-ops/pause", &pause.to_string()).await.status, 200);
    insta::assert_snapshot!("waiting_for_a_paused_target", explained(&relay, "evt-2").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn retrying() {
    let relay = TestRelay::start(NODES).await;
    relay.slack().next_replies([status(503)]);
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_and_why() {
    let relay = TestRelay::start(NODES).await;
    relay.slack().next_replies([says(400, "invalid_blocks")]);
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fallback_used() {
    let relay = TestRelay::start(&format!("{NODES}\ntargets: {{ slack-ops: {{ fallback: oncall }} }}")).await;
    relay.slack().next_replies([says(400, "invalid_blocks")]);
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn resolved_by() {
    let relay = TestRelay::start(INCIDENTS).await;
    relay.accept(with(&spot_interrupted("evt-1"), json!({"timestamp": "2026-11-20T08:15:30Z"}))).await;
    relay.deliver().await;
    relay.pass(90);
    relay.accept(with(&node_added("evt-2"), json!({"timestamp": "2026-11-20T08:17:00Z"}))).await;
    relay.deliver().await;
    insta::assert_snapshot!("resolved_by_another_event", explained(&relay, "evt-1").await);
    insta::assert_snapshot!("resolves_another_event", explained(&relay, "evt-2").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn superseded() {
    let relay = TestRelay::start(INCIDENTS).await;
    relay.accept(with(&spot_interrupted("evt-1"), json!({"timestamp": "2026-11-20T08:15:30Z"}))).await;
    relay.pass(90);
    relay.accept(with(&node_added("evt-2"), json!({"timestamp": "2026-11-20T08:17:00Z"}))).await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_by_backfill() {
    let config = format!("{}\nsources: {{ notifications: {{ older_notify: [slack-ops] }} }}", super::CONFIG);
    let relay = TestRelay::start(&config).await;
    relay.poll("notifications").await.unwrap();
    relay.poll("relay").await.unwrap();
    let item = json!({
        "id": "n-1", "organizationId": "org-1", "severity": "WARNING", "name": "Pending pod", "message": "Pending pod detected",
        "details": "{\"pod\":\"web\"}", "timestamp": "2026-11-20T08:20:31Z", "createdAt": "2026-11-20T08:20:31Z", "ackAt": null,
        "isExpired": false, "clusterMetadata": { "id": "c1", "name": "prod-eu" },
        "operationMetadata": { "id": "", "type": "", "category": "Node Autoscaler" },
    });
    relay.castai().push(List::Notifications, [item]);
    relay.pass(50 * 60);
    let relay = relay.restart(&config).await;
    relay.poll("notifications").await.unwrap();
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "org-1/n-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_body() {
    let relay = TestRelay::start(NODES).await;
    let body = "{\n  \"id\": \"evt-1\",\n  \"message\": \"a \"quoted\" text\",\n  \"eventType\": \"node.added\"\n}";
    let answer = relay.send(body).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let rejected = super::look(&relay, "events?type=relay.body_rejected").await;
    insta::assert_snapshot!(explained(&relay, rejected["events"][0]["id"].as_str().unwrap()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed() {
    let relay = TestRelay::start(NODES).await;
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    relay.pass(3600);
    let body = r#"{"ids": ["evt-1"], "why": "slack was down", "by": "ada"}"#;
    assert_eq!(call(&relay, "POST", "replays", body).await.status, 201);
    relay.replay().await;
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn owed_again() {
    let relay = TestRelay::start(NODES).await;
    relay.slack().next_replies([says(400, "invalid_blocks")]);
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    relay.pass(600);
    let body = format!(r#"{{"ids": [{}], "by": "ada"}}"#, relay.delivery("evt-1").await.id);
    assert_eq!(call(&relay, "POST", "deliveries/retry", &body).await.status, 200);
    relay.deliver().await;
    insta::assert_snapshot!(explained(&relay, "evt-1").await);
}
