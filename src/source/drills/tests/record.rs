//! What is remembered, and that it stays small.

use super::*;
use crate::store::Cursor;

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
}

fn id(number: u64) -> EventId {
    EventId::from_sender(None, &format!("drill/{}/{number}", "x".repeat(63)))
}

fn run(number: u64) -> Run {
    let by = Some("🦀".repeat(500));
    Run { event_id: id(number), begun_at: at(number), until: at(number + 300), by, ended: None }
}

fn ended(outcome: DrillOutcome, took_ms: Option<u64>) -> Ended {
    let why = (outcome != DrillOutcome::Passed).then(|| "🦀".repeat(600));
    Ended { at: at(9), outcome, took_ms, route: None, target: None, why }
}

#[test]
fn the_last_ones_that_ended_are_remembered_and_all_that_are_under_way() {
    let mut record = Record::default();
    record.begin(run(0));
    for number in 1..=20 {
        record.begin(run(number));
        record.end(&id(number), ended(DrillOutcome::Failed, None));
    }
    let remembered: Vec<_> = record.runs.iter().map(|run| run.begun_at).collect();
    let expected: Vec<_> = (11..=20).rev().chain([0]).map(at).collect();
    assert_eq!(remembered, expected);
    assert_eq!(record.under_way().map(|run| run.event_id.clone()).collect::<Vec<_>>(), [id(0)]);
}

#[test]
fn when_one_last_passed_outlives_those_that_did_not() {
    let mut record = Record::default();
    record.begin(run(1));
    record.end(&id(1), ended(DrillOutcome::Passed, Some(1200)));
    for number in 2..40 {
        record.begin(run(number));
        record.end(&id(number), ended(DrillOutcome::Silenced, None));
    }
    assert_eq!(record.passed, Some((at(1), 1200)));
    record.end(&id(77), ended(DrillOutcome::Passed, Some(1)));
    assert_eq!(record.passed, Some((at(1), 1200)), "what is not known does not end");
}

#[test]
fn at_its_largest_it_fits_into_a_cursor_and_reads_back() {
    let mut record = Record { dealt_with: Some(at(1)), ..Record::default() };
    for number in 0..MOST_ENDED as u64 {
        record.begin(run(number));
        record.end(&id(number), ended(DrillOutcome::Failed, None));
    }
    for number in 0..MOST_UNDER_WAY as u64 {
        assert!(record.has_room());
        record.begin(run(100 + number));
    }
    assert!(!record.has_room());
    let written = serde_json::to_string(&record).unwrap();
    assert!(written.len() < Cursor::MAX_BYTES * 3 / 4, "{} bytes", written.len());
    assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), record);
    assert_eq!(record.runs[0].by.as_ref().unwrap().chars().count(), LONGEST_NAME);
}
