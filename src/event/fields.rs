//! Reading loose JSON without losing anything: absent in all its spellings, scalars of the wrong type, and notes.
//!
//! Pure. Used by the kinds of event and by the webhook's wire form; knows neither.

use serde_json::{Map, Value};

/// What Go's text/template prints for a missing variable.
const GO_NO_VALUE: &str = "<no value>";

/// True for everything a sender may write to say "nothing": null, the empty string, `<no value>`.
pub fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => matches!(text.trim(), "" | GO_NO_VALUE),
        _ => false,
    }
}

/// A scalar as text, trimmed; `None` for what is absent and for objects and lists.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        _ if is_absent(value) => None,
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A finite number; a text that reads as one, also with `%` or `$`, is taken. `None` for everything else.
pub fn scalar_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().trim_start_matches('$').trim_end_matches('%').trim().parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|number| number.is_finite())
}

/// What JSON calls the type of this value, with its article.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Reads typed fields out of an event's particulars, noting whatever is not as expected.
pub struct Fields<'a> {
    data: &'a Map<String, Value>,
    notes: &'a mut Vec<String>,
}

impl<'a> Fields<'a> {
    /// Over `data`; remarks go to `notes`.
    pub fn new(data: &'a Map<String, Value>, notes: &'a mut Vec<String>) -> Self {
        Self { data, notes }
    }

    /// A text. Numbers and booleans are taken as their text, with a note.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let value = self.data.get(key).filter(|value| !is_absent(value))?;
        if !value.is_string() {
            self.notes.push(format!("data.{key}: expected a string, got {}", type_of(value)));
        }
        scalar_text(value)
    }

    /// A number. A string that reads as one, also with `%` or `$`, is taken, with a note.
    pub fn number(&mut self, key: &str) -> Option<f64> {
        let value = self.data.get(key).filter(|value| !is_absent(value))?;
        if !value.is_number() {
            self.notes.push(format!("data.{key}: expected a number, got {}", type_of(value)));
        }
        scalar_number(value)
    }
}
