//! Passed, failed, silenced, or open: each by what became of the deliveries.

use std::time::Duration;

use super::*;
use crate::event::Severity;
use crate::event::delivery::{Owed, Reason};
use crate::names::{DeliveryId, EventId};

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
}

/// Begun at 100, everybody to be told until 400.
fn run() -> Run {
    let event_id = EventId::from_sender(None, "drill/x/1");
    Run { event_id, begun_at: at(100), until: at(400), by: None, ended: None }
}

fn row(target: &str, state: DeliveryState, settled: Option<u64>) -> DeliveryRow {
    let (route, target) = (RouteName::parse("spot").unwrap(), TargetName::parse(target).unwrap());
    DeliveryRow {
        id: DeliveryId::from_row(1),
        owed: Owed::plain(route, target, Severity::Warning),
        origin: Origin::Route,
        state,
        attempts: 1,
        due_at: at(100),
        owed_since: at(100),
        settled_at: settled.map(at),
        is_held: false,
        is_behind: false,
        in_doubt: false,
        reason: None,
        detail: None,
        receipt: None,
        fell_back_to: None,
        again: None,
    }
}

fn told(target: &str, settled: u64) -> DeliveryRow {
    row(target, DeliveryState::Delivered, Some(settled))
}

fn pending(target: &str) -> DeliveryRow {
    row(target, DeliveryState::Pending, None)
}

fn dead(target: &str) -> DeliveryRow {
    let (reason, detail) = (Some(Reason::TargetRefused), Some("answered 400".to_owned()));
    DeliveryRow { reason, detail, ..row(target, DeliveryState::Dead, Some(102)) }
}

fn silent(target: &str) -> DeliveryRow {
    DeliveryRow { detail: Some("silence S1 by ada".to_owned()), ..row(target, DeliveryState::Silenced, Some(101)) }
}

/// `passed in 20000ms`, `failed by spot to oncall: …`, `open`.
fn said(rows: &[DeliveryRow], now: u64) -> String {
    let Some(Ended { outcome, took_ms, route, target, why, at: found_at }) = verdict(&run(), Some(rows), at(now))
    else {
        return "open".to_owned();
    };
    assert_eq!(found_at, at(now));
    let took = took_ms.map(|took| format!(" in {took}ms")).unwrap_or_default();
    let place = route.zip(target).map(|(route, target)| format!(" by {route} to {target}")).unwrap_or_default();
    format!("{outcome}{took}{place}{}", why.map(|why| format!(": {why}")).unwrap_or_default())
}

#[test]
fn it_passes_when_the_last_one_is_told_in_time() {
    assert_eq!(said(&[told("oncall", 101), told("slack", 120)], 130), "passed in 20000ms");
    assert_eq!(said(&[told("oncall", 400)], 9000), "passed in 300000ms", "whenever that is found out");
    assert_eq!(said(&[told("oncall", 101), pending("slack")], 399), "open");
}

#[test]
fn it_fails_when_somebody_is_told_too_late_or_not_at_all() {
    let late = "failed by spot to oncall: oncall: told after 301s, which is not within 5m";
    assert_eq!(said(&[told("oncall", 401)], 402), late);
    let waits = "failed by spot to slack: slack: not told within 5m";
    assert_eq!(said(&[told("oncall", 101), pending("slack")], 400), waits);
    let tried = DeliveryRow { detail: Some("answered 500".to_owned()), ..pending("slack") };
    assert_eq!(said(&[tried], 400), format!("{waits}; the last attempt: answered 500"));
    let given_up = "failed by spot to oncall: oncall: given up, target_refused: answered 400";
    assert_eq!(said(&[dead("oncall")], 103), given_up);
    let over =
        DeliveryRow { detail: Some("it was over".to_owned()), ..row("slack", DeliveryState::Superseded, Some(101)) };
    assert_eq!(said(&[over], 103), "failed by spot to slack: slack: it was over");
}

#[test]
fn everybody_who_was_not_told_is_named_and_waited_for() {
    assert_eq!(said(&[dead("oncall"), pending("slack")], 399), "open");
    let both = "failed by spot to oncall: oncall: given up, target_refused: answered 400; slack: not told within 5m";
    assert_eq!(said(&[dead("oncall"), pending("slack")], 400), both);
}

#[test]
fn a_fallback_that_is_told_is_not_the_one_that_should_have_been() {
    let fell_back = DeliveryRow { fell_back_to: Some(TargetName::parse("slack").unwrap()), ..dead("oncall") };
    let copy = DeliveryRow { origin: Origin::Fallback, ..told("slack", 103) };
    let failed = "failed by spot to oncall: oncall: given up, target_refused: answered 400; it fell back to slack";
    assert_eq!(said(&[fell_back, copy.clone()], 104), failed);
    let told_both = DeliveryRow { fell_back_to: Some(TargetName::parse("slack").unwrap()), ..told("oncall", 160) };
    assert_eq!(said(&[told_both, copy], 161), "passed in 60000ms", "it was told itself in the end");
}

#[test]
fn what_follows_from_it_does_not_count() {
    let end = DeliveryRow { origin: Origin::TimedOut, ..pending("oncall") };
    assert_eq!(said(&[told("oncall", 101), end], 170), "passed in 1000ms");
    let again = DeliveryRow { origin: Origin::Replay, ..pending("oncall") };
    assert_eq!(said(&[told("oncall", 101), again], 170), "passed in 1000ms");
}

#[test]
fn whoever_is_silent_on_purpose_makes_it_neither_passed_nor_failed() {
    let silenced = "silenced by spot to slack: slack: silence S1 by ada";
    assert_eq!(said(&[told("oncall", 101), silent("slack")], 110), silenced);
    assert_eq!(said(&[silent("slack"), pending("oncall")], 110), "open");
    let failed = "failed by spot to oncall: oncall: given up, target_refused: answered 400";
    assert_eq!(said(&[dead("oncall"), silent("slack")], 110), failed, "one that failed has failed all the same");
}

#[test]
fn where_no_route_takes_it_it_fails_at_once() {
    let nobody = "failed: it is owed to nobody: no route takes it, or the one that does tells nobody";
    assert_eq!(said(&[], 100), nobody);
    let mut last_resort = pending("console");
    last_resort.owed.route = RouteName::default_targets();
    assert_eq!(said(&[last_resort], 100), "failed: no route takes it: it goes to `default_targets`");
    let gone = verdict(&run(), None, at(100)).unwrap();
    assert_eq!(gone.outcome, DrillOutcome::Failed);
    assert!(gone.why.unwrap().starts_with("its event is not kept"));
}
