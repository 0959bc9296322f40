//! What an audit record is called, and which records are canonical events: the one table.
//!
//! CAST AI publishes no list of its types, so a comment says of every spelling how well it is known, operators may add to the
//! table and correct it (`sources.audit_log.types`), and what is not in it flows as `audit.<name>`. Pure.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::castai_api::audit::Kind;

/// What a record is told as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Meaning {
    /// `node.added`.
    #[serde(rename = "node.added")]
    NodeAdded,
    /// `node.removed`.
    #[serde(rename = "node.removed")]
    NodeRemoved,
    /// `node.spot_interrupted`.
    #[serde(rename = "node.spot_interrupted")]
    NodeSpotInterrupted,
    /// Under its own name, `audit.…`.
    #[serde(rename = "audit")]
    Audit,
}

use Meaning::{NodeAdded, NodeRemoved, NodeSpotInterrupted};

/// Which records are canonical, by the name made of their words, in lower case. *Seen* are spellings that CAST AI published,
/// or that were seen in what its users published; *likely* those made after the console's title of the record, or after the
/// pattern of what was seen.
const CANON: &[(&str, Meaning)] = &[
    // v2: <https://github.com/castai/audit-logs-receiver/tree/main/auditlogsreceiver/v2>, and public notes of its use.
    // Seen:
    ("autoscaler.node.added", NodeAdded),
    // Likely, as its actions are `created`, `updated`, `deleted`, `added`, `initiated`, …:
    ("autoscaler.node.removed", NodeRemoved),
    ("autoscaler.node.deleted", NodeRemoved),
    ("autoscaler.node.interrupted", NodeSpotInterrupted),
    ("autoscaler.node.spot_interrupted", NodeSpotInterrupted),
    // v1, seen in published scripts:
    ("nodeadded", NodeAdded),
    // v1, likely: "Node removed" and "Nodes interrupted" are titles of the console, <https://docs.cast.ai/docs/audit-log>, in
    // the spelling of those that are known.
    ("noderemoved", NodeRemoved),
    ("nodedeleted", NodeRemoved),
    ("nodesinterrupted", NodeSpotInterrupted),
    ("nodeinterrupted", NodeSpotInterrupted),
];

impl Meaning {
    /// The canonical type; `None` for a record that goes by its own name.
    pub fn canonical(self) -> Option<&'static str> {
        match self {
            Self::NodeAdded => Some("node.added"),
            Self::NodeRemoved => Some("node.removed"),
            Self::NodeSpotInterrupted => Some("node.spot_interrupted"),
            Self::Audit => None,
        }
    }
}

/// The table with what the operator wrote on top of it.
#[derive(Debug, Clone, Default)]
pub struct Types {
    /// Exact names first, then globs, the longest first.
    written: Vec<(Name, Meaning)>,
}

/// A name as written, in any case.
#[derive(Debug, Clone)]
enum Name {
    Exactly(String),
    Like(GlobMatcher),
}

impl Name {
    fn parse(written: &str) -> Result<Self, globset::Error> {
        match written.contains(['*', '?', '[', '{']) {
            false => Ok(Self::Exactly(written.to_lowercase())),
            true => Ok(Self::Like(GlobBuilder::new(written).case_insensitive(true).build()?.compile_matcher())),
        }
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Exactly(written) => written == name,
            Self::Like(glob) => glob.is_match(name),
        }
    }

    fn weight(&self) -> (bool, usize) {
        match self {
            Self::Exactly(written) => (true, written.len()),
            Self::Like(glob) => (false, glob.glob().glob().len()),
        }
    }

    fn written(&self) -> &str {
        match self {
            Self::Exactly(written) => written,
            Self::Like(glob) => glob.glob().glob(),
        }
    }
}

impl Types {
    /// What a record of this name is told as: as the operator says, else as the table says, else under its own name.
    pub fn meaning(&self, name: &str) -> Meaning {
        let name = name.to_lowercase();
        let written = self.written.iter().find(|(written, _)| written.fits(&name)).map(|(_, meaning)| *meaning);
        let known = || CANON.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning);
        written.or_else(known).unwrap_or(Meaning::Audit)
    }
}

/// In the order of its weight, so that equal tables print alike.
impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.written.iter().map(|(name, meaning)| {
            let meaning = meaning.canonical().unwrap_or("audit");
            format!("{}: {meaning}", name.written())
        });
        f.write_str(&rows.collect::<Vec<_>>().join(", "))
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TypesVisitor)
    }
}

struct TypesVisitor;

impl<'de> Visitor<'de> for TypesVisitor {
    type Value = Types;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names of audit records with what they are, such as `{ \"autoscaler.node.added\": node.added }`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Types, A::Error> {
        let mut written = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let name =
                Name::parse(&key).map_err(|error| de::Error::custom(format!("`{key}` is not a glob: {error}")))?;
            written.push((name, map.next_value::<Meaning>()?));
        }
        written.sort_by(|(a, _), (b, _)| b.weight().cmp(&a.weight()).then_with(|| a.written().cmp(b.written())));
        Ok(Types { written })
    }
}

/// What is written where a record does not say what it is.
const UNKNOWN: &str = "unknown";

/// More than any word that is known, less than what would hurt in a message.
const LONGEST_WORD: usize = 80;

/// What a record is called: `autoscaler.node.added` or `nodeAdded`. Made of the words as received, such that routes can
/// name it: v2 writes in lower case and is held to it, v1 keeps its capitals; blanks and other odd characters become
/// `_`, a word that is missing becomes `unknown`. Two records that differ only in that go by one name.
pub fn name_of(kind: &Kind) -> String {
    match kind {
        Kind::V1(event_type) => word(event_type.as_deref()),
        Kind::V2 { domain, resource, action } => {
            [domain, resource, action].map(|part| word(part.as_deref()).to_lowercase()).join(".")
        }
    }
}

fn word(received: Option<&str>) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | ':' | '/');
    let received = received.unwrap_or_default();
    let parts = received.split(|c: char| !is_plain(c)).filter(|part| !part.is_empty());
    let word: String = parts.collect::<Vec<_>>().join("_").chars().take(LONGEST_WORD).collect();
    if word.is_empty() { UNKNOWN.to_owned() } else { word }
}

#[cfg(test)]
#[path = "tests/canon.rs"]
mod tests;
