//! Who is told: takes whatever it is sent, as fast as it can, in a thread of its own, and knows what it was sent before.

use std::collections::HashSet;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub struct Receiver {
    pub address: SocketAddr,
    /// When each request came.
    pub arrivals: tokio::sync::Mutex<mpsc::UnboundedReceiver<Instant>>,
    taken: Arc<Taken>,
}

struct Taken {
    requests: AtomicUsize,
    /// Different ones among them, and their names.
    different: AtomicUsize,
    names: Mutex<HashSet<u64>>,
    tell: mpsc::UnboundedSender<Instant>,
}

impl Receiver {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    pub fn start_at(address: SocketAddr) -> Self {
        let (tell, arrivals) = mpsc::unbounded_channel();
        let taken = Arc::new(Taken {
            requests: AtomicUsize::new(0),
            different: AtomicUsize::new(0),
            names: Mutex::default(),
            tell,
        });
        let (takes, (say, bound)) = (taken.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind(address).await.unwrap();
                say.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    tokio::spawn(serve(stream, takes.clone()));
                }
            });
        });
        Self { address: bound.recv().unwrap(), arrivals: tokio::sync::Mutex::new(arrivals), taken }
    }

    /// Requests since it was told to forget.
    pub fn requests(&self) -> usize {
        self.taken.requests.load(Ordering::Acquire)
    }

    /// Different alerts, or events, among them.
    pub fn different(&self) -> usize {
        self.taken.different.load(Ordering::Acquire)
    }

    pub fn forget(&self) {
        self.taken.names.lock().unwrap().clear();
        self.taken.different.store(0, Ordering::Release);
        self.taken.requests.store(0, Ordering::Release);
    }
}

async fn serve(stream: TcpStream, taken: Arc<Taken>) {
    let answer = service_fn(|request: Request<Incoming>| {
        let taken = taken.clone();
        async move {
            let at = Instant::now();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            taken.note(&body, at);
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
        }
    });
    // A relay that is killed breaks its connections.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

impl Taken {
    fn note(&self, body: &[u8], at: Instant) {
        let _ = self.tell.send(at);
        if name(body).is_some_and(|name| self.names.lock().unwrap().insert(name)) {
            self.different.fetch_add(1, Ordering::Release);
        }
        self.requests.fetch_add(1, Ordering::Release);
    }
}

/// What is the same whenever the same is sent: PagerDuty's key of the alert, else the id of the event.
fn name(body: &[u8]) -> Option<u64> {
    let after = |key: &[u8]| body.windows(key.len()).position(|bytes| bytes == key).map(|at| at + key.len());
    let start = after(b"\"dedup_key\":\"").or_else(|| after(b"\"id\":\""))?;
    let mut hasher = DefaultHasher::new();
    body[start..].split(|byte| *byte == b'"').next().hash(&mut hasher);
    Some(hasher.finish())
}
