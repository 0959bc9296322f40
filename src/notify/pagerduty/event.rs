//! A message as an event of PagerDuty's Events API v2, within its limits.
//!
//! <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>. Pure; sends nothing. The particulars are in
//! [`details`].

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{change, details};
use crate::config::Secret;
use crate::event::batch::Batch;
use crate::event::delivery::Phase;
use crate::event::tally::Dimension;
use crate::event::{CastAIEvent, Event, Timestamp};
use crate::notify::NotifyError;
use crate::notify::identity::{hashed, told_again};
use crate::notify::message::{Message, cut, in_four_words, one_line};
use crate::template::Wording;
use crate::template::{Markup, Subject, Template};

/// Characters of `summary`; more is refused. No limit is documented for the other short fields.
pub(super) const MAX_SUMMARY: usize = 1024;
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
    /// There is none: what happened is shown as a change, and wakes nobody.
    Change,
}

impl Action {
    /// What an incident's step is to PagerDuty.
    fn of(phase: Phase) -> Self {
        match phase {
            Phase::Open => Self::Trigger,
            Phase::Resolve => Self::Resolve,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
            Self::Change => "change",
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
    /// The event for this batch. An incident of the route says itself which alert, and what becomes of it; else it is as
    /// configured.
    ///
    /// # Errors
    /// When `dedup_key` cannot be rendered for an acknowledge or a resolve: with another key it would concern nothing.
    /// A trigger goes out all the same, under the event's own key. And when one acknowledge or resolve would have to
    /// stand for many, which have a key each.
    pub(super) fn fill(&self, batch: &Batch, wording: &Wording) -> Result<Filled<'_>, NotifyError> {
        // Not even an incident makes an alert of what nobody is to be woken by.
        if self.action == Action::Change {
            let fields = change::fields(batch, wording);
            return Ok(Filled { routing_key: &self.routing_key, fields }.within_limit());
        }
        let (action, key) = match &batch.incident {
            Some(incident) => (Action::of(incident.phase), Ok(incident.key.as_str().to_owned())),
            None if self.action == Action::Trigger || batch.deliveries.len() == 1 => {
                (self.action, self.own_dedup_key(batch.first_event()).map(|key| told_again(batch, key)))
            }
            None => return Err(self.one_for_many(batch)),
        };
        match (action, key) {
            (Action::Trigger, key) => Ok(self.trigger(batch, wording, key)),
            (action, Ok(key)) => Ok(self.filled(action, &key, Map::new())),
            (_, Err(problem)) => {
                let (target, action) = (batch.target(), action.as_str());
                Err(NotifyError::misconfigured(format!(
                    "{problem} Without it `action: {action}` concerns nothing: correct `dedup_key` of target `{target}`, or \
                     route to it only what the template can be filled with"
                )))
            }
        }
    }

    fn trigger(&self, batch: &Batch, wording: &Wording, key: Result<String, String>) -> Filled<'_> {
        let mut message = Message::compose(batch, wording, Markup::Plain);
        let key = key.unwrap_or_else(|problem| {
            message.footer.push(problem);
            told_again(batch, hashed(batch.first_event().id.as_str()))
        });
        self.filled(Action::Trigger, &key, trigger(&message, batch))
    }

    fn filled(&self, action: Action, key: &str, more: Map<String, Value>) -> Filled<'_> {
        let which = [("event_action", action.as_str()), ("dedup_key", key)];
        let which = which.into_iter().map(|(field, text)| (field.to_owned(), json!(text)));
        Filled { routing_key: &self.routing_key, fields: which.chain(more).collect() }.within_limit()
    }

    fn one_for_many(&self, batch: &Batch) -> NotifyError {
        let (action, many) = (self.action.as_str(), batch.deliveries.len());
        NotifyError::misconfigured(format!(
            "a target with `action: {action}` takes one event at a time, and these are {many} in one message: leave \
             `group` and `storm` out of route `{}`, or give it an `incident`",
            batch.route()
        ))
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

/// What only a trigger has.
fn trigger(message: &Message, batch: &Batch) -> Map<String, Value> {
    let event = &batch.lead().event;
    let about = About::of(batch);
    let mut payload = Map::from_iter([
        ("summary".to_owned(), json!(cut(&message.headline, MAX_SUMMARY))),
        ("source".to_owned(), json!(source(about.cluster, event))),
        ("severity".to_owned(), json!(in_four_words(message.severity))),
        ("timestamp".to_owned(), json!(about.began_at)),
        ("custom_details".to_owned(), Value::Object(details::of(message, batch))),
    ]);
    for (key, text) in [("class", about.class), ("component", about.node), ("group", about.cluster)] {
        payload.extend(text.and_then(short).map(|text| (key.to_owned(), json!(text))));
    }
    Map::from_iter([
        ("payload".to_owned(), Value::Object(payload)),
        ("client".to_owned(), json!("castai-relay")),
        ("links".to_owned(), links(message)),
    ])
}

pub(super) fn links(message: &Message) -> Value {
    message.links.iter().map(|link| json!({"href": link.url, "text": link.text})).collect()
}

/// What holds for all events of a batch.
pub(super) struct About<'a> {
    class: Option<&'a str>,
    node: Option<&'a str>,
    pub(super) cluster: Option<&'a str>,
    pub(super) began_at: Timestamp,
}

impl<'a> About<'a> {
    pub(super) fn of(batch: &'a Batch) -> Self {
        let event = &batch.lead().event;
        let own_time = event.occurred_at.unwrap_or(event.received_at);
        let Some(tally) = batch.many() else {
            let (class, cluster) = (Some(event.type_name()), event.cluster.label());
            return Self { class, node: node_name(event), cluster, began_at: own_time };
        };
        let began_at = tally.first_at().unwrap_or(own_time);
        Self { class: tally.common(Dimension::Type), node: None, cluster: tally.common(Dimension::Cluster), began_at }
    }
}

/// PagerDuty loses pages whose source is blank.
pub(super) fn source(cluster: Option<&str>, event: &Event) -> String {
    let known = [cluster, event.organization.as_deref()];
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
