//! A drill leaves everything real alone: its incidents, its groups, its storms.

use super::*;

fn spot(id: &str) -> String {
    json!({"id": id, "eventType": "node.spot_interrupted", "clusterName": "prod-eu", "data": {"nodeName": "n1"}})
        .to_string()
}

fn added() -> Value {
    json!({"eventType": "node.added", "clusterName": "prod-eu", "data": {"nodeName": "n2"}})
}

#[tokio::test]
async fn it_never_touches_a_real_incident_of_the_same_key() {
    let relay = TestRelay::start(CONFIG).await;
    relay.accept(spot("real")).await;
    relay.deliver().await;
    let event = begin(&relay, "drills/spot-page/run", json!({"by": "ada"})).await;
    relay.pass(1);
    // The end of it is only played.
    begin(&relay, "drills", json!({"event": added(), "by": "ada"})).await;
    relay.deliver().await;
    relay.pass(61);
    relay.deliver().await;
    let expected = ["trigger spot/prod-eu".to_owned(), format!("trigger {event}"), format!("resolve {event}")];
    assert_eq!(pages(&relay.pagerduty().take_received()), expected);
    relay.accept(added().to_string()).await;
    relay.deliver().await;
    assert_eq!(pages(&relay.pagerduty().take_received()), ["resolve spot/prod-eu"], "it was open all the time");
}

const TOGETHER: &str = r#"
admin: { token: "a-token-for-operators" }
routes:
  - name: spot
    match: { type: node.spot_interrupted }
    notify: [slack-ops]
    group: { by: [type], wait: 10s }
    storm: { above: 3/m, interval: 10s }
"#;

#[tokio::test]
async fn it_waits_as_long_as_its_group_and_leaves_by_itself() {
    let relay = TestRelay::start(TOGETHER).await;
    relay.accept(spot("one")).await;
    begin_sample(&relay, "node.spot_interrupted").await;
    relay.accept(spot("two")).await;
    relay.pass(9);
    relay.deliver().await;
    assert!(relay.slack_titles().is_empty());
    relay.pass(1);
    relay.deliver().await;
    let mut titles = relay.slack_titles();
    titles.sort();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles[0].starts_with("2 spot interruptions"), "{titles:?}");
    assert!(titles[1].starts_with("Drill: Spot interruption"), "{titles:?}");
    round(&relay).await;
    assert_eq!(results(&relay, "on-demand").await, ["passed"]);
}

#[tokio::test]
async fn it_counts_for_no_storm_and_is_not_swept_up_in_one() {
    let relay = TestRelay::start(TOGETHER).await;
    for _ in 0..5 {
        relay.pass(1);
        begin_sample(&relay, "node.spot_interrupted").await;
    }
    relay.accept(spot("one")).await;
    relay.pass(10);
    relay.deliver().await;
    let titles = relay.slack_titles();
    assert_eq!(titles.iter().filter(|title| title.starts_with("Drill: ")).count(), 5, "{titles:?}");
    assert_eq!(titles.iter().filter(|title| title.starts_with("Storm: ")).count(), 0, "{titles:?}");
    relay.slack().take_received();

    for number in 0..5 {
        relay.accept(spot(&format!("storm-{number}"))).await;
    }
    begin_sample(&relay, "node.spot_interrupted").await;
    relay.pass(10);
    relay.deliver().await;
    let mut titles = relay.slack_titles();
    titles.sort();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles[0].starts_with("Drill: ") && titles[1].starts_with("Storm: 5 "), "{titles:?}");
}
