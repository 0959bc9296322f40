//! Whether our clock agrees with those of others.

use std::time::Duration;

use super::super::facts::{ClockReading, Facts};
use super::super::line::Line;
use crate::config::Span;

const CLOCK: &str = "clock";

/// An answer's `Date` has whole seconds and takes a moment to arrive; beyond this it is the clock.
const TOLERABLE: Duration = Duration::from_secs(30);
/// Signatures of Standard Webhooks are refused beyond this.
const HARMFUL: Duration = Duration::from_secs(300);

/// How far each clock that was seen is from ours.
pub fn skew(facts: &Facts) -> Vec<Line> {
    match facts.clocks.is_empty() {
        true => vec![Line::unknown(CLOCK, "nobody told the time")],
        false => facts.clocks.iter().map(|clock| line(clock).about(&clock.whose)).collect(),
    }
}

fn line(clock: &ClockReading) -> Line {
    let ahead = clock.ours.saturating_since(clock.theirs);
    let behind = clock.theirs.saturating_since(clock.ours);
    let (apart, ours) = if ahead >= behind { (ahead, "ahead of") } else { (behind, "behind") };
    let found = format!("ours is {} {ours} theirs", Span::from_secs(apart.as_secs()));
    let cure = "let this machine's clock follow NTP (`timedatectl`); events get wrong ages, signatures are refused";
    match apart {
        apart if apart > HARMFUL => Line::wrong(CLOCK, found, cure),
        apart if apart > TOLERABLE => Line::warning(CLOCK, found, cure),
        _ => Line::good(CLOCK, format!("within {}", Span::from_secs(TOLERABLE.as_secs()))),
    }
}
