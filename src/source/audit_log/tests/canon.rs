//! What records are called, which are canonical, and how an operator corrects the table.

use proptest::prelude::*;

use super::*;
use crate::config::Section;

fn v1(event_type: &str) -> Kind {
    Kind::V1(Some(event_type.to_owned()))
}

fn v2(domain: &str, resource: &str, action: &str) -> Kind {
    let some = |word: &str| Some(word.to_owned());
    Kind::V2 { domain: some(domain), resource: some(resource), action: some(action) }
}

fn types(yaml: &str) -> Types {
    let section = Section::from_yaml("relay.yaml", yaml);
    let types = section.read();
    section.problems().unwrap_or_else(|problems| panic!("{problems}"));
    types.unwrap()
}

fn refusal(yaml: &str) -> String {
    let section = Section::from_yaml("relay.yaml", yaml);
    assert!(section.read::<Types>().is_none());
    section.problems().unwrap_err().to_string()
}

#[test]
fn nodes_that_come_go_and_are_interrupted_are_canonical_in_both_versions() {
    let types = Types::default();
    for (name, canonical) in [
        ("autoscaler.node.added", Some("node.added")),
        ("autoscaler.node.removed", Some("node.removed")),
        ("autoscaler.node.deleted", Some("node.removed")),
        ("autoscaler.node.interrupted", Some("node.spot_interrupted")),
        ("nodeAdded", Some("node.added")),
        ("nodeRemoved", Some("node.removed")),
        ("nodesInterrupted", Some("node.spot_interrupted")),
        ("NODESINTERRUPTED", Some("node.spot_interrupted")),
        ("autoscaler.policy.updated", None),
        ("workload.node.added", None),
        ("addNodeFailed", None),
    ] {
        assert_eq!(types.meaning(name).canonical(), canonical, "{name}");
    }
}

#[test]
fn the_table_has_each_name_once_and_in_lower_case() {
    for (name, meaning) in CANON {
        assert_eq!(CANON.iter().filter(|(other, ..)| other == name).count(), 1, "{name}");
        assert_eq!(*name, name.to_lowercase());
        assert!(meaning.canonical().is_some(), "{name}");
    }
}

#[test]
fn an_operator_adds_to_the_table_and_corrects_it() {
    let types = types(
        "autoscaler.node.added: audit
'kent.node.*': node.removed
'kent.*': audit
nodeDrained: node.removed",
    );
    for (name, canonical) in [
        ("autoscaler.node.added", None),
        ("autoscaler.node.removed", Some("node.removed")),
        ("kent.node.reclaimed", Some("node.removed")),
        ("kent.pool.reclaimed", None),
        ("NodeDrained", Some("node.removed")),
    ] {
        assert_eq!(types.meaning(name).canonical(), canonical, "{name}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_can() {
    let refusal_of_type = refusal("autoscaler.node.added: node.aded");
    assert!(refusal_of_type.contains("node.added"), "{refusal_of_type}");
    assert!(refusal("'kent.[': audit").contains("is not a glob"));
}

#[test]
fn names_are_made_such_that_routes_can_speak_of_them() {
    for (kind, name) in [
        (v2("autoscaler", "node", "added"), "autoscaler.node.added"),
        (v2(" Autoscaler ", "Recommended Requests", "CREATED\n"), "autoscaler.recommended_requests.created"),
        (v2("kent", "", "***"), "kent.unknown.unknown"),
        (Kind::V2 { domain: None, resource: None, action: None }, "unknown.unknown.unknown"),
        (v1("nodeAdded"), "nodeAdded"),
        (v1("Node added"), "Node_added"),
        (v1("__node\u{202e}--x__"), "node_--x"),
        (Kind::V1(None), "unknown"),
    ] {
        assert_eq!(name_of(&kind), name, "{kind:?}");
    }
}

proptest! {
    #[test]
    fn every_name_is_short_and_has_nothing_that_routes_or_screens_obey(words in prop::array::uniform3(".{0,200}")) {
        let [domain, resource, action] = &words;
        for name in [name_of(&v2(domain, resource, action)), name_of(&v1(domain))] {
            prop_assert!(!name.is_empty() && name.chars().count() <= 3 * LONGEST_WORD * 3 + 2);
            prop_assert!(!name.contains(|c: char| c.is_whitespace() || c.is_control() || "*?[]{}!,".contains(c)), "{name}");
        }
    }
}
