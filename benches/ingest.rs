//! How many events a second become durable, as a ratio: the real relay, fsync before each 200, against a bare axum
//! handler that only parses the same JSON and answers. Same client (hyper), same run, 64 connections, in turns.
//!
//! `cargo bench --bench ingest [-- SECONDS]`. Prints rates, p50, p99 and peak memory; asserts nothing, because
//! machines differ. The servers are processes of their own, so that memory is theirs alone.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, or stops and says why"
)]

#[expect(dead_code, reason = "it asks the relay for less than another benchmark does")]
mod house;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use house::{Server, announced, empty_folder, percentile, request};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 3;
const BARE: &str = "INGEST_BENCH_BARE";

fn main() {
    if std::env::var_os(BARE).is_some() {
        return serve_bare();
    }
    let seconds = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(5);
    let length = Duration::from_secs(seconds);
    println!("{CONNECTIONS} connections, {ROUNDS} rounds of {seconds} s each, in turns; medians\n");
    println!(
        "{:<34}{:>10}{:>10}{:>10}{:>10}{:>8}{:>9}",
        "", "events/s", "p50 ms", "p99 ms", "MiB peak", "ratio", "p99 ×"
    );
    let kept = Contender { name: "relay, kept, nobody to tell", routes: "default_targets: []" };
    let told = Contender { name: "relay, kept and told to the log", routes: "default_targets: [console]" };
    let mut bare_runs = Vec::new();
    let mut runs = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        bare_runs.push(measure(start_bare(), length));
        for (contender, runs) in [&kept, &told].into_iter().zip(&mut runs) {
            runs.push(measure(contender.start(), length));
        }
    }
    let bare = median(bare_runs);
    bare.print("bare axum, parses and answers", &bare);
    for (contender, runs) in [kept, told].into_iter().zip(runs) {
        median(runs).print(contender.name, &bare);
    }
    let _ = std::fs::remove_dir_all(empty_folder("ingest"));
}

struct Contender {
    name: &'static str,
    routes: &'static str,
}

impl Contender {
    fn start(&self) -> Server {
        Server::relay(&empty_folder("ingest"), self.routes)
    }
}

fn start_bare() -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut process = command.env(BARE, "1").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let [address] = announced(lines, ["public"]);
    Server { process, address, admin: address }
}

fn serve_bare() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", json!({"public": listener.local_addr().unwrap()}));
        let handler = async |Json(event): Json<Value>| {
            Json(Answer { received: true, id: event["id"].as_str().unwrap_or_default().to_owned(), duplicate: false })
        };
        axum::serve(listener, Router::new().route("/castai/events", post(handler))).await.unwrap();
    });
}

#[derive(Serialize)]
struct Answer {
    received: bool,
    id: String,
    duplicate: bool,
}

struct Run {
    rate: f64,
    p50: f64,
    p99: f64,
    peak_mib: f64,
}

impl Run {
    fn print(&self, name: &str, bare: &Run) {
        let (ratio, times) = (self.rate / bare.rate, self.p99 / bare.p99);
        let Run { rate, p50, p99, peak_mib } = self;
        println!("{name:<34}{rate:>10.0}{p50:>10.2}{p99:>10.2}{peak_mib:>10.1}{ratio:>8.2}{times:>9.2}");
    }
}

fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    runs.swap_remove(runs.len() / 2)
}

fn measure(server: Server, length: Duration) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(load(server.address, length / 5, "warm"));
    let started = Instant::now();
    let mut latencies = runtime.block_on(load(server.address, length, "run"));
    let elapsed = started.elapsed().as_secs_f64();
    let peak_mib = server.peak_mib();
    server.kill();
    latencies.sort();
    let at = |share| percentile(&latencies, share).as_secs_f64() * 1000.0;
    Run { rate: latencies.len() as f64 / elapsed, p50: at(0.5), p99: at(0.99), peak_mib }
}

async fn load(address: SocketAddr, length: Duration, label: &'static str) -> Vec<Duration> {
    let until = Instant::now() + length;
    let senders: Vec<_> = (0..CONNECTIONS).map(|number| tokio::spawn(send(address, until, label, number))).collect();
    let mut all = Vec::new();
    for sender in senders {
        all.extend(sender.await.unwrap());
    }
    all
}

async fn send(address: SocketAddr, until: Instant, label: &str, number: usize) -> Vec<Duration> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let request = request(&format!("{label}-{number}-{:08}", latencies.len()));
        let started = Instant::now();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        latencies.push(started.elapsed());
        assert!(status == 200 && body.ends_with(b"\"duplicate\":false}"), "{status} {body:?}");
    }
    latencies
}
