//! What an event owes: deliveries, and how each attempt at one ends.
//!
//! Plain values. Who decides what is owed is [`crate::route`]; who keeps the rows is [`crate::store`];
//! who carries them out is [`crate::deliver`].

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::batch::Receipt;
use super::{Event, Severity, Timestamp};
use crate::names::{DeliveryId, GroupKey, IncidentKey, ReplayId, RouteName, TargetName};

/// One event owed to one target by one route, before it has a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The route that matched.
    pub route: RouteName,
    /// Where it must go.
    pub target: TargetName,
    /// The severity to tell it with: the route's override, else the event's own.
    pub severity: Severity,
    /// What it may leave together with; alone when there is none.
    pub group: Option<Grouped>,
    /// Whether its route watches for storms.
    pub storm: Option<StormWatch>,
    /// What it does to an incident, if its route has any.
    pub incident: Option<IncidentStep>,
}

impl Owed {
    /// What leaves alone, on its own terms.
    pub fn plain(route: RouteName, target: TargetName, severity: Severity) -> Self {
        Self { route, target, severity, group: None, storm: None, incident: None }
    }

    /// Whether it ends an incident, and so is nothing to tell where that incident is not open.
    pub fn is_resolve(&self) -> bool {
        self.incident.as_ref().is_some_and(|step| step.phase == Phase::Resolve)
    }
}

/// That a delivery may leave together with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// What they have in common, within one route.
    pub key: GroupKey,
    /// How long the first of them waits for the others.
    pub wait: Duration,
}

/// That a route watches for storms: the terms of a leaky bucket that every event of the route drips into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormWatch {
    /// The bucket loses one event in this time.
    pub leaks_every: Duration,
    /// With this many events in it, it is a storm, until it is empty.
    pub full_at: u32,
    /// True for what goes its own way in a storm, too.
    pub spared: bool,
}

/// What a delivery does to an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentStep {
    /// Which incident.
    pub key: IncidentKey,
    /// Whether it opens it or ends it.
    pub phase: Phase,
    /// How long after the last opening step it ends by itself.
    pub resolve_after: Option<Duration>,
}

/// The two things that can happen to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It begins, or there is more of it.
    Open,
    /// It is over. Nobody is told who was not told that it began.
    Resolve,
}

/// A delivery that was claimed: ours to attempt until the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its row. The same on every attempt, so notifiers use it as idempotency key.
    pub id: DeliveryId,
    /// The route that owes it.
    pub route: RouteName,
    /// Where it must go.
    pub target: TargetName,
    /// The severity to tell it with.
    pub severity: Severity,
    /// Which attempt this is, from 1. Who may settle it is said by the lease of its batch.
    pub attempt: u32,
    /// When this attempt was claimed.
    pub claimed_at: Timestamp,
    /// The event, with its raw body.
    pub event: Event,
    /// That it was told before, and somebody wants it told again.
    pub again: Option<Again>,
}

/// That something is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// By which replay.
    pub replay: ReplayId,
    /// Whether it is another message to targets that can tell: then those that have the first one are told, too.
    pub fresh: bool,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Owed: due now or later, or claimed by a running attempt.
    Pending,
    /// The target took it.
    Delivered,
    /// Given up: a dead letter.
    Dead,
    /// Nobody wanted to hear of it at that time.
    Silenced,
    /// What it would have told was over before it left.
    Superseded,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Delivered, Self::Dead, Self::Silenced, Self::Superseded];

    /// The closed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Silenced => "silenced",
            Self::Superseded => "superseded",
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The target took it.
    Delivered {
        /// What it gave for it.
        receipt: Option<Receipt>,
    },
    /// Try again at this time.
    Retry {
        /// Not before this.
        at: Timestamp,
        /// Why it failed.
        reason: Reason,
        /// Whether it may have arrived all the same.
        ambiguous: bool,
        /// The same in words, without secrets, for people.
        detail: String,
    },
    /// Given up: a dead letter.
    Dead {
        /// Why.
        reason: Reason,
        /// Whether it may have arrived all the same.
        ambiguous: bool,
        /// The same in words, without secrets, for people.
        detail: String,
    },
}

impl Outcome {
    /// The closed word for metrics and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Retry { .. } => "retry",
            Self::Dead { .. } => "dead",
        }
    }
}

/// Why an attempt failed: a closed set, because it is a metric label and a stored word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No connection: refused, unreachable, DNS, TLS. Nothing was sent.
    Unreachable,
    /// The connection broke or the time ran out after sending began: it may have arrived.
    Ambiguous,
    /// The target asked us to slow down.
    RateLimited,
    /// The target failed on its side (5xx, 408, 425).
    TargetFailed,
    /// The target refused this message; sending it again unchanged cannot help.
    MessageRefused,
    /// The target refuses every message: wrong key, revoked URL, archived channel.
    TargetRefused,
    /// The configuration does not fit what was to be sent, so nothing was.
    Misconfigured,
    /// It grew older than the target's `max_age` before it got through.
    Expired,
    /// The notifier itself failed: a fault in the relay.
    Internal,
    /// The configuration no longer has this target.
    TargetRemoved,
}

impl Reason {
    /// All of them, for metrics that start at zero.
    pub const ALL: [Reason; 10] = [
        Self::Unreachable,
        Self::Ambiguous,
        Self::RateLimited,
        Self::TargetFailed,
        Self::MessageRefused,
        Self::TargetRefused,
        Self::Misconfigured,
        Self::Expired,
        Self::Internal,
        Self::TargetRemoved,
    ];

    /// The reason of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The closed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Ambiguous => "ambiguous",
            Self::RateLimited => "rate_limited",
            Self::TargetFailed => "target_failed",
            Self::MessageRefused => "message_refused",
            Self::TargetRefused => "target_refused",
            Self::Misconfigured => "misconfigured",
            Self::Expired => "expired",
            Self::Internal => "internal",
            Self::TargetRemoved => "target_removed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Delivery {
    /// The replay by which it is told again as another message to targets that can tell; none where it is the same one.
    pub fn told_anew_by(&self) -> Option<ReplayId> {
        self.again.filter(|again| again.fresh).map(|again| again.replay)
    }

    /// How long after the event happened (else: was received) this attempt was made.
    pub fn lateness(&self) -> Duration {
        self.claimed_at.saturating_since(self.event.occurred_at.unwrap_or(self.event.received_at))
    }
}
