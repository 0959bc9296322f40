//! What is kept, as people and tests see it, and what is counted of it. Plain values.

use super::{Aftermath, DeliveryState, Origin};
use crate::event::batch::Receipt;
use crate::event::delivery::{Again, Owed, Reason};
use crate::event::ledger::Entry;
use crate::event::{Event, Timestamp};
use crate::names::{DeliveryId, EventId, SourceName, TableId, TargetName};

/// A delivery as kept, for people and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// What is owed, to whom, by which route. Of group, storm and incident only what is kept.
    pub owed: Owed,
    /// Why it is owed.
    pub origin: Origin,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Not before this (pending only); while an attempt is running, when its lease ends.
    pub due_at: Timestamp,
    /// Since when it is owed: when its event was received, when it fell back, or when its incident timed out.
    pub owed_since: Timestamp,
    /// When it came to its end.
    pub settled_at: Option<Timestamp>,
    /// Whether an attempt at it was begun and has not ended.
    pub is_held: bool,
    /// Whether it waits for an earlier one of its incident.
    pub is_behind: bool,
    /// Whether an attempt may have arrived of which nobody knows: then it may be there twice, or though it was given up. Not
    /// known of those that end an incident.
    pub in_doubt: bool,
    /// The last reason for failing.
    pub reason: Option<Reason>,
    /// The same in words; for one that was silenced or superseded, by what.
    pub detail: Option<String>,
    /// What the target gave for it.
    pub receipt: Option<Receipt>,
    /// Who is told of it, too, because this target did not take it or was paused for too long.
    pub fell_back_to: Option<TargetName>,
    /// That it was told before, and somebody wants it told again.
    pub again: Option<Again>,
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
    /// The routing table that was in force when it came, if that is known.
    pub routed_by: Option<TableId>,
    /// What happened to it, in order. At most [`MOST_ENTRIES`](crate::event::ledger::MOST_ENTRIES).
    pub ledger: Vec<Entry>,
}

/// Repeats of an event that the map in front of the store recognised, so that the store has not heard of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeats {
    /// Of which event.
    pub id: EventId,
    /// Where the last one came from.
    pub source: SourceName,
    /// How many with the same body, or from another source.
    pub plain: u64,
    /// How many with another body from the same source.
    pub conflicts: u64,
    /// When the last one came.
    pub at: Timestamp,
}

/// What became of dead letters that were to be owed again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retried {
    /// Those that are.
    pub owed: Vec<DeliveryId>,
    /// What else it did.
    pub after: Aftermath,
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
