//! Repeats that the map in front of the store recognised, until they are written down beside the events they repeat.
//!
//! A repeat is answered at the speed of memory, so it cannot wait for a write; several are written at once instead. What
//! a killed process had not written yet is lost: a count, never an event. Bounded by [`MOST_WAITING`] ids.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::event::Timestamp;
use crate::names::{EventId, SourceName};
use crate::store::Repeats;

/// Ids of which repeats wait to be written; with more, it is time to write.
pub const MOST_WAITING: usize = 512;

/// What waits.
#[derive(Debug, Default)]
pub struct Unwritten(Mutex<HashMap<EventId, Repeats>>);

impl Unwritten {
    /// One more; yields whether they have to be written before the next one.
    pub fn add(&self, id: EventId, source: SourceName, conflict: bool, at: Timestamp) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = || Repeats { id: id.clone(), source: source.clone(), plain: 0, conflicts: 0, at };
        let repeats = waiting.entry(id.clone()).or_insert_with(first);
        *(if conflict { &mut repeats.conflicts } else { &mut repeats.plain }) += 1;
        (repeats.source, repeats.at) = (source, at);
        waiting.len() >= MOST_WAITING
    }

    /// All that wait, which wait no longer.
    pub fn take(&self) -> Vec<Repeats> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting).into_values().collect()
    }
}
