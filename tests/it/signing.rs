//! A webhook target through the whole relay: signed so that its receiver believes it, anew in each attempt, on its schedule.
//! What a stranger's library makes of the signature is looked at in `.ci/standard-webhooks`. Next: [`super::falling_back`].

use bytes::Bytes;
use castai_relay::runtime::Clock;
use castai_relay::source::verify::{Unverified, Verifier};
use castai_relay::store::DeliveryState;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::support::bodies::node_added;
use crate::support::receivers::{Received, Receiver, says, status};
use crate::support::relay::TestRelay;

const NEW: &str = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A relay with one target, and who receives there.
async fn relay_and_receiver() -> (TestRelay, Receiver) {
    let receiver = Receiver::slack().await;
    receiver.always_replies(status(204));
    let config = format!(
        "targets: {{ ci: {{ webhook: {{ url: 'http://{}/hooks', sign: {{ standard_webhooks: [ {NEW}, {OLD} ] }} }} }} }}\n\
         routes: [ {{ name: all-news, match: {{}}, notify: [ci] }} ]",
        receiver.address
    );
    (TestRelay::start(&config).await, receiver)
}

/// Whether a receiver that knows this secret alone believes it.
fn is_believed(received: &Received, body: &Bytes, secret: &str, relay: &TestRelay) -> bool {
    let verifier: Verifier = serde_json::from_value(json!({"standard_webhooks": [secret]})).unwrap();
    let header =
        |(name, value): &(String, String)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    let headers: HeaderMap = received.headers.iter().map(header).collect();
    Unverified::new(headers, body.clone()).verify(&verifier, relay.clock().now()).is_ok()
}

#[tokio::test]
async fn a_receiver_believes_it_by_the_new_key_and_by_the_old_one_and_not_when_a_byte_was_changed() {
    let (relay, receiver) = relay_and_receiver().await;
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    let received = receiver.received().pop().unwrap();
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/hooks"));
    assert_eq!(received.json()["data"]["event"]["id"], "a");
    for secret in [NEW, OLD] {
        assert!(is_believed(&received, &received.body, secret, &relay));
    }
    let mut changed = received.body.to_vec();
    changed[10] ^= 1;
    assert!(!is_believed(&received, &changed.into(), NEW, &relay));
    assert!(!is_believed(&received, &received.body, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", &relay));
}

#[tokio::test]
async fn what_failed_comes_again_after_five_seconds_under_the_same_id_and_signed_anew() {
    let (relay, receiver) = relay_and_receiver().await;
    receiver.next_replies([status(404)]);
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    relay.pass(3);
    relay.deliver().await;
    assert_eq!(receiver.received().len(), 1, "it is a fifth early at most");
    relay.pass(4);
    relay.deliver().await;
    let [first, again] = <[Received; 2]>::try_from(receiver.received()).unwrap();
    assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
    assert_eq!(first.header("idempotency-key"), again.header("idempotency-key"));
    assert_ne!(first.header("webhook-timestamp"), again.header("webhook-timestamp"));
    assert_ne!(first.header("webhook-signature"), again.header("webhook-signature"));
    assert!(is_believed(&again, &again.body, OLD, &relay));
    assert_eq!(relay.delivery("a").await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn one_odd_message_stops_no_other_however_often_it_is_refused() {
    let (relay, receiver) = relay_and_receiver().await;
    relay.accept(node_added("odd")).await;
    // Each longer than the schedule's wait, and shorter than the next one.
    for (round, seconds) in [0, 7, 361, 2200, 8700, 21_700].into_iter().enumerate() {
        relay.pass(seconds);
        receiver.next_replies([says(422, "no such node")]);
        relay.deliver().await;
        assert_eq!(receiver.received().len(), 2 * round + 1, "the odd one alone is due");
        let news = format!("news-{round}");
        relay.accept(node_added(&news)).await;
        relay.deliver().await;
        assert_eq!(relay.delivery(&news).await.state, DeliveryState::Delivered, "{round}");
    }
    assert_eq!(relay.delivery("odd").await.attempts, 6);
    assert_eq!(relay.metric(r#"castai_relay_target_closed{target="ci",cause="failing"}"#).await, 0.0);
}

#[tokio::test]
async fn a_receiver_that_is_gone_closes_its_target_and_loses_nothing() {
    let (relay, receiver) = relay_and_receiver().await;
    receiver.next_replies([status(410)]);
    relay.accept(node_added("a")).await;
    relay.accept(node_added("b")).await;
    relay.deliver().await;
    assert_eq!(relay.metric(r#"castai_relay_target_closed{target="ci",cause="refusing"}"#).await, 1.0);
    assert_eq!(relay.delivery("a").await.state, DeliveryState::Pending);
    for _ in 0..2 {
        relay.pass(301);
        relay.deliver().await;
    }
    for event in ["a", "b"] {
        assert_eq!(relay.delivery(event).await.state, DeliveryState::Delivered, "{event}");
    }
}
