//! The audit log: what was done, by whom, to what. Two versions of the API, one [`Operation`].
//!
//! [`v2`] is newer and richer and its official client is labelled alpha; [`v1`] is what there was before. Both have an
//! official receiver, <https://github.com/castai/audit-logs-receiver>, from which the names of parameters and fields are.
//! Every word for a kind is an open set. A record is read whatever it lacks, only what is no JSON object is unreadable.
//! Knows no events; next: [`crate::source::audit_log`], which makes events of operations.

mod fields;
pub mod v1;
pub mod v2;

use std::marker::PhantomData;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::CastAi;
use super::error::ApiError;
use super::page::{Listed, Page, Pages, Unreadable};
use crate::event::{Severity, Timestamp};

/// Which of the two APIs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// `GET /v1/audit`: newest first, no severities, no domains.
    V1,
    /// `GET /v2/audit/events`: in ascending order.
    #[default]
    V2,
}

impl Version {
    /// As written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Records of this moment and later.
    pub from: Timestamp,
    /// Records up to this moment. Whether it belongs to them is not documented.
    pub to: Timestamp,
    /// What the server is to leave out.
    pub filter: Filter,
}

/// What the server is asked to leave out; an empty list leaves out nothing. v1 knows none but a single cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Ids of clusters.
    pub clusters: Vec<String>,
    /// `autoscaler`, `platform`, `workload`, …
    pub domains: Vec<String>,
    /// `node`, `cluster`, `policy`, …
    pub resources: Vec<String>,
    /// `added`, `updated`, `deleted`, …
    pub actions: Vec<String>,
}

/// One record, whichever version it is from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operation {
    /// CAST AI's id.
    pub id: Option<String>,
    /// Whose it is. v1 does not say.
    pub organization: Option<String>,
    /// When it happened.
    pub occurred_at: Option<Timestamp>,
    /// When CAST AI took it into its log, which may be much later. v1 does not say.
    pub ingested_at: Option<Timestamp>,
    /// What kind of thing was done.
    pub kind: Kind,
    /// How bad it is. v1 does not say.
    pub severity: Option<Severity>,
    /// A sentence for people.
    pub description: Option<String>,
    /// Who did it.
    pub initiator: Party,
    /// What it was done to.
    pub resource: Party,
    /// CAST AI's id of the cluster concerned.
    pub cluster_id: Option<String>,
    /// Its name, where the record carries it.
    pub cluster_name: Option<String>,
    /// Labels, which differ from kind to kind; may be nested.
    pub labels: Map<String, Value>,
    /// What the kind itself has to say: `event` of v1, the decoded `body` of v2.
    pub details: Option<Value>,
    /// What else the record holds, as received.
    pub rest: Map<String, Value>,
    /// What was not as expected; for people.
    pub notes: Vec<String>,
    /// The record exactly as received.
    pub raw: Bytes,
}

/// The words that say what kind of thing was done, as received but for blanks around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `nodeAdded`; `None` when the record does not say.
    V1(Option<String>),
    /// `autoscaler`, `node`, `added`.
    V2 {
        /// Whose business it is.
        domain: Option<String>,
        /// What sort of thing it was done to.
        resource: Option<String>,
        /// What was done.
        action: Option<String>,
    },
}

impl Default for Kind {
    fn default() -> Self {
        Self::V1(None)
    }
}

/// Somebody or something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    /// `user`, `internal`, `csp`; `node`, `cluster`, …
    pub kind: Option<String>,
    /// `internal|autoscaler`, a UUID, …
    pub id: Option<String>,
    /// As people know it.
    pub name: Option<String>,
    /// Where people can be written to.
    pub email: Option<String>,
}

impl Party {
    /// What to call it.
    pub fn label(&self) -> Option<&str> {
        self.name.as_deref().or(self.email.as_deref()).or(self.id.as_deref())
    }
}

/// A walk through the log, in the order of its version.
#[derive(Debug)]
pub enum Walk<'a> {
    /// Newest first.
    V1(Pages<'a, v1::Record>),
    /// Ascending.
    V2(Pages<'a, v2::Record>),
}

impl Walk<'_> {
    /// The next page, until there is none.
    ///
    /// # Errors
    /// As [`Pages::next`].
    pub async fn next(&mut self) -> Result<Option<Operations>, ApiError> {
        Ok(match self {
            Self::V1(pages) => pages.next().await?.map(Operations::of),
            Self::V2(pages) => pages.next().await?.map(Operations::of),
        })
    }
}

/// One page of operations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operations {
    /// What could be read, in the order received.
    pub read: Vec<Operation>,
    /// What could not.
    pub unreadable: Vec<Unreadable>,
    /// Whether no page follows.
    pub is_last: bool,
}

impl Operations {
    fn of<R: Into<Operation>>(page: Page<R>) -> Self {
        Self {
            is_last: page.next_cursor.is_none(),
            read: page.items.into_iter().map(Into::into).collect(),
            unreadable: page.unreadable,
        }
    }
}

impl CastAi {
    /// Walks through the records of a stretch of time.
    pub fn audit(&self, version: Version, query: &Query) -> Walk<'_> {
        match version {
            Version::V1 => Walk::V1(self.audit_v1(query)),
            Version::V2 => Walk::V2(self.audit_v2(query)),
        }
    }
}

/// How one version of the log words its records.
pub trait Wording {
    /// The key of the list of records.
    const ENVELOPE: &'static str;

    /// What a record says. Everything in it is looked for, nothing is insisted upon.
    fn operation(record: Map<String, Value>) -> Operation;
}

/// A record in the words of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<W> {
    operation: Operation,
    wording: PhantomData<W>,
}

/// A record is an object.
impl<'de, W: Wording> Deserialize<'de> for Record<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(record) => Ok(Self { operation: W::operation(record), wording: PhantomData }),
            other => {
                let found = crate::event::fields::type_of(&other);
                Err(de::Error::custom(format!("expected a record, which is an object, found {found}")))
            }
        }
    }
}

impl<W: Wording> Listed for Record<W> {
    const ENVELOPE: &'static str = W::ENVELOPE;

    fn keep(&mut self, raw: Bytes) {
        self.operation.raw = raw;
    }
}

impl<W> From<Record<W>> for Operation {
    fn from(record: Record<W>) -> Self {
        record.operation
    }
}

#[cfg(test)]
mod tests;
