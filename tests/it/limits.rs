//! What one sender may take, what happens when the store cannot keep up, and how the relay stops.
//! Next: [`super::deduplicating`].

use std::sync::Arc;
use std::time::Duration;

use castai_relay::runtime::{Lifecycle, RunDown};
use futures_util::FutureExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::bodies::node_added;
use crate::support::flaky_store::FlakyStore;
use crate::support::http::{Answer, Connection, PATIENCE};
use crate::support::relay::TestRelay;

const IMPATIENT: &str = "server: { head_timeout: 200ms }";

/// A relay on a store that does as it is told.
async fn flaky(config: &str) -> (TestRelay, Arc<FlakyStore>) {
    let store = FlakyStore::shared();
    (TestRelay::start_on(store.clone(), config).await, store)
}

/// Posts an event and leaves the answer for later.
async fn begin(relay: &TestRelay, id: &str) -> Connection {
    let mut connection = Connection::open(relay.public).await;
    connection.request("POST", "/castai/events", &[], &node_added(id)).await;
    connection
}

/// The answer's status, its code and what it says about when to come back.
fn unavailable(answer: &Answer) -> (u16, String, Option<&str>) {
    (answer.status, answer.code(), answer.header("retry-after"))
}

#[tokio::test]
async fn a_body_as_large_as_the_limit_passes_and_one_byte_more_does_not() {
    let relay = TestRelay::start("server: { body_limit: 1KiB }").await;
    for (size, status) in [(1024, 200), (1025, 413)] {
        let mut body = node_added("evt").to_vec();
        body.resize(size, b' ');
        assert_eq!(relay.send(&body).await.status, status, "{size} bytes with Content-Length");

        let mut chunked = Connection::open(relay.public).await;
        chunked.write("POST /castai/events HTTP/1.1\r\nhost: relay\r\ntransfer-encoding: chunked\r\n\r\n").await;
        for chunk in body.chunks(1000) {
            chunked.write([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).await;
        }
        chunked.write("0\r\n\r\n").await;
        assert_eq!(chunked.answer().await.unwrap().status, status, "{size} bytes in chunks");
    }
    assert_eq!(relay.received("too_large").await, 2.0);
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_off() {
    let relay = TestRelay::start("server: { body_timeout: 200ms }").await;
    let mut slow = Connection::open(relay.public).await;
    slow.write("POST /castai/events HTTP/1.1\r\nhost: relay\r\ncontent-length: 9\r\n\r\n{").await;
    let answer = slow.answer().await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "body_too_slow"));
    assert_eq!(relay.received("body_incomplete").await, 1.0);
}

#[tokio::test]
async fn a_connection_without_a_complete_head_is_closed() {
    let relay = TestRelay::start(IMPATIENT).await;
    for said in ["", "POST /castai/events HTTP/1.1\r\nhost: re", "PRI * HTTP/2.0\r\n\r\nS"] {
        let mut connection = Connection::open(relay.public).await;
        connection.write(said).await;
        connection.is_closed().await;
    }
}

#[tokio::test]
async fn an_http_2_connection_without_a_request_is_closed() {
    let relay = TestRelay::start(IMPATIENT).await;
    let stream = TokioIo::new(TcpStream::connect(relay.public).await.unwrap());
    let handshake = hyper::client::conn::http2::handshake::<_, _, http_body_util::Empty<bytes::Bytes>>;
    let (_sender, connection) = handshake(TokioExecutor::new(), stream).await.unwrap();
    assert!(tokio::time::timeout(PATIENCE, connection).await.is_ok());
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let relay = TestRelay::start("server: { head_limit: 8KiB }").await;
    let mut connection = Connection::open(relay.public).await;
    let large = "x".repeat(20_000);
    connection.request("POST", "/castai/events", &[("x-large", &large)], b"{}").await;
    let answer = connection.answer().await;
    assert!(answer.as_ref().is_none_or(|answer| answer.status == 431), "{answer:?}");
    assert_eq!(relay.received("accepted").await, 0.0);
}

#[tokio::test]
async fn a_connection_may_rest_longer_than_a_head_may_take() {
    let relay = TestRelay::start("server: { head_timeout: 50ms, idle_timeout: 60s }").await;
    let mut resting = begin(&relay, "before").await;
    assert_eq!(resting.answer().await.unwrap().status, 200);
    for _ in 0..3 {
        // Each of these lasts as long as a head may take, so the other one has rested three times that.
        Connection::open(relay.public).await.is_closed().await;
    }
    resting.request("POST", "/castai/events", &[], &node_added("after")).await;
    assert_eq!(resting.answer().await.map(|answer| answer.status), Some(200));
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed() {
    let relay = TestRelay::start("server: { head_timeout: 60s, idle_timeout: 200ms }").await;
    let mut resting = begin(&relay, "evt").await;
    assert_eq!(resting.answer().await.unwrap().status, 200);
    resting.is_closed().await;
}

#[tokio::test]
async fn one_connection_too_many_waits_until_another_one_is_closed() {
    let relay = TestRelay::start("server: { max_connections: 1 }").await;
    let mut first = begin(&relay, "a").await;
    assert_eq!(first.answer().await.unwrap().status, 200);
    let mut second = begin(&relay, "b").await;
    first.request("POST", "/castai/events", &[], &node_added("c")).await;
    assert_eq!(first.answer().await.unwrap().status, 200);
    assert_eq!(second.answer().now_or_never(), None, "served beyond the limit");
    drop(first);
    assert_eq!(second.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn too_many_requests_at_a_time_are_told_to_come_back() {
    let (relay, store) = flaky("server: { max_in_flight: 2, retry_after: 7s }").await;
    store.appends.hold();
    let mut held = [begin(&relay, "a").await, begin(&relay, "b").await];
    store.appends.until_reached(2).await;
    let turned_away = relay.send(node_added("c")).await;
    assert_eq!(unavailable(&turned_away), (503, "overloaded".to_owned(), Some("7")));
    assert_eq!(relay.metric("castai_relay_overloaded_requests_total").await, 1.0);
    store.appends.open();
    for connection in &mut held {
        assert_eq!(connection.answer().await.unwrap().status, 200);
    }
    relay.accept(node_added("c")).await;
}

#[tokio::test]
async fn what_the_store_cannot_keep_is_never_answered_200_and_is_new_when_sent_again() {
    let (relay, store) = flaky("server: { retry_after: 7s }").await;
    store.appends.fail();
    for _ in 0..2 {
        let answer = relay.send(node_added("evt")).await;
        assert_eq!(unavailable(&answer), (503, "store_failed".to_owned(), Some("7")));
        assert!(!answer.body.contains("disk"), "what the store said is for the log: {}", answer.body);
    }
    assert_eq!(relay.send("not JSON").await.status, 503, "nor is a broken body lost");
    assert_eq!(relay.received("store_failed").await, 3.0);
    store.appends.open();
    relay.accept(node_added("evt")).await;
    assert_eq!(relay.send("not JSON").await.status, 400);
}

#[tokio::test]
async fn a_store_that_stalls_is_not_waited_for_for_ever() {
    let (relay, store) = flaky("server: { request_timeout: 200ms, retry_after: 7s }").await;
    store.appends.hold();
    let answer = relay.send(node_added("evt")).await;
    assert_eq!(unavailable(&answer), (503, "took_too_long".to_owned(), Some("7")));
    store.appends.open();
    relay.accept(node_added("evt")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_relay_finishes_what_is_in_flight_and_takes_nothing_new() {
    let (relay, store) = flaky("").await;
    assert_eq!(relay.look("/readyz").await.body, "ready\n");
    store.appends.hold();
    let mut in_flight = begin(&relay, "evt").await;
    let mut hesitating = Connection::open(relay.public).await;
    hesitating.write("POST /castai/ev").await;
    store.appends.until_reached(1).await;

    relay.life.stop();
    let life = relay.life.clone();
    let ended = tokio::spawn(async move { life.run_down(PATIENCE).await });
    hesitating.is_closed().await;
    if let Ok(mut late) = TcpStream::connect(relay.public).await {
        use tokio::io::AsyncReadExt;
        assert!(matches!(late.read(&mut [0]).await, Ok(0) | Err(_)), "a new connection was served");
    }
    let readyz = relay.look("/readyz").await;
    assert_eq!((readyz.status, readyz.body.as_str()), (503, "stopping\n"));
    assert_eq!(relay.look("/livez").await.status, 200, "a probe must not kill it while it finishes");

    store.appends.open();
    assert_eq!(in_flight.answer().await.unwrap().status, 200);
    assert_eq!(ended.await.unwrap(), RunDown::Clean);
    assert!(TcpStream::connect(relay.admin).await.is_err(), "down is down");
}

#[tokio::test]
async fn when_patience_is_over_the_rest_is_abandoned() {
    let (relay, store) = flaky("").await;
    store.appends.hold();
    let mut in_flight = begin(&relay, "evt").await;
    store.appends.until_reached(1).await;
    relay.life.stop();
    assert_eq!(relay.life.run_down(Duration::ZERO).await, RunDown::Abandoned);
    in_flight.is_closed().await;
    assert_eq!(relay.find("evt").await, None);
}

#[tokio::test]
async fn a_task_that_ends_by_itself_stops_the_relay() {
    for panics in [false, true] {
        let life = Lifecycle::default();
        life.spawn("short-lived", async move { assert!(!panics, "on purpose") });
        assert_eq!(life.run_down(PATIENCE).await, RunDown::Crashed);
        assert!(life.is_stopping());
    }
}
