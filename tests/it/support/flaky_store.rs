//! A store that fails or stalls when told to; what it keeps, it keeps in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use castai_relay::event::Timestamp;
use castai_relay::event::delivery::Delivery;
use castai_relay::event::silence::{Silence, Terms};
use castai_relay::names::{CursorName, EventId, SilenceId, TargetName};
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::{Append, Appended, Backlog, Cursor, Settled, Settlement, Store, StoreError, StoredEvent};
use tokio::sync::watch;

use super::http::PATIENCE;

/// Both gates stand open at first.
#[derive(Default)]
pub struct FlakyStore {
    kept: MemoryStore,
    /// In front of `append`: nothing is kept before it lets pass.
    pub appends: Gate,
    /// In front of `settle`.
    pub settles: Gate,
    /// What passed `append` together: how many events, and whether a cursor moved with them.
    pub appended: Mutex<Vec<(usize, bool)>>,
}

impl FlakyStore {
    pub fn shared() -> Arc<Self> {
        Arc::default()
    }
}

/// What a call must pass before it has any effect.
#[derive(Default)]
pub struct Gate {
    mode: watch::Sender<Mode>,
    reached: watch::Sender<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mode {
    #[default]
    Open,
    Held,
    Failing,
    /// Open for so many calls more.
    FailingAfter(usize),
}

impl Gate {
    /// Calls pass, also those that were held.
    pub fn open(&self) {
        self.mode.send_replace(Mode::Open);
    }

    /// Calls wait.
    pub fn hold(&self) {
        self.mode.send_replace(Mode::Held);
    }

    /// Calls fail, also those that were held.
    pub fn fail(&self) {
        self.mode.send_replace(Mode::Failing);
    }

    /// So many calls pass, further ones fail.
    pub fn fail_after(&self, calls: usize) {
        self.mode.send_replace(Mode::FailingAfter(calls));
    }

    pub fn is_open(&self) -> bool {
        *self.mode.borrow() == Mode::Open
    }

    /// Waits until this many calls in all have come to the gate.
    pub async fn until_reached(&self, count: usize) {
        let mut reached = self.reached.subscribe();
        let waited = tokio::time::timeout(PATIENCE, reached.wait_for(|seen| *seen >= count)).await;
        assert!(waited.is_ok(), "waited for {count} calls, {} came", *self.reached.borrow());
    }

    async fn pass(&self) -> Result<(), StoreError> {
        self.reached.send_modify(|count| *count += 1);
        let mut passes = false;
        self.mode.send_if_modified(|mode| {
            if let Mode::FailingAfter(calls) = mode {
                passes = *calls > 0;
                *calls = calls.saturating_sub(1);
            }
            passes
        });
        if passes {
            return Ok(());
        }
        let mut mode = self.mode.subscribe();
        let decided = mode.wait_for(|mode| *mode != Mode::Held).await.map(|mode| *mode);
        match decided {
            Ok(Mode::Open) => Ok(()),
            _ => Err(StoreError { doing: "keep anything", detail: "the disk is full".to_owned() }),
        }
    }
}

#[async_trait]
impl Store for FlakyStore {
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Vec<Appended>, StoreError> {
        self.appends.pass().await?;
        self.appended.lock().unwrap().push((appends.len(), cursor.is_some()));
        self.kept.append(appends, cursor).await
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        self.kept.cursor(name).await
    }

    async fn contains(&self, id: &EventId) -> Result<bool, StoreError> {
        self.kept.contains(id).await
    }

    async fn note_conflict(&self, id: &EventId) -> Result<(), StoreError> {
        self.kept.note_conflict(id).await
    }

    async fn claim(
        &self,
        target: &TargetName,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.kept.claim(target, now, lease, limit).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        self.settles.pass().await?;
        self.kept.settle(settlement).await
    }

    async fn next_due(&self, target: &TargetName) -> Result<Option<Timestamp>, StoreError> {
        self.kept.next_due(target).await
    }

    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        self.kept.event(id).await
    }

    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError> {
        self.kept.backlog().await
    }

    async fn silences(&self, since: Timestamp, limit: usize) -> Result<Vec<Silence>, StoreError> {
        self.kept.silences(since, limit).await
    }

    async fn keep_silence(&self, terms: Terms) -> Result<Silence, StoreError> {
        self.kept.keep_silence(terms).await
    }

    async fn end_silence(&self, id: SilenceId, at: Timestamp, by: &str) -> Result<Option<Silence>, StoreError> {
        self.kept.end_silence(id, at, by).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.kept.prune(before, limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.kept.probe().await
    }
}
