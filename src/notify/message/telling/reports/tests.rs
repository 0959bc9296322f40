//! What people read when the relay reports a gap, a silence, or an item it cannot read.

use std::time::Duration;

use super::*;
use crate::event::relay::{self, Gap, GapWebhook, Silence};
use crate::event::{Event, Timestamp};
use crate::notify::message::{Message, Text};
use crate::notify::samples::{alone, of_event};
use crate::template::{Markup, Wording};

fn compose(event: Event) -> Message {
    Message::compose(&alone(&of_event(event)), &Wording::default(), Markup::Plain)
}

fn text(message: &Message) -> &str {
    match &message.text {
        Some(Text::Plain(text)) => text,
        other => panic!("no plain text but {other:?}"),
    }
}

#[test]
fn an_item_of_a_list_that_was_rejected_blames_no_sender() {
    let source = SourceName::notifications();
    let message = compose(relay::item_rejected(&source, "[1]".into(), "not an object", Timestamp::EPOCH));
    assert_eq!(message.title, "Item from notifications rejected: not understood");
    let text = text(&message);
    assert!(text.starts_with("not an object. ") && !text.contains("sender"), "{text}");
}

fn gap() -> Gap {
    let webhook = GapWebhook {
        name: "relay".into(),
        status: Some("FailedToConnect".into()),
        error: Some("401 unauthorized.".into()),
        missed: 2,
    };
    let at = Timestamp::EPOCH;
    let names = vec!["Pending pod detected".into(), "Trial expires soon".into()];
    Gap { missed: 2, first_at: at, last_at: at, names, webhooks: vec![webhook], unknown: None }
}

#[test]
fn a_gap_says_what_castai_says_of_the_webhook_and_what_to_do() {
    let message = compose(relay::webhook_gap(&gap(), Timestamp::EPOCH));
    assert_eq!(message.title, "The webhook missed 2 notifications");
    insta::assert_snapshot!(text(&message));
    assert_eq!(fact(&message, "Names"), "Pending pod detected, Trial expires soon");
}

#[test]
fn a_gap_of_which_the_webhook_is_not_known_says_why_not() {
    let gap = Gap { missed: 1, webhooks: vec![], unknown: Some("the key may not read them".into()), ..gap() };
    let message = compose(relay::webhook_gap(&gap, Timestamp::EPOCH));
    assert_eq!(message.title, "The webhook missed 1 notification");
    insta::assert_snapshot!(text(&message));
}

#[test]
fn a_silent_source_says_since_when_and_what_to_do() {
    let (source, at) = (SourceName::notifications(), Timestamp::EPOCH);
    let error = Some("GET /v1/notifications: CAST AI does not accept the API key (401)");
    let limit = Duration::from_secs(900);
    let silence = Silence { source: &source, heard_at: Some(at), event_at: None, since: at, limit, error };
    let message = compose(relay::source_silent(&silence, at));
    assert_eq!(message.title, "Nothing heard from notifications since 1970-01-01T00:00:00Z");
    insta::assert_snapshot!(text(&message));
    let webhook = SourceName::parse("castai").unwrap();
    let silence = Silence { source: &webhook, heard_at: None, error: None, ..silence };
    let message = compose(relay::source_silent(&silence, at));
    assert_eq!(message.title, "Nothing heard from castai yet");
    assert!(text(&message).contains("raise the source's `silent_after`"), "{}", text(&message));
}

fn fact<'m>(message: &'m Message, label: &str) -> &'m str {
    message.facts.iter().find(|fact| fact.label == label).map_or("", |fact| &fact.value)
}
