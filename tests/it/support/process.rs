//! The relay as a process of its own: started, asked, killed, as an operator does it.
//!
//! Nothing here waits for time to pass: everything waits for a log line, an answer or the end of the process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use castai_relay::http_client::{self, Answer, Endpoint, HttpClient, SendError};
use castai_relay::runtime::{Clock, SystemClock};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a finished command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The program, with nothing of our environment in its own.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_castai-relay"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end in `folder`, with these arguments and variables.
pub fn run<A: AsRef<OsStr>>(folder: &Path, arguments: &[A], environment: &[(&str, &str)]) -> Said {
    run_with_input(folder, arguments, environment, b"")
}

/// The same, with `input` on its standard input.
pub fn run_with_input<A: AsRef<OsStr>>(
    folder: &Path,
    arguments: &[A],
    environment: &[(&str, &str)],
    input: &[u8],
) -> Said {
    let mut command = program();
    command.current_dir(folder).args(arguments).envs(environment.iter().copied()).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder with a configuration and, once something ran in it, a database.
pub struct House(TempDir);

impl House {
    /// Holds `relay.yaml` with this text.
    pub fn with(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("relay.yaml"), configuration).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// `castai-relay serve`; ends when it says that it is running.
    pub async fn serve(&self) -> Relay {
        self.serve_with(&[]).await
    }

    /// The same with these variables.
    pub async fn serve_with(&self, environment: &[(&str, String)]) -> Relay {
        let mut command = program();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.current_dir(self.path()).args(["serve", "--config", "relay.yaml"]).spawn().unwrap();
        let log = read_lines(child.stderr.take().unwrap());
        let mut relay =
            Relay { child: Some(child), log, public: ([0, 0, 0, 0], 0).into(), admin: ([0, 0, 0, 0], 0).into() };
        let running: Value = serde_json::from_str(&relay.until_logged("castai-relay is running").await).unwrap();
        let address = |field: &str| running[field].as_str().unwrap().parse().unwrap();
        (relay.public, relay.admin) = (address("public"), address("admin"));
        relay
    }
}

/// Reads to the end whatever becomes of the lines, so that the process never waits for us.
fn read_lines(from: impl Read + Send + 'static) -> watch::Receiver<Vec<String>> {
    let (sender, log) = watch::channel(Vec::new());
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            sender.send_modify(|lines| lines.push(line));
        }
    });
    log
}

/// A command that goes on until it is stopped; killed when dropped.
pub struct Running {
    child: Child,
    out: watch::Receiver<Vec<String>>,
    err: watch::Receiver<Vec<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        kill_now(&mut self.child);
    }
}

impl Running {
    /// Starts `command` with its output for us to read.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (read_lines(child.stdout.take().unwrap()), read_lines(child.stderr.take().unwrap()));
        Self { child, out, err }
    }

    /// Everything printed, once a line contains `text`.
    pub async fn until_printed(&self, text: &str) -> Vec<String> {
        until_said(self.out.clone(), text).await
    }

    /// The same on standard error.
    pub async fn until_complained(&self, text: &str) -> Vec<String> {
        until_said(self.err.clone(), text).await
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended, once it has.
    pub fn ended(mut self) -> ExitStatus {
        tokio::task::block_in_place(|| self.child.wait().unwrap())
    }
}

async fn until_said(mut lines: watch::Receiver<Vec<String>>, text: &str) -> Vec<String> {
    let has = |lines: &Vec<String>| lines.iter().any(|line| line.contains(text));
    let found = tokio::time::timeout(PATIENCE, lines.wait_for(has)).await;
    let said = found.ok().and_then(Result::ok).map(|lines| lines.clone());
    said.unwrap_or_else(|| panic!("`{text}` was never said, only:\n{}", lines.borrow().join("\n")))
}

/// A relay at work; killed when dropped.
pub struct Relay {
    pub public: SocketAddr,
    pub admin: SocketAddr,
    child: Option<Child>,
    log: watch::Receiver<Vec<String>>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.child.iter_mut().for_each(kill_now);
    }
}

fn kill_now(child: &mut Child) {
    // Fails only when it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

impl Relay {
    /// The first log line that contains `text`, once there is one.
    pub async fn until_logged(&self, text: &str) -> String {
        let mut log = self.log.clone();
        let has = |lines: &Vec<String>| lines.iter().any(|line| line.contains(text));
        let found = tokio::time::timeout(PATIENCE, log.wait_for(has)).await;
        let line =
            found.ok().and_then(Result::ok).and_then(|lines| lines.iter().find(|line| line.contains(text)).cloned());
        line.unwrap_or_else(|| panic!("`{text}` was never logged, only:\n{}", self.log()))
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        self.log.borrow().join("\n")
    }

    /// Kills it as a power cut would, and returns when it is gone.
    pub fn kill(mut self) {
        self.child.iter_mut().for_each(kill_now);
    }

    /// Sends SIGTERM and does not wait.
    pub fn ask_to_stop(&self) {
        let pid = self.child.as_ref().unwrap().id();
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended, once it has.
    pub async fn ended(mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
    }

    /// What the admin listener answers to `GET path`, head and body.
    pub async fn look(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Posts `body` to `path`; an error means that no answer came.
    pub async fn post(&self, path: &str, body: String) -> Result<Answer, SendError> {
        Sender::to(self.public, path).post(body).await
    }
}

/// Posts to one address, with its own connections.
#[derive(Clone)]
pub struct Sender {
    http: HttpClient,
    endpoint: Endpoint,
}

impl Sender {
    pub fn to(address: SocketAddr, path: &str) -> Self {
        http_client::install_crypto();
        let endpoint = Endpoint::parse(&format!("http://{address}{path}")).unwrap();
        Self { http: HttpClient::new().unwrap(), endpoint }
    }

    pub async fn post(&self, body: String) -> Result<Answer, SendError> {
        let (body, now) = (Bytes::from(body), SystemClock.now());
        self.http.post(&self.endpoint, "application/json", body, &[], now).await
    }
}
