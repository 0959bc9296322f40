//! Who may ask for what, and that it is known who did.

use super::*;
use crate::support::relay::refusal;

#[tokio::test]
async fn a_token_for_reading_looks_at_everything_and_changes_nothing() {
    let relay = TestRelay::start(CONFIG).await;
    for path in ["status", "targets", "targets/oncall", "routes", "sources", "silences", "acts", "openapi.json"] {
        assert_eq!(call_as(&relay, READ, "GET", path, "").await.status, 200, "{path}");
    }
    let by = json!({"by": "ada"}).to_string();
    for (method, path) in [
        ("POST", "silences"),
        ("DELETE", "silences/S1?by=ada"),
        ("POST", "targets/oncall/pause"),
        ("POST", "targets/oncall/resume"),
        ("POST", "targets/oncall/test"),
        ("PUT", "status"),
        ("POST", "nowhere"),
    ] {
        let answer = call_as(&relay, READ, method, path, &by).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{method} {path}: {answer:?}");
        assert!(answer.body.contains("the token `grafana` has the role `read`"), "{answer:?}");
    }
    assert!(relay.pagerduty().received().is_empty());
    assert_eq!(acts(&relay).await, [""; 0]);
}

#[tokio::test]
async fn every_token_for_operating_may_do_everything_and_acts_are_signed_by_its_name() {
    let relay = TestRelay::start(CONFIG).await;
    let wanted = json!({"by": "ada", "why": "they move"}).to_string();
    for token in [OPERATE, "a-token-for-machines"] {
        let answer = call_as(&relay, token, "POST", "targets/slack-ops/pause", &wanted).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let expected = ["target_paused slack-ops by ada with bot", "target_paused slack-ops by ada with admin"];
    assert_eq!(acts(&relay).await, expected);
    for token in ["a-token-for-machine", "a-token-for-machiness", ""] {
        let answer = call_as(&relay, token, "GET", "status", "").await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{answer:?}");
    }
}

#[tokio::test]
async fn without_the_single_token_the_others_are_enough() {
    let relay =
        TestRelay::start(r#"admin: { tokens: [ { name: bot, role: operate, token: "a-token-for-machines" } ] }"#).await;
    assert_eq!(call_as(&relay, "a-token-for-machines", "GET", "status", "").await.status, 200);
    assert_eq!(call_as(&relay, OPERATE, "GET", "status", "").await.status, 401);
}

#[tokio::test]
async fn tokens_that_cannot_be_meant_are_told_with_their_place() {
    let role = "admin: { tokens: [ { name: bot, role: admin, token: fedcba9876543210 } ] }";
    assert!(refusal(role).await.contains("admin.tokens[0].role\n  allowed: read, operate"));
    let told = refusal(
        r#"
admin:
  token: "0123456789abcdef"
  tokens:
    - { name: grafana, role: read, token: "short" }
    - { name: grafana, role: operate, token: "0123456789abcdef" }
"#,
    )
    .await;
    for part in [
        "test.yaml:5",
        "admin.tokens[0].token",
        "at least 16 are needed",
        "test.yaml:6",
        "the same token is written as `admin.token`",
        "more than one token is called `grafana`",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("0123456789abcdef") && !told.contains("\"short\""), "{told}");
}
