//! The ledger in memory: a list for each event, bounded as everywhere.

use super::KeptEvent;
use crate::event::Timestamp;
use crate::event::ledger::{Entry, Fact, MOST_ENTRIES, MOST_REPEATS};
use crate::store::Repeats;

/// What happened to one event.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
}

impl Ledger {
    /// In order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds an entry; of too many, one in the middle goes.
    pub fn note(&mut self, at: Timestamp, fact: Fact) {
        let number = self.entries.last().map_or(1, |last| last.number + 1);
        self.entries.push(Entry { number, at, fact });
        if number > MOST_ENTRIES {
            self.entries.retain(|entry| entry.number != number - MOST_ENTRIES / 2);
        }
    }
}

impl KeptEvent {
    /// Counts repeats, and writes the first of them down.
    pub fn repeat(&mut self, repeats: Repeats) {
        let Repeats { source, plain, conflicts, at, .. } = repeats;
        let before = self.duplicates + self.conflicts;
        self.duplicates += plain;
        self.conflicts += conflicts;
        if before < MOST_REPEATS {
            self.ledger.note(at, Fact::Repeated { source, conflict: conflicts > 0, times: plain + conflicts });
        }
    }
}
