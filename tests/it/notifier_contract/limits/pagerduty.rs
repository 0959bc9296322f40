//! What PagerDuty refuses of an event.

use serde_json::Value;

use super::{Faults, Received};

/// PagerDuty: <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>.
pub fn of_pagerduty(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    faults.check(received.body.len() <= 512_000, || format!("{} bytes", received.body.len()));
    let event = faults.json(received);
    faults.keys("the event", &event, &["routing_key", "event_action", "dedup_key", "payload", "client", "links"]);
    let key = event["routing_key"].as_str().unwrap_or_default();
    let is_key = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    faults.check(is_key, || "`routing_key` is not 32 letters and digits".to_owned());
    faults.text("dedup_key", &event["dedup_key"], 255);
    if event["event_action"] == "resolve" {
        faults.keys("the end of an alert", &event, &["routing_key", "event_action", "dedup_key"]);
        return faults.0;
    }
    faults.check(event["event_action"] == "trigger", || format!("event_action {}", event["event_action"]));
    for link in event["links"].as_array().into_iter().flatten() {
        faults.keys("a link", link, &["href", "text"]);
        let href = faults.text("href", &link["href"], 2000);
        faults.check(href.starts_with("http://") || href.starts_with("https://"), || format!("href {href}"));
        faults.text("a link's text", &link["text"], 1000);
    }
    check_payload(&mut faults, &event["payload"]);
    faults.0
}

fn check_payload(faults: &mut Faults, payload: &Value) {
    const OPTIONAL: [&str; 3] = ["component", "group", "class"];
    let known = ["summary", "source", "severity", "timestamp", "custom_details"];
    faults.keys("the payload", payload, &[&known[..], &OPTIONAL].concat());
    let summary = faults.text("summary", &payload["summary"], 1024);
    faults.check(!summary.contains('\n'), || format!("summary has lines: {summary}"));
    faults.text("source", &payload["source"], 1024);
    for key in OPTIONAL.iter().filter(|key| payload.get(**key).is_some()) {
        faults.text(key, &payload[*key], 1024);
    }
    let severity = payload["severity"].as_str().unwrap_or_default();
    faults.check(["critical", "error", "warning", "info"].contains(&severity), || format!("severity {severity}"));
    let time = payload["timestamp"].as_str().unwrap_or_default();
    faults.check(castai_relay::event::Timestamp::parse(time).is_some(), || format!("timestamp {time}"));
    let details = &payload["custom_details"];
    faults.check(details.is_object(), || format!("custom_details {details}"));
    // `data` is the sender's, letter by letter; the rest is ours.
    for (key, value) in details.as_object().into_iter().flatten().filter(|(key, _)| *key != "data") {
        match value.as_object() {
            Some(counts) if key == "counts" => counts.iter().for_each(|(key, lines)| check_lines(faults, key, lines)),
            _ => check_lines(faults, key, value),
        }
    }
}

/// A text, or a list of texts.
pub fn check_lines(faults: &mut Faults, key: &str, value: &Value) {
    let lines = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    lines.iter().for_each(|line| drop(faults.text(key, line, 100_000)));
}
