//! What is counted of drills: how they ended, when each last passed, and how long that took.
//!
//! The one door to it is [`super::Metrics`].

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::event::{DrillOutcome, Timestamp};
use crate::names::DrillName;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    drill: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDrill {
    drill: String,
}

/// The numbers of all drills.
#[derive(Debug, Default)]
pub(super) struct DrillMetrics {
    ended: Family<Ended, Counter>,
    passed_at: Family<OfDrill, Gauge>,
    took: Family<OfDrill, Gauge<f64, AtomicU64>>,
}

impl DrillMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("drills", "Drills that ended, by how", self.ended.clone());
        let help = "When a drill that passed last was begun; 0 for never";
        registry.register_with_unit("drill_last_success_timestamp", help, Unit::Seconds, self.passed_at.clone());
        let help = "From the beginning of the last drill that passed until the last one was told";
        registry.register_with_unit("drill_duration", help, Unit::Seconds, self.took.clone());
    }

    /// Shows a drill before it takes place.
    pub(super) fn start_at_zero(&self, drill: &DrillName) {
        for outcome in DrillOutcome::ALL {
            self.ended.get_or_create_owned(&Ended { drill: drill.to_string(), outcome: outcome.as_str() });
        }
        self.passed_at.get_or_create_owned(&of(drill));
        self.took.get_or_create_owned(&of(drill));
    }

    pub(super) fn ended(&self, drill: &DrillName, outcome: DrillOutcome) {
        self.ended.get_or_create_owned(&Ended { drill: drill.to_string(), outcome: outcome.as_str() }).inc();
    }

    pub(super) fn passed(&self, drill: &DrillName, begun_at: Timestamp, took: Duration) {
        self.passed_at.get_or_create_owned(&of(drill)).set(begun_at.as_millis() / 1000);
        self.took.get_or_create_owned(&of(drill)).set(took.as_secs_f64());
    }
}

fn of(drill: &DrillName) -> OfDrill {
    OfDrill { drill: drill.to_string() }
}
