//! Says what became of deliveries that were not delivered: a log line for each, and the numbers.
//!
//! One place for everybody who writes to the store. Knows plain values only.

use super::Metrics;
use crate::event::aftermath::{Aftermath, Ended};

impl Metrics {
    /// Counts and logs everything that followed from one write, after its commit.
    pub fn aftermath(&self, after: &Aftermath) {
        for Ended { delivery, target, state, reason, detail } in &after.ended {
            tracing::info!(%delivery, target.name = %target, state = state.as_str(), detail, "a delivery ended without being delivered");
            self.ended(target, state.as_str(), *reason, 1);
        }
        for (target, deliveries) in &after.fell_back {
            self.fell_back(target, *deliveries);
        }
    }
}
