//! What the relay has to say about itself, as events that go through the same routing table as all others.
//!
//! Ids are made so that a fault that repeats is one event, not a storm: a broken body once a day, a dead target
//! once an hour for each reason, a gap once an hour, a silence once, a closed target once ([`closed`]), a drill that failed once ([`drill`]). Knows only names and
//! events.

mod closed;
mod drill;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

pub use closed::{ClosedTarget, target_paused, target_resumed};
pub use drill::{FailedDrill, drill_failed};

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
    /// CAST AI lists notifications that its webhook should have brought and did not. They are told all the same, late.
    WebhookGap,
    /// Nothing was heard of a source for longer than its limit.
    SourceSilent,
    /// A target is closed: it refuses everything, or fails again and again. Its deliveries wait.
    TargetPaused,
    /// A target that was reported closed takes messages again.
    TargetResumed,
    /// What a drill's event owed was not told in time, or nobody was to be told.
    DrillFailed,
}

impl RelayReport {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BodyRejected,
        Self::DeliveryDead,
        Self::WebhookGap,
        Self::SourceSilent,
        Self::TargetPaused,
        Self::TargetResumed,
        Self::DrillFailed,
    ];

    /// The type as routes match it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::BodyRejected => "relay.body_rejected",
            Self::DeliveryDead => "relay.delivery_dead",
            Self::WebhookGap => "relay.webhook_gap",
            Self::SourceSilent => "relay.source_silent",
            Self::TargetPaused => "relay.target_paused",
            Self::TargetResumed => "relay.target_resumed",
            Self::DrillFailed => "relay.drill_failed",
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

/// `relay.body_rejected` for an item of a list that the relay asked for: one for each distinct item, because a list
/// shows it again every time. The item is kept as this event's body.
pub fn item_rejected(source: &SourceName, item: Bytes, problem: &str, now: Timestamp) -> Event {
    use sha2::{Digest, Sha256};
    let digest = hex(&Sha256::digest(&item)[..8]);
    let data = json!({
        "source": source.as_str(),
        "problem": problem,
        "hint": "see whether a newer version of the relay reads it",
        "bytes": item.len(),
    });
    let id = EventId::from_sender(None, &format!("body_rejected/{source}/{digest}"));
    report(RelayReport::BodyRejected, id, data, item, now)
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
    /// How many deliveries were given up with it, itself included: all that were to leave in one message.
    pub deliveries: usize,
}

/// `relay.delivery_dead`: one an hour for each target, route and reason; every dead letter itself is kept anyway.
pub fn delivery_dead(given_up: GivenUp<'_>, now: Timestamp) -> Event {
    let GivenUp { event, route, target, reason, detail, attempts, deliveries } = given_up;
    let hour = &now.to_string()[..13];
    let data = json!({
        "target": target.as_str(),
        "route": route.as_str(),
        "reason": reason.as_str(),
        "detail": detail,
        "attempts": attempts,
        "deliveries": deliveries,
        "first_event_id": event.id.as_str(),
        "first_event_type": event.type_name(),
    });
    let id = EventId::from_sender(None, &format!("delivery_dead/{target}/{route}/{}/{hour}", reason.as_str()));
    let mut report = report(RelayReport::DeliveryDead, id, data, Bytes::new(), now);
    report.cluster = event.cluster.clone();
    report.organization = event.organization.clone();
    report
}

/// Notifications that came late because the webhook did not bring them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub missed: usize,
    /// When the first of them was written down at CAST AI.
    pub first_at: Timestamp,
    /// When the last one was.
    pub last_at: Timestamp,
    /// What they are called, each name once, a few of them.
    pub names: Vec<String>,
    /// The webhook configurations that should have brought them, the worst first; empty when that is not known.
    pub webhooks: Vec<GapWebhook>,
    /// Why it is not known which webhook should have brought them, if it is not.
    pub unknown: Option<String>,
}

/// A webhook configuration at CAST AI that did not bring what it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapWebhook {
    /// As it is called in CAST AI's console.
    pub name: String,
    /// How CAST AI says it fares: `CanConnect`, `FailedToConnect`.
    pub status: Option<String>,
    /// What our answer was to CAST AI's last attempt, as CAST AI tells it.
    pub error: Option<String>,
    /// How many notifications it should have brought.
    pub missed: usize,
}

/// `relay.webhook_gap`: one an hour, however often a gap is found in it.
pub fn webhook_gap(gap: &Gap, now: Timestamp) -> Event {
    let hour = &now.to_string()[..13];
    let webhooks = gap.webhooks.iter().map(|webhook| {
        let GapWebhook { name, status, error, missed } = webhook;
        json!({ "name": name, "status": status, "error": error, "missed": missed })
    });
    let data = json!({
        "missed": gap.missed,
        "first_at": gap.first_at,
        "last_at": gap.last_at,
        "names": gap.names,
        "webhooks": webhooks.collect::<Vec<_>>(),
        "unknown": gap.unknown,
        "hint": gap.hint(),
    });
    report(RelayReport::WebhookGap, EventId::from_sender(None, &format!("webhook_gap/{hour}")), data, Bytes::new(), now)
}

impl Gap {
    fn hint(&self) -> String {
        const WHERE: &str = "in CAST AI's console (the bell, View all, Manage alerts)";
        let Some(webhook) = self.webhooks.first() else {
            return format!("look {WHERE} which alert should have brought them, and what it says of its last attempt");
        };
        let name = &webhook.name;
        match webhook.error {
            Some(_) => format!("correct what the error says, then save alert `{name}` again {WHERE}"),
            None => format!(
                "check the callback URL and the headers of alert `{name}` {WHERE}, \
                 and what stands between CAST AI and the relay: DNS, ingress, firewall"
            ),
        }
    }
}

/// A source of which nothing was heard for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence<'a> {
    /// Which source.
    pub source: &'a SourceName,
    /// When it was last heard; `None` when it never was.
    pub heard_at: Option<Timestamp>,
    /// When it last brought an event; `None` when it never did.
    pub event_at: Option<Timestamp>,
    /// Since when the silence counts: when it was last heard, else since it is listened to.
    pub since: Timestamp,
    /// How long it may be silent.
    pub limit: Duration,
    /// What went wrong when it was last asked, if it was and anything did.
    pub error: Option<&'a str>,
}

/// `relay.source_silent`: one for each silence, across restarts.
pub fn source_silent(silence: &Silence<'_>, now: Timestamp) -> Event {
    let Silence { source, heard_at, event_at, since, limit, error } = silence;
    let hint = match (source.is_built_in(), error) {
        (true, Some(_)) => "correct what the error says; the relay goes on asking",
        (true, None) => "it does not answer, nor does it fail: look at the relay's log, and restart the relay",
        (false, _) => {
            "look in CAST AI's console (the bell, View all, Manage alerts) what the alert says of its last attempt; \
             if there can be nothing to tell for so long, raise the source's `silent_after`"
        }
    };
    let data = json!({
        "source": source.as_str(),
        "last_heard_at": heard_at,
        "last_event_at": event_at,
        "silent_since": since,
        "silent_after_seconds": limit.as_secs(),
        "error": error,
        "hint": hint,
    });
    let id = EventId::from_sender(None, &format!("source_silent/{source}/{since}"));
    report(RelayReport::SourceSilent, id, data, Bytes::new(), now)
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
