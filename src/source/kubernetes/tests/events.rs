//! What the fixtures read as, and that `type` is not believed.

use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::EPOCH;

fn fixture(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kubernetes").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn read(object: &Value) -> Event {
    super::read(object, &Cluster { name: Some("prod-eu".into()), ..Cluster::default() }, NOW)
}

fn with(pointer: &str, value: Value) -> Value {
    let mut object = fixture("built-castai-agent-backoff.json");
    *object.pointer_mut(pointer).unwrap() = value;
    object
}

#[test]
fn a_crash_loop_of_the_agent_reads_as_what_it_is() {
    let event = read(&fixture("built-castai-agent-backoff.json"));
    insta::assert_json_snapshot!(event);
    let CastAIEvent::Kubernetes(told) = &event.kind else { panic!("{:?}", event.kind) };
    assert_eq!((told.reason.as_deref(), told.count), (Some("BackOff"), Some(7)));
    assert_eq!((told.object_kind.as_deref(), told.object_namespace.as_deref()), (Some("Pod"), Some("castai-agent")));
    assert_eq!(event.kind.name(), Some("BackOff"));
    assert_eq!(event.cluster.label(), Some("prod-eu"));
}

#[test]
fn it_reads_back_from_the_store_as_it_was() {
    for name in ["built-castai-agent-backoff.json", "built-autoscaler-node-event-in-default-namespace.json"] {
        let event = read(&fixture(name));
        let record = serde_json::to_vec(&event).unwrap();
        assert_eq!(Event::from_record(&record, event.body.clone()).unwrap(), event);
    }
}

#[test]
fn a_bad_reason_is_bad_whatever_the_type_says() {
    let failed = fixture("built-autoscaler-pod-event.json");
    assert_eq!(object::text(&failed, "/type").as_deref(), Some("Normal"));
    assert_eq!(read(&failed).severity, Severity::Warning);
    assert_eq!(read(&fixture("built-castware-upgrade-failed.json")).severity, Severity::Error);
    assert_eq!(read(&fixture("built-autoscaler-node-event-in-default-namespace.json")).severity, Severity::Info);
}

#[test]
fn a_warning_raises_what_is_not_known_and_normal_lowers_nothing() {
    for (reason, stated, severity) in [
        ("Pulled", "Normal", Severity::Info),
        ("Mystery", "Warning", Severity::Warning),
        ("AddNodeFailed", "Normal", Severity::Warning),
        ("OOMKilling", "Normal", Severity::Error),
        ("Mystery", "warning?", Severity::Info),
    ] {
        assert_eq!(super::severity(reason, Some(stated)), severity, "{reason} {stated}");
    }
}

#[test]
fn counting_up_makes_a_new_event_and_a_new_resource_version_does_not() {
    let seven = fixture("built-castai-agent-backoff.json");
    assert_eq!(read(&seven).id.as_str(), "kubernetes/22222222-0000-4000-8000-000000000001/7");
    assert_ne!(read(&with("/count", json!(8))).id, read(&seven).id);
    let touched = read(&with("/metadata/resourceVersion", json!("101")));
    assert_eq!((touched.id, touched.body), (read(&seven).id, read(&seven).body));
}

#[test]
fn newer_reporters_count_in_a_series() {
    let mut object = with("/count", Value::Null);
    object["series"] = json!({"count": 12, "lastObservedTime": "2026-10-05T09:12:00.000000Z"});
    object["lastTimestamp"] = Value::Null;
    let event = read(&object);
    assert!(event.id.as_str().ends_with("/12"), "{}", event.id);
    assert_eq!(event.data["count"], 12);
    assert_eq!(event.occurred_at, Timestamp::parse("2026-10-05T09:12:00Z"));
}

#[test]
fn it_happened_when_it_was_last_seen_and_is_as_recent_as_its_latest_time() {
    let mut object = fixture("built-castai-agent-backoff.json");
    object["metadata"]["creationTimestamp"] = json!("2026-10-05T09:30:00Z");
    assert_eq!(read(&object).occurred_at, Timestamp::parse("2026-10-05T09:10:00Z"));
    assert_eq!(last_told(&object), Timestamp::parse("2026-10-05T09:30:00Z"));
}

#[test]
fn the_autoscaler_is_known_by_either_field() {
    let both = fixture("built-autoscaler-pod-event.json");
    let mut old = both.clone();
    old["reportingComponent"] = json!("");
    assert!(is_from_autoscaler(&both) && is_from_autoscaler(&old));
    assert_eq!(read(&old).data["reportingComponent"], AUTOSCALER);
    assert!(!is_from_autoscaler(&fixture("built-castai-agent-backoff.json")));
}

#[test]
fn an_odd_event_becomes_an_event_with_notes() {
    let odd =
        json!({"metadata": 5, "reason": ["x"], "count": "many", "involvedObject": "a pod", "lastTimestamp": "now"});
    let event = read(&odd);
    assert!(event.id.as_str().starts_with("sha256:"), "{}", event.id);
    assert_eq!(
        event.notes,
        [
            "metadata.uid: missing; the content makes the id",
            "data.reason: expected a string, got a list",
            "data.count: expected a whole number, got a string",
            "data.involvedObject: expected an object, got a string",
        ]
    );
}
