//! Reads a Node that is being drained: a spot interruption, or nothing to tell.
//!
//! CAST AI labels a node with the reason why it drains it, and nothing else tells of an interruption while there is
//! still time, <https://docs.cast.ai/docs/autoscaler-reference-node-labels-and-taints>. Total and pure: `now` is given.
//! Knows no API server. Next: the inbox.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::object;
use crate::event::fields::scalar_text;
use crate::event::{CastAIEvent, Cluster, Event, Timestamp};
use crate::names::{EventId, SourceName};
use crate::source::node_labels;

/// The label, and the key of the taint that comes with it.
pub const DRAINING: &str = "autoscaling.cast.ai/draining";

/// Its values that mean that the cloud provider takes the machine back, or is expected to. The others are
/// `rebalancing`, `spot-fallback` (an on-demand node makes room for a spot node) and `manual`.
const SPOT_REASONS: &[&str] = &["spot-interruption", "spot-prediction"];

/// Reads a node; `None` when it is not drained for a spot reason. One interruption is one event, whoever brings it:
/// the audit log names it by the same id of CAST AI's.
pub fn read(node: &Value, cluster: &Cluster, now: Timestamp) -> Option<Event> {
    let reason = label(node, DRAINING).filter(|reason| SPOT_REASONS.contains(&reason.as_str()))?;
    let mut notes = Vec::new();
    let machine = object::text(node, "/spec/providerID");
    let origin = machine.as_deref().map(Origin::of).unwrap_or_default();
    let none = Map::new();
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object).unwrap_or(&none);
    let data = object::particulars([
        ("nodeName", object::text(node, "/metadata/name")),
        ("instanceType", node_labels::instance_type(labels)),
        // Nothing but a spot node is interrupted.
        ("lifecycle", Some(node_labels::lifecycle(labels).unwrap_or("spot").to_owned())),
        ("action", Some(reason)),
        ("zone", node_labels::zone(labels).or_else(|| origin.zone.clone())),
        ("nodeTemplate", label(node, "scheduling.cast.ai/node-template")),
        ("nodeId", node_labels::node_id(labels)),
        ("provider", origin.provider),
        ("providerId", machine),
    ]);
    let kind = CastAIEvent::read("node.spot_interrupted", &data, &mut notes);
    Some(Event {
        id: id(node, &mut notes),
        source: SourceName::kubernetes(),
        severity: kind.default_severity(),
        kind,
        organization: None,
        cluster: Cluster { project: cluster.project.clone().or(origin.account), ..cluster.clone() },
        category: None,
        labels: Default::default(),
        occurred_at: tainted_at(node),
        received_at: now,
        body: body(node),
        data,
        notes,
    })
}

fn label(node: &Value, name: &str) -> Option<String> {
    scalar_text(node.pointer("/metadata/labels")?.get(name)?)
}

fn id(node: &Value, notes: &mut Vec<String>) -> EventId {
    let named =
        label(node, node_labels::NODE_ID).or_else(|| object::text(node, "/metadata/uid")).unwrap_or_else(|| {
            notes.push("metadata.uid: missing; the name makes the id".to_owned());
            object::text(node, "/metadata/name").unwrap_or_default()
        });
    EventId::of_spot_interruption(&named)
}

/// When the taint was set, where the API server noted it.
fn tainted_at(node: &Value) -> Option<Timestamp> {
    let taints = node.pointer("/spec/taints")?.as_array()?;
    taints
        .iter()
        .filter(|taint| taint.get("key").is_some_and(|key| key == DRAINING))
        .find_map(|taint| object::time(taint, "/timeAdded"))
}

/// The node without its status, which changes from minute to minute.
fn body(node: &Value) -> Bytes {
    let mut node = object::essence(node, "Node", &["name", "uid", "labels", "creationTimestamp"]);
    node.retain(|key, _| key != "status");
    object::body(&node)
}

/// What a provider id says of a machine: `aws:///ZONE/INSTANCE`, `gce://PROJECT/ZONE/NAME`,
/// `azure:///subscriptions/ID/…`, <https://cloud-provider-aws.sigs.k8s.io/>.
#[derive(Debug, Default, PartialEq, Eq)]
struct Origin {
    provider: Option<String>,
    /// GCP project or Azure subscription; AWS does not say.
    account: Option<String>,
    zone: Option<String>,
}

impl Origin {
    fn of(provider_id: &str) -> Self {
        let Some((provider, rest)) = provider_id.split_once("://").filter(|(provider, _)| !provider.is_empty()) else {
            return Self::default();
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let part = |at: usize| parts.get(at).filter(|part| !part.is_empty()).map(|part| (*part).to_owned());
        let (account, zone) = match (provider, parts.as_slice()) {
            ("aws", ["", _, _, ..]) => (None, part(1)),
            ("gce", [_, _, _]) => (part(0), part(1)),
            ("azure", ["", "subscriptions", ..]) => (part(2), None),
            _ => (None, None),
        };
        Self { provider: Some(provider.to_owned()), account, zone }
    }
}

#[cfg(test)]
#[path = "tests/nodes.rs"]
mod tests;
