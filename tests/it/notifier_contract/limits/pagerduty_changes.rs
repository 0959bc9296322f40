//! PagerDuty's change events: <https://developer.pagerduty.com/docs/send-change-event>.

use castai_relay::event::Timestamp;
use serde_json::Value;

use super::pagerduty::check_lines;
use super::{Faults, Received};

/// Nothing that belongs to an alert, and no text that is too long.
pub fn of_pagerduty_changes(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    faults.check(received.path == "/v2/change/enqueue", || format!("path {}", received.path));
    faults.check(received.body.len() <= 512_000, || format!("{} bytes", received.body.len()));
    let event = faults.json(received);
    faults.keys("the event", &event, &["routing_key", "payload", "links"]);
    let key = event["routing_key"].as_str().unwrap_or_default();
    faults.check(key.len() == 32, || "`routing_key` is not 32 letters and digits".to_owned());
    let payload = &event["payload"];
    faults.keys("the payload", payload, &["summary", "source", "timestamp", "custom_details"]);
    let summary = faults.text("summary", &payload["summary"], 1024);
    faults.check(!summary.contains('\n'), || format!("summary has lines: {summary}"));
    faults.text("source", &payload["source"], 1024);
    let time = payload["timestamp"].as_str().unwrap_or_default();
    faults.check(Timestamp::parse(time).is_some(), || format!("timestamp {time}"));
    // `data` is the sender's, letter by letter; the rest is ours.
    let details = payload["custom_details"].as_object().cloned().unwrap_or_default();
    faults.check(!details.is_empty(), || "no particulars".to_owned());
    for (key, value) in details.iter().filter(|(key, _)| !["data", "counts"].contains(&key.as_str())) {
        check_lines(&mut faults, key, value);
    }
    event["links"].as_array().into_iter().flatten().for_each(|link| check_link(&mut faults, link));
    faults.0
}

fn check_link(faults: &mut Faults, link: &Value) {
    faults.keys("a link", link, &["href", "text"]);
    let href = faults.text("href", &link["href"], 2000);
    faults.check(href.starts_with("http://") || href.starts_with("https://"), || format!("href {href}"));
    faults.text("a link's text", &link["text"], 1000);
}
