//! By what a target that can tell knows a message again: one name for the same message, however often it is sent.
//!
//! Pure. Each notifier decides what the same message is at its target; here is how that becomes a name.

use sha2::{Digest, Sha256};

use crate::event::batch::Batch;
use crate::names::hex;

/// A name of 64 letters and digits; different texts have different ones.
pub fn hashed(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Whoever wants it told again as another message gets it under another name.
pub fn told_again(batch: &Batch, name: String) -> String {
    match batch.lead().again.filter(|again| again.fresh) {
        Some(again) => hashed(&format!("{name} {}", again.replay)),
        None => name,
    }
}
