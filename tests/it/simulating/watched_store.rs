//! The store as those who look on see it: everything that passes is written down, and it may fail or stop at any write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use castai_relay::event::act::{Act, Signature};
use castai_relay::event::batch::Gathering;
use castai_relay::event::ledger::KeptTable;
use castai_relay::event::silence::{Silence, Terms as SilenceTerms};
use castai_relay::event::{CastAIEvent, Timestamp};
use castai_relay::names::{CursorName, EventId, ReplayId, RouteName, SilenceId, TableId, TargetName};
use castai_relay::runtime::Clock;
use castai_relay::store::query::{EventFilter, EventRow, Listed, OwedRow, Slice};
use castai_relay::store::replay::{Replay, ReplayStep, ReplayTerms, Retry};
use castai_relay::store::{
    Aftermath, Append, Backlog, Candidate, Claim, Claimed, Cursor, Ended, Judge, Kept, News, Repeats, Retried, Ruling,
    Settled, Settlement, Store, StoreError, StoredEvent, Terms,
};
use castai_relay::target::{Change, Obeyed, Order, TargetState};

use super::dice::number_of;
use super::ledger::{self, Ending, Ledger};
use super::time::{Time, wait_for};

/// What goes wrong with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It does not happen, and says so.
    Fails,
    /// It happens, and says that it did not.
    FailsAfterwards,
    /// The process dies before it.
    StopsBefore,
    /// The process dies after it, before anybody hears of it.
    StopsAfter,
}

/// When what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// At this write, counted from zero.
    At(usize, Mishap),
    /// At so many of a hundred.
    Often {
        seed: u64,
        percent: u64,
    },
}

pub struct WatchedStore {
    /// Absent while no process has it open.
    inner: Mutex<Option<Arc<dyn Store>>>,
    ledger: Arc<Ledger>,
    time: Time,
    trouble: Mutex<Trouble>,
    writes: AtomicUsize,
    /// The process is dead; the world must bury it, and nothing that it would have done happens.
    pub is_stopped: Arc<AtomicBool>,
}

impl WatchedStore {
    pub fn new(inner: Arc<dyn Store>, ledger: Arc<Ledger>, time: Time) -> Self {
        let is_stopped = Arc::default();
        let (trouble, writes) = (Mutex::new(Trouble::None), AtomicUsize::new(0));
        Self { inner: Mutex::new(Some(inner)), ledger, time, trouble, writes, is_stopped }
    }

    /// Closes what is there and opens it again.
    pub fn reopen(&self, open: impl FnOnce() -> Arc<dyn Store>) {
        let mut inner = self.inner.lock().unwrap();
        *inner = None;
        *inner = Some(open());
    }

    pub fn has_trouble(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// How many writes there were.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    fn inner(&self) -> Arc<dyn Store> {
        self.inner.lock().unwrap().clone().unwrap()
    }

    fn mishap(&self) -> Option<Mishap> {
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        match *self.trouble.lock().unwrap() {
            Trouble::At(at, mishap) if at == write => Some(mishap),
            Trouble::Often { seed, percent } => {
                let drawn = number_of(&[seed, write as u64, 5]);
                let mishaps = [Mishap::Fails, Mishap::Fails, Mishap::FailsAfterwards, Mishap::Fails];
                let stops = [Mishap::StopsBefore, Mishap::StopsAfter];
                let kind = usize::try_from(drawn / 1000 % 4).unwrap();
                let mishap = if (drawn / 4000).is_multiple_of(20) { stops[kind % 2] } else { mishaps[kind] };
                (drawn % 100 < percent).then_some(mishap)
            }
            _ => None,
        }
    }

    async fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        std::future::pending().await
    }

    async fn write<T>(
        &self,
        what: &'static str,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.is_stopped.load(Ordering::Relaxed) {
            self.stop().await;
        }
        let failed = || StoreError { doing: "keep anything", detail: "the disk is full".to_owned() };
        let mishap = self.mishap();
        if let Some(mishap) = mishap {
            self.ledger.tell(self.time.now(), || format!("{what}: {mishap:?}"));
        }
        match mishap {
            None => wait_for(write),
            Some(Mishap::Fails) => Err(failed()),
            Some(Mishap::FailsAfterwards) => wait_for(write).and(Err(failed())),
            Some(Mishap::StopsBefore) => {
                self.stop().await;
                Err(failed())
            }
            Some(Mishap::StopsAfter) => {
                let _ = wait_for(write);
                self.stop().await;
                Err(failed())
            }
        }
    }

    fn watched(&self, terms: &Arc<Terms>) -> Arc<Terms> {
        let judge = Arc::new(Watched { inner: terms.judge.clone(), ledger: self.ledger.clone() });
        Arc::new(Terms { judge, ..(**terms).clone() })
    }

    fn note(&self, after: &Aftermath, at: Timestamp) {
        let fell_back = after.fell_back.values().sum::<usize>();
        let mut notes = self.ledger.notes();
        notes.fell_back += fell_back;
        if fell_back > 0 {
            notes.tell(at, || format!("{fell_back} fell back"));
        }
        for Ended { delivery, state, reason, detail, .. } in &after.ended {
            notes.tell(at, || format!("{} ends {state:?}: {detail}", ledger::in_parts(*delivery)));
            let ended_as = notes.next_write();
            notes.endings.push(Ending { delivery: *delivery, state: *state, reason: *reason, at, ended_as });
        }
    }
}

/// Writes down what is reported.
struct Watched {
    inner: Arc<dyn Judge>,
    ledger: Arc<Ledger>,
}

impl Judge for Watched {
    fn gathering(&self, route: &RouteName) -> Gathering {
        self.inner.gathering(route)
    }

    fn ruling(&self, candidate: &Candidate<'_>, now: Timestamp) -> Ruling {
        self.inner.ruling(candidate, now)
    }

    /// It is asked right before something falls back.
    fn silence(&self, candidate: &Candidate<'_>, now: Timestamp) -> Option<String> {
        let silence = self.inner.silence(candidate, now);
        if silence.is_none() {
            let mut notes = self.ledger.notes();
            let asked_as = notes.next_write();
            let Candidate { event, route, target, .. } = *candidate;
            let name = (event.id.clone(), route.clone(), target.clone());
            notes.spoken.entry(name).or_default().push((asked_as, now));
        }
        silence
    }

    fn report(&self, news: News<'_>, now: Timestamp) -> Vec<Append> {
        let appends = self.inner.report(news, now);
        let events = appends.len();
        let noted = match news {
            News::GivenUp(given_up) => ledger::News::Dead {
                target: given_up.target.clone(),
                route: given_up.route.clone(),
                reason: given_up.reason,
                at: now,
                events,
            },
            News::Change { target, change } => ledger::News::Change {
                target: target.clone(),
                is_closed: matches!(change, Change::Paused(_)),
                at: now,
                events,
            },
        };
        let mut notes = self.ledger.notes();
        notes.tell(now, || format!("{noted:?}"));
        notes.news.push(noted);
        for append in &appends {
            assert!(matches!(append.event.kind, CastAIEvent::Relay(_)));
            notes.keep(append.clone(), now);
        }
        appends
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Kept, StoreError> {
        let write = async {
            let kept = self.inner().append(appends.clone(), cursor).await?;
            let mut notes = self.ledger.notes();
            let appended = appends.into_iter().zip(&kept.appended);
            appended.for_each(|(append, is)| notes.kept(append, *is, self.time.now()));
            drop(notes);
            self.note(&kept.after, self.time.now());
            Ok(kept)
        };
        self.write("append", write).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let (target, now) = (claim.target.clone(), claim.now);
        self.ledger.notes().claims(&target, now);
        let write = async {
            let claim = Claim { terms: self.watched(&claim.terms), ..claim };
            let claimed = self.inner().claim(claim).await?;
            self.note(&claimed.after, now);
            claimed.batches.iter().for_each(|batch| self.ledger.notes().departs(batch));
            Ok(claimed)
        };
        self.write("claim", write).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        let write = async {
            let Settlement { batch, outcome, at, .. } = settlement.clone();
            let settlement = Settlement { terms: self.watched(&settlement.terms), ..settlement };
            let settled = self.inner().settle(settlement).await?;
            self.ledger.notes().settles(&batch, &outcome, settled == Settled::Fenced, self.time.now());
            if let Settled::Done { after, change, .. } = &settled {
                self.note(after, at);
                self.ledger.notes().changes += usize::from(change.is_some());
            }
            Ok(settled)
        };
        self.write("settle", write).await
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        wait_for(self.inner().cursor(name))
    }

    async fn contains(&self, id: &EventId) -> Result<bool, StoreError> {
        wait_for(self.inner().contains(id))
    }

    async fn note_repeats(&self, repeats: Vec<Repeats>) -> Result<(), StoreError> {
        wait_for(self.inner().note_repeats(repeats))
    }

    async fn keep_table(&self, table: KeptTable, now: Timestamp) -> Result<(), StoreError> {
        wait_for(self.inner().keep_table(table, now))
    }

    async fn events(&self, filter: EventFilter, slice: Slice) -> Result<Listed<EventRow>, StoreError> {
        wait_for(self.inner().events(filter, slice))
    }

    async fn deliveries(&self, filter: EventFilter, slice: Slice) -> Result<Listed<OwedRow>, StoreError> {
        wait_for(self.inner().deliveries(filter, slice))
    }

    async fn table(&self, id: TableId) -> Result<Option<String>, StoreError> {
        wait_for(self.inner().table(id))
    }

    async fn next_due(
        &self,
        target: &TargetName,
        now: Timestamp,
        terms: Arc<Terms>,
    ) -> Result<Option<Timestamp>, StoreError> {
        wait_for(self.inner().next_due(target, now, terms))
    }

    async fn standing(&self, target: &TargetName) -> Result<TargetState, StoreError> {
        wait_for(self.inner().standing(target))
    }

    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        wait_for(self.inner().event(id))
    }

    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError> {
        wait_for(self.inner().backlog())
    }

    async fn silences(&self, since: Timestamp, before: Option<i64>, limit: usize) -> Result<Vec<Silence>, StoreError> {
        wait_for(self.inner().silences(since, before, limit))
    }

    async fn keep_silence(&self, terms: SilenceTerms, by: Signature) -> Result<Silence, StoreError> {
        wait_for(self.inner().keep_silence(terms, by))
    }

    async fn end_silence(&self, id: SilenceId, by: Signature) -> Result<Option<Silence>, StoreError> {
        wait_for(self.inner().end_silence(id, by))
    }

    async fn order(&self, target: &TargetName, order: Order, by: Signature) -> Result<Obeyed, StoreError> {
        wait_for(self.inner().order(target, order, by))
    }

    async fn acts(&self, before: Option<i64>, limit: usize) -> Result<Vec<Act>, StoreError> {
        wait_for(self.inner().acts(before, limit))
    }

    async fn retry(&self, wanted: Retry) -> Result<Retried, StoreError> {
        wait_for(self.inner().retry(wanted))
    }

    async fn begin_replay(&self, terms: ReplayTerms, by: Signature) -> Result<Replay, StoreError> {
        wait_for(self.inner().begin_replay(terms, by))
    }

    async fn replays(&self, before: Option<i64>, limit: usize) -> Result<Vec<Replay>, StoreError> {
        wait_for(self.inner().replays(before, limit))
    }

    async fn replay(&self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        wait_for(self.inner().replay(id))
    }

    async fn running_replay(&self) -> Result<Option<Replay>, StoreError> {
        wait_for(self.inner().running_replay())
    }

    async fn go_on(&self, step: ReplayStep) -> Result<Option<Aftermath>, StoreError> {
        wait_for(self.inner().go_on(step))
    }

    async fn stop_replay(&self, id: ReplayId, by: Signature) -> Result<Option<Replay>, StoreError> {
        wait_for(self.inner().stop_replay(id, by))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        wait_for(self.inner().prune(before, limit))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        wait_for(self.inner().probe())
    }
}
