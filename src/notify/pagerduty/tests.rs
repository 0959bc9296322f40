//! PagerDuty's answers, row by row; its form and limits; its key, and that it never shows.

mod batches;
mod change;

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::delivery::{Delivery, Reason};
use crate::event::ledger::Answered;
use crate::notify::samples::{alone, delivery, kit, notification, recorded, target, texts, wording};
use crate::notify::{Next, Scope};

/// `printf %s evt-1 | sha256sum`
const OF_EVT_1: &str = "7b409f932d2c88e97f0c17676c8420d3ea0dab6edb150a89b5684a8ad6d6c4c7";

const KEY: &str = "0123456789abcdefABCDEF0123456789";

fn form(action: Action, dedup_key: Option<&str>) -> Form {
    let dedup_key = dedup_key.map(|template| Template::compile(template).unwrap());
    Form { routing_key: Secret::literal(KEY), action, dedup_key }
}

fn filled(delivery: &Delivery, form: &Form) -> Value {
    serde_json::from_slice(&form.fill(&alone(delivery), &Wording::default()).unwrap().body()).unwrap()
}

fn triggered(delivery: &Delivery) -> Value {
    filled(delivery, &form(Action::Trigger, None))
}

fn built(yaml: &str) -> Option<Arc<dyn Notifier>> {
    build(&Section::from_yaml("pagerduty", yaml), &kit())
}

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("pagerduty");
    assert_eq!(answers.len(), 21);
    for answer in answers {
        let verdict = classify(answer.status, &answer.body, answer.retry_after);
        if let Err(NotifyError { next: Next::Retry { after }, .. }) = &verdict {
            let waits = (answer.status == 429).then_some(Duration::from_secs(30));
            assert_eq!(*after, waits, "{}", answer.id);
        }
        answer.assert_means(verdict);
    }
}

#[test]
fn a_page_is_nobodys_success() {
    for (status, body) in [(200, "<html>Sign in</html>"), (202, "\u{feff} <!DOCTYPE html>")] {
        let verdict = classify(status, body, None);
        let error = verdict.unwrap_err();
        assert!(error.ambiguous && error.reason == Reason::Ambiguous && error.next != Next::GiveUp, "{error:?}");
    }
}

#[test]
fn a_longer_wait_that_was_asked_for_is_honoured() {
    let verdict = classify(429, "", Some(Duration::from_secs(90))).unwrap_err();
    assert_eq!(
        verdict,
        NotifyError::rate_limited(Some(Duration::from_secs(90)), "answered 429, it wants fewer messages")
    );
}

#[test]
fn the_detail_quotes_what_pagerduty_said_and_no_page() {
    let body = r#"{"status":"invalid event","message":"Event object is invalid","errors":["a","b"]}"#;
    assert_eq!(classify(400, body, None), Err(NotifyError::message_refused("answered 400 `a; b`")));
    assert_eq!(classify(400, r#"{"message":"m"}"#, None), Err(NotifyError::message_refused("answered 400 `m`")));
    assert_eq!(classify(400, "<html>routing_key</html>", None), Err(NotifyError::message_refused("answered 400")));
}

#[test]
fn a_spot_interruption_pages_like_this() {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let form = form(Action::Trigger, None);
    let wording = wording(json!({"links": [{"text": "Runbook", "url": "https://wiki/spot"}]}));
    let event = form.fill(&alone(&delivery("node.spot_interrupted", data.clone())), &wording).unwrap().shown();
    let expected = json!({
        "routing_key": "***",
        "event_action": "trigger",
        "dedup_key": OF_EVT_1,
        "client": "castai-relay",
        "links": [{"href": "https://wiki/spot", "text": "Runbook"}],
        "payload": {
            "summary": "Spot interruption: m6i.2xlarge in prod-eu",
            "source": "prod-eu",
            "severity": "warning",
            "timestamp": "2026-11-20T08:15:30Z",
            "component": "ip-10-0-12-7",
            "group": "prod-eu",
            "class": "node.spot_interrupted",
            "custom_details": {
                "text": "The cloud provider takes back ip-10-0-12-7 in cluster prod-eu. \
                         Its pods have to move; look whether they find room.",
                "Cluster": "prod-eu",
                "Node": "ip-10-0-12-7",
                "Instance type": "m6i.2xlarge",
                "Lifecycle": "spot",
                "Happened": "2026-11-20T08:15:30Z",
                "data": data,
                "about": ["event evt-1", "warning · node.spot_interrupted from castai", "organisation org-1"],
            },
        },
    });
    assert_eq!(event, expected);
}

#[test]
fn the_dedup_key_is_made_of_the_event_id_or_the_template_and_hashed_when_long() {
    let delivery = delivery("node.added", json!({"k": "ü".repeat(255), "l": "ü".repeat(256), "blank": " "}));
    let key = |template| filled(&delivery, &form(Action::Trigger, template))["dedup_key"].as_str().unwrap().to_owned();
    assert_eq!(key(None), OF_EVT_1);
    assert_eq!(key(Some("{{ event.cluster.name }}/{{ event.type }}")), "prod-eu/node.added");
    assert_eq!(key(Some("{{ event.data.k }}")).chars().count(), 255);
    assert_eq!(key(Some("{{ event.data.l }}")).len(), 64);
    assert_ne!(key(Some("{{ event.data.l }}")), key(Some("{{ event.data.l }}x")));
    for fails in ["{{ event.data.missing }}", "{{ event.data.blank }}"] {
        assert_eq!(key(Some(fails)), OF_EVT_1);
        let event = filled(&delivery, &form(Action::Trigger, Some(fails)));
        assert!(event["payload"]["custom_details"]["about"].to_string().contains("`dedup_key`"), "{event}");
    }
}

#[test]
fn acknowledge_and_resolve_say_only_which_alert() {
    for (action, word) in [(Action::Acknowledge, "acknowledge"), (Action::Resolve, "resolve")] {
        let event = filled(&delivery("node.added", json!({})), &form(action, Some("k")));
        assert_eq!(event, json!({"routing_key": KEY, "event_action": word, "dedup_key": "k"}));
    }
}

#[test]
fn a_resolve_whose_key_cannot_be_made_is_given_up_and_says_so() {
    let form = form(Action::Resolve, Some("{{ event.data.missing }}"));
    let error = form.fill(&alone(&delivery("node.added", json!({}))), &Wording::default()).err().unwrap();
    assert_eq!((error.next, error.reason, error.scope), (Next::GiveUp, Reason::Misconfigured, Scope::Message));
    assert!(error.detail.contains("`dedup_key` failed"), "{error}");
    assert!(error.detail.contains("correct `dedup_key` of target `"), "{error}");
}

#[test]
fn the_source_is_never_blank() {
    let mut delivery = delivery("node.added", json!({}));
    assert_eq!(triggered(&delivery)["payload"]["source"], "prod-eu");
    delivery.event.cluster.name = Some(" \n".into());
    assert_eq!(triggered(&delivery)["payload"]["source"], "org-1");
    assert_eq!(triggered(&delivery)["payload"].get("group"), None);
    delivery.event.organization = None;
    assert_eq!(triggered(&delivery)["payload"]["source"], "castai");
}

#[test]
fn an_event_that_is_too_large_pages_without_its_particulars() {
    let fits = |bytes: usize| {
        let event = triggered(&notification("n", "m", json!({"big": {"deep": {"er": "x".repeat(bytes)}}})));
        assert!(event.to_string().len() <= 512_000);
        assert_eq!(event["payload"]["summary"], "n (prod-eu)");
        event["payload"]["custom_details"].get("error").is_none()
    };
    assert!(fits(500_000));
    assert!(!fits(512_000));
}

#[test]
fn keys_that_are_no_integration_key_are_refused_with_what_they_are() {
    assert!(routing_key(&format!(" {KEY}\n")).is_ok());
    for (key, mistake) in [
        ("u+abcdefghijklmnop-w", "REST API"),
        ("abc", "has 3 characters"),
        ("0123456789abcdef-123456789abcdef", "letters and digits only"),
    ] {
        assert!(routing_key(key).unwrap_err().contains(mistake), "{key}");
        assert!(built(&format!("{{ routing_key: \"{key}\" }}")).is_none());
    }
}

#[test]
fn the_region_chooses_the_endpoint_and_a_url_overrides_it() {
    for (more, shown) in [
        ("", "POST https://events.pagerduty.com/…\n"),
        (", region: eu", "POST https://events.eu.pagerduty.com/…\n"),
        (", region: eu, url: \"http://127.0.0.1:9/x\"", "POST http://127.0.0.1:9/…\n"),
    ] {
        let notifier = built(&format!("{{ routing_key: {KEY}{more} }}")).unwrap();
        let preview = notifier.preview(&alone(&delivery("node.added", json!({}))), &Wording::default());
        assert!(preview.starts_with(shown), "{preview}");
        assert!(preview.contains(r#""routing_key": "***""#) && !preview.contains(KEY), "{preview}");
    }
    assert!(built(&format!("{{ routing_key: {KEY}, url: \"http://example.com/\" }}")).is_none());
}

#[test]
fn a_resolve_without_a_dedup_key_is_a_mistake_in_the_configuration() {
    assert!(built(&format!("{{ routing_key: {KEY}, action: resolve }}")).is_none());
    assert!(built(&format!("{{ routing_key: {KEY}, action: resolve, dedup_key: \"{{{{ event.id }}}}\" }}")).is_some());
}

const TOO_LARGE: &str = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

async fn notified(answers: &[&'static str], more: &str) -> (Result<Sent, NotifyError>, Vec<Value>) {
    let (address, serving) = target(answers).await;
    let notifier = built(&format!("{{ routing_key: {KEY}, url: \"{address}/v2/enqueue\"{more} }}")).unwrap();
    let (batch, wording) = (alone(&delivery("node.added", json!({}))), Wording::default());
    let (verdict, bodies) = tokio::join!(notifier.notify(&batch, &wording), serving);
    (verdict, bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect())
}

#[tokio::test]
async fn an_event_found_too_large_is_sent_once_more_without_its_particulars() {
    let (verdict, bodies) = notified(&[TOO_LARGE, ACCEPTED], "").await;
    assert_eq!(verdict.map(|sent| (sent.receipt, sent.answer)), Ok((None, Some(Answered::new(202, "")))));
    assert!(bodies[0]["payload"].get("custom_details").is_some());
    assert!(bodies[1]["payload"].get("custom_details").is_none());
    assert_eq!(bodies[0]["dedup_key"], bodies[1]["dedup_key"]);
}

#[tokio::test]
async fn what_cannot_shrink_or_is_still_too_large_is_given_up() {
    let refused = Err(NotifyError::message_refused("answered 413").after(Answered::new(413, "")));
    assert_eq!(notified(&[TOO_LARGE, TOO_LARGE], "").await.0, refused);
    assert_eq!(notified(&[TOO_LARGE], ", action: resolve, dedup_key: k").await.0, refused);
}

#[tokio::test]
async fn a_key_that_pagerduty_quotes_is_blotted_out() {
    let answer = "HTTP/1.1 400 Bad\r\nContent-Length: 47\r\n\r\nno routing key 0123456789abcdefABCDEF0123456789";
    let error = notified(&[answer], "").await.0.unwrap_err();
    let told = format!("{error} {:?}", error.answer);
    assert!(told.contains("no routing key ***") && !told.contains("0123456789"), "{told}");
}

proptest! {
    #[test]
    fn every_limit_of_pagerduty_holds(title in texts(1024), key in texts(255), cluster in texts(1024)) {
        let mut delivery = notification(&title, &title, json!({"key": key}));
        delivery.event.cluster.name = Some(cluster);
        let event = filled(&delivery, &form(Action::Trigger, Some("{{ event.data.key }}")));
        let length = |value: &Value| value.as_str().unwrap().chars().count();
        prop_assert!((1..=1024).contains(&length(&event["payload"]["summary"])));
        prop_assert!((1..=255).contains(&length(&event["dedup_key"])));
        prop_assert!(!event["payload"]["source"].as_str().unwrap().trim().is_empty());
        prop_assert!(["info", "warning"].contains(&event["payload"]["severity"].as_str().unwrap()));
    }
}
