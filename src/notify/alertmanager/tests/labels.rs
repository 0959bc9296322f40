//! The same incident has the same labels; different events have different ones; odd texts come through.

use serde_json::json;

use super::*;
use crate::event::delivery::Again;
use crate::names::{DrillName, ReplayId};
use crate::notify::samples::{alone, delivery, notification};

fn label<'a>(labels: &'a Labels, name: &str) -> Option<&'a str> {
    labels.get(name).map(String::as_str)
}

#[test]
fn an_event_is_named_by_what_it_is_and_by_its_id() {
    let labels = of_event(&notification("Pending pod", "text", json!({})));
    assert_eq!(label(&labels, "alertname"), Some("Pending pod"));
    assert_eq!(label(&labels, "type"), Some("castai.notification"));
    assert_eq!((label(&labels, "cluster"), label(&labels, "organization")), (Some("prod-eu"), Some("org-1")));
    assert_eq!((label(&labels, "event"), label(&labels, "incident")), (Some("evt-1"), None));
    let unnamed = of_event(&notification(" \n", "text", json!({})));
    assert_eq!(label(&unnamed, "alertname"), Some("castai.notification"));
    assert_eq!(label(&of_event(&delivery(" ", json!({}))), "alertname"), Some(CastAIEvent::UNRECOGNIZED));
    let mut drill = delivery("node.added", json!({}));
    drill.event = drill.event.as_drill(&DrillName::on_demand());
    assert_eq!(label(&of_event(&drill), "drill"), Some("on-demand"));
}

#[test]
fn an_incident_keeps_its_labels_whatever_adds_to_it_or_ends_it() {
    let opening = delivery("node.spot_interrupted", json!({"nodeName": "a"}));
    let opened = of_incident_step(&opening, Phase::Open, None);
    let mut ending = delivery("node.added", json!({}));
    ending.event.cluster.name = Some("elsewhere".to_owned());
    let ended = of_incident_step(&ending, Phase::Resolve, Some(opening.event.clone()));
    assert_eq!(opened, ended);
    assert_eq!((label(&ended, "incident"), label(&ended, "event")), (Some("spot/a"), None));
}

fn of_incident_step(delivery: &Delivery, phase: Phase, opening: Option<Event>) -> Labels {
    let mut batch = crate::notify::samples::of_incident(alone(delivery), phase, "spot/a", opening);
    // The store keeps the severity it was opened with.
    let incident = batch.incident.take().map(|incident| Incident { severity: Severity::Warning, ..incident }).unwrap();
    super::of_incident(&batch, &incident)
}

#[test]
fn told_again_as_news_it_is_another_alert() {
    let mut delivery = delivery("node.added", json!({}));
    let first = of_event(&delivery);
    delivery.again = Some(Again { replay: ReplayId::from_row(3), fresh: false });
    assert_eq!(of_event(&delivery), first);
    delivery.again = Some(Again { replay: ReplayId::from_row(3), fresh: true });
    assert_eq!(label(&of_event(&delivery), "replay"), Some("R3"));
}

#[test]
fn texts_that_differ_stay_different() {
    let long = "x".repeat(255);
    let texts = ["a b", "a  b", "a\nb", "\u{202e}", &long, &format!("{long}y"), &format!("{long}z"), &"ü".repeat(256)];
    let values: std::collections::BTreeSet<String> = texts.iter().map(|text| whole(text)).collect();
    assert_eq!(values.len(), texts.len());
    assert!(values.iter().all(|value| (1..=LONGEST).contains(&value.chars().count()) && one_line(value) == *value));
    assert_eq!(whole(&long), long);
}

#[test]
fn names_that_an_older_release_refuses_are_refused_here() {
    for name in ["team", "_x", "A1", "cluster"] {
        assert_eq!(mistake(name, "x"), None, "{name}");
    }
    for name in ["", "1a", "a-b", "a.b", "ü", "a b", "event", "incident", "replay"] {
        assert!(mistake(name, "x").is_some(), "{name}");
    }
    for value in ["", " ", "a\nb", " a", &"x".repeat(256)] {
        assert!(mistake("team", value).is_some(), "{value:?}");
    }
    assert_eq!(mistake("team", &"ü".repeat(255)), None);
}
