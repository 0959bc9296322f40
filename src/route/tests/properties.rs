//! What holds for every table and every event.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

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
}

impl Rule {
    fn takes(&self, event: &Event) -> bool {
        self.wanted.is_none_or(|wanted| wanted == event.type_name()) && event.severity >= self.at_least
    }

    fn as_config(&self, at: usize) -> Value {
        let mut config = json!({
            "name": format!("r{at}"),
            "match": {},
            "notify": self.notify,
            "stop": self.stop,
            "severity": self.severity,
        });
        if self.at_least > Severity::Info {
            config["match"]["severity"] = format!(">= {}", self.at_least).into();
        }
        if let Some(wanted) = self.wanted {
            config["match"]["type"] = wanted.into();
        }
        config
    }
}

/// The rules of the table in the plainest words.
fn by_the_book(rules: &[Rule], event: &Event) -> Vec<(String, String, Severity)> {
    let taking: Vec<(usize, &Rule)> = rules.iter().enumerate().filter(|(_, rule)| rule.takes(event)).collect();
    if taking.is_empty() {
        return vec![("default_targets".into(), "console".into(), event.severity)];
    }
    let end = taking.iter().position(|(_, rule)| rule.stop).map_or(taking.len(), |at| at + 1);
    let mut owed: Vec<(String, String, Severity)> = Vec::new();
    for (at, rule) in &taking[..end] {
        for target in &rule.notify {
            let told = owed.iter().any(|(_, earlier, _)| earlier == target);
            if !told {
                owed.push((format!("r{at}"), (*target).to_owned(), rule.severity.unwrap_or(event.severity)));
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
    let rule = (wanted, severities(), subsequence(TARGETS, 1..=4), any::<bool>(), proptest::option::of(severities()));
    vec(rule, 0..6).prop_map(|rules| {
        let rule = |(wanted, at_least, notify, stop, severity)| Rule { wanted, at_least, notify, stop, severity };
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
    (types, severities(), data, texts(), texts()).prop_map(|(event_type, severity, data, name, category)| {
        let data = Value::Object(data.into_iter().collect());
        let plain = event(&event_type, data);
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
    let owed = verdicts.iter().flat_map(|verdict| match &verdict.verdict {
        Verdict::Matched { owed, .. } => owed.clone(),
        _ => vec![],
    });
    owed.collect()
}

proptest! {
    #[test]
    fn the_table_does_what_its_rules_say(rules in rules(), event in events()) {
        let owed = compiled(&rules).route(&event).into_iter();
        let owed: Vec<_> = owed.map(|o| (o.route.to_string(), o.target.to_string(), o.severity)).collect();
        prop_assert_eq!(owed, by_the_book(&rules, &event));
    }

    #[test]
    fn the_explanation_agrees_with_what_is_done(rules in rules(), event in events()) {
        let table = compiled(&rules);
        let verdicts = table.explain(&event);
        prop_assert_eq!(owed_in(&verdicts), table.route(&event));
        prop_assert_eq!(verdicts.len(), rules.len() + 1);
    }

    #[test]
    fn with_a_route_for_everything_the_default_targets_are_never_used(mut rules in rules(), event in events()) {
        let catch_all = Rule {
            wanted: None, at_least: Severity::Info, notify: vec!["log"], stop: false, severity: None
        };
        rules.push(catch_all);
        let owed = compiled(&rules).route(&event);
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
    fn what_an_unreachable_route_names_is_never_owed_by_it(rules in rules(), event in events()) {
        let table = compiled(&rules);
        let owed = table.route(&event);
        for (route, _) in table.unreachable() {
            prop_assert!(owed.iter().all(|owed| owed.route != route));
        }
    }
}
