//! Keeps what was accepted and what it owes, and never says "kept" before it is.
//!
//! The trait states the guarantees; the engines are [`memory`] for tests and trials and [`sqlite`], the default.
//! One contract suite (`tests/it/store_contract.rs`) runs over all of them. [`seen`] is the fast map in front; [`query`] is what people may ask.
//! Knows events and deliveries as values; knows no routes, no notifiers, no HTTP, no clock (`now` is given).
//! Next room: [`crate::deliver`], which carries out what is kept here.

pub mod memory;
pub mod query;
pub mod queue;
pub mod replay;
pub mod search;
pub mod seen;
mod kept;
mod terms;
pub mod sqlite;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::config::Span;
use crate::event::act::{Act, Deed, Signature};
pub use crate::event::aftermath::{Aftermath, Ended};
use crate::event::batch::Batch;
pub use crate::event::delivery::DeliveryState;
use crate::event::delivery::{Outcome, Owed};
use crate::event::ledger::{Answered, KeptTable};
use crate::event::silence::{self, Silence};
use crate::event::{Event, Timestamp};
use crate::names::{CursorName, DeliveryId, EventId, ReplayId, SilenceId, TableId, TargetName};
use crate::target::{Change, Obeyed, Order, Sign, TargetState};
pub use kept::{Backlog, DeliveryRow, Repeats, Retried, StoredEvent};
use query::{EventFilter, EventRow, Listed, OwedRow, Slice};
pub use queue::{End, Origin};
use replay::{Replay, ReplayStep, ReplayTerms, Retry};
pub use terms::{Candidate, Fallback, Judge, News, Ruling, Terms};

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
    /// The routing table that says so, if it is kept: see [`Store::keep_table`].
    pub routed_by: Option<TableId>,
    /// The act that it is, where an operator wants it: kept if the event is new.
    pub deed: Option<Deed>,
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

/// What became of what was appended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Of each event, in the order given.
    pub appended: Vec<Appended>,
    /// What else it did. Whoever is owed something by a route is not among the woken: that is said by the routes.
    pub after: Aftermath,
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

/// What a target's deliverer asks for.
#[derive(Clone)]
pub struct Claim {
    /// Whose deliveries.
    pub target: TargetName,
    /// The time.
    pub now: Timestamp,
    /// Batches at most.
    pub limit: usize,
    /// Of these, batches that are old at most.
    pub old_limit: usize,
    /// What holds for the target.
    pub terms: Arc<Terms>,
}

/// What a claim found.
#[derive(Debug, Default)]
pub struct Claimed {
    /// Ours to attempt until their leases end, in the order in which they should leave.
    pub batches: Vec<Batch>,
    /// What else it did. The target itself is not among the woken: it is awake.
    pub after: Aftermath,
    /// True when it stopped early to keep its transaction short: claim again.
    pub more: bool,
}

/// The end of one attempt, as told to the store.
#[derive(Clone)]
pub struct Settlement {
    /// What was attempted. Its lease is the fence: a settlement by an older holder changes nothing.
    pub batch: Arc<Batch>,
    /// How it ended.
    pub outcome: Outcome,
    /// What the target answered, if it did.
    pub answer: Option<Answered>,
    /// What that says about the target.
    pub sign: Sign,
    /// When it ended.
    pub at: Timestamp,
    /// What holds for the target.
    pub terms: Arc<Terms>,
}

/// Whether a settlement took effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// It did.
    Done {
        /// What it held.
        held: Vec<Held>,
        /// What else it did.
        after: Aftermath,
        /// What became of the target.
        change: Option<Change>,
    },
    /// The batch holds none of its deliveries: they were claimed again, or it was settled before, or the process
    /// that claimed them is gone. Nothing was changed, nothing was raised.
    Fenced,
}

/// A delivery that a settlement held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub delivery: DeliveryId,
    /// Since when it was owed.
    pub since: Timestamp,
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
    /// Keeps each event that is new together with its deliveries, due at once, and its act, and moves `cursor`, all in one
    /// transaction. Answers in the order given; without events only the cursor moves, and its last value stands.
    /// The store is the judge of what is new: of any number of concurrent appends of one id, exactly one is `New`.
    ///
    /// # Errors
    /// Also when the cursor is larger than [`Cursor::MAX_BYTES`]; then, too, nothing was kept.
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Kept, StoreError>;

    /// The last value of a cursor; `None` when it was never moved.
    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError>;

    /// Whether an append of this id would be a repeat: as [`Store::event`] answers, but without reading the event.
    async fn contains(&self, id: &EventId) -> Result<bool, StoreError>;

    /// Counts repeats that the map in front recognised, on the events they repeat, and writes them down.
    async fn note_repeats(&self, repeats: Vec<Repeats>) -> Result<(), StoreError>;

    /// Keeps the routing table that is in force from now on, so that what it made of an event can be told later.
    async fn keep_table(&self, table: KeptTable, now: Timestamp) -> Result<(), StoreError>;

    /// The text of a routing table; `None` when it is not kept (any more).
    async fn table(&self, id: TableId) -> Result<Option<String>, StoreError>;

    /// Takes what may leave now, fresh news first, and leases it for as long as the terms say; what is not to be told after
    /// all is ended. Deliveries whose lease lapsed are due again. Everything in one transaction: what leaves together, the
    /// order within an incident, the rate and the standing of the target. Each claim is a new attempt.
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError>;

    /// Records how an attempt ended, what that says about the target, and keeps what it raises, in one transaction. Each
    /// attempt is settled once.
    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError>;

    /// The first moment, from `now` on, at which `claim` may find something for `target`; `None` when nothing is pending and
    /// nothing will happen by itself.
    async fn next_due(
        &self,
        target: &TargetName,
        now: Timestamp,
        terms: Arc<Terms>,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// How `target` stands.
    async fn standing(&self, target: &TargetName) -> Result<TargetState, StoreError>;

    /// One event with its story.
    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError>;

    /// A part of the events that fit, in the order of their arrival.
    async fn events(&self, filter: EventFilter, slice: Slice) -> Result<Listed<EventRow>, StoreError>;

    /// A part of the deliveries that fit, of events that fit, in the order in which they were owed.
    async fn deliveries(&self, filter: EventFilter, slice: Slice) -> Result<Listed<OwedRow>, StoreError>;

    /// What waits for each target; one with nothing pending and no dead letters is left out.
    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError>;

    /// The newest `limit` silences before the one of number `before` that were not over at `since`, in the order of their
    /// ids.
    async fn silences(&self, since: Timestamp, before: Option<i64>, limit: usize) -> Result<Vec<Silence>, StoreError>;

    /// Keeps a silence under an id of its own, and in the same transaction the act that it is.
    async fn keep_silence(&self, terms: silence::Terms, by: Signature) -> Result<Silence, StoreError>;

    /// Ends a silence at the time of the signature, unless it is over by then: the first end stands, and only that is an
    /// act, kept with it. Answers with what is kept of it; `None` when there is none of this id (any more).
    async fn end_silence(&self, id: SilenceId, by: Signature) -> Result<Option<Silence>, StoreError>;

    /// Has `target` obey an operator, and keeps the act in the same transaction, unless there was nothing to do. What was
    /// claimed before is carried out all the same.
    async fn order(&self, target: &TargetName, order: Order, by: Signature) -> Result<Obeyed, StoreError>;

    /// What operators did: up to `limit` acts before the one of number `before`, newest first.
    async fn acts(&self, before: Option<i64>, limit: usize) -> Result<Vec<Act>, StoreError>;

    /// Owes these dead letters again, from now on, and keeps that as an act for each. What is none stays as it is, and so does
    /// what nobody is to hear of any more: what it opened is over by now, or nothing would end it.
    async fn retry(&self, wanted: Retry) -> Result<Retried, StoreError>;

    /// Keeps a replay of the events that are there by now, and the act that it is.
    async fn begin_replay(&self, terms: ReplayTerms, by: Signature) -> Result<Replay, StoreError>;

    /// The newest `limit` replays before the one of number `before`, newest first.
    async fn replays(&self, before: Option<i64>, limit: usize) -> Result<Vec<Replay>, StoreError>;

    /// One replay.
    async fn replay(&self, id: ReplayId) -> Result<Option<Replay>, StoreError>;

    /// The first replay that has not ended.
    async fn running_replay(&self) -> Result<Option<Replay>, StoreError>;

    /// Takes the next step of a replay: owes again, and says how far it has come, in one transaction. Does nothing where the
    /// step was taken before or the replay has ended: then there is no aftermath.
    async fn go_on(&self, step: ReplayStep) -> Result<Option<Aftermath>, StoreError>;

    /// Ends a replay before its time, unless it has ended: the first end stands, and only that is an act.
    async fn stop_replay(&self, id: ReplayId, by: Signature) -> Result<Option<Replay>, StoreError>;

    /// Forgets up to `limit` events received before `before`, with their deliveries; never one with a pending delivery.
    /// Returns how many it forgot. Forgets as many silences that were over before then and as many acts from before then,
    /// too.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Proves that a write can be made durable now.
    async fn probe(&self) -> Result<(), StoreError>;
}

#[cfg(test)]
#[path = "tests/undisturbed.rs"]
mod undisturbed;
