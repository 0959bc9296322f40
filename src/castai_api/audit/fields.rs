//! Takes a record apart, field by field: what is of use goes to its place, everything else stays.
//!
//! Total: a field of another form than expected stays where it is. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Party;
use crate::event::fields::{is_absent, scalar_text};
use crate::event::{Severity, Timestamp};

/// A record on its way into an operation.
pub(super) struct Fields {
    left: Map<String, Value>,
    notes: Vec<String>,
}

impl Fields {
    pub(super) fn new(record: Map<String, Value>) -> Self {
        Self { left: record, notes: Vec::new() }
    }

    /// A word, a number, an id: anything but a list or an object.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let text = scalar_text(self.left.get(key)?);
        if text.is_some() || self.left.get(key).is_some_and(is_absent) {
            self.left.remove(key);
        }
        text
    }

    /// A time; what cannot be read as one stays, with a note.
    pub(super) fn time(&mut self, key: &str) -> Option<Timestamp> {
        /// What Go and protobuf write for "never".
        const ZERO: [&str; 2] = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"];
        let text = scalar_text(self.left.get(key)?)?;
        let time = Timestamp::parse(&text);
        match time {
            Some(_) => {
                self.left.remove(key);
            }
            None => self.notes.push(format!("`{key}` is not a time")),
        }
        time.filter(|_| !ZERO.contains(&text.as_str()))
    }

    /// Somebody or something: an object of these four words. What else is in it stays.
    pub(super) fn party(&mut self, key: &str, words: [&str; 4]) -> Party {
        let Some(Value::Object(object)) = self.left.get_mut(key) else { return Party::default() };
        let [kind, id, name, email] = words.map(|word| {
            let text = scalar_text(object.get(word)?);
            text.inspect(|_| {
                object.remove(word);
            })
        });
        object.retain(|_, value| !is_absent(value));
        if object.is_empty() {
            self.left.remove(key);
        }
        Party { kind, id, name, email }
    }

    /// A map of anything.
    pub(super) fn map(&mut self, key: &str) -> Map<String, Value> {
        match self.left.get_mut(key) {
            Some(Value::Object(map)) => {
                let map = std::mem::take(map);
                self.left.remove(key);
                map
            }
            _ => Map::new(),
        }
    }

    /// Anything at all; a text that is JSON, or JSON in base64, as what it says.
    pub(super) fn decoded(&mut self, key: &str) -> Option<Value> {
        let value = self.left.remove(key).filter(|value| !is_absent(value))?;
        Some(match value {
            Value::String(text) => decoded(text),
            other => other,
        })
    }

    /// How bad it is, by number, else by word.
    pub(super) fn severity(&mut self, number: &str, word: &str) -> Option<Severity> {
        let (number, word) = (self.text(number), self.text(word));
        let by_number = number.as_deref().and_then(|number| number.parse().ok()).and_then(severity_of_number);
        let severity = by_number.or_else(|| severity_of_word(word.as_deref()?));
        let given = word.or(number);
        if let (None, Some(given)) = (severity, given) {
            self.notes.push(format!("unknown severity `{given}`; the default of the kind is taken"));
        }
        severity
    }

    /// What is left, and the notes.
    pub(super) fn rest(mut self) -> (Map<String, Value>, Vec<String>) {
        self.left.retain(|_, value| !is_absent(value));
        (self.left, self.notes)
    }
}

/// The first of these words that says something in this map.
pub(super) fn first_text(map: &Map<String, Value>, words: &[&str]) -> Option<String> {
    words.iter().find_map(|word| scalar_text(map.get(*word)?))
}

fn decoded(text: String) -> Value {
    let from_base64 = STANDARD.decode(text.trim()).ok();
    let from_base64 = from_base64.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    from_base64.or_else(|| serde_json::from_str(&text).ok()).unwrap_or(Value::String(text))
}

/// OpenTelemetry's numbers, <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>.
fn severity_of_number(number: u32) -> Option<Severity> {
    match number {
        1..=12 => Some(Severity::Info),
        13..=16 => Some(Severity::Warning),
        17..=20 => Some(Severity::Error),
        21..=24 => Some(Severity::Critical),
        _ => None,
    }
}

fn severity_of_word(word: &str) -> Option<Severity> {
    match word.to_ascii_lowercase().as_str() {
        "trace" | "debug" => Some(Severity::Info),
        "warn" => Some(Severity::Warning),
        "fatal" => Some(Severity::Critical),
        word => word.parse().ok(),
    }
}
