//! What an audit record tells of nodes.
//!
//! Where the particulars of a node stand is published for one kind of one version only (`event.node.labels` of
//! `nodeAdded`), so they are looked for in every place where they may be expected. Pure and total.

use serde_json::{Map, Value};

use crate::castai_api::audit::Operation;
use crate::event::fields::scalar_text;
use crate::source::node_labels;

/// One node, as far as a record tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// CAST AI's id.
    pub id: Option<String>,
    pub name: Option<String>,
    pub instance_type: Option<String>,
    pub lifecycle: Option<String>,
    /// Why it came or went.
    pub action: Option<String>,
    pub zone: Option<String>,
}

/// The most nodes one record is taken to speak of.
const MOST: usize = 500;

/// The nodes a record speaks of; at least one, which may be blank.
pub(super) fn nodes(operation: &Operation) -> Vec<Node> {
    let empty = Map::new();
    let details = operation.details.as_ref().and_then(Value::as_object).unwrap_or(&empty);
    let listed = details.get("nodes").and_then(Value::as_array).into_iter().flatten();
    let listed: Vec<&Map<String, Value>> = listed.filter_map(Value::as_object).take(MOST).collect();
    match listed.as_slice() {
        [] => {
            let node = details.get("node").and_then(Value::as_object).unwrap_or(&empty);
            vec![the_only(operation, node, details)]
        }
        [only] => vec![the_only(operation, only, details)],
        several => several.iter().map(|node| of_object(node, details)).collect(),
    }
}

/// The node that all of the record is about.
fn the_only(operation: &Operation, node: &Map<String, Value>, details: &Map<String, Value>) -> Node {
    let told = of_object(node, details);
    let beside = of_object(details, details);
    let labelled = of_object(&operation.labels, &operation.labels);
    let resource = &operation.resource;
    let is_node = resource.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("node"));
    let resource = |part: &Option<String>| part.clone().filter(|_| is_node);
    // An `id` in the record's own labels or details may be anything's.
    let id_of = |map| word(map, &["nodeId", "node_id"]).or_else(|| node_labels::node_id(map));
    Node {
        id: resource(&operation.resource.id).or(told.id).or(id_of(details)).or(id_of(&operation.labels)),
        name: resource(&operation.resource.name)
            .or(told.name)
            .or(word(details, &["nodeName", "node_name"]))
            .or(word(&operation.labels, &["nodeName", "node_name"])),
        instance_type: told.instance_type.or(beside.instance_type).or(labelled.instance_type),
        lifecycle: told.lifecycle.or(beside.lifecycle).or(labelled.lifecycle),
        action: told.action.or(labelled.action),
        zone: told.zone.or(beside.zone).or(labelled.zone),
    }
}

fn of_object(node: &Map<String, Value>, details: &Map<String, Value>) -> Node {
    let none = Map::new();
    let labels = node.get("labels").and_then(Value::as_object).unwrap_or(&none);
    // A record's own labels may be those of the node.
    let labels = if labels.is_empty() { node } else { labels };
    let bought = || node.get("isSpot").and_then(Value::as_bool).map(|spot| if spot { "spot" } else { "on-demand" });
    let lifecycle = || node_labels::lifecycle(labels).or_else(bought).map(str::to_owned);
    Node {
        id: word(node, &["nodeId", "node_id", "id"]).or_else(|| node_labels::node_id(labels)),
        name: word(node, &["nodeName", "node_name", "name"]),
        instance_type: word(node, &["instanceType", "instance_type"]).or_else(|| node_labels::instance_type(labels)),
        lifecycle: word(node, &["lifecycle"]).or_else(lifecycle),
        action: word(details, &["reason", "action"]),
        zone: word(node, &["zone", "availabilityZone"]).or_else(|| node_labels::zone(labels)),
    }
}

fn word(map: &Map<String, Value>, words: &[&str]) -> Option<String> {
    words.iter().find_map(|word| scalar_text(map.get(*word)?))
}

#[cfg(test)]
#[path = "tests/node.rs"]
mod tests;
