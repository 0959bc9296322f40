//! When there is too much: a leaky bucket for each route that watches for storms. Pure.
//!
//! Every event of the route drips in, and one leaks out each `leaks_every`. When `full_at` are in it, it is a storm; when
//! it is empty, the storm is over. It never holds more than twice what makes a storm, so that the end of the
//! largest storm is noticed as soon as that of a small one.

use crate::event::Timestamp;
use crate::event::delivery::StormWatch;

/// The bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StormClock {
    /// When it will be empty if nothing more drips in: microseconds since 1970.
    pub empty_at: i64,
    /// Since when there is a storm; looked at only while the bucket is not empty.
    pub since: Option<Timestamp>,
}

impl StormClock {
    /// One event drips in.
    #[must_use]
    pub fn drip(self, watch: StormWatch, now: Timestamp) -> Self {
        let leak = i64::try_from(watch.leaks_every.as_micros()).unwrap_or(i64::MAX).max(1);
        let full = leak.saturating_mul(i64::from(watch.full_at.max(1)));
        let since = self.since_at(now);
        let now_micros = micros(now);
        let level = self.empty_at.saturating_sub(now_micros).max(0).saturating_add(leak).min(full.saturating_mul(2));
        let since = since.or((level >= full).then_some(now));
        Self { empty_at: now_micros.saturating_add(level), since }
    }

    /// Since when there is a storm, if there is one.
    pub fn since_at(self, now: Timestamp) -> Option<Timestamp> {
        self.since.filter(|_| self.empty_at > micros(now))
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_millis().saturating_mul(1000)
}
