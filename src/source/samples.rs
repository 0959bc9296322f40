//! Sample bodies as CAST AI's webhook would bring them, for drills, `send`, `route test` and `demo`.
//!
//! To add one: a file in `config/samples` and a row here.

use crate::event::Timestamp;

/// Name → body, with `{{ID}}` and `{{NOW}}` to be filled in.
const SAMPLES: &[(&str, &str)] = &[
    ("node.added", include_str!("../../config/samples/node.added.json")),
    ("node.removed", include_str!("../../config/samples/node.removed.json")),
    ("node.spot_interrupted", include_str!("../../config/samples/node.spot_interrupted.json")),
    ("savings.threshold", include_str!("../../config/samples/savings.threshold.json")),
    ("savings.summary", include_str!("../../config/samples/savings.summary.json")),
    ("notification", include_str!("../../config/samples/notification.json")),
    ("critical", include_str!("../../config/samples/critical.json")),
    ("security", include_str!("../../config/samples/security.json")),
    ("unknown", include_str!("../../config/samples/unknown.json")),
    ("broken", include_str!("../../config/samples/broken.txt")),
];

/// The sample of this name, with this id, happening now.
pub fn sample(name: &str, id: &str, now: Timestamp) -> Option<String> {
    let (_, body) = SAMPLES.iter().find(|(known, _)| *known == name)?;
    Some(body.replace("{{ID}}", id).replace("{{NOW}}", &now.to_string()))
}

/// The names there are.
pub fn names() -> impl Iterator<Item = &'static str> {
    SAMPLES.iter().map(|(name, _)| *name)
}
