//! Reads an audit record into the events it tells: one, or as many as it speaks of nodes.
//!
//! Total and pure: `now` is given; what is missing is left out, what is not understood stays in `data`. Ids are such
//! that one record is one event however often it is read, and one spot interruption is one event whoever tells it.
//! Next: the inbox.

use serde_json::{Map, Value, json};

use super::canon::{self, Meaning, Types};
use super::node::{self, Node};
use crate::castai_api::audit::{Operation, Party};
use crate::event::audit::{Audit, keys};
use crate::event::{CastAIEvent, Cluster, Event, Timestamp};
use crate::names::{EventId, SourceName};

/// What a record itself does not say.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Which records are canonical events.
    pub types: &'a Types,
    /// Whose records they are, where they do not say.
    pub organization: Option<&'a str>,
    /// When they are read.
    pub now: Timestamp,
}

/// The events of one record. `cluster` is what is known of the cluster it names.
pub fn events(operation: &Operation, cluster: Option<Cluster>, context: Context<'_>) -> Vec<Event> {
    let name = canon::name_of(&operation.kind);
    let cluster = cluster_of(operation, cluster);
    let record = Record { operation, name: &name, cluster, context };
    match context.types.meaning(&name) {
        Meaning::Audit => vec![record.as_audit()],
        meaning => record.as_canonical(meaning),
    }
}

fn cluster_of(operation: &Operation, known: Option<Cluster>) -> Cluster {
    let known = known.unwrap_or_default();
    Cluster {
        id: operation.cluster_id.clone().or(known.id),
        name: operation.cluster_name.clone().or(known.name),
        ..known
    }
}

struct Record<'a> {
    operation: &'a Operation,
    name: &'a str,
    cluster: Cluster,
    context: Context<'a>,
}

impl Record<'_> {
    fn as_audit(&self) -> Event {
        self.event(&format!("{}{}", Audit::PREFIX, self.name), self.id(None), self.data())
    }

    fn as_canonical(&self, meaning: Meaning) -> Vec<Event> {
        let nodes = node::nodes(self.operation);
        let several = nodes.len() > 1;
        let event = |(number, node): (usize, Node)| {
            let id = match (meaning, &node.id) {
                // The same as the watcher of the cluster gives it.
                (Meaning::NodeSpotInterrupted, Some(id)) => EventId::of_spot_interruption(id),
                _ => self.id(several.then_some(number)),
            };
            self.event(meaning.canonical().unwrap_or_default(), id, self.node_data(meaning, node))
        };
        nodes.into_iter().enumerate().map(event).collect()
    }

    /// The record's own id, else its content's; with the number of the node where it speaks of several.
    fn id(&self, number: Option<usize>) -> EventId {
        let suffix = number.map(|number| format!("/{number}")).unwrap_or_default();
        match &self.operation.id {
            Some(id) => EventId::from_sender(self.organization(), &format!("{id}{suffix}")),
            None => EventId::from_content(&[&self.operation.raw[..], suffix.as_bytes()].concat()),
        }
    }

    fn organization(&self) -> Option<&str> {
        self.operation.organization.as_deref().or(self.context.organization)
    }

    fn event(&self, event_type: &str, id: EventId, data: Map<String, Value>) -> Event {
        let operation = self.operation;
        let mut notes = operation.notes.clone();
        let kind = CastAIEvent::read(event_type, &data, &mut notes);
        let default = kind.default_severity();
        let severity = match &kind {
            CastAIEvent::Audit(_) => operation.severity.unwrap_or(default),
            // The log calls an interruption information; it is as bad as when somebody else tells it.
            _ => operation.severity.map_or(default, |severity| severity.max(default)),
        };
        Event {
            id,
            source: SourceName::audit_log(),
            kind,
            severity,
            organization: self.organization().map(str::to_owned),
            cluster: self.cluster.clone(),
            category: None,
            labels: Default::default(),
            occurred_at: operation.occurred_at,
            received_at: self.context.now,
            data,
            notes,
            body: operation.raw.clone(),
        }
    }

    /// The record under the names of [`keys`], beside whatever has no place of its own.
    fn data(&self) -> Map<String, Value> {
        let operation = self.operation;
        let mut data = operation.rest.clone();
        let lag = operation.ingested_at.zip(operation.occurred_at).map(|(ingested, occurred)| {
            let seconds = ingested.saturating_since(occurred).as_millis() as f64 / 1000.0;
            json!(seconds)
        });
        let labels = Some(&operation.labels).filter(|labels| !labels.is_empty());
        let told = [
            (keys::AUDIT_TYPE, Some(json!(self.name))),
            (keys::DESCRIPTION, operation.description.as_ref().map(|text| json!(text))),
            (keys::INITIATOR, party(&operation.initiator)),
            (keys::RESOURCE, party(&operation.resource)),
            (keys::INGESTED_AT, operation.ingested_at.map(|time| json!(time))),
            (keys::INGESTION_LAG, lag),
            ("labels", labels.map(|labels| json!(labels))),
            ("details", operation.details.clone()),
        ];
        data.extend(told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        data
    }

    /// The same with what the canonical types are read from.
    fn node_data(&self, meaning: Meaning, node: Node) -> Map<String, Value> {
        // Nothing but a spot node is interrupted.
        let implied = (meaning == Meaning::NodeSpotInterrupted).then(|| "spot".to_owned());
        let told = [
            ("nodeName", node.name),
            ("instanceType", node.instance_type),
            ("lifecycle", node.lifecycle.or(implied)),
            ("action", node.action),
            ("zone", node.zone),
            ("nodeId", node.id),
        ];
        let mut data = self.data();
        data.extend(told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?)))));
        data
    }
}

fn party(party: &Party) -> Option<Value> {
    let Party { kind, id, name, email } = party;
    let words = [("type", kind), ("id", id), ("name", name), ("email", email)];
    let told: Map<String, Value> =
        words.into_iter().filter_map(|(word, text)| Some((word.to_owned(), json!(text.as_ref()?)))).collect();
    (!told.is_empty()).then_some(Value::Object(told))
}

#[cfg(test)]
#[path = "tests/read.rs"]
mod tests;
