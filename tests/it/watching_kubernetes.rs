//! What a cluster says of CAST AI is told once, whatever happens on the way to its API server.
//! Next: [`super::deduplicating`].

#![cfg(feature = "kubernetes")]

mod faults;
mod permissions;
mod restarts;

use castai_relay::event::Timestamp;
use serde_json::{Value, json};

use crate::support::bodies::fixture;
use crate::support::kubernetes::{ApiServer, Asked, Gone};
use crate::support::relay::{START, TestRelay};

/// A relay that watches the cluster, tells Slack everything, and does so by itself.
async fn watching(server: &ApiServer) -> TestRelay {
    let mut relay = TestRelay::start(&configuration(server, "")).await;
    relay.run_deliveries();
    relay
}

fn configuration(server: &ApiServer, more: &str) -> String {
    format!("sources: {{ kubernetes: {} }}", server.section(more))
}

/// Seconds after the relay's first start; before it, if negative.
fn at(seconds: i64) -> String {
    Timestamp::from_millis(Timestamp::parse(START).unwrap().as_millis() + seconds * 1000).to_string()
}

fn object(name: &str, uid: &str) -> Value {
    let mut object: Value = serde_json::from_slice(&fixture(&format!("kubernetes/{name}.json"))).unwrap();
    object["metadata"]["uid"] = uid.into();
    if object["kind"] == "Event" {
        object["metadata"]["name"] = uid.into();
        object["lastTimestamp"] = at(5).into();
    }
    object
}

/// The agent's pod crashed again, for the `count`th time.
fn crash(uid: &str, count: u64) -> Value {
    let mut event = object("built-castai-agent-backoff", uid);
    event["count"] = count.into();
    event["reason"] = format!("BackOff-{uid}-{count}").into();
    event
}

/// A spot node that is being drained for this reason.
fn drained(uid: &str, reason: &str) -> Value {
    let mut node = object("built-node-spot-interruption", uid);
    node["metadata"]["name"] = uid.into();
    node["metadata"]["labels"]["provisioner.cast.ai/node-id"] = uid.into();
    node["metadata"]["labels"]["autoscaling.cast.ai/draining"] = reason.into();
    node
}

/// What Slack was told, once it was told this much, in the order of the alphabet.
async fn told(relay: &TestRelay, count: usize) -> Vec<String> {
    relay.slack().until_received(count).await;
    let first_word = |title: String| title.split(": ").next().unwrap_or_default().to_owned();
    let mut told: Vec<String> = relay.slack_titles().into_iter().map(first_word).collect();
    told.sort();
    told
}

/// All three lists are read and followed.
async fn until_watched(server: &ApiServer) {
    for (resource, namespaced) in [("events", true), ("events", false), ("nodes", false)] {
        let begun =
            |asked: &Asked| asked.watches() && asked.resource == resource && asked.namespace.is_some() == namespaced;
        server.until_asked(1, begun).await;
    }
}

#[tokio::test]
async fn a_crash_loop_of_the_agent_is_told() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    server.apply(object("built-castai-agent-backoff", "crash"));
    relay.slack().until_received(1).await;
    assert_eq!(relay.slack_titles(), ["BackOff: Pod castai-agent-7c9d-xyz12 in prod-eu"]);
    let event = relay.event("kubernetes/crash/7").await.event;
    assert_eq!((event.type_name(), event.source.as_str()), ("kubernetes.event", "kubernetes"));
    assert_eq!(event.severity.as_str(), "warning");
}

#[tokio::test]
async fn a_failed_upgrade_of_a_component_is_told_as_an_error() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    server.apply(object("built-castware-upgrade-failed", "upgrade"));
    assert_eq!(told(&relay, 1).await, ["UpgradeFailed"]);
    assert_eq!(relay.event("kubernetes/upgrade/1").await.event.severity.as_str(), "error");
}

#[tokio::test]
async fn the_autoscalers_event_in_another_namespace_is_told_although_its_type_is_normal() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    server.apply(object("built-autoscaler-pod-event", "pod"));
    server.apply(object("built-autoscaler-node-event-in-default-namespace", "node"));
    assert_eq!(told(&relay, 2).await, ["FailedScheduling", "NodeEvent"]);
    let event = relay.event("kubernetes/pod/1").await.event;
    assert_eq!((event.data["type"].as_str(), event.severity.as_str()), (Some("Normal"), "warning"));
}

#[tokio::test]
async fn an_event_that_is_not_cast_ais_is_not_told() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    let mut foreign = crash("foreign", 1);
    foreign["metadata"]["namespace"] = "payments".into();
    server.apply(foreign);
    server.apply(object("built-autoscaler-pod-event", "later"));
    server.apply(crash("later-too", 1));
    assert_eq!(told(&relay, 2).await, ["BackOff-later-too-1", "FailedScheduling"]);
}

#[tokio::test]
async fn an_event_that_two_watches_see_is_told_once() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    let mut both = object("built-autoscaler-pod-event", "both");
    both["metadata"]["namespace"] = "castai-agent".into();
    server.apply(both);
    server.apply(object("built-autoscaler-pod-event", "autoscaler"));
    server.apply(crash("components", 1));
    assert_eq!(told(&relay, 3).await, ["BackOff-components-1", "FailedScheduling", "FailedScheduling"]);
    assert_eq!(relay.event("kubernetes/both/1").await.conflicts, 0, "both watches give it the same body");
}

#[tokio::test]
async fn counting_up_is_news_and_listing_again_is_not() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    server.apply(crash("loop", 7));
    assert_eq!(told(&relay, 1).await, ["BackOff-loop-7"]);
    server.apply(crash("loop", 8));
    assert_eq!(told(&relay, 2).await, ["BackOff-loop-7", "BackOff-loop-8"]);
    server.forget_history(Gone::Line);
    server.until_asked(2, |asked| asked.verb() == "list" && asked.namespace.is_some()).await;
    server.apply(crash("loop", 9));
    assert_eq!(told(&relay, 3).await, ["BackOff-loop-7", "BackOff-loop-8", "BackOff-loop-9"]);
    assert_eq!(relay.event("kubernetes/loop/8").await.conflicts, 0, "listed and watched it has the same body");
}

#[tokio::test]
async fn what_happened_before_the_first_start_is_not_told() {
    let server = ApiServer::start().await;
    server.pages_of(2);
    for number in 0..5 {
        let mut old = crash(&format!("old-{number}"), 1);
        old["lastTimestamp"] = at(-1).into();
        server.apply(old);
    }
    server.apply(crash("new", 1));
    let relay = watching(&server).await;
    assert_eq!(told(&relay, 1).await, ["BackOff-new-1"]);
    let skipped = relay.metric(r#"castai_relay_kubernetes_skipped_objects_total{reason="old"}"#).await;
    assert_eq!(skipped, 5.0);
    let listed = |asked: &&Asked| asked.verb() == "list" && asked.namespace.is_some();
    assert_eq!(server.asked().iter().filter(listed).count(), 3, "page by page");
}

#[tokio::test]
async fn a_spot_node_that_is_interrupted_is_told_with_all_that_is_known_of_it() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    let mut node = drained("node-1", "spot-interruption");
    let labels = std::mem::take(&mut node["metadata"]["labels"]);
    node["metadata"]["labels"] = json!({"scheduling.cast.ai/spot": "true"});
    server.apply(node.clone());
    node["metadata"]["labels"] = labels;
    server.apply(node);
    relay.slack().until_received(1).await;
    assert_eq!(relay.slack_titles(), ["Spot interruption: m6a.xlarge in prod-eu"]);
    let event = relay.event("spot_interrupted/node-1").await.event;
    assert_eq!(event.type_name(), "node.spot_interrupted");
    let known =
        ["nodeName", "instanceType", "zone", "lifecycle"].map(|key| event.data[key].as_str().unwrap().to_owned());
    assert_eq!(known, ["node-1", "m6a.xlarge", "eu-central-1a", "spot"]);
}

#[tokio::test]
async fn a_node_that_is_drained_for_another_reason_is_not_told_until_it_is_interrupted() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    server.apply(drained("moved", "rebalancing"));
    server.apply(drained("later", "rebalancing"));
    server.apply(drained("later", "spot-interruption"));
    relay.slack().until_received(1).await;
    assert!(relay.find("spot_interrupted/later").await.is_some());
    assert!(relay.find("spot_interrupted/moved").await.is_none());
}

#[tokio::test]
async fn a_drained_node_is_told_once_however_often_it_is_sent_and_also_if_the_drain_began_before_the_start() {
    let server = ApiServer::start().await;
    let mut node = drained("node-1", "spot-interruption");
    server.apply(node.clone());
    let relay = watching(&server).await;
    relay.slack().until_received(1).await;
    for heartbeat in 0..3 {
        node["metadata"]["labels"]["heartbeat"] = heartbeat.to_string().into();
        server.apply(node.clone());
    }
    server.delete(&node);
    server.apply(drained("node-2", "spot-prediction"));
    assert_eq!(told(&relay, 2).await.len(), 2);
    let kept = relay.event("spot_interrupted/node-1").await;
    assert_eq!((kept.duplicates, kept.conflicts), (0, 0));
}
