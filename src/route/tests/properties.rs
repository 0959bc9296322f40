//! What holds for every table and every event.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::event::delivery::Phase;
use crate::names::DrillName;
use crate::route::explain::End;

const TYPES: &[&str] = &["node.added", "node.removed", "savings.threshold", "cluster.hibernated"];
const TARGETS: &[&str] = &["slack", "mail", "oncall", "log"];

/// A route as a plain value, simple enough that matching it is obvious.
#[derive(Debug, Clone)]
struct Rule {
    wanted: Option<&'static str>,
    at_least: Severity,
    notify: Vec<&'static str>,
    stop: bool,
    severity: Option<Severity>,
    /// The key of its incident, and the type that ends it.
    incident: Option<(&'static str, &'static str)>,
}

/// The keys of incidents: two that are always there, one that may be missing.
const KEYS: &[&str] = &["one", "two", "of/{{ event.cluster.name }}"];

impl Rule {
    fn takes(&self, event: &Event) -> bool {
        self.wanted.is_none_or(|wanted| wanted == event.type_name()) && event.severity >= self.at_least
    }

    /// The incident this event is about, as far as it says.
    fn key(&self, event: &Event) -> Option<String> {
        let (key, _) = self.incident?;
        let name = event.cluster.name.as_deref().map(str::trim).filter(|name| !matches!(*name, "" | "<no value>"));
        match key.strip_suffix("{{ event.cluster.name }}") {
            Some(before) => Some(format!("{before}{}", name?)),
            None => Some(key.to_owned()),
        }
    }

    /// The incident this event opens: a drill has one of its own.
    fn opens(&self, event: &Event) -> Option<String> {
        if event.drill().is_some() { Some(event.id.to_string()) } else { self.key(event) }
    }

    /// The incident this event ends.
    fn ends(&self, event: &Event) -> Option<String> {
        let is_end = self.incident.is_some_and(|(_, end)| end == event.type_name());
        self.key(event).filter(|_| is_end && event.drill().is_none())
    }

    fn as_config(&self, at: usize) -> Value {
        let mut config = json!({
            "name": format!("r{at}"),
            "match": {},
            "notify": self.notify,
            "stop": self.stop,
            "severity": self.severity,
        });
        if let Some((key, end)) = self.incident {
            config["incident"] = json!({"key": key, "resolve_when": {"type": end}});
        }
        if self.at_least > Severity::Info {
            config["match"]["severity"] = format!(">= {}", self.at_least).into();
        }
        if let Some(wanted) = self.wanted {
            config["match"]["type"] = wanted.into();
        }
        config
    }
}

/// By which route, to whom, with which severity, and the incident it opens (`true`) or ends.
type Told = (String, String, Severity, Option<(String, bool)>);

/// The rules of the table in the plainest words.
fn by_the_book(rules: &[Rule], event: &Event) -> Vec<Told> {
    let taking: Vec<(usize, &Rule)> = rules.iter().enumerate().filter(|(_, rule)| rule.takes(event)).collect();
    let end = taking.iter().position(|(_, rule)| rule.stop).map_or(taking.len(), |at| at + 1);
    let mut owed: Vec<Told> = Vec::new();
    for (at, rule) in taking[..end].iter().filter(|(_, rule)| rule.ends(event).is_none()) {
        for target in &rule.notify {
            let told = owed.iter().any(|(_, earlier, ..)| earlier == target);
            if !told {
                let opens = rule.opens(event).map(|key| (key, true));
                owed.push((format!("r{at}"), (*target).to_owned(), rule.severity.unwrap_or(event.severity), opens));
            }
        }
    }
    if taking.is_empty() {
        let opens = event.drill().map(|_| (event.id.to_string(), true));
        owed.push(("default_targets".into(), "console".into(), event.severity, opens));
    }
    for (at, rule) in rules.iter().enumerate() {
        for target in &rule.notify {
            let Some(key) = rule.ends(event) else { continue };
            let is_same =
                |(_, to, _, step): &Told| to == target && step.as_ref().is_some_and(|(known, _)| *known == key);
            if !owed.iter().any(is_same) {
                owed.push((format!("r{at}"), (*target).to_owned(), event.severity, Some((key, false))));
            }
        }
    }
    owed
}

fn severities() -> impl Strategy<Value = Severity> {
    select(&Severity::ALL[..])
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let wanted = proptest::option::of(select(TYPES));
    let incident = proptest::option::of((select(KEYS), select(TYPES)));
    let rest = (proptest::option::of(severities()), incident);
    let rule = (wanted, severities(), subsequence(TARGETS, 1..=4), any::<bool>(), rest);
    vec(rule, 0..6).prop_map(|rules| {
        let rule = |(wanted, at_least, notify, stop, (severity, incident))| Rule {
            wanted,
            at_least,
            notify,
            stop,
            severity,
            incident,
        };
        rules.into_iter().map(rule).collect()
    })
}

fn compiled(rules: &[Rule]) -> RoutingTable {
    table(rules.iter().enumerate().map(|(at, rule)| rule.as_config(at)).collect())
}

fn json_values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "-?[0-9]{1,3}%?".prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[ab.]{0,3}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn events() -> impl Strategy<Value = Event> {
    let types = prop_oneof![select(TYPES).prop_map(str::to_owned), any::<String>()];
    let data = btree_map("[ab.]{1,3}", json_values(), 0..4);
    let texts = || proptest::option::of(any::<String>());
    let names = prop_oneof![texts(), proptest::option::of("[a ]{0,2}")];
    let rest = (texts(), any::<bool>());
    (types, severities(), data, names, rest).prop_map(|(event_type, severity, data, name, (category, is_drill))| {
        let data = Value::Object(data.into_iter().collect());
        let plain = event(&event_type, data);
        let plain = if is_drill { plain.as_drill(&DrillName::on_demand()) } else { plain };
        Event { severity, cluster: Cluster { name, ..Cluster::default() }, category, ..plain }
    })
}

/// Anything somebody might write under `match`, as far as it is accepted.
fn matchers() -> impl Strategy<Value = Matcher> {
    let keys = prop_oneof![
        select(&["type", "cluster", "category", "name", "severity", "labels.a", "when"][..]).prop_map(str::to_owned),
        "data(\\.[ab0]{1,2}){1,3}",
    ];
    let values = prop_oneof![
        Just(json!("*")),
        "[<>=!]{1,2} ?[0-9]{1,3}".prop_map(Value::from),
        "/[ab.]{0,3}/i?".prop_map(Value::from),
        "[*?a-c]{1,4}".prop_map(Value::from),
        "event\\.(data\\.[ab]|severity) (<|==|\\+|in) [1-9]".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
    ];
    let fields = btree_map(keys, values, 0..3).prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>());
    (fields.clone(), proptest::option::of(fields)).prop_filter_map("not accepted", |(mut fields, not)| {
        fields.extend(not.map(|not| ("not".to_owned(), not.into())));
        serde_json::from_value(fields.into()).ok()
    })
}

fn owed_in(verdicts: &[RouteVerdict]) -> Vec<Owed> {
    let told = verdicts.iter().flat_map(|verdict| match &verdict.verdict {
        Verdict::Matched { owed, .. } => owed.clone(),
        _ => vec![],
    });
    let ended = verdicts.iter().flat_map(|verdict| match &verdict.end {
        Some(End::Resolves { owed, .. }) => owed.clone(),
        _ => vec![],
    });
    told.chain(ended).collect()
}

fn in_book_form(owed: Owed) -> Told {
    let step = owed.incident.map(|step| (step.key.to_string(), step.phase == Phase::Open));
    (owed.route.to_string(), owed.target.to_string(), owed.severity, step)
}

proptest! {
    #[test]
    fn the_table_does_what_its_rules_say(rules in rules(), event in events()) {
        let owed: Vec<_> = compiled(&rules).route(&event).owed.into_iter().map(in_book_form).collect();
        prop_assert_eq!(owed, by_the_book(&rules, &event));
    }

    #[test]
    fn a_target_is_told_once_and_of_each_incident_once(rules in rules(), event in events()) {
        let owed = compiled(&rules).route(&event).owed;
        for (at, one) in owed.iter().enumerate() {
            for other in owed[..at].iter().filter(|other| other.target == one.target) {
                prop_assert!(one.is_resolve(), "{:?} is told twice", one);
                prop_assert!(other.incident.as_ref().map(|step| &step.key) != one.incident.as_ref().map(|step| &step.key));
            }
        }
    }

    #[test]
    fn the_explanation_agrees_with_what_is_done(rules in rules(), event in events()) {
        let table = compiled(&rules);
        let verdicts = table.explain(&event);
        prop_assert_eq!(owed_in(&verdicts), table.route(&event).owed);
        prop_assert_eq!(verdicts.len(), rules.len() + 1);
    }

    #[test]
    fn with_a_route_for_everything_the_default_targets_are_never_used(mut rules in rules(), event in events()) {
        let catch_all = Rule {
            wanted: None, at_least: Severity::Info, notify: vec!["log"], stop: false, severity: None, incident: None
        };
        rules.push(catch_all);
        let owed = compiled(&rules).route(&event).owed;
        prop_assert!(!owed.is_empty());
        prop_assert!(owed.iter().all(|owed| owed.route != RouteName::default_targets()));
    }

    #[test]
    fn every_matcher_answers_for_every_event_and_can_explain_it(
        matcher in matchers(), event in events(),
    ) {
        let facts = Facts::of(&event);
        prop_assert_eq!(matcher.matches(&facts), matcher.reasons_against(&facts).is_empty());
    }

    #[test]
    fn an_unreachable_route_tells_nobody_of_anything_but_ends(rules in rules(), event in events()) {
        let table = compiled(&rules);
        let owed = table.route(&event).owed;
        for (route, _) in table.unreachable() {
            prop_assert!(owed.iter().all(|owed| owed.route != route || owed.is_resolve()));
        }
    }
}
