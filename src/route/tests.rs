//! Who is told, in which order, and what people are told about it.

mod properties;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::event::batch::Pace;
use crate::event::{CastAIEvent, Cluster, Timestamp};
use crate::names::{EventId, SourceName};

/// An event of this type with these particulars, of the cluster `prod-eu`.
pub(in crate::route) fn event(event_type: &str, data: Value) -> Event {
    let data = data.as_object().unwrap().clone();
    let kind = CastAIEvent::read(event_type, &data, &mut vec![]);
    Event {
        id: EventId::from_sender(None, "evt-1"),
        source: SourceName::parse("castai").unwrap(),
        severity: kind.default_severity(),
        kind,
        organization: Some("org-1".into()),
        cluster: Cluster { name: Some("prod-eu".into()), id: Some("9f2d".into()), ..Cluster::default() },
        category: None,
        labels: [("team".to_owned(), "platform".to_owned())].into(),
        occurred_at: None,
        received_at: Timestamp::from_millis(0),
        data,
        notes: vec![],
        body: Bytes::new(),
    }
}

fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

pub(in crate::route) fn table(routes: Value) -> RoutingTable {
    RoutingTable::compile(serde_json::from_value(routes).unwrap(), vec![target("console")])
}

fn told(table: &RoutingTable, event: &Event) -> Vec<String> {
    table.route(event).owed.iter().map(|owed| format!("{} by {}", owed.target, owed.route)).collect()
}

pub(in crate::route) fn explained(table: &RoutingTable, event: &Event) -> Vec<String> {
    table.explain(event).iter().map(RouteVerdict::to_string).collect()
}

fn refused(route: Value) -> String {
    serde_json::from_value::<Route>(route).unwrap_err().to_string()
}

#[test]
fn every_matching_route_applies_in_order() {
    let table = table(json!([
        {"name": "added", "match": {"type": "node.added"}, "notify": ["slack"]},
        {"name": "removed", "match": {"type": "node.removed"}, "notify": ["mail"]},
        {"name": "all", "notify": ["log"]},
    ]));
    assert_eq!(told(&table, &event("node.added", json!({}))), ["slack by added", "log by all"]);
}

#[test]
fn a_route_with_stop_ends_the_search_only_for_what_it_takes() {
    let table = table(json!([
        {"name": "added", "match": {"type": "node.added"}, "notify": ["slack"], "stop": true},
        {"name": "all", "notify": ["log"]},
    ]));
    assert_eq!(told(&table, &event("node.added", json!({}))), ["slack by added"]);
    assert_eq!(told(&table, &event("node.removed", json!({}))), ["log by all"]);
}

#[test]
fn what_no_route_took_goes_to_the_default_targets() {
    let table = table(json!([{"name": "added", "match": {"type": "node.added"}, "notify": ["slack"]}]));
    assert_eq!(told(&table, &event("cluster.hibernated", json!({}))), ["console by default_targets"]);
}

#[test]
fn a_target_is_told_once_by_the_first_route_that_names_it() {
    let table = table(json!([
        {"name": "first", "notify": ["slack", "slack"], "severity": "critical"},
        {"name": "second", "notify": ["log", "slack"]},
    ]));
    let added = event("node.added", json!({}));
    assert_eq!(told(&table, &added), ["slack by first", "log by second"]);
    assert_eq!(
        explained(&table, &added),
        [
            "first: matched; tells slack with severity critical",
            "second: matched; tells log with severity info; already owed to slack by route first",
            "default_targets: not needed: route first took the event",
        ]
    );
}

/// Whoever is silent at that hour must not swallow what another one would tell.
#[test]
fn a_route_outside_its_hours_keeps_no_later_one_from_telling() {
    let table = table(json!([
        {"name": "office", "notify": ["slack"], "active": [{"times": ["08:00-18:00"]}]},
        {"name": "always", "notify": ["slack"]},
    ]));
    let at = |text| Event { received_at: Timestamp::parse(text).unwrap(), ..event("node.added", json!({})) };
    let (day, night) = (at("2026-11-20T12:00:00Z"), at("2026-11-20T03:00:00Z"));
    assert_eq!(told(&table, &day), ["slack by office"]);
    assert_eq!(told(&table, &night), ["slack by office", "slack by always"], "the first is recorded, the second told");
    assert_eq!(explained(&table, &night)[1], "always: matched; tells slack with severity info");
    assert!(explained(&table, &day)[1].contains("already owed to slack by route office"));
}

#[test]
fn the_explanation_names_what_is_in_the_way_at_each_route() {
    let table = table(json!([
        {"name": "gone", "match": {"type": "node.removed", "cluster": "staging-*"}, "notify": ["slack"]},
        {"name": "here", "match": {"type": "node.*"}, "notify": ["slack"], "stop": true},
        {"name": "rest", "notify": ["log"]},
    ]));
    assert_eq!(
        explained(&table, &event("node.added", json!({}))),
        [
            "gone: not matched: type is node.added, wanted node.removed; cluster is prod-eu (9f2d), wanted staging-*",
            "here: matched; tells slack with severity info; the search stops here",
            "rest: not reached: route here stopped the search",
            "default_targets: not needed: route here took the event",
        ]
    );
}

#[test]
fn without_routes_and_default_targets_nobody_is_told_and_the_explanation_says_so() {
    let table = RoutingTable::compile(vec![], vec![]);
    let added = event("node.added", json!({}));
    assert_eq!(table.route(&added).owed, []);
    assert_eq!(explained(&table, &added), ["default_targets: matched, but names no targets: nobody is told"]);
}

#[test]
fn routes_behind_one_that_takes_everything_and_stops_are_unreachable() {
    let table = table(json!([
        {"name": "some", "match": {"type": "node.added"}, "notify": ["slack"], "stop": true},
        {"name": "all", "notify": ["log"]},
        {"name": "wall", "match": {}, "notify": ["log"], "stop": true},
        {"name": "late", "notify": ["mail"]},
        {"name": "later", "notify": ["mail"], "stop": true},
    ]));
    let unreachable: Vec<_> = table.unreachable().iter().map(|(route, by)| format!("{route} by {by}")).collect();
    assert_eq!(unreachable, ["late by wall", "later by wall"]);
}

#[test]
fn a_name_used_more_than_once_is_found_once() {
    let route = |name| json!({"name": name, "notify": ["log"]});
    let table = table(json!([route("a"), route("b"), route("a"), route("a")]));
    assert_eq!(table.ambiguous_names(), [RouteName::parse("a").unwrap()]);
}

#[test]
fn the_words_of_a_route_are_found_by_its_name_those_of_last_resort_too() {
    let table =
        table(json!([{"name": "a", "notify": ["log"], "message": {"title": "Node {{ event.data.nodeName }}"}}]));
    assert!(table.wording(&RouteName::parse("a").unwrap()).unwrap().title.is_some());
    assert!(table.wording(&RouteName::default_targets()).unwrap().title.is_none());
    assert!(table.wording(&RouteName::parse("gone").unwrap()).is_none());
}

#[test]
fn the_claim_learns_how_a_route_gathers_its_deliveries_by_its_name() {
    let table = table(json!([
        {"name": "both", "notify": ["log"], "group": {"by": [], "max_events": 50}, "storm": {"above": "30/m"}},
        {"name": "storm", "notify": ["log"], "storm": {"above": "30/m", "interval": "2m"}},
        {"name": "none", "notify": ["log"]},
    ]));
    let pace = |seconds, max_events| Some(Pace { interval: Duration::from_secs(seconds), max_events });
    let of = |name: &str| table.gathering(&RouteName::parse(name).unwrap());
    assert_eq!(of("both"), Gathering { group: pace(300, 50), storm: pace(60, 50) });
    assert_eq!(of("storm"), Gathering { group: None, storm: pace(120, 1000) });
    assert_eq!((of("none"), of("gone"), of("too_late")), Default::default());
}

#[test]
fn a_route_with_an_empty_list_keeps_an_event_from_everybody_on_purpose() {
    let table = table(json!([{"name": "noise", "match": {"type": "node.added"}, "notify": []}]));
    let added = event("node.added", json!({}));
    assert_eq!(told(&table, &added), Vec::<String>::new());
    assert_eq!(explained(&table, &added)[0], "noise: matched, but names no targets: nobody is told");
}

#[test]
fn a_route_that_cannot_work_is_refused_when_it_is_read() {
    let error = refused(json!({"name": "a"}));
    assert!(error.contains("notify"), "{error}");
    let error = refused(json!({"name": "default_targets", "notify": ["log"]}));
    assert!(error.contains("last resort"), "{error}");
    let error = refused(json!({"name": "a", "notify": ["log"], "message": {"title": "{{ event."}}));
    assert!(error.contains("not a valid template"), "{error}");
    let error = refused(json!({"name": "a", "notify": ["log"], "matches": {}}));
    assert!(error.contains("unknown field `matches`"), "{error}");
}

#[test]
fn the_table_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<RoutingTable>();
}

/// An event of the audit log that came this late.
fn late_event(seconds: u64) -> Event {
    let received_at = Timestamp::from_millis(1_000_000_000);
    let occurred_at = Some(received_at.saturating_sub(Duration::from_secs(seconds)));
    Event { source: SourceName::audit_log(), received_at, occurred_at, ..event("node.added", json!({})) }
}

fn table_with_a_late_rule() -> RoutingTable {
    let table = table(json!([{"name": "added", "match": {"type": "node.added"}, "notify": ["oncall"]}]));
    let instead = vec![target("slack"), target("slack")];
    table.with_late_rules(vec![LateRule::new(SourceName::audit_log(), Duration::from_secs(3600), instead)])
}

#[test]
fn what_comes_too_late_goes_past_the_routes_to_a_list_of_its_own() {
    let table = table_with_a_late_rule();
    assert_eq!(told(&table, &late_event(3600)), ["oncall by added"]);
    assert_eq!(told(&table, &late_event(3601)), ["slack by too_late"]);
    assert_eq!(
        explained(&table, &late_event(3601)),
        [
            "too_late: matched; tells slack with severity info",
            "added: not reached: route too_late stopped the search",
            "default_targets: not needed: route too_late took the event"
        ]
    );
}

#[test]
fn the_rule_for_late_events_is_about_one_source_and_about_events_with_a_time() {
    let table = table_with_a_late_rule();
    let of_another_source = Event { source: SourceName::notifications(), ..late_event(9999) };
    assert_eq!(told(&table, &of_another_source), ["oncall by added"]);
    let without_a_time = Event { occurred_at: None, ..late_event(9999) };
    assert_eq!(told(&table, &without_a_time), ["oncall by added"]);
}

#[test]
fn a_notification_that_was_written_down_late_is_not_late() {
    let table = table_with_a_late_rule();
    let data = event("x", json!({"createdAt": late_event(60).occurred_at})).data;
    let kind = CastAIEvent::Notification(crate::event::castai::Notification { name: None, message: None });
    let notification = Event { kind, data: data.clone(), ..late_event(9999) };
    assert_eq!(told(&table, &notification), ["console by default_targets"]);
    let of_another_kind = Event { data, ..late_event(9999) };
    assert_eq!(told(&table, &of_another_kind), ["slack by too_late"], "only there the word means that");
}

#[test]
fn what_somebody_has_acknowledged_pages_nobody_however_young_it_is() {
    let table = table_with_a_late_rule();
    let young = |data| Event { data: serde_json::from_value(data).unwrap(), ..late_event(0) };
    assert_eq!(told(&table, &young(json!({"ackAt": null}))), ["oncall by added"]);
    assert_eq!(told(&table, &young(json!({"ackAt": "2026-11-20T08:15:30Z"}))), ["slack by too_late"]);
    let by_webhook = Event { source: SourceName::relay(), ..young(json!({"ackAt": "2026-11-20T08:15:30Z"})) };
    assert_eq!(told(&table, &by_webhook), ["oncall by added"], "a rule is about its own source");
}

#[test]
fn the_names_of_routes_that_nobody_writes_are_taken() {
    for name in ["default_targets", "too_late"] {
        assert!(refused(json!({"name": name, "notify": []})).contains("is taken"));
    }
}
