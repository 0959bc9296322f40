//! Somebody who watches a stream of the relay: reads it event by event, as it is sent.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::PATIENCE;

/// One event as it was sent.
#[derive(Debug)]
pub struct Sent {
    pub what: String,
    pub id: Option<String>,
    pub data: Value,
}

/// An open stream.
#[derive(Debug)]
pub struct Watcher {
    connection: TcpStream,
    raw: Vec<u8>,
    text: String,
    pub head: String,
}

impl Watcher {
    /// Asks for `path` with these headers, and reads the head of the answer.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\nhost: relay\r\n{headers}\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut watcher = Self { connection, raw: Vec::new(), text: String::new(), head: String::new() };
        watcher.head = watcher.until(b"\r\n\r\n").await;
        watcher
    }

    /// The next event; `None` at the end of the stream. Comments are passed over.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                if let Some(what) = field("event") {
                    let data = serde_json::from_str(field("data").unwrap()).unwrap();
                    return Some(Sent { what: what.to_owned(), id: field("id").map(str::to_owned), data });
                }
                continue;
            }
            let size = self.until(b"\r\n").await;
            let size =
                usize::from_str_radix(size.trim(), 16).unwrap_or_else(|_| panic!("no size of a chunk: {size:?}"));
            let chunk = self.exactly(size + 2).await;
            if size == 0 {
                return None;
            }
            self.text.push_str(chunk.strip_suffix("\r\n").unwrap());
        }
    }

    async fn until(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(at) = self.raw.windows(end.len()).position(|bytes| bytes == end) {
                return self.take(at + end.len());
            }
            self.read().await;
        }
    }

    async fn exactly(&mut self, size: usize) -> String {
        while self.raw.len() < size {
            self.read().await;
        }
        self.take(size)
    }

    fn take(&mut self, size: usize) -> String {
        String::from_utf8(self.raw.drain(..size).collect()).unwrap()
    }

    async fn read(&mut self) {
        let read = tokio::time::timeout(PATIENCE, self.connection.read_buf(&mut self.raw)).await;
        let read = read.expect("the relay neither sent nor closed anything").unwrap();
        assert!(read > 0, "the stream broke off: {:?}", String::from_utf8_lossy(&self.raw));
    }
}
