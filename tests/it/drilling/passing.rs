//! A drill that gets through: it says what it is, is over by itself, and comes once.

use super::*;

#[tokio::test]
async fn it_is_told_as_a_drill_and_is_over_by_itself() {
    let relay = TestRelay::start(CONFIG).await;
    until_nine(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, ["under way"]);
    relay.pass(2);
    relay.deliver().await;
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, ["passed"]);
    let run = look(&relay, "drills/spot-page").await["runs"][0].clone();
    assert_eq!((&run["event_id"], &run["by"]), (&json!(AT_NINE), &Value::Null));
    assert_eq!(run["ended"]["took_ms"], 2000);

    relay.pass(60);
    relay.deliver().await;
    let expected = [format!("trigger {AT_NINE}"), format!("resolve {AT_NINE}")];
    assert_eq!(pages(&relay.pagerduty().received()), expected);
    let page = relay.pagerduty().received()[0].json();
    let told = "Drill: Spot interruption: m6i.large in prod-eu";
    assert_eq!(page["payload"]["summary"], told);
    assert!(page.to_string().contains("drill spot-page: this did not happen"), "{page}");
    assert_eq!(relay.slack_titles(), [told, "Drill: Resolved: Spot interruption: m6i.large in prod-eu"]);

    assert_eq!(ended(&relay, "spot-page", "passed").await, 1.0);
    assert_eq!(ended(&relay, "spot-page", "failed").await, 0.0);
    let nine = 1_795_165_200.0;
    let passed_at = relay.metric(r#"castai_relay_drill_last_success_timestamp_seconds{drill="spot-page"}"#).await;
    assert_eq!(passed_at, nine, "2026-11-20T09:00:00Z");
    assert_eq!(relay.metric(r#"castai_relay_drill_duration_seconds{drill="spot-page"}"#).await, 2.0);
}

#[tokio::test]
async fn it_comes_once_for_each_moment_and_not_for_those_that_were_missed() {
    let relay = TestRelay::start(CONFIG).await;
    until_nine(&relay).await;
    round(&relay).await;
    relay.pass(3000);
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await.len(), 1);
    // Nobody was there on the next three days, but for the last of them at ten past nine.
    relay.pass(3 * 86_400 - 2400);
    let relay = relay.restart(CONFIG).await;
    round(&relay).await;
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await.len(), 2, "the last one is made up for");
    assert!(relay.find("drill/spot-page/2026-11-23T09:00:00Z").await.is_some());
    relay.pass(86_400 + 3600);
    let relay = relay.restart(CONFIG).await;
    round(&relay).await;
    assert!(relay.find("drill/spot-page/2026-11-24T09:00:00Z").await.is_none(), "not when it is long ago");
    let next = look(&relay, "drills/spot-page").await["next"].clone();
    assert_eq!(next, "2026-11-25T09:00:00Z");
}

#[tokio::test]
async fn the_first_start_begins_nothing() {
    let relay = TestRelay::start(CONFIG).await;
    relay.pass(UNTIL_NINE + 60);
    round(&relay).await;
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, [""; 0]);
}

#[tokio::test]
async fn what_was_under_way_is_judged_by_the_next_relay() {
    let relay = TestRelay::start(CONFIG).await;
    until_nine(&relay).await;
    let relay = relay.restart(CONFIG).await;
    relay.pass(1);
    relay.deliver().await;
    let relay = relay.restart(CONFIG).await;
    relay.pass(3600);
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, ["passed"], "it was told in time, whenever that is found out");
    assert_eq!(ended(&relay, "spot-page", "passed").await, 1.0);
    let relay = relay.restart(CONFIG).await;
    round(&relay).await;
    let passed_at = relay.metric(r#"castai_relay_drill_last_success_timestamp_seconds{drill="spot-page"}"#).await;
    assert!(passed_at > 0.0, "when it last passed outlives the process");
    assert_eq!(relay.event(AT_NINE).await.deliveries.len(), 2);
}

/// The source whose event is played did nothing.
#[tokio::test]
async fn it_says_nothing_of_the_source_that_it_plays() {
    let relay = TestRelay::start(CONFIG).await;
    until_nine(&relay).await;
    let event = relay.event(AT_NINE).await.event;
    assert_eq!((event.source.as_str(), event.received_at.to_string().as_str()), ("castai", "2026-11-20T09:00:00Z"));
    for metric in
        ["received_events_total", "source_last_event_timestamp_seconds", "source_last_heard_timestamp_seconds"]
    {
        assert_eq!(relay.metric(&format!(r#"castai_relay_{metric}{{source="castai"}}"#)).await, 0.0, "{metric}");
    }
    assert_eq!(relay.metric(r#"castai_relay_routed_events_total{route="spot"}"#).await, 1.0);
}
