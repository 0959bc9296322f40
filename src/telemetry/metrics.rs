//! The metric catalogue: what is counted, measured and shown at `/metrics`.
//!
//! Names follow the Prometheus conventions (<https://prometheus.io/docs/practices/naming/>); every label set is closed,
//! and what is known beforehand starts at zero. Knows names and the closed words of events; knows no other room.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::of_drills::DrillMetrics;
use super::of_routes::{RouteHits, RouteMetrics};
use super::of_sources::{
    OfSource, PollOutcome, Polled, PulseMetrics, Received, Rejected, Rejection, SkipReason, Skipped, SourceMetrics,
};
use super::of_targets::TargetMetrics;
use crate::event::audit::Audit;
use crate::event::castai::KINDS;
use crate::event::delivery::Reason;
use crate::event::{DrillOutcome, Timestamp};
use crate::names::{DrillName, RouteName, SourceName, TargetName};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfType {
    r#type: &'static str,
}

/// The catalogue. One per process, shared by reference.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    configured: Gauge,
    configured_at: Gauge,
    overloaded: Counter,
    rejected: Family<Rejected, Counter>,
    received: Family<Received, Counter>,
    events: Family<OfSource, Counter>,
    duplicates: Family<OfSource, Counter>,
    polls: Family<Polled, Counter>,
    skipped: Family<Skipped, Counter>,
    heard: Family<OfSource, Gauge>,
    brought: Family<OfSource, Gauge>,
    lag: Family<OfSource, Gauge>,
    missed_by_webhook: Counter,
    accepted: Family<OfType, Counter>,
    conflicts: Counter,
    unrouted: Counter,
    beyond_overlap: Counter,
    routes: RouteMetrics,
    targets: TargetMetrics,
    drills: DrillMetrics,
    commits: Counter,
    commit_writes: Counter,
    commit_size: Histogram,
    commit_seconds: Histogram,
    pruned: Counter,
}

impl Metrics {
    /// All metrics at zero, for these sources that are sent to, sources that are asked, and targets.
    pub fn new(webhooks: &[SourceName], polled: &[SourceName], targets: &[TargetName]) -> Self {
        let metrics = Self::registered();
        for source in webhooks {
            metrics.of_source(source);
        }
        for source in webhooks.iter().chain(polled) {
            metrics.events.get_or_create_owned(&OfSource::new(source));
            metrics.duplicates.get_or_create_owned(&OfSource::new(source));
        }
        if polled.contains(&SourceName::kubernetes()) {
            for reason in SkipReason::ALL {
                metrics.skipped.get_or_create_owned(&Skipped::new(reason));
            }
        }
        for reason in Rejection::ALL {
            metrics.rejected.get_or_create_owned(&Rejected::new(reason));
        }
        for (source, outcome) in polled.iter().flat_map(|source| PollOutcome::ALL.map(|outcome| (source, outcome))) {
            metrics.polls.get_or_create_owned(&Polled::new(source, outcome));
        }
        for target in targets {
            metrics.targets.start_at_zero(target);
        }
        for (kind, _) in KINDS {
            metrics.accepted.get_or_create_owned(&OfType { r#type: kind });
        }
        for label in [AUDIT_TYPES, OTHER_TYPES] {
            metrics.accepted.get_or_create_owned(&OfType { r#type: label });
        }
        metrics
    }

    /// The same, with these routes at zero, too.
    pub fn with_routes<'a>(self, routes: impl IntoIterator<Item = &'a RouteName>) -> Self {
        routes.into_iter().for_each(|route| self.routes.start_at_zero(route));
        self
    }

    /// The same, with these drills at zero, too.
    pub fn with_drills<'a>(self, drills: impl IntoIterator<Item = &'a DrillName>) -> Self {
        drills.into_iter().for_each(|drill| self.drills.start_at_zero(drill));
        self
    }

    fn registered() -> Self {
        let mut registry = Registry::with_prefix("castai_relay");
        let metrics = Self {
            configured: Gauge::default(),
            configured_at: Gauge::default(),
            overloaded: Counter::default(),
            rejected: Family::default(),
            received: Family::default(),
            events: Family::default(),
            duplicates: Family::default(),
            polls: Family::default(),
            skipped: Family::default(),
            heard: Family::default(),
            brought: Family::default(),
            lag: Family::default(),
            missed_by_webhook: Counter::default(),
            accepted: Family::default(),
            conflicts: Counter::default(),
            unrouted: Counter::default(),
            beyond_overlap: Counter::default(),
            routes: RouteMetrics::default(),
            targets: TargetMetrics::default(),
            drills: DrillMetrics::default(),
            commits: Counter::default(),
            commit_writes: Counter::default(),
            commit_size: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            commit_seconds: Histogram::new(exponential_buckets(0.000_1, 2.5, 10)),
            pruned: Counter::default(),
            registry: Registry::default(),
        };
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of this castai-relay", version);
        metrics.register_configuration(&mut registry);
        metrics.register_sources(&mut registry);
        metrics.register_ingest(&mut registry);
        metrics.routes.register(&mut registry);
        metrics.targets.register(&mut registry);
        metrics.drills.register(&mut registry);
        metrics.register_store(&mut registry);
        Self { registry, ..metrics }
    }

    fn register_configuration(&self, registry: &mut Registry) {
        let help = "1 when the configuration was taken the last time it was read";
        registry.register("config_last_reload_successful", help, self.configured.clone());
        let help = "When the configuration in force was read";
        let name = "config_last_reload_success_timestamp";
        registry.register_with_unit(name, help, Unit::Seconds, self.configured_at.clone());
    }

    fn register_sources(&self, registry: &mut Registry) {
        let help = "Requests turned away because too many were in flight";
        registry.register("overloaded_requests", help, self.overloaded.clone());
        let help = "Requests with events that were refused, by the code of the answer";
        registry.register("rejected_requests", help, self.rejected.clone());
        registry.register(
            "received_requests",
            "Requests to a webhook source, by what became of them",
            self.received.clone(),
        );
        let help = "Rounds of asking a source, by what became of them";
        registry.register("source_polls", help, self.polls.clone());
        let help = "Objects of the Kubernetes API that were no news, by why";
        registry.register("kubernetes_skipped_objects", help, self.skipped.clone());
        let help = "When a source last was there: sent something it may send, or answered; 0 for never";
        registry.register_with_unit("source_last_heard_timestamp", help, Unit::Seconds, self.heard.clone());
        let help = "When a source last brought a new event; 0 for never";
        registry.register_with_unit("source_last_event_timestamp", help, Unit::Seconds, self.brought.clone());
        let help = "For how long nothing was heard of a source although we listened";
        registry.register_with_unit("source_lag", help, Unit::Seconds, self.lag.clone());
    }

    fn register_ingest(&self, registry: &mut Registry) {
        let help = "Events that came in, repeats included, and those that could not be kept";
        registry.register("received_events", help, self.events.clone());
        let help = "Events that came in and were known already, conflicts included, by who brought them again";
        registry.register("duplicate_events", help, self.duplicates.clone());
        let help = "Notifications that CAST AI's webhook should have brought and did not";
        registry.register("webhook_missed_notifications", help, self.missed_by_webhook.clone());
        registry.register("accepted_events", "Events made durable, by type", self.accepted.clone());
        registry.register(
            "conflicting_duplicates",
            "Repeated event ids that came with another body from the same source",
            self.conflicts.clone(),
        );
        registry.register("unrouted_events", "Events that owe no delivery to anybody", self.unrouted.clone());
        let help = "Audit records that came into CAST AI's log later than the overlap reaches";
        registry.register("audit_records_beyond_overlap", help, self.beyond_overlap.clone());
    }

    fn register_store(&self, registry: &mut Registry) {
        registry.register("store_commits", "Transactions of the store", self.commits.clone());
        registry.register("store_writes", "Writes that shared those transactions", self.commit_writes.clone());
        let help = "Writes that shared one transaction";
        registry.register("store_writes_per_commit", help, self.commit_size.clone());
        let help = "Time from the start of a transaction until it was durable";
        registry.register_with_unit("store_commit_duration", help, Unit::Seconds, self.commit_seconds.clone());
        registry.register("pruned_events", "Events forgotten after the retention time", self.pruned.clone());
    }

    /// The counters of one webhook source, looked up once, because every request counts.
    pub fn of_source(&self, source: &SourceName) -> SourceMetrics {
        SourceMetrics::new(|outcome| self.received.get_or_create_owned(&Received::new(source, outcome)))
    }

    /// One round of asking a source ended.
    pub fn polled(&self, source: &SourceName, outcome: PollOutcome) {
        self.polls.get_or_create_owned(&Polled::new(source, outcome)).inc();
    }

    /// What shows when a source was last heard, looked up once, because every request counts.
    pub fn pulse_of(&self, source: &SourceName) -> PulseMetrics {
        let labels = OfSource::new(source);
        let gauge = |family: &Family<OfSource, Gauge>| family.get_or_create_owned(&labels);
        PulseMetrics::new(gauge(&self.heard), gauge(&self.brought), gauge(&self.lag))
    }

    /// The webhook should have brought this many notifications and did not.
    pub fn missed_by_webhook(&self, notifications: usize) {
        self.missed_by_webhook.inc_by(u64::try_from(notifications).unwrap_or(u64::MAX));
    }

    /// One object of the Kubernetes API was no news.
    pub fn skipped(&self, reason: SkipReason) {
        self.skipped.get_or_create_owned(&Skipped::new(reason)).inc();
    }

    /// The configuration in force was read now.
    pub fn configured(&self, at: Timestamp) {
        self.configured.set(1);
        self.configured_at.set(at.as_millis() / 1000);
    }

    /// A request that may have held an event was refused.
    pub fn rejected(&self, reason: Rejection) {
        self.rejected.get_or_create_owned(&Rejected::new(reason)).inc();
    }

    /// A source brought an event, new or not.
    pub fn event_received(&self, source: &SourceName) {
        self.events.get_or_create_owned(&OfSource::new(source)).inc();
    }

    /// What a source brought was known already.
    pub fn event_repeated(&self, source: &SourceName) {
        self.duplicates.get_or_create_owned(&OfSource::new(source)).inc();
    }

    /// These routes took a new event.
    pub fn routed(&self, takers: &[RouteName], at: Timestamp) {
        takers.iter().for_each(|route| self.routes.took(route, at));
    }

    /// What this route took since the relay started; nothing where there is no such route.
    pub fn route_hits(&self, route: &RouteName) -> RouteHits {
        self.routes.hits(route)
    }

    /// One request was turned away because too many were in flight.
    pub fn overloaded(&self) {
        self.overloaded.inc();
    }

    /// One event became durable.
    pub fn accepted(&self, type_name: &str, unrouted: bool) {
        self.accepted.get_or_create_owned(&OfType { r#type: label_of(type_name) }).inc();
        self.unrouted.inc_by(u64::from(unrouted));
    }

    /// One repeat came with another body from the same source.
    pub fn conflict(&self) {
        self.conflicts.inc();
    }

    /// This many audit records came into the log later than the overlap reaches, and were found by a sweep.
    pub fn beyond_overlap(&self, records: usize) {
        self.beyond_overlap.inc_by(u64::try_from(records).unwrap_or(u64::MAX));
    }

    /// One attempt ended: `delivered`, `retry` or `dead`.
    pub fn settled(&self, target: &TargetName, outcome: &'static str, reason: Option<Reason>, took: Duration) {
        self.targets.settled(target, outcome, reason, took);
    }

    /// A target took one message that carries so many deliveries, which have come to their end by it.
    pub fn sent(&self, target: &TargetName, deliveries: usize) {
        self.targets.sent(target, deliveries);
    }

    /// A delivery got through: so long after it was owed.
    pub fn delivered_after(&self, target: &TargetName, owed_for: Duration) {
        self.targets.delivered_after(target, owed_for);
    }

    /// A delivery got through: so long after what it tells of happened.
    pub fn told_after(&self, target: &TargetName, happened_before: Duration) {
        self.targets.told_after(target, happened_before);
    }

    /// How long a target still wants to be left alone.
    pub fn waits(&self, target: &TargetName, left: Duration) {
        self.targets.waits(target, left);
    }

    /// So many deliveries came to their end without being delivered: `silenced`, `superseded`, or `dead` for a reason.
    pub(super) fn ended(&self, target: &TargetName, outcome: &'static str, reason: Option<Reason>, deliveries: usize) {
        self.targets.ended(target, outcome, reason, deliveries);
    }

    /// So many deliveries of a target went to its fallback, too.
    pub(super) fn fell_back(&self, target: &TargetName, deliveries: usize) {
        self.targets.fell_back(target, deliveries);
    }

    /// How a target stands now: closed because it is `refusing` or `failing`, or open.
    pub fn closed(&self, target: &TargetName, cause: Option<&'static str>) {
        self.targets.closed(target, cause);
    }

    /// What waits for a target now.
    pub fn backlog(&self, target: &TargetName, pending: u64, oldest: Duration, dead: u64) {
        self.targets.backlog(target, pending, oldest, dead);
    }

    /// A drill ended.
    pub fn drilled(&self, drill: &DrillName, outcome: DrillOutcome) {
        self.drills.ended(drill, outcome);
    }

    /// The last drill that passed was begun then, and took so long.
    pub fn drill_passed(&self, drill: &DrillName, begun_at: Timestamp, took: Duration) {
        self.drills.passed(drill, begun_at, took);
    }

    /// One transaction of the store ended.
    pub fn committed(&self, writes: usize, took: Duration) {
        self.commits.inc();
        self.commit_writes.inc_by(u64::try_from(writes).unwrap_or(u64::MAX));
        self.commit_size.observe(writes as f64);
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// This many events were forgotten.
    pub fn pruned(&self, events: usize) {
        self.pruned.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// Everything in the OpenMetrics text format, <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing to a string does not fail; if it ever does, say so where it is read.
            Err(error) => format!("# encoding failed: {error}\n# EOF\n"),
        }
    }
}

/// The label of all types of audit records that have no kind of their own; there are more than one can know.
const AUDIT_TYPES: &str = "audit";

/// The label of every other type that is not in [`KINDS`], so that senders cannot grow the label set.
const OTHER_TYPES: &str = "other";

fn label_of(type_name: &str) -> &'static str {
    let known = KINDS.iter().map(|(name, _)| *name).find(|name| *name == type_name);
    known.unwrap_or(if Audit::is_type(type_name) { AUDIT_TYPES } else { OTHER_TYPES })
}
