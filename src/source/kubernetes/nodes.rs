//! Reads a Node that is being drained: a spot interruption, or nothing to tell.
//!
//! CAST AI labels a node with the reason why it drains it, and nothing else tells of an interruption while there is
//! still time, <https://docs.cast.ai/docs/autoscaler-reference-node-labels-and-taints>. Total and pure: `now` is given.
//! Knows no API server. Next: the inbox.

use bytes::Bytes;
use serde_json::Value;

use super::object;
use crate::event::fields::scalar_text;
use crate::event::{CastAIEvent, Cluster, Event, Timestamp};
use crate::names::{EventId, SourceName};

/// The label, and the key of the taint that comes with it.
pub const DRAINING: &str = "autoscaling.cast.ai/draining";

/// Its values that mean that the cloud provider takes the machine back, or is expected to. The others are
/// `rebalancing`, `spot-fallback` (an on-demand node makes room for a spot node) and `manual`.
const SPOT_REASONS: &[&str] = &["spot-interruption", "spot-prediction"];

/// CAST AI's own id of a node.
const NODE_ID: &str = "provisioner.cast.ai/node-id";

/// What a node is made of, by labels; the first of each list that is there counts. The second ones are what
/// Kubernetes called them before 1.17, <https://kubernetes.io/docs/reference/labels-annotations-taints/>.
const INSTANCE_TYPE: &[&str] = &["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];
const ZONE: &[&str] = &["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];

/// What labels say about how a node was bought, the first that fits. A fallback node may carry CAST AI's spot label
/// too.
const LIFECYCLES: &[(&str, &str, &str)] = &[
    ("scheduling.cast.ai/spot-fallback", "true", "fallback"),
    ("scheduling.cast.ai/spot", "true", "spot"),
    ("scheduling.cast.ai/on-demand", "true", "on-demand"),
    ("karpenter.sh/capacity-type", "spot", "spot"),
    ("karpenter.sh/capacity-type", "on-demand", "on-demand"),
    ("eks.amazonaws.com/capacityType", "spot", "spot"),
    ("eks.amazonaws.com/capacityType", "on_demand", "on-demand"),
    ("cloud.google.com/gke-spot", "true", "spot"),
    ("cloud.google.com/gke-preemptible", "true", "spot"),
    ("kubernetes.azure.com/scalesetpriority", "spot", "spot"),
];

/// Reads a node; `None` when it is not drained for a spot reason. One interruption is one event, whoever brings it:
/// the audit log names it by the same id of CAST AI's.
pub fn read(node: &Value, cluster: &Cluster, now: Timestamp) -> Option<Event> {
    let reason = label(node, DRAINING).filter(|reason| SPOT_REASONS.contains(&reason.as_str()))?;
    let mut notes = Vec::new();
    let machine = object::text(node, "/spec/providerID");
    let origin = machine.as_deref().map(Origin::of).unwrap_or_default();
    let any_of = |labels: &[&str]| labels.iter().find_map(|name| label(node, name));
    let data = object::particulars([
        ("nodeName", object::text(node, "/metadata/name")),
        ("instanceType", any_of(INSTANCE_TYPE)),
        // Nothing but a spot node is interrupted.
        ("lifecycle", Some(lifecycle(node).unwrap_or("spot").to_owned())),
        ("action", Some(reason)),
        ("zone", any_of(ZONE).or_else(|| origin.zone.clone())),
        ("nodeTemplate", label(node, "scheduling.cast.ai/node-template")),
        ("nodeId", label(node, NODE_ID)),
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

fn lifecycle(node: &Value) -> Option<&'static str> {
    let fits = |name: &str, value: &str| label(node, name).is_some_and(|own| own.eq_ignore_ascii_case(value));
    LIFECYCLES.iter().find(|(name, value, _)| fits(name, value)).map(|(_, _, lifecycle)| *lifecycle)
}

fn id(node: &Value, notes: &mut Vec<String>) -> EventId {
    let named = label(node, NODE_ID).or_else(|| object::text(node, "/metadata/uid")).unwrap_or_else(|| {
        notes.push("metadata.uid: missing; the name makes the id".to_owned());
        object::text(node, "/metadata/name").unwrap_or_default()
    });
    EventId::from_sender(None, &format!("spot_interrupted/{named}"))
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
