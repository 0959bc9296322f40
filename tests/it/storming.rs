//! The worst night: ten thousand interruptions in ten minutes over fifty clusters, and a target that is dead for six hours.
//!
//! Whoever is told must be able to read it, nobody is told faster than they take it, and the others notice nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity};
use castai_relay::names::{EventId, SourceName};
use castai_relay::runtime::Clock;
use castai_relay::store::DeliveryState;
use serde_json::{Value, json};

use crate::support::receivers::{Received, status};
use crate::support::relay::{TestRelay, title};

/// As the README recommends: Slack hears of groups and storms, PagerDuty has an incident for each cluster.
const STORM: &str = r#"
targets:
  slack-ops: { rate: 1/s }
  oncall: { rate: 2/s, burst: 20 }
routes:
  - name: interruptions
    match: { type: node.spot_interrupted }
    notify: [slack-ops]
    group: { by: [cluster], wait: 10s, interval: 1m, max_events: 1000 }
    storm: { above: 30/m, never: { severity: critical }, interval: 1m }
  - name: pages
    match: { type: node.spot_interrupted }
    notify: [oncall]
    group: { by: [cluster], wait: 10s, interval: 5m, max_events: 1000 }
    incident: { key: "spot/{{ event.cluster.id }}", severity: error, resolve_when: { type: node.added }, resolve_after: 2h }
"#;

fn happened(number: usize, event_type: &str, relay: &TestRelay) -> Event {
    let cluster = number % 50;
    let types = ["m6i.2xlarge", "c5.xlarge", "r6g.4xlarge"];
    let zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];
    let data = json!({
        "nodeName": format!("ip-10-{cluster}-{number}"), "instanceType": types[number % 3],
        "zone": zones[number % 7 % 3], "lifecycle": "spot", "action": "spot-interruption",
    });
    let data = data.as_object().unwrap().clone();
    let now = relay.clock().now();
    Event {
        id: EventId::from_sender(None, &format!("{event_type}-{number}")),
        source: SourceName::parse("castai").unwrap(),
        kind: CastAIEvent::read(event_type, &data, &mut vec![]),
        severity: Severity::Warning,
        organization: None,
        cluster: Cluster {
            id: Some(format!("00000000-0000-0000-0000-0000000000{cluster:02}")),
            name: Some(format!("prod-{cluster:02}")),
            ..Cluster::default()
        },
        category: None,
        labels: Default::default(),
        occurred_at: Some(now),
        received_at: now,
        data,
        notes: vec![],
        body: Bytes::from_static(b"{}"),
    }
}

/// Lets the time run, second by second, and yields what Slack was told, checking that it is at most one a second.
async fn live_through(relay: &TestRelay, seconds: usize, told: &mut Vec<Received>) {
    for _ in 0..seconds {
        relay.deliver().await;
        let now_told = relay.slack().take_received();
        assert!(now_told.len() <= 1, "{} messages in one second", now_told.len());
        told.extend(now_told);
        relay.pass(1);
    }
}

fn summary(message: &Received) -> Value {
    let message = message.json();
    json!({"header": message["blocks"][0]["text"]["text"], "colour": message["attachments"][0]["color"], "rest": message["attachments"][0]["blocks"]})
}

#[tokio::test]
async fn ten_thousand_interruptions_are_a_readable_story_and_one_incident_for_each_cluster() {
    let relay = TestRelay::start(STORM).await;
    let mut told = Vec::new();
    for minute in 0..10 {
        let events = (0..1000).map(|n| happened(minute * 1000 + n, "node.spot_interrupted", &relay)).collect();
        let critical =
            Event { severity: Severity::Critical, ..happened(20_000 + minute, "node.spot_interrupted", &relay) };
        relay.inbox.accept_all(events, None).await.unwrap();
        relay.inbox.accept(critical).await.unwrap();
        live_through(&relay, 60, &mut told).await;
    }
    live_through(&relay, 900, &mut told).await;

    let storms: Vec<&Received> = told.iter().filter(|message| title(message).starts_with("Storm")).collect();
    assert!((8..=15).contains(&storms.len()), "{:#?}", told.iter().map(title).collect::<Vec<_>>());
    assert!(told.len() <= 40, "ten thousand events in {} messages", told.len());
    insta::assert_json_snapshot!(summary(storms[4]));

    let pages: Vec<Value> = relay.pagerduty().received().iter().map(Received::json).collect();
    let incidents: BTreeSet<_> = pages.iter().map(|page| page["dedup_key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(incidents.len(), 50, "one incident for each cluster");
    assert!(pages.iter().all(|page| page["event_action"] == "trigger"));
    assert!(pages.len() <= 250, "{} calls for 50 incidents", pages.len());

    for cluster in 0..50 {
        relay.inbox.accept(happened(cluster, "node.added", &relay)).await.unwrap();
    }
    relay.pagerduty().take_received();
    live_through(&relay, 120, &mut told).await;
    let ends: Vec<Value> = relay.pagerduty().received().iter().map(Received::json).collect();
    assert_eq!(ends.len(), 50);
    assert!(ends.iter().all(|end| end["event_action"] == "resolve"), "{ends:?}");
    assert!(relay.store.backlog().await.unwrap().is_empty(), "everything has ended");
}

/// Slack refuses all connections as far as it can: every attempt is answered 503.
const OUTAGE: &str = r#"
targets:
  slack-ops: { rate: 5/s, burst: 5 }
  oncall: { rate: unlimited }
routes: [ { name: all-news, match: {}, notify: [slack-ops, oncall] } ]
"#;

#[tokio::test]
async fn a_target_that_is_dead_for_six_hours_harms_nobody_and_catches_up_in_order() {
    let relay = TestRelay::start(OUTAGE).await;
    relay.slack().always_replies(status(503));
    for number in 0..360 {
        relay.inbox.accept(happened(number, "node.added", &relay)).await.unwrap();
        relay.deliver().await;
        let on_time = relay.pagerduty().take_received().len();
        assert!(on_time >= 1, "the living target hears of event {number} at once");
        relay.pass(60);
    }
    let tries = relay.slack().take_received().len();
    assert!(tries <= 90, "{tries} attempts in six hours are more than the probes there may be");

    relay.slack().always_replies(crate::support::receivers::Reply::With(200, vec![], "ok".into()));
    relay.pass(300);
    let mut told = Vec::new();
    for second in 0..240 {
        if second % 40 == 20 {
            relay.inbox.accept(happened(1000 + second, "node.added", &relay)).await.unwrap();
        }
        relay.deliver().await;
        let now_told = relay.slack().take_received();
        assert!(now_told.len() <= 10, "{} messages in one second", now_told.len());
        if second % 40 == 20 {
            let fresh = format!("ip-10-{}-{}", (1000 + second) % 50, 1000 + second);
            assert!(now_told.iter().any(|message| message.json().to_string().contains(&fresh)), "fresh news first");
        }
        told.extend(now_told);
        relay.clock().advance(Duration::from_secs(1));
    }
    let backlog: Vec<usize> = told.iter().filter_map(number_of).filter(|n| *n < 1000).collect();
    assert_eq!(backlog.len(), 360, "nothing is lost");
    let (first, rest) = backlog.split_first().unwrap();
    assert!(rest.is_sorted(), "in order, after the probe with {first}: {backlog:?}");
    let states: Vec<_> = relay.event("node.added-7").await.deliveries.iter().map(|row| row.state).collect();
    assert_eq!(states, [DeliveryState::Delivered; 2]);
}

/// Of `ip-10-CLUSTER-NUMBER`.
fn number_of(message: &Received) -> Option<usize> {
    let text = message.json().to_string();
    let start = text.find("ip-10-")?;
    let name: String = text[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    name.rsplit('-').next()?.parse().ok()
}
