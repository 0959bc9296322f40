//! Sources that ask instead of being told bring events by the page: all of a page is kept with its cursor, or nothing.
//! Next: [`super::routing`].

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{CursorName, EventId, SourceName};
use castai_relay::source::{Accepted, Inbox};
use castai_relay::store::{Cursor, StoreError};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::bodies::node_added;
use crate::support::flaky_store::FlakyStore;
use crate::support::http::Connection;
use crate::support::relay::{START, TestRelay};

const CONFLICTS: &str = "castai_relay_conflicting_duplicates_total";
const ACCEPTED: &str = r#"castai_relay_accepted_events_total{type="node.added"}"#;

fn id(text: &str) -> EventId {
    EventId::parse(text).unwrap()
}

fn pages() -> CursorName {
    CursorName::parse("pages").unwrap()
}

fn cursor(value: &str) -> Option<Cursor> {
    Some(Cursor { name: pages(), value: value.to_owned() })
}

/// As CAST AI's API tells of it.
fn told(name: &str) -> Event {
    let data = json!({"nodeName": name, "lifecycle": "spot"}).as_object().unwrap().clone();
    let now = Timestamp::parse(START).unwrap();
    Event {
        id: id(name),
        source: SourceName::notifications(),
        kind: CastAIEvent::read("node.added", &data, &mut vec![]),
        severity: Severity::Info,
        organization: None,
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: Some(now),
        received_at: now,
        body: Bytes::from(format!("the API's words for {name}")),
        data,
        notes: vec![],
    }
}

fn page(names: &[&str]) -> Vec<Event> {
    names.iter().map(|name| told(name)).collect()
}

fn duplicates(accepted: &[Accepted]) -> Vec<(&str, bool)> {
    accepted.iter().map(|accepted| (accepted.id.as_str(), accepted.duplicate)).collect()
}

async fn bring(relay: &TestRelay, names: &[&str]) -> Vec<Accepted> {
    relay.inbox.accept_all(page(names), cursor(&names.concat())).await.unwrap()
}

async fn remembered(relay: &TestRelay) -> Option<String> {
    relay.inbox.cursor(&pages()).await.unwrap()
}

#[tokio::test]
async fn a_page_is_answered_in_its_order_and_each_event_is_told() {
    let relay = TestRelay::start("").await;
    assert_eq!(duplicates(&bring(&relay, &["a", "b"]).await), [("a", false), ("b", false)]);
    assert_eq!(
        duplicates(&bring(&relay, &["c", "b", "d", "a"]).await),
        [("c", false), ("b", true), ("d", false), ("a", true)]
    );
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 4);
    assert_eq!((relay.metric(ACCEPTED).await, relay.metric(CONFLICTS).await), (4.0, 0.0));
}

#[tokio::test]
async fn what_a_page_brings_is_delivered_without_anybody_asking() {
    let mut relay = TestRelay::start("").await;
    relay.run_deliveries();
    for (names, told) in [(["a", "b"], 2), (["c", "d"], 4)] {
        bring(&relay, &names).await;
        relay.slack().until_received(told).await;
    }
}

#[tokio::test]
async fn a_page_and_a_webhook_that_tell_of_one_event_make_one_event_whoever_is_first() {
    let relay = TestRelay::start("").await;
    relay.accept(node_added("webhook-first")).await;
    let both = ["webhook-first", "page-first"];
    assert_eq!(duplicates(&bring(&relay, &both).await), [(both[0], true), (both[1], false)]);
    let relay = relay.restart("").await;
    for name in both {
        let again = relay.send(node_added(name)).await;
        assert_eq!((again.status, &again.json()["duplicate"]), (200, &json!(true)));
    }
    assert_eq!(duplicates(&bring(&relay, &both).await), [(both[0], true), (both[1], true)]);
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 2);
    assert_eq!(relay.metric(CONFLICTS).await, 0.0, "each source has its own words for it");
    assert_eq!(relay.event(both[0]).await.event.body, node_added(both[0]), "the first one stands");
}

#[tokio::test]
async fn a_source_that_tells_of_one_event_in_two_ways_is_noticed() {
    let relay = TestRelay::start("").await;
    bring(&relay, &["a"]).await;
    for bytes in ["other", "another"] {
        let other = Event { body: Bytes::from(bytes), ..told("a") };
        let accepted = relay.inbox.accept_all(vec![other, told("b")], None).await.unwrap();
        assert!(accepted[0].duplicate);
    }
    assert_eq!((relay.metric(CONFLICTS).await, relay.event("a").await.conflicts), (2.0, 2));
}

#[tokio::test]
async fn one_id_twice_in_a_page_is_one_event() {
    let relay = TestRelay::start("").await;
    assert_eq!(duplicates(&bring(&relay, &["a", "b", "a"]).await), [("a", false), ("b", false), ("a", true)]);
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 2);
    assert_eq!((relay.metric(ACCEPTED).await, relay.event("a").await.duplicates), (2.0, 1));
}

#[tokio::test]
async fn a_page_that_cannot_be_kept_leaves_no_event_and_no_cursor_and_may_come_again() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), "").await;
    bring(&relay, &["a"]).await;
    store.appends.fail();
    relay.inbox.accept_all(page(&["a", "b", "c"]), cursor("lost")).await.unwrap_err();
    for name in ["b", "c"] {
        assert!(relay.find(name).await.is_none() && !relay.inbox.knows(&id(name)).await.unwrap());
    }
    assert_eq!(remembered(&relay).await.as_deref(), Some("a"));
    store.appends.open();
    assert_eq!(duplicates(&bring(&relay, &["a", "b", "c"]).await), [("a", true), ("b", false), ("c", false)]);
    assert_eq!(remembered(&relay).await.as_deref(), Some("abc"));
}

#[tokio::test]
async fn a_page_with_nothing_new_still_moves_its_cursor_and_the_cursor_survives_a_restart() {
    let relay = TestRelay::start("").await;
    assert_eq!(remembered(&relay).await, None);
    bring(&relay, &["a"]).await;
    relay.inbox.accept_all(page(&["a"]), cursor("nothing new")).await.unwrap();
    assert_eq!(remembered(&relay).await.as_deref(), Some("nothing new"));
    assert_eq!(relay.inbox.accept_all(vec![], cursor("empty")).await.unwrap(), []);
    let relay = relay.restart("").await;
    assert_eq!(remembered(&relay).await.as_deref(), Some("empty"));
    assert_eq!(relay.inbox.accept_all(vec![], None).await.unwrap(), []);
    assert_eq!(remembered(&relay).await.as_deref(), Some("empty"));
}

#[tokio::test]
async fn the_door_knows_what_went_through_it_also_before_a_restart() {
    let relay = TestRelay::start("").await;
    assert!(!relay.inbox.knows(&id("a")).await.unwrap());
    bring(&relay, &["a"]).await;
    relay.accept(node_added("b")).await;
    let relay = relay.restart("").await;
    for name in ["a", "b"] {
        assert!(relay.inbox.knows(&id(name)).await.unwrap());
    }
    assert!(!relay.inbox.knows(&id("c")).await.unwrap());
}

type Brought = JoinSet<Result<Vec<Accepted>, StoreError>>;

fn bring_beside(brought: &mut Brought, inbox: &Arc<Inbox>, events: Vec<Event>) {
    let inbox = inbox.clone();
    brought.spawn(async move { inbox.accept_all(events, None).await });
}

/// The ids that were new, each as often as somebody was told so.
async fn new_ones(brought: Brought) -> Vec<EventId> {
    let pages = brought.join_all().await.into_iter().flat_map(Result::unwrap);
    pages.filter(|accepted| !accepted.duplicate).map(|accepted| accepted.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_pages_that_overlap_in_opposite_order_do_not_wait_for_each_other() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), "").await;
    store.appends.hold();
    let mut brought = JoinSet::new();
    for names in [["a", "b", "c"], ["c", "b", "a"]] {
        bring_beside(&mut brought, &relay.inbox, page(&names));
    }
    store.appends.until_reached(2).await;
    store.appends.open();
    let mut new = new_ones(brought).await;
    new.sort();
    assert_eq!(new, [id("a"), id("b"), id("c")], "each is new to one of them");
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_does_not_wait_for_a_webhook_whose_event_it_brings_too() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), "").await;
    store.appends.hold();
    let mut webhook = Connection::open(relay.public).await;
    webhook.request("POST", "/castai/events", &[], &node_added("a")).await;
    store.appends.until_reached(1).await;
    let mut brought = JoinSet::new();
    bring_beside(&mut brought, &relay.inbox, page(&["a", "b"]));
    store.appends.until_reached(2).await;
    store.appends.open();
    let new_to_webhook = webhook.answer().await.unwrap().json()["duplicate"] == json!(false);
    let new = new_ones(brought).await;
    assert_eq!(new.contains(&id("a")), !new_to_webhook, "it is new to exactly one of them");
    assert!(new.contains(&id("b")));
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_webhook_that_waits_for_a_page_which_cannot_be_kept_is_told_so() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), "").await;
    store.appends.hold();
    let mut brought = JoinSet::new();
    bring_beside(&mut brought, &relay.inbox, page(&["a", "b"]));
    store.appends.until_reached(1).await;
    let mut webhook = Connection::open(relay.public).await;
    webhook.request("POST", "/castai/events", &[], &node_added("a")).await;
    store.appends.fail();
    assert_eq!(webhook.answer().await.unwrap().status, 503);
    assert!(brought.join_all().await[0].is_err());
    store.appends.open();
    relay.accept(node_added("a")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_overlapping_pages_at_once_each_event_is_new_once() {
    let relay = TestRelay::start("").await;
    let mut brought = JoinSet::new();
    for first in 0..40 {
        let mut events: Vec<_> = (first..first + 20).map(|number| told(&format!("evt-{number}"))).collect();
        if first % 2 == 1 {
            events.reverse();
        }
        bring_beside(&mut brought, &relay.inbox, events);
    }
    let new = new_ones(brought).await;
    assert_eq!((new.len(), new.into_iter().collect::<BTreeSet<_>>().len()), (59, 59));
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 59);
}
