//! A stand-in on bare TCP, for what no HTTP server can be brought to do: break off, hang, dribble, never end.
//!
//! It answers the requests by its script, one act each whatever connection they come on, and tells how every connection
//! ended. A decent server that remembers what it was sent is [`super::receivers`].

use std::collections::VecDeque;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// The most of an answer without an end that is sent before the stand-in gives up: far more than sockets buffer.
pub const ENDLESS: usize = 100_000_000;

/// What is done to one request; the first three do not wait for one.
#[derive(Debug, Clone)]
pub enum Act {
    /// Listens until the caller goes away, and says nothing.
    Deaf,
    /// Says this as soon as somebody calls, as a mail server does.
    Greet(Vec<u8>),
    /// Resets the connection before anything was read.
    Slam,
    /// Answers and keeps the connection.
    Say(Vec<u8>),
    /// Says this and closes.
    Close(Vec<u8>),
    /// Says this and resets the connection.
    Reset(Vec<u8>),
    /// Says this, closes its own half, and listens until the caller goes away.
    HalfClose(Vec<u8>),
    /// Says this, and nothing more until the caller goes away.
    Hang(Vec<u8>),
    /// Says this byte by byte and closes.
    Drip(Vec<u8>),
    /// Says the first, then the second again and again until the caller goes away or [`ENDLESS`] bytes are sent.
    Endless(Vec<u8>, Vec<u8>),
}

/// How one connection ended.
#[derive(Debug)]
pub struct Ended {
    /// Everything the caller sent on it.
    pub heard: String,
    /// How many bytes the caller's side took.
    pub said: usize,
}

/// The stand-in, on a free loopback port; stops when dropped.
pub struct WireFault {
    pub address: SocketAddr,
    acted: UnboundedReceiver<()>,
    ended: UnboundedReceiver<Ended>,
    _server: JoinSet<()>,
}

impl WireFault {
    /// Acts like this, in this order.
    pub async fn acting(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(acts.into_iter().collect()));
        let ((acting, acted), (ending, ended)) = (unbounded_channel(), unbounded_channel());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let connection = Connection { stream, script: script.clone(), acting: acting.clone(), heard: vec![] };
                connections.spawn(connection.serve(ending.clone()));
            }
        });
        Self { address, acted, ended, _server: server }
    }

    /// Returns once another act is done, or has come as far as it goes while the caller stays.
    pub async fn has_acted(&mut self) {
        self.acted.recv().await.unwrap();
    }

    /// How the next connection ended, once one has.
    pub async fn has_ended(&mut self) -> Ended {
        self.ended.recv().await.unwrap()
    }
}

struct Connection {
    stream: TcpStream,
    script: Arc<Mutex<VecDeque<Act>>>,
    acting: UnboundedSender<()>,
    heard: Vec<u8>,
}

impl Connection {
    async fn serve(mut self, ending: UnboundedSender<Ended>) {
        let mut said = 0;
        while let Some(act) = self.next_act().await {
            let (bytes, goes_on) = self.perform(act).await;
            said += bytes;
            if !goes_on {
                break;
            }
        }
        drop(self.stream);
        let heard = String::from_utf8_lossy(&self.heard).into_owned();
        // Nobody may be left to hear of it.
        let _ = ending.send(Ended { heard, said });
    }

    /// The act for what comes next on this connection; `None` when it was closed or the script is over.
    async fn next_act(&mut self) -> Option<Act> {
        let waits = {
            let script = self.script.lock().unwrap();
            !matches!(script.front(), Some(Act::Deaf | Act::Greet(_) | Act::Slam))
        };
        if waits && !self.hears_request().await {
            return None;
        }
        self.script.lock().unwrap().pop_front()
    }

    /// Reads one whole request; false when the caller closed instead.
    async fn hears_request(&mut self) -> bool {
        let start = self.heard.len();
        while !is_whole_request(&self.heard[start..]) {
            if self.stream.read_buf(&mut self.heard).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    }

    /// How many bytes were taken, and whether another request may follow.
    async fn perform(&mut self, act: Act) -> (usize, bool) {
        let said = match &act {
            Act::Deaf | Act::Slam => 0,
            Act::Greet(bytes) | Act::Say(bytes) | Act::Close(bytes) | Act::Reset(bytes) => self.say(bytes).await,
            Act::HalfClose(bytes) | Act::Hang(bytes) => self.say(bytes).await,
            Act::Drip(bytes) => self.drip(bytes).await,
            Act::Endless(first, again) => self.say(first).await + self.say_again_and_again(again).await,
        };
        match &act {
            Act::Slam | Act::Reset(_) => self.stream.set_zero_linger().unwrap(),
            // The caller may be gone already.
            Act::HalfClose(_) => self.stream.shutdown().await.unwrap_or_default(),
            _ => {}
        }
        let _ = self.acting.send(());
        if let Act::Deaf | Act::Greet(_) | Act::HalfClose(_) | Act::Hang(_) = act {
            while self.stream.read_buf(&mut self.heard).await.unwrap_or(0) > 0 {}
        }
        (said, matches!(act, Act::Say(_)))
    }

    async fn say(&mut self, bytes: &[u8]) -> usize {
        let said = self.stream.write_all(bytes).await;
        said.map_or(0, |()| bytes.len())
    }

    async fn drip(&mut self, bytes: &[u8]) -> usize {
        let mut said = 0;
        for byte in bytes {
            said += self.say(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        said
    }

    async fn say_again_and_again(&mut self, bytes: &[u8]) -> usize {
        let mut said = 0;
        while said < ENDLESS && self.stream.write_all(bytes).await.is_ok() {
            said += bytes.len();
        }
        said
    }
}

fn is_whole_request(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    heard.len() >= head.len() + 4 + length.parse::<usize>().unwrap()
}

/// An answer in the form of HTTP/1.1, its length stated.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status} x\r\n");
    // These have no body, and no length of it: RFC 9110, 8.6.
    let bodiless = matches!(status, 100..200 | 204 | 304);
    if !bodiless {
        write!(head, "content-length: {}\r\n", body.len()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    let body = if bodiless { &[] } else { body };
    [head.as_bytes(), body].concat()
}
