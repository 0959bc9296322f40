//! How fast messages may leave: the generic cell rate algorithm, <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>.
//!
//! One number to remember. Pure.

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

/// When the next one is due if they left evenly: microseconds since 1970, because a millisecond is too long where thousands
/// leave in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RateClock(i64);

impl RateClock {
    /// The first moment, from `now` on, at which one may leave: rounded up to the millisecond.
    pub fn opens_at(self, limit: RateLimit, now: Timestamp) -> Timestamp {
        let opens = self.0.saturating_sub(limit.tolerance());
        now.max(Timestamp::from_millis(opens.saturating_add(999).div_euclid(1000)))
    }

    /// How many may leave now.
    pub fn admits(self, limit: RateLimit, now: Timestamp) -> usize {
        let ahead = self.0.saturating_sub(micros(now)).max(0);
        let room = limit.tolerance().saturating_sub(ahead);
        match room {
            ..0 => 0,
            _ => usize::try_from(room / limit.interval() + 1).unwrap_or(usize::MAX),
        }
    }

    /// One leaves.
    pub fn take(&mut self, limit: RateLimit, now: Timestamp) {
        self.0 = self.0.max(micros(now)).saturating_add(limit.interval());
    }
}

impl RateLimit {
    fn interval(self) -> i64 {
        i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    fn tolerance(self) -> i64 {
        self.interval().saturating_mul(i64::from(self.burst.max(1)) - 1)
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_millis().saturating_mul(1000)
}
