//! What thresholds remember of their scopes from round to round, and how much of it at the most.
//!
//! Pure. Knows no limits and no values; [`super::threshold`] decides what is remembered, and [`super::watch`] keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::ThresholdName;

/// All that thresholds remember, by threshold and scope. As JSON it is a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State(BTreeMap<String, BTreeMap<String, Memory>>);

impl State {
    /// As many scopes as are watched, all thresholds together: what fits into a cursor.
    pub const MAX_SCOPES: usize = 1000;

    /// Whether nothing was ever watched.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is remembered of one scope.
    pub(super) fn of(&self, threshold: &ThresholdName, scope: &str) -> Option<Memory> {
        self.0.get(threshold.as_str())?.get(scope).copied()
    }

    /// Whether there was room for it.
    pub(super) fn remember(&mut self, threshold: &ThresholdName, scope: &str, memory: Memory) -> bool {
        let has_room = self.scopes() < Self::MAX_SCOPES;
        if has_room {
            self.0.entry(threshold.to_string()).or_default().insert(scope.to_owned(), memory);
        }
        has_room
    }

    /// Keeps what `before` remembers of a threshold's other scopes, those that are `wanted`, as long as there is room.
    pub(super) fn keep(&mut self, before: &Self, threshold: &ThresholdName, wanted: impl Fn(&str) -> bool) {
        for (scope, memory) in before.0.get(threshold.as_str()).into_iter().flatten() {
            if wanted(scope) && self.of(threshold, scope).is_none() && !self.remember(threshold, scope, *memory) {
                return;
            }
        }
    }

    fn scopes(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }
}

/// What one threshold remembers of one scope. Written as its counter, which is negative while it is armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub(super) struct Memory {
    pub crossed: bool,
    /// The number of the last crossing; part of its id. It begins at the hour the scope was first seen, so that a
    /// threshold that was forgotten and comes back does not number its crossings as before.
    pub counter: i64,
}

impl From<i64> for Memory {
    fn from(written: i64) -> Self {
        Self { crossed: written > 0, counter: written.saturating_abs() }
    }
}

impl From<Memory> for i64 {
    fn from(memory: Memory) -> Self {
        if memory.crossed { memory.counter } else { -memory.counter }
    }
}
