//! What each kind of failure means for the deliveries and for the target.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::config::Span;
use crate::event::Severity;
use crate::event::batch::Lease;
use crate::event::batch::Receipt;
use crate::event::delivery::Delivery;
use crate::event::relay::{self, BodyProblem};
use crate::names::{DeliveryId, RouteName, SourceName, TargetName};

const RECEIVED: Timestamp = Timestamp::EPOCH;

fn after(seconds: u64) -> Timestamp {
    RECEIVED.saturating_add(Duration::from_secs(seconds))
}

/// A batch of one, attempted for the `attempt`th time, with an event received at the beginning of time.
fn batch(attempt: u32) -> Batch {
    let problem = BodyProblem { message: String::new(), line: 1, column: 1, hint: "" };
    let delivery = Delivery {
        again: None,
        id: DeliveryId::from_row(65_536),
        route: RouteName::default_targets(),
        target: TargetName::parse("ops").unwrap(),
        severity: Severity::Error,
        attempt,
        claimed_at: RECEIVED,
        event: relay::body_rejected(&SourceName::relay(), Bytes::new(), &problem, RECEIVED),
    };
    Batch::of_one(delivery, Lease(1))
}

fn policy(ambiguous: Ambiguous) -> Policy {
    Policy { ambiguous, ..Policy::default() }
}

fn error(next: Next, scope: Scope, ambiguous: bool, reason: Reason) -> NotifyError {
    NotifyError { next, scope, ambiguous, reason, detail: "no".to_owned(), answer: None }
}

/// A verdict in short: what becomes of the delivery, and what is said of the target.
fn short(verdict: &Verdict, now: Timestamp) -> String {
    let outcome = match &verdict.outcome {
        Outcome::Delivered { .. } => "delivered".to_owned(),
        Outcome::Retry { at, .. } if *at == now => "kept".to_owned(),
        Outcome::Retry { at, .. } if *at >= now.saturating_add(Duration::from_secs(30)) => "retry in 30 s".to_owned(),
        Outcome::Retry { .. } => "retry soon".to_owned(),
        Outcome::Dead { .. } => "dead".to_owned(),
    };
    let sign = match &verdict.sign {
        Sign::Well => "well",
        Sign::Busy { until } if *until >= now.saturating_add(Duration::from_secs(30)) => "busy for 30 s",
        Sign::Busy { until } if *until >= now.saturating_add(Duration::from_secs(10)) => "busy for 10 s",
        Sign::Busy { .. } => "busy",
        Sign::Failing { until: None, .. } => "failing",
        Sign::Failing { until: Some(until), .. } if *until >= now.saturating_add(Duration::from_secs(30)) => {
            "failing for 30 s"
        }
        Sign::Failing { .. } => "failing, and asks for too little",
        Sign::Refusing { .. } => "refusing",
        Sign::Nothing => "nothing",
    };
    format!("{outcome}, {sign}")
}

#[test]
fn what_was_taken_is_delivered_and_the_target_is_well() {
    let sent = Sent { receipt: Receipt::new("ts-1"), answer: Some(Answered::new(200, "ok")) };
    let Sent { receipt, answer } = sent.clone();
    let verdict = Verdict::of(Ok(sent), &batch(1), &Policy::default(), after(1));
    assert_eq!(verdict, Verdict { outcome: Outcome::Delivered { receipt }, sign: Sign::Well, answer });
}

/// Every class of error there is: next step, scope, ambiguous, whether the target asked for a wait; then what it means where
/// doubt is sent again, and where it is given up.
#[test]
fn every_class_of_error_means_one_thing_for_the_delivery_and_one_for_the_target() {
    use Reason::{Ambiguous as Doubt, Internal, MessageRefused, Misconfigured, RateLimited};
    use Reason::{TargetFailed, TargetRefused, TargetRemoved, Unreachable};
    use Scope::{Message, Part, Target};
    let soon = Next::Retry { after: None };
    let asked = Next::Retry { after: Some(Duration::from_secs(30)) };
    let table = [
        // A failure that may pass.
        (soon, Message, false, TargetFailed, "retry soon, failing", "retry soon, failing"),
        (soon, Target, false, TargetFailed, "retry soon, failing", "retry soon, failing"),
        (soon, Message, false, Unreachable, "retry soon, failing", "retry soon, failing"),
        (soon, Message, true, Doubt, "retry soon, failing", "dead, failing"),
        (soon, Target, true, Doubt, "retry soon, failing", "dead, failing"),
        // It asks for a wait, which holds for everybody.
        (asked, Target, false, RateLimited, "retry in 30 s, busy for 30 s", "retry in 30 s, busy for 30 s"),
        // It fails, and asks for a wait all the same: the one is counted, the other holds for everybody.
        (asked, Target, false, TargetFailed, "retry in 30 s, failing for 30 s", "retry in 30 s, failing for 30 s"),
        (asked, Target, true, TargetFailed, "retry in 30 s, failing for 30 s", "dead, failing for 30 s"),
        (asked, Message, false, TargetFailed, "retry in 30 s, failing", "retry in 30 s, failing"),
        (asked, Message, true, TargetFailed, "retry in 30 s, failing", "dead, failing"),
        // Too much, and it does not say for how long.
        (soon, Target, false, RateLimited, "retry soon, busy for 10 s", "retry soon, busy for 10 s"),
        (soon, Message, false, RateLimited, "retry soon, busy for 10 s", "retry soon, busy for 10 s"),
        // It answers, and will not have this message.
        (Next::GiveUp, Message, false, MessageRefused, "dead, well", "dead, well"),
        (Next::GiveUp, Message, true, MessageRefused, "dead, well", "dead, well"),
        // It will not have any: the target is closed and keeps what it owes.
        (Next::GiveUp, Target, false, TargetRefused, "kept, refusing", "kept, refusing"),
        (Next::GiveUp, Target, true, TargetRefused, "kept, refusing", "dead, refusing"),
        // A part of it failed, the rest took it: the target is as well as it can be, also where that part asks for patience.
        (soon, Part, false, TargetFailed, "retry soon, well", "retry soon, well"),
        (soon, Part, true, Doubt, "retry soon, well", "retry soon, well"),
        (asked, Part, false, RateLimited, "retry in 30 s, well", "retry in 30 s, well"),
        // Our own fault says nothing of the target.
        (soon, Message, true, Internal, "retry soon, nothing", "dead, nothing"),
        (soon, Message, false, Internal, "retry soon, nothing", "retry soon, nothing"),
        // Nothing was sent, and nobody was asked.
        (Next::GiveUp, Message, false, Internal, "dead, nothing", "dead, nothing"),
        (Next::GiveUp, Message, false, Misconfigured, "dead, nothing", "dead, nothing"),
        (Next::GiveUp, Message, false, TargetRemoved, "dead, nothing", "dead, nothing"),
    ];
    let now = after(1);
    for (next, scope, ambiguous, reason, resend, give_up) in table {
        for (policy, expected) in [(policy(Ambiguous::Resend), resend), (policy(Ambiguous::GiveUp), give_up)] {
            let error = error(next, scope, ambiguous, reason);
            let verdict = Verdict::of(Err(error.clone()), &batch(1), &policy, now);
            assert_eq!(short(&verdict, now), expected, "{error:?}, {:?}", policy.ambiguous);
        }
    }
}

#[test]
fn reason_doubt_and_words_are_passed_on_to_the_delivery_and_to_the_target() {
    let doubtful = error(Next::Retry { after: None }, Scope::Message, true, Reason::Ambiguous);
    let Verdict { outcome, sign, .. } = Verdict::of(Err(doubtful), &batch(1), &Policy::default(), after(1));
    let Outcome::Retry { reason, ambiguous, detail, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((reason, ambiguous, detail.as_str()), (Reason::Ambiguous, true, "no"));
    assert_eq!(sign, Sign::Failing { reason: Reason::Ambiguous, detail: "no".to_owned(), until: None });
}

#[test]
fn who_reads_that_doubt_was_given_up_reads_which_setting_did_it() {
    let doubtful = error(Next::Retry { after: None }, Scope::Message, true, Reason::Ambiguous);
    let verdict = Verdict::of(Err(doubtful), &batch(1), &policy(Ambiguous::GiveUp), after(1));
    let detail = "no; not sent again, because the target has `ambiguous: give_up`".to_owned();
    assert_eq!(verdict.outcome, Outcome::Dead { reason: Reason::Ambiguous, ambiguous: true, detail });
}

proptest! {
    #[test]
    fn a_retry_is_due_just_after_the_deadline_at_the_latest(
        attempt in 1_u32..100,
        asked in prop::option::of(0_u64..200_000),
        max_age in 1_u64..100_000,
        age in 0_u64..100_000,
    ) {
        let policy = Policy { max_age: Span::from_secs(max_age), ..Policy::default() };
        let next = Next::Retry { after: asked.map(Duration::from_secs) };
        let failed = error(next, Scope::Message, false, Reason::TargetFailed);
        let outcome = Verdict::of(Err(failed), &batch(attempt), &policy, after(age)).outcome;
        let Outcome::Retry { at, .. } = outcome else { panic!("{outcome:?}") };
        let just_after = after(max_age).saturating_add(Duration::from_millis(1));
        prop_assert!(at > after(age), "what fails is never tried again at once");
        prop_assert!(age >= max_age || at <= just_after, "{} is after {}", at, just_after);
        if at < just_after {
            prop_assert!(at >= after(age.saturating_add(asked.unwrap_or(0))), "nothing is tried earlier than it was asked for");
        }
    }
}

/// What one message is too old to wait for, the others are not.
#[test]
fn a_target_that_asks_for_a_wait_is_left_alone_for_all_of_it_however_old_the_message_is() {
    let policy = Policy { max_age: Span::from_secs(20), ..Policy::default() };
    let busy = error(Next::Retry { after: Some(Duration::from_secs(30)) }, Scope::Target, false, Reason::RateLimited);
    let Verdict { outcome, sign, .. } = Verdict::of(Err(busy), &batch(1), &policy, after(1));
    let Outcome::Retry { at, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(at, after(20).saturating_add(Duration::from_millis(1)), "it ends when it is too old");
    let Sign::Busy { until } = sign else { panic!("{sign:?}") };
    assert!(until >= after(31), "the target asked everybody to wait until {}, not {until}", after(31));
}

/// An old delivery waits long for itself, and holds nobody else up by that.
#[test]
fn how_often_one_delivery_was_tried_does_not_prolong_the_wait_of_the_target() {
    for (asked, longest) in [(Some(1), 2), (Some(30), 33), (None, 11)] {
        let next = Next::Retry { after: asked.map(Duration::from_secs) };
        for attempt in 1..100 {
            let busy = error(next, Scope::Target, false, Reason::RateLimited);
            let Sign::Busy { until } = Verdict::of(Err(busy), &batch(attempt), &Policy::default(), after(0)).sign
            else {
                panic!("{asked:?}")
            };
            assert!(until <= after(longest), "asked for {asked:?} in answer to attempt {attempt}, waits until {until}");
        }
    }
}
