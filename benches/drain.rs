//! How fast a backlog drains to a fast receiver on this machine, each delivery settled durably; how long it takes from sending
//! an event to an idle relay until its request is here, accepting it included; and how much memory a storm and a dead target cost.
//!
//! `cargo bench --bench drain [-- DELIVERIES]`. The ratio is to the same client sending the same requests with nothing to
//! keep. Prints; asserts nothing, because machines differ. The relay is a process of its own; the receiver is a thread of this one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, or stops and says why"
)]

mod house;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use castai_relay::event::delivery::Owed;
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{EventId, RouteName, SourceName, TargetName};
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{Append, Store};
use house::{Server, empty_folder, percentile, posted, request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Attempts at a time.
const PLACES: usize = 64;
/// Events sent one after the other to an idle relay.
const SINGLES: usize = 1000;
/// Interruptions in the storm.
const STORM: usize = 10_000;
/// How long a relay is watched that has nothing to wait for.
const WATCHED: Duration = Duration::from_secs(15);

fn main() {
    let deliveries = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let receiver = Receiver::start();
    let bare = runtime.block_on(bare_rate(receiver.address, deliveries));
    println!("{:<52}{:>10.0}/s", format!("bare client, {PLACES} connections, nothing kept"), bare);
    let (rate, peak) = runtime.block_on(drain(&receiver, deliveries));
    println!(
        "{:<52}{rate:>10.0}/s   ratio {:.2}, {peak:.1} MiB at most",
        format!("relay, a backlog of {deliveries}"),
        rate / bare
    );
    let mut waits = runtime.block_on(idle(&receiver));
    waits.sort();
    let at = |share| percentile(&waits, share).as_secs_f64() * 1000.0;
    println!(
        "{:<52}{:>10.2} ms p50, {:.2} ms p99",
        "idle relay, from sending an event to its request",
        at(0.5),
        at(0.99)
    );
    let (messages, peak) = runtime.block_on(storm(&receiver));
    println!(
        "{:<52}{messages:>10} messages, {peak:.1} MiB at most",
        format!("{STORM} interruptions, 50 clusters, two targets")
    );
    let peak = runtime.block_on(dead(&receiver, deliveries));
    println!("{:<52}{peak:>10.1} MiB at most", format!("a dead target with a backlog of {deliveries}"));
    let _ = std::fs::remove_dir_all(empty_folder("drain"));
}

/// Takes whatever it is sent, as fast as it can.
struct Receiver {
    address: SocketAddr,
    taken: Arc<AtomicUsize>,
    arrivals: tokio::sync::Mutex<mpsc::UnboundedReceiver<Instant>>,
}

impl Receiver {
    fn start() -> Self {
        let taken = Arc::new(AtomicUsize::new(0));
        let (tell, arrivals) = mpsc::unbounded_channel();
        let (counted, (say, address)) = (taken.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                say.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    tokio::spawn(take(stream, counted.clone(), tell.clone()));
                }
            });
        });
        Self { address: address.recv().unwrap(), taken, arrivals: tokio::sync::Mutex::new(arrivals) }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    fn targets(&self) -> String {
        let target = json!({
            "pagerduty": {"routing_key": KEY, "url": format!("http://{}/v2/enqueue", self.address)},
            "rate": "unlimited", "concurrency": PLACES, "retry": {"share": "100%"},
        });
        format!("targets: {{ fast: {target} }}\ndefault_targets: [fast]\n")
    }
}

async fn take(stream: TcpStream, taken: Arc<AtomicUsize>, tell: mpsc::UnboundedSender<Instant>) {
    let answer = service_fn(|request: Request<Incoming>| {
        let (taken, tell) = (taken.clone(), tell.clone());
        async move {
            let at = Instant::now();
            request.into_body().collect().await.unwrap();
            let _ = tell.send(at);
            taken.fetch_add(1, Ordering::Release);
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
        }
    });
    // A relay that is killed breaks its connections.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn bare_rate(to: SocketAddr, requests: usize) -> f64 {
    let started = Instant::now();
    let senders: Vec<_> = (0..PLACES).map(|_| tokio::spawn(send(to, requests / PLACES))).collect();
    for sender in senders {
        sender.await.unwrap();
    }
    requests as f64 / started.elapsed().as_secs_f64()
}

async fn connect(to: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn send(to: SocketAddr, requests: usize) {
    let mut sender = connect(to).await;
    for number in 0..requests {
        let answer = sender.send_request(request(&number.to_string())).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
}

/// From the first request to the last; the backlog is there before the relay is.
async fn drain(receiver: &Receiver, deliveries: usize) -> (f64, f64) {
    let folder = empty_folder("drain");
    owe(&folder.join("relay.db"), deliveries).await;
    let before = receiver.taken();
    let relay = Server::relay(&folder, &receiver.targets());
    while receiver.taken() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let started = Instant::now();
    while receiver.taken() < before + deliveries {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = deliveries as f64 / started.elapsed().as_secs_f64();
    let peak = relay.peak_mib();
    relay.kill();
    (rate, peak)
}

async fn owe(path: &std::path::Path, deliveries: usize) {
    let store = SqliteStore::open(path, Arc::new(|_, _| {})).unwrap();
    let ids: Vec<usize> = (0..deliveries).collect();
    for page in ids.chunks(1000) {
        store.append(page.iter().map(|number| append(*number)).collect(), None).await.unwrap();
    }
}

fn append(number: usize) -> Append {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let received_at = Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap());
    let data = json!({"nodeName": format!("ip-10-0-12-{number}"), "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let data = data.as_object().unwrap().clone();
    let event = Event {
        id: EventId::from_sender(None, &format!("backlog-{number}")),
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
    Append { event, owed: vec![owed] }
}

/// One event after the other, each sent when the one before has arrived.
async fn idle(receiver: &Receiver) -> Vec<Duration> {
    let relay = Server::relay(&empty_folder("drain"), &receiver.targets());
    let mut sender = connect(relay.address).await;
    let mut arrivals = receiver.arrivals.lock().await;
    while arrivals.try_recv().is_ok() {}
    let mut waits = Vec::new();
    for number in 0..SINGLES {
        let started = Instant::now();
        let answer = sender.send_request(request(&format!("single-{number}"))).await.unwrap();
        answer.into_body().collect().await.unwrap();
        let arrived = arrivals.recv().await.unwrap();
        waits.push(arrived.duration_since(started));
    }
    relay.kill();
    waits
}

/// All interruptions at once, over fifty clusters: Slack hears of a storm, PagerDuty of each cluster.
async fn storm(receiver: &Receiver) -> (usize, f64) {
    let routes = "routes:\n\
        - { name: news, match: {}, notify: [chat], group: { by: [cluster], wait: 1s }, storm: { above: 30/m, interval: 5s } }\n\
        - { name: pages, match: {}, notify: [pager], group: { by: [cluster], wait: 1s }, \
        incident: { key: \"spot/{{ event.cluster.id }}\", resolve_after: 1h } }\n";
    let chat = json!({"slack": {"webhook_url": format!("http://{}/services/T/B/X", receiver.address)}});
    let pager = json!({"pagerduty": {"routing_key": KEY, "url": format!("http://{}/v2/enqueue", receiver.address)}});
    let relay =
        Server::relay(&empty_folder("drain"), &format!("targets: {{ chat: {chat}, pager: {pager} }}\n{routes}"));
    let before = receiver.taken();
    let senders: Vec<_> = (0..PLACES).map(|first| tokio::spawn(interrupt(relay.address, first))).collect();
    for sender in senders {
        sender.await.unwrap();
    }
    tokio::time::sleep(WATCHED).await;
    let peak = relay.peak_mib();
    relay.kill();
    (receiver.taken() - before, peak)
}

async fn interrupt(relay: SocketAddr, first: usize) {
    let mut sender = connect(relay).await;
    for number in (first..STORM).step_by(PLACES) {
        let cluster = number % 50;
        let event = json!({
            "id": format!("storm-{number}"), "eventType": "node.spot_interrupted", "timestamp": "2026-11-20T08:15:30Z",
            "clusterId": format!("00000000-0000-0000-0000-0000000000{cluster:02}"), "clusterName": format!("prod-{cluster:02}"),
            "data": {"nodeName": format!("ip-{number}"), "instanceType": "m6i.2xlarge", "lifecycle": "spot"},
        });
        let answer = sender.send_request(posted(event.to_string())).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
}

/// Nobody listens where the backlog should go.
async fn dead(receiver: &Receiver, deliveries: usize) -> f64 {
    let folder = empty_folder("drain");
    owe(&folder.join("relay.db"), deliveries).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let relay = Server::relay(&folder, &receiver.targets().replace(&receiver.address.to_string(), &nobody.to_string()));
    tokio::time::sleep(WATCHED).await;
    let peak = relay.peak_mib();
    relay.kill();
    peak
}
