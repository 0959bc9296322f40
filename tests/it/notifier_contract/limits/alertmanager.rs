//! Alertmanager: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>, and what its validation refuses.

use castai_relay::event::Timestamp;
use serde_json::Value;

use super::{Faults, Received};

/// A list of alerts, each named, none over before it began.
pub fn of_alertmanager(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    faults.check(received.path.ends_with("/api/v2/alerts"), || format!("path {}", received.path));
    let alerts = faults.json(received).as_array().cloned().unwrap_or_default();
    faults.check((1..=21).contains(&alerts.len()), || format!("{} alerts", alerts.len()));
    alerts.iter().for_each(|alert| check_alert(&mut faults, alert));
    faults.0
}

fn check_alert(faults: &mut Faults, alert: &Value) {
    faults.keys("an alert", alert, &["labels", "annotations", "startsAt", "endsAt", "generatorURL"]);
    let labels = alert["labels"].as_object().cloned().unwrap_or_default();
    faults.check(labels.contains_key("alertname") && labels.contains_key("severity"), || format!("{labels:?}"));
    for (name, value) in &labels {
        check_name(faults, name);
        let value = faults.text(name, value, 255);
        faults.check(!value.contains(['\n', '\t']), || format!("{name} has lines: {value}"));
    }
    faults.keys("the annotations", &alert["annotations"], &["summary", "description", "about"]);
    faults.text("summary", &alert["annotations"]["summary"], 1024);
    for name in ["description", "about"].iter().filter(|name| alert["annotations"].get(**name).is_some()) {
        faults.text(name, &alert["annotations"][*name], 16_384);
    }
    let time = |key: &str| Timestamp::parse(alert[key].as_str().unwrap_or_default());
    let (starts, ends) = (time("startsAt"), time("endsAt"));
    faults.check(starts.is_some() && starts <= ends, || format!("from {starts:?} to {ends:?}"));
    if let Some(url) = alert.get("generatorURL") {
        let url = faults.text("generatorURL", url, 1000);
        let is_url = url.starts_with("https://") || url.starts_with("http://");
        faults
            .check(is_url && url.is_ascii() && !url.contains([' ', '"', '<', '>', '{', '}']), || format!("URL {url}"));
    }
}

/// As releases before 0.27 want it.
fn check_name(faults: &mut Faults, name: &str) {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    faults.check(starts_well && is_word, || format!("`{name}` is no name"));
}
