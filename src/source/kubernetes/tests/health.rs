//! Trouble is told once, then now and then; failures long apart are not in a row.

use super::*;

const APART: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
}

#[test]
fn trouble_that_lasts_is_told_when_it_begins_and_every_few_minutes() {
    let mut state = State::default();
    let tellings = (0..=600).step_by(30).filter(|second| state.failed(TroubleKind::Unreachable, at(*second), APART).1);
    assert_eq!(tellings.collect::<Vec<_>>(), [0, 300, 600]);
}

#[test]
fn trouble_of_another_kind_is_told_at_once() {
    let mut state = State::default();
    assert!(state.failed(TroubleKind::Unreachable, at(0), APART).1);
    assert!(state.failed(TroubleKind::Forbidden, at(1), APART).1);
    assert!(!state.failed(TroubleKind::Forbidden, at(2), APART).1);
}

#[test]
fn its_end_is_told_once_if_it_was_told_itself() {
    let mut state = State::default();
    assert_eq!(state.recovered(at(0)), None);
    state.failed(TroubleKind::Unreachable, at(10), APART);
    assert_eq!(state.recovered(at(70)), Some(Duration::from_secs(60)));
    assert_eq!(state.recovered(at(71)), None);
    // Too soon to be told again; so its end is not told either.
    assert!(!state.failed(TroubleKind::Unreachable, at(80), APART).1);
    assert_eq!(state.recovered(at(90)), None);
}

#[test]
fn failures_in_a_row_are_counted_and_those_far_apart_are_not_in_a_row() {
    let mut state = State::default();
    let counts = [0, 1, 31, 91, 152].map(|second| state.failed(TroubleKind::Refused, at(second), APART).0);
    assert_eq!(counts, [1, 2, 3, 4, 1]);
}
