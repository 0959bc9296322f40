//! Which events are alike for a group, and which rules are refused.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::json;

use super::*;
use crate::event::{Cluster, Severity};
use crate::route::tests::event;

fn rule(config: Value) -> GroupRule {
    serde_json::from_value(config).unwrap()
}

fn refused(config: Value) -> String {
    serde_json::from_value::<GroupRule>(config).unwrap_err().to_string()
}

fn key(by: &[&str], event: &Event) -> String {
    rule(json!({"by": by})).of(event).unwrap().key.to_string()
}

#[test]
fn the_key_names_what_deliveries_have_in_common() {
    let interrupted = event("node.spot_interrupted", json!({"zone": "eu-1a", "count": 3}));
    assert_eq!(key(&["cluster", "type"], &interrupted), r#"cluster="9f2d", type="node.spot_interrupted""#);
    assert_eq!(
        key(&["data.zone", "data.count", "labels.team", "severity"], &interrupted),
        r#"data.zone="eu-1a", data.count="3", labels.team="platform", severity="warning""#
    );
    assert_eq!(key(&[], &interrupted), "all", "without fields all of the route leave together");
}

#[test]
fn a_cluster_goes_by_its_id_and_by_its_name_only_without_one() {
    let known = event("node.added", json!({}));
    let by_name = Event { cluster: Cluster { id: None, ..known.cluster.clone() }, ..known.clone() };
    let none = Event { cluster: Cluster::default(), ..known.clone() };
    let named_like_an_id =
        Event { cluster: Cluster { name: known.cluster.id.clone(), id: None, ..Cluster::default() }, ..known.clone() };
    let keys = [&known, &by_name, &none, &named_like_an_id].map(|event| key(&["cluster"], event));
    assert_eq!(keys, [r#"cluster="9f2d""#, r#"cluster.name="prod-eu""#, "cluster=-", r#"cluster.name="9f2d""#]);
}

#[test]
fn having_nothing_is_a_value_of_its_own() {
    let with = |data| key(&["data.zone"], &event("node.added", data));
    let nothing = [json!({}), json!({"zone": null}), json!({"zone": " "}), json!({"zone": "<no value>"})].map(with);
    assert_eq!(nothing, ["data.zone=-"; 4]);
    let something =
        [json!({"zone": "-"}), json!({"zone": "none"}), json!({"zone": []}), json!({"zone": "[]"})].map(with);
    assert_eq!(something, [r#"data.zone="-""#, r#"data.zone="none""#, "data.zone=[]", r#"data.zone="[]""#]);
}

#[test]
fn names_and_categories_are_alike_in_any_case_because_their_spelling_drifts() {
    let of = |category: &str| {
        let event = event("node.added", json!({}));
        key(&["category"], &Event { category: Some(category.to_owned()), ..event })
    };
    assert_eq!(of("Security"), of("SECURITY"));
    assert_ne!(of("Security"), of("Other"));
}

#[test]
fn what_is_left_out_has_a_default_and_is_told_in_words() {
    let plain = rule(json!({"by": ["cluster", "data.zone"]}));
    assert_eq!(plain.of(&event("node.added", json!({}))).unwrap().wait, Duration::from_secs(10));
    assert_eq!(plain.pace(), Pace { interval: Duration::from_secs(300), max_events: 1000 });
    assert_eq!(plain.to_string(), "by cluster, data.zone after 10s, then every 5m, at most 1000");
    let all = rule(json!({"by": [], "wait": "0s", "interval": "1h", "max_events": 2}));
    assert_eq!(all.to_string(), "all together after 0s, then every 1h, at most 2");
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused_with_what_is_allowed() {
    for (config, why) in [
        (json!({}), "missing field `by`"),
        (json!({"by": ["clusters"]}), "`clusters` is no field of an event; write one of `type`, `source`, `cluster`"),
        (json!({"by": ["data."]}), "no field of an event"),
        (json!({"by": [], "wait": "2h"}), "`2h` is out of range: from 0s to 1h is allowed"),
        (json!({"by": [], "interval": "2d"}), "`2d` is out of range: from 0s to 1d is allowed"),
        (json!({"by": [], "max_events": 1}), "`1` is out of range: from 2 to 10000 is allowed"),
        (json!({"by": [], "max_events": 10_001}), "out of range"),
        (json!({"by": [], "every": "1s"}), "unknown field `every`"),
    ] {
        let said = refused(config);
        assert!(said.contains(why), "{said}");
    }
}

const FIELDS: &[&str] = &["type", "cluster", "organization", "severity", "category", "labels.a", "data.a", "data.b.c"];

/// Texts with all that keys are written with, so that they may try to look like each other.
fn texts() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[ab\",=\\-\\[\\] \n]{1,6}")
}

fn events() -> impl Strategy<Value = Event> {
    let labels = proptest::option::of("[ab\",= -]{0,4}");
    (texts(), texts(), texts(), texts(), labels, texts(), texts(), 0..5usize).prop_map(
        |(event_type, id, name, organization, label, a, c, severity)| {
            let data = json!({"a": a, "b": {"c": c}});
            Event {
                cluster: Cluster { id, name, ..Cluster::default() },
                category: organization.clone(),
                organization,
                labels: label.into_iter().map(|label| ("a".to_owned(), label)).collect(),
                severity: Severity::ALL[severity],
                ..event(&event_type.unwrap_or_else(|| "x".to_owned()), data)
            }
        },
    )
}

/// What an event has in a field, without any writing.
fn observed(field: &str, event: &Event) -> (u8, Option<String>) {
    let data = |value: Option<&Value>| value.and_then(scalar_text);
    match field {
        "type" => (0, Some(event.type_name().to_owned())),
        "cluster" => match (&event.cluster.id, &event.cluster.name) {
            (Some(id), _) => (1, Some(id.clone())),
            (None, name) => (2, name.clone()),
        },
        "organization" => (0, event.organization.clone()),
        "severity" => (0, Some(event.severity.to_string())),
        "category" => (0, event.category.clone()),
        "labels.a" => (0, event.labels.get("a").cloned()),
        "data.a" => (0, data(event.data.get("a"))),
        _ => (0, data(event.data["b"].get("c"))),
    }
}

proptest! {
    #[test]
    fn two_events_have_one_key_exactly_when_they_have_the_same_in_each_field(
        by in subsequence(FIELDS, 0..FIELDS.len()), one in events(), other in events(),
    ) {
        let alike = by.iter().all(|field| {
            let (one, other) = (observed(field, &one), observed(field, &other));
            one == other || (one.1.is_none() && other.1.is_none())
        });
        prop_assert_eq!(key(&by, &one) == key(&by, &other), alike);
    }

    #[test]
    fn lists_of_fields_cannot_borrow_each_others_keys(
        by in subsequence(FIELDS, 0..FIELDS.len()), of in subsequence(FIELDS, 0..FIELDS.len()), event in events(),
    ) {
        prop_assert_eq!(key(&by, &event) == key(&of, &event), by == of);
    }
}
