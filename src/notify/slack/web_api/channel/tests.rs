//! Which channels can be written, and what is made of them for an event.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::Cluster;
use crate::event::delivery::{Delivery, Phase};
use crate::notify::Next;
use crate::notify::samples::{alone, delivery, many, of_incident, texts, wording};

fn channel(text: &str) -> Channel {
    Channel::checked(KeyTemplate::compile(text).unwrap()).unwrap_or_else(|mistake| panic!("{text}: {mistake}"))
}

/// Something in this cluster.
fn within(cluster: Option<&str>) -> Delivery {
    let mut delivery = delivery("node.added", json!({}));
    delivery.event.cluster = Cluster { name: cluster.map(str::to_owned), ..Cluster::default() };
    delivery
}

fn named(text: &str, batch: &Batch) -> String {
    channel(text).of(batch, &Wording::default()).unwrap().name
}

const BY_CLUSTER: &str = "#k8s-{{ event.cluster.name }}";

#[test]
fn a_name_and_an_id_are_everybodys_channel() {
    for (text, name) in [
        ("#ops", "#ops"),
        ("ops", "#ops"),
        ("k8s_prod-1", "#k8s_prod-1"),
        ("#büro", "#büro"),
        ("C0123ABCDE", "C0123ABCDE"),
        ("U0123ABCDE", "U0123ABCDE"),
    ] {
        let place = channel(text).of(&alone(&within(None)), &Wording::default()).unwrap();
        assert_eq!(place, Place { name: name.to_owned(), is_everybodys: true });
    }
}

#[test]
fn what_can_be_no_channel_is_refused_with_the_reason() {
    let long = "x".repeat(81);
    for (text, mistake) in [
        ("Ops", "is no channel's name"),
        ("#ops alerts", "is no channel's name"),
        ("#", "is no channel's name"),
        (long.as_str(), "is no channel's name"),
        ("@ada", "names a person"),
        ("https://acme.slack.com/archives/C0123ABCDE", "is an address"),
    ] {
        let said = Channel::checked(KeyTemplate::compile(text).unwrap()).err().unwrap_or_default();
        assert!(said.starts_with(mistake), "{text}: {said}");
    }
}

#[test]
fn a_template_makes_a_name_of_the_event() {
    for (cluster, name) in [
        ("prod-eu", "#k8s-prod-eu"),
        ("Prod EU/1", "#k8s-prod-eu-1"),
        ("<!channel>", "#k8s---channel-"),
        (&"ü".repeat(99), &format!("#k8s-{}", "ü".repeat(76))),
    ] {
        let batch = alone(&within(Some(cluster)));
        let place = channel(BY_CLUSTER).of(&batch, &Wording::default()).unwrap();
        assert_eq!(place, Place { name: name.to_owned(), is_everybodys: false });
    }
    let id = "{{ 'C0123ABCDE' if event.cluster.name == 'prod-eu' else '#other' }}";
    assert_eq!(named(id, &alone(&within(Some("prod-eu")))), "C0123ABCDE");
    assert_eq!(named(id, &alone(&within(Some("dev")))), "#other");
    assert_eq!(named("#{{ event.cluster.name | default('other') }}", &alone(&within(None))), "#other");
}

#[test]
fn where_nothing_is_left_of_it_this_message_is_given_up_and_the_error_names_it() {
    for (text, cluster) in [(BY_CLUSTER, None), (BY_CLUSTER, Some(" ")), ("{{ event.cluster.name }}", Some("--"))] {
        let error = channel(text).of(&alone(&within(cluster)), &Wording::default()).unwrap_err();
        assert_eq!((error.next, error.reason), (Next::GiveUp, crate::event::delivery::Reason::Misconfigured));
        assert!(error.detail.starts_with(&format!("`channel: {text}` of target `ops` names no channel")), "{error}");
    }
}

#[test]
fn the_routes_channel_goes_before_the_targets() {
    let batch = alone(&within(Some("prod-eu")));
    let by_route = wording(json!({"channel": "#team-{{ event.cluster.name }}"}));
    let place = channel("#ops").of(&batch, &by_route).unwrap();
    assert_eq!(place, Place { name: "#team-prod-eu".to_owned(), is_everybodys: false });
    // What the route names is not everybody's channel, even if it is always the same.
    let fixed = channel("#ops").of(&batch, &wording(json!({"channel": "team"}))).unwrap();
    assert_eq!(fixed, Place { name: "#team".to_owned(), is_everybodys: false });
    let error = channel("#ops").of(&alone(&within(None)), &by_route).unwrap_err();
    assert!(error.detail.contains("of the message of route `all`"), "{error}");
}

#[test]
fn many_go_where_the_first_goes_and_an_end_where_its_beginning_went() {
    let crowd = many(vec![within(Some("first")), within(Some("second"))]);
    assert_eq!(named(BY_CLUSTER, &crowd), "#k8s-first");
    let end = |opening| of_incident(alone(&within(Some("later"))), Phase::Resolve, "spot/x", opening);
    assert_eq!(named(BY_CLUSTER, &end(Some(within(Some("first")).event))), "#k8s-first");
    assert_eq!(named(BY_CLUSTER, &end(Some(within(None).event))), "#k8s-later");
    assert_eq!(named(BY_CLUSTER, &end(None)), "#k8s-later");
}

proptest! {
    #[test]
    fn whatever_an_event_says_it_names_a_channel_of_ours_or_none(text in texts(LONGEST)) {
        let batch = alone(&within(Some(&text)));
        match channel(BY_CLUSTER).of(&batch, &Wording::default()) {
            Ok(Place { name, .. }) => {
                let rest = name.strip_prefix("#k8s-").unwrap();
                prop_assert!(name.chars().count() <= LONGEST + 1);
                prop_assert!(rest.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')), "{}", name);
            }
            Err(error) => prop_assert_eq!(error.next, Next::GiveUp),
        }
    }
}
