//! Where a sweep stands: what it still has to ask for, how much at a time, and when to try again.
//!
//! A sweep that fails goes on where it was, after a while of its own, and holds up no round: it takes a few stretches
//! between two rounds. Kept in memory; after a restart the sweep begins anew. Pure: `now` is given. Next: [`super`], which
//! asks.

use std::time::Duration;

use super::window::{Reach, Stretches, Window};
use crate::event::Timestamp;

/// Stretches of a sweep between two rounds: a slow log must not keep the rounds waiting.
pub const AT_A_TIME: usize = 8;

/// The first wait after a failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The sweeps of one log.
#[derive(Debug, Clone)]
pub struct Sweeper {
    reach: Reach,
    under_way: Option<UnderWay>,
    failures: u32,
    failed_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct UnderWay {
    begun_at: Timestamp,
    rest: Stretches,
    /// What is too much for the log is not tried again in the same sweep.
    was_too_much: bool,
}

impl Sweeper {
    /// None is under way. A stretch is at most `longest`.
    pub fn up_to(longest: Duration) -> Self {
        Self { reach: Reach::up_to(longest), under_way: None, failures: 0, failed_at: None }
    }

    /// Goes on with the sweep under way, or else begins the one that is `due`. False when there is none, or it is too
    /// early to try again.
    pub fn go_on(&mut self, now: Timestamp, due: impl FnOnce() -> Option<Stretches>) -> bool {
        // After the clock was set back the failure lies in the future, and nobody waits for it.
        let waits = |at: Timestamp| at <= now && now.saturating_since(at) < self.wait();
        if self.failed_at.is_some_and(waits) {
            return false;
        }
        if self.under_way.is_none() {
            self.under_way = due().map(|rest| UnderWay { begun_at: now, rest, was_too_much: false });
        }
        self.under_way.is_some()
    }

    /// The next stretch of the sweep under way, with nothing of before `since`; `None` at its end.
    pub fn next(&mut self, since: Timestamp) -> Option<Window> {
        let span = self.reach.span();
        let under_way = self.under_way.as_mut()?;
        under_way.rest.leave_before(since);
        under_way.rest.next(span)
    }

    /// This one is safe.
    pub fn done(&mut self, window: Window) {
        (self.failures, self.failed_at) = (0, None);
        if let Some(under_way) = &mut self.under_way {
            under_way.rest.done(window);
            if !under_way.was_too_much {
                self.reach.lengthen();
            }
        }
    }

    /// This one was too much, and less of it is next. False when there is no less.
    pub fn was_too_much(&mut self, window: Window) -> bool {
        self.under_way.iter_mut().for_each(|under_way| under_way.was_too_much = true);
        self.reach.shorten(window)
    }

    /// It failed, and is tried again after a while.
    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
    }

    /// Takes note that nothing is left; when the sweep began. What came into the log since then is for the next one.
    pub fn ended(&mut self) -> Option<Timestamp> {
        self.under_way.take().map(|under_way| under_way.begun_at)
    }

    fn wait(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        FIRST_WAIT.saturating_mul(2u32.saturating_pow(doublings)).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
#[path = "tests/sweep.rs"]
mod tests;
