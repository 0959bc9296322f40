//! Watches, for as long as the relay lives: lists, follows, and begins anew whenever it loses the thread.
//!
//! The client library keeps the thread (resource versions, bookmarks, pages, dead connections); what it leaves to us is
//! here: what is old, what is kept, and when to try again. Nothing the API server told is let go before it is kept.
//! Next room: [`crate::store`], through the inbox.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, watcher};
use serde_json::Value;

use super::client;
use super::config::Config;
use super::health::{Health, Watches};
use super::subject::Subject;
use super::trouble::{Trouble, TroubleKind};
use super::{events, nodes};
use crate::event::{Cluster, Event, Timestamp};
use crate::names::{EventId, SourceName};
use crate::runtime::{Clock, Lifecycle};
use crate::source::Inbox;
use crate::store::{Cursor, StoreError};
use crate::telemetry::{Metrics, PollOutcome, SkipReason};

/// A cluster that is watched.
pub struct Kubernetes {
    config: Config,
    inbox: Arc<Inbox>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    /// What happened before is old, if this is the first start ever.
    started: Timestamp,
}

/// How far back a listing is news: clocks differ, and reports are late. Ids tell what was told already.
const OVERLAP: Duration = Duration::from_secs(300);

/// Events kept in one transaction.
const BATCH: usize = 100;

/// Nodes remembered as told; beyond, the inbox alone tells repeats.
const MOST_TOLD: usize = 10_000;

impl Kubernetes {
    /// Ready to watch. Reads where the API server is, and does not ask it for anything yet.
    ///
    /// # Errors
    /// When that cannot be read, with the cure.
    pub async fn new(
        config: Config,
        inbox: Arc<Inbox>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Trouble> {
        client::settings(&config).await?;
        let started = clock.now();
        Ok(Self { config, inbox, clock, metrics, started })
    }

    /// Watches until the soft stop. What is on its way into the store then is kept, or comes again at the next start.
    pub async fn run(self: Arc<Self>, life: Lifecycle) {
        let (inbox, clock, metrics) = (self.inbox.clone(), self.clock.clone(), self.metrics.clone());
        let watches = Arc::new(Watches::new(inbox, clock, metrics));
        let [components, autoscaler, nodes] = Subject::ALL.map(|subject| self.watch(subject, watches.clone()));
        tokio::select! {
            biased;
            () = life.stopping() => {}
            _ = async { tokio::join!(components, autoscaler, nodes) } => {}
        }
    }

    /// One watch, for ever.
    async fn watch(&self, subject: Subject, watches: Arc<Watches>) {
        let health = Arc::new(Health::new(subject, self.config.retry.cap.get(), watches));
        let mut thread = Thread { subject, begin: self.begin(subject).await, told: BTreeSet::new() };
        loop {
            let trouble = match self.connect(health.clone()).await {
                Ok(client) => self.follow(&mut thread, client, &health).await,
                Err(trouble) => trouble,
            };
            self.wait_after(&trouble, &health).await;
        }
    }

    async fn connect(&self, health: Arc<Health>) -> Result<kube::Client, Trouble> {
        client::client(client::settings(&self.config).await?, health)
    }

    /// Lists and follows until only a new beginning helps. Other trouble passes: the library takes up the thread again.
    async fn follow(&self, thread: &mut Thread, client: kube::Client, health: &Health) -> Trouble {
        let api = thread.subject.api(client, &self.config);
        let mut steps = pin!(watcher(api, thread.subject.watcher(&self.config)));
        let mut listing = Listing { began: self.clock.now(), found: Vec::new() };
        while let Some(step) = steps.next().await {
            match step {
                Ok(step) => self.take(step, thread, &mut listing).await,
                Err(error) => {
                    let trouble = Trouble::from(&error);
                    // Asked for a watch from what is forgotten, the library would ask so for ever. And credentials
                    // are read anew only with a new client.
                    if matches!(trouble.kind, TroubleKind::Gone | TroubleKind::Unauthorized) {
                        return trouble;
                    }
                    self.wait_after(&trouble, health).await;
                }
            }
        }
        Trouble::new(TroubleKind::Unreachable, "the watch ended")
    }

    async fn wait_after(&self, trouble: &Trouble, health: &Health) {
        let failures = health.failed(trouble);
        self.clock.sleep_until(self.clock.now().saturating_add(self.config.retry.wait(failures))).await;
    }

    async fn take(&self, step: watcher::Event<DynamicObject>, thread: &mut Thread, listing: &mut Listing) {
        match step {
            watcher::Event::Init => *listing = Listing { began: self.clock.now(), found: Vec::new() },
            watcher::Event::InitApply(object) => {
                listing.found.extend(self.read(thread, object, Whence::Listed));
                if listing.found.len() >= BATCH {
                    self.keep(std::mem::take(&mut listing.found), None, thread).await;
                }
            }
            watcher::Event::InitDone => {
                let cursor = thread.told_up_to(listing.began);
                self.keep(std::mem::take(&mut listing.found), cursor, thread).await;
            }
            watcher::Event::Apply(object) => {
                if let Some(event) = self.read(thread, object, Whence::Watched) {
                    let cursor = thread.told_up_to(event.received_at);
                    self.keep(vec![event], cursor, thread).await;
                }
            }
            // Events fade after an hour, nodes when they are gone: neither is news.
            watcher::Event::Delete(_) => {}
        }
    }

    /// What there is to tell of an object, if anything.
    fn read(&self, thread: &Thread, object: DynamicObject, whence: Whence) -> Option<Event> {
        let news = thread.news(&loosened(object), whence, &self.config.cluster, self.clock.now());
        news.map_err(|reason| self.metrics.skipped(reason)).ok()
    }

    /// Ends when the events are durable, however long that takes: what follows waits.
    async fn keep(&self, events: Vec<Event>, cursor: Option<Cursor>, thread: &mut Thread) {
        for failures in 1.. {
            match self.inbox.accept_all(events.clone(), cursor.clone()).await {
                Ok(_) => return thread.remember(events.into_iter().map(|event| event.id)),
                Err(error) => self.store_failed(failures, &error).await,
            }
        }
    }

    /// From when on what is listed is news.
    async fn begin(&self, subject: Subject) -> Timestamp {
        let Some(name) = subject.cursor() else { return self.started };
        for failures in 1.. {
            match self.inbox.cursor(&name).await {
                Ok(Some(told)) => match Timestamp::parse(&told) {
                    // A clock that ran ahead once must not make the future old.
                    Some(told) => return told.min(self.started),
                    None => tracing::error!(cursor.name = %name, "the cursor is not a time; beginning now"),
                },
                Ok(None) => {}
                Err(error) => {
                    self.store_failed(failures, &error).await;
                    continue;
                }
            }
            break;
        }
        self.started
    }

    async fn store_failed(&self, failures: u32, error: &StoreError) {
        self.metrics.polled(&SourceName::kubernetes(), PollOutcome::Failed);
        tracing::error!(failures, %error, "the store failed a watch of the cluster; trying again");
        self.clock.sleep_until(self.clock.now().saturating_add(self.config.retry.wait(failures))).await;
    }
}

/// How an object reached us: what is listed may be old, what is watched has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whence {
    Listed,
    Watched,
}

/// A listing under way.
struct Listing {
    began: Timestamp,
    found: Vec<Event>,
}

/// One watch, and how far it has told what it saw.
struct Thread {
    subject: Subject,
    /// What was told last before this, and is listed, is old.
    begin: Timestamp,
    /// Drained nodes that are safe with us: they are sent again with every heartbeat.
    told: BTreeSet<EventId>,
}

impl Thread {
    /// Everything that happened before `now` is safe: moves the beginning up, but for the overlap.
    fn told_up_to(&mut self, now: Timestamp) -> Option<Cursor> {
        self.begin = self.begin.max(now.saturating_sub(OVERLAP));
        Some(Cursor { name: self.subject.cursor()?, value: self.begin.to_string() })
    }

    /// What there is to tell of an object, or why there is nothing.
    fn news(&self, object: &Value, whence: Whence, cluster: &Cluster, now: Timestamp) -> Result<Event, SkipReason> {
        let is_old = || whence == Whence::Listed && events::last_told(object).is_some_and(|last| last < self.begin);
        match self.subject {
            Subject::Nodes => {
                let event = nodes::read(object, cluster, now).ok_or(SkipReason::NotSpot)?;
                if self.told.contains(&event.id) { Err(SkipReason::Told) } else { Ok(event) }
            }
            // An API server selects; a proxy or a cache in front of it may not.
            Subject::Autoscaler if !events::is_from_autoscaler(object) => Err(SkipReason::NotCastAI),
            _ if is_old() => Err(SkipReason::Old),
            _ => Ok(events::read(object, cluster, now)),
        }
    }

    fn remember(&mut self, kept: impl IntoIterator<Item = EventId>) {
        if self.subject == Subject::Nodes {
            self.told.extend(kept);
        }
        if self.told.len() > MOST_TOLD {
            self.told.clear();
        }
    }
}

/// The object as loose JSON, without what is large and never read.
fn loosened(mut object: DynamicObject) -> Value {
    object.metadata.managed_fields = None;
    object.metadata.annotations = None;
    serde_json::to_value(object).unwrap_or_default()
}

#[cfg(test)]
#[path = "tests/watch.rs"]
mod tests;
