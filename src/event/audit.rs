//! A record of CAST AI's audit log that is none of the canonical kinds: who did what, in CAST AI's own words.
//!
//! The particulars are written by [`crate::source`] under the names of [`keys`] and read back here. Total: whatever is
//! missing is `None`. Knows no API. Next: [`super::record`].

use serde_json::{Map, Value};

use super::fields::scalar_text;

/// The names under which an audit record's particulars stand in `data`, also beside those of a canonical kind.
pub mod keys {
    /// The record's own name, `autoscaler.policy.updated` or `nodeAdded`.
    pub const AUDIT_TYPE: &str = "auditType";
    /// CAST AI's sentence about it.
    pub const DESCRIPTION: &str = "description";
    /// Who did it: an object with `type`, `id`, `name`, `email`.
    pub const INITIATOR: &str = "initiator";
    /// What it was done to: an object with `type`, `id`, `name`.
    pub const RESOURCE: &str = "resource";
    /// When CAST AI took it into its log.
    pub const INGESTED_AT: &str = "ingestedAt";
    /// How long after it happened that was.
    pub const INGESTION_LAG: &str = "ingestionLagSeconds";
}

/// What is known of an audit record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// The type as routes match it, `audit.autoscaler.policy.updated`; it begins with [`Audit::PREFIX`].
    pub event_type: String,
    /// CAST AI's sentence about it, `Policy updated`.
    pub description: Option<String>,
    /// Who did it: a name, else an address, else an id.
    pub initiator: Option<String>,
    /// What it was done to: its name, else its id.
    pub resource: Option<String>,
}

impl Audit {
    /// What every type of an audit record begins with.
    pub const PREFIX: &str = "audit.";

    /// Whether this is the type of an audit record.
    pub fn is_type(event_type: &str) -> bool {
        event_type.len() > Self::PREFIX.len() && event_type.starts_with(Self::PREFIX)
    }

    pub(super) fn read(event_type: &str, data: &Map<String, Value>) -> Self {
        Self {
            event_type: event_type.to_owned(),
            description: data.get(keys::DESCRIPTION).and_then(scalar_text),
            initiator: initiator(data),
            resource: first_of(data.get(keys::RESOURCE), &["name", "id"]),
        }
    }

    /// The record's own name, without the prefix.
    pub fn name(&self) -> &str {
        self.event_type.strip_prefix(Self::PREFIX).unwrap_or(&self.event_type)
    }
}

/// Who did it, by the particulars of an audit record: a name, else an address, else an id.
pub fn initiator(data: &Map<String, Value>) -> Option<String> {
    first_of(data.get(keys::INITIATOR), &["name", "email", "id"])
}

fn first_of(object: Option<&Value>, words: &[&str]) -> Option<String> {
    let object = object?;
    words.iter().find_map(|word| scalar_text(object.get(word)?))
}
