//! The record: an event as one flat JSON object, as the store keeps it and as templates see it.
//!
//! The typed variant is derived from `type` and `data` when a record is read, so what was received stays the truth
//! and a newer version of the relay reads old records with today's eyes. The raw body lives beside the record.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::castai::Notification;
use super::relay::RelayReport;
use super::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use crate::names::{EventId, SourceName};

/// A stored record that cannot be read: the database was written by something else.
#[derive(Debug, thiserror::Error)]
#[error("stored event record cannot be read: {0}")]
pub struct RecordError(#[from] serde_json::Error);

#[derive(Serialize)]
struct Written<'a> {
    id: &'a EventId,
    source: &'a SourceName,
    #[serde(rename = "type")]
    event_type: &'a str,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    cluster: &'a Cluster,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    received_at: Timestamp,
    /// The mark of an event that came late: how late, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    late_by: Option<u64>,
    data: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

#[derive(Deserialize)]
struct Read {
    id: EventId,
    source: SourceName,
    #[serde(rename = "type")]
    event_type: String,
    severity: Severity,
    organization: Option<String>,
    cluster: Cluster,
    category: Option<String>,
    name: Option<String>,
    message: Option<String>,
    labels: BTreeMap<String, String>,
    occurred_at: Option<Timestamp>,
    received_at: Timestamp,
    data: Map<String, Value>,
    #[serde(default)]
    notes: Vec<String>,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = Written {
            id: &self.id,
            source: &self.source,
            event_type: self.type_name(),
            severity: self.severity,
            organization: self.organization.as_deref(),
            cluster: &self.cluster,
            category: self.category.as_deref(),
            name: self.kind.name(),
            message: self.kind.message(),
            labels: &self.labels,
            occurred_at: self.occurred_at,
            received_at: self.received_at,
            late_by: self.late_by().filter(|late| *late >= Event::LATE).map(|late| late.as_secs()),
            data: &self.data,
            notes: &self.notes,
        };
        record.serialize(serializer)
    }
}

impl Event {
    /// Reads back what serialising wrote, together with the raw body kept beside it.
    pub fn from_record(record: &[u8], body: Bytes) -> Result<Self, RecordError> {
        let read: Read = serde_json::from_slice(record)?;
        Ok(Self {
            kind: read.kind(),
            id: read.id,
            source: read.source,
            severity: read.severity,
            organization: read.organization,
            cluster: read.cluster,
            category: read.category,
            labels: read.labels,
            occurred_at: read.occurred_at,
            received_at: read.received_at,
            data: read.data,
            notes: read.notes,
            body,
        })
    }
}

impl Read {
    fn kind(&self) -> CastAIEvent {
        let own = self.source == SourceName::relay();
        if let Some(report) = RelayReport::named(&self.event_type).filter(|_| own) {
            return CastAIEvent::Relay(report);
        }
        if self.event_type == CastAIEvent::NOTIFICATION {
            let (name, message) = (self.name.clone(), self.message.clone());
            return CastAIEvent::Notification(Notification { name, message });
        }
        // The notes were taken when the event was received and are part of the record.
        CastAIEvent::read(&self.event_type, &self.data, &mut Vec::new())
    }
}
