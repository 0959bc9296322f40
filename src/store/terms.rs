//! What holds for a target while the store claims and settles for it, and who decides what the store cannot know.
//!
//! The store knows no routes, no silences and no configuration. It asks a [`Judge`], inside its transaction, so that what is
//! decided and what is kept cannot differ.

use std::sync::Arc;
use std::time::Duration;

use super::{Append, End};
use crate::event::batch::Gathering;
use crate::event::relay::GivenUp;
use crate::event::{Event, Severity, Timestamp};
use crate::names::{RouteName, TargetName};
use crate::target::{Change, Limits};

/// What holds for one target.
#[derive(Clone)]
pub struct Terms {
    /// How fast, and what closes it.
    pub limits: Limits,
    /// How long a claim holds.
    pub lease: Duration,
    /// Who is told instead.
    pub fallback: Option<Fallback>,
    /// The target opens and ends incidents itself, by their keys: different ones never leave in one message.
    pub keeps_incidents: bool,
    /// One message can tell of many deliveries that belong to no incident.
    pub tells_many: bool,
    /// What follows in a storm is written into the storm's one message.
    pub rewrites_storms: bool,
    /// Who decides.
    pub judge: Arc<dyn Judge>,
}

/// Who is told of what a target does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// Who.
    pub to: TargetName,
    /// How long the target may be shut before.
    pub after: Duration,
}

/// Decides what the store cannot know. Called inside transactions: it must be quick, and must not call the store.
pub trait Judge: Send + Sync {
    /// How the deliveries of a route leave together.
    fn gathering(&self, route: &RouteName) -> Gathering;

    /// Whether a delivery may leave. What is to be silent is ruled so, whatever else there is to say of it.
    fn ruling(&self, candidate: &Candidate<'_>, now: Timestamp) -> Ruling;

    /// Why nobody is to hear of a delivery now, in words; `None` when somebody may.
    fn silence(&self, candidate: &Candidate<'_>, now: Timestamp) -> Option<String> {
        match self.ruling(candidate, now) {
            Ruling::End(End::Silenced { detail }) => Some(detail),
            _ => None,
        }
    }

    /// The events that news give rise to, with what they owe.
    fn report(&self, news: News<'_>, now: Timestamp) -> Vec<Append>;
}

/// A delivery that is about to leave.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its event.
    pub event: &'a Event,
    /// The route that owes it.
    pub route: &'a RouteName,
    /// Where it must go.
    pub target: &'a TargetName,
    /// The severity to tell it with.
    pub severity: Severity,
    /// Since when it is owed: when its event was received, or its incident timed out.
    pub owed_since: Timestamp,
    /// True when it ends an incident that this target was told of.
    pub ends_what_was_told: bool,
    /// True when an attempt at it was begun and nobody knows how it ended.
    pub interrupted: bool,
    /// True when somebody wants it told again.
    pub again: bool,
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It may leave.
    Leave,
    /// It ends here.
    End(End),
}

/// What people may have to be told of.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// Deliveries were given up.
    GivenUp(GivenUp<'a>),
    /// A target was closed, or opened again.
    Change {
        /// Which target.
        target: &'a TargetName,
        /// What became of it.
        change: &'a Change,
    },
}
