//! The table of kinds, the errors in words; what each status means is in [`statuses`].

mod statuses;

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::asked_wait;
use super::samples::{alone, delivery, interruptions, kit, many, of_incident, wording};
use super::*;
use crate::event::delivery::Phase;
use crate::names::DrillName;

/// A section that is whole, for each kind.
fn good_section(kind: &str) -> &'static str {
    match kind {
        "alertmanager" => "{ urls: ['https://alertmanager-0.example.com:9093'] }",
        "discord" => "{ url: https://discord.com/api/webhooks/1/x }",
        "email" => "{ url: \"smtp://127.0.0.1:9\", from: relay@example.com, to: ops@example.com }",
        "file" => "{ path: events.jsonl }",
        "google_chat" => "{ url: 'https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t' }",
        "jira_service_management" | "opsgenie" => "{ api_key: 11111111-2222-3333-4444-555555555555 }",
        "log" => "{}",
        "pagerduty" => "{ routing_key: 0123456789abcdef0123456789abcdef }",
        "slack" => "{ webhook_url: https://hooks.slack.com/services/T0/B0/x }",
        "teams" => "{ url: 'https://a.01.environment.api.powerplatform.com/powerautomate/x?sig=s' }",
        "telegram" => "{ bot_token: '123456789:AAabcdefghijklmnopqrstuvwxyz_-01234', chat_id: -1001234567890 }",
        "webhook" => "{ url: https://hooks.example.com/castai }",
        _ => panic!("what is a good section of `{kind}`?"),
    }
}

/// The other ways in which a kind can be written.
const OTHER_FORMS: &[(&str, &str)] = &[("slack", "{ bot_token: xoxb-1-x, channel: '#ops' }")];

#[test]
fn every_kind_builds_from_a_good_section_and_refuses_an_unknown_key() {
    for Kind { name: kind, build, .. } in NOTIFIERS {
        assert!(build(&Section::from_yaml(kind, good_section(kind)), &kit()).is_some(), "{kind}");
        assert!(build(&Section::from_yaml(kind, "{ colour: red }"), &kit()).is_none(), "{kind}");
        for (_, form) in OTHER_FORMS.iter().filter(|(name, _)| name == kind) {
            assert!(build(&Section::from_yaml(kind, form), &kit()).is_some(), "{kind} {form}");
        }
    }
}

#[tokio::test]
async fn the_log_takes_everything_and_previews_it() {
    let log = log::build(&Section::from_yaml("log", "{}"), &kit()).unwrap();
    let batch = alone(&delivery("node.added", json!({"instanceType": "m6i.2xlarge", "lifecycle": "spot"})));
    let preview = log.preview(&batch, &wording(json!({"text": "a <b> & c"})));
    assert!(preview.starts_with("New spot node: m6i.2xlarge\na <b> & c\nCluster=prod-eu; "), "{preview}");
    assert_eq!(log.notify(&batch, &Wording::default()).await, Ok(Sent::default()));
}

#[test]
fn whatever_the_kind_a_drill_is_marked_as_one() {
    let mut drill = delivery("node.added", json!({"instanceType": "m6i.2xlarge"}));
    drill.event = drill.event.as_drill(&DrillName::on_demand());
    let sections = NOTIFIERS.iter().map(|kind| (kind.name, good_section(kind.name)));
    for (kind, section) in sections.chain(OTHER_FORMS.iter().copied()) {
        let build = NOTIFIERS.iter().find(|row| row.name == kind).unwrap().build;
        let notifier = build(&Section::from_yaml(kind, section), &kit()).unwrap();
        let preview = notifier.preview(&alone(&drill), &wording(json!({"title": "Wake up"})));
        assert!(preview.contains("Drill: Wake up"), "{kind}: {preview}");
        assert!(preview.contains("drill on-demand: this did not happen"), "{kind}: {preview}");
    }
}

#[test]
fn every_kind_has_its_row_in_the_readme_and_its_section_beside_it() {
    let readme = include_str!("../../README.md");
    let sections = include_str!("../../deploy/TARGETS.md");
    let named: Vec<&str> = sections.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let kinds: Vec<&str> = NOTIFIERS.iter().map(|kind| kind.name).collect();
    assert_eq!(named, kinds);
    for kind in kinds {
        assert!(readme.contains(&format!("\n| `{kind}` | ")), "{kind}");
    }
}

/// What is logged meanwhile, as JSON objects.
async fn logged(doing: impl Future<Output = ()>) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = Arc::new(file.reopen().unwrap());
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(writer).finish();
    // While there is only one subscriber, a thread without one that comes to a line first silences it for all.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    doing.await;
    drop(guard);
    let lines = std::fs::read_to_string(file.path()).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_log_has_one_line_for_many_with_their_counts() {
    let log = log::build(&Section::from_yaml("log", "{}"), &kit()).unwrap();
    let batch = of_incident(many(interruptions(412, 12)), Phase::Open, "spot/all", None);
    let alone = alone(&delivery("node.added", json!({})));
    let lines = logged(async {
        assert_eq!(log.notify(&batch, &Wording::default()).await, Ok(Sent::default()));
        assert_eq!(log.notify(&alone, &Wording::default()).await, Ok(Sent::default()));
    });
    let lines = lines.await;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["title"], "412 spot interruptions in 12 clusters");
    assert_eq!((&lines[0]["batch.deliveries"], &lines[0]["batch.resolved"]), (&json!(412), &json!(0)));
    assert_eq!((&lines[0]["incident.key"], &lines[0]["event.severity"]), (&json!("spot/all"), &json!("critical")));
    let facts = lines[0]["facts"].as_str().unwrap();
    assert!(facts.contains("Severity=4 critical, 408 warning; Type=node.spot_interrupted; "), "{facts}");
    assert_eq!((&lines[1]["batch.deliveries"], &lines[1]["incident.key"]), (&json!(1), &Value::Null));
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
