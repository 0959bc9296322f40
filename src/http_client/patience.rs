//! How long an answer asks us to wait.
//!
//! Pure. Knows the forms HTTP allows for it, not who asked. Next file: [`super`], which reads answers.

use std::time::{Duration, UNIX_EPOCH};

use crate::event::Timestamp;

/// A target that asks for more patience than this is asked again after this.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Reads a `Retry-After` header (RFC 9110, 10.2.3): seconds, with or without decimals, or a date in any of HTTP's
/// three forms. A date in the past is zero, nonsense is nothing, and nobody gets more than an hour.
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if header.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return wait_of_seconds(header.parse().ok()?);
    }
    Some(http_date(header)?.saturating_since(now).min(LONGEST_WAIT))
}

/// A wait that was given as a number of seconds: rounded up to the millisecond, an hour at most; `None` if negative.
pub fn wait_of_seconds(seconds: f64) -> Option<Duration> {
    let capped = seconds.min(LONGEST_WAIT.as_secs_f64());
    let wait = Duration::try_from_secs_f64(capped).ok()?;
    Some(Duration::from_millis(u64::try_from(wait.as_micros().div_ceil(1000)).ok()?))
}

/// Reads a date in any of HTTP's three forms (RFC 9110, 5.6.7).
pub(super) fn http_date(header: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(header.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(i64::try_from(date.as_millis()).ok()?))
}
