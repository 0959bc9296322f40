//! Reading loose JSON without losing anything: absent in all its spellings, scalars of the wrong type, and notes.
//!
//! Pure. Used by the kinds of event and by the webhook's wire form; knows neither.

use rust_decimal::Decimal;
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

/// The largest sum of money or share that is read as one: far more than anybody spends, and far from where decimals
/// overflow when a list of them is added up.
const LARGEST_DECIMAL: i64 = 1_000_000_000_000_000;

/// An exact number; a text that reads as one, also with `%` or `$`, is taken. `None` for everything else, and for what
/// is larger than any sum of money (10¹⁵), either way.
pub fn scalar_decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::String(text) => text.trim().trim_start_matches('$').trim_end_matches('%').trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let number: Decimal = text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()?;
    (number.abs() <= Decimal::from(LARGEST_DECIMAL)).then_some(number)
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
    data: Option<&'a Map<String, Value>>,
    /// What the object is called in notes: `data`, or the place of an object below it.
    place: String,
    notes: &'a mut Vec<String>,
}

impl<'a> Fields<'a> {
    /// Over `data`; remarks go to `notes`.
    pub fn new(data: &'a Map<String, Value>, notes: &'a mut Vec<String>) -> Self {
        Self { data: Some(data), place: "data".to_owned(), notes }
    }

    /// A text. Numbers and booleans are taken as their text, with a note.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let value = self.present(key)?;
        self.expect(value.is_string(), key, "a string", value);
        scalar_text(value)
    }

    /// A number. A string that reads as one, also with `%` or `$`, is taken, with a note.
    pub fn number(&mut self, key: &str) -> Option<f64> {
        let value = self.present(key)?;
        self.expect(value.is_number(), key, "a number", value);
        scalar_number(value)
    }

    /// An exact number, best written as a string: see [`scalar_decimal`].
    pub fn decimal(&mut self, key: &str) -> Option<Decimal> {
        let value = self.present(key)?;
        let decimal = scalar_decimal(value);
        self.expect(decimal.is_some(), key, "a decimal number in a string", value);
        decimal
    }

    /// How many. A string that reads as a whole number is taken.
    pub fn count(&mut self, key: &str) -> Option<u64> {
        let value = self.present(key)?;
        let count = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        self.expect(count.is_some(), key, "a whole number", value);
        count
    }

    /// The object under `key`; an empty one when there is none.
    pub fn inner(&mut self, key: &str) -> Fields<'_> {
        let value = self.present(key);
        if let Some(value) = value {
            self.expect(value.is_object(), key, "an object", value);
        }
        let place = format!("{}.{key}", self.place);
        Fields { data: value.and_then(Value::as_object), place, notes: self.notes }
    }

    /// At most `most` objects of the list under `key`, each as `read` reads it.
    pub fn each<T>(&mut self, key: &str, most: usize, mut read: impl FnMut(&mut Fields<'_>) -> T) -> Vec<T> {
        let Some(value) = self.present(key) else { return Vec::new() };
        self.expect(value.is_array(), key, "a list", value);
        let items = value.as_array().into_iter().flatten().take(most).enumerate();
        let read_one = |(index, item): (usize, &Value)| {
            let place = format!("{}.{key}[{index}]", self.place);
            read(&mut Fields { data: item.as_object(), place, notes: self.notes })
        };
        items.map(read_one).collect()
    }

    fn present(&self, key: &str) -> Option<&'a Value> {
        self.data?.get(key).filter(|value| !is_absent(value))
    }

    fn expect(&mut self, holds: bool, key: &str, expected: &str, got: &Value) {
        if !holds {
            self.notes.push(format!("{}.{key}: expected {expected}, got {}", self.place, type_of(got)));
        }
    }
}
