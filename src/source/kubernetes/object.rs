//! Reading an object of the Kubernetes API as loose JSON: whatever it holds, nothing panics and nothing is lost.
//!
//! Pure. Used by [`super::events`] and [`super::nodes`].

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::event::Timestamp;
use crate::event::fields::scalar_text;

/// A scalar by its JSON pointer, as text.
pub(super) fn text(object: &Value, pointer: &str) -> Option<String> {
    scalar_text(object.pointer(pointer)?)
}

/// A time by its JSON pointer.
pub(super) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    Timestamp::parse(object.pointer(pointer)?.as_str()?)
}

/// The object as a `kind`, with only these parts of its metadata. What else is there changes without anything having
/// happened, and lists leave the kind of their items out.
pub(super) fn essence(object: &Value, kind: &str, metadata: &[&str]) -> Map<String, Value> {
    let mut object = object.as_object().cloned().unwrap_or_default();
    if let Some(Value::Object(all)) = object.get_mut("metadata") {
        all.retain(|key, _| metadata.contains(&key.as_str()));
    }
    object.insert("apiVersion".to_owned(), "v1".into());
    object.insert("kind".to_owned(), kind.into());
    object
}

/// As the body of an event.
pub(super) fn body(object: &Map<String, Value>) -> Bytes {
    // Maps with texts for keys always become JSON.
    serde_json::to_vec(object).unwrap_or_default().into()
}

/// A map of what is there.
pub(super) fn particulars(facts: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Map<String, Value> {
    facts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?)))).collect()
}
