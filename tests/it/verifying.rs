//! Who may send: every way of proving it, each good and bad. Next: [`super::limits`].

use base64::prelude::{BASE64_STANDARD, Engine};
use castai_relay::runtime::Clock;
use castai_relay::source::verify::Verifier;
use serde_json::{Value, json};

use crate::support::bodies::{fixture, node_added};
use crate::support::http::Answer;
use crate::support::relay::{TestRelay, refusal};

const BEARER: &str = r#"{ bearer: [ "old-secret", "new-secret" ] }"#;
const HEADER: &str = r#"{ header: { name: X-Relay-Token, values: [ "old-secret", "new-secret" ] } }"#;
const BASIC: &str = r#"{ basic: { username: castai, passwords: [ "old-secret", "new-secret" ] } }"#;
const HMAC: &str =
    r#"{ hmac: { header: X-Hub-Signature-256, prefix: "sha256=", secrets: [ "old-secret", "new-secret" ] } }"#;
const WHSEC_OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const WHSEC_NEW: &str = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

async fn relay_that_wants(verify: &str) -> TestRelay {
    TestRelay::start(&format!("sources: {{ webhooks: {{ castai: {{ path: /castai/events, verify: {verify} }} }} }}"))
        .await
}

async fn send(relay: &TestRelay, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    relay.post("/castai/events", headers, body).await
}

/// The right headers, made by a sender that knows this secret.
fn proof(relay: &TestRelay, written: Value, id: &str, body: &[u8]) -> Vec<(String, String)> {
    let verifier: Verifier = serde_json::from_value(written).unwrap();
    verifier.credentials(body, id, relay.clock().now())
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Believed with either secret; not with another, not without one; and what is not believed leaves no trace.
async fn takes_either_secret(verify: &str, header: &str, write: impl Fn(&str) -> String) {
    let relay = relay_that_wants(verify).await;
    for secret in ["old-secret", "new-secret"] {
        assert_eq!(send(&relay, &[(header, &write(secret))], &node_added(secret)).await.status, 200, "{verify}");
    }
    for wrong in ["older-secret", "old-secre", "OLD-SECRET", "a-wild-guess"] {
        let answer = send(&relay, &[(header, &write(wrong))], &node_added("forged")).await;
        assert_eq!(answer.status, 401, "{verify} {wrong}");
        let echoed = ["old-secret", "new-secret", wrong].into_iter().find(|secret| answer.body.contains(*secret));
        assert_eq!(echoed, None, "{}", answer.body);
    }
    let answer = send(&relay, &[], &node_added("forged")).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"));
    assert_eq!(relay.find("forged").await, None);
    assert_eq!(relay.received("unauthorized").await, 5.0);
}

#[tokio::test]
async fn a_bearer_token_is_believed_and_both_are_while_it_is_replaced() {
    takes_either_secret(BEARER, "authorization", |secret| format!("Bearer {secret}")).await;
}

#[tokio::test]
async fn a_header_of_ones_own_is_believed_and_both_values_are_while_it_is_replaced() {
    takes_either_secret(HEADER, "x-relay-token", str::to_owned).await;
}

#[tokio::test]
async fn basic_authentication_is_believed_and_both_passwords_are_while_it_is_replaced() {
    let write = |password: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("castai:{password}")));
    takes_either_secret(BASIC, "authorization", write).await;
}

#[tokio::test]
async fn the_right_password_of_another_user_is_not_believed() {
    let relay = relay_that_wants(BASIC).await;
    let other = format!("Basic {}", BASE64_STANDARD.encode("root:old-secret"));
    assert_eq!(send(&relay, &[("authorization", &other)], &node_added("forged")).await.status, 401);
}

#[tokio::test]
async fn a_signature_is_believed_for_its_own_body_only() {
    let relay = relay_that_wants(HMAC).await;
    let body = node_added("signed");
    for secret in ["old-secret", "new-secret"] {
        let written = json!({"hmac": {"header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": [secret]}});
        let headers = proof(&relay, written, "", &body);
        assert_eq!(send(&relay, &borrowed(&headers), &body).await.status, 200);
        assert_eq!(send(&relay, &borrowed(&headers), &node_added("forged")).await.status, 401);
    }
    assert_eq!(send(&relay, &[], &body).await.status, 401);
    assert_eq!(relay.find("forged").await, None);
}

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation>
#[tokio::test]
async fn the_signature_in_github_s_manual_is_believed() {
    let relay = relay_that_wants(
        r#"{ hmac: { header: X-Hub-Signature-256, prefix: "sha256=", secrets: [ "It's a Secret to Everybody" ] } }"#,
    )
    .await;
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let answer = send(&relay, &[("X-Hub-Signature-256", signature)], b"Hello, World!").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "bad_body"), "believed, and then it is no JSON");
    let forged = send(&relay, &[("X-Hub-Signature-256", signature)], b"Hello, World?").await;
    assert_eq!(forged.status, 401);
}

#[tokio::test]
async fn a_standard_webhook_is_believed_and_its_id_becomes_the_event_s() {
    let relay = relay_that_wants(&format!(r#"{{ standard_webhooks: [ "{WHSEC_OLD}", "{WHSEC_NEW}" ] }}"#)).await;
    let body = fixture("brief/without-id.json");
    for (id, secret) in [("msg_1", WHSEC_OLD), ("msg_2", WHSEC_NEW)] {
        let headers = proof(&relay, json!({"standard_webhooks": [secret]}), id, &body);
        let answer = send(&relay, &borrowed(&headers), &body).await;
        assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)));
        assert_eq!(send(&relay, &borrowed(&headers), &node_added("forged")).await.status, 401);
    }
    let stranger = json!({"standard_webhooks": ["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]});
    let headers = proof(&relay, stranger, "msg_3", &body);
    assert_eq!(send(&relay, &borrowed(&headers), &body).await.status, 401);
    assert_eq!(relay.find("msg_3").await, None);
}

#[tokio::test]
async fn a_standard_webhook_is_believed_for_five_minutes_and_no_longer() {
    let relay = relay_that_wants(&format!(r#"{{ standard_webhooks: [ "{WHSEC_OLD}" ] }}"#)).await;
    let body = node_added("evt");
    let headers = proof(&relay, json!({"standard_webhooks": [WHSEC_OLD]}), "msg_1", &body);
    relay.pass(300);
    assert_eq!(send(&relay, &borrowed(&headers), &body).await.status, 200);
    relay.pass(1);
    let late = send(&relay, &borrowed(&headers), &body).await;
    assert_eq!(late.status, 401);
    assert!(late.body.contains("webhook-timestamp") && late.body.contains("compare both clocks"), "{}", late.body);
}

#[tokio::test]
async fn an_unverified_body_is_not_even_parsed() {
    let relay = relay_that_wants(BEARER).await;
    for body in [&b"{ this is not JSON"[..], b"[]", b""] {
        let answer = send(&relay, &[("authorization", "Bearer wrong")], body).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"));
    }
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), [""; 0], "and nothing is raised");
    assert_eq!(relay.received("body_rejected").await, 0.0);
}

/// The header that makes a POST without a body a question: would you believe me?
const PROBE: &str = "x-castai-relay-probe";

#[tokio::test]
async fn a_probe_learns_that_its_credential_fits_and_leaves_nothing_behind() {
    let whsec = format!(r#"{{ standard_webhooks: [ "{WHSEC_OLD}" ] }}"#);
    let written = [
        json!({"bearer": ["old-secret"]}),
        json!({"header": {"name": "X-Relay-Token", "values": ["old-secret"]}}),
        json!({"basic": {"username": "castai", "passwords": ["old-secret"]}}),
        json!({"hmac": {"header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": ["old-secret"]}}),
        json!({"standard_webhooks": [WHSEC_OLD]}),
    ];
    for (verify, written) in [BEARER, HEADER, BASIC, HMAC, &whsec].into_iter().zip(written) {
        let relay = relay_that_wants(verify).await;
        let good = proof(&relay, written, "probe", b"");
        let answer = send(&relay, &[&[(PROBE, "nonce-1")], &borrowed(&good)[..]].concat(), b"").await;
        assert_eq!((answer.status, answer.header(PROBE)), (204, Some("nonce-1")), "{verify}");
        let stranger = send(&relay, &[(PROBE, "nonce-2")], b"").await;
        assert_eq!((stranger.status, stranger.code().as_str(), stranger.header(PROBE)), (401, "unauthorized", None));
        relay.deliver().await;
        assert_eq!(relay.slack_titles(), [""; 0], "nothing is raised");
        assert_eq!((relay.received("probed").await, relay.received("unauthorized").await), (1.0, 1.0));
        assert_eq!((relay.received("accepted").await, relay.received("body_rejected").await), (0.0, 0.0));
    }
}

#[tokio::test]
async fn an_event_is_not_lost_by_the_header_of_a_probe() {
    let relay = relay_that_wants(BEARER).await;
    let headers = [(PROBE, "nonce"), ("authorization", "Bearer old-secret")];
    assert_eq!(send(&relay, &headers, &node_added("evt")).await.status, 200);
    assert!(relay.find("evt").await.is_some());
    assert_eq!(send(&relay, &headers, b" ").await.status, 400, "and a body of blanks is still a broken one");
}

#[tokio::test]
async fn what_verifies_nobody_must_be_written_down_to_listen_to_the_world() {
    let told = refusal("server: { listen: 0.0.0.0:0 }").await;
    insta::assert_snapshot!(told);
    let written =
        "{ server: { listen: 0.0.0.0:0 }, sources: { webhooks: { castai: { path: /castai/events, verify: none } } } }";
    assert_eq!(TestRelay::start(written).await.send(node_added("evt")).await.status, 200);
}

#[tokio::test]
async fn on_loopback_nobody_has_to_prove_anything() {
    let relay = TestRelay::start("").await;
    assert_eq!(relay.send(node_added("evt")).await.status, 200);
}
