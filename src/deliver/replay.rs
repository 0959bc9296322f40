//! Carries out replays: takes stored events, routes them by the table in force, and has them owed again, at their pace.
//!
//! All state is a row in the store ([`crate::store::replay`]), so a restart changes nothing and two processes do no harm.
//! One replay at a time, the first one first. Knows no notifier: what is owed again leaves like everything else.

use std::sync::Arc;
use std::time::Duration;

use super::{Tools, Turn};
use crate::event::Timestamp;
use crate::runtime::Lifecycle;
use crate::store::StoreError;
use crate::store::query::{EventRow, Listed, Order, Slice};
use crate::store::replay::{Replay, ReplayStep};

/// How often it looks whether somebody wants a replay, and the longest it waits between two steps.
const LOOK: Duration = Duration::from_secs(1);
/// Events in one step at most, so that its transaction stays short.
const MOST_EVENTS: u32 = 100;

/// What carries out the replays of a relay.
pub struct Replayer {
    tools: Tools,
}

impl Replayer {
    /// By these tools.
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }

    /// Tells again what is due now of the first replay.
    ///
    /// # Errors
    /// When the store could not be read or written; the step is taken later.
    pub async fn step(&self) -> Result<Turn, StoreError> {
        let now = self.tools.clock.now();
        let Some(replay) = self.tools.store.running_replay().await?.filter(|replay| replay.next_at <= now) else {
            return Ok(Turn::Idle);
        };
        let step = self.next_step(&replay, now).await?;
        let (id, has_ended) = (step.id, step.next_at.is_none());
        let Some(after) = self.tools.store.go_on(step).await? else { return Ok(Turn::Worked) };
        self.tools.tell_of(&after);
        if has_ended {
            tracing::info!(replay.id = %id, "a replay has come to its end");
        }
        Ok(Turn::Worked)
    }

    /// What comes next, as much of it as the pace allows by now.
    async fn next_step(&self, replay: &Replay, now: Timestamp) -> Result<ReplayStep, StoreError> {
        let Replay { id, terms, last, place, next_at, .. } = replay;
        let due = due(now.saturating_since(*next_at), terms.every);
        let slice = Slice { after: Some(*place), limit: usize::try_from(due).unwrap_or(1), order: Order::OldestFirst };
        let Listed { items, next } = self.tools.store.events(terms.filter.clone(), slice).await?;
        // A drill is over: nobody is to be rung up by it again, but for who names it.
        let is_meant = |row: &EventRow| terms.filter.ids.contains(&row.event.id) || row.event.drill().is_none();
        let items = items.into_iter().filter(|row| row.place <= *last && is_meant(row));
        let owed: Vec<_> =
            items.map(|row| (row.place, terms.wanted(self.tools.table.route(&row.event).owed))).collect();
        let told = u32::try_from(owed.len()).unwrap_or(u32::MAX);
        let goes_on = next.filter(|next| next < last);
        let to = goes_on.unwrap_or(*last);
        // Who was away for long does not make up for it at once.
        let since = (*next_at).max(now.saturating_sub(terms.every.saturating_mul(MOST_EVENTS)));
        let next_at = goes_on.map(|_| since.saturating_add(terms.every.saturating_mul(told)));
        Ok(ReplayStep { id: *id, from: *place, to, owed, next_at, now })
    }

    /// Repeats the step until the soft stop.
    pub async fn run(self: Arc<Self>, life: Lifecycle) {
        while !life.is_stopping() {
            let rest = match self.step().await {
                Ok(Turn::Worked) => self.until_next().await,
                Ok(Turn::Idle) => LOOK,
                Err(error) => {
                    tracing::error!(%error, "a replay could not go on; it is tried again");
                    LOOK
                }
            };
            let clock = &self.tools.clock;
            tokio::select! {
                () = clock.sleep_until(clock.now().saturating_add(rest)) => {}
                () = life.stopping() => {}
            }
        }
    }

    async fn until_next(&self) -> Duration {
        let next = self.tools.store.running_replay().await.ok().flatten().map(|replay| replay.next_at);
        next.map_or(LOOK, |next| next.saturating_since(self.tools.clock.now()).min(LOOK))
    }
}

/// How many events are due after so long.
fn due(late: Duration, every: Duration) -> u32 {
    let more = late.as_millis().checked_div(every.as_millis()).unwrap_or(u128::from(MOST_EVENTS));
    u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1).min(MOST_EVENTS)
}

#[cfg(test)]
#[path = "tests/replay.rs"]
mod tests;
