//! `deploy/METRICS.md` against what a relay shows that has everything configured and has done nothing yet.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(feature = "kubernetes")]
use crate::support::kubernetes::ApiServer;
use crate::support::relay::TestRelay;

const CATALOGUE: &str = include_str!("../../../deploy/METRICS.md");

const ASKED: &str = "notifications: { page_if_younger_than: 1h }, audit_log: {}, savings: {}";

/// The values of each label; of those that the catalogue leaves to the configuration, none.
type Labels = BTreeMap<String, BTreeSet<String>>;

/// A family by its name as a program reads it, such as `castai_relay_batches_total`: its type and labels.
type Families = BTreeMap<String, (String, Labels)>;

fn catalogue() -> Families {
    let rows = CATALOGUE.lines().filter(|line| line.starts_with("| `castai_relay_"));
    let row = |line: &str| {
        let [_, name, kind, labels, meaning, _] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("not four cells: {line}")
        };
        assert!(!meaning.is_empty(), "{line}");
        let labels = labels.split(';').map(str::trim).filter(|label| !label.is_empty()).map(label).collect();
        (name.trim_matches('`').to_owned(), (kind.to_owned(), labels))
    };
    let all: Vec<_> = rows.map(row).collect();
    let count = all.len();
    let families = Families::from_iter(all);
    assert_eq!(families.len(), count, "a metric is in the catalogue twice");
    families
}

fn label(cell: &str) -> (String, BTreeSet<String>) {
    let (name, values) = cell.split_once(':').unwrap_or((cell, ""));
    let values = values.split(',').map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    (name.trim().trim_matches('`').to_owned(), values.collect())
}

/// What the text shows. A family without a sample is shown by nobody who asks for it, so it does not count.
fn shown(text: &str) -> Families {
    let mut families = Families::new();
    let mut current = (String::new(), String::new());
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            current = (name.to_owned(), kind.to_owned());
        }
        if line.starts_with('#') {
            continue;
        }
        let (family, kind) = &current;
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.strip_suffix('}').and_then(|series| series.split_once('{')).unwrap_or((series, ""));
        assert!(name.starts_with(family.as_str()), "{line} is not of {family}");
        let name = if kind == "histogram" { family } else { name };
        let (_, all) = families.entry(name.to_owned()).or_insert_with(|| (kind.clone(), Labels::new()));
        for (label, value) in
            labels.split(',').filter_map(|label| label.split_once('=')).filter(|(label, _)| *label != "le")
        {
            all.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }
    families
}

#[tokio::test]
async fn the_catalogue_holds_what_a_fresh_relay_shows_and_nothing_else() {
    #[cfg(feature = "kubernetes")]
    let server = ApiServer::start().await;
    #[cfg(feature = "kubernetes")]
    let kubernetes = format!(", kubernetes: {}", server.section(""));
    #[cfg(not(feature = "kubernetes"))]
    let kubernetes = "";
    let relay = TestRelay::start(&format!("sources: {{ {ASKED}{kubernetes} }}")).await;
    let shown = shown(&relay.look("/metrics").await.body);
    let mut catalogue = catalogue();
    if cfg!(not(feature = "kubernetes")) {
        catalogue.retain(|name, _| !name.starts_with("castai_relay_kubernetes_"));
    }
    let names = |families: &Families| families.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&shown), names(&catalogue), "shown, and in deploy/METRICS.md");
    for (name, (kind, labels)) in catalogue {
        let (shown_kind, shown_labels) = &shown[&name];
        assert_eq!((shown_kind, shown_labels.keys().collect::<Vec<_>>()), (&kind, labels.keys().collect()), "{name}");
        for (label, values) in labels.into_iter().filter(|(_, values)| !values.is_empty()) {
            assert_eq!(shown_labels[&label], values, "{name}, {label}");
        }
    }
}

/// What is configured can be drawn before anything happens.
#[tokio::test]
async fn every_target_route_and_source_is_there_from_the_start() {
    let relay = TestRelay::start(&format!("sources: {{ {ASKED} }}")).await;
    let shown = shown(&relay.look("/metrics").await.body);
    let values = |name: &str, label: &str| shown[name].1[label].iter().cloned().collect::<Vec<_>>();
    assert_eq!(values("castai_relay_routed_events_total", "route"), ["all-news", "default_targets", "too_late"]);
    assert_eq!(
        values("castai_relay_source_lag_seconds", "source"),
        ["audit_log", "castai", "notifications", "savings"]
    );
    let sources = ["audit_log", "castai", "notifications", "relay", "savings"];
    assert_eq!(values("castai_relay_received_events_total", "source"), sources);
    for (name, (_, labels)) in &shown {
        let targets = labels.get("target").into_iter().flatten().cloned().collect::<Vec<_>>();
        assert!(targets.is_empty() || targets == ["console", "oncall", "slack-ops"], "{name}: {targets:?}");
    }
}
