//! What spans say, and that those of one event find each other.

use bytes::Bytes;
use serde_json::{Map, json};

use super::*;
use crate::event::batch::Lease;
use crate::event::castai::CastAIEvent;
use crate::event::delivery::{Delivery, Reason};
use crate::event::{Cluster, Event, Severity};
use crate::names::{DeliveryId, RouteName, TargetName};

fn id(text: &str) -> EventId {
    EventId::parse(text).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn delivery(event: &str, row: i64) -> Delivery {
    let data: Map<_, _> = json!({"nodeName": "secret-node"}).as_object().unwrap().clone();
    let event = Event {
        id: id(event),
        source: SourceName::parse("castai").unwrap(),
        kind: CastAIEvent::read("node.added", &data, &mut vec![]),
        severity: Severity::Info,
        organization: None,
        cluster: Cluster::default(),
        category: None,
        labels: [].into(),
        occurred_at: None,
        received_at: at(1),
        data,
        notes: vec![],
        body: Bytes::from_static(b"secret body"),
    };
    Delivery {
        again: None,
        id: DeliveryId::from_row(row),
        route: RouteName::parse("news").unwrap(),
        target: TargetName::parse("slack-ops").unwrap(),
        severity: Severity::Info,
        attempt: 2,
        claimed_at: at(5),
        event,
    }
}

fn attributes(span: &SpanData) -> Vec<String> {
    span.attributes.iter().map(|attribute| format!("{}={}", attribute.key, attribute.value)).collect()
}

fn event_span(event: &str) -> SpanData {
    of_event(&id(event), &SourceName::parse("castai").unwrap(), "node.added", at(1), at(2))
}

#[test]
fn the_span_of_an_event_lasts_from_its_arrival_until_it_was_safe() {
    let span = event_span("evt");
    assert_eq!((span.start_time, span.end_time), (system_time(at(1)), system_time(at(2))));
    assert_eq!(attributes(&span), ["event.id=evt", "event.type=node.added", "source.name=castai"]);
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    // The first bytes of the SHA-256 of `evt`: what another process makes of it, too.
    assert_eq!(span.span_context.trace_id().to_string(), "b04f002b6dbff4d1587d0cdcb95c1bc9");
}

#[test]
fn an_attempt_belongs_to_the_span_of_its_event_and_tells_nothing_of_what_it_carries() {
    let batch = Batch::of_one(delivery("evt", 7), Lease(3));
    let detail = "the target said a secret".to_owned();
    let failed = Outcome::Retry { at: at(9), reason: Reason::Ambiguous, ambiguous: true, detail };
    let (event, attempt) = (event_span("evt"), of_attempt(&batch, &failed, at(6)));
    assert_eq!(attempt.span_context.trace_id(), event.span_context.trace_id());
    assert_eq!(attempt.parent_span_id, event.span_context.span_id());
    assert_eq!((attempt.start_time, attempt.end_time), (system_time(at(5)), system_time(at(6))));
    assert_eq!(attempt.status, Status::error("ambiguous"));
    assert_eq!(
        attributes(&attempt),
        [
            "event.id=evt",
            "delivery.id=7",
            "delivery.attempt=2",
            "deliveries=1",
            "route.name=news",
            "target.name=slack-ops",
            "outcome=retry",
            "reason=ambiguous"
        ]
    );
    assert!(!format!("{attempt:?}").contains("secret"), "{attempt:?}");
    assert_eq!(attempt.links.links, []);
}

#[test]
fn each_attempt_has_a_span_of_its_own() {
    let span_id = |lease| {
        let batch = Batch::of_one(delivery("evt", 7), Lease(lease));
        of_attempt(&batch, &Outcome::Delivered { receipt: None }, at(6)).span_context.span_id()
    };
    assert_ne!(span_id(3), span_id(4));
    assert_ne!(span_id(3), event_span("evt").span_context.span_id());
}

#[test]
fn an_attempt_at_many_is_in_the_trace_of_the_first_and_linked_to_all_that_are_shown() {
    let (first, worst) = (delivery("first", 7), delivery("worst", 8));
    let batch = Batch {
        deliveries: vec![first.id, worst.id],
        first_event: Some(std::sync::Arc::new(first.event.clone())),
        shown: vec![worst, first.clone()],
        ..Batch::of_one(first, Lease(3))
    };
    let attempt = of_attempt(&batch, &Outcome::Delivered { receipt: None }, at(4));
    assert_eq!(attempt.parent_span_id, event_span("first").span_context.span_id());
    assert_eq!(attempt.status, Status::Ok);
    assert_eq!(attempt.end_time, attempt.start_time, "a clock that was set back makes no negative time");
    let linked: Vec<_> = attempt.links.iter().map(|link| link.span_context.clone()).collect();
    assert_eq!(linked, [event_span("worst").span_context, event_span("first").span_context]);
}
