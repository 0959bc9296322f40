//! One thing that happened, normalised: what every later room works with.
//!
//! Knows names and nothing else: no HTTP, no configuration, no database, no clock (`received_at` is given).
//! [`castai`] names the kinds of event, [`audit`] and [`savings`] are the larger ones, [`delivery`] is what an event owes,
//! [`aftermath`] what becomes of it beside, [`ledger`] what happened to it, [`batch`] what leaves together and [`tally`] what that is about, [`relay`] what the relay reports of itself, [`silence`] what nobody is told of for a while,
//! [`act`] what operators did, [`drill`] what is only a drill.
//! Next room: [`crate::source`], where events come from.

pub mod act;
pub mod aftermath;
pub mod audit;
pub mod batch;
pub mod castai;
pub mod delivery;
mod drill;
pub mod fields;
pub mod ledger;
mod record;
pub mod relay;
pub mod savings;
mod severity;
pub mod silence;
pub mod tally;
mod timestamp;
mod zone;

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use castai::CastAIEvent;
pub use drill::DrillOutcome;
pub use record::RecordError;
pub use severity::{Severity, UnknownSeverity};
pub use timestamp::Timestamp;
pub use zone::Zone;

use crate::names::{EventId, SourceName};

/// One thing that happened. Serialises as the stored record and as `event` in templates and expressions
/// (see [`record`]); the raw body is kept beside the record, never inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What makes two events the same event.
    pub id: EventId,
    /// The configured source that brought it.
    pub source: SourceName,
    /// What happened: a variant per known kind, [`CastAIEvent::Unrecognized`] for the rest.
    pub kind: CastAIEvent,
    /// As the sender said, else the default of the kind. A route may override it for its own deliveries.
    pub severity: Severity,
    /// CAST AI's organisation id.
    pub organization: Option<String>,
    /// The cluster concerned; empty for events that concern none.
    pub cluster: Cluster,
    /// CAST AI's notification category: from the template's constant text, else the source's label `category`.
    pub category: Option<String>,
    /// Constant labels of the source.
    pub labels: BTreeMap<String, String>,
    /// When it happened, as the sender says.
    pub occurred_at: Option<Timestamp>,
    /// When the relay took it in.
    pub received_at: Timestamp,
    /// The particulars as received: `data` of the brief's event, `details` of a notification, the whole object
    /// of an unrecognised one.
    pub data: Map<String, Value>,
    /// Where the body was not as expected and what was made of it; for people, never for matching.
    pub notes: Vec<String>,
    /// The body exactly as received.
    pub body: Bytes,
}

impl Event {
    /// The type as routes match it: `node.added`, `castai.notification`, …
    pub fn type_name(&self) -> &str {
        self.kind.type_name()
    }

    /// From here on an event is marked as late; on a good day none takes so long.
    pub const LATE: std::time::Duration = std::time::Duration::from_secs(60);

    /// How long after it happened the event reached us; `None` when the sender gave no time.
    /// Zero when the sender's clock is ahead of ours.
    pub fn late_by(&self) -> Option<std::time::Duration> {
        self.occurred_at.map(|occurred| self.received_at.saturating_since(occurred))
    }
}

/// The Kubernetes cluster an event concerns. Every field is optional because no sender gives all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// CAST AI's cluster id, a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name people know it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `eks`, `gke`, `aks`, `kops`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// GCP project, AWS account or Azure subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

impl Cluster {
    /// Whether a text is an id rather than a name: CAST AI's cluster ids are UUIDs, and nobody names a cluster like one.
    pub fn is_id(text: &str) -> bool {
        let groups = text.split('-').map(str::len);
        groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    }

    /// The name, else the id: what to call it in a sentence.
    pub fn label(&self) -> Option<&str> {
        self.name.as_deref().or(self.id.as_deref())
    }
}

#[cfg(test)]
mod tests;
