//! Stand-ins for Slack, PagerDuty and the like: they answer as told and remember every request.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::{Notify, watch};

/// One request as received.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Received {
    /// The value of the only header of this name, in lower case; `None` when there is none or more than one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// The value of the first parameter of this name in the query, as it stands there.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON: {error}: {:?}", self.body))
    }
}

/// What to answer to one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, headers and a body.
    With(u16, Vec<(&'static str, String)>, String),
    /// Nothing, ever: the request hangs until the caller goes away.
    Silence,
    /// That one, when somebody lets it go.
    When(Arc<Notify>, Box<Reply>),
}

impl Reply {
    /// What Slack says to what it takes.
    pub fn ok() -> Self {
        Self::With(200, vec![("content-type", "text/html".into())], "ok".into())
    }
}

#[derive(Default)]
struct Script {
    next: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Option<Reply>>,
    received: Mutex<Vec<Received>>,
}

/// A receiver on a free loopback port; stops when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    script: Arc<Script>,
    count: watch::Receiver<usize>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// Answers 200 `ok`, as Slack does, until told otherwise.
    pub async fn slack() -> Self {
        Self::answering(Reply::ok()).await
    }

    /// Answers 202, as PagerDuty does, until told otherwise.
    pub async fn pagerduty() -> Self {
        let body = r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#;
        Self::answering(Reply::With(202, vec![("content-type", "application/json".into())], body.into())).await
    }

    async fn answering(otherwise: Reply) -> Self {
        let script = Arc::new(Script { otherwise: Mutex::new(Some(otherwise)), ..Script::default() });
        let (counter, count) = watch::channel(0);
        let router = Router::new().fallback(answer).with_state((script.clone(), Arc::new(counter)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, script, count, server }
    }

    /// The next requests are answered like this, one each; then as usual again.
    pub fn next_replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.next.lock().unwrap().extend(replies);
    }

    /// From now on every request is answered like this.
    pub fn always_replies(&self, reply: Reply) {
        *self.script.otherwise.lock().unwrap() = Some(reply);
    }

    /// Every request so far.
    pub fn received(&self) -> Vec<Received> {
        self.script.received.lock().unwrap().clone()
    }

    /// Every request since the last time this was asked.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut *self.script.received.lock().unwrap())
    }

    /// Waits until this many requests have come in.
    pub async fn until_received(&self, count: usize) {
        let mut counts = self.count.clone();
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), counts.wait_for(|seen| *seen >= count));
        let seen = self.received().len();
        assert!(waited.await.is_ok_and(|seen| seen.is_ok()), "waited for {count} requests, {seen} came");
    }
}

/// An answer with this status and these words.
pub fn says(status: u16, word: &str) -> Reply {
    Reply::With(status, vec![], word.to_owned())
}

/// A bare status without a body.
pub fn status(status: u16) -> Reply {
    Reply::With(status, vec![], String::new())
}

async fn answer(
    State((script, counter)): State<(Arc<Script>, Arc<watch::Sender<usize>>)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().to_owned())
    };
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers.iter().map(header).collect(),
        body,
    };
    script.received.lock().unwrap().push(received);
    counter.send_modify(|count| *count += 1);
    let scripted = script.next.lock().unwrap().pop_front();
    let mut reply = scripted.or_else(|| script.otherwise.lock().unwrap().clone());
    while let Some(Reply::When(let_go, then)) = reply {
        let_go.notified().await;
        reply = Some(*then);
    }
    match reply {
        Some(Reply::With(status, headers, body)) => {
            let start = Response::builder().status(status);
            let named = headers.into_iter().fold(start, |response, (name, value)| response.header(name, value));
            named.body(Body::from(body)).unwrap()
        }
        Some(Reply::Silence | Reply::When(..)) | None => std::future::pending().await,
    }
}
