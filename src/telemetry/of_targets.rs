//! What is counted of targets: their labels, their closed words, and what each number means.
//!
//! Messages and deliveries are counted apart: one message may carry many deliveries, and a delivery may end without any. The
//! one door to it is [`super::Metrics`].

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::event::delivery::Reason;
use crate::names::TargetName;

const DELIVERED: &str = "delivered";

/// How an attempt ends.
const ATTEMPT_OUTCOMES: [&str; 3] = [DELIVERED, "retry", "dead"];

/// How a delivery ends: exactly one of these, once.
const ENDS: [&str; 4] = [DELIVERED, "silenced", "superseded", "dead"];

/// Why a target is closed.
const CAUSES: [&str; 2] = ["refusing", "failing"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTarget {
    target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    target: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    target: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCause {
    target: String,
    cause: &'static str,
}

/// The numbers of all targets.
#[derive(Debug)]
pub(super) struct TargetMetrics {
    settled: Family<ByOutcome, Counter>,
    failed: Family<ByReason, Counter>,
    notify_seconds: Family<OfTarget, Histogram, fn() -> Histogram>,
    latency_seconds: Family<OfTarget, Histogram, fn() -> Histogram>,
    lateness_seconds: Family<OfTarget, Histogram, fn() -> Histogram>,
    batches: Family<OfTarget, Counter>,
    batched: Family<OfTarget, Counter>,
    ended: Family<ByOutcome, Counter>,
    given_up: Family<ByReason, Counter>,
    fell_back: Family<OfTarget, Counter>,
    closed: Family<ByCause, Gauge>,
    wait_seconds: Family<OfTarget, Gauge>,
    backlog: Family<OfTarget, Gauge>,
    oldest_seconds: Family<OfTarget, Gauge>,
    dead_letters: Family<OfTarget, Gauge>,
}

impl Default for TargetMetrics {
    fn default() -> Self {
        Self {
            settled: Family::default(),
            failed: Family::default(),
            notify_seconds: Family::new_with_constructor(notify_buckets),
            latency_seconds: Family::new_with_constructor(delay_buckets),
            lateness_seconds: Family::new_with_constructor(delay_buckets),
            batches: Family::default(),
            batched: Family::default(),
            ended: Family::default(),
            given_up: Family::default(),
            fell_back: Family::default(),
            closed: Family::default(),
            wait_seconds: Family::default(),
            backlog: Family::default(),
            oldest_seconds: Family::default(),
            dead_letters: Family::default(),
        }
    }
}

impl TargetMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("settled_attempts", "Delivery attempts, by how they ended", self.settled.clone());
        registry.register("failed_attempts", "Failed delivery attempts, by reason", self.failed.clone());
        let help = "Time a target took for one attempt";
        registry.register_with_unit("notify_duration", help, Unit::Seconds, self.notify_seconds.clone());
        let help = "Time from when a delivery was owed until the target had taken it";
        registry.register_with_unit("delivery_latency", help, Unit::Seconds, self.latency_seconds.clone());
        let help = "Time from when an event happened until the target had taken it";
        registry.register_with_unit("delivery_lateness", help, Unit::Seconds, self.lateness_seconds.clone());
        registry.register(
            "batches",
            "Messages that a target took, each of one delivery or of many",
            self.batches.clone(),
        );
        registry.register("batched_deliveries", "Deliveries in the messages that a target took", self.batched.clone());
        registry.register("ended_deliveries", "Deliveries that came to their end, by how", self.ended.clone());
        registry.register(
            "given_up_deliveries",
            "Deliveries that became dead letters, by reason",
            self.given_up.clone(),
        );
        let help = "Deliveries that went to the fallback of this target, too";
        registry.register("fallback_deliveries", help, self.fell_back.clone());
        let help = "1 while a target is closed, so that nothing but probes goes there, by cause";
        registry.register("target_closed", help, self.closed.clone());
        let help = "How long a target still wants to be left alone; 0 when it does not";
        registry.register_with_unit("target_wait", help, Unit::Seconds, self.wait_seconds.clone());
        registry.register("pending_deliveries", "Deliveries owed and not yet delivered", self.backlog.clone());
        let help = "Age of the oldest pending delivery";
        registry.register_with_unit("oldest_pending_age", help, Unit::Seconds, self.oldest_seconds.clone());
        registry.register("dead_letters", "Deliveries given up and kept", self.dead_letters.clone());
    }

    /// Shows everything of a target that is configured before anything happens there.
    pub(super) fn start_at_zero(&self, target: &TargetName) {
        for outcome in ATTEMPT_OUTCOMES {
            self.settled.get_or_create_owned(&by_outcome(target, outcome));
        }
        for outcome in ENDS {
            self.ended.get_or_create_owned(&by_outcome(target, outcome));
        }
        for reason in Reason::ALL {
            self.failed.get_or_create_owned(&by_reason(target, reason));
            self.given_up.get_or_create_owned(&by_reason(target, reason));
        }
        let labels = of(target);
        for seconds in [&self.notify_seconds, &self.latency_seconds, &self.lateness_seconds] {
            seconds.get_or_create_owned(&labels);
        }
        for counter in [&self.batches, &self.batched, &self.fell_back] {
            counter.get_or_create_owned(&labels);
        }
        self.closed(target, None);
        self.waits(target, Duration::ZERO);
        self.backlog(target, 0, Duration::ZERO, 0);
    }

    pub(super) fn settled(&self, target: &TargetName, outcome: &'static str, reason: Option<Reason>, took: Duration) {
        self.settled.get_or_create_owned(&by_outcome(target, outcome)).inc();
        if let Some(reason) = reason {
            self.failed.get_or_create_owned(&by_reason(target, reason)).inc();
        }
        self.notify_seconds.get_or_create_owned(&of(target)).observe(took.as_secs_f64());
    }

    pub(super) fn sent(&self, target: &TargetName, deliveries: usize) {
        self.batches.get_or_create_owned(&of(target)).inc();
        self.batched.get_or_create_owned(&of(target)).inc_by(counted(deliveries));
        self.ended(target, DELIVERED, None, deliveries);
    }

    pub(super) fn delivered_after(&self, target: &TargetName, owed_for: Duration) {
        self.latency_seconds.get_or_create_owned(&of(target)).observe(owed_for.as_secs_f64());
    }

    pub(super) fn told_after(&self, target: &TargetName, happened_before: Duration) {
        self.lateness_seconds.get_or_create_owned(&of(target)).observe(happened_before.as_secs_f64());
    }

    pub(super) fn waits(&self, target: &TargetName, left: Duration) {
        let seconds = left.as_millis().div_ceil(1000);
        self.wait_seconds.get_or_create_owned(&of(target)).set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    pub(super) fn ended(&self, target: &TargetName, outcome: &'static str, reason: Option<Reason>, deliveries: usize) {
        self.ended.get_or_create_owned(&by_outcome(target, outcome)).inc_by(counted(deliveries));
        if let Some(reason) = reason {
            self.given_up.get_or_create_owned(&by_reason(target, reason)).inc_by(counted(deliveries));
        }
    }

    pub(super) fn fell_back(&self, target: &TargetName, deliveries: usize) {
        self.fell_back.get_or_create_owned(&of(target)).inc_by(counted(deliveries));
    }

    pub(super) fn closed(&self, target: &TargetName, cause: Option<&'static str>) {
        for known in CAUSES {
            let labels = ByCause { target: target.to_string(), cause: known };
            self.closed.get_or_create_owned(&labels).set(i64::from(cause == Some(known)));
        }
    }

    pub(super) fn backlog(&self, target: &TargetName, pending: u64, oldest: Duration, dead: u64) {
        let labels = of(target);
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.backlog.get_or_create_owned(&labels).set(gauge(pending));
        self.oldest_seconds.get_or_create_owned(&labels).set(gauge(oldest.as_secs()));
        self.dead_letters.get_or_create_owned(&labels).set(gauge(dead));
    }
}

fn of(target: &TargetName) -> OfTarget {
    OfTarget { target: target.to_string() }
}

fn by_outcome(target: &TargetName, outcome: &'static str) -> ByOutcome {
    ByOutcome { target: target.to_string(), outcome }
}

fn by_reason(target: &TargetName, reason: Reason) -> ByReason {
    ByReason { target: target.to_string(), reason: reason.as_str() }
}

fn counted(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn notify_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.5, 10))
}

/// From what is told at once to what waited for a day.
fn delay_buckets() -> Histogram {
    Histogram::new([0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0])
}

#[cfg(test)]
#[path = "tests/of_targets.rs"]
mod tests;
