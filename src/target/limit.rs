//! How fast messages may leave: the generic cell rate algorithm, <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>.
//!
//! One number to remember, and what makes no sense in it (the clock was set back, or the rate was much lower once) is taken
//! for a long rest, so that nothing waits for ever. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// One in `every`, and `burst` at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The time from one to the next.
    pub every: Duration,
    /// How many may leave at once when none left for long; at least 1.
    pub burst: u32,
}

/// How far the clock may be set back, in microseconds, before the past is forgotten.
const CLOCK_SLACK: i64 = 60_000_000;

/// When the next one is due if they left evenly: microseconds since 1970, because a millisecond is too long where thousands
/// leave in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RateClock(i64);

impl RateClock {
    /// The first moment, from `now` on, at which one may leave: rounded up to the millisecond.
    pub fn opens_at(self, limit: RateLimit, now: Timestamp) -> Timestamp {
        let opens = self.at(limit, now).saturating_sub(limit.tolerance());
        now.max(Timestamp::from_millis(opens.saturating_add(999).div_euclid(1000)))
    }

    /// How many may leave now.
    pub fn admits(self, limit: RateLimit, now: Timestamp) -> usize {
        let ahead = self.at(limit, now).saturating_sub(micros(now)).max(0);
        let room = limit.tolerance().saturating_sub(ahead);
        match room {
            ..0 => 0,
            _ => usize::try_from(room / limit.interval() + 1).unwrap_or(usize::MAX),
        }
    }

    /// One leaves.
    pub fn take(&mut self, limit: RateLimit, now: Timestamp) {
        self.0 = self.at(limit, now).saturating_add(limit.interval());
    }

    /// When the next one is due: now after a rest, and where it lies further ahead than this rate can have put it. Who is
    /// less than a millisecond late is so only because times are rounded, and that must not cost the next one anything.
    fn at(self, limit: RateLimit, now: Timestamp) -> i64 {
        let now = micros(now);
        let farthest =
            now.saturating_add(limit.tolerance()).saturating_add(limit.interval()).saturating_add(CLOCK_SLACK);
        if (now.saturating_sub(999)..=farthest).contains(&self.0) { self.0 } else { now }
    }
}

impl RateLimit {
    /// Rounded up: seven a second are not one more in a week.
    fn interval(self) -> i64 {
        i64::try_from(self.every.as_nanos().div_ceil(1000)).unwrap_or(i64::MAX).max(1)
    }

    fn tolerance(self) -> i64 {
        self.interval().saturating_mul(i64::from(self.burst.max(1)) - 1)
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_millis().saturating_mul(1000)
}

#[cfg(test)]
#[path = "tests/limit.rs"]
mod tests;
