//! Which records are wanted, and what the server is asked.

use serde_json::json;

use super::*;
use crate::config::Section;
use crate::event::Timestamp;
use crate::source::audit_log::canon::Types;
use crate::source::audit_log::read::{Context, events};

const ID: &str = "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21";

fn config(yaml: &str) -> Config {
    let section = Section::from_yaml("relay.yaml", yaml);
    let config = section.read();
    section.problems().unwrap_or_else(|problems| panic!("{problems}"));
    config.unwrap()
}

fn operation(domain: &str, severity: Severity) -> Operation {
    let kind = Kind::V2 { domain: Some(domain.into()), resource: Some("node".into()), action: None };
    Operation { kind, severity: Some(severity), ..Operation::default() }
}

fn takes(config: &Config, operation: &Operation, cluster: Cluster) -> bool {
    let context = Context { types: &Types::default(), organization: None, now: Timestamp::EPOCH };
    let events = events(operation, Some(cluster), context);
    takes_operation(config, operation) && events.iter().all(|event| takes_event(config, event))
}

#[test]
fn without_filters_everything_is_wanted_and_nothing_asked() {
    let config = config("{}");
    assert!(takes(&config, &operation("kent", Severity::Info), Cluster::default()));
    assert!(takes(&config, &Operation::default(), Cluster::default()));
    assert_eq!(for_the_server(&config), Filter::default());
}

#[test]
fn words_fit_in_any_case_and_the_server_is_asked_for_them() {
    let config = config("domains: [Autoscaler]\nresources: [node]\nactions: []");
    assert!(takes(&config, &operation("autoscaler", Severity::Info), Cluster::default()));
    assert!(!takes(&config, &operation("platform", Severity::Info), Cluster::default()));
    let asked = for_the_server(&config);
    assert_eq!((asked.domains, asked.resources), (vec!["Autoscaler".to_owned()], vec!["node".to_owned()]));
}

#[test]
fn a_least_severity_is_written_with_or_without_its_sign_and_is_never_asked_for() {
    for written in ["warning", "'>= warning'", "'>=WARNING'"] {
        let config = config(&format!("severity: {written}"));
        assert!(!takes(&config, &operation("a", Severity::Success), Cluster::default()));
        assert!(takes(&config, &operation("a", Severity::Warning), Cluster::default()));
        assert_eq!(for_the_server(&config), Filter::default());
    }
}

#[test]
fn clusters_go_by_id_name_or_glob() {
    let named = |id: &str, name: &str| Cluster { id: Some(id.into()), name: Some(name.into()), ..Cluster::default() };
    let operation = operation("a", Severity::Info);
    let by_name = config("clusters: [prod-eu, 'staging-*']");
    assert!(takes(&by_name, &operation, named(ID, "prod-eu")));
    assert!(takes(&by_name, &operation, named(ID, "staging-2")));
    assert!(!takes(&by_name, &operation, named(ID, "dev")));
    assert!(!takes(&by_name, &operation, Cluster::default()), "a record of no cluster is of none of these");
    assert!(by_name.clusters.by_name() && for_the_server(&by_name).clusters.is_empty());

    let by_id = config(&format!("clusters: [{ID}]"));
    assert!(takes(&by_id, &operation, named(ID, "whatever")));
    assert!(!by_id.clusters.by_name());
    assert_eq!(for_the_server(&by_id).clusters, [ID]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let day = crate::config::Span::from_secs(86_400);
    let day_and_more = crate::config::Span::from_secs(90_000);
    for (yaml, key) in [
        ("every: 10ms", "every"),
        ("every: 1h", "silent_after"),
        ("overlap: 10ms", "overlap"),
        ("overlap: 2d\nsweep: none", "overlap"),
        ("version: v1\ndomains: [autoscaler]", "domains"),
        ("version: v1\nactions: [added]", "actions"),
        ("sweep: { every: 0s }", "sweep"),
        ("sweep: { back: 10m }", "sweep"),
        ("sweep: { every: 1h, back: 24h }", "sweep"),
        ("sweep: { back: 2d }", "sweep"),
    ] {
        let mistakes = config(yaml).impossible(if key == "sweep" { day } else { day_and_more });
        assert_eq!(mistakes.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [key], "{yaml}: {mistakes:?}");
    }
    assert!(config("sweep: { back: 23h }").impossible(day).is_empty());
    let mistakes = config("{}").impossible(day);
    assert_eq!(mistakes.len(), 1, "by the next sweep its beginning is an hour older: {mistakes:?}");
    for yaml in ["clusters: ['']", "domains: ['']", "severity: bad", "start: soon", "sweep: sometimes", "version: v3"] {
        let section = Section::from_yaml("relay.yaml", yaml);
        assert!(section.read::<Config>().is_none() && section.problems().is_err(), "{yaml}");
    }
}

#[test]
fn what_is_wanted_changes_with_the_filters_and_not_with_the_rhythm() {
    let wanted = |yaml: &str| config(yaml).wanted();
    assert_eq!(wanted("{}"), wanted("every: 5s\noverlap: 1h\nstart: 24h\nsweep: none"));
    let changed = ["version: v1", "clusters: [a]", "domains: [a]", "severity: error", "types: { a: node.added }"];
    let all: std::collections::BTreeSet<String> = changed.iter().chain(&["{}"]).map(|yaml| wanted(yaml)).collect();
    assert_eq!(all.len(), changed.len() + 1);
    let shape = json!(wanted("clusters: [a]\ndomains: [b]"));
    assert_ne!(shape, json!(wanted("clusters: [b]\ndomains: [a]")));
}
