//! What every store promises, as one suite that runs over every engine.
//!
//! A clause is an async function that is handed a fresh, empty store and knows nothing of which engine it is.
//! [`clauses`] lists them all; [`every_engine!`] at the end is the table of engines: to put another under the contract, give
//! it a constructor on [`Harness`] and one row there. [`agreement`] lets the engines answer the same random questions and compares;
//! [`restart`] is what only an engine with a file can promise.

#[macro_use]
mod clauses;
mod act;
mod again;
mod agreement;
mod append;
mod claim;
mod cursor;
mod due;
mod fallback;
mod group;
mod incident;
mod ledger;
mod owed;
mod query;
mod restart;
mod ruling;
mod script;
mod settle;
mod silence;
mod standing;
mod storm;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castai_relay::event::act::Signature;
use castai_relay::event::batch::Batch;
use castai_relay::event::delivery::{Delivery, Outcome, Owed, Reason};
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{DeliveryId, EventId, RouteName, SourceName, TargetName, TokenName};
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{
    Aftermath, Append, Appended, Claim, Claimed, DeliveryRow, DeliveryState, Repeats, Settled, Settlement, Store,
    StoredEvent, Terms,
};
use castai_relay::target::Sign;
use serde_json::json;
use tempfile::TempDir;

use script::Script;

/// A store of one engine, empty, with what has to outlive it.
struct Harness {
    store: Arc<dyn Store>,
    _directory: Option<TempDir>,
}

impl Harness {
    fn memory() -> Self {
        Self { store: Arc::new(MemoryStore::default()), _directory: None }
    }

    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("relay.db"), Arc::new(|_, _| {})).unwrap();
        Self { store: Arc::new(store), _directory: Some(directory) }
    }
}

/// Long enough for whatever a clause does between claiming and settling.
const LEASE: Duration = Duration::from_secs(30);

/// `seconds` after the beginning of the test's time.
fn at(seconds: u64) -> Timestamp {
    Timestamp::parse("2026-11-20T08:00:00Z").unwrap().saturating_add(Duration::from_secs(seconds))
}

fn id(text: &str) -> EventId {
    EventId::from_sender(Some("org"), text)
}

fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

fn route(name: &str) -> RouteName {
    RouteName::parse(name).unwrap()
}

/// By a person who showed the token `admin`.
fn signed(whom: &str, seconds: u64) -> Signature {
    Signature { at: at(seconds), token: TokenName::admin(), whom: Some(whom.to_owned()) }
}

/// An event received at `at(seconds)`.
fn event(name: &str, seconds: u64) -> Event {
    let data = json!({"nodeName": name, "lifecycle": "spot"}).as_object().unwrap().clone();
    Event {
        id: id(name),
        source: SourceName::parse("castai").unwrap(),
        kind: CastAIEvent::read("node.added", &data, &mut vec![]),
        severity: Severity::Info,
        organization: Some("org".into()),
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: at(seconds),
        data,
        notes: vec![],
        body: Bytes::from_static(b"{}"),
    }
}

/// An event received at `at(seconds)`, owed to `targets`.
fn owing(name: &str, seconds: u64, targets: &[&str]) -> Append {
    owed_to(event(name, seconds), targets)
}

fn owed_to(event: Event, targets: &[&str]) -> Append {
    let owed = targets.iter().map(|name| Owed::plain(route("everything"), target(name), event.severity));
    Append { owed: owed.collect(), event, routed_by: None, deed: None }
}

/// Appends what must be new.
async fn keep(store: &Arc<dyn Store>, appends: impl IntoIterator<Item = Append>) {
    let appended = store.append(appends.into_iter().collect(), None).await.unwrap().appended;
    assert!(appended.iter().all(|appended| *appended == Appended::New), "{appended:?}");
}

/// Claims up to `limit` batches for a target, on these terms.
fn claim_of(name: &str, now: Timestamp, limit: usize, terms: &Terms) -> Claim {
    Claim { target: target(name), now, limit, old_limit: limit, terms: Arc::new(terms.clone()) }
}

/// Claims all that may leave now, on these terms.
async fn claim_on(store: &Arc<dyn Store>, name: &str, now: Timestamp, terms: &Terms) -> Claimed {
    let mut all = Claimed::default();
    loop {
        let Claimed { batches, after, more } = store.claim(claim_of(name, now, usize::MAX, terms)).await.unwrap();
        all.batches.extend(batches);
        all.after.ended.extend(after.ended);
        after.fell_back.into_iter().for_each(|(from, count)| *all.after.fell_back.entry(from).or_default() += count);
        all.after.woken.extend(after.woken);
        if !more {
            return all;
        }
    }
}

/// How many deliveries fell back, of whatever target.
fn fell_back(after: &Aftermath) -> usize {
    after.fell_back.values().sum()
}

/// Claims all that may leave now, each alone and as fast as it can.
async fn claim(store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Vec<Batch> {
    claim_on(store, name, now, &Script::default().terms()).await.batches
}

/// The only one.
fn only<T>(all: Vec<T>) -> T {
    let [only] = <[T; 1]>::try_from(all).unwrap_or_else(|all| panic!("one was expected, not {}", all.len()));
    only
}

/// Claims the only batch that may leave.
async fn claim_one(store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Batch {
    only(claim(store, name, now).await)
}

/// The names of the events of one delivery or another.
fn name_of(delivery: &Delivery) -> &str {
    delivery.event.id.as_str().trim_start_matches("org/")
}

/// The names of the events that stand for these batches, in order.
fn names(batches: &[Batch]) -> Vec<&str> {
    batches.iter().map(|batch| name_of(batch.lead())).collect()
}

/// How an attempt ended, and what that says about the target.
type How = (Outcome, Sign);

fn ended(batch: &Batch, (outcome, sign): How, terms: &Terms) -> Settlement {
    Settlement {
        batch: Arc::new(batch.clone()),
        outcome,
        answer: None,
        sign,
        at: batch.claimed_at,
        terms: Arc::new(terms.clone()),
    }
}

async fn settle(store: &Arc<dyn Store>, batch: &Batch, how: How) -> Settled {
    store.settle(ended(batch, how, &Script::default().terms())).await.unwrap()
}

/// Whether it took effect.
fn is_done(settled: &Settled) -> bool {
    matches!(settled, Settled::Done { .. })
}

fn delivered() -> How {
    (Outcome::Delivered { receipt: None }, Sign::Well)
}

/// Another attempt at that time; nothing is said about the target.
fn retry(at: Timestamp) -> How {
    let detail = "the target answered 503".to_owned();
    (Outcome::Retry { at, reason: Reason::TargetFailed, ambiguous: false, detail }, Sign::Nothing)
}

/// Due again at once, but the whole target asks to be left alone until then.
fn pause(until: Timestamp) -> How {
    let detail = "the target answered 429".to_owned();
    let outcome = Outcome::Retry { at: at(0), reason: Reason::RateLimited, ambiguous: false, detail };
    (outcome, Sign::Busy { until })
}

fn dead() -> How {
    let detail = "the channel is archived".to_owned();
    (Outcome::Dead { reason: Reason::MessageRefused, ambiguous: false, detail }, Sign::Well)
}

async fn next_due(store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Option<Timestamp> {
    store.next_due(&target(name), now, Arc::new(Script::default().terms())).await.unwrap()
}

async fn stored(store: &Arc<dyn Store>, name: &str) -> StoredEvent {
    store.event(&id(name)).await.unwrap().unwrap_or_else(|| panic!("`{name}` is not there"))
}

/// A repeat with another body that somebody else recognised.
async fn note_conflict(store: &Arc<dyn Store>, name: &str) {
    let conflict = Repeats { id: id(name), source: SourceName::relay(), plain: 0, conflicts: 1, at: at(1) };
    store.note_repeats(vec![conflict]).await.unwrap();
}

/// The state of the first delivery of an event.
async fn state_of(store: &Arc<dyn Store>, name: &str) -> DeliveryState {
    stored(store, name).await.deliveries[0].state
}

/// The engines under contract. Each has the whole suite, and answers as the memory engine does.
macro_rules! every_engine {
    ($($engine:ident => $open:path,)*) => { $(contract!($engine, $open);)* };
}

every_engine! {
    memory => Harness::memory,
    sqlite => Harness::sqlite,
}
