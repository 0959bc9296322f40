//! What is said of an audit record: CAST AI's own sentence, and who did it, which canonical kinds tell as well.
//!
//! Knows the names under which the particulars stand ([`keys`]); knows no API.

use serde_json::{Map, Value};

use super::particulars::particulars;
use super::telling::Story;
use super::{Fact, one_line};
use crate::event::Event;
use crate::event::audit::{Audit, initiator, keys};

/// Particulars of any audit record that are said in words of our own, or that only a machine asks for.
const SAID: [&str; 11] = [
    keys::AUDIT_TYPE,
    keys::DESCRIPTION,
    keys::INITIATOR,
    keys::RESOURCE,
    keys::INGESTED_AT,
    keys::INGESTION_LAG,
    "requestId",
    "correlationId",
    "correlatedEventCount",
    "sourceService",
    "sourceVersion",
];

/// Which particulars need no fact of their own; none where `data` is not of an audit record.
pub(super) fn said(data: &Map<String, Value>) -> &'static [&'static str] {
    if data.contains_key(keys::AUDIT_TYPE) { &SAID } else { &[] }
}

/// Who did it, where the audit log told.
pub(super) fn by(data: &Map<String, Value>) -> Option<Fact> {
    Fact::verbatim("By", &initiator(data)?)
}

pub(super) fn record(audit: &Audit, event: &Event) -> Story {
    let sentence = audit.description.as_deref().filter(|sentence| !one_line(sentence).is_empty());
    let title = sentence.map_or_else(|| format!("Audit log: {}", audit.name()), str::to_owned);
    let known =
        [("Resource", audit.resource.as_deref()), ("Action", Some(audit.name()).filter(|_| sentence.is_some()))];
    let known = known.into_iter().filter_map(|(label, value)| Fact::verbatim(label, value?));
    Story {
        title,
        text: None,
        facts: by(&event.data).into_iter().chain(known).chain(particulars(&event.data, &SAID)).collect(),
    }
}
