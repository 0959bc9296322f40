//! Reads the body of a verified request into an [`Event`].
//!
//! CAST AI sends whatever template the user typed into its console, so there is no one form to insist on: four shapes
//! are recognised, facts are looked for under every word senders use for them ([`facts`]), and what is not understood
//! stays in `data` with a note. Only a body that is not a JSON object is refused ([`body`]).
//! [`listed`] reads the same notifications where they come by a list.
//! Pure: `now` is given, nothing is fetched, nothing is kept. Knows no HTTP beyond the headers of a [`Verified`].
//! Next: the inbox, which routes and stores the event.

mod body;
mod cluster;
mod facts;
mod listed;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::event::castai::Notification;
use crate::event::relay::BodyProblem;
use crate::event::{CastAIEvent, Event, Timestamp};
use crate::names::{EventId, SourceName};
use crate::source::field_path::FieldPath;
use crate::source::verify::Verified;
pub use facts::Fact;
use facts::Form;
pub use listed::{Listed, read_listed};

/// What the operator says about one source: where its bodies keep their facts, and labels for all its events.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// Where to look first for a fact, before all the words we know for it.
    pub fields: BTreeMap<Fact, FieldPath>,
    /// Constant labels; `category` also stands in for the category of a body that names none.
    pub labels: BTreeMap<String, String>,
}

/// Reads one event. Total over JSON objects: a field that is missing, of the wrong type or unknown never loses the
/// event, and every field is found again in a typed place or in `data` (but for a PagerDuty routing key).
///
/// # Errors
/// When the body is not a JSON object, with the position of the fault and what to do about it.
pub fn read(verified: &Verified, source: &SourceName, mapping: &Mapping, now: Timestamp) -> Result<Event, BodyProblem> {
    read_at_home(verified, source, mapping, None, now).map(|reading| reading.event)
}

/// An event, and what its template leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The event.
    pub event: Event,
    /// The id it would have where nobody knows of a home; absent where it has that id.
    pub bare_id: Option<EventId>,
    /// Whether it is a notification whose body does not carry its id, so that a list cannot bring the same event.
    pub lacks_id: bool,
}

/// The same where it is known whose notifications come: `home`, the organisation that is meant in the id of a
/// notification that names none. The event still says what its body said.
///
/// # Errors
/// As [`read`].
pub fn read_at_home(
    verified: &Verified,
    source: &SourceName,
    mapping: &Mapping,
    home: Option<&str>,
    now: Timestamp,
) -> Result<Reading, BodyProblem> {
    let mut form = Form::new(body::object(verified.body())?, &mapping.fields);
    let shape = Shape::of(&mut form);
    let organization = form.text(Fact::Organization);
    let occurred_at = form.timestamp();
    let own_id = form.text(Fact::Id);
    let is_notification = matches!(shape, Shape::Notification(_));
    let home = home.filter(|_| is_notification && organization.is_none());
    let bare_id = home.and(own_id.as_deref()).map(|id| EventId::from_sender(None, id));
    let lacks_id = is_notification && own_id.is_none();
    let id = match own_id {
        Some(id) => EventId::from_sender(organization.as_deref().or(home), &id),
        None => id_from_headers(verified, organization.as_deref())
            .unwrap_or_else(|| content_id(&form, verified, occurred_at, now)),
    };
    let cluster = form.cluster();
    let category = form.text(Fact::Category).or_else(|| mapping.labels.get("category").cloned());
    let stated_severity = form.severity();
    let (kind, data, notes) = shape.kind(form);
    let event = Event {
        id,
        source: source.clone(),
        severity: stated_severity.unwrap_or_else(|| kind.default_severity()),
        kind,
        organization,
        cluster,
        category,
        labels: mapping.labels.clone(),
        occurred_at,
        received_at: now,
        data,
        notes: bounded(notes),
        body: verified.body().clone(),
    };
    Ok(Reading { event, bare_id, lacks_id })
}

/// As many notes as people read; a body may give cause for one with each of its fields.
fn bounded(mut notes: Vec<String>) -> Vec<String> {
    const MOST: usize = 20;
    if notes.len() > MOST {
        let more = notes.len() - MOST;
        notes.truncate(MOST);
        notes.push(format!("and {more} more"));
    }
    notes
}

/// The sender's id where the body has none.
fn id_from_headers(verified: &Verified, organization: Option<&str>) -> Option<EventId> {
    let header = |name| verified.header(name).map(str::trim).filter(|id| !id.is_empty());
    // The quotes are part of the header's syntax, not of the key,
    // <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header>.
    let id = header("webhook-id").or_else(|| header("idempotency-key").map(|key| key.trim_matches('"')))?;
    Some(EventId::from_sender(organization, id))
}

/// The content makes the id, whatever its order of keys. Content without a time may be news again another day, so the
/// day of receipt is part of its id: rather told twice than taken for a repeat of weeks ago.
fn content_id(form: &Form<'_>, verified: &Verified, occurred_at: Option<Timestamp>, now: Timestamp) -> EventId {
    let mut content = form.canonical().unwrap_or_else(|| verified.body().to_vec());
    if occurred_at.is_none() {
        content.extend_from_slice(now.to_string().get(..10).unwrap_or_default().as_bytes());
    }
    EventId::from_content(&content)
}

/// What kind of body it is, told by the fields it carries.
enum Shape {
    /// Names its own type, as the original brief's events do: `{eventType, clusterId, clusterName, timestamp, data}`.
    Typed(String),
    /// One of CAST AI's notifications, in our template, in one of the templates CAST AI publishes for PagerDuty
    /// and Slack, or in a home-made one.
    Notification(Notification),
    /// Any other object.
    Unrecognized,
}

impl Shape {
    /// The value of `schema` in our own console templates.
    const OUR_TEMPLATE: &str = "castai-relay/1";

    fn of(form: &mut Form<'_>) -> Self {
        let event_type = form.event_type();
        let ours = form.takes_constant("schema", Self::OUR_TEMPLATE);
        match event_type {
            Some(event_type) if event_type != CastAIEvent::NOTIFICATION => Self::Typed(event_type),
            None if !ours && !form.is_notification() => Self::Unrecognized,
            _ => Self::Notification(notification(form)),
        }
    }

    /// Takes the form apart: the typed kind, the particulars, the notes.
    fn kind(self, mut form: Form<'_>) -> (CastAIEvent, Map<String, Value>, Vec<String>) {
        match self {
            Self::Typed(event_type) => {
                form.note_missing_particulars();
                let (data, mut notes) = form.into_particulars();
                (CastAIEvent::read(&event_type, &data, &mut notes), data, notes)
            }
            Self::Notification(notification) => {
                form.drop_credential("routing_key");
                let (data, notes) = form.into_particulars();
                (CastAIEvent::Notification(notification), data, notes)
            }
            Self::Unrecognized => {
                let event_type = CastAIEvent::UNRECOGNIZED.to_owned();
                let (data, notes) = form.into_whole();
                (CastAIEvent::Unrecognized { event_type }, data, notes)
            }
        }
    }
}

/// A notification without a name, such as one in Slack's form, goes by the first line of its message.
fn notification(form: &mut Form<'_>) -> Notification {
    let (name, message) = (form.text(Fact::Name), form.text(Fact::Message));
    let first_line = || message.as_deref()?.lines().next().map(str::to_owned);
    Notification { name: name.or_else(first_line), message }
}

#[cfg(test)]
mod tests;
