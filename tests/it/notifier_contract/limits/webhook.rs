//! What a receiver of Standard Webhooks refuses, and what its people would be shown otherwise than meant.

use serde_json::Value;

use super::Faults;
use crate::notifier_contract::webhook::KEYS;
use crate::support::receivers::Received;

/// A webhook's receiver: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>, and for
/// the key <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.
pub fn of_webhook(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    let payload = faults.json(received);
    faults.check(received.body.len() < 20 * 1024, || format!("{} bytes", received.body.len()));
    faults.keys("the payload", &payload, &["type", "timestamp", "data"]);
    faults.text("type", &payload["type"], 1000);
    let time = payload["timestamp"].as_str().unwrap_or_default();
    let is_time = castai_relay::event::Timestamp::parse(time).is_some();
    faults.check(is_time && time.contains('T'), || format!("timestamp {time}"));
    faults.check(payload["data"].is_object(), || format!("data {}", payload["data"]));
    let header = |name: &str| received.header(name).unwrap_or_default();
    let id = header("webhook-id");
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    faults.check(is_id, || format!("webhook-id {id}"));
    // A string of RFC 8941: the quotes are a part of it.
    faults.check(header("idempotency-key") == format!("\"{id}\""), || header("idempotency-key").to_owned());
    let seconds = header("webhook-timestamp");
    let attempt = castai_relay::event::Timestamp::parse("2026-11-20T08:20:00Z").unwrap().as_millis() / 1000;
    let is_later = seconds.parse::<i64>().is_ok_and(|seconds| (attempt - 3600..=attempt + 3600).contains(&seconds));
    faults.check(is_later, || format!("webhook-timestamp {seconds}"));
    for key in KEYS {
        faults.check(is_signed(received, key), || format!("not signed with {key}"));
    }
    check_message(&mut faults, &payload["data"]["message"]);
    faults.0
}

/// Whether one of the signatures is this key's, by an implementation that shares nothing with ours but the hash.
fn is_signed(received: &Received, key: &str) -> bool {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use sha2::{Digest, Sha256};
    const BLOCK: usize = 64;
    let key = BASE64_STANDARD.decode(key).unwrap();
    let padded = |with: u8| (0..BLOCK).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let header = |name: &str| received.header(name).unwrap_or_default();
    let head = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
    let inner = Sha256::digest([padded(0x36), head.into_bytes(), received.body.to_vec()].concat());
    let outer = Sha256::digest([padded(0x5c), inner.to_vec()].concat());
    let expected = format!("v1,{}", BASE64_STANDARD.encode(outer));
    header("webhook-signature").split(' ').any(|signature| signature == expected)
}

/// What is for people can be shown to them.
fn check_message(faults: &mut Faults, message: &Value) {
    let title = faults.text("title", &message["title"], 1000);
    faults.check(!title.contains('\n'), || format!("title has lines: {title}"));
    for key in ["text", "headline"].iter().filter(|key| message.get(**key).is_some()) {
        faults.text(key, &message[*key], 4000);
    }
    for link in message["links"].as_array().into_iter().flatten() {
        let url = faults.text("url", &link["url"], 1000);
        faults.check(url.starts_with("http://") || url.starts_with("https://"), || format!("url {url}"));
        faults.text("a link's text", &link["text"], 200);
    }
    for fact in message["facts"].as_array().into_iter().flatten() {
        faults.text("label", &fact["label"], 60);
        faults.text("value", &fact["value"], 200);
    }
}
