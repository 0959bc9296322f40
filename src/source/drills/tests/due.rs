//! What the schedule asks for: once for each moment, and not for what is long ago.

use super::*;
use crate::event::Zone;
use crate::source::schedule::CronLine;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// On Mondays at nine, of which everything up to the first time is dealt with.
fn mondays(dealt_with: Option<&str>, now: &str) -> Due {
    let schedule = Schedule::new(CronLine::parse("0 9 * * MON").unwrap(), Zone::UTC);
    due(&schedule, dealt_with.map(at), at(now))
}

#[test]
fn it_is_due_from_its_moment_on_and_once() {
    let monday = at("2026-11-23T09:00:00Z");
    assert_eq!(mondays(Some("2026-11-20T00:00:00Z"), "2026-11-23T08:59:59.999Z"), Due::Nothing);
    assert_eq!(mondays(Some("2026-11-20T00:00:00Z"), "2026-11-23T09:00:00Z"), Due::Begin(monday));
    assert_eq!(mondays(Some("2026-11-20T00:00:00Z"), "2026-11-23T10:00:00Z"), Due::Begin(monday));
    assert_eq!(mondays(Some("2026-11-23T09:00:00Z"), "2026-11-23T09:00:00Z"), Due::Nothing);
    assert_eq!(mondays(Some("2026-11-23T09:00:00Z"), "2026-11-30T08:59:59Z"), Due::Nothing);
}

#[test]
fn what_is_long_ago_is_let_go() {
    let now = "2026-11-23T10:00:00.001Z";
    assert_eq!(mondays(Some("2026-11-20T00:00:00Z"), now), Due::LetGo(at("2026-11-23T09:00:00Z")));
    let weeks_later = "2026-12-07T09:30:00Z";
    assert_eq!(mondays(Some("2026-11-20T00:00:00Z"), weeks_later), Due::Begin(at("2026-12-07T09:00:00Z")));
}

#[test]
fn the_first_start_and_a_clock_that_ran_ahead_begin_with_now() {
    let now = "2026-11-23T09:00:01Z";
    assert_eq!(mondays(None, now), Due::LetGo(at(now)));
    assert_eq!(mondays(Some("2027-11-23T09:00:00Z"), now), Due::LetGo(at(now)));
}
