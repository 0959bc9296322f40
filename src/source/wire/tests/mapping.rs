//! Where the operator says the facts are, and the labels of a source.

use super::*;

fn mapped(fields: Value, body: Value) -> Event {
    let mapping = Mapping { fields: serde_json::from_value(fields).unwrap(), ..Mapping::default() };
    read_with(&[], body.to_string().as_bytes(), &mapping).unwrap()
}

#[test]
fn an_operator_may_say_where_the_facts_are() {
    let fields = json!({
        "id": "$.alert.uid", "type": "alert.kind", "severity": "$.alert['how bad']", "timestamp": "alert.times[0]",
        "cluster_id": "where.id", "cluster_name": "where.name", "organization": "where.org",
        "category": "alert.topic", "details": "alert.info",
    });
    let alert = json!({
        "uid": 7, "kind": "node.removed", "how bad": "ERROR", "times": [1_791_172_260], "topic": "Nodes",
        "info": {"nodeName": "n1"},
    });
    let body = json!({"id": "not this", "alert": alert, "where": {"id": "c-1", "name": "demo", "org": "o-1"}});
    let event = mapped(fields, body);
    assert_eq!((event.id.as_str(), event.type_name(), event.severity), ("o-1/7", "node.removed", Severity::Error));
    assert_eq!(event.cluster, Cluster { id: Some("c-1".into()), name: Some("demo".into()), ..Cluster::default() });
    assert_eq!(event.category.as_deref(), Some("Nodes"));
    assert_eq!(event.occurred_at, Timestamp::parse("2026-10-05T03:51:00Z"));
    assert_eq!((&event.data["nodeName"], &event.data["id"]), (&json!("n1"), &json!("not this")));
    assert_eq!(event.notes, Vec::<String>::new());
}

#[test]
fn a_mapped_name_and_severity_make_a_notification() {
    let event = mapped(
        json!({"name": "labels.alertname", "severity": "labels.level", "message": "labels.text"}),
        json!({
            "labels": {"alertname": "Pending pods", "level": "critical", "text": "Three of them"},
        }),
    );
    assert_eq!((event.kind.name(), event.kind.message()), (Some("Pending pods"), Some("Three of them")));
    assert_eq!(event.severity, Severity::Critical);
}

#[test]
fn a_mapping_that_leads_nowhere_is_noted_and_the_words_we_know_are_tried() {
    let event = mapped(json!({"id": "$.no.such"}), json!({"id": "e-1"}));
    assert_eq!(event.id.as_str(), "e-1");
    assert_eq!(event.notes, ["fields.id: there is nothing at `$.no.such`"]);
}

#[test]
fn a_mistake_in_the_mapping_says_what_is_allowed() {
    let read = serde_json::from_value::<BTreeMap<Fact, FieldPath>>;
    let unknown = read(json!({"cluster": "a"})).unwrap_err().to_string();
    assert!(unknown.contains("unknown variant `cluster`, expected one of `type`, `id`"), "{unknown}");
    let path = read(json!({"id": "$."})).unwrap_err().to_string();
    assert!(path.contains("`$.` is not a field path: a name is missing at column 3"), "{path}");
    let yaml = serde_saphyr::from_str::<BTreeMap<Fact, FieldPath>>("cluster_id: $.a\nseverity: b[0].c\n").unwrap();
    assert_eq!(yaml.into_keys().collect::<Vec<_>>(), [Fact::Severity, Fact::ClusterId]);
}

#[test]
fn labels_mark_every_event_and_stand_in_for_the_category() {
    let labels =
        BTreeMap::from([("category".to_owned(), "Security".to_owned()), ("team".to_owned(), "sec".to_owned())]);
    let mapping = Mapping { labels: labels.clone(), ..Mapping::default() };
    let silent = read_with(&[], b"{}", &mapping).unwrap();
    assert_eq!((silent.labels, silent.category.as_deref()), (labels, Some("Security")));
    let outspoken = read_with(&[], br#"{"category": "Inventory"}"#, &mapping).unwrap();
    assert_eq!(outspoken.category.as_deref(), Some("Inventory"));
}
