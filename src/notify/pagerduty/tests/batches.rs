//! Many events as one page, and incidents that the route names: which alert, what becomes of it, what it says.

use super::*;
use crate::event::batch::Batch;
use crate::event::delivery::Phase;
use crate::event::{Severity, Timestamp};
use crate::names::IncidentKey;
use crate::notify::samples::{interruptions, many, of_incident};

fn event_of(batch: &Batch, form: &Form) -> Value {
    serde_json::from_slice(&form.fill(batch, &Wording::default()).unwrap().body()).unwrap()
}

fn paged(batch: &Batch) -> Value {
    event_of(batch, &form(Action::Trigger, None))
}

fn key(event: &Value) -> &str {
    event["dedup_key"].as_str().unwrap()
}

fn lines(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
}

#[test]
fn many_are_one_page_with_counts_and_the_worst_of_them() {
    let page = paged(&many(interruptions(412, 12)));
    let payload = &page["payload"];
    assert_eq!(page["event_action"], "trigger");
    assert_eq!(payload["summary"], "412 spot interruptions in 12 clusters");
    assert_eq!((&payload["severity"], &payload["class"]), (&json!("critical"), &json!("node.spot_interrupted")));
    assert_eq!((&payload["source"], &payload["timestamp"]), (&json!("org-1"), &json!("2026-11-20T08:15:31Z")));
    // They are of many clusters and nodes.
    assert!(payload.get("group").is_none() && payload.get("component").is_none(), "{payload}");
    let details = &payload["custom_details"];
    assert!(details.get("data").is_none() && details.get("text").is_none(), "{details}");
    assert_eq!(lines(&details["counts"]["Cluster"])[..2], ["59 × prod-00", "59 × prod-01"]);
    assert_eq!(lines(&details["counts"]["Cluster"]).len(), 12);
    assert_eq!(lines(&details["counts"]["Zone"]), ["274 × eu-central-1b", "138 × eu-central-1a"]);
    let events = lines(&details["events"]);
    assert_eq!(events[0], "critical · Spot interruption: m6i.2xlarge in prod-03 · 08:17:10Z");
    assert_eq!((events.len(), events[20]), (21, "and 392 more"));
}

#[test]
fn what_many_have_in_common_is_told_as_of_one() {
    let payload = &paged(&many(interruptions(5, 1)))["payload"];
    assert_eq!((&payload["source"], &payload["group"]), (&json!("prod-00"), &json!("prod-00")));
}

#[test]
fn a_page_has_room_for_the_widest_batch_there_can_be() {
    let mut wide = interruptions(1500, 1);
    for (number, delivery) in wide.iter_mut().enumerate() {
        delivery.event.cluster.name = Some(format!("{number}{}", "\u{1}ü".repeat(5000)));
        delivery.event.data = json!({"zone": "z".repeat(5000), "k": "x".repeat(5000)}).as_object().unwrap().clone();
    }
    let page = paged(&many(wide));
    assert!(page.to_string().len() < 100_000, "{}", page.to_string().len());
    let clusters = lines(&page["payload"]["custom_details"]["counts"]["Cluster"]);
    assert_eq!((clusters.len(), clusters[50]), (51, "1,450 × others"));
}

#[test]
fn a_batch_that_grows_between_attempts_is_still_the_same_alert() {
    let deliveries = interruptions(120, 3);
    let alone = paged(&alone(&deliveries[0]));
    for grown in [2, 50, 120] {
        // The hundredth is critical: another one leads.
        let page = paged(&many(deliveries[..grown].to_vec()));
        assert_eq!(key(&page), key(&alone), "{grown}");
    }
    assert_ne!(key(&paged(&many(deliveries[1..].to_vec()))), key(&alone));
    let own = form(Action::Trigger, Some("{{ event.cluster.name }}/{{ event.id }}"));
    assert_eq!(key(&event_of(&many(deliveries), &own)), "prod-00/evt-0");
}

#[test]
fn a_step_of_an_incident_names_the_alert_whatever_the_target_is_set_to() {
    let batch = alone(&delivery("node.spot_interrupted", json!({})));
    for action in [Action::Trigger, Action::Acknowledge, Action::Resolve] {
        let form = form(action, Some("{{ event.data.missing }}"));
        let opened = event_of(&of_incident(batch.clone(), Phase::Open, "spot/prod-eu", None), &form);
        assert_eq!((&opened["event_action"], key(&opened)), (&json!("trigger"), "spot/prod-eu"));
        assert_eq!(opened["payload"]["summary"], "Spot interruption in prod-eu");
        assert_eq!(opened["payload"]["custom_details"]["about"].as_array().unwrap().len(), 3, "{opened}");
        let ended = event_of(&of_incident(batch.clone(), Phase::Resolve, "spot/prod-eu", None), &form);
        let expected = json!({"routing_key": KEY, "event_action": "resolve", "dedup_key": "spot/prod-eu"});
        assert_eq!(ended, expected);
    }
    let many = of_incident(many(interruptions(30, 1)), Phase::Open, "spot/prod-eu", None);
    let opened = event_of(&many, &form(Action::Resolve, Some("k")));
    assert_eq!((&opened["event_action"], key(&opened)), (&json!("trigger"), "spot/prod-eu"));
    assert_eq!(opened["payload"]["custom_details"]["Incident"], "spot/prod-eu");
}

#[test]
fn the_longest_key_of_an_incident_is_taken_as_it_is() {
    let longest = "ü".repeat(255);
    let batch = of_incident(alone(&delivery("node.added", json!({}))), Phase::Open, &longest, None);
    assert_eq!(key(&paged(&batch)), longest);
    assert_eq!(IncidentKey::from_rendered(&format!("{longest}x")).unwrap().as_str().len(), 64);
}

#[test]
fn one_resolve_cannot_stand_for_many_and_says_what_to_do() {
    let form = form(Action::Resolve, Some("{{ event.id }}"));
    let error = form.fill(&many(interruptions(3, 1)), &Wording::default()).err().unwrap();
    assert_eq!((error.next, error.reason, error.scope), (Next::GiveUp, Reason::Misconfigured, Scope::Message));
    assert!(error.detail.contains("these are 3") && error.detail.contains("out of route `all`"), "{error}");
}

#[test]
fn who_resolves_alerts_one_by_one_says_so() {
    let tells_many = |more: &str| {
        let notifier = built(&format!("{{ routing_key: {KEY}{more} }}")).unwrap();
        assert!(notifier.keeps_incidents());
        notifier.tells_many()
    };
    assert!(tells_many(""));
    assert!(!tells_many(", action: resolve, dedup_key: \"{{ event.id }}\""));
    assert!(!tells_many(", action: acknowledge, dedup_key: \"{{ event.id }}\""));
}

#[test]
fn many_that_ended_are_good_news() {
    let mut batch = many(interruptions(3, 1));
    let mut tally = crate::event::tally::Tally::default();
    (0..3).for_each(|_| tally.add_resolved());
    batch.tally = Some(tally);
    let page = paged(&batch);
    assert_eq!(page["payload"]["summary"], "3 incidents resolved");
    assert_eq!((&page["payload"]["severity"], Severity::Success.as_str()), (&json!("info"), "success"));
    let began = batch.lead().event.received_at;
    assert_eq!(Timestamp::parse(page["payload"]["timestamp"].as_str().unwrap()), Some(began));
}

proptest! {
    #[test]
    fn every_limit_of_pagerduty_holds_for_many(title in texts(1024), cluster in texts(1024), count in 1..40u32) {
        let mut deliveries = interruptions(count, 7);
        deliveries.extend(std::iter::repeat_n(notification(&title, &title, json!({"reason": title})), 2));
        deliveries[0].event.cluster.name = Some(cluster);
        let page = paged(&many(deliveries));
        let length = |value: &Value| value.as_str().unwrap().chars().count();
        prop_assert!((1..=1024).contains(&length(&page["payload"]["summary"])));
        prop_assert!((1..=255).contains(&length(&page["dedup_key"])));
        prop_assert!(!page["payload"]["source"].as_str().unwrap().trim().is_empty());
        prop_assert!(page.to_string().len() <= 512_000);
    }
}
