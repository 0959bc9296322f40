//! An event's loose data as facts: scalars, one level of nesting, and the heart of a security anomaly.
//!
//! Bounded whatever the sender sent. Knows nothing of the kinds of event.

use serde_json::{Map, Value};

use super::Fact;
use crate::event::fields::scalar_text;

/// More than this is for the event's own page.
const MAX_PARTICULARS: usize = 8;

/// Where a runtime security anomaly keeps what matters: label, key, and the place below it. The first of its events
/// stands for all. Field names from <https://docs.cast.ai/docs/notifications>.
const ANOMALY: &[(&str, &str, &str)] = &[
    ("Rule", "rule_metadata", "/name"),
    ("Namespace", "events", "/0/resource/namespace"),
    ("Pod", "events", "/0/resource/pod"),
    ("Workload", "events", "/0/resource/workload"),
    ("Process", "events", "/0/process"),
    ("DNS question", "events", "/0/dns/question"),
];

/// The facts in `data`, except those under the keys `said` already.
pub(super) fn particulars(data: &Map<String, Value>, said: &[&str]) -> Vec<Fact> {
    let anomaly: Vec<Fact> = ANOMALY.iter().filter_map(|(label, key, place)| at(data, label, key, place)).collect();
    let told = |key: &str| !anomaly.is_empty() && ANOMALY.iter().any(|(_, told, _)| *told == key);
    let rest = data.iter().filter(|(key, _)| !said.contains(&key.as_str()) && !told(key));
    let rest: Vec<Fact> = rest.flat_map(|(key, value)| facts_of(key, value)).take(MAX_PARTICULARS).collect();
    anomaly.into_iter().chain(rest).take(MAX_PARTICULARS).collect()
}

/// The scalar under `key`, as text.
pub(super) fn scalar_at(data: &Map<String, Value>, key: &str) -> Option<String> {
    data.get(key).and_then(scalar_text)
}

fn at(data: &Map<String, Value>, label: &str, key: &str, place: &str) -> Option<Fact> {
    Fact::verbatim(label, &scalar_text(data.get(key)?.pointer(place)?)?)
}

fn facts_of(key: &str, value: &Value) -> Vec<Fact> {
    match value {
        Value::Object(nested) => {
            let facts = nested.iter().filter_map(|(inner, value)| fact(&format!("{key}.{inner}"), value));
            facts.take(MAX_PARTICULARS).collect()
        }
        _ => fact(key, value).into_iter().collect(),
    }
}

/// A scalar, or a list of scalars in one line.
fn fact(label: &str, value: &Value) -> Option<Fact> {
    let text = match value {
        Value::Array(items) => items.iter().filter_map(scalar_text).take(20).collect::<Vec<_>>().join(", "),
        _ => scalar_text(value)?,
    };
    Fact::verbatim(label, &text)
}
