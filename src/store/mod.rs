//! Keeps what was accepted and what it owes, and never says "kept" before it is.
//!
//! The trait states the guarantees; the engines are [`memory`] for tests and trials and [`sqlite`], the default.
//! One contract suite (`tests/it/store_contract.rs`) runs over all of them. [`seen`] is the fast map in front.
//! Knows events and deliveries as values; knows no routes, no notifiers, no HTTP, no clock (`now` is given).
//! Next room: [`crate::deliver`], which carries out what is kept here.

pub mod memory;
pub mod seen;
pub mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use crate::config::Span;
use crate::event::delivery::{Delivery, Outcome, Owed};
use crate::event::silence::{Silence, Terms};
use crate::event::{Event, Timestamp};
use crate::names::{CursorName, DeliveryId, EventId, SilenceId, TargetName};

/// The section `store`. Exactly one engine; SQLite when none is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The default engine.
    pub sqlite: Option<sqlite::Config>,
    /// For trials: nothing survives the process.
    pub memory: Option<memory::Config>,
    /// How long events are kept after they were received; one with a pending delivery is kept longer.
    pub retention: Span,
    /// How much the map in front of the store remembers.
    pub seen: seen::Limits,
}

/// An event with everything it owes, to be kept together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The event.
    pub event: Event,
    /// Its deliveries; empty for an event nobody is to be told of.
    pub owed: Vec<Owed>,
}

/// What a source remembers between runs, such as how far it has read. Only the source knows what the value means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Which cursor.
    pub name: CursorName,
    /// Its value: at most [`Cursor::MAX_BYTES`].
    pub value: String,
}

impl Cursor {
    /// How long a value may be: a position and a few open ends, not a diary.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// What every engine asks before it keeps a cursor.
    fn check(&self) -> Result<(), StoreError> {
        let (name, bytes) = (&self.name, self.value.len());
        match bytes <= Self::MAX_BYTES {
            true => Ok(()),
            false => Err(StoreError {
                doing: "keep a cursor",
                detail: format!("`{name}` has {bytes} bytes; at most {} are allowed", Self::MAX_BYTES),
            }),
        }
    }
}

/// What became of an appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// First of its id: the event and its deliveries are durable.
    New,
    /// The id was there before; nothing was added. The repeat is counted on the first one.
    Duplicate {
        /// True when the source that brought it first now gives this id another body; that is counted apart. From
        /// another source another body is no wonder: the webhook and CAST AI's API tell of one event in their own ways.
        conflict: bool,
    },
}

/// The end of one attempt, as told to the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Which attempt: the fence. A settlement of an older attempt changes nothing.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended.
    pub at: Timestamp,
    /// Events this end gives rise to, kept in the same transaction (`relay.delivery_dead`).
    pub raise: Vec<Append>,
}

/// Whether a settlement took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It did.
    Done,
    /// The attempt does not hold the delivery: it was claimed again, or this attempt was settled before, or the process
    /// that claimed it is gone. Nothing was changed, nothing was raised.
    Fenced,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// Owed: due now or later, or claimed by a running attempt.
    Pending,
    /// The target took it.
    Delivered,
    /// Given up: a dead letter.
    Dead,
}

/// A delivery as kept, for people and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// What is owed, to whom, by which route.
    pub owed: Owed,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Not before this (pending only).
    pub due_at: Timestamp,
    /// The last reason for failing, in words.
    pub detail: Option<String>,
}

/// An event as kept, for people and tests.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// The event as first received.
    pub event: Event,
    /// Repeats since, but for conflicts.
    pub duplicates: u64,
    /// Repeats since with another body from the same source.
    pub conflicts: u64,
    /// Its deliveries, in the order they were owed.
    pub deliveries: Vec<DeliveryRow>,
}

/// What is waiting for one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Deliveries pending.
    pub pending: u64,
    /// When the first accepted of them was received.
    pub oldest: Option<Timestamp>,
    /// Dead letters kept.
    pub dead: u64,
}

/// The store could not do it. Whatever was asked has not happened, as far as the caller may tell anyone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store failed to {doing}: {detail}")]
pub struct StoreError {
    /// What was being done.
    pub doing: &'static str,
    /// What the engine said.
    pub detail: String,
}

/// About a dozen methods, because deduplication, lease and settlement must be atomic together.
///
/// Every write is durable when its future is ready with `Ok`: the process may be killed and the machine lose power
/// (except for [`memory`], which says so). After an `Err` the effect must be taken as not having happened.
/// A future may be dropped at any time; the write then happens completely or not at all.
#[async_trait]
pub trait Store: Send + Sync {
    /// Keeps each event that is new together with its deliveries, due at once, and moves `cursor`, all in one
    /// transaction. Answers in the order given; without events only the cursor moves, and its last value stands.
    /// The store is the judge of what is new: of any number of concurrent appends of one id, exactly one is `New`.
    ///
    /// # Errors
    /// Also when the cursor is larger than [`Cursor::MAX_BYTES`]; then, too, nothing was kept.
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Vec<Appended>, StoreError>;

    /// The last value of a cursor; `None` when it was never moved.
    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError>;

    /// Whether an append of this id would be a repeat: as [`Store::event`] answers, but without reading the event.
    async fn contains(&self, id: &EventId) -> Result<bool, StoreError>;

    /// Counts a repeat that the map in front recognised as a conflict, on the event it repeats.
    async fn note_conflict(&self, id: &EventId) -> Result<(), StoreError>;

    /// Takes up to `limit` due deliveries of `target`, oldest due first, and leases them until `now + lease`.
    /// A delivery whose lease lapsed is due again. None while the target is paused. Each claim is a new attempt.
    async fn claim(
        &self,
        target: &TargetName,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Records how an attempt ended, and keeps what it raises, in one transaction. Each attempt is settled once. A pause
    /// of the target is never made shorter: attempts run side by side, and the longest wait asked for holds for all.
    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError>;

    /// When `claim` would next find something for `target`; `None` when nothing is pending.
    async fn next_due(&self, target: &TargetName) -> Result<Option<Timestamp>, StoreError>;

    /// One event with its story.
    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError>;

    /// What waits for each target; one with nothing pending and no dead letters is left out.
    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError>;

    /// The newest `limit` silences that were not over at `since`, in the order of their ids.
    async fn silences(&self, since: Timestamp, limit: usize) -> Result<Vec<Silence>, StoreError>;

    /// Keeps a silence under an id of its own.
    async fn keep_silence(&self, terms: Terms) -> Result<Silence, StoreError>;

    /// Ends a silence at `at`, unless it is over by then: the first end stands. Answers with what is kept of it; `None`
    /// when there is none of this id (any more).
    async fn end_silence(&self, id: SilenceId, at: Timestamp, by: &str) -> Result<Option<Silence>, StoreError>;

    /// Forgets up to `limit` events received before `before`, with their deliveries; never one with a pending delivery.
    /// Returns how many it forgot. Forgets as many silences that were over before then, too.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Proves that a write can be made durable now.
    async fn probe(&self) -> Result<(), StoreError>;
}
