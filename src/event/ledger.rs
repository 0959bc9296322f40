//! The ledger: what happened to an event, entry by entry, as it is kept beside it and told to whoever asks.
//!
//! Plain values. What led to an entry is in [`crate::store`], which keeps each in the transaction of what it tells of; what
//! can be read off the event and its deliveries as they stand is not written down a second time. Each text is bounded here,
//! the number of entries of one event by [`MOST_ENTRIES`].

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::delivery::{DeliveryState, Reason};
use crate::names::{DeliveryId, EventId, IncidentKey, ReplayId, SourceName, TableId, TargetName};

/// Entries that are kept of one event at most: of more, the first half and the last half.
pub const MOST_ENTRIES: u64 = 200;

/// Repeats that are written down one by one; the others are only counted, on the event.
pub const MOST_REPEATS: u64 = 16;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Which of the event's entries, from 1. Where a number is missing, entries were left out.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Fact {
    /// Its id came again, and nobody was told anew.
    Repeated {
        /// From where.
        source: SourceName,
        /// True when that source now gives it another body; the first one stands.
        conflict: bool,
        /// How often, up to that time, since the entry before.
        times: u64,
    },
    /// A message that tells of it was sent, or tried to be.
    Attempted(Attempt),
    /// An attempt was begun, and the relay stopped before it knew how that ended.
    CutShort {
        /// The delivery.
        delivery: DeliveryId,
        /// Which attempt at it, from 1.
        attempt: u32,
    },
    /// A delivery came to its end without being delivered.
    Ended {
        /// The delivery.
        delivery: DeliveryId,
        /// How it ended.
        state: DeliveryState,
        /// The reason of a dead letter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        /// Why, in words.
        detail: String,
    },
    /// Another target is told instead, too.
    FellBack {
        /// The delivery that its own target did not take, or cannot take for too long.
        delivery: DeliveryId,
        /// Who is told.
        to: TargetName,
        /// The delivery owed to them for it; none where they hear of the event in another way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copy: Option<DeliveryId>,
    },
    /// The incident that it opened, or added to, is over.
    Resolved {
        /// Where.
        target: TargetName,
        /// Which incident.
        incident: IncidentKey,
        /// The event that ended it; none where nothing more was heard of it for its time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<EventId>,
    },
    /// A dead letter is owed again.
    Retried {
        /// The delivery.
        delivery: DeliveryId,
        /// Who wanted that.
        by: String,
    },
    /// It is told again.
    Replayed {
        /// By which replay.
        replay: ReplayId,
        /// Who wanted that.
        by: String,
    },
    /// Something that a newer relay wrote down.
    #[serde(other)]
    Unknown,
}

/// One attempt at telling of an event, alone or with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// How it ended: `delivered`, `retry` or `dead`.
    pub outcome: AttemptOutcome,
    /// How long it took, in milliseconds; it ended at the time of the entry.
    pub took_ms: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The same in words, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether it may have arrived although it failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// When it is tried again at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
    /// What the target answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answered>,
    /// The message it was part of, where that told of more than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The target took it.
    Delivered,
    /// It is tried again.
    Retry,
    /// It was the last one.
    Dead,
}

/// A message that told of many deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Together {
    /// The first of them, which names the message.
    pub first: DeliveryId,
    /// How many they were.
    pub deliveries: usize,
    /// Whether a storm swept them together; else they were a group.
    pub storm: bool,
}

/// What a target answered: its status, and the beginning of what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// The HTTP status, or the like.
    pub status: u16,
    /// One line of text without secrets and control characters; empty when it said nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
}

impl Answered {
    /// Characters that are kept of what was said.
    pub const LONGEST: usize = 300;

    /// `said` holds no secret by now, and is cut here.
    pub fn new(status: u16, said: &str) -> Self {
        Self { status, said: cut(said.trim(), Self::LONGEST) }
    }
}

/// The routing table that was in force when an event came: by it, what the routes made of the event can be told again at any
/// time, because routing is a function of both and of nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTable {
    /// Its name, made of its text.
    pub id: TableId,
    /// The parts of the configuration it is compiled from, as JSON.
    pub text: String,
}

impl KeptTable {
    /// The table that is compiled from this text.
    pub fn new(text: String) -> Self {
        Self { id: TableId::of(&text), text }
    }
}

impl Attempt {
    /// How long it took.
    pub fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms)
    }
}

/// Characters that are kept of a detail.
const LONGEST_DETAIL: usize = 600;

/// A detail as it is written down.
pub fn bounded(detail: &str) -> String {
    cut(detail, LONGEST_DETAIL)
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "tests/ledger.rs"]
mod tests;
