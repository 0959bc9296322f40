//! What the relay has to say about itself, as events that go through the same routing table as all others.
//!
//! Ids are made so that a fault that repeats is one event, not a storm: a broken body once a day, a dead target
//! once an hour for each reason. Knows only names and events.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::delivery::Reason;
use super::{CastAIEvent, Cluster, Event, Timestamp};
use crate::names::{EventId, RouteName, SourceName, TargetName, hex};

/// An internal event. The particulars are in the event's `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayReport {
    /// A verified sender sent a body that is not a JSON object. The body is kept as this event's body.
    BodyRejected,
    /// A delivery was given up. The delivery is kept as a dead letter.
    DeliveryDead,
}

impl RelayReport {
    const ALL: [Self; 2] = [Self::BodyRejected, Self::DeliveryDead];

    /// The type as routes match it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::BodyRejected => "relay.body_rejected",
            Self::DeliveryDead => "relay.delivery_dead",
        }
    }

    /// The report of this type, if it is one of ours.
    pub(super) fn named(type_name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|report| report.type_name() == type_name)
    }
}

/// Why a body was not understood, with the position in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyProblem {
    /// What is wrong, for people.
    pub message: String,
    /// Line of the first fault, from 1.
    pub line: usize,
    /// Column of the first fault, from 1.
    pub column: usize,
    /// What to do about it.
    pub hint: &'static str,
}

/// `relay.body_rejected`: one a day for each distinct body of each source, however often it is sent.
pub fn body_rejected(source: &SourceName, body: Bytes, problem: &BodyProblem, now: Timestamp) -> Event {
    use sha2::{Digest, Sha256};
    let digest = hex(&Sha256::digest(&body)[..8]);
    let day = &now.to_string()[..10];
    let data = json!({
        "source": source.as_str(),
        "problem": problem.message,
        "line": problem.line,
        "column": problem.column,
        "hint": problem.hint,
        "bytes": body.len(),
    });
    let id = EventId::from_sender(None, &format!("body_rejected/{source}/{day}/{digest}"));
    report(RelayReport::BodyRejected, id, data, body, now)
}

/// A delivery that is about to be given up, as far as the report needs it.
#[derive(Debug, Clone, Copy)]
pub struct GivenUp<'a> {
    /// The event that did not get through.
    pub event: &'a Event,
    /// The route that owed it.
    pub route: &'a RouteName,
    /// The target that did not take it.
    pub target: &'a TargetName,
    /// Why it was given up.
    pub reason: Reason,
    /// The same, in words.
    pub detail: &'a str,
    /// How often it was tried.
    pub attempts: u32,
}

/// `relay.delivery_dead`: one an hour for each target, route and reason; every dead letter itself is kept anyway.
pub fn delivery_dead(given_up: GivenUp<'_>, now: Timestamp) -> Event {
    let GivenUp { event, route, target, reason, detail, attempts } = given_up;
    let hour = &now.to_string()[..13];
    let data = json!({
        "target": target.as_str(),
        "route": route.as_str(),
        "reason": reason.as_str(),
        "detail": detail,
        "attempts": attempts,
        "first_event_id": event.id.as_str(),
        "first_event_type": event.type_name(),
    });
    let id = EventId::from_sender(None, &format!("delivery_dead/{target}/{route}/{}/{hour}", reason.as_str()));
    let mut report = report(RelayReport::DeliveryDead, id, data, Bytes::new(), now);
    report.cluster = event.cluster.clone();
    report.organization = event.organization.clone();
    report
}

fn report(kind: RelayReport, id: EventId, data: Value, body: Bytes, now: Timestamp) -> Event {
    let kind = CastAIEvent::Relay(kind);
    Event {
        id,
        source: SourceName::relay(),
        severity: kind.default_severity(),
        kind,
        organization: None,
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: Some(now),
        received_at: now,
        data: match data {
            Value::Object(data) => data,
            _ => Map::new(),
        },
        notes: Vec::new(),
        body,
    }
}
