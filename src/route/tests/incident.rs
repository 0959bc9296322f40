//! What opens an incident and what ends it: in one rule, and in a table of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::event::delivery::Owed;
use crate::event::{Cluster, Event, Severity, Timestamp};
use crate::names::SourceName;
use crate::route::tests::{event, explained, table};
use crate::route::{LateRule, RoutingTable};

fn refused(config: Value) -> String {
    serde_json::from_value::<IncidentRule>(config).unwrap_err().to_string()
}

/// Spot interruptions until a node is added, at two targets; then everything that is severe.
fn spot_table() -> RoutingTable {
    table(json!([
        {
            "name": "spot", "match": {"type": "node.spot_interrupted"}, "notify": ["oncall", "slack"],
            "severity": "critical",
            "incident": {
                "key": "spot/{{ event.cluster.id }}", "severity": "error",
                "resolve_when": {"type": "node.added"}, "resolve_after": "2h",
            },
        },
        {"name": "severe", "match": {"severity": ">= warning"}, "notify": ["slack", "mail"]},
    ]))
}

/// `slack by spot: opens spot/9f2d as error`.
pub(in crate::route) fn steps(table: &RoutingTable, event: &Event) -> Vec<String> {
    let in_words = |owed: &Owed| {
        let step = match &owed.incident {
            None => "tells it".to_owned(),
            Some(step) if step.phase == Phase::Open => format!("opens {}", step.key),
            Some(step) => format!("resolves {}", step.key),
        };
        format!("{} by {}: {step} as {}", owed.target, owed.route, owed.severity)
    };
    table.route(event).owed.iter().map(in_words).collect()
}

fn interrupted() -> Event {
    event("node.spot_interrupted", json!({}))
}

fn added() -> Event {
    event("node.added", json!({}))
}

fn without_cluster(event: Event) -> Event {
    Event { cluster: Cluster::default(), ..event }
}

#[test]
fn what_the_route_takes_opens_its_incident_with_a_severity_of_its_own() {
    assert_eq!(
        steps(&spot_table(), &interrupted()),
        [
            "oncall by spot: opens spot/9f2d as error",
            "slack by spot: opens spot/9f2d as error",
            "mail by severe: tells it as warning",
        ]
    );
    let step = spot_table().route(&interrupted()).owed.remove(0).incident.unwrap();
    assert_eq!(step.resolve_after, Some(Duration::from_secs(2 * 3600)));
}

#[test]
fn what_ends_it_goes_to_all_its_targets_and_otherwise_where_it_would_have_gone() {
    let ended = steps(&spot_table(), &added());
    assert_eq!(
        ended,
        [
            "console by default_targets: tells it as info",
            "oncall by spot: resolves spot/9f2d as info",
            "slack by spot: resolves spot/9f2d as info",
        ],
        "to be an end is not to be routed"
    );
    assert_eq!(
        explained(&spot_table(), &added()),
        [
            "spot: not matched: type is node.added, wanted node.spot_interrupted; \
             resolves incident spot/9f2d at oncall, slack, if it is open",
            "severe: not matched: severity is info, wanted >= warning",
            "default_targets: matched; tells console with severity info",
        ]
    );
}

#[test]
fn an_end_leaves_in_no_group_but_counts_for_storms() {
    let table = table(json!([{
        "name": "spot", "match": {"type": "node.spot_interrupted"}, "notify": ["oncall"],
        "group": {"by": ["cluster"]}, "storm": {"above": "30/m"},
        "incident": {"key": "k", "resolve_when": {"type": "node.added"}},
    }]));
    let opening = table.route(&interrupted()).owed.remove(0);
    assert!(opening.group.is_some() && opening.storm.is_some(), "{opening:?}");
    let closing = table.route(&added()).owed.into_iter().find(Owed::is_resolve).unwrap();
    assert!(closing.group.is_none() && closing.storm.is_some(), "{closing:?}");
}

#[test]
fn without_the_values_of_its_key_an_event_is_told_and_opens_nothing() {
    let unknown = without_cluster(interrupted());
    assert_eq!(
        steps(&spot_table(), &unknown)[..2],
        ["oncall by spot: tells it as error", "slack by spot: tells it as error"]
    );
    assert_eq!(
        explained(&spot_table(), &unknown)[0],
        "spot: matched; tells oncall with severity error; tells slack with severity error; \
         opens no incident: there is no key spot/{{ event.cluster.id }}: the event lacks a value that is in it"
    );
}

#[test]
fn without_the_values_of_its_key_an_event_ends_nothing_and_says_why() {
    let unknown = without_cluster(added());
    assert_eq!(steps(&spot_table(), &unknown), ["console by default_targets: tells it as info"]);
    assert!(
        explained(&spot_table(), &unknown)[0].ends_with(
            "; resolves nothing, though resolve_when holds: there is no key spot/{{ event.cluster.id }}: \
             the event lacks a value that is in it"
        ),
        "{:?}",
        explained(&spot_table(), &unknown)
    );
}

/// One subject, told with its state: the route takes both.
fn anomaly_table(stop: bool) -> RoutingTable {
    table(json!([
        {
            "name": "anomalies", "match": {"type": "anomaly"}, "notify": ["oncall"], "stop": stop,
            "incident": {"key": "{{ event.data.id }}", "resolve_when": {"data.status": "closed"}},
        },
        {"name": "severe", "match": {"severity": ">= warning"}, "notify": ["oncall"]},
    ]))
}

fn anomaly(status: &str, severity: Severity) -> Event {
    Event { severity, ..event("anomaly", json!({"id": "a-1", "status": status})) }
}

#[test]
fn what_fits_both_is_taken_as_an_end_and_opens_nothing() {
    let table = anomaly_table(true);
    let [opened, closed] = ["open", "closed"].map(|status| anomaly(status, Severity::Critical));
    assert_eq!(steps(&table, &opened), ["oncall by anomalies: opens a-1 as critical"]);
    assert_eq!(steps(&table, &closed), ["oncall by anomalies: resolves a-1 as critical"]);
    assert_eq!(
        explained(&table, &closed),
        [
            "anomalies: matched, and opens nothing because resolve_when holds; the search stops here; \
             resolves incident a-1 at oncall, if it is open",
            "severe: not reached: route anomalies stopped the search",
            "default_targets: not needed: route anomalies took the event",
        ]
    );
}

#[test]
fn without_a_stop_other_routes_tell_of_the_end_as_of_every_event() {
    let table = anomaly_table(false);
    assert_eq!(
        steps(&table, &anomaly("closed", Severity::Critical)),
        ["oncall by severe: tells it as critical", "oncall by anomalies: resolves a-1 as critical"]
    );
    let unheard = steps(&table, &anomaly("closed", Severity::Info));
    assert_eq!(
        unheard,
        ["oncall by anomalies: resolves a-1 as info"],
        "it was taken: the default targets are not asked"
    );
}

#[test]
fn what_fits_both_but_names_no_incident_is_told_rather_than_lost() {
    let nameless = event("anomaly", json!({"status": "closed"}));
    assert_eq!(steps(&anomaly_table(true), &nameless), ["oncall by anomalies: tells it as info"]);
}

#[test]
fn an_end_is_heard_behind_a_route_that_stops() {
    let table = table(json!([
        {"name": "wall", "match": {"type": "node.added"}, "notify": ["log"], "stop": true},
        {"name": "spot", "match": {"type": "node.spot_interrupted"}, "notify": ["oncall"],
         "incident": {"key": "k", "resolve_when": {"type": "node.added"}}},
    ]));
    assert_eq!(steps(&table, &added()), ["log by wall: tells it as info", "oncall by spot: resolves k as info"]);
    let verdict = &explained(&table, &added())[1];
    assert_eq!(
        verdict,
        "spot: not reached: route wall stopped the search; resolves incident k at oncall, if it is open"
    );
}

#[test]
fn two_routes_with_one_incident_end_it_once_at_each_target() {
    let route = |name: &str, notify: &[&str]| {
        json!({"name": name, "match": {"type": name}, "notify": notify,
               "incident": {"key": "k", "resolve_when": {"type": "node.added"}}})
    };
    let table =
        table(json!([route("one", &["oncall", "slack"]), route("two", &["slack", "mail"]), route("three", &["mail"])]));
    assert_eq!(
        steps(&table, &added()),
        [
            "console by default_targets: tells it as info",
            "oncall by one: resolves k as info",
            "slack by one: resolves k as info",
            "mail by two: resolves k as info",
        ]
    );
    assert!(explained(&table, &added())[2].contains("resolves incident k nowhere: another route does already"));
}

#[test]
fn an_event_that_opens_an_incident_does_not_end_it_at_the_same_target() {
    let table = table(json!([
        {"name": "lost", "match": {"type": "agent.lost"}, "notify": ["oncall", "slack"],
         "incident": {"key": "agent", "resolve_when": {"type": "agent.*", "not": {"type": "agent.lost"}}}},
        {"name": "ill", "match": {"type": "agent.ill"}, "notify": ["oncall"],
         "incident": {"key": "agent", "resolve_after": "1h"}},
    ]));
    assert_eq!(
        steps(&table, &event("agent.ill", json!({}))),
        ["oncall by ill: opens agent as info", "slack by lost: resolves agent as info"]
    );
}

#[test]
fn on_a_doubt_nothing_ends() {
    let ends = json!({"type": "node.added", "not": {"when": "event.data.count + 'x' > 1"}});
    let table = table(json!([{
        "name": "spot", "match": {"type": "node.spot_interrupted"}, "notify": ["oncall"],
        "incident": {"key": "k", "resolve_when": ends},
    }]));
    let doubtful = event("node.added", json!({"count": 1}));
    assert_eq!(steps(&table, &doubtful), ["console by default_targets: tells it as info"]);
    assert!(
        explained(&table, &doubtful)[0].contains("resolves nothing, though resolve_when holds: not excluded, because")
    );
}

#[test]
fn an_event_that_comes_too_late_opens_nothing_but_ends_what_it_ends() {
    let instead = vec![crate::names::TargetName::parse("mail").unwrap()];
    let late = LateRule::new(SourceName::audit_log(), Duration::from_secs(60), instead);
    let table = spot_table().with_late_rules(vec![late]);
    let late = |event: Event| Event {
        source: SourceName::audit_log(),
        occurred_at: Some(Timestamp::from_millis(0)),
        received_at: Timestamp::from_millis(61_000),
        ..event
    };
    assert_eq!(steps(&table, &late(interrupted())), ["mail by too_late: tells it as warning"]);
    assert_eq!(
        steps(&table, &late(added())),
        [
            "mail by too_late: tells it as info",
            "oncall by spot: resolves spot/9f2d as info",
            "slack by spot: resolves spot/9f2d as info",
        ]
    );
    assert_eq!(
        explained(&table, &late(added()))[1],
        "spot: not reached: route too_late stopped the search; resolves incident spot/9f2d at oncall, slack, if it is open"
    );
}

#[test]
fn it_is_told_in_words() {
    let in_words = |config: Value| serde_json::from_value::<IncidentRule>(config).unwrap().to_string();
    let until = json!({"type": "node.added"});
    assert_eq!(
        in_words(
            json!({"key": "spot/{{ event.cluster.id }}", "severity": "error", "resolve_when": until, "resolve_after": "2h"})
        ),
        "spot/{{ event.cluster.id }} as error, until type node.added, or 2h after the last"
    );
    assert_eq!(in_words(json!({"key": "k", "resolve_when": until})), "k, until type node.added");
    assert_eq!(in_words(json!({"key": "k", "resolve_after": "2h"})), "k, until 2h after the last");
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused_with_what_is_allowed() {
    for (config, why) in [
        (json!({"key": "k"}), "an incident that nothing ends stays open for ever"),
        (json!({"resolve_after": "1h"}), "missing field `key`"),
        (json!({"key": " ", "resolve_after": "1h"}), "not a valid template: it is blank"),
        (json!({"key": "{{ event.", "resolve_after": "1h"}), "not a valid template: unexpected"),
        (json!({"key": "k", "resolve_after": "0s"}), "`0s` is out of range: from 1s to 30d is allowed"),
        (json!({"key": "k", "resolve_when": {}}), "an empty `resolve_when` takes every event for an end"),
        (json!({"key": "k", "resolve_when": {"typ": "x"}}), "unknown field `typ`"),
        (json!({"key": "k", "resolve_after": "1h", "until": "x"}), "unknown field `until`"),
    ] {
        let said = refused(config);
        assert!(said.contains(why), "{said}");
    }
}
