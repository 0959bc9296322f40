//! A store that fails, stalls or stops when told to; what it keeps, it keeps in another one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use castai_relay::event::Timestamp;
use castai_relay::event::act::{Act, Signature};
use castai_relay::event::ledger::KeptTable;
use castai_relay::event::silence::{self, Silence};
use castai_relay::names::{CursorName, EventId, ReplayId, SilenceId, TableId, TargetName};
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::query::{EventFilter, EventRow, Listed, OwedRow, Slice};
use castai_relay::store::replay::{Replay, ReplayStep, ReplayTerms, Retry};
use castai_relay::store::{
    Aftermath, Append, Backlog, Claim, Claimed, Cursor, Kept, Repeats, Retried, Settled, Settlement, Store, StoreError,
    StoredEvent, Terms,
};
use castai_relay::target::{Obeyed, Order, TargetState};
use tokio::sync::watch;

use super::http::PATIENCE;

/// All gates stand open at first.
pub struct FlakyStore {
    kept: Arc<dyn Store>,
    /// In front of `append`: nothing is kept before it lets pass.
    pub appends: Gate,
    /// In front of `claim`: nothing is handed out before it lets pass.
    pub claims: Gate,
    /// In front of `settle`.
    pub settles: Gate,
    /// In front of everything about silences.
    pub silences: Gate,
    end: End,
    /// What passed `append` together: how many events, and whether a cursor moved with them.
    pub appended: Mutex<Vec<(usize, bool)>>,
}

impl FlakyStore {
    pub fn shared() -> Arc<Self> {
        Self::before(Arc::new(MemoryStore::default()))
    }

    /// In front of `kept`, which may outlive it.
    pub fn before(kept: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            kept,
            appends: Gate::default(),
            claims: Gate::default(),
            settles: Gate::default(),
            silences: Gate::default(),
            end: End::default(),
            appended: Mutex::default(),
        })
    }

    /// The process dies with one of the writes to come (append, claim, settle), that of this number, from 1: it is kept, but
    /// nobody hears of it, and no other one begins. What still runs waits for ever, to be dropped.
    pub fn die_with_write(&self, number: usize) {
        self.end.left.send_replace(Some(number));
    }

    /// Waits until that write is kept.
    pub async fn until_dead(&self) {
        let mut left = self.end.left.subscribe();
        let waited = tokio::time::timeout(PATIENCE, left.wait_for(|left| *left == Some(0))).await;
        assert!(waited.is_ok(), "waited for the end, {:?} writes were to come", *self.end.left.borrow());
    }

    /// A new process: what is written from now on is written, and heard of.
    pub fn revive(&self) {
        self.end.left.send_replace(None);
    }
}

/// How many writes are left before the process dies; nobody knows when there is none.
#[derive(Default)]
struct End {
    left: watch::Sender<Option<usize>>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl End {
    /// Makes one of the writes that are left, and yields what it answers unless that was the last one.
    async fn write<T>(&self, write: impl Future<Output = T>) -> T {
        if self.left.borrow().is_none() {
            return write.await;
        }
        let _turn = self.one_at_a_time.lock().await;
        if self.is_over() {
            return std::future::pending().await;
        }
        let answer = write.await;
        self.left.send_modify(|left| *left = left.map(|left| left.saturating_sub(1)));
        match self.is_over() {
            true => std::future::pending().await,
            false => answer,
        }
    }

    fn is_over(&self) -> bool {
        *self.left.borrow() == Some(0)
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
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Kept, StoreError> {
        self.appends.pass().await?;
        self.appended.lock().unwrap().push((appends.len(), cursor.is_some()));
        self.end.write(self.kept.append(appends, cursor)).await
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        self.kept.cursor(name).await
    }

    async fn contains(&self, id: &EventId) -> Result<bool, StoreError> {
        self.kept.contains(id).await
    }

    async fn note_repeats(&self, repeats: Vec<Repeats>) -> Result<(), StoreError> {
        self.kept.note_repeats(repeats).await
    }

    async fn keep_table(&self, table: KeptTable, now: Timestamp) -> Result<(), StoreError> {
        self.kept.keep_table(table, now).await
    }

    async fn events(&self, filter: EventFilter, slice: Slice) -> Result<Listed<EventRow>, StoreError> {
        self.kept.events(filter, slice).await
    }

    async fn deliveries(&self, filter: EventFilter, slice: Slice) -> Result<Listed<OwedRow>, StoreError> {
        self.kept.deliveries(filter, slice).await
    }

    async fn table(&self, id: TableId) -> Result<Option<String>, StoreError> {
        self.kept.table(id).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.claims.pass().await?;
        self.end.write(self.kept.claim(claim)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        self.settles.pass().await?;
        self.end.write(self.kept.settle(settlement)).await
    }

    async fn next_due(
        &self,
        target: &TargetName,
        now: Timestamp,
        terms: Arc<Terms>,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.kept.next_due(target, now, terms).await
    }

    async fn standing(&self, target: &TargetName) -> Result<TargetState, StoreError> {
        self.kept.standing(target).await
    }

    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        self.kept.event(id).await
    }

    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError> {
        self.kept.backlog().await
    }

    async fn silences(&self, since: Timestamp, before: Option<i64>, limit: usize) -> Result<Vec<Silence>, StoreError> {
        self.silences.pass().await?;
        self.kept.silences(since, before, limit).await
    }

    async fn keep_silence(&self, terms: silence::Terms, by: Signature) -> Result<Silence, StoreError> {
        self.silences.pass().await?;
        self.kept.keep_silence(terms, by).await
    }

    async fn end_silence(&self, id: SilenceId, by: Signature) -> Result<Option<Silence>, StoreError> {
        self.silences.pass().await?;
        self.kept.end_silence(id, by).await
    }

    async fn order(&self, target: &TargetName, order: Order, by: Signature) -> Result<Obeyed, StoreError> {
        self.silences.pass().await?;
        self.kept.order(target, order, by).await
    }

    async fn acts(&self, before: Option<i64>, limit: usize) -> Result<Vec<Act>, StoreError> {
        self.silences.pass().await?;
        self.kept.acts(before, limit).await
    }

    async fn retry(&self, wanted: Retry) -> Result<Retried, StoreError> {
        self.kept.retry(wanted).await
    }

    async fn begin_replay(&self, terms: ReplayTerms, by: Signature) -> Result<Replay, StoreError> {
        self.kept.begin_replay(terms, by).await
    }

    async fn replays(&self, before: Option<i64>, limit: usize) -> Result<Vec<Replay>, StoreError> {
        self.kept.replays(before, limit).await
    }

    async fn replay(&self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        self.kept.replay(id).await
    }

    async fn running_replay(&self) -> Result<Option<Replay>, StoreError> {
        self.kept.running_replay().await
    }

    async fn go_on(&self, step: ReplayStep) -> Result<Option<Aftermath>, StoreError> {
        self.kept.go_on(step).await
    }

    async fn stop_replay(&self, id: ReplayId, by: Signature) -> Result<Option<Replay>, StoreError> {
        self.kept.stop_replay(id, by).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.kept.prune(before, limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.kept.probe().await
    }
}
