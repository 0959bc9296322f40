//! A stand-in for CAST AI's API: serves what a test gives it, with the oddities of the real one.
//!
//! What it holds and how it behaves is [`World`], open to the tests. [`lists`] are the endpoints that page, [`answers`] the
//! rest, [`faults`] what may go wrong on the way. A new list is a row in [`lists::SHELVES`].

pub mod answers;
pub mod faults;
pub mod lists;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response};
use castai_relay::castai_api::{CastAi, Config};
use castai_relay::config::Section;
use castai_relay::event::Timestamp;
use castai_relay::http_client::HttpClient;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::http::PATIENCE;
use super::hurried_clock::HurriedClock;
use answers::Stored;
use faults::{Fault, HungUp};
use lists::List;

/// The key the stand-in accepts until told otherwise.
pub const KEY: &str = "castai-test-key-0123456789";

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    /// The first value of this name in the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What becomes of a key that may see several organisations, when the call does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    NotFound,
    EmptyLists,
}

/// What the stand-in holds and how it behaves; tests change it at any time.
pub struct World {
    /// Everything else is answered 401, which is also what a good key gets in the wrong region.
    pub keys: Vec<String>,
    /// Paths that no key may call.
    pub forbidden: BTreeSet<String>,
    /// The organisation that must be named, and what is answered otherwise.
    pub organization: Option<(String, Stranger)>,
    /// Leaves out zeros, empty texts and empty lists, as protobuf's JSON may.
    pub omits_zeros: bool,
    /// What is listed, in the order it was ingested.
    pub lists: BTreeMap<List, Vec<Value>>,
    /// What happens while somebody pages: one of these is ingested after each page of its list.
    pub meanwhile: VecDeque<(List, Value)>,
    /// What goes wrong next, with the beginning of the path it concerns.
    pub faults: Vec<(String, Fault)>,
    /// No answer comes to who asks for more than this between `fromDate` and `toDate`.
    pub longest_stretch: Option<Duration>,
    /// Answers that are stored as they are; the last one that fits is given.
    pub stored: Vec<Stored>,
    /// Clusters that CAST AI only watches: it has no costs to report of them.
    pub read_only: BTreeSet<String>,
    /// `status` and `error` of a webhook configuration that is created or changed.
    pub webhook_verdict: (String, String),
    asked: Vec<Asked>,
}

/// The stand-in, on a free loopback port; stops when dropped.
pub struct StandIn {
    pub address: SocketAddr,
    world: Arc<Mutex<World>>,
    count: watch::Receiver<usize>,
    _server: JoinSet<()>,
}

impl StandIn {
    pub async fn start() -> Self {
        let world = World {
            keys: vec![KEY.to_owned()],
            forbidden: BTreeSet::new(),
            organization: None,
            omits_zeros: false,
            lists: BTreeMap::new(),
            meanwhile: VecDeque::new(),
            faults: vec![],
            longest_stretch: None,
            stored: vec![],
            read_only: BTreeSet::new(),
            webhook_verdict: ("CanConnect".to_owned(), String::new()),
            asked: vec![],
        };
        let world = Arc::new(Mutex::new(world));
        let (counter, count) = watch::channel(0);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(listen(listener, world.clone(), Arc::new(counter)));
        Self { address, world, count, _server: server }
    }

    /// To look at and to change. Not to be held over an await.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// This is ingested, now.
    pub fn push(&self, list: List, items: impl IntoIterator<Item = Value>) {
        self.world().lists.entry(list).or_default().extend(items);
    }

    /// The next `count` calls to a path that begins like this go wrong like this.
    pub fn fails(&self, path: &str, count: usize, fault: Fault) {
        self.world().faults.extend(std::iter::repeat_n((path.to_owned(), fault), count));
    }

    /// Every call to this path so far.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.world().asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Waits until this many calls to this path have come in.
    pub async fn until_asked(&self, path: &str, times: usize) {
        let mut counts = self.count.clone();
        let enough = counts.wait_for(|_| self.asked(path).len() >= times);
        let waited = tokio::time::timeout(PATIENCE, enough).await.is_ok_and(|waited| waited.is_ok());
        assert!(waited, "waited for {times} calls to {path}, {} came", self.asked(path).len());
    }

    /// A client of this stand-in, with `settings` of the section `castai` on top of address and key: `timeout: 50ms`.
    pub fn client(&self, clock: &HurriedClock, settings: &str) -> CastAi {
        let known = [("api_url", format!("http://{}", self.address)), ("api_key", KEY.to_owned())];
        let lines = known.iter().filter(|(key, _)| !settings.contains(*key));
        let lines: String = lines.map(|(key, value)| format!("{key}: '{value}'\n")).collect();
        let section = Section::from_yaml("relay.yaml", &format!("{lines}{settings}\n"));
        let config: Option<Config> = section.read();
        section.problems().unwrap();
        CastAi::new(config.unwrap(), HttpClient::new().unwrap(), Arc::new(clock.clone()))
    }
}

async fn listen(listener: tokio::net::TcpListener, world: Arc<Mutex<World>>, counter: Arc<watch::Sender<usize>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (world, counter) = (world.clone(), counter.clone());
        let service = service_fn(move |request| answer(request, world.clone(), counter.clone()));
        // A caller may go away, and a fault may hang up on it: both end the connection with an error.
        connections.spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    world: Arc<Mutex<World>>,
    counter: Arc<watch::Sender<usize>>,
) -> Result<Response<Body>, HungUp> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let url = Url::parse(&format!("http://stand-in{}", head.uri)).unwrap();
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let asked =
        Asked { method: head.method.to_string(), path: url.path().to_owned(), query, headers: head.headers, body };
    let (fault, usual) = {
        let mut world = world.lock().unwrap();
        world.asked.push(asked.clone());
        let fault = world.next_fault(&asked.path).or_else(|| world.too_much(&asked));
        let usual = match &fault {
            Some(fault) if fault.replaces_the_answer() => None,
            _ => Some(world.usual(&asked, matches!(fault, Some(Fault::SameCursor)))),
        };
        (fault, usual)
    };
    counter.send_modify(|count| *count += 1);
    match (fault, usual) {
        (_, Some(usual)) => Ok(usual),
        (Some(fault), None) => fault.happen().await,
        (None, None) => Err(HungUp),
    }
}

impl World {
    fn next_fault(&mut self, path: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(beginning, _)| path.starts_with(beginning.as_str()))?;
        Some(self.faults.remove(at).1)
    }

    fn too_much(&self, asked: &Asked) -> Option<Fault> {
        let time = |name| Timestamp::parse(asked.query(name)?);
        let span = time("toDate")?.saturating_since(time("fromDate")?);
        self.longest_stretch.is_some_and(|longest| span > longest).then_some(Fault::Hang)
    }

    /// What is answered when nothing goes wrong on the way.
    fn usual(&mut self, asked: &Asked, same_cursor: bool) -> Response<Body> {
        if asked.header("user-agent").trim().is_empty() {
            return faults::firewall_page();
        }
        if !self.keys.iter().any(|key| key == asked.header("x-api-key")) {
            return reply(401, &json!({ "message": "unauthorized" }));
        }
        if self.forbidden.contains(&asked.path) {
            return reply(403, &json!({ "message": "forbidden" }));
        }
        let named = asked.header("x-castai-organization-id");
        let stranger = self.organization.as_ref().filter(|(id, _)| id != named).map(|(_, stranger)| *stranger);
        if stranger == Some(Stranger::NotFound) {
            return reply(404, &json!({ "message": "organization not found" }));
        }
        let (status, mut body) = match lists::shelf_at(&asked.path).filter(|_| asked.method == "GET") {
            Some(shelf) => self.page(shelf, asked, stranger.is_some(), same_cursor),
            None => self.single(asked),
        };
        if self.omits_zeros {
            omit_zeros(&mut body);
        }
        reply(status, &body)
    }
}

pub fn reply(status: u16, body: &Value) -> Response<Body> {
    let head = Response::builder().status(status).header("content-type", "application/json");
    head.body(Body::from(body.to_string())).unwrap()
}

/// `{"message": …}`, as CAST AI words a refusal.
pub fn refusal(status: u16, message: &str) -> (u16, Value) {
    (status, json!({ "message": message, "fieldViolations": [] }))
}

/// Whether protobuf's JSON leaves it out.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) => false,
    }
}

fn omit_zeros(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !is_zero(field));
            fields.values_mut().for_each(omit_zeros);
        }
        Value::Array(items) => items.iter_mut().for_each(omit_zeros),
        _ => {}
    }
}
