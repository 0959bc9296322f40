//! What is taken in, what is turned away, and how either is answered. Next: [`super::verifying`].

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::bodies::{BRIEF, fixture, node_added};
use crate::support::http::{Connection, ask};
use crate::support::relay::TestRelay;

/// The id of the brief's first event in the answer to it.
const ACCEPTED: &str = r#"{"received":true,"id":"evt-0001","duplicate":false}"#;

const TWO_SOURCES: &str = r#"
sources:
  webhooks:
    castai: { path: /castai/events }
    security: { path: /castai/events/security, labels: { category: Security, team: sec }, verify: { bearer: [ "sec-token" ] } }
routes:
  - { name: security, match: { category: Security }, notify: [oncall] }
  - { name: the-rest, match: { source: castai }, notify: [slack-ops] }
"#;

#[tokio::test]
async fn the_four_events_of_the_brief_are_accepted() {
    let relay = TestRelay::start("").await;
    for (number, name) in (1..).zip(BRIEF) {
        let answer = relay.send(fixture(name)).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.body, format!(r#"{{"received":true,"id":"evt-000{number}","duplicate":false}}"#));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(relay.event(&format!("evt-000{number}")).await.event.body, fixture(name));
    }
    assert_eq!(relay.received("accepted").await, 4.0);
    assert_eq!(relay.metric(r#"castai_relay_accepted_events_total{type="node.added"}"#).await, 1.0);
}

#[tokio::test]
async fn the_content_type_plays_no_part() {
    for headers in [&[][..], &[("content-type", "application/octet-stream")], &[("content-type", "text/plain")]] {
        let relay = TestRelay::start("").await;
        let answer = relay.post("/castai/events", headers, fixture(BRIEF[0])).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ACCEPTED), "{headers:?}");
    }
}

#[tokio::test]
async fn each_source_has_its_own_path_labels_and_verification() {
    let relay = TestRelay::start(TWO_SOURCES).await;
    assert_eq!(relay.send(node_added("open")).await.status, 200);
    let secured = "/castai/events/security";
    assert_eq!(relay.post(secured, &[], node_added("closed")).await.status, 401);
    let proof = [("authorization", "Bearer sec-token")];
    assert_eq!(relay.post(secured, &proof, node_added("closed")).await.status, 200);

    let (open, closed) = (relay.event("open").await, relay.event("closed").await);
    assert_eq!((open.event.source.as_str(), open.event.category.as_deref()), ("castai", None));
    assert_eq!((closed.event.source.as_str(), closed.event.category.as_deref()), ("security", Some("Security")));
    assert_eq!(closed.event.labels["team"], "sec");
    assert_eq!(open.deliveries[0].owed.target.as_str(), "slack-ops");
    assert_eq!(closed.deliveries[0].owed.target.as_str(), "oncall");
}

#[tokio::test]
async fn every_refusal_is_json_with_a_code_a_message_and_a_hint() {
    let relay = TestRelay::start(
        r#"
        server: { body_limit: 1KiB, body_timeout: 100ms }
        sources: { webhooks: { castai: { path: /castai/events, verify: { bearer: [ "right" ] } } } }
        "#,
    )
    .await;
    let proof = [("authorization", "Bearer right")];
    let mut slow = Connection::open(relay.public).await;
    slow.write("POST /castai/events HTTP/1.1\r\nhost: relay\r\ncontent-length: 10\r\n\r\n{").await;
    let refusals = [
        ask(relay.public, "POST", "/elsewhere", &[], b"{}").await,
        ask(relay.public, "GET", "/castai/events", &[], b"").await,
        relay.send("{}").await,
        relay.post("/castai/events", &proof, "{").await,
        relay.post("/castai/events", &proof, vec![b' '; 1025]).await,
        slow.answer().await.unwrap(),
    ];
    assert!(refusals.iter().all(|refusal| refusal.header("content-type") == Some("application/json")));
    assert_eq!(refusals[1].header("allow"), Some("POST"), "RFC 9110, 15.5.6 asks for it");
    insta::assert_json_snapshot!(refusals.map(|refusal| json!([refusal.status, refusal.json()])));
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_with_the_place_and_the_cure() {
    let relay = TestRelay::start("").await;
    let mut refusals = Vec::new();
    for body in
        [fixture("webhook/rendered/built-BROKEN-newline-in-message.txt"), "[1]".into(), "\n 42".into(), Bytes::new()]
    {
        let refusal = relay.send(body).await;
        assert_eq!(refusal.status, 400);
        refusals.push(refusal.json());
    }
    assert_eq!(relay.received("body_rejected").await, 4.0);
    insta::assert_json_snapshot!(refusals);
}

#[tokio::test]
async fn a_refused_body_is_kept_byte_for_byte_and_raised_once_a_day() {
    let relay = TestRelay::start("").await;
    let broken = fixture("webhook/rendered/built-BROKEN-newline-in-message.txt");
    for _ in 0..3 {
        assert_eq!(relay.send(&broken).await.status, 400);
    }
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 1, "{:?}", relay.slack_titles());
    assert_eq!(relay.received("body_rejected").await, 3.0);

    let message = relay.slack().received()[0].json().to_string();
    assert!(message.contains("event body_rejected/castai/2026-11-20/"), "{message}");
    let kept = relay.event(&rejected_id(&broken, "2026-11-20")).await.event;
    assert_eq!((kept.type_name(), &kept.body), ("relay.body_rejected", &broken));
    assert_eq!((&kept.data["line"], &kept.data["column"]), (&json!(7), &json!(1)), "{:?}", kept.data);

    relay.pass(24 * 3600);
    assert_eq!(relay.send(&broken).await.status, 400);
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 2, "another day, another message");
    assert!(relay.find(&rejected_id(&broken, "2026-11-21")).await.is_some());
}

/// The id under which a refused body is kept: made of the source, the day and the body.
fn rejected_id(body: &[u8], day: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = castai_relay::names::hex(&Sha256::digest(body)[..8]);
    format!("body_rejected/castai/{day}/{digest}")
}

#[tokio::test]
async fn an_event_of_an_unknown_kind_is_accepted_with_all_its_fields() {
    let relay = TestRelay::start("").await;
    relay.accept(r#"{"id":"odd","eventType":"moon.landed","crew":2,"data":{"site":"tranquility"}}"#).await;
    let event = relay.event("odd").await.event;
    assert_eq!((event.type_name(), &event.data["site"]), ("moon.landed", &json!("tranquility")));
    assert_eq!(relay.metric(r#"castai_relay_accepted_events_total{type="other"}"#).await, 1.0);
}

#[tokio::test]
async fn many_events_may_come_over_one_http_1_connection() {
    let relay = TestRelay::start("").await;
    let mut connection = Connection::open(relay.public).await;
    for id in ["a", "b", "c"] {
        connection.request("POST", "/castai/events", &[], &node_added(id)).await;
        let answer = connection.answer().await.unwrap();
        assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)));
    }
    connection.request("GET", "/nowhere", &[], b"").await;
    assert_eq!(connection.answer().await.unwrap().status, 404);
    connection.request("POST", "/castai/events", &[], &node_added("d")).await;
    assert_eq!(connection.answer().await.unwrap().status, 200, "a refusal does not end the connection");
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_too() {
    let relay = TestRelay::start("").await;
    let stream = TokioIo::new(TcpStream::connect(relay.public).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let post = |body| {
        let uri = format!("http://{}/castai/events", relay.public);
        Request::post(uri).body(Full::new(body)).unwrap()
    };
    let both = (sender.send_request(post(node_added("a"))), sender.clone().send_request(post(node_added("b"))));
    for answer in [both.0.await.unwrap(), both.1.await.unwrap()] {
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(br#"{"received":true,"#), "{body:?}");
    }
    drop(sender);
    connection.await.unwrap().unwrap();
}
