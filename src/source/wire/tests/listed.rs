//! A notification from CAST AI's list is the event that the webhook brings of it.

use proptest::prelude::*;

use super::*;
use crate::source::wire::Listed;

fn list() -> SourceName {
    SourceName::notifications()
}

fn read_item(item: &Value) -> Result<Listed, BodyProblem> {
    read_listed(&Bytes::from(item.to_string()), &list(), &Default::default(), now())
}

fn pages() -> Vec<Value> {
    let page = |name: &str| fixture(&format!("castai/notifications-api/built-list-page{name}.json"));
    let pages = ["1", "2"].map(|name| serde_json::from_slice::<Value>(&page(name)).unwrap());
    pages.into_iter().flat_map(|page| page["items"].as_array().unwrap().clone()).collect()
}

#[test]
fn every_recorded_item_is_read_whole() {
    for item in pages() {
        let read = read_item(&item).unwrap();
        assert_eq!(read.event.notes, [""; 0], "{item}");
        assert_eq!(read.event.kind.name(), item["name"].as_str());
        assert_eq!(read.written_at, read.event.occurred_at);
        assert_eq!(read.event.body, Bytes::from(item.to_string()));
    }
}

/// The pending pod is told by both, and so is the cluster controller.
#[test]
fn the_list_and_the_webhook_bring_the_same_event() {
    for (index, file) in [(1, "warning-pending-pod"), (2, "critical-cluster-controller")] {
        let listed = read_item(&pages()[index]).unwrap().event;
        let sent = read_bytes(&fixture(&format!("webhook/rendered/built-{file}.json"))).unwrap();
        for (key, value) in &sent.data {
            assert_eq!(listed.data.get(key), Some(value), "{key}");
        }
        // The template types the category in, the list may leave it open; the list's data may hold more.
        let (source, category, data, body) =
            (sent.source.clone(), sent.category.clone(), sent.data.clone(), sent.body.clone());
        assert_eq!(
            Event {
                source: listed.source.clone(),
                category: None,
                data: listed.data.clone(),
                body: listed.body.clone(),
                ..sent
            },
            listed
        );
        assert!(
            source != listed.source && category.is_some() && body != listed.body && data.len() <= listed.data.len()
        );
    }
}

#[test]
fn what_only_the_list_knows_reaches_its_place_or_the_data() {
    let item = json!({
        "id": "n1", "organizationId": "org", "severity": "ERROR", "name": "Runtime security anomaly",
        "details": "{\"anomaly_id\":\"a1\"}",
        "timestamp": "2026-11-20T08:00:00Z", "createdAt": "2026-11-20T08:05:00.123456789Z",
        "isExpired": true, "ackAt": "2026-11-20T09:00:00Z", "ackedBy": "user@example.com",
        "operationMetadata": {"id": "op1", "type": "Anomalies", "category": "Security"},
    });
    let Listed { event, bare_id, written_at } = read_item(&item).unwrap();
    assert_eq!((event.id.as_str(), bare_id.as_str()), ("org/n1", "n1"));
    assert_eq!(event.category.as_deref(), Some("Security"));
    assert_eq!((event.severity, event.occurred_at), (Severity::Error, Timestamp::parse("2026-11-20T08:00:00Z")));
    assert_eq!(written_at, Timestamp::parse("2026-11-20T08:05:00.123Z"));
    let expected = json!({
        "anomaly_id": "a1", "isExpired": true, "ackAt": "2026-11-20T09:00:00Z", "ackedBy": "user@example.com",
        "operationMetadata": {"id": "op1", "type": "Anomalies"}, "createdAt": "2026-11-20T08:05:00.123456789Z",
    });
    assert_eq!(Value::Object(event.data), expected);
}

#[test]
fn what_is_not_as_expected_costs_no_event_that_has_an_id() {
    let odd = json!({
        "id": 7, "severity": "FATAL", "timestamp": "yesterday", "createdAt": 5, "details": ["a"],
        "clusterMetadata": "prod-eu", "operationMetadata": null, "isExpired": "maybe",
    });
    let event = read_item(&odd).unwrap().event;
    assert_eq!((event.id.as_str(), event.severity), ("7", Severity::Warning));
    assert_eq!(event.cluster.label(), Some("prod-eu"));
    assert_eq!(event.data["value"], json!(["a"]));
    assert!(event.notes.iter().any(|note| note.contains("unknown severity `FATAL`")), "{:?}", event.notes);
    assert!(event.notes.iter().any(|note| note.contains("`yesterday` is not a time")), "{:?}", event.notes);

    let bare = read_item(&json!({"id": "n1", "severity": "UNSPECIFIED"})).unwrap().event;
    assert_eq!((bare.severity, bare.notes.len(), bare.data.len()), (Severity::Warning, 0, 0));
}

#[test]
fn what_is_no_object_or_has_no_id_is_refused() {
    for (item, why) in [
        (json!(null), "the body is null"),
        (json!([1]), "the body is a list"),
        (json!({}), "the item has no id"),
        (json!({"id": "", "name": "x"}), "the item has no id"),
    ] {
        let problem = read_item(&item).unwrap_err();
        assert!(problem.message.starts_with(why), "{item}: {}", problem.message);
    }
}

#[test]
fn when_it_was_written_down_is_castais_word_and_not_that_of_the_particulars() {
    let item = json!({
        "id": "n-1", "timestamp": "2026-11-20T08:00:00Z", "createdAt": "2026-11-20T08:05:00Z",
        "details": {"createdAt": "2030-01-01T00:00:00Z"},
    });
    assert_eq!(read_item(&item).unwrap().event.data["createdAt"], "2026-11-20T08:05:00Z");
}

proptest! {
    #[test]
    fn any_object_with_an_id_is_an_event(fields in properties::any_object(), id in "[a-z0-9-]{1,40}") {
        let mut item = fields;
        for word in ["notification_id", "notificationId", "NotificationID", "dedup_key", "organization_id",
            "organizationId", "OrganizationID", "organization", "org"] {
            item.remove(word);
        }
        item.insert("id".to_owned(), json!(id));
        let body = Bytes::from(Value::Object(item).to_string());
        let read = read_listed(&body, &list(), &Default::default(), now()).unwrap();
        prop_assert_eq!(read.event.id.as_str(), id.as_str());
        prop_assert_eq!(&read.event.body, &body);
        prop_assert!(read.event.notes.len() <= 21);
    }
}
