//! What a drill's schedule asks for now.
//!
//! Pure. The very first start remembers its own time, and moments that were missed are not made up for, but for the last one
//! if it is not long ago: a drill may ring a telephone, and nobody wants Monday's nine o'clock at three in the night.

use std::time::Duration;

use crate::event::Timestamp;
use crate::source::schedule::Schedule;

/// How late a drill may begin.
const LATEST: Duration = Duration::from_secs(3600);

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// Everything up to this moment is let go.
    LetGo(Timestamp),
    /// The drill of this moment begins.
    Begin(Timestamp),
}

/// By this schedule, of which everything up to `dealt_with` is dealt with.
pub fn due(schedule: &Schedule, dealt_with: Option<Timestamp>, now: Timestamp) -> Due {
    // A clock that ran ahead must not keep anything from being due for as long.
    let Some(dealt_with) = dealt_with.filter(|dealt_with| *dealt_with <= now) else { return Due::LetGo(now) };
    match schedule.latest(now).filter(|moment| *moment > dealt_with) {
        Some(moment) if now.saturating_since(moment) > LATEST => Due::LetGo(moment),
        Some(moment) => Due::Begin(moment),
        None => Due::Nothing,
    }
}

#[cfg(test)]
#[path = "tests/due.rs"]
mod tests;
