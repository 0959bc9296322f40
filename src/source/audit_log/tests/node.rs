//! Where a record may say what about nodes.

use serde_json::json;

use super::*;
use crate::castai_api::audit::Party;

fn operation(details: Value) -> Operation {
    Operation { details: Some(details), ..Operation::default() }
}

fn only(operation: &Operation) -> Node {
    let [node] = <[Node; 1]>::try_from(nodes(operation)).unwrap();
    node
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_node_is_read_from_its_labels() {
    let labels = json!({
        "beta.kubernetes.io/instance-type": "m6a.xlarge",
        "provisioner.cast.ai/node-id": "n-1",
        "scheduling.cast.ai/spot": "true",
        "topology.kubernetes.io/zone": "eu-central-1a",
    });
    let expected = Node {
        id: some("n-1"),
        name: some("ip-10"),
        instance_type: some("m6a.xlarge"),
        lifecycle: some("spot"),
        action: None,
        zone: some("eu-central-1a"),
    };
    assert_eq!(only(&operation(json!({"node": {"name": "ip-10", "labels": labels}}))), expected);
}

#[test]
fn a_fallback_node_is_one_whatever_else_its_labels_say() {
    let labels = json!({"scheduling.cast.ai/spot": "true", "scheduling.cast.ai/spot-fallback": "true"});
    assert_eq!(only(&operation(json!({"node": {"labels": labels}}))).lifecycle, some("fallback"));
    assert_eq!(only(&operation(json!({"node": {"isSpot": false}}))).lifecycle, some("on-demand"));
    assert_eq!(only(&operation(json!({"node": {}}))).lifecycle, None);
}

#[test]
fn the_resource_names_the_node_when_it_is_one() {
    let party = |kind: &str| Party { kind: some(kind), id: some("r-1"), name: some("ip-10"), email: None };
    let of_kind = |kind| Operation { resource: party(kind), ..Operation::default() };
    assert_eq!(only(&of_kind("Node")), Node { id: some("r-1"), name: some("ip-10"), ..Node::default() });
    assert_eq!(only(&of_kind("cluster")), Node::default());
}

#[test]
fn what_stands_beside_the_node_counts_too() {
    let details =
        json!({"nodeName": "ip-10", "instanceType": "m6a.large", "reason": "empty", "id": "of-something-else"});
    let mut operation = operation(details);
    operation.labels = json!({"nodeId": "n-1", "id": "of-something-else"}).as_object().unwrap().clone();
    let node = only(&operation);
    assert_eq!((node.id, node.name), (some("n-1"), some("ip-10")));
    assert_eq!((node.instance_type, node.action), (some("m6a.large"), some("empty")));
}

#[test]
fn one_record_may_speak_of_several_nodes() {
    let listed =
        json!({"nodes": [{"id": "n-1", "name": "a"}, {"id": "n-2", "name": "b"}, "c"], "reason": "interrupted"});
    let names: Vec<_> = nodes(&operation(listed)).into_iter().map(|node| (node.id, node.name, node.action)).collect();
    assert_eq!(names, [(some("n-1"), some("a"), some("interrupted")), (some("n-2"), some("b"), some("interrupted"))]);
    assert_eq!(nodes(&operation(json!({"nodes": []}))).len(), 1);
    assert_eq!(nodes(&operation(json!({"nodes": vec![json!({}); 9999]}))).len(), MOST);
}
