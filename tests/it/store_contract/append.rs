//! Clauses on appending: the judge of what is new, and keeping exactly what was given.

use std::collections::BTreeMap;

use castai_relay::event::castai::Notification;
use castai_relay::event::relay::{BodyProblem, body_rejected};
use castai_relay::store::{DeliveryRow, Origin};
use tokio::task::JoinSet;

use super::*;

const REPEAT: Appended = Appended::Duplicate { conflict: false };
const CONFLICT: Appended = Appended::Duplicate { conflict: true };

async fn append(store: &Arc<dyn Store>, appends: Vec<Append>) -> Vec<Appended> {
    store.append(appends, None).await.unwrap().appended
}

fn with_body(name: &str, body: &'static [u8]) -> Append {
    owed_to(Event { body: Bytes::from_static(body), ..event(name, 0) }, &["slack"])
}

/// Repeats that are no conflicts, and that are.
async fn counts(store: &Arc<dyn Store>, name: &str) -> (u64, u64) {
    let stored = stored(store, name).await;
    (stored.duplicates, stored.conflicts)
}

/// Appends `given` and asserts that it reads back as it was, together with `owed`.
async fn reads_back(store: &Arc<dyn Store>, given: Append) {
    keep(store, [given.clone()]).await;
    let stored = store.event(&given.event.id).await.unwrap().unwrap();
    assert_eq!(stored.event, given.event);
    assert_eq!((stored.duplicates, stored.conflicts), (0, 0));
    let rows = stored.deliveries.iter().zip(given.owed).map(|(row, owed)| {
        let (state, due_at, owed_since) = (DeliveryState::Pending, given.event.received_at, given.event.received_at);
        DeliveryRow {
            again: None,
            in_doubt: false,
            id: row.id,
            owed,
            origin: Origin::Route,
            state,
            attempts: 0,
            due_at,
            owed_since,
            settled_at: None,
            is_held: false,
            is_behind: false,
            reason: None,
            detail: None,
            receipt: None,
            fell_back_to: None,
        }
    });
    assert_eq!(stored.deliveries, rows.collect::<Vec<_>>());
}

pub async fn an_event_is_new_once_and_a_repeat_ever_after(store: Arc<dyn Store>) {
    let first = owing("a", 0, &["slack"]);
    assert_eq!(append(&store, vec![first.clone()]).await, [Appended::New]);
    assert_eq!(append(&store, vec![first.clone()]).await, [REPEAT]);
    assert_eq!(append(&store, vec![first]).await, [REPEAT]);
    assert_eq!(counts(&store, "a").await, (2, 0));
}

pub async fn a_repeat_with_another_body_is_counted_apart(store: Arc<dyn Store>) {
    keep(&store, [with_body("a", b"one")]).await;
    assert_eq!(append(&store, vec![with_body("a", b"two")]).await, [CONFLICT]);
    assert_eq!(append(&store, vec![with_body("a", b"one")]).await, [REPEAT]);
    assert_eq!(append(&store, vec![with_body("a", b"")]).await, [CONFLICT]);
    assert_eq!(counts(&store, "a").await, (1, 2));
    assert_eq!(&stored(&store, "a").await.event.body[..], b"one");
}

pub async fn a_repeat_from_another_source_with_another_body_is_no_conflict(store: Arc<dyn Store>) {
    keep(&store, [with_body("a", b"one")]).await;
    let elsewhere = |body| {
        let first = with_body("a", body);
        Append { event: Event { source: SourceName::notifications(), ..first.event.clone() }, ..first }
    };
    assert_eq!(append(&store, vec![elsewhere(b"two")]).await, [REPEAT]);
    assert_eq!(append(&store, vec![elsewhere(b"one")]).await, [REPEAT]);
    assert_eq!(append(&store, vec![with_body("a", b"two")]).await, [CONFLICT], "the first one is still the first");
    assert_eq!(counts(&store, "a").await, (2, 1));
    let kept = stored(&store, "a").await;
    assert_eq!((kept.event.source.as_str(), &kept.event.body[..]), ("castai", &b"one"[..]));
}

pub async fn a_conflict_noted_by_the_map_in_front_is_counted_on_the_first(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &[]), owing("b", 0, &[])]).await;
    note_conflict(&store, "a").await;
    assert_eq!(counts(&store, "a").await, (0, 1));
    assert_eq!(counts(&store, "b").await, (0, 0));
}

pub async fn a_repeat_adds_no_deliveries_and_leaves_the_first_as_it_was(store: Arc<dyn Store>) {
    let first = owing("a", 0, &["slack"]);
    keep(&store, [first.clone()]).await;
    let before = stored(&store, "a").await;
    let later = owed_to(Event { severity: Severity::Critical, ..event("a", 60) }, &["slack", "oncall"]);
    assert_eq!(append(&store, vec![later]).await, [REPEAT]);
    let after = stored(&store, "a").await;
    assert_eq!((after.duplicates, &after.deliveries, &after.event), (1, &before.deliveries, &before.event));
    assert!(claim(&store, "oncall", at(60)).await.is_empty());
}

pub async fn an_event_reads_back_as_it_was_given_with_what_it_owes(store: Arc<dyn Store>) {
    let full = Event {
        cluster: Cluster { id: Some("1f".into()), name: Some("prod".into()), provider: None, project: Some("".into()) },
        category: Some("cost".into()),
        labels: BTreeMap::from([("team".into(), "platform".into())]),
        occurred_at: Timestamp::parse("2026-11-20T07:59:59.999Z"),
        notes: vec!["data.nodeName: expected a string, got a number".into()],
        ..event("full", 0)
    };
    let notification = Notification { name: Some("Pending pod".into()), message: Some("web-1".into()) };
    let notification = Event { kind: CastAIEvent::Notification(notification), ..event("notification", 0) };
    let unknown = CastAIEvent::Unrecognized { event_type: "cluster.hibernated".into() };
    let unknown = Event { kind: unknown, organization: None, ..event("unknown", 0) };
    let problem = BodyProblem { message: "not JSON".into(), line: 1, column: 2, hint: "send JSON" };
    let own = body_rejected(&unknown.source, Bytes::from_static(b"x"), &problem, at(0));
    for event in [full, notification, unknown, own] {
        reads_back(&store, owed_to(event, &["slack", "oncall", "console"])).await;
    }
}

pub async fn an_event_that_owes_nothing_is_kept_too(store: Arc<dyn Store>) {
    reads_back(&store, owing("a", 0, &[])).await;
}

pub async fn any_bytes_survive_as_a_body(store: Arc<dyn Store>) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let mebibyte = every_byte.repeat(4096);
    for (name, body) in [("empty", vec![]), ("every-byte", every_byte), ("mebibyte", mebibyte)] {
        reads_back(&store, owed_to(Event { body: body.clone().into(), ..event(name, 0) }, &["slack"])).await;
        assert_eq!(claim_one(&store, "slack", at(0)).await.lead().event.body, body);
    }
}

pub async fn any_text_and_any_number_survive(store: Arc<dyn Store>) {
    let texts = json!({"nodeName": "größe 🚀 \u{0}\u{7f}\u{2028}", "λ": ["", "\"\\'", {"": null}]});
    let numbers = json!({
        "integers": [0, i64::MIN, u64::MAX],
        "fractions": [0.1, -0.0, 1e300, f64::MIN_POSITIVE, f64::MAX, 0.1 + 0.2, 90.42225290942383],
    });
    for (name, data) in [("größe/🚀", texts), ("numbers", numbers)] {
        let data = data.as_object().unwrap().clone();
        let kind = CastAIEvent::read("node.added", &data, &mut vec![]);
        reads_back(&store, owed_to(Event { kind, data, ..event(name, 0) }, &["slack"])).await;
    }
}

pub async fn one_call_may_bring_new_events_and_repeats(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let brought =
        vec![owing("b", 1, &["slack"]), owing("a", 1, &["slack"]), with_body("b", b"other"), owing("c", 1, &[])];
    assert_eq!(append(&store, brought).await, [Appended::New, REPEAT, CONFLICT, Appended::New]);
    assert_eq!(names(&claim(&store, "slack", at(1)).await), ["a", "b"]);
    assert_eq!(append(&store, vec![]).await, []);
}

pub async fn a_store_contains_what_it_was_given_and_nothing_else(store: Arc<dyn Store>) {
    assert!(!store.contains(&id("a")).await.unwrap());
    keep(&store, [owing("a", 0, &[])]).await;
    assert!(store.contains(&id("a")).await.unwrap());
    assert!(!store.contains(&id("b")).await.unwrap(), "asking makes nothing known");
    keep(&store, [owing("b", 0, &[])]).await;
}

pub async fn a_hundred_concurrent_appends_of_one_id_make_exactly_one_new(store: Arc<dyn Store>) {
    let answers = concurrently(&store, |_| owing("a", 0, &["slack"])).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Appended::New).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == REPEAT).count(), 99);
    assert_eq!(counts(&store, "a").await, (99, 0));
    assert_eq!(claim(&store, "slack", at(0)).await.len(), 1);
}

pub async fn a_hundred_concurrent_appends_of_different_ids_are_all_kept(store: Arc<dyn Store>) {
    let answers = concurrently(&store, |n| owing(&n.to_string(), 0, &["slack", "oncall"])).await;
    assert!(answers.iter().all(|answer| *answer == Appended::New), "{answers:?}");
    for name in ["slack", "oncall"] {
        assert_eq!(claim(&store, name, at(0)).await.len(), 100);
    }
}

async fn concurrently(store: &Arc<dyn Store>, make: impl Fn(usize) -> Append) -> Vec<Appended> {
    let mut tasks = JoinSet::new();
    for given in (0..100).map(make) {
        let store = store.clone();
        tasks.spawn(async move { store.append(vec![given], None).await.unwrap().appended[0] });
    }
    tasks.join_all().await
}
