//! The body of a new silence, out of what was typed.
//!
//! Every value is sent as text: a text, a glob, a `/regex/` and a comparison are all written so, and a number in quotes
//! fits the number. Next: [`crate::admin::silences`], which reads it.

use serde_json::{Map, Value, json};

use super::AddArgs;

/// One `--match`: everything before the first `=` is the key.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    let pair = pair.filter(|(key, value)| !key.is_empty() && key != "not." && !value.is_empty());
    pair.ok_or_else(|| format!("`{text}` is not a pair; write it as `type=node.added` or `cluster=prod-*`"))
}

/// What the API is sent.
pub fn body(args: &AddArgs, by: &str) -> Value {
    let until = args.until.map(|until| ("until", json!(until)));
    let lasting = args.lasting.map(|lasting| ("for", json!(lasting.to_string())));
    let from = args.from.map(|from| ("from", json!(from)));
    let mut body = json!({
        "match": matcher(&args.matching),
        "routes": args.route,
        "targets": args.target,
        "everything": args.everything,
        "by": by,
        "why": args.why,
    });
    for (key, value) in [until, lasting, from].into_iter().flatten() {
        body[key] = value;
    }
    body
}

/// The pairs as a matcher: those of one key are its alternatives, those that begin with `not.` are what it leaves out.
fn matcher(pairs: &[(String, String)]) -> Map<String, Value> {
    let (mut fields, mut not) = (Map::new(), Map::new());
    for (key, value) in pairs {
        match key.strip_prefix("not.") {
            Some(key) => add(&mut not, key, value),
            None => add(&mut fields, key, value),
        }
    }
    if !not.is_empty() {
        fields.insert("not".to_owned(), Value::Object(not));
    }
    fields
}

fn add(fields: &mut Map<String, Value>, key: &str, value: &str) {
    let value = Value::from(value);
    match fields.get_mut(key) {
        None => {
            fields.insert(key.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(only) => *only = Value::Array(vec![only.take(), value]),
    }
}

#[cfg(test)]
#[path = "../tests/silences.rs"]
mod tests;
