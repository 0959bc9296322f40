//! The verdicts on facts that are hard to bring about, and what holds for all of them.

mod account;
mod around;
mod webhook;

use serde_json::{Value, json};

use super::super::facts::*;
use super::super::line::{Line, Mark};
use super::*;
use crate::castai_api::console_template::Form;
use crate::castai_api::webhooks::WebhookConfig;
use crate::castai_api::{ErrorKind, Page};
use crate::config::Span;
use crate::event::Timestamp;
use crate::names::SourceName;
use crate::source::pulse::record::{Heard, Record};

const URL: &str = "https://relay.example.com/castai/events";

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T12:00:00Z").unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_millis(now().as_millis() - seconds * 1000)
}

fn config(changes: Value) -> WebhookConfig {
    let mut raw = json!({
        "id": "w1", "name": "relay", "callbackUrl": URL, "status": "CanConnect", "includeClusterless": true,
        "severityTriggers": ["CRITICAL", "ERROR", "WARNING", "INFO", "SUCCESS"],
        "authKeys": {"Content-Type": "application/json", "Authorization": "Bearer token"},
        "requestTemplate": Form::Strings.text(None),
    });
    changes.as_object().unwrap().iter().for_each(|(field, value)| raw[field] = value.clone());
    let page = Page::<WebhookConfig>::read(json!({"items": [raw]}).to_string().as_bytes()).unwrap();
    page.items.into_iter().next().unwrap()
}

fn call(what: &'static str, answer: Answer) -> Call {
    Call { what, needed_by: "`sources.something`", answer }
}

fn refused(kind: ErrorKind) -> Answer {
    Answer::Refused(Refusal { kind, said: "no".into(), cure: "the cure".into() })
}

fn account() -> Account {
    let calls = [Call::CLUSTERS, Call::WEBHOOKS, Call::NOTIFICATIONS, Call::AUDIT, Call::COSTS];
    Account {
        at: "https://api.cast.ai (us)".into(),
        organization: None,
        calls: calls.map(|what| call(what, Answer::Good)).to_vec(),
        elsewhere: vec![],
        organizations: vec!["o1".into()],
        clusters: Some([("c1".to_owned(), "prod".to_owned()), ("c2".to_owned(), "dev".to_owned())].into()),
        webhooks: Some(vec![config(json!({}))]),
        is_empty: false,
    }
}

fn verify(written: Value) -> crate::source::verify::Verifier {
    serde_json::from_value(written).unwrap()
}

fn webhook() -> Webhook {
    let refusal = ("unauthorized".to_owned(), "header `authorization` is missing".to_owned());
    let with = |status, refusal, believed| Answered::With { status, refusal, believed, location: None };
    Webhook {
        name: "castai".into(),
        path: "/castai/events".into(),
        url: Some(URL.into()),
        category: None,
        verifier: verify(json!({"bearer": ["token", "older-token"]})),
        public: Some(Public { stranger: with(401, Some(refusal), false), friend: Some(with(204, None, true)) }),
    }
}

fn healthy() -> Facts {
    let heard = Heard { since: ago(9000), heard_at: Some(ago(60)), event_at: Some(ago(60)) };
    let sources = [(SourceName::parse("castai").unwrap(), heard), (SourceName::audit_log(), heard)];
    Facts {
        now: now(),
        account: Some(account()),
        clocks: vec![ClockReading { whose: "CAST AI".into(), theirs: now(), ours: ago(-1) }],
        webhooks: vec![webhook()],
        polled: vec![SourceName::audit_log()],
        silence_limits: [(SourceName::audit_log(), Span::from_secs(900))].into(),
        held: Some(true),
        pulse: Pulse::Kept(Record { alive_at: ago(30), outages: vec![], sources: sources.into() }),
        kubernetes: Some(Kubernetes::Reached(vec![("Events", None)])),
        targets: vec![Target {
            name: "slack".into(),
            kind: "slack",
            to: Some("https://x/…".into()),
            reached: Ok(302),
            here: None,
        }],
        house: House { public_url: Some("https://relay.example.com".into()), ..House::default() },
    }
}

fn lines(facts: &Facts) -> Vec<Line> {
    CHECKS.iter().flat_map(|(_, check)| check(facts)).collect()
}

/// What is not good and not unknown: `✗ check: found`.
fn said(facts: &Facts) -> Vec<String> {
    let lines = lines(facts);
    for line in &lines {
        let must_have = matches!(line.verdict, Mark::Wrong | Mark::Warning);
        assert!(!must_have || line.cure.as_ref().is_some_and(|cure| !cure.is_empty()), "no cure: {line:?}");
    }
    let worth_telling = lines.iter().filter(|line| matches!(line.verdict, Mark::Wrong | Mark::Warning));
    worth_telling.map(|line| format!("{} {}: {}", line.verdict.sign(), line.check, line.found)).collect()
}

fn with_account(change: impl FnOnce(&mut Account)) -> Facts {
    let mut facts = healthy();
    change(facts.account.as_mut().unwrap());
    facts
}

fn with_webhook(change: impl FnOnce(&mut Webhook)) -> Facts {
    let mut facts = healthy();
    change(&mut facts.webhooks[0]);
    facts
}

fn with_configs(configs: impl IntoIterator<Item = Value>) -> Facts {
    with_account(|account| account.webhooks = Some(configs.into_iter().map(config).collect()))
}

#[track_caller]
fn one(facts: &Facts, expected: &str) {
    let said = said(facts);
    assert!(said.len() == 1 && said[0].contains(expected), "expected `{expected}`, said {said:#?}");
}

#[test]
fn of_healthy_facts_every_line_is_good() {
    let facts = healthy();
    assert!(lines(&facts).iter().all(|line| line.verdict == Mark::Good), "{:#?}", lines(&facts));
}
