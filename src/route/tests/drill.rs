//! A drill owes what the real thing would, and leaves everything real alone.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::names::DrillName;
use crate::route::tests::{event, explained, table};

fn drill(event_type: &str) -> Event {
    event(event_type, json!({})).as_drill(&DrillName::on_demand())
}

fn the_table() -> crate::route::RoutingTable {
    table(json!([{
        "name": "spot",
        "match": {"type": ["node.spot_interrupted", "node.added"]},
        "notify": ["slack", "oncall"],
        "severity": "critical",
        "group": {"by": ["cluster"], "wait": "10s"},
        "storm": {"above": "2/m"},
        "incident": {"key": "spot/{{ event.cluster.id }}", "resolve_when": {"type": "node.added"}},
    }]))
}

#[test]
fn it_owes_what_the_real_thing_would_but_by_itself() {
    let (table, real) = (the_table(), event("node.spot_interrupted", json!({})));
    let (real, drilled) = (table.route(&real), table.route(&drill("node.spot_interrupted")));
    assert_eq!(drilled.takers, real.takers);
    for (real, drilled) in real.owed.iter().zip(&drilled.owed) {
        assert_eq!((&drilled.route, &drilled.target), (&real.route, &real.target));
        assert_eq!(drilled.severity, real.severity);
        let group = drilled.group.as_ref().unwrap();
        assert_eq!((group.key.as_str(), group.wait), ("evt-1", Duration::from_secs(10)), "it waits as long, alone");
        assert_eq!((drilled.storm, real.storm.is_some()), (None, true));
        let step = drilled.incident.as_ref().unwrap();
        assert_eq!((step.key.as_str(), step.resolve_after), ("evt-1", Some(OVER_AFTER)));
    }
    assert_eq!((drilled.owed.len(), real.owed.len()), (2, 2));
}

#[test]
fn it_ends_nothing_real_and_the_explanation_says_so() {
    let (table, end) = (the_table(), event("node.added", json!({})));
    assert!(table.route(&end).owed.iter().all(Owed::is_resolve));
    let drilled = table.route(&drill("node.added"));
    assert!(drilled.owed.iter().all(|owed| !owed.is_resolve()) && drilled.owed.len() == 2);
    let said = &explained(&table, &drill("node.added"))[0];
    let words =
        "opens incident evt-1, for at most 1m after the last such event; waits 10s for others of its group (evt-1)";
    assert!(said.contains(words) && !said.contains("resolves") && !said.contains("storms"), "{said}");
}

/// What would be no incident because its key lacks a value is one all the same.
#[test]
fn it_needs_no_key() {
    let table = table(json!([{
        "name": "spot",
        "notify": ["oncall"],
        "incident": {"key": "of/{{ event.data.nothing }}", "resolve_when": {"type": "node.added"}},
    }]));
    for event_type in ["node.removed", "node.added"] {
        let said = &explained(&table, &drill(event_type))[0];
        let expected = "; opens incident evt-1, for at most 1m after the last such event";
        assert!(said.ends_with(expected) && !said.contains("no key"), "{said}");
    }
}
