//! What holds for every body, not only for those we thought of.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::facts::Fact;
use super::*;
use crate::event::fields::{is_absent, scalar_text};

/// Words that mean something to the reader, and some that do not.
const KEYS: &[&str] = &[
    "eventType",
    "event_type",
    "schema",
    "id",
    "notification_id",
    "dedup_key",
    "org",
    "severity",
    "name",
    "title",
    "message",
    "text",
    "blocks",
    "timestamp",
    "category",
    "clusterId",
    "clusterName",
    "cluster",
    "data",
    "details",
    "payload",
    "summary",
    "group",
    "custom_details",
    "nodeName",
    "savingsImpact",
    "value",
    "other",
    "",
];

const TEXTS: &[&str] = &[
    "",
    "<no value>",
    "node.added",
    "savings.threshold",
    "castai-relay/1",
    "castai.notification",
    "CRITICAL",
    "UNSPECIFIED",
    "2026-10-05T03:41:10Z",
    "{\"pod\": \"web\"}",
    "[1]",
    "{",
    "plain text",
];

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![8 => prop::sample::select(KEYS).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(TEXTS).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any_key(), inner, 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

pub(super) fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(any_key(), any_json(), 0..10).prop_map(|fields| fields.into_iter().collect())
}

/// Whether the value can still be found in the event: in `data`, in a typed place, or told by a note.
fn is_reachable(event: &Event, key: &str, value: &Value) -> bool {
    let in_data = event.data.get(key) == Some(value) || event.data.get("value") == Some(value);
    let said_nothing = is_absent(value);
    let noted = event.notes.iter().any(|note| note.starts_with(&format!("`{key}` stands beside")));
    in_data || said_nothing || noted || is_typed(event, value) || is_spread(event, key, value)
}

fn is_typed(event: &Event, value: &Value) -> bool {
    let Some(text) = scalar_text(value) else { return false };
    let Cluster { id, name, .. } = &event.cluster;
    let places = [
        id.as_deref(),
        name.as_deref(),
        event.organization.as_deref(),
        event.category.as_deref(),
        event.kind.name(),
        event.kind.message(),
        Some(event.type_name()),
    ];
    let made_id = EventId::from_sender(event.organization.as_deref(), &text);
    places.contains(&Some(text.as_str()))
        || made_id == event.id
        || text.eq_ignore_ascii_case(event.severity.as_str())
        || text == "UNSPECIFIED"
        || text == "castai-relay/1"
        || event.occurred_at.is_some_and(|time| Timestamp::parse(&text) == Some(time))
        || event.occurred_at.is_some_and(|time| text.parse().ok().and_then(Timestamp::from_epoch_number) == Some(time))
}

/// Particulars, clusters and PagerDuty's payload are objects whose fields find places one by one, or stay where they
/// were; lists inside strings become `value`.
fn is_spread(event: &Event, key: &str, value: &Value) -> bool {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    match parsed.as_ref().unwrap_or(value) {
        Value::Object(fields) => fields.iter().all(|(inner, value)| {
            let stayed = event.data.get(key).and_then(|around| around.get(inner)) == Some(value);
            stayed || in_cluster(event, value) || is_reachable(event, inner, value)
        }),
        list => event.data.get("value") == Some(list),
    }
}

fn in_cluster(event: &Event, value: &Value) -> bool {
    let Cluster { id, name, provider, project } = &event.cluster;
    scalar_text(value).is_some_and(|text| [id, name, provider, project].contains(&&Some(text)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_object_becomes_an_event_that_still_holds_all_its_fields(body in any_object()) {
        let event = read_json(Value::Object(body.clone()));
        for (key, value) in &body {
            prop_assert!(is_reachable(&event, key, value), "{key}: {value}\nin {body:?}\nbecame {event:?}");
        }
    }

    #[test]
    fn every_event_reads_back_from_its_record_as_it_was(body in any_object()) {
        let event = read_json(Value::Object(body));
        let record = serde_json::to_vec(&event).unwrap();
        prop_assert_eq!(Event::from_record(&record, event.body.clone()).unwrap(), event);
    }

    #[test]
    fn an_unrecognized_event_holds_the_whole_object(body in any_object()) {
        let event = read_json(Value::Object(body.clone()));
        if event.type_name() == CastAIEvent::UNRECOGNIZED {
            prop_assert_eq!(event.data, body);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_with_a_place(bytes in vec(any::<u8>(), 0..200)) {
        if let Err(problem) = read_bytes(&bytes) {
            prop_assert!(problem.line >= 1 && problem.column >= 1);
        }
    }

    #[test]
    fn a_body_that_is_cut_or_damaged_is_read_or_refused_with_a_place(
        body in any_object(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = Value::Object(body).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Err(problem) = read_bytes(&bytes) {
            prop_assert!(problem.line >= 1 && problem.column >= 1);
        }
    }

    #[test]
    fn the_order_of_keys_does_not_change_the_id(body in any_object()) {
        let written = |fields: Vec<(&String, &Value)>| {
            let pair = |(key, value)| format!("{}: {value}", Value::from(String::clone(key)));
            format!("{{{}}}", fields.into_iter().map(pair).collect::<Vec<_>>().join(" ,\n"))
        };
        let (forward, backward) = (written(body.iter().collect()), written(body.iter().rev().collect()));
        prop_assert_eq!(read_bytes(forward.as_bytes()).unwrap().id, read_bytes(backward.as_bytes()).unwrap().id);
    }

    #[test]
    fn any_mapping_over_any_object_makes_an_event(body in any_object(), keys in vec(any_key(), 11)) {
        let facts = ["type", "id", "organization", "severity", "name", "message", "timestamp", "category", "cluster_id", "cluster_name", "details"];
        let path = |key: String| format!("$[\"{}\"]", key.replace('"', "")).parse::<FieldPath>().unwrap();
        let fact = |name: &str| serde_json::from_value::<Fact>(json!(name)).unwrap();
        let fields = facts.into_iter().zip(keys).map(|(name, key)| (fact(name), path(key))).collect();
        let mapping = Mapping { fields, ..Mapping::default() };
        let event = read_with(&[], Value::Object(body).to_string().as_bytes(), &mapping).unwrap();
        prop_assert!(!event.id.as_str().is_empty());
    }
}
