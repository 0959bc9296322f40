//! Whatever an API server sends, nothing panics, and what becomes of it reads back from the store.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{events, nodes};
use crate::event::{Cluster, Event, Timestamp};

/// Scalars an API server sends, and some it never would.
fn scalar() -> impl Strategy<Value = Value> {
    let words = ["", "BackOff", "Warning", "spot-interruption", "true", "aws:///a/b", "gce://", "2026-10-05T09:10:00Z"];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ]
}

/// Objects with the keys we look for, holding what they should and what they should not.
fn object() -> impl Strategy<Value = Value> {
    let keys = [
        "metadata",
        "uid",
        "name",
        "namespace",
        "labels",
        "spec",
        "providerID",
        "taints",
        "key",
        "timeAdded",
        "reason",
        "message",
        "type",
        "count",
        "series",
        "involvedObject",
        "kind",
        "source",
        "component",
        "reportingComponent",
        "lastTimestamp",
        "eventTime",
        nodes::DRAINING,
        "provisioner.cast.ai/node-id",
        "apiVersion",
    ];
    scalar().prop_recursive(4, 60, 8, move |inner| {
        let key = proptest::sample::select(keys.to_vec()).prop_map(str::to_owned);
        let map = btree_map(key, inner.clone(), 0..8).prop_map(|map| Value::Object(Map::from_iter(map)));
        prop_oneof![3 => map, 1 => vec(inner, 0..4).prop_map(Value::from)]
    })
}

fn reads_back(event: &Event) {
    let record = serde_json::to_vec(event).unwrap();
    let read = Event::from_record(&record, event.body.clone()).unwrap();
    assert_eq!((&read.kind, &read.data, &read.id), (&event.kind, &event.data, &event.id));
}

proptest! {
    #[test]
    fn every_object_becomes_an_event_that_reads_back(object in object()) {
        reads_back(&events::read(&object, &Cluster::default(), Timestamp::EPOCH));
        let _ = events::last_told(&object);
        prop_assert!(!events::is_from_autoscaler(&object));
    }

    #[test]
    fn every_drained_node_becomes_an_event_that_reads_back(object in object(), reason in "spot-(interruption|prediction)") {
        let _ = nodes::read(&object, &Cluster::default(), Timestamp::EPOCH);
        let Value::Object(mut node) = object else { return Ok(()) };
        node.insert("metadata".to_owned(), json!({"labels": {nodes::DRAINING: reason}}));
        let event = nodes::read(&Value::Object(node), &Cluster::default(), Timestamp::EPOCH);
        reads_back(&event.unwrap());
    }
}
