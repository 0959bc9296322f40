//! What the labels of a Kubernetes node say of it: instance type, zone, how it was bought, CAST AI's id.
//!
//! Pure. Used by whoever hears of nodes; knows none of them.

use serde_json::{Map, Value};

use crate::event::fields::scalar_text;

/// CAST AI's own id of a node.
pub const NODE_ID: &str = "provisioner.cast.ai/node-id";

/// The second ones are what Kubernetes called them before 1.17,
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/>.
pub(super) const INSTANCE_TYPE: [&str; 2] = ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];
pub(super) const ZONE: [&str; 2] = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];

/// What labels say about how a node was bought, the first that fits. A fallback node may carry CAST AI's spot label
/// too, <https://docs.cast.ai/docs/autoscaler-reference-node-labels-and-taints>.
pub(super) const LIFECYCLES: [(&str, &str, &str); 10] = [
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

/// CAST AI's id.
pub fn node_id(labels: &Map<String, Value>) -> Option<String> {
    first(labels, &[NODE_ID])
}

/// The cloud provider's instance type.
pub fn instance_type(labels: &Map<String, Value>) -> Option<String> {
    first(labels, &INSTANCE_TYPE)
}

/// The cloud provider's zone.
pub fn zone(labels: &Map<String, Value>) -> Option<String> {
    first(labels, &ZONE)
}

/// `spot`, `fallback` or `on-demand`.
pub fn lifecycle(labels: &Map<String, Value>) -> Option<&'static str> {
    let says = |name: &str, value: &str| first(labels, &[name]).is_some_and(|own| own.eq_ignore_ascii_case(value));
    LIFECYCLES.iter().find(|(name, value, _)| says(name, value)).map(|(_, _, lifecycle)| *lifecycle)
}

fn first(labels: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| scalar_text(labels.get(*name)?))
}
