//! What a write to the store did beside what it was called for: whom it spared a message, whom it woke.
//!
//! Plain values, said by [`crate::store`] after the commit; counted and logged by [`crate::telemetry`]. Who is woken hears it
//! by [`crate::runtime::Doorbell`].

use std::collections::{BTreeMap, BTreeSet};

use super::Event;
use super::delivery::{DeliveryState, Reason};
use crate::names::{DeliveryId, TargetName};

/// Everything that followed from one write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Aftermath {
    /// Deliveries that ended without being delivered, in the order in which they did.
    pub ended: Vec<Ended>,
    /// Of each target, how many of its deliveries go to its fallback, too.
    pub fell_back: BTreeMap<TargetName, usize>,
    /// Targets that may have something to do now.
    pub woken: BTreeSet<TargetName>,
    /// Reports of the relay's own that were kept with it, each new.
    pub raised: Vec<Event>,
}

/// A delivery that ended without being delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub delivery: DeliveryId,
    /// Where it was to go.
    pub target: TargetName,
    /// How it ended.
    pub state: DeliveryState,
    /// The reason of a dead letter.
    pub reason: Option<Reason>,
    /// Why, in words, without secrets.
    pub detail: String,
}

impl Aftermath {
    /// Whether it changed what anybody will be told.
    pub fn has_changes(&self) -> bool {
        !self.ended.is_empty() || !self.fell_back.is_empty()
    }

    /// One more delivery of `target` goes to its fallback, too.
    pub fn falls_back(&mut self, target: &TargetName) {
        *self.fell_back.entry(target.clone()).or_default() += 1;
    }
}
