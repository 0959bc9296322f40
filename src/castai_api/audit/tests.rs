//! What is read out of records: of both versions, as published and as odd as they may come.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::castai_api::page::Listed;

fn v1(record: Value) -> Operation {
    v1::Record::into(serde_json::from_value(record).unwrap())
}

fn v2(record: Value) -> Operation {
    v2::Record::into(serde_json::from_value(record).unwrap())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn page<R: Listed + Into<Operation>>(text: &str) -> Operations {
    Operations::of(Page::<R>::read(text.as_bytes()).unwrap())
}

#[test]
fn a_record_of_v2_is_read_wholly() {
    let fixture = include_str!("../../../tests/fixtures/castai/audit-v2/built-node-added-and-policy-updated.json");
    let operations = page::<v2::Record>(fixture).read;
    let [added, updated, initiated] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!(added.id, some("11111111-0000-4000-8000-000000000001"));
    assert_eq!(added.organization, some("6f0c1c1e-7f0a-4b1f-9f5a-2f4f5f0e9a10"));
    assert_eq!(added.occurred_at, Timestamp::parse("2026-10-05T09:10:00.5Z"));
    assert_eq!(added.ingested_at, Timestamp::parse("2026-10-05T09:10:07Z"));
    let words = Kind::V2 { domain: some("autoscaler"), resource: some("node"), action: some("added") };
    assert_eq!((&added.kind, added.severity), (&words, Some(Severity::Info)));
    let autoscaler =
        Party { kind: some("internal"), id: some("internal|autoscaler"), name: some("autoscaler"), email: None };
    assert_eq!(added.initiator, autoscaler);
    assert_eq!(added.resource.label(), Some("ip-10-16-36-50.ec2.internal"));
    assert_eq!(added.cluster_id, some("9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21"));
    let rest: Vec<_> = added.rest.keys().collect();
    assert_eq!(
        rest,
        ["correlatedEventCount", "correlationId", "sourceService"],
        "what has no place of its own is kept"
    );
    assert!(added.raw.starts_with(b"{") && added.notes.is_empty());

    assert_eq!(updated.initiator.email, some("alice@example.com"));
    let change = json!({"changelog": [{"field": "Autoscaler.enabled", "oldValue": true, "newValue": false}]});
    assert_eq!(updated.details, Some(change), "the body is JSON in base64");
    assert_eq!(initiated.initiator.label(), Some("internal|autoscaler"));
}

#[test]
fn a_record_of_v1_is_read_wholly() {
    let fixture = include_str!("../../../tests/fixtures/castai/audit-v1/built-node-added.json");
    let operations = page::<v1::Record>(fixture).read;
    let [added] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!(added.id, some("824e7a47-b8e3-430e-8a7d-e9db83781e70"));
    assert_eq!(added.kind, Kind::V1(some("nodeAdded")));
    assert_eq!(added.occurred_at, Timestamp::parse("2026-10-05T09:10:00.5Z"));
    assert_eq!(added.initiator.label(), Some("autoscaler"));
    assert_eq!(added.resource.id, some("77777777-0000-4000-8000-000000000001"));
    assert_eq!(added.resource.name, some("ip-10-16-36-50.ec2.internal"));
    assert_eq!(added.cluster_id, some("9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21"));
    let nodes_labels = added.details.as_ref().unwrap().pointer("/node/labels").unwrap();
    assert_eq!(nodes_labels["beta.kubernetes.io/instance-type"], "m6a.xlarge");
}

#[test]
fn what_the_console_calls_it_describes_a_record_of_v1() {
    let operation = v1(json!({"id": "1", "operation": {"type": "nodeAdded", "text": "Node added"}}));
    assert_eq!((operation.kind, operation.description), (Kind::V1(some("nodeAdded")), some("Node added")));
}

#[test]
fn a_body_is_read_as_base64_of_json_as_json_in_a_text_as_json_and_as_a_mere_text() {
    let object = json!({"a": 1});
    for body in [json!("eyJhIjoxfQ=="), json!("{\"a\":1}"), json!({"a": 1})] {
        assert_eq!(v2(json!({"body": body})).details, Some(object.clone()), "{body}");
    }
    assert_eq!(v2(json!({"body": "drained by hand"})).details, Some(json!("drained by hand")));
    assert_eq!(v2(json!({"body": ""})).details, None);
}

#[test]
fn severities_are_opentelemetrys_numbers_or_words() {
    for (number, word, severity) in [
        (json!(9), json!("info"), Some(Severity::Info)),
        (json!(13), json!("warn"), Some(Severity::Warning)),
        (json!(17), json!("error"), Some(Severity::Error)),
        (json!(21), json!(null), Some(Severity::Critical)),
        (json!("17"), json!(null), Some(Severity::Error)),
        (json!(null), json!("WARN"), Some(Severity::Warning)),
        (json!(99), json!("fatal"), Some(Severity::Critical)),
        (json!("SEVERITY_NEW"), json!("dreadful"), None),
        (json!(0), json!(null), None),
    ] {
        let operation = v2(json!({"eventSeverity": number, "eventSeverityText": word}));
        assert_eq!(operation.severity, severity, "{number} {word}");
    }
    assert_eq!(v2(json!({"eventSeverityText": "dreadful"})).notes.len(), 1);
}

#[test]
fn a_cluster_that_is_the_resource_itself_is_the_cluster_concerned() {
    let operation = v2(json!({"resource": {"type": "cluster", "id": "c-1", "displayName": "prod"}}));
    assert_eq!((operation.cluster_id, operation.cluster_name), (some("c-1"), some("prod")));
}

#[test]
fn a_field_of_another_form_costs_nothing_but_itself() {
    let odd = json!({"eventId": 7, "actor": "alice", "labels": [1], "occurredAt": "soon", "eventAction": {"a": 1}});
    let operation = v2(odd);
    assert_eq!(operation.id, some("7"));
    let left: Vec<_> = operation.rest.keys().collect();
    assert_eq!(left, ["actor", "eventAction", "labels", "occurredAt"]);
    assert_eq!(operation.notes, ["`occurredAt` is not a time"]);
    assert_eq!(v2(json!({"occurredAt": "0001-01-01T00:00:00Z"})).occurred_at, None);
}

#[test]
fn only_what_is_no_object_is_unreadable_and_the_rest_of_the_page_is_read() {
    let operations = page::<v2::Record>(r#"{"events": [17, {"eventId": "a"}, null, {}], "nextCursor": "x"}"#);
    assert_eq!(operations.read.iter().map(|each| each.id.as_deref()).collect::<Vec<_>>(), [Some("a"), None]);
    assert_eq!(operations.unreadable.len(), 2);
    assert!(operations.unreadable[0].error.contains("found a number"), "{:?}", operations.unreadable);
}

#[test]
fn a_page_without_a_list_is_an_empty_page() {
    let empty = Operations { is_last: true, ..Operations::default() };
    assert_eq!(page::<v1::Record>("{}"), empty);
    assert_eq!(page::<v2::Record>(r#"{"events": null}"#), empty);
}

/// Any JSON, nested a little.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Words of both versions, so that odd values stand where sensible ones are looked for.
fn record() -> impl Strategy<Value = Value> {
    let words = [
        "id",
        "eventId",
        "eventType",
        "initiatedBy",
        "time",
        "event",
        "labels",
        "operation",
        "tenantId",
        "occurredAt",
        "ingestedAt",
        "eventDomain",
        "eventResource",
        "eventAction",
        "eventSeverity",
        "eventSeverityText",
        "description",
        "actor",
        "resource",
        "clusterId",
        "body",
        "somethingNew",
    ];
    prop::collection::btree_map(prop::sample::select(words.to_vec()), json_value(), 0..12)
        .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

proptest! {
    #[test]
    fn every_object_is_read_by_both_versions(record in record()) {
        v1(record.clone());
        v2(record);
    }
}
