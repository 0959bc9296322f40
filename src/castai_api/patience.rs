//! How often a call is tried, and how long is waited in between.
//!
//! Pure. These are the small waits inside one call; a poller that fails altogether comes back at its next turn, which is
//! the source's own to say.

use std::time::Duration;

/// How often one call is tried.
pub(super) const ATTEMPTS: u32 = 3;

/// The longest wait inside a call. Who is asked for more gives up and says so, so that nobody is held up by it unawares.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The first wait where CAST AI asks for none; doubles with each attempt.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How long to wait after this attempt, the first being 1: what CAST AI asked for with up to a tenth on top, else
/// between a half and the whole of a wait that doubles. `None` when it was the last one, or the wish is beyond 30 s.
/// `jitter` is in `[0, 1)`.
pub(super) fn wait(attempt: u32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    match asked {
        Some(asked) if asked > LONGEST_WAIT => None,
        Some(asked) => Some(asked.saturating_add(asked.mul_f64(jitter / 10.0))),
        None => Some(FIRST_WAIT.saturating_mul(1 << (attempt - 1)).mul_f64(0.5 + jitter / 2.0)),
    }
}

#[cfg(test)]
#[path = "tests/patience.rs"]
mod tests;
