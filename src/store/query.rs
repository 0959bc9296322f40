//! What may be asked of the store for people: which events, which deliveries, in which order, and how many at a time.
//!
//! Plain values, and the one judgement that every engine shares: whether an event fits. How it is found quickly is for
//! the engines; [`super::search`] is the words they look for. Every answer is bounded: an engine that has looked at
//! [`MOST_LOOKS`] events stops, says how far it came, and goes on when it is asked again from there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DeliveryRow, search};
use crate::event::delivery::DeliveryState;
use crate::event::{Event, Severity, Timestamp};
use crate::names::{DeliveryId, EventId, RouteName, SourceName, TargetName};

/// Events that are looked at for one answer.
pub const MOST_LOOKS: usize = 4_000;

/// Which events. Everything that is said must hold; nothing said, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// One of these; any, when there are none.
    pub ids: BTreeSet<EventId>,
    /// The type, or with `.*` at its end all types that begin so.
    pub event_type: Option<String>,
    /// The cluster's name or id.
    pub cluster: Option<String>,
    /// At least so severe.
    pub severity: Option<Severity>,
    /// Who brought it.
    pub source: Option<SourceName>,
    /// When it was received, and which words occur in it.
    pub when: Period,
    /// Words that occur in it, in any order; whole words, in any case.
    pub text: Option<String>,
    /// That something of it is owed like this.
    pub owed: OwedFilter,
}

/// Which deliveries. Everything that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct OwedFilter {
    /// To whom.
    pub target: Option<TargetName>,
    /// By which route.
    pub route: Option<RouteName>,
    /// Where it stands.
    pub state: Option<DeliveryState>,
}

/// A time, by when events were received. They are in the order of their arrival: where the clock was set back, the bounds
/// count as they lie in that order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Period {
    /// From then on, itself included.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

/// Which way one goes through what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The last one that came is the first.
    #[default]
    NewestFirst,
    /// The first one that came is the first.
    OldestFirst,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slice {
    /// What follows this place; from the beginning without one.
    pub after: Option<i64>,
    /// How many at most.
    pub limit: usize,
    /// Which way.
    pub order: Order,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// What fits, in order. May be less than was asked for although there is more.
    pub items: Vec<T>,
    /// Where to go on; none at the end of the list.
    pub next: Option<i64>,
}

/// An event in a list: without its raw body.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its place in the list.
    pub place: i64,
    /// What it is.
    pub event: Event,
    /// Repeats since, conflicts included.
    pub repeats: u64,
    /// To whom it is owed, and how many of its deliveries stand where.
    pub owed: BTreeMap<TargetName, BTreeMap<DeliveryState, usize>>,
}

/// A delivery in a list, with the event it tells of, without its raw body.
#[derive(Debug, Clone, PartialEq)]
pub struct OwedRow {
    /// How it stands.
    pub delivery: DeliveryRow,
    /// What it tells of; none where that cannot be read.
    pub event: Option<Event>,
}

impl Period {
    /// Whether a time lies in it.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

impl OwedFilter {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a delivery fits.
    pub fn fits(&self, target: &TargetName, route: &RouteName, state: DeliveryState) -> bool {
        self.target.as_ref().is_none_or(|wanted| wanted == target)
            && self.route.as_ref().is_none_or(|wanted| wanted == route)
            && self.state.is_none_or(|wanted| wanted == state)
    }
}

impl EventFilter {
    /// Whether an event fits, as far as that can be said of it alone: not when it came, nor what it owes.
    pub fn fits(&self, event: &Event) -> bool {
        let type_name = event.type_name();
        let fits_type = |wanted: &str| match wanted.strip_suffix(".*") {
            Some(prefix) => type_name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
            None => wanted == type_name,
        };
        let is_cluster =
            |wanted: &str| [&event.cluster.name, &event.cluster.id].into_iter().flatten().any(|is| is == wanted);
        (self.ids.is_empty() || self.ids.contains(&event.id))
            && self.event_type.as_deref().is_none_or(fits_type)
            && self.cluster.as_deref().is_none_or(is_cluster)
            && self.severity.is_none_or(|least| event.severity >= least)
            && self.source.as_ref().is_none_or(|source| *source == event.source)
            && self.has_words_of(event)
    }

    fn has_words_of(&self, event: &Event) -> bool {
        let Some(text) = &self.text else { return true };
        let words: BTreeSet<String> = search::words_of(event);
        search::words(text).iter().all(|word| words.contains(word))
    }
}

impl Slice {
    /// The beginning of a list.
    pub fn first(limit: usize, order: Order) -> Self {
        Self { after: None, limit, order }
    }

    /// Whether a place comes after where this slice begins.
    pub fn begins_before(&self, place: i64) -> bool {
        self.after.is_none_or(|after| match self.order {
            Order::NewestFirst => place < after,
            Order::OldestFirst => place > after,
        })
    }
}

impl OwedRow {
    /// Its place in the list.
    pub fn place(&self) -> DeliveryId {
        self.delivery.id
    }
}

#[cfg(test)]
#[path = "tests/query.rs"]
mod tests;
