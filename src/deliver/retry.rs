//! How long to wait before trying again: full jitter or a list, and the target's own wish.
//!
//! Pure: the jitter is drawn from the delivery's id and attempt, so that a
//! decision can be repeated and two deliveries never march in step. Backoff after
//! <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::config::{Percent, Span};
use crate::names::DeliveryId;

/// The shortest wait between two attempts: full jitter alone may draw zero.
const FLOOR: Duration = Duration::from_millis(200);

/// How long a target is left alone that wants fewer messages and does not say for how long: chat and paging APIs count by the
/// minute at most, and whoever comes back sooner is counted again.
const PATIENCE_UNASKED: Duration = Duration::from_secs(10);

/// When a target is tried again, and what old deliveries may take from fresh ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The waits between two attempts, unless the target asks for more.
    pub waits: Waits,
    /// Of what may leave, the part that old deliveries (tried before, or waiting for more than a minute) may use while
    /// there is fresh news.
    pub share: Percent,
}

/// The waits between two attempts at one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// They double, with full jitter.
    Growing {
        /// The longest first wait.
        base: Span,
        /// No wait grows beyond this.
        cap: Span,
    },
    /// They are listed, each a fifth shorter or longer by chance; the last one goes on. Never empty.
    Listed(&'static [Span]),
}

impl Waits {
    /// How they grow, where nothing else is known.
    pub const BASE: Span = Span::from_secs(1);
    /// How far they grow, where nothing else is known.
    pub const CAP: Span = Span::from_secs(300);
    /// What they are, where nothing else is known.
    pub const USUAL: Self = Self::Growing { base: Self::BASE, cap: Self::CAP };

    /// The wait after this attempt, where `jitter` is in `[0, 1)`.
    fn after(self, attempt: u32, jitter: f64) -> Duration {
        let before = attempt.saturating_sub(1);
        let wait = match self {
            Self::Growing { base, cap } => {
                let doubled = 1_u32.checked_shl(before).unwrap_or(u32::MAX);
                base.get().saturating_mul(doubled).min(cap.get()).mul_f64(jitter)
            }
            Self::Listed(waits) => {
                let listed = waits.get(usize::try_from(before).unwrap_or(usize::MAX)).or(waits.last());
                listed.copied().unwrap_or(Self::CAP).get().mul_f64(0.8 + 0.4 * jitter)
            }
        };
        FLOOR.max(wait)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { waits: Waits::USUAL, share: Percent::HALF }
    }
}

impl RetryPolicy {
    /// How long to wait after this attempt: as [`Waits`] has it, never less than a small floor, and never less than what
    /// the target asked for, with up to a tenth on top so that all who were asked do not come back at once.
    pub fn delay(&self, delivery: DeliveryId, attempt: u32, asked: Option<Duration>) -> Duration {
        let jitter = jitter(delivery, attempt);
        let own = self.waits.after(attempt, jitter);
        asked.map_or(own, |asked| own.max(with_jitter(asked, jitter)))
    }

    /// How long the whole target is left alone after it asked for it in answer to this attempt: what it asked for, with up to
    /// a tenth on top, and no less than after a first attempt. How often this one delivery was tried says nothing of the
    /// others.
    pub fn pause(&self, delivery: DeliveryId, attempt: u32, asked: Option<Duration>) -> Duration {
        let jitter = jitter(delivery, attempt);
        self.waits.after(1, jitter).max(with_jitter(asked.unwrap_or(PATIENCE_UNASKED), jitter))
    }
}

fn with_jitter(asked: Duration, jitter: f64) -> Duration {
    asked.saturating_add(asked.mul_f64(jitter / 10.0))
}

/// A number in `[0, 1)` that belongs to this attempt.
fn jitter(delivery: DeliveryId, attempt: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (delivery, attempt).hash(&mut hasher);
    // The upper 53 bits are what a f64 can hold exactly.
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
#[path = "tests/retry.rs"]
mod tests;
