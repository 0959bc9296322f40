//! That a comparison is a sum: nothing changes by itself, the counts add up, the order does not matter.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::event::delivery::Owed;
use crate::names::SourceName;
use crate::route::LateRule;
use crate::route::tests::{event, table};

const TYPES: &[&str] = &["node.added", "node.removed", "savings.threshold", "cluster.hibernated"];
const TARGETS: &[&str] = &["slack", "oncall", "log"];

fn an_event(event_type: &str, severity: Severity, number: u32) -> Event {
    let id = EventId::from_sender(None, &format!("evt-{number}"));
    let received_at = Timestamp::from_millis(i64::from(number % 7) * 3_600_000);
    Event { id, received_at, severity, ..event(event_type, json!({})) }
}

fn outcome(routes: &Value, event: &Event) -> Outcome {
    Outcome::by(&table(routes.clone()), event)
}

fn compared(before: &Value, after: &Value, events: &[Event]) -> Comparison {
    let mut comparison = Comparison::default();
    let (before, after) = (table(before.clone()), table(after.clone()));
    for event in events {
        comparison.add(event, &Outcome::by(&before, event), &Outcome::by(&after, event));
    }
    comparison
}

fn changes(comparison: &Comparison) -> Vec<&Change> {
    comparison.routes.values().chain(comparison.targets.values()).chain(comparison.ends.values()).collect()
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let kinds = vec((select(TYPES), select(&Severity::ALL[..])), 0..30);
    kinds.prop_map(|kinds| (0..).zip(kinds).map(|(n, (kind, severity))| an_event(kind, severity, n)).collect())
}

/// A route as it is written, but for its name: some are muted for some of the hours at which events come.
fn route() -> impl Strategy<Value = Value> {
    let severity = proptest::option::of(select(&Severity::ALL[..]));
    let (stop, is_muted, end) = (any::<bool>(), any::<bool>(), proptest::option::of(select(TYPES)));
    let parts = (select(TYPES), subsequence(TARGETS, 0..=3), severity, stop, is_muted, end);
    parts.prop_map(|(wanted, notify, severity, stop, is_muted, end)| {
        let times = if is_muted { "01:30-04:00" } else { "23:00-24:00" };
        let incident = end.map(|end| json!({"key": "one", "resolve_when": {"type": end}}));
        json!({"match": {"type": wanted}, "notify": notify, "severity": severity, "stop": stop, "muted": [{"times": [times]}],
               "incident": incident})
    })
}

fn routes() -> impl Strategy<Value = Value> {
    vec(route(), 0..5).prop_map(|mut routes| {
        routes.iter_mut().enumerate().for_each(|(at, route)| route["name"] = format!("r{at}").into());
        Value::from(routes)
    })
}

proptest! {
    #[test]
    fn with_the_same_table_nothing_changes(routes in routes(), events in events()) {
        let comparison = compared(&routes, &routes, &events);
        prop_assert_eq!((comparison.events, comparison.changed), (events.len() as u64, 0));
        prop_assert_eq!(&comparison.unheard, &Cases::default());
        prop_assert!(comparison.severities.is_empty() && comparison.unrouted.is_empty());
        prop_assert!(changes(&comparison).iter().all(|change| !change.is_any() && change.before == change.after));
    }

    #[test]
    fn the_counts_add_up(before in routes(), after in routes(), events in events()) {
        let comparison = compared(&before, &after, &events);
        for Change { before, after, lost, gained } in changes(&comparison) {
            prop_assert_eq!(before + gained.count, after + lost.count);
            for cases in [lost, gained] {
                prop_assert_eq!(cases.examples().count() as u64, cases.count.min(EXAMPLES as u64));
            }
        }
        let unrouted: u64 = comparison.unrouted.values().map(|unrouted| unrouted.cases.count).sum();
        prop_assert_eq!(unrouted, comparison.unrouted_from(Severity::Info));
    }

    #[test]
    fn the_counts_are_those_of_the_tables(before in routes(), after in routes(), events in events()) {
        let comparison = compared(&before, &after, &events);
        let routed = |routes: &Value| events.iter().map(|event| table(routes.clone()).route(event)).collect::<Vec<_>>();
        let (was, is) = (routed(&before), routed(&after));
        let took = |routed: &[Routed]| routed.iter().map(|routed| routed.takers.len() as u64).sum::<u64>();
        let sum = |of: fn(&Change) -> u64| comparison.routes.values().map(of).sum::<u64>();
        prop_assert_eq!((sum(|change| change.before), sum(|change| change.after)), (took(&was), took(&is)));
        let ends = was.iter().flat_map(|routed| &routed.owed).filter(|owed| Owed::is_resolve(owed)).count();
        prop_assert_eq!(comparison.ends.values().map(|change| change.before).sum::<u64>(), ends as u64);
        let is_taken = |routed: &Routed| routed.takers != [RouteName::default_targets()];
        let lost = was.iter().zip(&is).filter(|(was, is)| is_taken(was) && !is_taken(is)).count();
        prop_assert_eq!(comparison.unrouted_from(Severity::Info), lost as u64);
    }

    #[test]
    fn the_order_of_the_events_does_not_matter(
        (events, shuffled) in events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        before in routes(),
        after in routes(),
    ) {
        prop_assert_eq!(compared(&before, &after, &events), compared(&before, &after, &shuffled));
    }

    #[test]
    fn what_is_lost_one_way_is_gained_the_other(before in routes(), after in routes(), events in events()) {
        let (there, back) = (compared(&before, &after, &events), compared(&after, &before, &events));
        for (target, change) in &there.targets {
            prop_assert_eq!((&change.lost, &change.gained), (&back.targets[target].gained, &back.targets[target].lost));
        }
        prop_assert_eq!(there.changed, back.changed);
    }
}

#[test]
fn an_event_is_as_bad_as_it_says_or_as_somebody_was_told() {
    let before = json!([{"name": "pages", "match": {"type": "node.*"}, "notify": ["oncall"], "severity": "critical"}]);
    let events = [an_event("node.added", Severity::Info, 1), an_event("savings.threshold", Severity::Critical, 2)];
    let comparison = compared(&before, &json!([]), &events);
    let kinds = comparison
        .unrouted
        .iter()
        .map(|(kind, unrouted)| (kind.event_type.as_str(), kind.severity(), unrouted.cases.count, unrouted.to_nobody));
    let lost = [("node.added", Severity::Critical, 1, 0)];
    assert_eq!(kinds.collect::<Vec<_>>(), lost, "what no route took before is not lost");
    assert_eq!(comparison.unrouted_from(Severity::Critical), 1);
    let targets = comparison.targets.iter();
    let targets = targets.map(|(name, change)| (name.as_str(), change.lost.count, change.gained.count));
    assert_eq!(targets.collect::<Vec<_>>(), [("console", 0, 1), ("oncall", 1, 0)]);
}

#[test]
fn another_severity_at_a_target_is_told_apart() {
    let page = |severity| json!([{"name": "pages", "match": {}, "notify": ["oncall"], "severity": severity}]);
    let events = [1, 2, 3, 4, 5].map(|number| an_event("node.added", Severity::Info, number));
    let comparison = compared(&page("critical"), &page("warning"), &events);
    let ((target, before, after), cases) = comparison.severities.first_key_value().unwrap();
    assert_eq!((target.as_str(), *before, *after), ("oncall", Severity::Critical, Severity::Warning));
    let examples: Vec<_> = cases.examples().map(EventId::as_str).collect();
    assert_eq!((cases.count, examples), (5, vec!["evt-5", "evt-4", "evt-3"]), "the newest first");
    assert!(changes(&comparison).iter().all(|change| !change.is_any()));
}

#[test]
fn a_route_that_is_silent_at_that_hour_tells_nobody() {
    let at_night = json!([{"name": "nodes", "match": {}, "notify": ["slack"], "muted": [{"times": ["00:00-06:00"]}]}]);
    let always = json!([{"name": "nodes", "match": {}, "notify": ["slack"]}]);
    let events = [an_event("node.added", Severity::Info, 1)];
    let comparison = compared(&always, &at_night, &events);
    assert_eq!(comparison.targets.values().map(|change| change.lost.count).collect::<Vec<_>>(), [1]);
    assert_eq!((comparison.unheard.count, comparison.unrouted.len()), (1, 0), "a route takes it");
    assert!(!comparison.routes.values().any(Change::is_any));
}

#[test]
fn a_route_that_tells_nobody_on_purpose_is_a_route() {
    let noisy = json!([{"name": "noisy", "match": {}, "notify": []}]);
    let events = [an_event("node.added", Severity::Critical, 1)];
    assert_eq!(compared(&noisy, &json!([]), &events).unrouted_from(Severity::Info), 1);
    assert_eq!(compared(&json!([]), &noisy, &events).unrouted_from(Severity::Info), 0);
}

#[test]
fn what_comes_too_late_is_routed_where_somebody_hears_of_it() {
    let late = Event { occurred_at: Some(Timestamp::EPOCH), ..an_event("node.added", Severity::Error, 6) };
    let late = Event { source: SourceName::audit_log(), ..late };
    let routes = json!([{"name": "nodes", "match": {}, "notify": ["slack"]}]);
    for (notify, lost) in [(&["log"][..], 0), (&[], 1)] {
        let named = notify.iter().map(|name| TargetName::parse(name).unwrap()).collect();
        let rule = LateRule::new(late.source.clone(), Duration::from_secs(3600), named);
        let after = Outcome::by(&table(routes.clone()).with_late_rules(vec![rule]), &late);
        let mut comparison = Comparison::default();
        comparison.add(&late, &outcome(&routes, &late), &after);
        assert_eq!(comparison.unrouted_from(Severity::Error), lost, "{notify:?}");
    }
}

#[test]
fn an_end_counts_by_itself_and_only_where_something_ended() {
    let without = json!([{"name": "nodes", "match": {"type": "node.removed"}, "notify": ["oncall"]}]);
    let mut with = without.clone();
    with[0]["incident"] = json!({"key": "one", "resolve_when": {"type": "node.added"}});
    let end = an_event("node.added", Severity::Info, 1);
    let comparison = compared(&with, &without, std::slice::from_ref(&end));
    assert_eq!(comparison.ends.values().map(|change| change.lost.count).collect::<Vec<_>>(), [1]);
    let targets: Vec<_> = comparison.targets.keys().map(TargetName::as_str).collect();
    assert_eq!((targets, comparison.unrouted.len()), (vec!["console"], 0), "nobody else hears of the node");
    let (was, is) = (outcome(&with, &end), outcome(&without, &end));
    assert_eq!(was.clone().with_ends_of(&is), is, "nothing was open");
    assert_eq!(was.clone().with_ends_of(&was), was);
}

#[test]
fn an_end_moves_with_its_route_but_an_unchanged_route_ends_no_more_than_it_did() {
    let told = |names: &[&str]| {
        let incident = json!({"key": "one", "resolve_when": {"type": "node.added"}});
        let routes =
            json!([{"name": "nodes", "match": {"type": "node.removed"}, "notify": names, "incident": incident}]);
        outcome(&routes, &an_event("node.added", Severity::Info, 1))
    };
    assert_eq!(told(&["console"]).with_ends_of(&told(&["oncall"])), told(&["console"]), "it moved");
    let both = told(&["oncall", "console"]);
    assert_eq!(both.clone().with_ends_of(&told(&["oncall"])), told(&["oncall"]), "nothing was open at the console");
    assert_eq!(told(&["oncall"]).with_ends_of(&both), told(&["oncall"]));
}

#[test]
fn of_too_many_types_the_worst_are_told_apart_in_whatever_order_they_come() {
    let count = MOST_KINDS as u32 + 20;
    let severity = |number| if number < 7 { Severity::Critical } else { Severity::Info };
    let odd = |number: u32| an_event(&format!("odd.{number:05}"), severity(number), number);
    let before = json!([{"name": "all", "match": {}, "notify": []}]);
    let events: Vec<Event> = (0..count).chain([3, count - 1]).map(odd).collect();
    let reversed: Vec<Event> = events.iter().rev().cloned().collect();
    let comparison = compared(&before, &json!([]), &events);
    assert_eq!(comparison.unrouted.len(), MOST_KINDS);
    assert_eq!(comparison.unrouted_of_other_kinds.cases.count, 21);
    assert_eq!(comparison.unrouted_from(Severity::Info), u64::from(count) + 2);
    assert_eq!(comparison.unrouted_from(Severity::Critical), 8);
    assert_eq!(comparison, compared(&before, &json!([]), &reversed));
}
