//! What senders send: the fixtures, and variations of them under an id of one's own.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

/// The four events of the brief, in the order of their ids.
pub const BRIEF: [&str; 4] = [
    "brief/node.added.json",
    "brief/node.removed.json",
    "brief/node.spot_interrupted.json",
    "brief/savings.threshold.json",
];

/// A file below `tests/fixtures`.
pub fn fixture(name: &str) -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// The brief's `node.added` under this id.
pub fn node_added(id: &str) -> Bytes {
    with(&fixture(BRIEF[0]), json!({"id": id}))
}

/// The brief's `node.spot_interrupted` under this id.
pub fn spot_interrupted(id: &str) -> Bytes {
    with(&fixture(BRIEF[2]), json!({"id": id}))
}

/// `body` with the fields of `changes` put in place of its own; `null` takes a field away.
pub fn with(body: &[u8], changes: Value) -> Bytes {
    let mut body: Value = serde_json::from_slice(body).unwrap();
    let fields = body.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => fields.remove(name),
            value => fields.insert(name.clone(), value.clone()),
        };
    }
    body.to_string().into()
}
