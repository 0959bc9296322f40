//! What names an alert: its labels, which are the same at its beginning and at its end, and hold nothing that changes in between.
//!
//! Pure. Every release of Alertmanager takes the names here; a value is any text. An empty one would be left out there:
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#labelname>.

use std::collections::BTreeMap;

use crate::event::batch::{Batch, Incident};
use crate::event::delivery::{Delivery, Phase};
use crate::event::{CastAIEvent, Event, Severity};
use crate::notify::identity::hashed;
use crate::notify::message::{cut, in_four_words, one_line};

/// Characters of a label's value. Nothing limits it there; it has to fit into a line here.
const LONGEST: usize = 255;

/// What tells one alert from another, which a constant would make one of all.
const OWN: &[&str] = &["event", "incident", "replay"];

/// In the order of their names, as Alertmanager compares them.
pub(super) type Labels = BTreeMap<String, String>;

/// What is wrong with a label as configured, and what to do.
pub(super) fn mistake(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some(("cannot be the name of a label", "letters, digits and `_`, no digit first"));
    }
    if OWN.contains(&name) {
        return Some(("belongs to the relay: it tells one alert from another", "choose another name"));
    }
    let line = one_line(value);
    if line.is_empty() {
        return Some(("has no value, and Alertmanager leaves such a label out", "write a value, or leave it out"));
    }
    let is_whole = line == value && value.chars().count() <= LONGEST;
    (!is_whole).then_some(("has a value that is no single line of up to 255 characters", "write a shorter one"))
}

/// Of an event that belongs to no incident.
pub(super) fn of_event(delivery: &Delivery) -> Labels {
    let own = [
        ("event", Some(whole(delivery.event.id.as_str()))),
        ("replay", delivery.told_anew_by().map(|replay| replay.to_string())),
    ];
    about(&delivery.event, delivery.severity).chain(present(own)).collect()
}

/// Of an incident, by what opened it; by what is at hand where that is forgotten.
pub(super) fn of_incident(batch: &Batch, incident: &Incident) -> Labels {
    let opening = incident.opening.as_deref().filter(|_| incident.phase == Phase::Resolve);
    let event = opening.unwrap_or(batch.first_event());
    about(event, incident.severity).chain(present([("incident", Some(whole(incident.key.as_str())))])).collect()
}

/// Of what is told of many together: that alone wakes nobody, the worst of them have alerts of their own.
pub(super) fn of_many(batch: &Batch) -> Labels {
    let own = [
        ("alertname", Some("many events".to_owned())),
        ("severity", Some(in_four_words(Severity::Info).to_owned())),
        ("route", Some(short(batch.route().as_str()))),
        ("event", Some(whole(batch.first_event().id.as_str()))),
        ("replay", batch.lead().told_anew_by().map(|replay| replay.to_string())),
    ];
    present(own).collect()
}

fn about(event: &Event, severity: Severity) -> impl Iterator<Item = (String, String)> {
    let text = |text: &Option<String>| text.as_deref().map(short);
    present([
        ("alertname", Some(short(called(event)))),
        ("type", Some(short(event.type_name()))),
        ("severity", Some(in_four_words(severity).to_owned())),
        ("cluster", event.cluster.label().map(short)),
        ("cluster_id", text(&event.cluster.id)),
        ("organization", text(&event.organization)),
        ("category", text(&event.category)),
        ("drill", event.drill().map(|drill| drill.to_string())),
    ])
}

fn present<const N: usize>(labels: [(&'static str, Option<String>); N]) -> impl Iterator<Item = (String, String)> {
    let has_value = |(name, value): (&'static str, Option<String>)| Some((name.to_owned(), value?));
    labels.into_iter().filter_map(has_value).filter(|(_, value)| !value.is_empty())
}

/// CAST AI's own name of a notification, else the type.
fn called(event: &Event) -> &str {
    let name = match &event.kind {
        CastAIEvent::Notification(notification) => notification.name.as_deref(),
        _ => None,
    };
    let names = [name, Some(event.type_name())].into_iter().flatten();
    names.into_iter().find(|name| !one_line(name).is_empty()).unwrap_or(CastAIEvent::UNRECOGNIZED)
}

fn short(text: &str) -> String {
    cut(&one_line(text), LONGEST)
}

/// As it is, else in a form that differs wherever the text does.
fn whole(text: &str) -> String {
    let line = one_line(text);
    if line == text && text.chars().count() <= LONGEST {
        return line;
    }
    let digest = hashed(text);
    format!("{} {digest}", cut(&line, LONGEST - digest.len() - 1)).trim().to_owned()
}

#[cfg(test)]
#[path = "tests/labels.rs"]
mod tests;
