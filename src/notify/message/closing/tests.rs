//! What people read when something is over.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::delivery::Phase;
use crate::names::IncidentKey;
use crate::notify::samples::{alone, delivery, many, notification, of_incident, texts, wording};
use crate::template::Markup;

fn interruption() -> Event {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    Event { body: Default::default(), ..delivery("node.spot_interrupted", data).event }
}

fn replacement() -> Batch {
    alone(&delivery(
        "node.added",
        json!({"nodeName": "ip-10-0-99-1", "instanceType": "m6i.2xlarge", "lifecycle": "spot"}),
    ))
}

fn closing(opening: Option<Event>) -> Batch {
    of_incident(replacement(), Phase::Resolve, "spot/prod-eu", opening)
}

fn told(batch: &Batch, words: serde_json::Value) -> Message {
    Message::compose(batch, &wording(words), Markup::Plain)
}

fn text(message: &Message) -> String {
    message.text.as_ref().map(|text| text.in_markup(Markup::Plain)).unwrap_or_default()
}

#[test]
fn it_says_what_is_over_how_long_it_took_and_what_ended_it() {
    let message = told(&closing(Some(interruption())), json!({}));
    assert_eq!(message.title, "Resolved: Spot interruption: m6i.2xlarge in prod-eu");
    assert_eq!(message.severity, Severity::Success);
    let expected = "It was open for 15 min. What ended it: New spot node: m6i.2xlarge (prod-eu).";
    assert_eq!(text(&message), expected);
    let facts: Vec<(&str, &str)> = message.facts.iter().map(|fact| (&*fact.label, &*fact.value)).collect();
    let expected = [
        ("Cluster", "prod-eu"),
        ("Incident", "spot/prod-eu"),
        ("Opened", "2026-11-20T08:00:00Z"),
        ("Ended", "2026-11-20T08:15:31Z"),
    ];
    assert_eq!(facts, expected);
    assert_eq!(message.footer, ["event evt-1", "node.added from castai · route all"]);
}

#[test]
fn what_is_over_is_named_as_it_was_when_it_began() {
    let words = json!({
        "title": "Spot lost: {{ event.data.nodeName }}",
        "text": "{{ event.data.missing }}",
        "links": [{"text": "Node", "url": "https://console.cast.ai/{{ event.data.nodeName }}"}],
    });
    let message = told(&closing(Some(interruption())), words);
    assert_eq!(message.title, "Resolved: Spot lost: ip-10-0-12-7");
    assert_eq!((message.headline.as_str(), message.footer.len()), (message.title.as_str(), 2));
    assert_eq!(message.links[0].url, "https://console.cast.ai/ip-10-0-12-7");
}

#[test]
fn a_title_that_cannot_be_made_costs_its_words_and_not_the_message() {
    let message = told(&closing(Some(interruption())), json!({"title": "{{ event.body.top }}"}));
    assert_eq!(message.title, "Resolved: Spot interruption: m6i.2xlarge in prod-eu");
    assert!(message.footer.iter().any(|line| line.contains("template for `title` failed")), "{:?}", message.footer);
}

#[test]
fn where_the_opening_event_is_forgotten_the_key_names_it() {
    let message = told(&closing(None), json!({"title": "Spot lost: {{ event.data.nodeName }}"}));
    assert_eq!(message.title, "Resolved: spot/prod-eu");
    assert_eq!(message.headline, "Resolved: spot/prod-eu");
    assert!(text(&message).starts_with("It was open for 15 min. What ended it: New spot node"), "{}", text(&message));
}

#[test]
fn what_ended_by_itself_says_for_how_long_nothing_was_heard() {
    let mut batch = of_incident(alone(&delivery("node.spot_interrupted", json!({}))), Phase::Resolve, "k", None);
    batch.claimed_at = batch.lead().event.received_at.saturating_add(Duration::from_secs(2 * 3600));
    batch.incident.as_mut().unwrap().timed_out = true;
    let message = told(&batch, json!({}));
    let expected = "It was open for 2 h 15 min. Nothing more was heard of it for 2 h 0 min, so it counts as over.";
    assert_eq!(text(&message), expected);
    assert!(message.facts.contains(&Fact::words("Ended", "2026-11-20T10:15:31Z").unwrap()));
}

#[test]
fn several_ends_of_one_incident_are_one_end() {
    let two = many(vec![delivery("node.added", json!({})), delivery("node.added", json!({}))]);
    let message = told(&of_incident(two, Phase::Resolve, "spot/prod-eu", Some(interruption())), json!({}));
    assert_eq!(message.title, "Resolved: Spot interruption: m6i.2xlarge in prod-eu");
}

#[test]
fn what_begins_is_told_as_without_an_incident() {
    let batch = alone(&delivery("node.spot_interrupted", json!({})));
    let opening = of_incident(batch.clone(), Phase::Open, "spot/prod-eu", None);
    assert_eq!(told(&opening, json!({})), told(&batch, json!({})));
}

proptest! {
    #[test]
    fn every_part_is_bounded_whatever_came(awkward in texts(300), known in any::<bool>(), timed_out in any::<bool>()) {
        let said = notification(&awkward, &awkward, json!({}));
        let key = IncidentKey::from_rendered(&awkward).map_or("k".to_owned(), |key| key.as_str().to_owned());
        let mut batch = of_incident(alone(&said), Phase::Resolve, &key, known.then(|| said.event.clone()));
        batch.incident.as_mut().unwrap().timed_out = timed_out;
        let message = told(&batch, json!({}));
        let length = |text: &str| text.chars().count();
        prop_assert!((1..=1000).contains(&length(&message.title)), "{}", message.title);
        let obeyed = crate::notify::message::is_obeyed;
        prop_assert!(!message.title.contains(obeyed) && !text(&message).contains(obeyed), "{message:?}");
        prop_assert!(length(&text(&message)) <= 1400, "{}", text(&message));
    }
}
