//! Every HTTP status and its one decision: in general, and for each kind of target that speaks HTTP. As tables, so that
//! they can be compared with the targets' documentation line by line.

use std::ops::RangeInclusive;
use std::time::Duration;

use Meaning::*;

use crate::event::delivery::Reason;
use crate::notify::answer::by_status;
use crate::notify::slack::{self, web_api};
use crate::notify::{Next, NotifyError, Scope, alertmanager, opsgenie, pagerduty, webhook};

/// What a status without a body means.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// It is there.
    Delivered,
    /// This message will never be taken.
    RefusesThis,
    /// No message will be taken until somebody acts.
    RefusesAll,
    /// Too many messages.
    WantsFewer,
    /// It failed, nothing was done.
    Fails(Scope),
    /// It failed, perhaps after taking the message.
    MayHaveFailed(Scope),
    /// It says nothing of what became of the message.
    SaysNothing,
}

const THIS: Scope = Scope::Message;
const ALL: Scope = Scope::Target;

type Row = (RangeInclusive<u16>, Meaning);

const IN_GENERAL: &[Row] = &[
    (100..=199, SaysNothing),
    (200..=299, Delivered),
    (300..=399, RefusesAll),
    (400..=400, RefusesThis),
    (401..=405, RefusesAll),
    (406..=406, RefusesThis),
    (407..=407, RefusesAll),
    (408..=408, Fails(THIS)),
    (409..=409, RefusesThis),
    (410..=410, RefusesAll),
    (411..=424, RefusesThis),
    (425..=425, Fails(THIS)),
    (426..=428, RefusesThis),
    (429..=429, WantsFewer),
    (430..=499, RefusesThis),
    (500..=500, MayHaveFailed(ALL)),
    (501..=501, Fails(ALL)),
    (502..=502, MayHaveFailed(ALL)),
    (503..=503, Fails(ALL)),
    (504..=504, MayHaveFailed(ALL)),
    (505..=505, Fails(ALL)),
    (506..=510, MayHaveFailed(ALL)),
    (511..=511, Fails(ALL)),
    (512..=599, MayHaveFailed(ALL)),
];

/// Slack says `ok` when it has taken a message; without that a success says nothing.
const SLACK: &[Row] = &[
    (100..=199, SaysNothing),
    (200..=299, SaysNothing),
    (300..=399, RefusesAll),
    (400..=400, RefusesThis),
    (401..=405, RefusesAll),
    (406..=406, RefusesThis),
    (407..=407, RefusesAll),
    (408..=408, Fails(THIS)),
    (409..=409, RefusesThis),
    (410..=410, RefusesAll),
    (411..=424, RefusesThis),
    (425..=425, Fails(THIS)),
    (426..=428, RefusesThis),
    (429..=429, WantsFewer),
    (430..=499, RefusesThis),
    (500..=500, MayHaveFailed(ALL)),
    (501..=501, Fails(ALL)),
    (502..=502, MayHaveFailed(ALL)),
    (503..=503, Fails(ALL)),
    (504..=504, MayHaveFailed(ALL)),
    (505..=505, Fails(ALL)),
    (506..=510, MayHaveFailed(ALL)),
    (511..=511, Fails(ALL)),
    (512..=599, MayHaveFailed(ALL)),
];

/// The failures of PagerDuty, Opsgenie and Jira Service Management are recorded as those of one event.
const PAGERS: &[Row] = &[
    (100..=199, SaysNothing),
    (200..=299, Delivered),
    (300..=399, RefusesAll),
    (400..=400, RefusesThis),
    (401..=405, RefusesAll),
    (406..=406, RefusesThis),
    (407..=407, RefusesAll),
    (408..=408, Fails(THIS)),
    (409..=409, RefusesThis),
    (410..=410, RefusesAll),
    (411..=424, RefusesThis),
    (425..=425, Fails(THIS)),
    (426..=428, RefusesThis),
    (429..=429, WantsFewer),
    (430..=499, RefusesThis),
    (500..=500, MayHaveFailed(THIS)),
    (501..=501, Fails(ALL)),
    (502..=502, MayHaveFailed(THIS)),
    (503..=503, Fails(ALL)),
    (504..=504, MayHaveFailed(THIS)),
    (505..=505, Fails(ALL)),
    (506..=510, MayHaveFailed(ALL)),
    (511..=511, Fails(ALL)),
    (512..=599, MayHaveFailed(ALL)),
];

/// A signed webhook is tried again whatever it answers, but for 410 and what no attempt can change.
const WEBHOOK: &[Row] = &[
    (100..=199, SaysNothing),
    (200..=299, Delivered),
    (300..=399, RefusesAll),
    (400..=409, Fails(THIS)),
    (410..=410, RefusesAll),
    (411..=428, Fails(THIS)),
    (429..=429, WantsFewer),
    (430..=499, Fails(THIS)),
    (500..=500, MayHaveFailed(THIS)),
    (501..=501, Fails(ALL)),
    (502..=502, MayHaveFailed(ALL)),
    (503..=503, Fails(ALL)),
    (504..=504, MayHaveFailed(ALL)),
    (505..=505, Fails(ALL)),
    (506..=510, MayHaveFailed(ALL)),
    (511..=511, Fails(ALL)),
    (512..=599, MayHaveFailed(ALL)),
];

impl Meaning {
    /// Everything an error decides, but for its words.
    fn decides(self, after: Option<Duration>) -> Result<(), (Next, Scope, bool, Reason)> {
        let again = Next::Retry { after };
        Err(match self {
            Delivered => return Ok(()),
            RefusesThis => (Next::GiveUp, THIS, false, Reason::MessageRefused),
            RefusesAll => (Next::GiveUp, ALL, false, Reason::TargetRefused),
            WantsFewer => (again, ALL, false, Reason::RateLimited),
            Fails(whom) => (again, whom, false, Reason::TargetFailed),
            MayHaveFailed(whom) => (again, whom, true, Reason::TargetFailed),
            SaysNothing => (again, THIS, true, Reason::Ambiguous),
        })
    }
}

/// `after` is how long to wait by each status.
#[track_caller]
fn assert_means(
    table: &[Row],
    verdict: impl Fn(u16) -> Result<(), NotifyError>,
    after: impl Fn(u16) -> Option<Duration>,
) {
    for status in 100..=599 {
        let rows: Vec<_> = table.iter().filter(|(statuses, _)| statuses.contains(&status)).collect();
        let [(_, meaning)] = rows[..] else { panic!("{status} has {} rows", rows.len()) };
        let verdict = verdict(status).map_err(|error| {
            assert!(error.detail.contains(&format!("answered {status}")), "{error}");
            (error.next, error.scope, error.ambiguous, error.reason)
        });
        assert_eq!(verdict, meaning.decides(after(status)), "{status}");
    }
}

const ASKED: Option<Duration> = Some(Duration::from_secs(45));

#[test]
fn every_status_has_one_meaning() {
    assert_means(IN_GENERAL, |status| by_status(status, None, ""), |_| None);
    assert_means(IN_GENERAL, |status| by_status(status, ASKED, "word"), |_| ASKED);
}

#[test]
fn every_status_of_alertmanager_is_one_decision() {
    for body in ["", "\"text\"", r#"{"code":1,"message":"x"}"#] {
        assert_means(IN_GENERAL, |status| alertmanager::classify(status, body, None), |_| None);
        assert_means(IN_GENERAL, |status| alertmanager::classify(status, body, ASKED), |_| ASKED);
    }
}

#[test]
fn every_status_of_slack_is_one_decision() {
    for body in ["", "<html>ok</html>", "Invalid", r#"{"ok":true}"#] {
        assert_means(SLACK, |status| slack::classify(status, body, None), |_| None);
        assert_means(SLACK, |status| slack::classify(status, body, ASKED), |_| ASKED);
    }
}

#[test]
fn every_status_of_slacks_web_api_is_one_decision() {
    let place = web_api::Place { name: "#ops".to_owned(), is_everybodys: true };
    let verdict = |status, body: &str, after| web_api::classify(status, body, after, &place).map(drop);
    for body in ["", "<html>ok</html>", "ok", "[true]", r#"{"error":"ratelimited!"}"#] {
        assert_means(SLACK, |status| verdict(status, body, None), |_| None);
        assert_means(SLACK, |status| verdict(status, body, ASKED), |_| ASKED);
    }
}

#[test]
fn every_status_of_pagerduty_is_one_decision() {
    // Where it does not say how long to wait, it is left alone for half of the minute it counts over.
    let unasked = |status| (status == 429).then_some(Duration::from_secs(30));
    for body in ["", r#"{"status":"x"}"#, "text"] {
        assert_means(PAGERS, |status| pagerduty::classify(status, body, None), unasked);
        assert_means(PAGERS, |status| pagerduty::classify(status, body, ASKED), |_| ASKED);
    }
}

#[test]
fn every_status_of_opsgenie_is_one_decision() {
    // As PagerDuty.
    let unasked = |status| (status == 429).then_some(Duration::from_secs(30));
    for body in ["", r#"{"message":"x"}"#, "text"] {
        assert_means(PAGERS, |status| opsgenie::classify(status, body, None), unasked);
        assert_means(PAGERS, |status| opsgenie::classify(status, body, ASKED), |_| ASKED);
    }
}

#[test]
fn every_status_of_a_webhook_is_one_decision() {
    for body in ["", "<html>ok</html>", r#"{"error":"x"}"#, "text"] {
        assert_means(WEBHOOK, |status| webhook::classify(status, body, None), |_| None);
        assert_means(WEBHOOK, |status| webhook::classify(status, body, ASKED), |_| ASKED);
    }
}

#[test]
fn a_status_that_does_not_exist_is_a_decision_too() {
    for status in (0..100).chain(600..=u16::MAX) {
        let error = by_status(status, None, "").unwrap_err();
        assert!(error.ambiguous && error.next == Next::Retry { after: None }, "{error}");
    }
}
