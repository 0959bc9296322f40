//! The fast map in front of the store: answers repeats at memory speed and lets concurrent twins wait for the first.
//!
//! A cache, never a judge: what it does not know, the store decides. Bounded by age and by number; the oldest go first.
//! Knows ids and times; knows neither the store's engines nor HTTP. Used by [`crate::source::Inbox`].

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use serde::Deserialize;
use tokio::sync::Notify;

use crate::config::Span;
use crate::event::Timestamp;
use crate::names::{EventId, SourceName};

/// How much the map may remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Ids remembered at most.
    pub entries: usize,
    /// How long an id is remembered at most.
    pub age: Span,
}

/// The map.
#[derive(Debug)]
pub struct Seen {
    map: DashMap<EventId, State>,
    /// Remembered ids, oldest first: what makes both bounds exact without ever sweeping the map.
    order: Mutex<VecDeque<(EventId, Timestamp)>>,
    limits: Limits,
    hasher: RandomState,
}

#[derive(Debug, Clone)]
enum State {
    InFlight(Arc<InFlight>),
    Kept(Fingerprint),
}

/// What the map remembers of an event beside its id: hashes of who brought it and of its body.
#[derive(Debug, Clone, Copy)]
struct Fingerprint {
    source: u64,
    body: u64,
}

impl Fingerprint {
    /// Whether one source gave two bodies.
    fn conflicts_with(self, other: Self) -> bool {
        self.source == other.source && self.body != other.body
    }
}

#[derive(Debug)]
struct InFlight {
    fingerprint: Fingerprint,
    fate: OnceLock<Fate>,
    decided: Notify,
}

/// What became of the first of several twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is durable.
    Kept,
    /// The store could not keep it.
    Failed,
    /// Nobody knows: the first caller went away. Ask again.
    Unknown,
}

/// Where an id stands when it comes in.
#[derive(Debug)]
pub enum Entered<'a> {
    /// Nobody has it: append it and tell the ticket what became of it.
    First(Ticket<'a>),
    /// It is durable already.
    Known {
        /// Whether the source it is remembered from gave another body then.
        conflict: bool,
    },
    /// Somebody is appending it right now.
    Twin(Twin),
}

impl Seen {
    /// An empty map within `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { map: DashMap::new(), order: Mutex::default(), limits, hasher: RandomState::new() }
    }

    /// Asks for an id that `source` brings with `body`. Of concurrent callers exactly one is [`Entered::First`].
    pub fn enter(&self, id: &EventId, source: &SourceName, body: &[u8]) -> Entered<'_> {
        let fingerprint = Fingerprint { source: self.hasher.hash_one(source), body: self.hasher.hash_one(body) };
        match self.map.entry(id.clone()) {
            Entry::Vacant(vacant) => {
                let flight = Arc::new(InFlight { fingerprint, fate: OnceLock::new(), decided: Notify::new() });
                vacant.insert(State::InFlight(flight.clone()));
                Entered::First(Ticket { seen: self, id: id.clone(), flight })
            }
            Entry::Occupied(occupied) => match occupied.get() {
                State::Kept(kept) => Entered::Known { conflict: kept.conflicts_with(fingerprint) },
                State::InFlight(flight) => {
                    let conflict = flight.fingerprint.conflicts_with(fingerprint);
                    Entered::Twin(Twin { flight: flight.clone(), conflict })
                }
            },
        }
    }

    /// Whether the id is remembered as durable. What the map does not know, the store may.
    pub fn knows(&self, id: &EventId) -> bool {
        self.map.get(id).is_some_and(|state| matches!(*state, State::Kept(_)))
    }

    fn remember(&self, id: &EventId, fingerprint: Fingerprint, now: Timestamp) {
        self.map.insert(id.clone(), State::Kept(fingerprint));
        let oldest_allowed = now.saturating_sub(self.limits.age.get());
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.push_back((id.clone(), now));
        while order.len() > self.limits.entries || order.front().is_some_and(|(_, at)| *at < oldest_allowed) {
            if let Some((forgotten, _)) = order.pop_front() {
                self.map.remove(&forgotten);
            }
        }
    }
}

/// The right, and the duty, to append an id. Dropped without a word, the id is free again and twins ask anew.
#[derive(Debug)]
pub struct Ticket<'a> {
    seen: &'a Seen,
    id: EventId,
    flight: Arc<InFlight>,
}

impl Ticket<'_> {
    /// It is durable, and this body is no conflict: remember it and let the twins answer.
    pub fn kept(self, now: Timestamp) {
        self.seen.remember(&self.id, self.flight.fingerprint, now);
        self.flight.decide(Fate::Kept);
    }

    /// The store could not keep it: the twins fail with it, the next caller may try.
    pub fn failed(self) {
        self.flight.decide(Fate::Failed);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let decided = self.flight.fate.get().copied();
        if decided != Some(Fate::Kept) {
            self.seen.map.remove(&self.id);
        }
        self.flight.decide(Fate::Unknown);
    }
}

/// A later caller with an id that is being appended.
#[derive(Debug)]
pub struct Twin {
    flight: Arc<InFlight>,
    /// Whether it is from the first one's source and has another body.
    pub conflict: bool,
}

impl Twin {
    /// Waits for what became of the first.
    pub async fn fate(&self) -> Fate {
        loop {
            let decided = self.flight.decided.notified();
            if let Some(fate) = self.flight.fate.get() {
                return *fate;
            }
            decided.await;
        }
    }
}

impl InFlight {
    /// The first word counts.
    fn decide(&self, fate: Fate) {
        if self.fate.set(fate).is_ok() {
            self.decided.notify_waiters();
        }
    }
}

#[cfg(test)]
#[path = "tests/seen.rs"]
mod tests;
