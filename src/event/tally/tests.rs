//! The counts add up, whatever comes and however much of it, in bounded space.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::Cluster;
use crate::event::castai::Notification;
use crate::names::{EventId, SourceName};

fn event(event_type: &str, cluster: &str, data: Value) -> Event {
    let data = data.as_object().unwrap().clone();
    let kind = CastAIEvent::read(event_type, &data, &mut vec![]);
    Event {
        id: EventId::from_sender(None, "evt-1"),
        source: SourceName::relay(),
        severity: kind.default_severity(),
        kind,
        organization: None,
        cluster: Cluster { name: Some(cluster.to_owned()), ..Cluster::default() },
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: Timestamp::EPOCH,
        data,
        notes: vec![],
        body: Bytes::new(),
    }
}

fn tally(events: impl IntoIterator<Item = Event>) -> Tally {
    let mut tally = Tally::default();
    events.into_iter().for_each(|event| tally.add(&event, event.severity));
    tally
}

#[test]
fn a_node_counts_by_type_cluster_instance_type_zone_and_reason() {
    let data = json!({"instanceType": "m6i.large", "zone": "eu-central-1a", "action": "spot-interruption"});
    let tally = tally([event("node.spot_interrupted", "prod-eu", data)]);
    let most = Dimension::ALL.map(|dimension| tally.most(dimension));
    let expected = ["node.spot_interrupted", "prod-eu", "m6i.large", "eu-central-1a", "spot-interruption"];
    assert_eq!(most, expected.map(|value| vec![(value, 1)]));
    assert_eq!(Dimension::ALL.map(|dimension| tally.different(dimension)), [1; 5]);
}

#[test]
fn the_most_frequent_comes_first_and_those_alike_by_name() {
    let tally = tally(["b", "a", "c", "c"].map(|cluster| event("node.added", cluster, json!({}))));
    assert_eq!(tally.most(Dimension::Cluster), [("c", 2), ("a", 1), ("b", 1)]);
}

#[test]
fn common_is_only_what_all_have() {
    let data = || json!({"zone": "eu-central-1a"});
    let events = [event("node.added", "a", data()), event("node.added", "b", data()), event("node.added", "", data())];
    let of = |count| tally(events[..count].iter().cloned());
    assert_eq!([of(1), of(2)].each_ref().map(|tally| tally.common(Dimension::Cluster)), [Some("a"), None]);
    assert_eq!(of(3).common(Dimension::Zone), Some("eu-central-1a"));
    assert_eq!(tally(events[1..].iter().cloned()).common(Dimension::Cluster), None, "one has none");
    assert_eq!(of(0).common(Dimension::Type), None);
}

#[test]
fn what_is_blank_names_nothing_and_a_notification_is_counted_by_its_name() {
    let mut named = event("x", " \n", json!({"reason": " ", "zone": "", "instanceType": null}));
    named.kind = CastAIEvent::Notification(Notification { name: Some("Pending pod".into()), message: None });
    let mut nameless = named.clone();
    nameless.kind = CastAIEvent::Notification(Notification { name: Some(" ".into()), message: None });
    let tally = tally([named, nameless]);
    assert_eq!(tally.most(Dimension::Type), [("Pending pod", 1), ("castai.notification", 1)]);
    let others = Dimension::ALL.iter().skip(1).map(|dimension| tally.different(*dimension)).sum::<usize>();
    assert_eq!(others, 0);
}

#[test]
fn first_and_last_are_by_the_time_it_happened_in_whatever_order_it_comes() {
    let at = |occurred: Option<i64>, received| Event {
        occurred_at: occurred.map(Timestamp::from_millis),
        received_at: Timestamp::from_millis(received),
        ..event("node.added", "a", json!({}))
    };
    let tally = tally([at(Some(50), 60), at(Some(10), 70), at(None, 40)]);
    assert_eq!(tally.first_at(), Some(Timestamp::from_millis(10)));
    assert_eq!(tally.last_at(), Some(Timestamp::from_millis(50)));
    assert_eq!(Tally::default().first_at(), None);
}

#[test]
fn what_ends_an_incident_is_counted_apart() {
    let mut tally = tally([event("node.added", "a", json!({}))]);
    tally.add_resolved();
    tally.add_resolved();
    assert_eq!((tally.events(), tally.resolved(), tally.severities().count()), (1, 2, 1));
}

#[test]
fn ten_thousand_clusters_cost_what_a_thousand_do() {
    let long = "x".repeat(5000);
    let tally = tally((0..10_000).map(|n| event("node.added", &format!("{n}{long}"), json!({}))));
    assert_eq!((tally.events(), tally.different(Dimension::Cluster)), (10_000, 1000));
    assert_eq!(tally.unnamed(Dimension::Cluster), 9000);
    assert!(tally.most(Dimension::Cluster).iter().all(|(name, _)| name.chars().count() == 200));
}

#[test]
fn what_is_kept_names_the_most_frequent_hundred_and_counts_the_others_together() {
    let clusters = (0..300).flat_map(|n| vec![n; if n % 3 == 0 { 2 } else { 1 }]);
    let all = tally(clusters.map(|n| event("node.added", &format!("{n:03}"), json!({}))));
    let kept = all.clone().condensed();
    assert_eq!((kept.events(), kept.different(Dimension::Cluster), kept.unnamed(Dimension::Cluster)), (400, 100, 200));
    assert!(kept.most(Dimension::Cluster).iter().all(|(_, count)| *count == 2));
    assert_eq!(kept.most(Dimension::Type), all.most(Dimension::Type));
    assert_eq!(kept.clone().condensed(), kept);
}

#[test]
fn what_is_kept_stays_small_however_often_it_is_counted_on_from() {
    let long = "ü".repeat(500);
    let mut kept = Tally::default();
    for storm in 0..5 {
        let data = |n| json!({"zone": format!("{storm}-{n}{long}"), "reason": format!("{storm}-{n}{long}")});
        kept.merge(&tally((0..900).map(|n| event("node.added", &format!("{storm}-{n}{long}"), data(n)))));
        kept = kept.condensed();
    }
    assert_eq!((kept.events(), kept.unnamed(Dimension::Zone)), (4500, 4400));
    let written = serde_json::to_string(&kept).unwrap();
    assert!(written.len() < Tally::MAX_KEPT * Dimension::ALL.len() * 450, "{}", written.len());
    let mut most = tally([event("node.added", "a", json!({}))]);
    most.events = usize::MAX;
    most.merge(&kept);
    assert_eq!(most.events(), usize::MAX);
}

proptest! {
    #[test]
    fn counting_on_is_counting_all_and_what_is_written_down_reads_the_same(
        parts in prop::collection::vec((any::<String>(), 0..9u8, any::<Option<i64>>(), 0..5usize), 0..60),
        at in 0..60usize,
    ) {
        let of = |parts: &[(String, u8, Option<i64>, usize)]| {
            let mut tally = Tally::default();
            for (event_type, cluster, occurred, severity) in parts {
                let mut event = event(event_type, &cluster.to_string(), json!({"zone": event_type}));
                event.occurred_at = occurred.map(Timestamp::from_millis);
                tally.add(&event, Severity::ALL[*severity]);
            }
            (0..parts.len() % 3).for_each(|_| tally.add_resolved());
            tally
        };
        let (first, rest) = parts.split_at(at.min(parts.len()));
        let mut on = of(first);
        on.merge(&of(rest));
        let ends = on.resolved();
        prop_assert_eq!(ends, first.len() % 3 + rest.len() % 3);
        let all = Tally { resolved: ends, ..of(&parts) };
        prop_assert_eq!(&on, &all);
        prop_assert_eq!(serde_json::from_str::<Tally>(&serde_json::to_string(&on).unwrap()).unwrap(), on);
    }

    #[test]
    fn the_counts_add_up_whatever_comes(
        parts in prop::collection::vec((any::<String>(), any::<String>(), any::<Option<i64>>(), 0..5usize), 0..60),
    ) {
        let mut tally = Tally::default();
        for (event_type, value, occurred, severity) in &parts {
            let data = json!({"zone": value, "instanceType": value, "reason": value});
            let mut event = event(event_type, value, data);
            event.occurred_at = occurred.map(Timestamp::from_millis);
            tally.add(&event, Severity::ALL[*severity]);
        }
        prop_assert_eq!(tally.events(), parts.len());
        prop_assert_eq!(tally.severities().map(|(_, count)| count).sum::<usize>(), parts.len());
        prop_assert!(tally.severities().map(|(severity, _)| severity).is_sorted_by(|a, b| a > b));
        prop_assert!(tally.first_at() <= tally.last_at());
        let named = parts.iter().filter(|(_, value, ..)| !value.trim().is_empty()).count();
        for dimension in Dimension::ALL {
            let counts = tally.most(dimension);
            let sum = counts.iter().map(|(_, count)| count).sum::<usize>() + tally.unnamed(dimension);
            prop_assert_eq!(sum, if dimension == Dimension::Type { parts.len() } else { named }, "{:?}", dimension);
            prop_assert_eq!(counts.len(), tally.different(dimension));
            prop_assert!(counts.is_sorted_by(|(_, more), (_, less)| more >= less));
        }
    }
}
