//! A message as an event of PagerDuty's Events API v2, within its limits.
//!
//! <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>. Pure; sends nothing.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::config::Secret;
use crate::event::delivery::{Delivery, Reason};
use crate::event::{CastAIEvent, Event, Severity};
use crate::names::hex;
use crate::notify::message::{Message, cut, one_line};
use crate::notify::{Next, NotifyError, Scope};
use crate::template::Wording;
use crate::template::{Markup, Subject, Template};

/// Characters of `summary`; more is refused. No limit is documented for the other short fields.
const MAX_SUMMARY: usize = 1024;
/// Characters of `dedup_key`.
const MAX_DEDUP_KEY: usize = 255;
/// Bytes of a whole body: 512 KB are documented, and whether a KB has 1000 or 1024 bytes is not.
const MAX_BODY: usize = 512_000;

/// What becomes of the alert.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// It opens, or is added to the open one with the same key.
    #[default]
    Trigger,
    /// Somebody looks at it.
    Acknowledge,
    /// It is over.
    Resolve,
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

/// What is the same in every event of one target.
pub(super) struct Form {
    pub(super) routing_key: Secret,
    pub(super) action: Action,
    pub(super) dedup_key: Option<Template>,
}

/// A filled form.
pub(super) struct Filled<'a> {
    routing_key: &'a Secret,
    fields: Map<String, Value>,
}

impl Form {
    /// The event for this delivery.
    ///
    /// # Errors
    /// When `dedup_key` cannot be rendered for an acknowledge or a resolve: with another key it would concern nothing.
    /// A trigger goes out all the same, under the event's own key.
    pub(super) fn fill(&self, delivery: &Delivery, wording: &Wording) -> Result<Filled<'_>, NotifyError> {
        let mut message = Message::compose(delivery, wording, Markup::Plain);
        let dedup_key = match (self.own_dedup_key(&delivery.event), self.action) {
            (Ok(key), _) => key,
            (Err(problem), Action::Trigger) => {
                message.footer.push(problem);
                hashed(delivery.event.id.as_str())
            }
            (Err(detail), _) => {
                let (next, scope, reason) = (Next::GiveUp, Scope::Message, Reason::Internal);
                return Err(NotifyError { next, scope, ambiguous: false, reason, detail });
            }
        };
        let mut fields = Map::from_iter([
            ("event_action".to_owned(), json!(self.action.as_str())),
            ("dedup_key".to_owned(), json!(dedup_key)),
        ]);
        if self.action == Action::Trigger {
            fields.extend(trigger(&message, &delivery.event));
        }
        Ok(Filled { routing_key: &self.routing_key, fields }.within_limit())
    }

    /// What names the alert; hashed when it is too long, so that different keys stay different.
    fn own_dedup_key(&self, event: &Event) -> Result<String, String> {
        let Some(template) = &self.dedup_key else { return Ok(hashed(event.id.as_str())) };
        let rendered = template.render(&Subject::of(event), Markup::Plain);
        let key = rendered.map_err(|error| format!("The template for `dedup_key` failed: {error}."))?;
        match key.trim() {
            "" => Err("The template for `dedup_key` came out empty.".to_owned()),
            key if key.chars().count() > MAX_DEDUP_KEY => Ok(hashed(key)),
            key => Ok(key.to_owned()),
        }
    }
}

fn hashed(key: &str) -> String {
    hex(&Sha256::digest(key))
}

/// What only a trigger has.
fn trigger(message: &Message, event: &Event) -> Map<String, Value> {
    let cluster = event.cluster.label();
    let mut payload = Map::from_iter([
        ("summary".to_owned(), json!(cut(&message.headline, MAX_SUMMARY))),
        ("source".to_owned(), json!(source(event))),
        ("severity".to_owned(), json!(severity(message.severity))),
        ("timestamp".to_owned(), json!(event.occurred_at.unwrap_or(event.received_at))),
        ("custom_details".to_owned(), Value::Object(details(message, event))),
    ]);
    for (key, text) in [("class", Some(event.type_name())), ("component", node_name(event)), ("group", cluster)] {
        payload.extend(text.and_then(short).map(|text| (key.to_owned(), json!(text))));
    }
    let links = message.links.iter().map(|link| json!({"href": link.url, "text": link.text}));
    Map::from_iter([
        ("payload".to_owned(), Value::Object(payload)),
        ("client".to_owned(), json!("castai-relay")),
        ("links".to_owned(), links.collect()),
    ])
}

/// PagerDuty loses pages whose source is blank.
fn source(event: &Event) -> String {
    let known = [event.cluster.label(), event.organization.as_deref()];
    known.into_iter().flatten().find_map(short).unwrap_or_else(|| "castai".to_owned())
}

/// `None` for a blank text, which is worth no field.
fn short(text: &str) -> Option<String> {
    let text = cut(&one_line(text), MAX_SUMMARY);
    (!text.is_empty()).then_some(text)
}

fn node_name(event: &Event) -> Option<&str> {
    match &event.kind {
        CastAIEvent::NodeAdded(node) | CastAIEvent::NodeRemoved(node) | CastAIEvent::NodeSpotInterrupted(node) => {
            node.name.as_deref()
        }
        _ => None,
    }
}

/// PagerDuty has four severities; good news is news.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Success => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Critical => "critical",
    }
}

fn details(message: &Message, event: &Event) -> Map<String, Value> {
    let facts = message.facts.iter().map(|fact| (fact.label.clone(), json!(fact.value)));
    let text = message.text.as_ref().map(|text| ("text".to_owned(), json!(text.in_markup(Markup::Plain))));
    let rest = [("data".to_owned(), json!(event.data)), ("about".to_owned(), json!(message.footer))];
    facts.chain(text).chain(rest).collect()
}

impl Filled<'_> {
    /// As sent.
    pub(super) fn body(&self) -> Bytes {
        Bytes::from(self.with_key(self.routing_key.expose()).to_string())
    }

    /// As people may see it.
    pub(super) fn shown(&self) -> Value {
        self.with_key("***")
    }

    /// The same without the particulars, for a target that finds it too large; `None` when there are none.
    pub(super) fn without_details(&self) -> Option<Self> {
        let mut fields = self.fields.clone();
        fields.get_mut("payload")?.as_object_mut()?.remove("custom_details")?;
        Some(Self { routing_key: self.routing_key, fields })
    }

    fn with_key(&self, key: &str) -> Value {
        let key = std::iter::once(("routing_key".to_owned(), json!(key)));
        Value::Object(key.chain(self.fields.clone()).collect())
    }

    /// An event that is too large pages without its particulars rather than not at all.
    fn within_limit(mut self) -> Self {
        if self.body().len() > MAX_BODY
            && let Some(payload) = self.fields.get_mut("payload")
        {
            payload["custom_details"] =
                json!({"error": "left out: with the particulars the event is larger than PagerDuty takes (512 KB)"});
        }
        self
    }
}
