//! What `/metrics` shows: everything in the catalogue and nothing else, from zero on, and each thing once.
//! Next: [`super::tracing`].

mod catalogue;

use castai_relay::event::Timestamp;
use serde_json::json;

use crate::support::bodies::node_added;
use crate::support::receivers::{Reply, status};
use crate::support::relay::{START, TestRelay};

const ROUTES: &str = r#"
routes:
  - { name: nobody, match: { type: node.* }, notify: [] }
  - { name: nodes, match: { type: node.added }, notify: [slack-ops] }
default_targets: [oncall]
"#;

#[tokio::test]
async fn every_route_that_takes_an_event_counts_it_once_also_one_that_tells_nobody() {
    let relay = TestRelay::start(ROUTES).await;
    let routed =
        async |route: &str| relay.metric(&format!(r#"castai_relay_routed_events_total{{route="{route}"}}"#)).await;
    assert_eq!([routed("nobody").await, routed("nodes").await, routed("default_targets").await], [0.0; 3]);
    relay.accept(node_added("first")).await;
    relay.pass(60);
    relay.accept(node_added("second")).await;
    relay.send(node_added("second")).await;
    relay.accept(r#"{"id": "third", "eventType": "cluster.hibernated"}"#).await;
    assert_eq!([routed("nobody").await, routed("nodes").await, routed("default_targets").await], [2.0, 2.0, 1.0]);
}

#[tokio::test]
async fn an_event_that_came_again_is_received_twice_and_a_duplicate_once() {
    let relay = TestRelay::start("").await;
    let of_castai = async |what: &str| relay.metric(&format!(r#"castai_relay_{what}_total{{source="castai"}}"#)).await;
    assert_eq!([of_castai("received_events").await, of_castai("duplicate_events").await], [0.0, 0.0]);
    relay.accept(node_added("evt")).await;
    relay.send(node_added("evt")).await;
    assert_eq!([of_castai("received_events").await, of_castai("duplicate_events").await], [2.0, 1.0]);
    relay.send("no JSON").await;
    assert_eq!(relay.metric(r#"castai_relay_received_events_total{source="relay"}"#).await, 1.0);
}

#[tokio::test]
async fn what_is_refused_is_counted_by_the_code_of_the_answer_wherever_it_ended() {
    let relay = TestRelay::start(
        r#"sources: { webhooks: { castai: { path: /castai/events, verify: { bearer: ["token"] } } } }"#,
    )
    .await;
    let refused = async |reason: &str| {
        relay.metric(&format!(r#"castai_relay_rejected_requests_total{{reason="{reason}"}}"#)).await
    };
    for (path, headers, code) in [
        ("/castai/events", &[][..], "unauthorized"),
        ("/castai/events", &[("authorization", "Bearer token")], "bad_body"),
        ("/elsewhere", &[], "not_found"),
    ] {
        assert_eq!(refused(code).await, 0.0, "{code}");
        let answer = relay.post(path, headers, "no JSON").await;
        assert_eq!(answer.json()["error"]["code"], code);
        assert_eq!(refused(code).await, 1.0, "{code}");
    }
    relay.look("/elsewhere").await;
    assert_eq!(refused("not_found").await, 1.0, "nobody sends events to the admin listener");
}

#[tokio::test]
async fn how_late_a_target_is_told_counts_from_the_event_and_from_its_arrival_once_for_each_delivery() {
    let relay = TestRelay::start("routes: [ { name: news, notify: [slack-ops], group: { by: [], wait: 20s } } ]").await;
    let happened = Timestamp::from_millis(Timestamp::parse(START).unwrap().as_millis() - 10_000);
    let body = |id: &str| json!({"id": id, "eventType": "node.added", "timestamp": happened.to_string()}).to_string();
    relay.slack().next_replies([status(500)]);
    for id in ["first", "second", "third"] {
        relay.accept(body(id)).await;
    }
    let measured = async |what: &str| {
        let of = |part: &str| format!(r#"castai_relay_delivery_{what}_seconds_{part}{{target="slack-ops"}}"#);
        (relay.metric(&of("count")).await, relay.metric(&of("sum")).await)
    };
    assert_eq!((measured("latency").await, measured("lateness").await), ((0.0, 0.0), (0.0, 0.0)));
    relay.pass(20);
    relay.deliver().await;
    assert_eq!(measured("latency").await.0, 0.0, "the first attempt failed");
    relay.pass(40);
    relay.deliver().await;
    assert_eq!(measured("latency").await, (3.0, 180.0));
    assert_eq!(measured("lateness").await, (3.0, 210.0));
}

#[tokio::test]
async fn what_the_relay_reports_while_it_delivers_is_counted_as_every_event() {
    let relay = TestRelay::start("routes: [ { name: news, match: { type: node.added }, notify: [slack-ops] } ]").await;
    relay.slack().always_replies(status(404));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    let paused = r#"castai_relay_accepted_events_total{type="relay.target_paused"}"#;
    assert_eq!(relay.metric(paused).await, 1.0);
    assert_eq!(relay.metric(r#"castai_relay_routed_events_total{route="default_targets"}"#).await, 1.0);
    assert_eq!(relay.metric("castai_relay_unrouted_events_total").await, 1.0);
}

#[tokio::test]
async fn a_target_that_wants_patience_says_how_long() {
    let relay = TestRelay::start("").await;
    let wait = r#"castai_relay_target_wait_seconds{target="slack-ops"}"#;
    relay.slack().next_replies([Reply::With(429, vec![("retry-after", "90".into())], String::new())]);
    relay.accept(node_added("evt")).await;
    assert_eq!(relay.metric(wait).await, 0.0);
    relay.deliver().await;
    relay.pass(30);
    let left = relay.metric(wait).await;
    assert!((60.0..75.0).contains(&left), "a little jitter is added to what it asked for: {left}");
    relay.pass(75);
    assert_eq!(relay.metric(wait).await, 0.0);
}

#[tokio::test]
async fn the_lag_of_a_source_grows_from_when_it_was_heard_and_leaves_out_when_we_were_away() {
    let relay = TestRelay::start("").await;
    let lag = r#"castai_relay_source_lag_seconds{source="castai"}"#;
    relay.pass(50);
    assert_eq!(relay.metric(lag).await, 50.0, "never heard, and listened to for so long");
    relay.accept(node_added("evt")).await;
    assert_eq!(relay.metric(lag).await, 0.0);
    relay.pass(100);
    assert_eq!(relay.metric(lag).await, 100.0);
    relay.poll("relay").await.unwrap();
    let clock = relay.clock().clone();
    let relay = relay.restart("").await;
    clock.advance(std::time::Duration::from_secs(7));
    assert_eq!(relay.metric(lag).await, 107.0);
}

#[tokio::test]
async fn the_configuration_in_force_says_when_it_was_read() {
    let relay = TestRelay::start("").await;
    relay.pass(1000);
    assert_eq!(relay.metric("castai_relay_config_last_reload_successful").await, 1.0);
    let read_at = relay.metric("castai_relay_config_last_reload_success_timestamp_seconds").await;
    assert_eq!(read_at, Timestamp::parse(START).unwrap().as_millis() as f64 / 1000.0);
}

#[tokio::test]
async fn a_commit_says_how_many_writes_it_carried() {
    let relay = TestRelay::start("").await;
    relay.accept(node_added("evt")).await;
    let commits = relay.metric("castai_relay_store_commits_total").await;
    assert!(commits >= 1.0);
    assert_eq!(relay.metric("castai_relay_store_writes_per_commit_count").await, commits);
    let writes = relay.metric("castai_relay_store_writes_total").await;
    assert_eq!(relay.metric("castai_relay_store_writes_per_commit_sum").await, writes);
}
