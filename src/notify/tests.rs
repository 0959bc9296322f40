//! The table of kinds, and what the generic statuses mean.

use std::time::Duration;

use serde_json::json;

use super::answer::{asked_wait, by_status};
use super::samples::{delivery, kit, wording};
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
    let delivery = delivery("node.added", json!({"instanceType": "m6i.2xlarge", "lifecycle": "spot"}));
    let preview = log.preview(&delivery, &wording(json!({"text": "a <b> & c"})));
    assert!(preview.starts_with("New spot node: m6i.2xlarge\na <b> & c\nCluster=prod-eu; "), "{preview}");
    assert_eq!(log.notify(&delivery, &Wording::default()).await, Ok(()));
}

fn retry(reason: Reason, scope: Scope) -> (bool, Reason, Scope) {
    (true, reason, scope)
}

#[test]
fn every_status_has_a_meaning() {
    for status in 0..=999 {
        let verdict = by_status(status, Some(Duration::from_secs(7)), "word").map_err(|error| match error {
            NotifyError::Retry { reason, scope, after, detail } => {
                assert!(after == Some(Duration::from_secs(7)) && detail.contains("`word`"), "{detail}");
                retry(reason, scope)
            }
            NotifyError::GiveUp { reason, scope, .. } => (false, reason, scope),
        });
        let expected = match status {
            0..200 => Err(retry(Reason::Ambiguous, Scope::Message)),
            200..300 => Ok(()),
            429 => Err(retry(Reason::RateLimited, Scope::Target)),
            408 | 425 => Err(retry(Reason::TargetFailed, Scope::Message)),
            300..400 | 401..=405 | 407 | 410 => Err((false, Reason::TargetRefused, Scope::Target)),
            400..500 => Err((false, Reason::MessageRefused, Scope::Message)),
            503 => Err(retry(Reason::TargetFailed, Scope::Target)),
            _ => Err(retry(Reason::TargetFailed, Scope::Message)),
        };
        assert_eq!(verdict, expected, "{status}");
    }
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
