//! How fast what is owed gets out, and how much memory a bad day costs. In this order:
//!
//! * *drain*: a backlog of so many deliveries, there before the relay starts, to one fast receiver. From the first request until
//!   the store has settled every one of them, durably. Afterwards each row is read from the file: delivered, in one attempt. The
//!   ratio is to the same number of requests by a bare client to the same receiver, with nothing to keep.
//! * *idle*: one event at a time to a relay that has nothing else to do. From the client's having read the 200 (the event is
//!   accepted), and from its sending the event, until the receiver has read the head of the request. Where the request
//!   is there before the 200 was read, it took no time.
//! * *storm*: 10,000 interruptions in 50 clusters as fast as they are taken, to Slack and PagerDuty with their usual limits, until
//!   nothing is pending.
//! * *dead*: a backlog for a target that refuses connections, and news for it and a live one beside; when the live one has
//!   everything, the dead one comes back and gets everything, too.
//!
//! `cargo bench --bench drain [-- DELIVERIES]`. Requests are counted, and which of them are the same again. Speed is printed and
//! not judged, because machines differ; memory is the relay's own peak (`VmHWM`), and more than 64 MiB in *storm* or *dead* is a
//! failure (exit code 1), as is anything that is missing or told twice. The relay is a process of its own; the receiver is a thread.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, or stops and says why"
)]

mod house;
#[path = "drain/receiver.rs"]
mod receiver;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castai_relay::event::delivery::Owed;
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{EventId, RouteName, SourceName, TargetName};
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{Append, DeliveryState, Store};
use house::{Server, empty_folder, percentile, posted, request};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use receiver::Receiver;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Attempts at a time.
const PLACES: usize = 64;
/// Events sent one after the other to an idle relay.
const SINGLES: usize = 1000;
/// Interruptions in the storm, and the clusters they are in.
const STORM: usize = 10_000;
const CLUSTERS: usize = 50;
/// The most memory that a storm and a dead target may cost, in MiB.
const MOST_MIB: f64 = 64.0;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    let deliveries = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let receiver = Receiver::start();
    let bare = runtime.block_on(bare_rate(&receiver, deliveries));
    line(format!("bare client, {PLACES} connections, nothing kept"), format!("{bare:.0}/s"));
    let (rate, peak) = runtime.block_on(drain(&receiver, deliveries));
    let told = format!("{rate:.0}/s, ratio {:.2}, {peak:.1} MiB at most", rate / bare);
    line(format!("drain: a backlog of {deliveries}, all settled"), told);
    let [accepted, sent] = runtime.block_on(idle(&receiver)).map(in_millis);
    line("idle: from the 200 to the request".to_owned(), accepted);
    line("idle: from sending the event to the request".to_owned(), sent);
    let (messages, stormy) = runtime.block_on(storm(&receiver));
    line(
        format!("storm: {STORM} interruptions, {CLUSTERS} clusters"),
        format!("{messages} messages, {stormy:.1} MiB at most"),
    );
    let lonely = runtime.block_on(dead(&receiver, deliveries));
    line(format!("dead: a backlog of {deliveries}, and news beside"), format!("{lonely:.1} MiB at most"));
    let _ = std::fs::remove_dir_all(empty_folder("drain"));
    if stormy.max(lonely) <= MOST_MIB {
        return ExitCode::SUCCESS;
    }
    println!("more than the {MOST_MIB} MiB that a bad day may cost");
    ExitCode::FAILURE
}

fn line(what: String, told: String) {
    println!("{what:<52}{told}");
}

fn in_millis(mut waits: Vec<Duration>) -> String {
    waits.sort();
    let at = |share| percentile(&waits, share).as_secs_f64() * 1000.0;
    format!("{:.2} ms p50, {:.2} ms p99", at(0.5), at(0.99))
}

async fn connect(to: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// So many requests over all connections; each must be taken.
async fn post_all(to: SocketAddr, requests: usize, made: fn(usize) -> Request<Full<Bytes>>) {
    let post_some = |first: usize| async move {
        let mut sender = connect(to).await;
        for number in (first..requests).step_by(PLACES) {
            let answer = sender.send_request(made(number)).await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.unwrap();
        }
    };
    let senders: Vec<_> = (0..PLACES).map(|first| tokio::spawn(post_some(first))).collect();
    for sender in senders {
        sender.await.unwrap();
    }
}

async fn bare_rate(receiver: &Receiver, requests: usize) -> f64 {
    let started = Instant::now();
    post_all(receiver.address, requests, |number| request(&number.to_string())).await;
    let rate = requests as f64 / started.elapsed().as_secs_f64();
    assert_eq!((receiver.requests(), receiver.different()), (requests, requests));
    rate
}

/// Looks every few milliseconds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// As the store counts what is pending.
async fn is_settled(relay: &Server, targets: &[&str]) -> bool {
    let get = Request::get("/metrics").header("host", "relay").body(Full::default()).unwrap();
    let answer = connect(relay.admin).await.send_request(get).await.unwrap();
    let metrics = answer.into_body().collect().await.unwrap().to_bytes();
    let metrics = std::str::from_utf8(&metrics).unwrap();
    let nothing = |target: &&str| format!("castai_relay_pending_deliveries{{target=\"{target}\"}} 0");
    targets.iter().map(nothing).all(|series| metrics.lines().any(|line| line == series))
}

fn target(at: SocketAddr) -> Value {
    json!({
        "pagerduty": {"routing_key": KEY, "url": format!("http://{at}/v2/enqueue")},
        "rate": "unlimited", "concurrency": PLACES, "retry": {"share": "90%"},
    })
}

fn only(receiver: &Receiver) -> String {
    format!("targets: {{ fast: {} }}\ndefault_targets: [fast]\n", target(receiver.address))
}

async fn drain(receiver: &Receiver, deliveries: usize) -> (f64, f64) {
    let folder = empty_folder("drain");
    let database = folder.join("relay.db");
    owe(&database, deliveries).await;
    receiver.forget();
    let relay = Server::relay(&folder, &only(receiver));
    until("the first request", async || receiver.requests() > 0).await;
    let started = Instant::now();
    until("every request", async || receiver.different() == deliveries).await;
    until("every row to be settled", async || is_settled(&relay, &["fast"]).await).await;
    let rate = deliveries as f64 / started.elapsed().as_secs_f64();
    let peak = relay.peak_mib();
    relay.kill();
    assert_eq!(receiver.requests(), deliveries, "nothing is told twice");
    all_are_delivered(&database, deliveries).await;
    (rate, peak)
}

fn backlog_id(number: usize) -> EventId {
    EventId::from_sender(None, &format!("backlog-{number}"))
}

async fn owe(database: &Path, deliveries: usize) {
    let store = SqliteStore::open(database, Arc::new(|_, _| {})).unwrap();
    let numbers: Vec<usize> = (0..deliveries).collect();
    for page in numbers.chunks(1000) {
        store.append(page.iter().map(|number| append(*number)).collect(), None).await.unwrap();
    }
}

fn append(number: usize) -> Append {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let received_at = Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap());
    let data = json!({"nodeName": format!("ip-10-0-12-{number}"), "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let data = data.as_object().unwrap().clone();
    let event = Event {
        id: backlog_id(number),
        source: SourceName::parse("castai").unwrap(),
        kind: CastAIEvent::read("node.added", &data, &mut Vec::new()),
        severity: Severity::Info,
        organization: None,
        cluster: Cluster { name: Some("prod-eu".into()), ..Cluster::default() },
        category: None,
        labels: Default::default(),
        occurred_at: Some(received_at),
        received_at,
        body: Bytes::from(json!({"data": data}).to_string()),
        data,
        notes: Vec::new(),
    };
    let owed = Owed::plain(RouteName::default_targets(), TargetName::parse("fast").unwrap(), Severity::Info);
    Append { event, owed: vec![owed], routed_by: None, deed: None }
}

/// As the file has it when nobody has it open.
async fn all_are_delivered(database: &Path, deliveries: usize) {
    let store = SqliteStore::open(database, Arc::new(|_, _| {})).unwrap();
    assert!(store.backlog().await.unwrap().is_empty(), "nothing is pending, nothing is dead");
    for number in 0..deliveries {
        let rows = store.event(&backlog_id(number)).await.unwrap().unwrap().deliveries;
        let ends: Vec<_> = rows.iter().map(|row| (row.state, row.attempts)).collect();
        assert_eq!(ends, [(DeliveryState::Delivered, 1)], "backlog-{number}");
    }
}

/// One event after the other, each sent when the one before has arrived: from each 200, and from each sending.
async fn idle(receiver: &Receiver) -> [Vec<Duration>; 2] {
    let relay = Server::relay(&empty_folder("drain"), &only(receiver));
    let mut sender = connect(relay.address).await;
    let mut arrivals = receiver.arrivals.lock().await;
    while arrivals.try_recv().is_ok() {}
    let mut waits = [Vec::new(), Vec::new()];
    for number in 0..SINGLES {
        let sent = Instant::now();
        let answer = sender.send_request(request(&format!("single-{number}"))).await.unwrap();
        answer.into_body().collect().await.unwrap();
        let accepted = Instant::now();
        let arrived = arrivals.recv().await.unwrap();
        for (waits, since) in waits.iter_mut().zip([accepted, sent]) {
            waits.push(arrived.saturating_duration_since(since));
        }
    }
    relay.kill();
    waits
}

/// All at once: Slack hears of a storm, PagerDuty of each cluster.
async fn storm(receiver: &Receiver) -> (usize, f64) {
    let routes = "routes:\n\
        - { name: news, match: {}, notify: [chat], group: { by: [cluster], wait: 1s }, storm: { above: 30/m, interval: 5s } }\n\
        - { name: pages, match: {}, notify: [pager], group: { by: [cluster], wait: 1s, interval: 5s }, \
        incident: { key: \"spot/{{ event.cluster.id }}\", resolve_after: 1h } }\n";
    let chat = json!({"slack": {"webhook_url": format!("http://{}/services/T/B/X", receiver.address)}});
    let pager = json!({"pagerduty": {"routing_key": KEY, "url": format!("http://{}/v2/enqueue", receiver.address)}});
    let targets = format!("targets: {{ chat: {chat}, pager: {pager} }}\n");
    receiver.forget();
    let relay = Server::relay(&empty_folder("drain"), &format!("{targets}{routes}"));
    post_all(relay.address, STORM, interruption).await;
    until("the end of the storm", async || is_settled(&relay, &["chat", "pager"]).await).await;
    let peak = relay.peak_mib();
    relay.kill();
    assert_eq!(receiver.different(), CLUSTERS, "one incident for each cluster");
    (receiver.requests(), peak)
}

fn interruption(number: usize) -> Request<Full<Bytes>> {
    let cluster = number % CLUSTERS;
    let event = json!({
        "id": format!("storm-{number}"), "eventType": "node.spot_interrupted", "timestamp": "2026-11-20T08:15:30Z",
        "clusterId": format!("00000000-0000-0000-0000-0000000000{cluster:02}"), "clusterName": format!("prod-{cluster:02}"),
        "data": {"nodeName": format!("ip-{number}"), "instanceType": "m6i.2xlarge", "lifecycle": "spot"},
    });
    posted(event.to_string())
}

/// Nobody listens where the backlog should go, until the live one has been told everything.
async fn dead(live: &Receiver, deliveries: usize) -> f64 {
    let folder = empty_folder("drain");
    owe(&folder.join("relay.db"), deliveries).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let targets = format!("targets: {{ fast: {}, live: {} }}\n", target(nobody), target(live.address));
    // What is reported of the dead one is nobody's news here.
    let routes =
        "routes: [ { match: { type: \"relay.*\" }, notify: [], name: reports } ]\ndefault_targets: [fast, live]\n";
    live.forget();
    let relay = Server::relay(&folder, &format!("{targets}{routes}"));
    let news = deliveries / 2;
    post_all(relay.address, news, |number| request(&format!("news-{number}"))).await;
    until("the live one", async || live.different() == news && is_settled(&relay, &["live"]).await).await;
    assert!(!is_settled(&relay, &["fast"]).await, "the other one is dead");
    let dead = Receiver::start_at(nobody);
    until("the dead one", async || is_settled(&relay, &["fast"]).await).await;
    let peak = relay.peak_mib();
    relay.kill();
    assert_eq!((live.requests(), dead.requests()), (news, news + deliveries), "nothing is told twice");
    assert_eq!(dead.different(), news + deliveries, "nothing is missing");
    peak
}
