//! By what a target that can tell knows a message again: one name for the same message, however often it is sent.
//!
//! Pure. Each notifier decides what the same message is at its target; here is how that becomes a name.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::event::batch::Batch;
use crate::event::delivery::Phase;
use crate::names::hex;

/// A name of 64 letters and digits; different texts have different ones.
pub fn hashed(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The name of a message for a target that drops what it knows unread. The same in each attempt, and another one for the end of
/// an incident, for another route or target, and for what is told again on purpose as another message. Also for a batch that
/// has grown, or else what is new in it would be dropped. A single event's is made of the event and not of our row, so that it
/// never comes twice, not even from a relay that lost its store.
pub fn of_message(batch: &Batch) -> String {
    let ends = batch.incident.as_ref().is_some_and(|incident| incident.phase == Phase::Resolve);
    let more: Vec<String> = batch.deliveries.iter().skip(1).map(ToString::to_string).collect();
    let (target, route) = (batch.target().as_str(), batch.route().as_str());
    told_again(batch, hashed(&json!([target, route, ends, batch.first_event().id.as_str(), more]).to_string()))
}

/// Whoever wants it told again as another message gets it under another name.
pub fn told_again(batch: &Batch, name: String) -> String {
    match batch.lead().told_anew_by() {
        Some(replay) => hashed(&format!("{name} {replay}")),
        None => name,
    }
}
