//! The table of kinds, and what the generic statuses mean.

use std::time::Duration;

use serde_json::json;

use super::answer::{asked_wait, by_status};
use super::samples::{alone, delivery, kit, wording};
use super::*;

#[test]
fn every_kind_builds_from_a_good_section_and_refuses_an_unknown_key() {
    let good = |kind| match kind {
        "pagerduty" => "{ routing_key: 0123456789abcdef0123456789abcdef }",
        "slack" => "{ webhook_url: https://hooks.slack.com/services/T0/B0/x }",
        _ => "{}",
    };
    for Kind { name: kind, build, .. } in NOTIFIERS {
        assert!(build(&Section::from_yaml(kind, good(kind)), &kit()).is_some(), "{kind}");
        assert!(build(&Section::from_yaml(kind, "{ colour: red }"), &kit()).is_none(), "{kind}");
    }
}

#[tokio::test]
async fn the_log_takes_everything_and_previews_it() {
    let log = log::build(&Section::from_yaml("log", "{}"), &kit()).unwrap();
    let batch = alone(&delivery("node.added", json!({"instanceType": "m6i.2xlarge", "lifecycle": "spot"})));
    let preview = log.preview(&batch, &wording(json!({"text": "a <b> & c"})));
    assert!(preview.starts_with("New spot node: m6i.2xlarge\na <b> & c\nCluster=prod-eu; "), "{preview}");
    assert_eq!(log.notify(&batch, &Wording::default()).await, Ok(None));
}

/// What a status means: whether it is worth another attempt, whom it concerns, whether it may be there all the same.
type Meaning = Result<(), (bool, Scope, bool, Reason)>;

const RETRY: bool = true;
const PERHAPS_DONE: bool = true;

/// Every status there is and some there are not, each in one row.
const MEANINGS: &[(std::ops::RangeInclusive<u16>, Meaning)] = &[
    (0..=199, Err((RETRY, Scope::Message, PERHAPS_DONE, Reason::Ambiguous))),
    (200..=299, Ok(())),
    (300..=399, Err((!RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetRefused))),
    (400..=400, Err((!RETRY, Scope::Message, !PERHAPS_DONE, Reason::MessageRefused))),
    (401..=405, Err((!RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetRefused))),
    (406..=406, Err((!RETRY, Scope::Message, !PERHAPS_DONE, Reason::MessageRefused))),
    (407..=407, Err((!RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetRefused))),
    (408..=408, Err((RETRY, Scope::Message, !PERHAPS_DONE, Reason::TargetFailed))),
    (409..=409, Err((!RETRY, Scope::Message, !PERHAPS_DONE, Reason::MessageRefused))),
    (410..=410, Err((!RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetRefused))),
    (411..=424, Err((!RETRY, Scope::Message, !PERHAPS_DONE, Reason::MessageRefused))),
    (425..=425, Err((RETRY, Scope::Message, !PERHAPS_DONE, Reason::TargetFailed))),
    (426..=428, Err((!RETRY, Scope::Message, !PERHAPS_DONE, Reason::MessageRefused))),
    (429..=429, Err((RETRY, Scope::Target, !PERHAPS_DONE, Reason::RateLimited))),
    (430..=499, Err((!RETRY, Scope::Message, !PERHAPS_DONE, Reason::MessageRefused))),
    (500..=500, Err((RETRY, Scope::Target, PERHAPS_DONE, Reason::TargetFailed))),
    (501..=501, Err((RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetFailed))),
    (502..=502, Err((RETRY, Scope::Target, PERHAPS_DONE, Reason::TargetFailed))),
    (503..=503, Err((RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetFailed))),
    (504..=504, Err((RETRY, Scope::Target, PERHAPS_DONE, Reason::TargetFailed))),
    (505..=505, Err((RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetFailed))),
    (506..=510, Err((RETRY, Scope::Target, PERHAPS_DONE, Reason::TargetFailed))),
    (511..=511, Err((RETRY, Scope::Target, !PERHAPS_DONE, Reason::TargetFailed))),
    (512..=999, Err((RETRY, Scope::Target, PERHAPS_DONE, Reason::TargetFailed))),
];

#[test]
fn every_status_has_one_meaning() {
    for status in 0..=999 {
        let rows: Vec<_> = MEANINGS.iter().filter(|(statuses, _)| statuses.contains(&status)).collect();
        let [(_, expected)] = rows[..] else { panic!("{status} has {} meanings", rows.len()) };
        let seven = Some(Duration::from_secs(7));
        let verdict = by_status(status, seven, "word").map_err(|error| {
            let NotifyError { next, scope, ambiguous, reason, detail } = error;
            assert!(next == Next::GiveUp || next == Next::Retry { after: seven }, "{status} {next:?}");
            assert!(detail.contains("`word`"), "{detail}");
            (next != Next::GiveUp, scope, ambiguous, reason)
        });
        assert_eq!(verdict, *expected, "{status}");
    }
}

#[test]
fn an_error_says_why_what_is_done_now_and_the_particulars() {
    let refused = NotifyError::target_refused("answered 404 `no_team`");
    assert_eq!(refused.to_string(), "target_refused, given up: answered 404 `no_team`");
    let limited = NotifyError::rate_limited(None, "answered 429");
    assert_eq!(limited.to_string(), "rate_limited, worth another attempt: answered 429");
}

#[test]
fn the_longer_of_header_and_body_is_waited_for() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(asked_wait(seconds(1), r#"{"retry_after":30}"#), seconds(30));
    assert_eq!(asked_wait(seconds(60), r#"{"retry_after":30}"#), seconds(60));
    assert_eq!(asked_wait(None, r#"{"retry_after":0.5}"#), Some(Duration::from_millis(500)));
    assert_eq!(asked_wait(None, r#"{"retry_after":1e300}"#), seconds(3600));
    for nothing in ["", "ok", "{}", r#"{"retry_after":-1}"#, r#"{"retry_after":"soon"}"#, "[1]"] {
        assert_eq!(asked_wait(None, nothing), None, "{nothing}");
    }
}
