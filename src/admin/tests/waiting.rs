//! One sentence for each thing that can keep a delivery, and which of several is said.

use std::time::Duration;

use super::*;
use crate::event::Severity;
use crate::event::act::Signature;
use crate::event::delivery::{Grouped, IncidentStep, Owed, Phase, Reason};
use crate::names::{DeliveryId, GroupKey, IncidentKey, RouteName, TargetName, TokenName};
use crate::store::Origin;
use crate::target::limit::RateLimit;
use crate::target::{Order, Sign};

const MINUTE: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T08:15:31Z").unwrap()
}

fn soon() -> Timestamp {
    now().saturating_add(MINUTE)
}

fn row() -> DeliveryRow {
    let (route, target) = (RouteName::parse("news").unwrap(), TargetName::parse("slack-ops").unwrap());
    DeliveryRow {
        again: None,
        id: DeliveryId::from_row(1),
        owed: Owed::plain(route, target, Severity::Info),
        origin: Origin::Route,
        state: DeliveryState::Pending,
        attempts: 0,
        due_at: now(),
        owed_since: now(),
        settled_at: None,
        is_held: false,
        is_behind: false,
        in_doubt: false,
        reason: None,
        detail: None,
        receipt: None,
        fell_back_to: None,
    }
}

fn said(row: &DeliveryRow, standing: &TargetState) -> String {
    why(row, standing, Some(&Limits::default()), now()).unwrap().told
}

fn paused_by_ada(mut standing: TargetState, until: Option<Timestamp>) -> TargetState {
    let signature = Signature { at: now(), token: TokenName::admin(), whom: Some("ada".to_owned()) };
    standing.obey(&Order::Pause { until, why: "they move".to_owned() }, &signature);
    standing
}

fn refusing() -> TargetState {
    let mut standing = TargetState::default();
    let sign = Sign::Refusing { reason: Reason::TargetRefused, detail: "no_service".to_owned() };
    standing.heed(sign, false, &Limits::default(), now());
    standing
}

fn busy() -> TargetState {
    let mut standing = TargetState::default();
    standing.heed(Sign::Busy { until: soon() }, false, &Limits::default(), now());
    standing
}

#[test]
fn what_has_come_to_its_end_does_not_wait() {
    for state in DeliveryState::ALL.into_iter().filter(|state| *state != DeliveryState::Pending) {
        assert_eq!(why(&DeliveryRow { state, ..row() }, &refusing(), None, now()), None);
    }
}

#[test]
fn its_own_time_is_said_where_nothing_else_keeps_it() {
    let well = TargetState::default();
    assert_eq!(said(&row(), &well), "it is due now and leaves when it is its turn");
    assert_eq!(said(&DeliveryRow { due_at: soon(), ..row() }, &well), "it is due at 2026-11-20T08:16:31Z");
    let tried = DeliveryRow { due_at: soon(), attempts: 2, reason: Some(Reason::TargetFailed), ..row() };
    assert_eq!(said(&tried, &well), "attempt 2 failed (target_failed); the next one is due at 2026-11-20T08:16:31Z");
    let group = Some(Grouped { key: GroupKey::from_rendered("prod-eu").unwrap(), wait: MINUTE });
    let grouped = DeliveryRow { owed: Owed { group, ..row().owed }, due_at: soon(), ..row() };
    assert_eq!(said(&grouped, &well), "it waits for others of its group (prod-eu) until 2026-11-20T08:16:31Z");
}

#[test]
fn an_attempt_that_runs_is_said_before_all_else() {
    let held = DeliveryRow { is_held: true, attempts: 1, due_at: soon(), ..row() };
    let running = "attempt 1 is running; if nobody hears how it ends, the next one is due at 2026-11-20T08:16:31Z";
    assert_eq!(said(&held, &paused_by_ada(refusing(), None)), running);
    let lost = "attempt 1 was begun and nobody knows how it ended; the next one is due now";
    assert_eq!(said(&DeliveryRow { due_at: now(), ..held }, &TargetState::default()), lost);
}

#[test]
fn what_is_behind_in_its_incident_says_which() {
    let step = IncidentStep {
        key: IncidentKey::from_rendered("spot/prod-eu").unwrap(),
        phase: Phase::Open,
        resolve_after: None,
    };
    let behind = DeliveryRow { is_behind: true, owed: Owed { incident: Some(step), ..row().owed }, ..row() };
    assert_eq!(said(&behind, &refusing()), "it waits behind an earlier delivery of its incident spot/prod-eu");
}

#[test]
fn a_pause_is_said_before_what_the_target_does() {
    let why = "its target is paused until it is resumed, by ada since 2026-11-20T08:15:31Z: they move";
    assert_eq!(said(&row(), &paused_by_ada(refusing(), None)), why);
    let why = "its target is paused until 2026-11-20T08:16:31Z, by ada since 2026-11-20T08:15:31Z: they move";
    assert_eq!(said(&row(), &paused_by_ada(busy(), Some(soon()))), why);
    assert_eq!(
        said(&row(), &paused_by_ada(TargetState::default(), Some(now()))),
        "it is due now and leaves when it is its turn",
        "it is over"
    );
}

#[test]
fn a_closed_target_says_why_and_when_it_is_tried() {
    let why = "its target is closed since 2026-11-20T08:15:31Z because it refuses everything (target_refused: no_service); \
               it is tried with one message at 2026-11-20T08:20:31Z";
    assert_eq!(said(&row(), &refusing()), why);
}

#[test]
fn a_target_that_asks_for_patience_says_until_when() {
    assert_eq!(said(&row(), &busy()), "its target asked for patience until 2026-11-20T08:16:31Z");
}

#[test]
fn a_rate_that_is_used_up_is_why_what_is_due_waits() {
    let rate = Some(RateLimit { every: MINUTE, burst: 1 });
    let limits = Limits { rate, ..Limits::default() };
    let mut standing = TargetState::default();
    standing.depart(&limits, now(), MINUTE);
    let said = why(&row(), &standing, Some(&limits), now()).unwrap().told;
    let expected = "it is due now and leaves when it is its turn; the rate of its target lets the next message leave at \
                    2026-11-20T08:16:31Z";
    assert_eq!(said, expected);
}

#[test]
fn a_target_that_is_gone_is_why_nothing_leaves() {
    let said = why(&row(), &TargetState::default(), None, now()).unwrap();
    assert_eq!(said.because, Because::NoTarget);
    assert!(said.told.starts_with("its target is not configured any more"), "{said:?}");
}
