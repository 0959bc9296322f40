//! Every form of body we have seen or expect, and what becomes of it.

mod bodies;
mod listed;
mod mapping;
mod properties;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::event::castai::Node;
use crate::event::{Cluster, Severity};
use crate::source::verify::{Unverified, Verifier};

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T10:00:00Z").unwrap()
}

fn source() -> SourceName {
    SourceName::parse("castai").unwrap()
}

fn read_with(headers: &[(&str, &str)], body: &[u8], mapping: &Mapping) -> Result<Event, BodyProblem> {
    let header =
        |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    let headers: HeaderMap = headers.iter().map(header).collect();
    let request = Unverified::new(headers, Bytes::copy_from_slice(body));
    let verified = request.verify(&Verifier::None, now()).unwrap();
    read(&verified, &source(), mapping, now())
}

fn read_bytes(body: &[u8]) -> Result<Event, BodyProblem> {
    read_with(&[], body, &Mapping::default())
}

fn read_json(body: Value) -> Event {
    read_bytes(body.to_string().as_bytes()).unwrap()
}

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A notification with `field` in place of the one of that name.
fn notification_with(field: &str, value: Value) -> Event {
    let mut body = json!({"notification_id": "n-1", "severity": "ERROR", "name": "Operation failed"});
    body[field] = value;
    read_json(body)
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

macro_rules! fixtures_read_as_recorded {
    ($($name:ident: $path:literal,)*) => {$(
        #[test]
        fn $name() {
            let event = read_bytes(&fixture($path)).unwrap();
            insta::assert_json_snapshot!(stringify!($name), event);
            let record = serde_json::to_vec(&event).unwrap();
            assert_eq!(Event::from_record(&record, event.body.clone()).unwrap(), event);
        }
    )*};
}

fixtures_read_as_recorded! {
    brief_node_added: "brief/node.added.json",
    brief_node_removed: "brief/node.removed.json",
    brief_node_spot_interrupted: "brief/node.spot_interrupted.json",
    brief_savings_threshold: "brief/savings.threshold.json",
    brief_without_id: "brief/without-id.json",
    notification_agent_unreachable: "webhook/rendered/built-critical-agent-unreachable.json",
    notification_cluster_controller: "webhook/rendered/built-critical-cluster-controller.json",
    notification_without_cluster: "webhook/rendered/built-info-no-cluster-null.json",
    notification_security_anomaly: "webhook/rendered/built-security-anomaly.json",
    notification_cluster_reconciled: "webhook/rendered/built-success-reconciled.json",
    notification_cost_anomaly: "webhook/rendered/built-warning-cost-anomaly.json",
    notification_oom_loop: "webhook/rendered/built-warning-oom-loop.json",
    notification_pending_pod: "webhook/rendered/built-warning-pending-pod.json",
}

#[test]
fn every_fixture_is_read_by_a_test() {
    let listed = include_str!("tests.rs");
    for folder in ["brief", "webhook/rendered"] {
        let entries = std::fs::read_dir(format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for entry in entries {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let tested = listed.contains(&format!("{folder}/{name}\"")) || name.contains("BROKEN");
            assert!(tested, "{folder}/{name} is read by no test");
        }
    }
}

#[test]
fn the_templates_of_pagerduty_and_slack_as_cast_ai_publishes_them_are_notifications() {
    // <https://docs.cast.ai/docs/setup-notification-webhook>, without the trailing comma.
    let pagerduty = read_json(json!({
        "payload": {
            "summary": "A pod cannot be scheduled",
            "timestamp": "2026-10-05T03:46:00Z",
            "severity": "critical",
            "source": "CAST AI",
            "component": "demo-eks-123456789012",
            "group": "Pending pod detected",
            "class": "kubernetes",
            "custom_details": {"details": "{}"},
        },
        "routing_key": "0123456789abcdef0123456789abcdef",
        "dedup_key": "0b6c5d61-5a0e-4d0e-8f3c-6d1f2a7b9c03",
        "event_action": "trigger",
        "client": "CAST AI",
        "client_url": "https://console.example/external-clusters/c-1?org=o-1",
    }));
    insta::assert_json_snapshot!("template_for_pagerduty", pagerduty);

    let slack = read_json(json!({
        "text": "CAST AI - Pending pod detected",
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "demo<br> A pod cannot be scheduled"}}],
    }));
    insta::assert_json_snapshot!("template_for_slack", slack);
}

#[test]
fn a_shape_is_told_by_the_fields_it_carries() {
    for (body, event_type) in [
        (json!({"eventType": "node.added"}), "node.added"),
        (json!({"event_type": " cluster.hibernated "}), "cluster.hibernated"),
        (json!({"eventType": "node.added", "notification_id": "n"}), "node.added"),
        (json!({"eventType": "castai.notification", "name": "x"}), "castai.notification"),
        (json!({"eventType": "", "event_type": "node.added"}), "node.added"),
        (json!({"eventType": "<no value>"}), "unrecognized"),
        (json!({"eventType": 5}), "unrecognized"),
        (json!({"schema": "castai-relay/1"}), "castai.notification"),
        (json!({"schema": "castai-relay/2"}), "unrecognized"),
        (json!({"NotificationID": "n"}), "castai.notification"),
        (json!({"notificationId": 7}), "castai.notification"),
        (json!({"dedup_key": "n"}), "castai.notification"),
        (json!({"id": "n"}), "unrecognized"),
        (json!({"name": "x", "severity": "info"}), "castai.notification"),
        (json!({"title": "x", "Severity": "P1"}), "castai.notification"),
        (json!({"description": "x", "severity": "info"}), "castai.notification"),
        (json!({"name": "x"}), "unrecognized"),
        (json!({"severity": "info"}), "unrecognized"),
        (json!({"payload": {"summary": "x"}}), "castai.notification"),
        (json!({"payload": {}}), "unrecognized"),
        (json!({"text": "x"}), "castai.notification"),
        (json!({"text": "x", "attachments": []}), "castai.notification"),
        (json!({"text": "x", "language": "en"}), "unrecognized"),
        (json!({"type": "alert", "foo": 1}), "unrecognized"),
        (json!({}), "unrecognized"),
    ] {
        assert_eq!(read_json(body.clone()).type_name(), event_type, "{body}");
    }
}

#[test]
fn a_fact_is_found_under_every_word_for_it() {
    for word in ["notification_id", "notificationId", "NotificationID", "dedup_key", "id", "eventId", "event_id"] {
        assert_eq!(read_json(json!({word: "e-1", "x": 1})).id.as_str(), "e-1", "{word}");
        assert_eq!(read_json(json!({word: 17, "x": 1})).id.as_str(), "17", "{word}");
    }
    for word in ["organization_id", "organizationId", "OrganizationID", "organization", "org"] {
        assert_eq!(notification_with(word, json!("o-1")).id.as_str(), "o-1/n-1", "{word}");
    }
    for word in ["Name", "title"] {
        let event = read_json(json!({word: "Operation failed", "severity": "error"}));
        assert_eq!(event.kind.name(), Some("Operation failed"), "{word}");
    }
    for word in ["message", "Message", "description", "text"] {
        assert_eq!(notification_with(word, json!("It failed")).kind.message(), Some("It failed"), "{word}");
    }
    for word in ["timestamp", "Timestamp", "time", "created_at", "createdAt"] {
        let event = notification_with(word, json!("2026-10-05T03:41:10Z"));
        assert_eq!(event.occurred_at, Timestamp::parse("2026-10-05T03:41:10Z"), "{word}");
        assert!(event.data.is_empty(), "{word}");
    }
    for word in ["category", "Category"] {
        assert_eq!(notification_with(word, json!("Security")).category.as_deref(), Some("Security"), "{word}");
    }
}

#[test]
fn nothing_is_said_in_many_ways() {
    for absent in [json!(null), json!(""), json!("  "), json!("<no value>")] {
        let event = read_json(json!({
            "notification_id": absent, "id": "e-1", "severity": absent, "name": absent, "title": "Operation failed",
            "message": absent, "timestamp": absent, "cluster": absent, "organization_id": absent,
            "category": absent, "details": absent, "schema": "castai-relay/1",
        }));
        assert_eq!(event.id.as_str(), "e-1");
        assert_eq!(event.kind.name(), Some("Operation failed"));
        assert_eq!((event.severity, event.occurred_at), (Severity::Warning, None));
        assert_eq!((event.organization, event.category, event.cluster), (None, None, Cluster::default()));
        assert_eq!((event.data, event.notes), (Map::new(), vec![]), "{absent}");
    }
}

#[test]
fn particulars_come_in_every_form_and_stay_reachable() {
    for word in ["details", "Details", "data"] {
        for (given, data, noted) in [
            (json!({"pod": "web"}), json!({"pod": "web"}), false),
            (json!(r#"{"pod": "web"}"#), json!({"pod": "web"}), false),
            (json!("{}"), json!({}), false),
            (json!({}), json!({}), false),
            (json!(""), json!({}), false),
            (json!("disk is full"), json!({"value": "disk is full"}), true),
            (json!("{not json}"), json!({"value": "{not json}"}), true),
            (json!([1, 2]), json!({"value": [1, 2]}), true),
            (json!("[1, 2]"), json!({"value": [1, 2]}), true),
            (json!(7), json!({"value": 7}), true),
        ] {
            let event = notification_with(word, given.clone());
            assert_eq!(event.data, object(data), "{word}: {given}");
            assert_eq!(!event.notes.is_empty(), noted, "{word}: {given}: {:?}", event.notes);
        }
    }
}

#[test]
fn a_typed_event_without_particulars_takes_the_fields_beside_them() {
    let event = read_json(json!({"eventType": "node.added", "nodeName": "n1", "lifecycle": "spot", "name": "kept"}));
    let node = Node { name: Some("n1".into()), lifecycle: Some("spot".into()), ..Node::default() };
    assert_eq!(event.kind, CastAIEvent::NodeAdded(node));
    assert_eq!(event.data["name"], "kept");
    assert_eq!(event.notes, ["data: missing"]);
}

#[test]
fn a_cluster_comes_in_every_form() {
    let uuid = "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21";
    let full = Cluster {
        id: Some(uuid.into()),
        name: Some("demo".into()),
        provider: Some("eks".into()),
        project: Some("123".into()),
    };
    for form in [
        json!({"ID": uuid, "Name": "demo", "ProviderType": "eks", "ProjectNamespaceID": "123", "ProjectName": "123"}),
        json!({"id": uuid, "name": "demo", "provider_type": "eks", "project_name": "123"}),
        json!({"Id": uuid, "name": "demo", "providerType": "eks", "projectName": 123}),
        json!({"id": uuid, "name": "demo", "providerType": "eks", "project": "123"}),
        json!(format!(r#"{{"id": "{uuid}", "name": "demo", "provider": "eks", "project": "123"}}"#)),
    ] {
        for word in ["cluster", "Cluster", "clusterMetadata"] {
            let event = notification_with(word, form.clone());
            assert_eq!((&event.cluster, &event.data), (&full, &Map::new()), "{word}: {form}");
        }
    }
    let name_only = Cluster { name: Some("demo".into()), ..Cluster::default() };
    let id_only = Cluster { id: Some(uuid.into()), ..Cluster::default() };
    assert_eq!(notification_with("cluster", json!("demo")).cluster, name_only);
    assert_eq!(notification_with("cluster", json!(uuid)).cluster, id_only);
    assert_eq!(notification_with("clusterName", json!("demo")).cluster, name_only);
    assert_eq!(notification_with("cluster_id", json!(uuid)).cluster, id_only);
    for none in [json!(null), json!(""), json!({}), json!({"id": "", "name": "<no value>"})] {
        let event = notification_with("cluster", none);
        assert_eq!((event.cluster, event.data), (Cluster::default(), Map::new()));
    }
}

#[test]
fn what_a_cluster_says_beyond_our_words_stays_reachable() {
    let event = notification_with("cluster", json!({"name": "demo", "region": "eu-central-1"}));
    assert_eq!(event.cluster.name.as_deref(), Some("demo"));
    assert_eq!(event.data["cluster"]["region"], "eu-central-1");

    let event = notification_with("cluster", json!({"id": "c-1", "name": ["demo"]}));
    assert_eq!(event.cluster, Cluster { id: Some("c-1".into()), ..Cluster::default() });
    assert_eq!(event.data["cluster"]["name"], json!(["demo"]));

    let event = read_json(json!({"notification_id": "n", "cluster": {"name": "inner"}, "clusterName": "flat"}));
    assert_eq!(event.cluster.name.as_deref(), Some("flat"));
    assert_eq!(event.data["cluster"]["name"], "inner");

    let event = notification_with("cluster", json!([1]));
    assert_eq!(event.data["cluster"], json!([1]));
    assert_eq!(event.notes, ["cluster: expected an object or a string, got a list"]);
}

#[test]
fn a_severity_is_read_in_any_case_and_an_unknown_one_is_kept_and_noted() {
    for (given, severity) in
        [("CRITICAL", Severity::Critical), ("Success", Severity::Success), ("info", Severity::Info)]
    {
        assert_eq!(notification_with("severity", json!(given)).severity, severity);
    }
    let none = notification_with("severity", json!("UNSPECIFIED"));
    assert_eq!((none.severity, none.notes.len(), none.data.len()), (Severity::Warning, 0, 0));

    let unknown = notification_with("severity", json!("P1"));
    assert_eq!((unknown.severity, &unknown.data["severity"]), (Severity::Warning, &json!("P1")));
    assert!(unknown.notes[0].starts_with("unknown severity `P1`; allowed: info"), "{:?}", unknown.notes);

    let added = read_json(json!({"eventType": "node.added", "severity": "error", "data": {}}));
    assert_eq!(added.severity, Severity::Error);
}

#[test]
fn a_time_may_be_text_or_a_number_and_one_that_is_neither_is_kept_and_noted() {
    let expected = Timestamp::parse("2026-10-05T03:51:00Z");
    for form in [
        json!("2026-10-05T03:51:00Z"),
        json!("2026-10-05 03:51:00 +0000 UTC"),
        json!(1_791_172_260),
        json!(1_791_172_260_000_u64),
        json!("1791172260"),
    ] {
        assert_eq!(notification_with("timestamp", form.clone()).occurred_at, expected, "{form}");
    }
    let never_set = notification_with("timestamp", json!("0001-01-01T00:00:00Z"));
    assert_eq!((never_set.occurred_at, never_set.notes.len()), (None, 0));

    let unreadable = notification_with("timestamp", json!("yesterday"));
    assert_eq!((unreadable.occurred_at, &unreadable.data["timestamp"]), (None, &json!("yesterday")));
    assert_eq!(unreadable.notes, ["`yesterday` is not a time; the event has none"]);
}

#[test]
fn an_id_comes_from_the_body_then_from_a_header_then_from_the_content() {
    let id = |headers: &[(&str, &str)], body: Value| {
        read_with(headers, body.to_string().as_bytes(), &Mapping::default()).unwrap().id.to_string()
    };
    let headers = [("idempotency-key", "\"key-1\""), ("webhook-id", "msg_1")];
    assert_eq!(id(&headers, json!({"id": "e-1", "org": "o-1"})), "o-1/e-1");
    assert_eq!(id(&headers, json!({"org": "o-1"})), "o-1/msg_1");
    assert_eq!(id(&headers[..1], json!({"org": "o-1"})), "o-1/key-1");
    assert_eq!(id(&[("webhook-id", " ")], json!({"org": "o-1"})), id(&[], json!({"org": "o-1"})));
    assert!(id(&[], json!({"org": "o-1"})).starts_with("sha256:"));
    assert_ne!(id(&[], json!({"org": "o-1"})), id(&[], json!({"org": "o-2"})));
}

#[test]
fn the_content_id_depends_neither_on_the_order_of_keys_nor_on_spaces() {
    let one = read_bytes(br#"{"b": {"y": 1, "x": [2]}, "time": "2026-10-05T03:51:00Z"}"#).unwrap();
    let two = read_bytes(b"{\"time\":\"2026-10-05T03:51:00Z\",\n\"b\":{\"x\":[2],\"y\":1}}").unwrap();
    assert_eq!(one.id, two.id);
    assert_eq!(one.id, EventId::from_content(br#"{"b":{"x":[2],"y":1},"time":"2026-10-05T03:51:00Z"}"#));
}

#[test]
fn the_same_content_without_a_time_is_news_again_on_another_day() {
    let verified = || Unverified::new(HeaderMap::new(), Bytes::from_static(br#"{"text":"a pod is pending"}"#));
    let at = |now: &str| {
        let now = Timestamp::parse(now).unwrap();
        let verified = verified().verify(&Verifier::None, now).unwrap();
        read(&verified, &SourceName::parse("castai").unwrap(), &Mapping::default(), now).unwrap().id
    };
    assert_eq!(at("2026-10-05T00:00:00Z"), at("2026-10-05T23:59:59Z"));
    assert_ne!(at("2026-10-05T23:59:59Z"), at("2026-10-06T00:00:00Z"));
}

#[test]
fn a_body_that_is_odd_everywhere_gives_a_bounded_number_of_notes() {
    let many: Map<String, Value> = (0..500).map(|n| (format!("field-{n}"), json!(n))).collect();
    let mut body = many.clone();
    body.extend(object(json!({"eventType": "node.added", "data": many})));
    let notes = read_json(Value::Object(body)).notes;
    assert_eq!((notes.len(), notes.last().unwrap().as_str()), (21, "and 480 more"));
}

#[test]
fn a_field_beside_the_particulars_joins_them_and_an_inner_one_wins() {
    let event = read_json(json!({
        "notification_id": "n-1", "team": "blue", "pod": "outer", "details": {"pod": "inner"}, "severity": {"odd": 1},
    }));
    assert_eq!(event.data, object(json!({"team": "blue", "pod": "inner", "severity": {"odd": 1}})));
    assert_eq!(
        event.notes,
        [
            "severity: expected a string, got an object",
            "`pod` stands beside and inside the particulars; `data` has the inner one",
        ]
    );
}

#[test]
fn the_body_is_kept_to_the_byte() {
    let body = b"\xEF\xBB\xBF { \"eventType\" : \"node.added\" }\r\n";
    assert_eq!(&read_bytes(body).unwrap().body[..], body);
}
