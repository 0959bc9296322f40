//! A target that operators pause: nothing leaves for it, and everything leaves afterwards.

use super::*;

const EVENT: &str = r#"{"eventType": "node.added", "clusterName": "prod", "data": {"nodeName": "n1"}}"#;

async fn state(relay: &TestRelay, name: &str) -> String {
    look(relay, &format!("targets/{name}")).await["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_leaves_for_a_paused_target_until_it_is_resumed() {
    let relay = TestRelay::start(CONFIG).await;
    let paused = does(&relay, "targets/slack-ops/pause", json!({"by": "ada", "why": "they move"})).await;
    assert_eq!(paused["state"], "paused");
    let expected = json!({"since": "2026-11-20T08:15:31Z", "until": null, "by": "ada", "why": "they move"});
    assert_eq!((&paused["pause"], &paused["closed"]), (&expected, &Value::Null));
    relay.accept(EVENT).await;
    relay.pass(3600);
    relay.deliver().await;
    assert!(relay.slack().received().is_empty());
    let shown = look(&relay, "targets/slack-ops").await;
    assert_eq!((&shown["backlog"], &shown["oldest"]), (&json!(1), &json!("2026-11-20T08:15:31Z")));
    assert_eq!(look(&relay, "status").await["paused_targets"], json!(["slack-ops"]));
    let metrics = relay.look("/metrics").await.body;
    assert!(!metrics.contains(r#"castai_relay_target_closed{target="slack-ops",cause="refusing"} 1"#), "{metrics}");

    assert_eq!(does(&relay, "targets/slack-ops/resume", json!({"by": "bob"})).await["state"], "open");
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1);
    does(&relay, "targets/slack-ops/resume", json!({"by": "eve"})).await;
    let expected = ["target_resumed slack-ops by bob with admin", "target_paused slack-ops by ada with admin"];
    assert_eq!(acts(&relay).await, expected, "where there was nothing to do nothing was done");
}

#[tokio::test]
async fn a_pause_survives_a_restart_and_ends_at_its_time() {
    let relay = TestRelay::start(CONFIG).await;
    does(&relay, "targets/slack-ops/pause", json!({"by": "ada", "why": "they move", "for": "2h"})).await;
    relay.accept(EVENT).await;
    let relay = relay.restart(CONFIG).await;
    relay.pass(7199);
    relay.deliver().await;
    assert_eq!((state(&relay, "slack-ops").await.as_str(), relay.slack().received().len()), ("paused", 0));
    relay.pass(1);
    relay.deliver().await;
    assert_eq!((state(&relay, "slack-ops").await.as_str(), relay.slack().received().len()), ("open", 1));
    assert_eq!(acts(&relay).await.len(), 1, "acts survive a restart, too");
}

/// Whoever waits for the target is woken by the resume, and not by anything else.
#[tokio::test]
async fn a_delivery_loop_that_runs_hears_of_the_resume() {
    let mut relay = TestRelay::start(CONFIG).await;
    does(&relay, "targets/slack-ops/pause", json!({"by": "ada", "why": "they move"})).await;
    relay.accept(EVENT).await;
    relay.run_deliveries();
    does(&relay, "targets/slack-ops/resume", json!({"by": "ada"})).await;
    relay.slack().until_received(1).await;
}

#[tokio::test]
async fn what_is_paused_does_not_fall_back() {
    let config = format!("{CONFIG}\ntargets: {{ slack-ops: {{ fallback: oncall, fallback_after: 1m }} }}");
    let relay = TestRelay::start(&config).await;
    does(&relay, "targets/slack-ops/pause", json!({"by": "ada", "why": "they move"})).await;
    relay.accept(EVENT).await;
    relay.pass(7200);
    relay.deliver().await;
    assert!(relay.pagerduty().received().is_empty());
    let shown = look(&relay, "targets/slack-ops").await;
    assert_eq!(shown["fallback"], json!({"to": "oncall", "after": "1m"}));
}

#[tokio::test]
async fn a_pause_that_cannot_be_meant_is_refused_with_what_can() {
    let relay = TestRelay::start(CONFIG).await;
    let good = json!({"by": "ada", "why": "they move"});
    for (fields, code, part) in [
        (json!({"by": " "}), "not_allowed", "`by` is missing or blank"),
        (json!({"why": ""}), "not_allowed", "`why` is missing or blank"),
        (json!({"why": "x".repeat(501)}), "not_allowed", "`why` has 501 characters"),
        (json!({"for": "1h", "until": "2026-11-21T00:00:00Z"}), "not_allowed", "both are written"),
        (json!({"for": "0s"}), "not_allowed", "would be over"),
        (json!({"until": "2026-11-20T08:15:31Z"}), "not_allowed", "would be over"),
        (json!({"for": "91d"}), "not_allowed", "at most 90 days"),
        (json!({"for": 7}), "bad_body", "invalid type"),
        (json!({"untill": "x"}), "bad_body", "unknown field `untill`"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = call(&relay, "POST", "targets/slack-ops/pause", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{part}: {answer:?}");
        assert!(answer.body.contains(part), "{part}: {answer:?}");
    }
    for path in ["targets/slack-opps/pause", "targets/Slack!/pause"] {
        let answer = call(&relay, "POST", path, good.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{answer:?}");
    }
    assert_eq!(state(&relay, "slack-ops").await, "open");
    assert_eq!(acts(&relay).await, [""; 0]);
}
