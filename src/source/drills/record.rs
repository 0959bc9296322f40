//! What is remembered of a drill between rounds and starts: how far its schedule is dealt with, and how it went lately.
//!
//! Pure, and bounded: it is the value of a cursor, which moves in one transaction with the events it stands for.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{DrillOutcome, Timestamp};
use crate::names::{EventId, RouteName, TargetName};

/// How many may be under way at a time, of one name.
pub const MOST_UNDER_WAY: usize = 8;

/// How many are remembered that have ended.
const MOST_ENDED: usize = 10;

/// How many characters are remembered of who wanted one; the act knows all of them.
const LONGEST_NAME: usize = 100;

/// What is remembered of one drill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Up to when everything that was due is dealt with; `None` at the very first start.
    pub dealt_with: Option<Timestamp>,
    /// When the last one that passed was begun, and how long it took, in milliseconds.
    pub passed: Option<(Timestamp, u64)>,
    /// The newest first.
    pub runs: Vec<Run>,
}

/// One time that a drill took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DrillRun")]
pub struct Run {
    /// Its event.
    #[schemars(with = "String")]
    pub event_id: EventId,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When everybody must have been told.
    pub until: Timestamp,
    /// Who wanted it; nobody, where the schedule did.
    pub by: Option<String>,
    /// How it ended; nothing while it is under way.
    pub ended: Option<Ended>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DrillEnd")]
pub struct Ended {
    /// When that was found out.
    pub at: Timestamp,
    /// How.
    pub outcome: DrillOutcome,
    /// From its beginning until the last one was told, in milliseconds; only where it passed.
    pub took_ms: Option<u64>,
    /// The route that owes what failed, or is silent.
    pub route: Option<RouteName>,
    /// Who was not told.
    pub target: Option<TargetName>,
    /// Why, in words; nothing where it passed.
    pub why: Option<String>,
}

impl Run {
    /// How long it may take.
    pub fn within(&self) -> Duration {
        self.until.saturating_since(self.begun_at)
    }
}

impl Record {
    /// Those that have not ended.
    pub fn under_way(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.ended.is_none())
    }

    /// Whether there is room for another one.
    pub fn has_room(&self) -> bool {
        self.under_way().count() < MOST_UNDER_WAY
    }

    /// The one of this event.
    pub fn of(&self, event: &EventId) -> Option<&Run> {
        self.runs.iter().find(|run| run.event_id == *event)
    }

    /// One more.
    pub fn begin(&mut self, run: Run) {
        let by = run.by.map(|by| by.chars().take(LONGEST_NAME).collect());
        self.runs.insert(0, Run { by, ..run });
        self.forget();
    }

    /// The one of this event ended like this.
    pub fn end(&mut self, event: &EventId, ended: Ended) {
        let Some(run) = self.runs.iter_mut().find(|run| run.event_id == *event) else { return };
        if let Some(took) = ended.took_ms {
            self.passed = Some((run.begun_at, took));
        }
        run.ended = Some(ended);
        self.forget();
    }

    fn forget(&mut self) {
        let mut ended = 0;
        self.runs.retain(|run| {
            ended += usize::from(run.ended.is_some());
            run.ended.is_none() || ended <= MOST_ENDED
        });
    }
}

#[cfg(test)]
#[path = "tests/record.rs"]
mod tests;
