//! How a relay fares that remembers a million events: what lists and searches take, and what the memory costs ingest.
//!
//! `cargo bench --bench history [-- EVENTS]`. Prints the 50th and 95th of a hundred times for each question, over HTTP and by
//! the command line, the rate of ingest against that of an empty store in the same run, and the most memory it had.
//! Fails when a question takes more than 100 ms at the 95th, or the memory goes beyond 100 MiB; ingest is printed only,
//! because machines are noisy. [`past`] makes the million up.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, or stops and says why"
)]

mod house;
mod past;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use house::{Server, TOKEN, empty_folder, percentile, request};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// How often each question is asked.
const TIMES: usize = 100;
/// How often each command is run.
const RUNS: usize = 20;
/// Those who send at a time.
const CONNECTIONS: usize = 64;
/// Pairs of measurements of ingest.
const ROUNDS: usize = 7;
/// What an answer may take at the 95th.
const MOST_MS: f64 = 100.0;
/// The most memory, in MiB.
const MOST_MIB: f64 = 100.0;
/// Nobody is told: the log is a target that is always open.
const SECTIONS: &str = "targets: { slack-ops: { log: {} }, oncall: { log: {} }, mail: { log: {} } }\n\
                        routes: [ { name: nobody, match: {}, notify: [] } ]\n";

/// What is asked, and what it is.
const QUESTIONS: [(&str, &str); 16] = [
    ("the newest events", "events"),
    ("the oldest events", "events?order=oldest"),
    ("of a frequent type", "events?type=node.added"),
    ("of a rare type", "events?type=savings.threshold"),
    ("of all types that begin so", "events?type=node.*&severity=warning"),
    ("of one cluster, and critical", "events?cluster=cluster-7&severity=critical"),
    ("by a node's name", "events?text=ip-10-0-3-141"),
    ("by two frequent words", "events?text=spot%20m6i"),
    ("by a word nobody wrote", "events?text=nowhere"),
    ("of a day", "events?since=2026-11-10T00:00:00Z&until=2026-11-11T00:00:00Z"),
    ("given up at one target", "events?target=oncall&state=dead"),
    ("rare, and given up", "events?type=savings.threshold&state=dead"),
    ("deliveries, the newest", "deliveries"),
    ("dead letters", "deliveries?state=dead"),
    ("silenced at one target", "deliveries?target=mail&state=silenced"),
    ("what waits", "deliveries?state=pending"),
];

fn main() -> ExitCode {
    let events = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = empty_folder("history");
    let started = Instant::now();
    runtime.block_on(past::make(&folder.join("relay.db"), events));
    println!("{events} events made up in {:.0?}, {} MiB on disk", started.elapsed(), size(&folder.join("relay.db")));
    let relay = Server::relay(&folder, SECTIONS);
    println!("indexed after {:.0?}", past::wait_for_the_index(&folder.join("relay.db")));
    let slowest = runtime.block_on(ask_everything(&relay, events)).max(run_commands(&folder, &relay, events));
    compare_ingest(&runtime, &relay, events);
    let peak = relay.peak_mib();
    relay.kill();
    println!("memory: {peak:.1} MiB at most");
    for name in ["history", "history-empty"] {
        let _ = std::fs::remove_dir_all(empty_folder(name));
    }
    if slowest <= MOST_MS && peak <= MOST_MIB {
        return ExitCode::SUCCESS;
    }
    println!("more than {MOST_MS} ms at the 95th, or more than {MOST_MIB} MiB");
    ExitCode::FAILURE
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len() >> 20
}

/// Prints the times of a question; yields the 95th in milliseconds.
fn told(what: &str, mut times: Vec<Duration>, found: usize) -> f64 {
    times.sort();
    let at = |share| percentile(&times, share).as_secs_f64() * 1000.0;
    println!("{what:<46}{:>8.2} ms p50{:>9.2} ms p95{found:>6} found", at(0.5), at(0.95));
    at(0.95)
}

async fn connect(to: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A look at the API, as an operator.
fn looked(path: &str) -> Request<Full<Bytes>> {
    let token = format!("Bearer {TOKEN}");
    Request::get(path).header(HOST, "relay").header(AUTHORIZATION, token).body(Full::default()).unwrap()
}

async fn ask_everything(relay: &Server, events: usize) -> f64 {
    let mut sender = connect(relay.admin).await;
    let mut slowest: f64 = 0.0;
    for (what, question) in QUESTIONS {
        let (times, found) = ask(&mut sender, &format!("/api/v1/{question}")).await;
        slowest = slowest.max(told(what, times, found));
    }
    for (what, number) in [("one event, an old one", events / 3), ("one event, the newest", events - 1)] {
        let (times, _) = ask(&mut sender, &format!("/api/v1/events/{}", past::id(number))).await;
        slowest = slowest.max(told(what, times, 1));
    }
    slowest
}

async fn ask(sender: &mut http1::SendRequest<Full<Bytes>>, path: &str) -> (Vec<Duration>, usize) {
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..TIMES {
        let started = Instant::now();
        let answer = sender.send_request(looked(path)).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        times.push(started.elapsed());
        assert_eq!(status, 200, "{path}: {body:?}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        found = ["events", "deliveries"].iter().find_map(|key| body[*key].as_array().map(Vec::len)).unwrap_or_default();
    }
    (times, found)
}

/// The same by the command line, process and all.
fn run_commands(folder: &Path, relay: &Server, events: usize) -> f64 {
    let id = past::id(events / 3);
    let commands: [&[&str]; 3] =
        [&["events", "list", "--text", "ip-10-0-3-141"], &["deliveries", "list", "--state", "dead"], &["explain", &id]];
    let run = |command: &[&str]| {
        let mut process = Command::new(env!("CARGO_BIN_EXE_castai-relay"));
        let url = format!("http://{}", relay.admin);
        process.args(command).arg("--config").arg(folder.join("relay.yaml")).args(["--url", &url]);
        let started = Instant::now();
        let ended = process.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(ended.success(), "{command:?}");
        started.elapsed()
    };
    let times = |command: &&[&str]| (0..RUNS).map(|_| run(command)).collect();
    commands.iter().map(|command| told(&command.join(" "), times(command), 1)).fold(0.0, f64::max)
}

/// Prints the rates of ingest with and without a past, taken in turns, because the machine has better and worse moments.
fn compare_ingest(runtime: &tokio::runtime::Runtime, full: &Server, events: usize) {
    let mut rates: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|round| {
            let fresh = Server::relay(&empty_folder("history-empty"), SECTIONS);
            let turns = if round % 2 == 0 { [full, &fresh] } else { [&fresh, full] };
            let [first, second] = turns.map(|relay| runtime.block_on(ingest(relay, round)));
            fresh.kill();
            let [full, empty] = if round % 2 == 0 { [first, second] } else { [second, first] };
            [full / empty, full, empty]
        })
        .collect();
    rates.sort_by(|one, other| one[0].total_cmp(&other[0]));
    let ([least, ..], [ratio, full, empty], [most, ..]) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
    println!("ingest: {full:.0}/s with {events} events stored, {empty:.0}/s with none, ratio {ratio:.2}");
    println!("        the median of {ROUNDS} pairs; the ratios were between {least:.2} and {most:.2}");
}

/// Events that become durable in a second, sent by many at a time for a while.
async fn ingest(relay: &Server, round: usize) -> f64 {
    const LENGTH: Duration = Duration::from_secs(5);
    let send = |number: usize| {
        let address = relay.address;
        async move {
            let mut sender = connect(address).await;
            let started = Instant::now();
            let mut count = 0;
            while started.elapsed() < LENGTH {
                let answer = sender.send_request(request(&format!("ingest-{round}-{number}-{count}"))).await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.into_body().collect().await.unwrap();
                count += 1;
            }
            count
        }
    };
    let senders: Vec<_> = (0..CONNECTIONS).map(|number| tokio::spawn(send(number))).collect();
    let mut sum = 0;
    for sender in senders {
        sum += sender.await.expect("a sender ends well");
    }
    f64::from(sum) / LENGTH.as_secs_f64()
}
