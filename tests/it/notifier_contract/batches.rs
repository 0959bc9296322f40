//! Many events as one message, and the end of an incident: within the target's limits and showing what was meant, as
//! previewed, without secrets, and known again when it is sent twice.

use std::collections::HashSet;

use bytes::Bytes;
use castai_relay::event::batch::Incident;
use castai_relay::event::delivery::Phase;
use castai_relay::event::tally::Tally;
use castai_relay::event::{Event, Severity};
use castai_relay::names::{EventId, IncidentKey};
use serde_json::json;

use super::messages::Bench;
use super::*;

/// Many told as one, as the store puts them together: given in order of arrival, the worst shown first.
pub fn many(events: &[Event]) -> Batch {
    let deliveries: Vec<Delivery> = events.iter().cloned().map(delivery).collect();
    let mut tally = Tally::default();
    deliveries.iter().for_each(|delivery| tally.add(&delivery.event, delivery.severity));
    let ids = (1..).map(DeliveryId::from_row).take(deliveries.len()).collect();
    let mut shown = deliveries;
    shown.sort_by_key(|delivery| std::cmp::Reverse(delivery.severity));
    shown.truncate(Batch::MAX_SHOWN);
    shown.iter_mut().for_each(|delivery| delivery.event.body = Bytes::new());
    let first_event = events.first().cloned().map(Arc::new);
    let worst = alone(&shown[0]);
    Batch { deliveries: ids, shown, tally: Some(tally), first_event, ..worst }
}

/// The same batch as the end of an incident.
pub fn ending(batch: Batch, key: &str, opening: Option<Event>, timed_out: bool) -> Batch {
    let incident = Incident {
        key: IncidentKey::from_rendered(key).unwrap_or_else(|| IncidentKey::from_rendered("k").unwrap()),
        phase: Phase::Resolve,
        severity: batch.severity(),
        opened_at: batch.lead().event.received_at,
        opening: opening.map(Arc::new),
        timed_out,
    };
    Batch { incident: Some(incident), ..batch }
}

/// Everything that has to be told, each as one of many; and all of it at once.
pub fn crowds() -> Vec<(String, Batch)> {
    let all = events::all();
    let pairs = all.iter().map(|(name, event)| (name.clone(), many(&[event.clone(), events::node_added()])));
    let everything: Vec<Event> = all.iter().map(|(_, event)| event.clone()).collect();
    let storm = Batch { is_storm: true, ..many(&everything) };
    let goes_on = Batch { before: storm.tally.clone(), ..storm.clone() };
    let all = [("everything", many(&everything)), ("a storm", storm), ("a storm that goes on", goes_on)];
    pairs.chain(all.map(|(name, batch)| (name.to_owned(), batch))).collect()
}

#[tokio::test]
async fn many_are_one_message_within_the_targets_limits_and_as_previewed() {
    let kit = kit();
    for kind in every_http_kind() {
        let bench = Bench::of(&kit, kind).await;
        for (name, batch) in crowds() {
            bench.sends_all(&name, &batch, &Wording::default()).await;
        }
    }
}

#[tokio::test]
async fn the_end_of_an_incident_is_within_the_targets_limits_and_as_previewed() {
    let kit = kit();
    for kind in every_http_kind() {
        let bench = Bench::of(&kit, kind).await;
        for (name, event) in events::all() {
            for (opening, timed_out) in [(Some(event.clone()), false), (None, false), (None, true)] {
                let batch = ending(alone(&delivery(event.clone())), "spot/prod-eu", opening, timed_out);
                bench.sends_all(&name, &batch, &Wording::default()).await;
            }
        }
    }
}

#[tokio::test]
async fn no_text_of_a_sender_breaks_a_limit_or_breaks_out_among_many_or_at_the_end() {
    let kit = kit();
    let own = wording(json!({
        "title": "{{ event.name | default(event.type) }}",
        "text": "*{{ event.cluster.name }}*",
        "links": [{"text": "{{ event.cluster.name }}", "url": "https://wiki.example/{{ event.cluster.name }}"}],
    }));
    for kind in every_http_kind() {
        let bench = Bench::of(&kit, kind).await;
        // Every second one: each awkward thing still meets every other limit, and each limit half of them.
        for text in events::awkward_texts().step_by(2) {
            let start: String = text.chars().take(12).collect();
            let what = format!("{} characters of {start:?}", text.chars().count());
            let hostile = [events::saying(&text), events::node_called(&text), events::typed(&text)];
            let crowd: Vec<Event> = hostile.iter().cycle().take(25).cloned().collect();
            bench.sends_all(&what, &many(&crowd), &own).await;
            let [opening, ended, _] = hostile;
            let over = ending(alone(&delivery(ended)), "spot/prod-eu", Some(opening), false);
            bench.sends_all(&what, &over, &own).await;
        }
    }
}

#[tokio::test]
async fn what_sends_nothing_takes_and_previews_many_too() {
    let kit = kit();
    let over = ending(alone(&any_delivery()), "spot/prod-eu", Some(events::node_added()), false);
    let all: Vec<_> = crowds().into_iter().chain([("over".to_owned(), over)]).collect();
    for harness in every_kind().filter(|harness| harness.http.is_none() && !SMTP.contains(&harness.kind)) {
        let notifier = harness.notifier(&kit, "http://127.0.0.1:9");
        for (name, batch) in &all {
            let result = in_time(notifier.notify(batch, &Wording::default())).await;
            assert_eq!(result, Ok(Sent::default()), "{} {name}", harness.kind);
            let preview = notifier.preview(batch, &Wording::default());
            let obeyed = preview.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
            assert!(!preview.trim().is_empty() && obeyed.is_none(), "{} {name}: {preview:?}", harness.kind);
        }
    }
}

#[test]
fn no_preview_of_many_or_of_an_end_shows_a_secret() {
    let kit = kit();
    for harness in every_kind() {
        let notifier = harness.notifier(&kit, "http://127.0.0.1:9");
        let over = ending(alone(&any_delivery()), "spot/prod-eu", Some(events::node_added()), false);
        for (name, batch) in crowds().into_iter().chain([("over".to_owned(), over)]) {
            let preview = notifier.preview(&batch, &Wording::default());
            let shows = harness.all_secrets().into_iter().find(|secret| preview.contains(secret));
            assert_eq!(shows, None, "{} {name}", harness.kind);
        }
    }
}

#[tokio::test]
async fn a_batch_that_has_grown_is_not_dropped_and_another_is_not_mistaken_for_it() {
    let kit = kit();
    let numbered = |number: u32| Event {
        id: EventId::from_sender(None, &format!("evt-{number}")),
        severity: if number == 30 { Severity::Critical } else { Severity::Info },
        ..events::node_added()
    };
    let arrived: Vec<Event> = (0..40).map(numbered).collect();
    for kind in every_http_kind() {
        let bench = Bench::of(&kit, kind).await;
        let key = async |batch: &Batch| {
            let sent = bench.sends_all("grown", batch, &Wording::default()).await;
            (bench.http.idempotency_key)(&sent)
        };
        let Some(known) = key(&alone(&delivery(arrived[0].clone()))).await else { continue };
        let mut keys = HashSet::from([known.clone()]);
        for count in [2, 29, 40] {
            let grown = key(&many(&arrived[..count])).await.unwrap();
            match bench.http.when_grown {
                WhenGrown::ItIsRenewed => assert_eq!(grown, known, "{}", bench.harness.kind),
                WhenGrown::ItIsDropped => assert!(keys.insert(grown), "{} {count}", bench.harness.kind),
            }
        }
        for first in [1, 2, 30] {
            assert!(keys.insert(key(&many(&arrived[first..])).await.unwrap()), "{} {first}", bench.harness.kind);
        }
    }
}
