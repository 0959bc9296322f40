//! A target that is tried out: by its real notifier, past the queue, within its rate.

use std::sync::Arc;

use tokio::sync::Notify;

use super::*;
use crate::support::receivers::{Reply, says};
use crate::support::relay::title;

fn by() -> Value {
    json!({"by": "ada"})
}

#[tokio::test]
async fn a_test_says_that_it_is_one_and_how_it_went() {
    let relay = TestRelay::start(CONFIG).await;
    let tested = does(&relay, "targets/slack-ops/test", by()).await;
    assert_eq!(
        (&tested["outcome"], &tested["reason"], &tested["detail"]),
        (&json!("delivered"), &Value::Null, &Value::Null)
    );
    assert!(tested["took_ms"].is_u64(), "{tested}");
    let [message] = <[_; 1]>::try_from(relay.slack().received()).unwrap();
    assert!(title(&message).contains("TEST from castai-relay"), "{}", message.json());
    assert!(message.json().to_string().contains("nobody needs to act. ada asked for it."), "{}", message.json());
    assert_eq!(acts(&relay).await, ["target_tested slack-ops by ada with admin"]);
    assert!(relay.store.backlog().await.unwrap().is_empty(), "the queue knows nothing of it");
}

#[tokio::test]
async fn what_refuses_a_test_is_told_in_words_and_stays_as_it_stands() {
    let relay = TestRelay::start(CONFIG).await;
    relay.slack().next_replies([says(404, "no_service")]);
    let tested = does(&relay, "targets/slack-ops/test", by()).await;
    assert_eq!((&tested["outcome"], &tested["reason"]), (&json!("failed"), &json!("target_refused")));
    assert!(tested["detail"].as_str().unwrap().contains("no_service"), "{tested}");
    assert!(!tested.to_string().contains("XXXXXXXXXXXX"), "no secret is told: {tested}");
    assert_eq!(look(&relay, "targets/slack-ops").await["state"], "open");
}

#[tokio::test]
async fn an_incident_that_a_test_opens_is_ended_at_once() {
    let relay = TestRelay::start(CONFIG).await;
    assert_eq!(does(&relay, "targets/oncall/test", by()).await["outcome"], "delivered");
    let sent: Vec<Value> = relay.pagerduty().received().iter().map(|request| request.json()).collect();
    let actions: Vec<_> = sent.iter().map(|event| event["event_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    assert_eq!(sent[0]["dedup_key"], sent[1]["dedup_key"]);
    relay.pagerduty().take_received();
    relay.pagerduty().next_replies([says(400, r#"{"status":"invalid event","errors":["no"]}"#)]);
    assert_eq!(does(&relay, "targets/oncall/test", by()).await["outcome"], "failed");
    assert_eq!(relay.pagerduty().received().len(), 1, "where nothing began there is nothing to end");
}

#[tokio::test]
async fn an_incident_that_a_test_opens_is_ended_although_nobody_waits_for_it_any_more() {
    let relay = TestRelay::start(&format!("{CONFIG}\nserver: {{ request_timeout: 200ms }}")).await;
    let (let_go, taken) =
        (Arc::new(Notify::new()), r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#);
    relay.pagerduty().next_replies([Reply::When(let_go.clone(), Box::new(says(202, taken)))]);
    let answer = call(&relay, "POST", "targets/oncall/test", by()).await;
    assert_eq!(answer.status, 503, "whoever asked was sent away: {answer:?}");
    let_go.notify_one();
    relay.pagerduty().until_received(2).await;
    assert_eq!(relay.pagerduty().received()[1].json()["event_action"], "resolve");
}

#[tokio::test]
async fn an_incident_that_a_test_could_not_end_is_said_to_be_open() {
    let relay = TestRelay::start(CONFIG).await;
    let taken = r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#;
    relay.pagerduty().next_replies([says(202, taken), says(500, "busy")]);
    let tested = does(&relay, "targets/oncall/test", by()).await;
    assert_eq!(tested["outcome"], "failed");
    assert!(tested["detail"].as_str().unwrap().starts_with("the test incident may still be open"), "{tested}");
}

#[tokio::test]
async fn a_paused_target_can_be_tested() {
    let relay = TestRelay::start(CONFIG).await;
    does(&relay, "targets/slack-ops/pause", json!({"by": "ada", "why": "they move"})).await;
    assert_eq!(does(&relay, "targets/slack-ops/test", by()).await["outcome"], "delivered");
    assert_eq!(look(&relay, "targets/slack-ops").await["state"], "paused");
}

#[tokio::test]
async fn a_target_is_tested_no_faster_than_it_takes_messages() {
    let relay = TestRelay::start(&format!("{CONFIG}\ntargets: {{ slack-ops: {{ rate: 1/m, burst: 1 }} }}")).await;
    for _ in 0..2 {
        does(&relay, "targets/slack-ops/test", by()).await;
    }
    let answer = call(&relay, "POST", "targets/slack-ops/test", by()).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "too_soon"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert_eq!(relay.slack().received().len(), 2);
    relay.accept(r#"{"eventType": "node.added"}"#).await;
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 2, "what is owed waits for its turn behind them");
    relay.pass(120);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 3);
}
