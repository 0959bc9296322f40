//! What is counted of sources: their closed words, their labels, and handles for what is counted often.
//!
//! The names under which it is shown are in [`super::metrics`].

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::event::Timestamp;
use crate::names::SourceName;

/// What became of one request to a webhook source; the label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveOutcome {
    /// New, durable, 200.
    Accepted,
    /// Seen before, 200.
    Duplicate,
    /// Not a JSON object; kept as `relay.body_rejected`, 400.
    BodyRejected,
    /// Verification failed, 401.
    Unauthorized,
    /// Body over the limit, 413.
    TooLarge,
    /// Body too slow, 408; or cut off by the sender.
    BodyIncomplete,
    /// The store could not keep it, 503.
    StoreFailed,
    /// A probe: verified, nothing to keep, 204.
    Probed,
}

impl ReceiveOutcome {
    pub(super) const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Duplicate,
        Self::BodyRejected,
        Self::Unauthorized,
        Self::TooLarge,
        Self::BodyIncomplete,
        Self::StoreFailed,
        Self::Probed,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::BodyRejected => "body_rejected",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::StoreFailed => "store_failed",
            Self::Probed => "probed",
        }
    }
}

/// Why a request to the public listener was refused; the label `reason`, and the code of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The body is not a JSON object; it is kept.
    BadBody,
    /// The sender broke off.
    BodyBrokenOff,
    /// The body took too long.
    BodyTooSlow,
    /// The body is over the limit.
    BodyTooLarge,
    /// The sender did not prove who it is.
    Unauthorized,
    /// No source has this path.
    NotFound,
    /// It was no POST.
    MethodNotAllowed,
    /// A fault in the relay.
    Internal,
    /// Too many requests were in flight.
    Overloaded,
    /// The store could not keep it.
    StoreFailed,
    /// It was not kept in time, as far as anybody knew then.
    TookTooLong,
}

impl Rejection {
    pub(super) const ALL: [Self; 11] = [
        Self::BadBody,
        Self::BodyBrokenOff,
        Self::BodyTooSlow,
        Self::BodyTooLarge,
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Internal,
        Self::Overloaded,
        Self::StoreFailed,
        Self::TookTooLong,
    ];

    /// The closed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadBody => "bad_body",
            Self::BodyBrokenOff => "body_broken_off",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyTooLarge => "body_too_large",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Internal => "internal",
            Self::Overloaded => "overloaded",
            Self::StoreFailed => "store_failed",
            Self::TookTooLong => "took_too_long",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Rejected {
    reason: &'static str,
}

impl Rejected {
    pub(super) fn new(reason: Rejection) -> Self {
        Self { reason: reason.as_str() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Received {
    source: String,
    outcome: &'static str,
}

impl Received {
    pub(super) fn new(source: &SourceName, outcome: ReceiveOutcome) -> Self {
        Self { source: source.to_string(), outcome: outcome.as_str() }
    }
}

/// What became of one round of asking a source; the label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollOutcome {
    /// It answered, and what it said is safe.
    Answered,
    /// It did not answer, or what it said could not be kept; asked again soon.
    Failed,
}

impl PollOutcome {
    pub(super) const ALL: [Self; 2] = [Self::Answered, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Polled {
    source: String,
    outcome: &'static str,
}

impl Polled {
    pub(super) fn new(source: &SourceName, outcome: PollOutcome) -> Self {
        Self { source: source.to_string(), outcome: outcome.as_str() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfSource {
    source: String,
}

impl OfSource {
    pub(super) fn new(source: &SourceName) -> Self {
        Self { source: source.to_string() }
    }
}

/// Why an object of the Kubernetes API is no news; the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// It happened before the watch began.
    Old,
    /// It was told already.
    Told,
    /// Nobody of CAST AI's reports it.
    NotCastAI,
    /// The node is drained for another reason than a spot interruption.
    NotSpot,
}

impl SkipReason {
    pub(super) const ALL: [Self; 4] = [Self::Old, Self::Told, Self::NotCastAI, Self::NotSpot];

    fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::Told => "told",
            Self::NotCastAI => "not_castai",
            Self::NotSpot => "not_spot",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Skipped {
    reason: &'static str,
}

impl Skipped {
    pub(super) fn new(reason: SkipReason) -> Self {
        Self { reason: reason.as_str() }
    }
}

/// The counters of one webhook source.
#[derive(Debug, Clone)]
pub struct SourceMetrics([Counter; 8]);

impl SourceMetrics {
    pub(super) fn new(counter: impl Fn(ReceiveOutcome) -> Counter) -> Self {
        Self(ReceiveOutcome::ALL.map(counter))
    }

    /// One request came to this end.
    pub fn received(&self, outcome: ReceiveOutcome) {
        let counters = ReceiveOutcome::ALL.iter().zip(&self.0);
        counters.filter(|(each, _)| **each == outcome).for_each(|(_, counter)| {
            counter.inc();
        });
    }
}

/// When one source was last heard.
#[derive(Debug, Clone)]
pub struct PulseMetrics {
    heard: Gauge,
    brought: Gauge,
    lag: Gauge,
}

impl PulseMetrics {
    pub(super) fn new(heard: Gauge, brought: Gauge, lag: Gauge) -> Self {
        Self { heard, brought, lag }
    }

    /// It was there.
    pub fn heard(&self, at: Timestamp) {
        self.heard.set(at.as_millis() / 1000);
    }

    /// It brought a new event.
    pub fn brought(&self, at: Timestamp) {
        self.brought.set(at.as_millis() / 1000);
    }

    /// It has been quiet for so long.
    pub fn quiet_for(&self, quiet: Duration) {
        self.lag.set(i64::try_from(quiet.as_secs()).unwrap_or(i64::MAX));
    }
}
