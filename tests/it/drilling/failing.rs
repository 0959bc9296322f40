//! A drill that does not get through: that is told once, with who was not told and why.

use super::*;
use crate::support::receivers::{says, status};

/// What was told of failed drills, as stored.
async fn report(relay: &TestRelay, event: &str) -> Value {
    let story = relay.event(&format!("drill_failed/{event}")).await;
    assert_eq!((story.event.type_name(), story.event.severity.as_str()), ("relay.drill_failed", "error"));
    assert_eq!(story.event.drill(), None, "what is told of a drill is real");
    Value::Object(story.event.data)
}

#[tokio::test]
async fn a_target_that_refuses_makes_it_fail_and_is_named() {
    let relay = TestRelay::start(CONFIG).await;
    relay.pagerduty().always_replies(says(400, r#"{"status":"invalid event","errors":["no"]}"#));
    until_nine(&relay).await;
    relay.deliver().await;
    round(&relay).await;
    let results = results(&relay, "spot-page").await;
    assert!(results[0].starts_with("failed: oncall: given up, message_refused: answered 400"), "{results:?}");
    let report = report(&relay, AT_NINE).await;
    assert_eq!(
        (&report["drill"], &report["target"], &report["route"]),
        (&json!("spot-page"), &json!("oncall"), &json!("spot"))
    );
    assert_eq!(report["event_id"], AT_NINE);
    assert!(report["hint"].as_str().unwrap().contains("targets list"), "{report}");
    assert_eq!(ended(&relay, "spot-page", "failed").await, 1.0);
    relay.pass(60);
    round(&relay).await;
    relay.deliver().await;
    let titles = relay.slack_titles();
    let of = |title: &str| titles.iter().filter(|told| *told == title).count();
    assert_eq!(of("Drill spot-page failed"), 1, "{titles:?}");
    assert_eq!(of("Delivery to oncall given up: message_refused"), 1, "{titles:?}");
    assert!(relay.find(&format!("drill_failed/drill_failed/{AT_NINE}")).await.is_none());
}

#[tokio::test]
async fn one_that_takes_too_long_has_failed_though_it_is_told_later() {
    let relay = TestRelay::start(CONFIG).await;
    relay.pagerduty().always_replies(status(500));
    until_nine(&relay).await;
    relay.deliver().await;
    relay.pass(299);
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, ["under way"]);
    relay.pass(1);
    round(&relay).await;
    let failed = results(&relay, "spot-page").await;
    assert!(failed[0].starts_with("failed: oncall: not told within 5m; the last attempt: answered 500"), "{failed:?}");
    report(&relay, AT_NINE).await;
    relay.pagerduty().always_replies(status(202));
    relay.pass(600);
    relay.deliver().await;
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, failed, "the verdict stands");
}

#[tokio::test]
async fn where_no_route_takes_it_it_fails_at_once() {
    let relay = TestRelay::start(CONFIG).await;
    let event = begin(&relay, "drills", json!({"event": {"eventType": "cluster.hibernated"}, "by": "ada"})).await;
    round(&relay).await;
    let expected = "failed: it is owed to nobody: no route takes it, or the one that does tells nobody";
    assert_eq!(results(&relay, "on-demand").await, [expected]);
    assert!(report(&relay, &event).await["hint"].as_str().unwrap().contains("route test"));
    let relay = relay.restart(&format!("{CONFIG}\ndefault_targets: [console]")).await;
    relay.pass(1);
    begin(&relay, "drills", json!({"event": {"eventType": "cluster.hibernated"}, "by": "ada"})).await;
    round(&relay).await;
    let expected = "failed: no route takes it: it goes to `default_targets`";
    assert_eq!(results(&relay, "on-demand").await[0], expected);
}

#[tokio::test]
async fn a_fallback_that_is_told_does_not_make_it_pass() {
    let config = format!("{CONFIG}\ntargets: {{ oncall: {{ fallback: console }} }}");
    let relay = TestRelay::start(&config).await;
    relay.pagerduty().always_replies(says(400, "no"));
    until_nine(&relay).await;
    relay.deliver().await;
    round(&relay).await;
    let results = results(&relay, "spot-page").await;
    assert!(
        results[0].starts_with("failed: oncall: ") && results[0].ends_with("; it fell back to console"),
        "{results:?}"
    );
}

#[tokio::test]
async fn whoever_is_silent_on_purpose_is_not_complained_of() {
    let relay = TestRelay::start(CONFIG).await;
    let silence =
        json!({"match": {"labels.drill": "*"}, "targets": ["oncall"], "for": "2h", "by": "ada", "why": "a quiet day"});
    assert_eq!(call(&relay, "POST", "silences", silence).await.status, 201);
    until_nine(&relay).await;
    relay.deliver().await;
    round(&relay).await;
    let results = results(&relay, "spot-page").await;
    assert!(results[0].starts_with("silenced: oncall: ") && results[0].contains("a quiet day"), "{results:?}");
    assert_eq!(relay.pagerduty().received().len(), 0);
    assert_eq!(relay.slack_titles().len(), 1, "the others are told");
    assert!(relay.find(&format!("drill_failed/{AT_NINE}")).await.is_none());
    assert_eq!(ended(&relay, "spot-page", "silenced").await, 1.0);
}
