//! What is told again because somebody wants it: dead letters at once, and replays, which take stored events a few at a time.
//!
//! A replay is a row that says which events, to whom, how fast, and how far it has come; so it goes on after a restart,
//! and of two processes that carry it out each event is told by one. Plain values; what is owed again is for
//! [`super::queue::again`], who carries it out for [`crate::deliver::replay`].

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::query::EventFilter;
use crate::event::Timestamp;
use crate::event::act::Signature;
use crate::event::delivery::Owed;
use crate::names::{DeliveryId, ReplayId, RouteName, TargetName};

/// Dead letters that somebody wants told again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// Which.
    pub letters: Vec<DeliveryId>,
    /// The targets there are: nothing is owed to another one.
    pub targets: Vec<TargetName>,
    /// The routes that keep incidents, each with how long after the last event that opened one it ends by itself, if it does.
    /// Of another route nothing would end what it opened, so that is not owed.
    pub incidents: BTreeMap<RouteName, Option<Duration>>,
    /// Who wants it, and when.
    pub by: Signature,
}

/// What a replay tells again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayTerms {
    /// Which events.
    pub filter: EventFilter,
    /// Only to these; to whom the routes say now, when there are none.
    pub to: Vec<TargetName>,
    /// Which keys the messages have.
    pub keys: Keys,
    /// From one event to the next.
    pub every: Duration,
    /// Why, for those who are told.
    pub why: String,
}

/// What a target that can tell makes of a message that is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// The same as the first one: whoever has it already is not told twice.
    Same,
    /// Another one: everybody is told.
    New,
}

/// A replay as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// What it is called.
    pub id: ReplayId,
    /// What it tells again.
    pub terms: ReplayTerms,
    /// Who wants it.
    pub by: String,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// The last event that was there then: what came later is no part of it.
    pub last: i64,
    /// How far it has come, as a place in the list of events, oldest first.
    pub place: i64,
    /// When the next event is told.
    pub next_at: Timestamp,
    /// Events told again.
    pub events: u64,
    /// Deliveries owed for them.
    pub deliveries: u64,
    /// How it ended.
    pub ended: Option<ReplayEnd>,
}

/// How a replay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayEnd {
    /// When.
    pub at: Timestamp,
    /// Who stopped it; nobody, where it came to its end.
    pub stopped_by: Option<String>,
}

/// The next step of a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayStep {
    /// Of which.
    pub id: ReplayId,
    /// From where: a step that somebody else has taken already does nothing.
    pub from: i64,
    /// To where.
    pub to: i64,
    /// The events on the way, by their places, and what each owes again.
    pub owed: Vec<(i64, Vec<Owed>)>,
    /// When the next one may be told; none at the end.
    pub next_at: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
}

impl ReplayTerms {
    /// Of what an event owes by the routes, what is owed again: where somebody is named, to nobody else.
    pub fn wanted(&self, owed: Vec<Owed>) -> Vec<Owed> {
        owed.into_iter().filter(|owed| self.to.is_empty() || self.to.contains(&owed.target)).collect()
    }
}

impl Replay {
    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.ended.is_none()
    }
}
