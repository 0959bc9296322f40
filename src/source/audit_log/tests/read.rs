//! What events come of records: ids, severities, particulars.

use bytes::Bytes;

use super::*;
use crate::castai_api::audit::Kind;
use crate::event::Severity;

const NOW: &str = "2026-10-05T09:10:30Z";
const NODE: &str = "77777777-0000-4000-8000-000000000001";

fn read(operation: &Operation) -> Vec<Event> {
    let types = Types::default();
    let context = Context { types: &types, organization: None, now: Timestamp::parse(NOW).unwrap() };
    events(operation, None, context)
}

fn one(operation: &Operation) -> Event {
    let [event] = <[Event; 1]>::try_from(read(operation)).unwrap();
    event
}

fn of(domain: &str, resource: &str, action: &str) -> Operation {
    let some = |word: &str| Some(word.to_owned());
    Operation {
        id: some("evt-1"),
        organization: some("org-1"),
        kind: Kind::V2 { domain: some(domain), resource: some(resource), action: some(action) },
        raw: Bytes::from_static(b"{\"eventId\":\"evt-1\"}"),
        ..Operation::default()
    }
}

fn about_the_node(action: &str) -> Operation {
    let resource = Party { kind: Some("node".into()), id: Some(NODE.into()), name: Some("ip-10".into()), email: None };
    Operation { resource, ..of("autoscaler", "node", action) }
}

#[test]
fn a_new_node_is_the_canonical_event_with_the_rest_of_the_record_beside() {
    let operation = Operation {
        occurred_at: Timestamp::parse("2026-10-05T09:10:00.5Z"),
        ingested_at: Timestamp::parse("2026-10-05T09:10:07Z"),
        description: Some("Node added".into()),
        initiator: Party { id: Some("internal|autoscaler".into()), ..Party::default() },
        cluster_id: Some("c-1".into()),
        rest: json!({"correlationId": "x"}).as_object().unwrap().clone(),
        ..about_the_node("added")
    };
    let event = one(&operation);
    assert_eq!((event.id.as_str(), event.type_name()), ("org-1/evt-1", "node.added"));
    let CastAIEvent::NodeAdded(node) = &event.kind else { panic!("{:?}", event.kind) };
    assert_eq!(node.name.as_deref(), Some("ip-10"));
    assert_eq!(event.late_by(), Some(std::time::Duration::from_millis(29_500)));
    let expected = json!({
        "auditType": "autoscaler.node.added",
        "description": "Node added",
        "initiator": {"id": "internal|autoscaler"},
        "resource": {"type": "node", "id": NODE, "name": "ip-10"},
        "ingestedAt": "2026-10-05T09:10:07Z",
        "ingestionLagSeconds": 6.5,
        "correlationId": "x",
        "nodeName": "ip-10",
        "nodeId": NODE,
    });
    assert_eq!(Value::Object(event.data.clone()), expected);
    assert_eq!(event.body, operation.raw);
    let record = serde_json::to_vec(&event).unwrap();
    assert_eq!(Event::from_record(&record, event.body.clone()).unwrap(), event, "it reads back from the store");
}

#[test]
fn a_type_nobody_knows_flows_under_its_own_name() {
    let operation = Operation { severity: Some(Severity::Error), ..of("kent", "Pool", "re-balanced") };
    let event = one(&operation);
    assert_eq!((event.type_name(), event.severity), ("audit.kent.pool.re-balanced", Severity::Error));
    assert_eq!(one(&Operation { severity: None, ..operation }).severity, Severity::Info);
    assert_eq!(
        one(&Operation { kind: Kind::V1(Some("nodeDrained".into())), ..Operation::default() }).type_name(),
        "audit.nodeDrained"
    );
}

#[test]
fn an_interruption_has_the_id_that_whoever_else_sees_it_gives_it() {
    let event = one(&about_the_node("interrupted"));
    assert_eq!((event.type_name(), event.id.as_str()), ("node.spot_interrupted", &*format!("spot_interrupted/{NODE}")));
    assert_eq!(event.data["lifecycle"], "spot");
    let nameless = one(&of("autoscaler", "node", "interrupted"));
    assert_eq!(nameless.id.as_str(), "org-1/evt-1", "without the id of the node it goes by its own");
}

#[test]
fn an_interruption_is_never_less_than_a_warning() {
    for (said, is) in [
        (Some(Severity::Info), Severity::Warning),
        (None, Severity::Warning),
        (Some(Severity::Critical), Severity::Critical),
    ] {
        assert_eq!(one(&Operation { severity: said, ..about_the_node("interrupted") }).severity, is);
    }
}

#[test]
fn a_record_about_several_nodes_is_an_event_for_each() {
    let details = Some(json!({"nodes": [{"id": "n-1", "name": "a"}, {"name": "b"}]}));
    let interrupted = Operation { details: details.clone(), ..of("autoscaler", "node", "interrupted") };
    let ids: Vec<_> = read(&interrupted).iter().map(|event| event.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["spot_interrupted/n-1", "org-1/evt-1/1"]);
    let removed = Operation { details, ..of("autoscaler", "node", "removed") };
    let ids: Vec<_> = read(&removed).iter().map(|event| event.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["org-1/evt-1/0", "org-1/evt-1/1"]);
}

#[test]
fn a_record_without_an_id_goes_by_its_content() {
    let raw = |text: &'static str| Operation { raw: Bytes::from_static(text.as_bytes()), ..Operation::default() };
    let id = |operation: &Operation| one(operation).id;
    assert!(id(&raw("{}")).as_str().starts_with("sha256:"));
    assert_eq!(id(&raw("{}")), id(&raw("{}")));
    assert_ne!(id(&raw("{}")), id(&raw("{ }")));
}

#[test]
fn the_configured_organisation_and_the_known_name_fill_in_what_the_record_lacks() {
    let types = Types::default();
    let context = Context { types: &types, organization: Some("org-2"), now: Timestamp::EPOCH };
    let known = Cluster { name: Some("prod-eu".into()), provider: Some("eks".into()), ..Cluster::default() };
    let operation = Operation { id: Some("evt-1".into()), cluster_id: Some("c-1".into()), ..Operation::default() };
    let [event] = <[Event; 1]>::try_from(events(&operation, Some(known), context)).unwrap();
    assert_eq!((event.id.as_str(), event.organization.as_deref()), ("org-2/evt-1", Some("org-2")));
    let cluster =
        Cluster { id: Some("c-1".into()), name: Some("prod-eu".into()), provider: Some("eks".into()), project: None };
    assert_eq!(event.cluster, cluster);
}
