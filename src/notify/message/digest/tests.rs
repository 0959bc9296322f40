//! What people read of many events at once.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::castai::KINDS;
use crate::event::delivery::Phase;
use crate::names::IncidentKey;
use crate::notify::samples::{delivery, interruptions, many, notification, of_incident, texts, wording};
use crate::template::Markup;

fn told(batch: &Batch) -> Message {
    Message::compose(batch, &Wording::default(), Markup::Plain)
}

fn facts(message: &Message) -> HashMap<&str, &str> {
    message.facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect()
}

fn text(message: &Message) -> String {
    message.text.as_ref().map(|text| text.in_markup(Markup::Plain)).unwrap_or_default()
}

#[test]
fn many_of_a_kind_are_counted_placed_and_timed() {
    let message = told(&many(interruptions(412, 12)));
    assert_eq!(message.title, "412 spot interruptions in 12 clusters");
    assert_eq!(message.headline, message.title);
    assert_eq!(message.severity, Severity::Critical);
    let facts: Vec<(&str, &str)> = message.facts.iter().map(|fact| (&*fact.label, &*fact.value)).collect();
    let expected = [
        ("Happened", "2026-11-20T08:15:31Z to 2026-11-20T08:22:22Z (6 min)"),
        ("Severity", "4 critical, 408 warning"),
        ("Type", "node.spot_interrupted"),
        ("Cluster", "prod-00 (59), prod-01 (59), prod-02 (59), prod-03 (59), prod-06 (44), prod-07 (44), and 6 more"),
        ("Instance type", "m6i.2xlarge (138), c6a.4xlarge (137), r5.large (137)"),
        ("Zone", "eu-central-1b (274), eu-central-1a (138)"),
        ("Reason", "spot-interruption"),
    ];
    assert_eq!(facts, expected);
    assert_eq!(message.footer, ["event evt-99", "critical · and 411 more of route all"]);
}

#[test]
fn the_worst_are_listed_first_and_the_others_counted() {
    let text = text(&told(&many(interruptions(412, 12))));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "• critical · Spot interruption: m6i.2xlarge in prod-03 · 08:17:10Z");
    // Alike to most of them, so not worth a word.
    assert_eq!(lines[4], "• Spot interruption: m6i.2xlarge in prod-00 · 08:15:31Z");
    assert_eq!((lines.len(), lines[20]), (21, "and 392 more"));
}

#[test]
fn a_storm_says_so_and_how_wide_it_is() {
    let storm = |count, clusters| told(&Batch { is_storm: true, ..many(interruptions(count, clusters)) }).title;
    assert_eq!(storm(8412, 50), "Storm: 8,412 spot interruptions in 50 clusters, 2 zones");
    assert_eq!(storm(2, 1), "Storm: 2 spot interruptions in prod-00, 2 zones");
}

#[test]
fn what_follows_in_a_storm_counts_all_and_names_the_worst_of_what_is_new() {
    let before = || many(interruptions(8000, 50)).tally;
    let next = |deliveries| told(&Batch { is_storm: true, before: before(), ..many(deliveries) });
    let message = next(interruptions(412, 50));
    assert_eq!(message.title, "Storm: 8,412 spot interruptions in 50 clusters, 2 zones");
    assert_eq!((message.severity, facts(&message)["Severity"]), (Severity::Critical, "84 critical, 8,328 warning"));
    assert_eq!(message.footer, ["event evt-99", "critical · and 8,411 more of route all"]);
    assert!(text(&message).ends_with("\nand 8,392 more"), "{}", text(&message));
    // One that comes alone is told like many, and does not make the message look better than it was.
    let one = Batch { is_storm: true, before: before(), ..many(interruptions(1, 1)) };
    let message = told(&one);
    assert_eq!(message.title, "Storm: 8,001 spot interruptions in 50 clusters, 2 zones");
    assert_eq!(
        (message.severity, message.footer[1].as_str()),
        (Severity::Critical, "critical · and 8,000 more of route all")
    );
    assert_eq!(text(&message).lines().count(), 2);
    // Where only ends follow, they are what is new.
    let ends = Batch { tally: Some(Tally::default()), ..many(interruptions(3, 1)) };
    let mut ends = Batch { is_storm: true, before: before(), ..ends };
    (0..3).for_each(|_| ends.tally.as_mut().unwrap().add_resolved());
    let message = told(&ends);
    assert_eq!(message.title, "Storm: 8,000 spot interruptions in 50 clusters, 2 zones, 3 resolved");
    assert_eq!((message.severity, text(&message).lines().count()), (Severity::Critical, 3));
}

#[test]
fn of_several_kinds_the_two_most_frequent_are_named() {
    let spot = interruptions(4, 1);
    let with = |others: Vec<Delivery>| told(&many(spot.iter().cloned().chain(others).collect())).title;
    let pending = || notification("Pending pod detected", "m", json!({}));
    let added = || delivery("node.added", json!({}));
    assert_eq!(with(vec![added()]), "5 events in 2 clusters: 4 spot interruptions and 1 new node");
    let three = with(vec![added(), pending(), pending(), pending()]);
    assert_eq!(three, "8 events in 2 clusters: 4 spot interruptions, 3 × Pending pod detected and 1 other");
    assert_eq!(told(&many(vec![pending(), pending()])).title, "2 × Pending pod detected in prod-eu");
}

#[test]
fn every_kind_has_words_for_many_of_it() {
    for (kind, _) in KINDS {
        assert!(NOUNS.iter().any(|(known, ..)| known == kind), "{kind}");
        assert!(!of_kind(2, kind).contains('×'), "{kind}");
    }
}

#[test]
fn a_cluster_is_named_only_where_all_happened_there() {
    let mut some = interruptions(3, 1);
    assert_eq!(told(&many(some.clone())).title, "3 spot interruptions in prod-00");
    some[1].event.cluster.name = None;
    let message = told(&many(some.clone()));
    assert_eq!((message.title.as_str(), facts(&message)["Cluster"]), ("3 spot interruptions", "prod-00 (2)"));
    some.iter_mut().for_each(|delivery| delivery.event.cluster.name = None);
    let message = told(&many(some));
    assert!(message.title == "3 spot interruptions" && !facts(&message).contains_key("Cluster"));
}

#[test]
fn what_is_too_much_to_name_is_counted() {
    let wide = |clusters: u32| {
        let mut deliveries = interruptions(clusters, 1);
        for (number, delivery) in deliveries.iter_mut().enumerate() {
            delivery.event.cluster.name = Some(format!("cluster-{number:04}"));
        }
        told(&many(deliveries))
    };
    let message = wide(900);
    assert_eq!(message.title, "900 spot interruptions in 900 clusters");
    assert!(facts(&message)["Cluster"].ends_with(", cluster-0005 (1), and 894 more"), "{:?}", facts(&message));
    let message = wide(1200);
    assert_eq!(message.title, "1,200 spot interruptions in more than 1,000 clusters");
    assert!(facts(&message)["Cluster"].ends_with(", and more than 994 others"), "{:?}", facts(&message));
}

#[test]
fn incidents_that_ended_meanwhile_are_counted_apart() {
    let resolving = |mut batch: Batch, ended: usize| {
        let tally = batch.tally.as_mut().unwrap();
        (0..ended).for_each(|_| tally.add_resolved());
        batch
    };
    let message = told(&resolving(many(interruptions(412, 1)), 31));
    assert_eq!(message.title, "412 spot interruptions in prod-00, 31 resolved");
    assert_eq!(facts(&message)["Resolved"], "31");
    let all_ended = Batch { tally: Some(Tally::default()), ..many(interruptions(3, 1)) };
    let message = told(&resolving(all_ended, 3));
    assert_eq!((message.title.as_str(), message.severity), ("3 incidents resolved", Severity::Success));
    assert_eq!(text(&message).lines().count(), 3);
}

#[test]
fn days_are_named_where_there_are_several_and_lateness_where_there_is_some() {
    let mut two = interruptions(2, 1);
    let midnight = Timestamp::parse("2026-11-21T00:00:07.250Z").unwrap();
    two[1].event.occurred_at = Some(midnight);
    let late = Batch { claimed_at: midnight.saturating_add(Duration::from_secs(3 * 3600)), ..many(two) };
    let message = told(&late);
    let happened = "2026-11-20T08:15:31Z to 2026-11-21T00:00:07.25Z (15 h 44 min), the last one 3 h 0 min late";
    assert_eq!(facts(&message)["Happened"], happened);
    assert!(text(&message).ends_with("· 2026-11-21 00:00:07Z"), "{}", text(&message));
}

#[test]
fn many_steps_of_one_incident_name_it() {
    let message = told(&of_incident(many(interruptions(3, 1)), Phase::Open, "spot/prod-00", None));
    assert_eq!(message.title, "3 spot interruptions in prod-00");
    assert_eq!(facts(&message)["Incident"], "spot/prod-00");
}

#[test]
fn of_the_routes_words_only_the_links_are_kept() {
    let wording = wording(json!({
        "title": "Spot lost: {{ event.data.nodeName }}",
        "text": "{{ event.data.missing }}",
        "links": [{"text": "Console", "url": "https://console.cast.ai/{{ event.cluster.name }}"}],
    }));
    let message = Message::compose(&many(interruptions(3, 1)), &wording, Markup::Plain);
    assert_eq!(message.title, "3 spot interruptions in prod-00");
    assert_eq!(message.links[0].url, "https://console.cast.ai/prod-00");
    assert_eq!(message.footer.len(), 2, "{:?}", message.footer);
}

proptest! {
    #[test]
    fn every_part_is_bounded_whatever_came(awkward in texts(200), count in 2..40u32, storm in any::<bool>()) {
        let mut deliveries = interruptions(count, 5);
        deliveries.push(notification(&awkward, &awkward, json!({"reason": awkward, "zone": awkward})));
        deliveries[0].event.cluster.name = Some(awkward.clone());
        let before = if storm { many(interruptions(count, 9)).tally } else { None };
        let mut batch = Batch { is_storm: storm, before, ..many(deliveries) };
        if let Some(key) = IncidentKey::from_rendered(&awkward) {
            batch = of_incident(batch, Phase::Open, key.as_str(), None);
        }
        let message = told(&batch);
        let length = |text: &str| text.chars().count();
        prop_assert!((1..=300).contains(&length(&message.title)), "{}", message.title);
        prop_assert!(message.facts.len() <= 10 && message.footer.len() <= 6);
        for fact in &message.facts {
            prop_assert!((1..=60).contains(&length(&fact.label)) && (1..=200).contains(&length(&fact.value)));
        }
        let whole = text(&message);
        let obeyed = |c: char| crate::notify::message::is_obeyed(c) && c != '\n';
        prop_assert!(!message.title.contains(obeyed) && !whole.contains(obeyed), "{message:?}");
        prop_assert!(whole.lines().count() <= 21 && whole.lines().all(|line| length(line) <= 242));
    }
}
