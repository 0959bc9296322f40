//! The stream: what happens is told as it happens, and who comes back goes on where they were.

use castai_relay::event::{CastAIEvent, Cluster, Event, Severity};
use castai_relay::names::{EventId, SourceName};
use castai_relay::runtime::{Clock, RunDown};
use serde_json::json;

use super::{CONFIG, TOKEN, call, look};
use crate::support::bodies::{node_added, spot_interrupted};
use crate::support::http::{Connection, PATIENCE};
use crate::support::receivers::{says, status};
use crate::support::relay::TestRelay;
use crate::support::streams::{Sent, Watcher};

async fn watch_from(relay: &TestRelay, query: &str, headers: &[(&str, &str)]) -> Watcher {
    let authorization = format!("Bearer {TOKEN}");
    let headers = [&[("authorization", authorization.as_str())], headers].concat();
    Watcher::open(relay.admin, &format!("/api/v1/stream{query}"), &headers).await
}

async fn watch(relay: &TestRelay, query: &str) -> Watcher {
    let watcher = watch_from(relay, query, &[]).await;
    assert!(watcher.head.starts_with("HTTP/1.1 200") && watcher.head.contains("text/event-stream"), "{}", watcher.head);
    watcher
}

/// What was sent, in a word: `accepted a`.
fn word(sent: &Sent) -> String {
    let id = sent.data["id"].as_str().or(sent.data["event"]["id"].as_str()).unwrap_or("?");
    format!("{} {id}", sent.what)
}

async fn words(watcher: &mut Watcher, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    for _ in 0..count {
        words.push(word(&watcher.next().await.expect("the stream goes on")));
    }
    words
}

#[tokio::test]
async fn a_new_event_and_each_attempt_at_it_are_told_as_they_happen() {
    let relay = TestRelay::start(CONFIG).await;
    relay.accept(node_added("before")).await;
    let mut watcher = watch(&relay, "").await;
    relay.accept(node_added("a")).await;
    let accepted = watcher.next().await.unwrap();
    assert_eq!((word(&accepted).as_str(), accepted.id.as_deref()), ("accepted a", Some("2")));
    let listed = look(&relay, "events?limit=1").await["events"][0].clone();
    assert_eq!(accepted.data, listed, "it is told as it is listed");
    relay.slack().next_replies([status(200), status(503)]);
    relay.deliver().await;
    let told = [watcher.next().await.unwrap(), watcher.next().await.unwrap()];
    assert_eq!(told.each_ref().map(word), ["attempted before", "attempted a"]);
    let retry = &told[1].data;
    assert_eq!(
        (&retry["outcome"], &retry["reason"], &retry["target"], &retry["attempt"], &retry["deliveries"]),
        (&json!("retry"), &json!("target_failed"), &json!("slack-ops"), &json!(1), &json!(1))
    );
    assert!(retry["again_at"].is_string() && told[1].id.is_none(), "{told:?}");
}

#[tokio::test]
async fn a_delivery_that_ends_without_being_delivered_is_told_with_the_reason_and_its_report_as_well() {
    let relay = TestRelay::start(CONFIG).await;
    let mut watcher = watch(&relay, "").await;
    relay.slack().next_replies([says(400, "invalid_blocks")]);
    relay.accept(node_added("a")).await;
    assert_eq!(words(&mut watcher, 1).await, ["accepted a"]);
    relay.deliver().await;
    let told = [watcher.next().await.unwrap(), watcher.next().await.unwrap(), watcher.next().await.unwrap()];
    let mut words = told.each_ref().map(|sent| (sent.what.as_str(), sent.data["type"].as_str().unwrap_or_default()));
    words.sort_unstable();
    assert_eq!(words, [("accepted", "relay.delivery_dead"), ("attempted", ""), ("ended", "")]);
    let ended = told.iter().find(|sent| sent.what == "ended").unwrap();
    assert_eq!(
        (&ended.data["state"], &ended.data["reason"], &ended.data["event"]["id"], &ended.data["target"]),
        (&json!("dead"), &json!("message_refused"), &json!("a"), &json!("slack-ops"))
    );
}

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    let both = r#"routes: [ { name: nodes, match: { type: "node.*" }, notify: [slack-ops, oncall] } ]"#;
    let relay = TestRelay::start(&format!("{CONFIG}\n{both}")).await;
    let mut spots = watch(&relay, "?type=node.spot_interrupted&target=oncall").await;
    let mut others = watch(&relay, "?target=console").await;
    relay.accept(node_added("a")).await;
    relay.accept(spot_interrupted("b")).await;
    relay.deliver().await;
    assert_eq!(words(&mut spots, 2).await, ["accepted b", "attempted b"]);
    relay.life.stop();
    assert!(spots.next().await.is_none() && others.next().await.is_none(), "nothing else");
}

#[tokio::test]
async fn who_comes_back_goes_on_behind_the_last_event_they_saw() {
    let relay = TestRelay::start(CONFIG).await;
    for id in ["a", "b", "c"] {
        relay.accept(node_added(id)).await;
    }
    assert_eq!(words(&mut watch(&relay, "?after=1").await, 2).await, ["accepted b", "accepted c"]);
    assert_eq!(words(&mut watch(&relay, "?after=0").await, 3).await, ["accepted a", "accepted b", "accepted c"]);
    let mut again = watch_from(&relay, "?after=0", &[("last-event-id", "2")]).await;
    relay.accept(node_added("d")).await;
    assert_eq!(words(&mut again, 2).await, ["accepted c", "accepted d"], "the header comes first");
}

/// An event with nothing in it.
pub fn plain(number: u32, relay: &TestRelay) -> Event {
    let kind = CastAIEvent::read("node.added", &Default::default(), &mut vec![]);
    Event {
        id: EventId::parse(&format!("evt-{number}")).unwrap(),
        source: SourceName::parse("castai").unwrap(),
        kind,
        severity: Severity::Info,
        organization: None,
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: relay.clock().now(),
        data: Default::default(),
        notes: vec![],
        body: Default::default(),
    }
}

#[tokio::test]
async fn who_is_too_far_behind_is_told_where_to_list_from_and_goes_on_with_what_is_new() {
    let relay = TestRelay::start(CONFIG).await;
    let events = (1..=1050).map(|number| plain(number, &relay)).collect();
    relay.inbox.accept_all(events, None).await.unwrap();
    let mut watcher = watch(&relay, "?after=0&severity=info").await;
    for number in 1..=1000 {
        assert_eq!(word(&watcher.next().await.unwrap()), format!("accepted evt-{number}"));
    }
    let resync = watcher.next().await.unwrap();
    assert_eq!((resync.what.as_str(), resync.id.as_deref()), ("resync", Some("1050")));
    assert_eq!((&resync.data["after"], &resync.data["to"]), (&json!(1000), &json!(1050)));
    let cursor = resync.data["cursor"].as_str().unwrap();
    let rest = look(&relay, &format!("events?order=oldest&severity=info&limit=200&cursor={cursor}")).await;
    let rest = rest["events"].as_array().unwrap();
    assert_eq!((rest.len(), &rest[0]["id"]), (50, &json!("evt-1001")));
    relay.accept(node_added("new")).await;
    assert_eq!(words(&mut watcher, 1).await, ["accepted new"]);
}

#[tokio::test]
async fn a_stream_outlasts_every_limit_of_requests_and_of_rest() {
    let limits = "server: { request_timeout: 50ms, idle_timeout: 50ms, head_timeout: 50ms, max_in_flight: 1 }";
    let relay = TestRelay::start(&format!("{CONFIG}\n{limits}")).await;
    let mut watcher = watch(&relay, "").await;
    // A connection that came later, and is at rest in the middle of a head, is closed by those limits and takes its time.
    let mut other = Connection::open(relay.admin).await;
    other.write("GET /livez HT").await;
    other.is_closed().await;
    assert_eq!(relay.look("/livez").await.status, 200);
    relay.accept(node_added("a")).await;
    assert_eq!(words(&mut watcher, 1).await, ["accepted a"]);
}

#[tokio::test]
async fn an_open_stream_ends_with_the_relay_and_holds_up_nothing() {
    let mut relay = TestRelay::start(CONFIG).await;
    let (mut watcher, _unread) = (watch(&relay, "").await, watch(&relay, "?after=0").await);
    relay.run_deliveries();
    relay.accept(node_added("a")).await;
    assert_eq!(words(&mut watcher, 1).await, ["accepted a"]);
    relay.life.stop();
    while watcher.next().await.is_some() {}
    assert_eq!(relay.life.run_down(PATIENCE).await, RunDown::Clean);
}

#[tokio::test]
async fn only_who_shows_a_token_may_watch_and_only_so_many_at_a_time() {
    let relay = TestRelay::start(CONFIG).await;
    let stranger = Watcher::open(relay.admin, "/api/v1/stream", &[]).await;
    assert!(stranger.head.starts_with("HTTP/1.1 401"), "{}", stranger.head);
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(watch(&relay, "").await);
    }
    let refused = call(&relay, "GET", "stream", "").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "too_many"), "{refused:?}");
    drop(open);
    // Who has gone away is noticed with the next thing there is to tell.
    let mut number = 0;
    while call(&relay, "GET", "stream", "").await.status != 200 {
        number += 1;
        relay.accept(node_added(&format!("evt-{number}"))).await;
    }
}

/// Enough to fill whatever stands between the relay and somebody who does not read.
async fn happen_a_lot(relay: &TestRelay) {
    let large = |number| {
        let cluster = Cluster { name: Some("x".repeat(10_000)), ..Cluster::default() };
        Event { cluster, ..plain(number, relay) }
    };
    relay.inbox.accept_all((1..=800).map(large).collect(), None).await.unwrap();
}

#[tokio::test]
async fn who_does_not_read_what_is_told_gives_the_place_back() {
    let relay = TestRelay::start(&format!("{CONFIG}\nserver: {{ idle_timeout: 300ms }}")).await;
    let mut unread = Vec::new();
    for _ in 0..16 {
        unread.push(watch(&relay, "").await);
    }
    assert!(watch_from(&relay, "", &[]).await.head.starts_with("HTTP/1.1 409"));
    happen_a_lot(&relay).await;
    let newcomer = async { while !watch_from(&relay, "", &[]).await.head.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(PATIENCE, newcomer).await.expect("a place is free");
}

#[tokio::test]
async fn who_does_not_read_does_not_hold_up_the_end_of_the_relay() {
    let relay = TestRelay::start(CONFIG).await;
    let _unread = watch(&relay, "").await;
    let mut reads = watch(&relay, "").await;
    happen_a_lot(&relay).await;
    // As much as the other one was offered.
    for _ in 0..800 {
        reads.next().await.unwrap();
    }
    relay.life.stop();
    assert_eq!(relay.life.run_down(PATIENCE).await, RunDown::Clean);
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let relay = TestRelay::start(CONFIG).await;
    for query in ["after=", "after=-1", "after=x", "after=9999999999999999999", "text=-", "state=dead", "limit=5"] {
        let answer = call(&relay, "GET", &format!("stream?{query}"), "").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "not_allowed"), "{query}: {answer:?}");
    }
    let header = watch_from(&relay, "", &[("last-event-id", "x")]).await;
    assert!(header.head.starts_with("HTTP/1.1 400"), "{}", header.head);
}
