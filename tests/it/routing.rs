//! Who is told of what, and in which words, from the webhook to the target. Next: [`super::delivering`].

mod keeping_tables;

use serde_json::json;

use crate::support::bodies::{fixture, node_added, spot_interrupted, with};
use crate::support::relay::TestRelay;

#[tokio::test]
async fn every_route_that_matches_applies() {
    let relay = TestRelay::start(
        r#"
        routes:
          - { name: spot, match: { type: node.spot_interrupted }, notify: [oncall] }
          - { name: production, match: { cluster: "prod-*" }, notify: [slack-ops, oncall] }
        "#,
    )
    .await;
    relay.accept(spot_interrupted("both")).await;
    relay.accept(node_added("one")).await;
    relay.deliver().await;
    let owed = |deliveries: Vec<castai_relay::store::DeliveryRow>| {
        let pair = |row: &castai_relay::store::DeliveryRow| format!("{} by {}", row.owed.target, row.owed.route);
        deliveries.iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(owed(relay.event("both").await.deliveries), ["oncall by spot", "slack-ops by production"]);
    assert_eq!(owed(relay.event("one").await.deliveries), ["slack-ops by production", "oncall by production"]);
    assert_eq!((relay.slack().received().len(), relay.pagerduty().received().len()), (2, 2));
}

#[tokio::test]
async fn a_route_that_stops_is_the_last_to_apply() {
    let relay = TestRelay::start(
        r#"
        routes:
          - { name: test-clusters, match: { cluster: "test-*" }, notify: [slack-ops], stop: true }
          - { name: everything, match: {}, notify: [oncall] }
        "#,
    )
    .await;
    relay.accept(with(&node_added("test"), json!({"clusterName": "test-eu"}))).await;
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), relay.pagerduty().received().len()), (1, 0));
    relay.accept(node_added("prod")).await;
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), relay.pagerduty().received().len()), (1, 1));
}

#[tokio::test]
async fn what_no_route_takes_goes_to_the_default_targets() {
    let config = "{ routes: [ { name: spot, match: { type: node.spot_interrupted }, notify: [oncall] } ], default_targets: [slack-ops] }";
    let relay = TestRelay::start(config).await;
    relay.accept(r#"{"id":"odd","eventType":"moon.landed"}"#).await;
    relay.deliver().await;
    assert_eq!(relay.delivery("odd").await.owed.route.as_str(), "default_targets");
    assert_eq!((relay.slack().received().len(), relay.pagerduty().received().len()), (1, 0));
}

#[tokio::test]
async fn what_nobody_is_to_be_told_of_is_kept_and_counted() {
    let relay = TestRelay::start("routes: []").await;
    relay.accept(node_added("evt")).await;
    assert_eq!(relay.event("evt").await.deliveries, []);
    assert_eq!(relay.metric("castai_relay_unrouted_events_total").await, 1.0);
}

#[tokio::test]
async fn the_severity_of_a_route_reaches_pagerduty() {
    let relay = TestRelay::start(
        r#"
        routes:
          - { name: spot, match: { type: node.spot_interrupted }, notify: [oncall], severity: critical }
          - { name: the-rest, match: {}, notify: [slack-ops, oncall] }
        "#,
    )
    .await;
    relay.accept(spot_interrupted("overridden")).await;
    relay.accept(node_added("its-own")).await;
    relay.deliver().await;
    let severities =
        relay.pagerduty().received().iter().map(|page| page.json()["payload"]["severity"].clone()).collect::<Vec<_>>();
    assert_eq!(severities, [json!("critical"), json!("info")]);
}

#[tokio::test]
async fn the_words_of_a_route_reach_slack_with_their_values_escaped() {
    let relay = TestRelay::start(
        r#"
        routes:
          - name: worded
            match: {}
            notify: [slack-ops]
            message:
              title: "Node in {{ event.cluster.name }}"
              text: "*Look*: {{ event.data.nodeName }}"
              links: [ { text: Console, url: "https://console.cast.ai/{{ event.cluster.id }}" } ]
        "#,
    )
    .await;
    let hostile = json!({"clusterName": "a & b", "data": {"nodeName": "<!channel> & *co*"}});
    relay.accept(with(&node_added("evt"), hostile)).await;
    relay.deliver().await;
    let message = relay.slack().received()[0].json();
    assert_eq!(message["blocks"][0]["text"], json!({"type": "plain_text", "text": "Node in a & b", "emoji": true}));
    let said = message["attachments"][0]["blocks"].to_string();
    assert!(said.contains("*Look*: &lt;!channel&gt; &amp; "), "{said}");
    assert!(said.contains("<https://console.cast.ai/9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21|Console>"), "{said}");
    assert!(!message.to_string().contains("<!channel>"), "{message}");
}

#[tokio::test]
async fn words_that_cannot_be_rendered_cost_only_themselves() {
    let relay = TestRelay::start(
        r#"
        routes:
          - { name: worded, match: {}, notify: [slack-ops], message: { title: "{{ 1 / event.data.zero }}" } }
        "#,
    )
    .await;
    relay.accept(fixture("brief/node.added.json")).await;
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["New spot node: m6i.2xlarge"]);
    let message = relay.slack().received()[0].json().to_string();
    assert!(message.contains("The route's template for `title` failed"), "{message}");
}
