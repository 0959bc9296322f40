//! Single steps of a target that closes, is probed, and opens again. Stories of many steps are in [`stories`].

mod kept;
mod stories;

use super::*;
use crate::event::act::Signature;
use crate::names::TokenName;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).saturating_add(Duration::from_secs(secs))
}

const LEASE: Duration = Duration::from_secs(45);

fn failing() -> Sign {
    Sign::Failing { reason: Reason::Unreachable, detail: "connection refused".into(), until: None }
}

fn failing_until(until: Timestamp) -> Sign {
    Sign::Failing { reason: Reason::TargetFailed, detail: "answered 503".into(), until: Some(until) }
}

fn refusing() -> Sign {
    Sign::Refusing { reason: Reason::TargetRefused, detail: "answered 404 `no_service`".into() }
}

fn signature(at: Timestamp) -> Signature {
    Signature { at, token: TokenName::admin(), whom: Some("ada".into()) }
}

/// A target, its limits and its time, for sentences.
struct Story {
    state: TargetState,
    limits: Limits,
    now: Timestamp,
}

impl Story {
    fn begin() -> Self {
        Self { state: TargetState::default(), limits: Limits::default(), now: at(0) }
    }

    fn hears(&mut self, sign: Sign) -> Option<Change> {
        self.state.heed(sign, false, &self.limits, self.now)
    }

    fn probe_hears(&mut self, sign: Sign) -> Option<Change> {
        self.state.heed(sign, true, &self.limits, self.now)
    }

    fn departs(&mut self) -> Departure {
        assert!(self.state.admits(&self.limits, self.now) > 0, "nothing is admitted");
        self.state.depart(&self.limits, self.now, LEASE)
    }

    fn opens_in(&self) -> u64 {
        self.state.opens_at(&self.limits, self.now).expect("nobody paused it").saturating_since(self.now).as_secs()
    }

    fn waits(&mut self, secs: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(secs));
    }

    fn closed_by_failures() -> Self {
        let mut story = Self::begin();
        for _ in 0..5 {
            assert_eq!(story.hears(failing()), None);
        }
        assert!(story.state.closed().is_some());
        story
    }

    fn closed_by_a_refusal() -> Self {
        let mut story = Self::begin();
        assert!(matches!(story.hears(refusing()), Some(Change::Paused(_))));
        story
    }
}

#[test]
fn a_new_target_is_open_for_everything() {
    let story = Story::begin();
    assert_eq!((story.opens_in(), story.state.admits(&story.limits, story.now)), (0, usize::MAX));
    assert_eq!(story.state.shut_since(story.now), None);
}

#[test]
fn five_failures_in_a_row_close_it_and_a_success_between_them_does_not_let_it() {
    let mut story = Story::begin();
    for _ in 0..4 {
        story.hears(failing());
    }
    story.hears(Sign::Well);
    for _ in 0..4 {
        story.hears(failing());
    }
    assert_eq!(story.state.closed(), None);
    story.hears(failing());
    assert_eq!(story.state.closed().map(|closed| closed.cause), Some(Cause::Failing));
}

#[test]
fn what_is_our_own_fault_or_a_wait_asked_for_is_no_failure_and_no_success() {
    let mut story = Story::begin();
    for _ in 0..4 {
        story.hears(failing());
    }
    for _ in 0..10 {
        story.hears(Sign::Nothing);
        story.hears(Sign::Busy { until: story.now });
    }
    assert_eq!(story.state.closed(), None);
    story.hears(failing());
    assert!(story.state.closed().is_some());
}

#[test]
fn who_fails_and_asks_for_a_wait_is_given_it_and_is_closed_and_reported_all_the_same() {
    let mut story = Story::begin();
    for _ in 0..4 {
        assert_eq!(story.hears(failing_until(story.now.saturating_add(Duration::from_secs(30)))), None);
        assert_eq!((story.opens_in(), story.state.closed()), (30, None));
        story.waits(30);
        story.departs();
    }
    story.hears(failing_until(story.now.saturating_add(Duration::from_secs(30))));
    assert_eq!(
        (story.opens_in(), story.state.closed().is_some()),
        (30, true),
        "a probe waits for both, here the longer"
    );
    assert_eq!(story.state.shut_since(story.now), Some(at(0)));
    story.waits(30);
    assert!(story.departs().is_probe);
    let change = story.probe_hears(failing_until(story.now.saturating_add(Duration::from_secs(1))));
    assert!(matches!(change, Some(Change::Paused(_))), "{change:?}");
    assert_eq!(story.opens_in(), 10, "and here it is the wait between probes that is longer");
}

#[test]
fn the_waits_between_probes_of_a_failing_target_double_to_five_minutes() {
    let mut story = Story::closed_by_failures();
    let mut waits = Vec::new();
    for _ in 0..9 {
        waits.push(story.opens_in());
        story.waits(story.opens_in());
        assert!(story.departs().is_probe);
        story.probe_hears(failing());
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
}

#[test]
fn a_failing_target_is_reported_when_its_first_probe_failed_too() {
    let mut story = Story::closed_by_failures();
    story.waits(5);
    story.departs();
    let change = story.probe_hears(failing());
    let Some(Change::Paused(closed)) = change else { panic!("{change:?}") };
    assert_eq!((closed.since, closed.probes, closed.reason), (at(0), 1, Reason::Unreachable));
    story.waits(10);
    story.departs();
    assert_eq!(story.probe_hears(failing()), None, "once");
    story.waits(20);
    story.departs();
    assert!(matches!(story.probe_hears(Sign::Well), Some(Change::Resumed(closed)) if closed.probes == 3));
    assert_eq!(story.state.admits(&story.limits, story.now), usize::MAX);
}

#[test]
fn a_failing_target_whose_first_probe_gets_through_was_never_worth_a_word() {
    let mut story = Story::closed_by_failures();
    story.waits(5);
    story.departs();
    assert_eq!(story.probe_hears(Sign::Well), None);
    assert_eq!(story.state.closed(), None);
}

#[test]
fn a_refusing_target_is_reported_at_once_and_probed_every_five_minutes() {
    let mut story = Story::closed_by_a_refusal();
    for _ in 0..3 {
        assert_eq!(story.opens_in(), 300);
        story.waits(300);
        assert_eq!(story.state.admits(&story.limits, story.now), 1);
        assert!(story.departs().is_probe);
        assert_eq!(story.probe_hears(refusing()), None);
    }
    assert_eq!(story.state.shut_since(story.now), Some(at(0)));
}

#[test]
fn a_target_that_was_said_to_fail_and_turns_out_to_refuse_is_reported_once_more_and_resumes_once() {
    let mut story = Story::closed_by_failures();
    let mut told = Vec::new();
    for sign in [failing(), refusing(), refusing(), failing(), refusing(), Sign::Well] {
        story.waits(story.opens_in());
        story.departs();
        told.push(story.probe_hears(sign));
    }
    let told = told.into_iter().map(|change| match change {
        Some(Change::Paused(closed)) => format!("paused: {}, {}", closed.cause.as_str(), closed.turned),
        Some(Change::Resumed(_)) => "resumed".to_owned(),
        None => String::new(),
    });
    assert_eq!(told.collect::<Vec<_>>(), ["paused: failing, false", "paused: refusing, true", "", "", "", "resumed"]);
}

#[test]
fn a_target_that_was_said_to_refuse_is_not_reported_again_for_failing_in_between() {
    let mut story = Story::closed_by_a_refusal();
    for sign in [failing(), refusing(), failing(), refusing()] {
        story.waits(story.opens_in());
        story.departs();
        assert_eq!(story.probe_hears(sign), None);
    }
}

#[test]
fn there_is_one_probe_at_a_time_until_its_lease_has_passed() {
    let mut story = Story::closed_by_failures();
    story.waits(5);
    story.departs();
    assert_eq!((story.state.admits(&story.limits, story.now), story.opens_in()), (0, LEASE.as_secs()));
    story.waits(44);
    assert_eq!(story.state.admits(&story.limits, story.now), 0);
    story.waits(1);
    assert!(story.departs().is_probe, "whoever held the first one is gone");
}

#[test]
fn a_refusal_from_before_lets_no_second_probe_leave_beside_the_first() {
    let mut story = Story::closed_by_failures();
    let long_lease = Duration::from_secs(1800);
    story.waits(5);
    story.state.depart(&story.limits, story.now, long_lease);
    assert!(matches!(story.hears(refusing()), Some(Change::Paused(_))), "it is known to refuse now");
    assert_eq!(story.opens_in(), 1800);
}

#[test]
fn a_success_from_before_opens_a_failing_target_but_no_refusing_one() {
    let mut failing = Story::closed_by_failures();
    assert_eq!(failing.hears(Sign::Well), None);
    assert_eq!(failing.state.closed(), None);
    let mut refusing = Story::closed_by_a_refusal();
    assert_eq!(refusing.hears(Sign::Well), None);
    assert!(refusing.state.closed().is_some());
}

#[test]
fn a_wait_asked_for_holds_for_everything_and_the_longest_one_wins() {
    let mut story = Story::begin();
    story.hears(Sign::Busy { until: at(30) });
    story.hears(Sign::Busy { until: at(10) });
    assert_eq!((story.opens_in(), story.state.admits(&story.limits, story.now)), (30, 0));
    story.hears(Sign::Well);
    assert_eq!(story.opens_in(), 30, "who got through before was not asked");
    story.waits(30);
    assert_eq!(story.opens_in(), 0);
}

#[test]
fn a_target_that_is_busy_again_and_again_is_shut_since_the_first_time() {
    let mut story = Story::begin();
    for _ in 0..10 {
        let until = story.now.saturating_add(Duration::from_secs(120));
        story.hears(Sign::Busy { until });
        assert_eq!(story.state.shut_since(story.now), Some(at(0)));
        story.waits(121);
        story.departs();
    }
    story.waits(24 * 3600);
    story.hears(Sign::Busy { until: story.now.saturating_add(Duration::from_secs(120)) });
    assert_eq!(story.state.shut_since(story.now), Some(story.now), "a day of quiet is no day of waiting");
}

#[test]
fn an_answer_to_what_left_before_a_wait_does_not_make_it_begin_anew() {
    let mut story = Story::begin();
    let busy = |story: &Story| Sign::Busy { until: story.now.saturating_add(Duration::from_secs(120)) };
    story.hears(busy(&story));
    story.waits(10);
    story.hears(Sign::Well);
    assert_eq!(story.state.shut_since(story.now), Some(at(0)));
    story.waits(110);
    story.departs();
    story.hears(busy(&story));
    assert_eq!(story.state.shut_since(story.now), Some(at(0)), "it has asked for patience all the time");
    story.waits(120);
    story.departs();
    story.hears(Sign::Well);
    story.hears(busy(&story));
    assert_eq!(story.state.shut_since(story.now), Some(story.now), "who gets through ends it");
}

#[test]
fn what_was_written_while_the_clock_was_years_ahead_holds_nothing_up() {
    let years = Duration::from_secs(3 * 365 * 24 * 3600);
    let mut story = Story::closed_by_a_refusal();
    story.now = at(0).saturating_add(years);
    story.departs();
    story.probe_hears(Sign::Busy { until: story.now.saturating_add(Duration::from_secs(60)) });
    story.now = at(0);
    assert_eq!(story.opens_in(), 0);
    story.departs();
    assert_eq!(story.opens_in(), 300);
    story.probe_hears(Sign::Busy { until: at(400) });
    assert_eq!(story.opens_in(), 400, "and waits hold again");
}

#[test]
fn where_nobody_is_there_any_more_nothing_waits_and_nothing_is_forgotten() {
    let mut story = Story::closed_by_a_refusal();
    story.hears(Sign::Busy { until: at(3000) });
    story.waits(1);
    let before = story.state.clone();
    story.limits.is_gone = true;
    assert_eq!((story.opens_in(), story.state.admits(&story.limits, story.now)), (0, usize::MAX));
    for _ in 0..3 {
        assert!(!story.departs().is_probe);
        assert_eq!(story.hears(Sign::Nothing), None);
    }
    assert_eq!(story.state, TargetState { leases: before.leases + 3, ..before });
}

#[test]
fn the_rate_holds_for_probes_too() {
    let mut story = Story::closed_by_a_refusal();
    story.limits.rate = Some(RateLimit { every: Duration::from_secs(3600), burst: 1 });
    story.waits(300);
    story.departs();
    story.probe_hears(refusing());
    assert_eq!(story.opens_in(), 3600);
}

#[test]
fn every_departure_has_a_lease_of_its_own() {
    let mut story = Story::begin();
    let leases: Vec<_> = (0..3).map(|_| story.departs().lease).collect();
    assert_eq!(leases, [Lease(1), Lease(2), Lease(3)]);
}
