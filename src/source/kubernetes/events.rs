//! Reads one of Kubernetes' own Events (core/v1) into an [`Event`] of ours.
//!
//! Total: an odd object becomes an event with notes. Pure: `now` is given. The Event's `type` is a hint and no more:
//! CAST AI's cluster-controller writes `Normal` on everything after the first Event for a namespace,
//! <https://github.com/castai/cluster-controller>. Knows no API server. Next: the inbox.

use serde_json::Value;

use super::object;
use crate::event::fields::is_absent;
use crate::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use crate::names::{EventId, SourceName};

/// Who reports what CAST AI's autoscaler does, in whatever namespace the object is.
pub const AUTOSCALER: &str = "autoscaler.cast.ai";

/// What these reasons mean, whatever the Event's `type` says. Kubernetes' own are named in
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/events/event.go>, those of CAST AI's operator in
/// <https://github.com/castai/castware-operator>.
const REASONS: &[(&str, Severity)] = &[
    ("BackOff", Severity::Warning),
    ("Evicted", Severity::Warning),
    ("FailedMount", Severity::Warning),
    ("FailedScheduling", Severity::Warning),
    ("Unhealthy", Severity::Warning),
    ("FailedCreate", Severity::Error),
    ("InstallFailed", Severity::Error),
    ("OOMKilling", Severity::Error),
    ("RollbackFailed", Severity::Error),
    ("SystemOOM", Severity::Error),
    ("UpgradeFailed", Severity::Error),
];

/// Parts of a reason that say of one not named above that something went wrong.
const BAD_WORDS: &[&str] = &["Error", "Failed", "OOM"];

/// What of the metadata tells one Event from another.
const KEPT_METADATA: &[&str] = &["name", "namespace", "uid", "creationTimestamp"];

/// Where the times of an Event stand: the first that is there says when it happened.
const TIMES: [&str; 4] = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime", "/metadata/creationTimestamp"];

/// Reads an Event. One that was counted up is a new event; one that comes again is not.
pub fn read(object: &Value, cluster: &Cluster, now: Timestamp) -> Event {
    let mut notes = Vec::new();
    let mut data = object::essence(object, "Event", KEPT_METADATA);
    let body = object::body(&data);
    let count = count(object);
    let id = id(object, count.unwrap_or(1), &body, &mut notes);
    data.retain(|key, value| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata") && !is_absent(value));
    // Said in one place, wherever the Event says it. An odd count stays, to be noted.
    data.extend(count.map(|count| ("count".to_owned(), count.into())));
    data.extend(component(object).map(|component| ("reportingComponent".to_owned(), component.into())));
    let kind = CastAIEvent::read(CastAIEvent::KUBERNETES, &data, &mut notes);
    let stated_type = object::text(object, "/type");
    Event {
        id,
        source: SourceName::kubernetes(),
        severity: severity(kind.name().unwrap_or_default(), stated_type.as_deref()),
        kind,
        organization: None,
        cluster: cluster.clone(),
        category: None,
        labels: Default::default(),
        occurred_at: TIMES.iter().find_map(|pointer| object::time(object, pointer)),
        received_at: now,
        data,
        notes,
        body,
    }
}

/// The latest time the Event carries: when it was written or counted up last.
pub fn last_told(object: &Value) -> Option<Timestamp> {
    TIMES.iter().filter_map(|pointer| object::time(object, pointer)).max()
}

/// Whether CAST AI's autoscaler reports it. API servers can select by `reportingComponent` only; older reporters fill
/// in `source.component` alone.
pub fn is_from_autoscaler(object: &Value) -> bool {
    component(object).is_some_and(|component| component == AUTOSCALER)
}

/// Who reports it.
fn component(object: &Value) -> Option<String> {
    ["/reportingComponent", "/source/component"].iter().find_map(|pointer| object::text(object, pointer))
}

/// How often it has happened. Newer reporters count in `series` and leave `count` alone.
fn count(object: &Value) -> Option<u64> {
    ["/count", "/series/count"].iter().filter_map(|pointer| object.pointer(pointer)?.as_u64()).max()
}

fn id(object: &Value, count: u64, body: &[u8], notes: &mut Vec<String>) -> EventId {
    if let Some(uid) = object::text(object, "/metadata/uid") {
        return EventId::from_sender(None, &format!("kubernetes/{uid}/{count}"));
    }
    notes.push("metadata.uid: missing; the content makes the id".to_owned());
    EventId::from_content(body)
}

/// `Warning` raises and `Normal` says nothing.
fn severity(reason: &str, stated_type: Option<&str>) -> Severity {
    let named = REASONS.iter().find(|(known, _)| *known == reason).map(|(_, severity)| *severity);
    let suspicious = BAD_WORDS.iter().any(|word| reason.contains(word)) || stated_type == Some("Warning");
    let by_hint = if suspicious { Severity::Warning } else { Severity::Info };
    named.unwrap_or(by_hint)
}

#[cfg(test)]
#[path = "tests/events.rs"]
mod tests;
