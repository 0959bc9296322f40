//! What people read when the relay reports a gap, a silence, a closed target, or an item it cannot read.

use std::time::Duration;

use super::*;
use crate::event::relay::{self, ClosedTarget, FailedDrill, Gap, GapWebhook, GivenUp, Silence};
use crate::event::{Event, Severity, Timestamp};
use crate::names::{DrillName, EventId, RouteName, TargetName};
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

fn refusing(target: &TargetName) -> ClosedTarget<'_> {
    ClosedTarget {
        target,
        refuses: true,
        turned: false,
        since: Timestamp::EPOCH,
        probes: 3,
        reason: Reason::TargetRefused,
        detail: "answered 410 `channel_is_archived`",
        waiting: Some(412),
    }
}

#[test]
fn a_target_that_refuses_says_why_what_waits_and_what_to_do() {
    let target = TargetName::parse("slack-ops").unwrap();
    let message = compose(relay::target_paused(&refusing(&target), Timestamp::EPOCH));
    assert_eq!(message.title, "Target slack-ops refuses everything: 412 deliveries wait");
    insta::assert_snapshot!(text(&message));
    assert_eq!((fact(&message, "Probes"), fact(&message, "Waiting")), ("3", "412"));
}

#[test]
fn a_target_that_fails_says_where_to_look() {
    let target = TargetName::parse("slack-ops").unwrap();
    let detail = "connection refused";
    let failing =
        ClosedTarget { refuses: false, reason: Reason::Unreachable, detail, waiting: None, ..refusing(&target) };
    let message = compose(relay::target_paused(&failing, Timestamp::EPOCH));
    assert_eq!(message.title, "Target slack-ops fails again and again: its deliveries wait");
    insta::assert_snapshot!(text(&message));
}

#[test]
fn a_target_that_is_well_again_says_for_how_long_it_was_closed() {
    let target = TargetName::parse("slack-ops").unwrap();
    let later = Timestamp::EPOCH.saturating_add(Duration::from_secs(7500));
    let message = compose(relay::target_resumed(&refusing(&target), later));
    assert_eq!(message.title, "Target slack-ops takes messages again");
    insta::assert_snapshot!(text(&message));
    for (secs, words) in [(40, "40 s"), (720, "12 min"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")] {
        assert_eq!(in_words(secs), words);
    }
}

#[test]
fn one_report_stands_for_each_pause_one_for_its_turn_and_one_for_its_end() {
    let target = TargetName::parse("slack-ops").unwrap();
    let (closed, later) = (refusing(&target), Timestamp::EPOCH.saturating_add(Duration::from_secs(60)));
    let paused = relay::target_paused(&closed, Timestamp::EPOCH);
    assert_eq!(paused.id.as_str(), "target_paused/slack-ops/1970-01-01T00:00:00Z");
    assert_eq!(relay::target_paused(&ClosedTarget { probes: 9, ..closed }, later).id, paused.id);
    let turned = ClosedTarget { turned: true, ..closed };
    let again = relay::target_paused(&turned, later).id;
    assert_eq!(again.as_str(), "target_paused/slack-ops/1970-01-01T00:00:00Z/refusing");
    assert_eq!(relay::target_resumed(&turned, later).id, relay::target_resumed(&closed, later).id);
    assert_eq!(relay::target_resumed(&closed, later).id.as_str(), "target_resumed/slack-ops/1970-01-01T00:00:00Z");
    assert_ne!(relay::target_paused(&ClosedTarget { since: later, ..closed }, later).id, paused.id);
    let severities = [paused, relay::target_resumed(&closed, later)].map(|event| event.severity.as_str());
    assert_eq!(severities, ["error", "success"]);
}

#[test]
fn what_was_given_up_together_is_counted() {
    let (route, target) = (RouteName::parse("nodes").unwrap(), TargetName::parse("slack-ops").unwrap());
    let event = relay::target_paused(&refusing(&target), Timestamp::EPOCH);
    let (reason, detail) = (Reason::Expired, "too old");
    let given_up =
        GivenUp { event: &event, route: &route, target: &target, reason, detail, attempts: 1, deliveries: 412 };
    let many = compose(relay::delivery_dead(given_up, Timestamp::EPOCH));
    assert!(text(&many).ends_with("All 412 deliveries that were to leave together are kept as dead letters."));
    let one = compose(relay::delivery_dead(GivenUp { deliveries: 1, ..given_up }, Timestamp::EPOCH));
    assert!(text(&one).ends_with("The delivery is kept as a dead letter."));
}

#[test]
fn a_drill_that_failed_says_whom_it_did_not_reach_and_what_to_do() {
    let (drill, event) = (DrillName::parse("spot-page").unwrap(), EventId::from_sender(None, "drill/spot-page/1"));
    let (route, target) = (RouteName::parse("spot").unwrap(), TargetName::parse("oncall").unwrap());
    let why = "oncall: given up after 1 attempt, target_refused: answered 400 `invalid key`";
    let begun_at = Timestamp::EPOCH;
    let failed =
        FailedDrill { drill: &drill, event: &event, begun_at, route: Some(&route), target: Some(&target), why };
    let report = relay::drill_failed(&failed, Timestamp::EPOCH);
    assert_eq!((report.id.as_str(), report.severity), ("drill_failed/drill/spot-page/1", Severity::Error));
    assert_eq!(report.drill(), None, "what is told of a drill is no drill");
    let message = compose(report);
    assert_eq!(message.title, "Drill spot-page failed");
    assert_eq!(
        text(&message),
        "oncall: given up after 1 attempt, target_refused: answered 400 `invalid key`. Nothing real was lost: the event was \
         made up to find this out. To mend it: see by `castai-relay targets list` how `oncall` stands; a real event would \
         have fared no better."
    );
    assert_eq!((fact(&message, "Route"), fact(&message, "Event")), ("spot", "drill/spot-page/1"));
    let nobody = relay::drill_failed(&FailedDrill { route: None, target: None, ..failed }, Timestamp::EPOCH);
    assert!(text(&compose(nobody)).contains("see by `castai-relay route test` which routes take such an event"));
}

fn fact<'m>(message: &'m Message, label: &str) -> &'m str {
    message.facts.iter().find(|fact| fact.label == label).map_or("", |fact| &fact.value)
}
