//! Which drained nodes are interruptions, and what is known of them.

use serde_json::json;

use super::*;
use crate::source::node_labels::{INSTANCE_TYPE, LIFECYCLES, ZONE};

const NOW: Timestamp = Timestamp::EPOCH;

fn fixture() -> Value {
    let path = "tests/fixtures/kubernetes/built-node-spot-interruption.json";
    serde_json::from_slice(&std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap())
        .unwrap()
}

fn labelled(labels: Value) -> Value {
    let mut node = fixture();
    node["metadata"]["uid"] = json!("node-uid");
    node["metadata"]["labels"] = labels;
    node
}

fn read(node: &Value) -> Option<Event> {
    super::read(node, &Cluster { name: Some("prod-eu".into()), ..Cluster::default() }, NOW)
}

#[test]
fn an_interruption_is_told_with_all_that_is_known_of_the_node() {
    let event = read(&fixture()).unwrap();
    insta::assert_json_snapshot!(event);
    let CastAIEvent::NodeSpotInterrupted(node) = &event.kind else { panic!("{:?}", event.kind) };
    assert_eq!((node.zone.as_deref(), node.lifecycle.as_deref()), (Some("eu-central-1a"), Some("spot")));
    let record = serde_json::to_vec(&event).unwrap();
    assert_eq!(Event::from_record(&record, event.body.clone()).unwrap(), event);
}

#[test]
fn only_spot_reasons_are_interruptions() {
    for (reason, interrupted) in [
        (json!("spot-interruption"), true),
        (json!("spot-prediction"), true),
        (json!("rebalancing"), false),
        (json!("spot-fallback"), false),
        (json!("manual"), false),
        (json!("Spot-Interruption"), false),
        (json!(""), false),
        (json!({}), false),
    ] {
        assert_eq!(read(&labelled(json!({ DRAINING: reason }))).is_some(), interrupted, "{reason}");
    }
    assert_eq!(read(&json!({})), None);
}

#[test]
fn the_id_is_cast_ais_own_else_the_nodes_uid() {
    let id = |node: &Value| read(node).unwrap().id.to_string();
    assert_eq!(id(&fixture()), "spot_interrupted/77777777-0000-4000-8000-000000000001");
    assert_eq!(id(&labelled(json!({ DRAINING: "spot-interruption" }))), "spot_interrupted/node-uid");
}

#[test]
fn labels_of_every_cloud_are_understood() {
    for (label, value, lifecycle) in LIFECYCLES {
        let node = labelled(json!({ DRAINING: "spot-interruption", *label: value.to_uppercase() }));
        assert_eq!(read(&node).unwrap().data["lifecycle"], *lifecycle, "{label}");
    }
    for label in INSTANCE_TYPE {
        let node = labelled(json!({ DRAINING: "spot-interruption", *label: "m6a.xlarge" }));
        assert_eq!(read(&node).unwrap().data["instanceType"], "m6a.xlarge");
    }
    let fallback = json!({ DRAINING: "spot-prediction", "scheduling.cast.ai/spot": "true", "scheduling.cast.ai/spot-fallback": "true" });
    assert_eq!(read(&labelled(fallback)).unwrap().data["lifecycle"], "fallback");
}

#[test]
fn the_zone_label_goes_before_what_the_provider_id_says() {
    let node = labelled(json!({ DRAINING: "spot-interruption", ZONE[0]: "eu-central-1b" }));
    assert_eq!(read(&node).unwrap().data["zone"], "eu-central-1b");
}

#[test]
fn provider_ids_say_whose_machine_it_is() {
    let origin = |provider: &str, account: Option<&str>, zone: Option<&str>| Origin {
        provider: Some(provider.to_owned()),
        account: account.map(str::to_owned),
        zone: zone.map(str::to_owned),
    };
    for (provider_id, expected) in [
        ("aws:///eu-central-1a/i-0123456789abcdef0", origin("aws", None, Some("eu-central-1a"))),
        ("gce://my-project/us-east1-b/node-1", origin("gce", Some("my-project"), Some("us-east1-b"))),
        ("azure:///subscriptions/0000-1111/resourceGroups/rg/x/y", origin("azure", Some("0000-1111"), None)),
        ("kind://docker/kind/kind-control-plane", origin("kind", None, None)),
        ("aws://", origin("aws", None, None)),
        ("gce:////", origin("gce", None, None)),
        ("nothing", Origin::default()),
        ("", Origin::default()),
    ] {
        assert_eq!(Origin::of(provider_id), expected, "{provider_id}");
    }
}

#[test]
fn the_account_becomes_the_clusters_project() {
    let mut node = fixture();
    node["spec"]["providerID"] = json!("gce://my-project/us-east1-b/node-1");
    let cluster = read(&node).unwrap().cluster;
    assert_eq!((cluster.project.as_deref(), cluster.label()), (Some("my-project"), Some("prod-eu")));
}

#[test]
fn it_happened_when_the_taint_was_set_if_that_is_known() {
    let mut node = fixture();
    assert_eq!(read(&node).unwrap().occurred_at, None);
    node["spec"]["taints"][0]["timeAdded"] = json!("2026-10-05T09:10:00Z");
    assert_eq!(read(&node).unwrap().occurred_at, Timestamp::parse("2026-10-05T09:10:00Z"));
}
