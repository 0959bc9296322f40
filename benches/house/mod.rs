//! The real relay as a process of its own, for benchmarks: its memory and its processor time are its own.
//!
//! Knows how to start and to ask it; what is measured is for the benchmarks.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use serde_json::Value;

/// What operators show.
pub const TOKEN: &str = "a-token-for-benchmarks";

/// A process that listens.
pub struct Server {
    pub process: Child,
    pub address: SocketAddr,
    /// Where operators look in.
    pub admin: SocketAddr,
}

impl Server {
    /// Starts the relay in `folder` with these sections beside those every benchmark needs.
    pub fn relay(folder: &Path, sections: &str) -> Self {
        let config = folder.join("relay.yaml");
        let text = format!(
            "server: {{ listen: 127.0.0.1:0 }}\nadmin: {{ listen: 127.0.0.1:0, token: {TOKEN} }}\nlog: {{ filter: \"info,castai_relay::deliver=warn,castai_relay::notify=warn\" }}\n\
             store: {{ sqlite: {{ path: {} }} }}\n\
             sources: {{ webhooks: {{ castai: {{ path: /castai/events, verify: {{ bearer: [ token ] }} }} }} }}\n{sections}\n",
            folder.join("relay.db").display(),
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_castai-relay"));
        let mut process = command.args(["serve", "--config"]).arg(&config).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let [address, admin] = announced(lines, ["public", "admin"]);
        Server { process, address, admin }
    }

    /// The most memory it had, in MiB.
    pub fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Reads log lines until one names these addresses; a thread reads the rest, so that the pipe never fills.
pub fn announced<const N: usize>(
    mut lines: impl Iterator<Item = std::io::Result<String>> + Send + 'static,
    keys: [&str; N],
) -> [SocketAddr; N] {
    let all_in = |line: &Value| {
        let found: Option<Vec<SocketAddr>> = keys.iter().map(|key| line[key].as_str()?.parse().ok()).collect();
        found?.try_into().ok()
    };
    let addresses = lines.find_map(|line| all_in(&serde_json::from_str(&line.ok()?).ok()?));
    std::thread::spawn(move || lines.for_each(drop));
    addresses.expect("the server says where it listens")
}

/// An empty folder of this name for one benchmark.
pub fn empty_folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// One event, as CAST AI's webhook brings it.
pub fn request(id: &str) -> Request<Full<Bytes>> {
    posted(format!(
        r#"{{"id":"{id}","eventType":"node.added","clusterId":"9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21","clusterName":"prod-eu","timestamp":"2026-11-20T08:15:30Z","data":{{"nodeName":"ip-10-0-12-7.eu-central-1.compute.internal","instanceType":"m6i.2xlarge","lifecycle":"spot"}}}}"#
    ))
}

/// A body, as CAST AI's webhook brings it.
pub fn posted(body: String) -> Request<Full<Bytes>> {
    Request::post("/castai/events")
        .header(HOST, "relay")
        .header(AUTHORIZATION, "Bearer token")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))
        .unwrap()
}

/// The value below which `share` of the sorted ones lie.
pub fn percentile<T: Copy>(sorted: &[T], share: f64) -> T {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}
