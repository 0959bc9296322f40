//! A notification as CAST AI's API lists it, read as the webhook's copy of it is: the same id, the same places.
//!
//! The list says more than the webhook: the operation with its category, when it was written down, who acknowledged it.
//! The category reaches its typed place, the rest stays in `data` under CAST AI's names, but for what says nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::facts::Form;
use super::{Fact, Shape, body, bounded, notification};
use crate::event::fields::is_absent;
use crate::event::relay::BodyProblem;
use crate::event::{Event, Timestamp};
use crate::names::{EventId, SourceName};

/// What the list says of one notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The event, as the webhook would have brought it.
    pub event: Event,
    /// The id that a webhook has brought it under whose template does not name the organisation.
    pub bare_id: EventId,
    /// When CAST AI wrote it down, which is when the webhook is called; it may have happened long before.
    pub written_at: Option<Timestamp>,
}

/// Reads one item; every event gets `labels`, and `category` of them where it names none. Total over objects with an id, as [`read`](super::read) is over objects.
///
/// # Errors
/// When it is not an object, or has no id.
pub fn read_listed(
    item: &Bytes,
    source: &SourceName,
    labels: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Listed, BodyProblem> {
    let mut object = body::object(item)?;
    let written = object.get("createdAt").cloned();
    let written_at = written.as_ref().and_then(Value::as_str).and_then(Timestamp::parse);
    tidy(&mut object);
    let fields = Default::default();
    let mut form = Form::new(object, &fields);
    let organization = form.text(Fact::Organization);
    let id = form.text(Fact::Id).ok_or_else(no_id)?;
    let (occurred_at, cluster, category) = (form.timestamp(), form.cluster(), form.text(Fact::Category));
    let category = category.or_else(|| labels.get("category").cloned());
    let severity = form.severity();
    let (kind, mut data, notes) = Shape::Notification(notification(&mut form)).kind(form);
    keep_written(&mut data, written);
    let event = Event {
        id: EventId::from_sender(organization.as_deref(), &id),
        source: source.clone(),
        severity: severity.unwrap_or_else(|| kind.default_severity()),
        kind,
        organization,
        cluster,
        category,
        labels: labels.clone(),
        occurred_at,
        received_at: now,
        data,
        notes: bounded(notes),
        body: item.clone(),
    };
    Ok(Listed { event, bare_id: EventId::from_sender(None, &id), written_at })
}

/// Puts the category where the webhook's template has it, and takes away what says nothing.
fn tidy(item: &mut Map<String, Value>) {
    if let Some(Value::Object(operation)) = item.get_mut("operationMetadata") {
        let category = operation.remove("category").filter(|category| !is_absent(category));
        operation.retain(|_, value| !is_absent(value));
        if let Some(category) = category {
            item.insert("category".to_owned(), category);
        }
    }
    let again = item.get("createdAt") == item.get("timestamp");
    item.retain(|key, value| match value {
        Value::Bool(false) if key == "isExpired" => false,
        Value::Object(fields) => !fields.is_empty(),
        _ if again && key == "createdAt" => false,
        value => !is_absent(value),
    });
}

/// Whoever judges its age must not take the word of the particulars for CAST AI's.
fn keep_written(data: &mut Map<String, Value>, written: Option<Value>) {
    if let (Some(kept), Some(written)) = (data.get_mut("createdAt"), written) {
        *kept = written;
    }
}

fn no_id() -> BodyProblem {
    let message = "the item has no id".to_owned();
    BodyProblem { message, line: 1, column: 1, hint: "" }
}
