//! One simulated day: arrivals, claims, attempts, restarts and a bad disk, one after the other, as fast as they can be told.
//!
//! Nothing happens at the same time: the world lets every task run until all wait, then wakes one sleeper, or lets one thing
//! happen, or moves the time to the next moment at which anything will. So the same seed tells the same story.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use castai_relay::config::Span;
use castai_relay::deliver::quiet::Quiet;
use castai_relay::deliver::{Deliverer, Tools};
use castai_relay::event::Timestamp;
use castai_relay::event::act::Signature;
use castai_relay::live::Live;
use castai_relay::names::{CursorName, EventId, SilenceId, SourceName, TokenName};
use castai_relay::route::silence::Draft;
use castai_relay::runtime::{Clock, Doorbell, Lifecycle};
use castai_relay::source::Inbox;
use castai_relay::source::pulse::Pulse;
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::seen::{Limits, Seen};
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{Cursor, DeliveryState, Store};
use castai_relay::telemetry::Metrics;
use serde_json::json;
use tempfile::TempDir;

use super::addressee::{Fake, Weather};
use super::arrivals::Happening;
use super::ledger::Ledger;
use super::plan::{Addressee, Plan};
use super::time::{Tasks, Time, wait_for};
use super::watched_store::{Trouble, WatchedStore};

pub const START: &str = "2026-11-20T00:00:00Z";
/// More moments than any day has.
const ENDLESS: usize = 200_000;

/// Something that happens by itself.
#[derive(Debug, Clone)]
pub enum Moment {
    Told(Vec<Happening>),
    /// The process dies, or is asked to stop; another one starts so many seconds later.
    Restarts {
        softly: bool,
        after: u64,
    },
    Starts,
    Trouble(Trouble),
    /// For everything of this kind, for so many seconds.
    Silenced {
        kind: &'static str,
        seconds: u64,
    },
    Spoken,
    /// The clock shows so many seconds less.
    SetBack(u64),
    Audit,
    /// From now on everybody is well, and so is the disk.
    AllIsWell,
}

/// A silence as it was asked for, and when it was over.
#[derive(Debug, Clone)]
pub struct Silenced {
    pub kind: &'static str,
    /// Among all that happened.
    pub from_as: usize,
    pub ended_as: usize,
    pub from: Timestamp,
    pub to: Timestamp,
    id: SilenceId,
}

pub struct World {
    pub plan: Arc<Plan>,
    pub time: Time,
    pub ledger: Arc<Ledger>,
    pub store: Arc<WatchedStore>,
    pub silenced: Vec<Silenced>,
    pub audit: fn(&mut World, is_end: bool) -> Result<(), String>,
    /// Rows that were seen to have ended.
    pub ended: super::books::Ended,
    weathers: Vec<Weather>,
    all_is_well: Arc<AtomicBool>,
    moments: BTreeMap<(Timestamp, u64), Moment>,
    last_moment: u64,
    process: Option<Process>,
    metrics: Arc<Metrics>,
    disk: Option<TempDir>,
    pub runtime: Arc<tokio::runtime::Runtime>,
}

/// What was told, under a number of its own.
type Unanswered = (u64, Vec<Happening>);

/// What dies with a process.
struct Process {
    inbox: Arc<Inbox>,
    bell: Arc<Doorbell>,
    quiet: Arc<Quiet>,
    life: Lifecycle,
    tasks: Tasks,
    /// What was told to it and is not answered yet.
    unanswered: Arc<Mutex<Vec<Unanswered>>>,
    /// What could not be kept.
    refused: Arc<Mutex<Vec<Vec<Happening>>>>,
    starts_again_after: u64,
}

impl World {
    pub fn new(plan: Plan, weathers: Vec<Weather>, tells: bool, runtime: Arc<tokio::runtime::Runtime>) -> Self {
        let time = Time::starting_at(Timestamp::parse(START).unwrap());
        let ledger = Arc::new(Ledger::telling_the_story(tells));
        let disk = plan.on_disk.then(disk);
        let inner = disk.as_ref().map_or_else(|| Arc::<MemoryStore>::default() as Arc<dyn Store>, open);
        let store = Arc::new(WatchedStore::new(inner, ledger.clone(), time.clone()));
        let targets: Vec<_> = plan.targets.iter().map(|target| target.name.clone()).collect();
        Self {
            plan: Arc::new(plan),
            time,
            ledger,
            store,
            silenced: Vec::new(),
            audit: super::books::audit,
            ended: Default::default(),
            weathers,
            all_is_well: Arc::default(),
            moments: BTreeMap::new(),
            last_moment: 0,
            process: None,
            metrics: Arc::new(Metrics::new(&[], &[], &targets)),
            disk,
            runtime,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub fn at_second(second: u64) -> Timestamp {
        Timestamp::parse(START).unwrap().saturating_add(Duration::from_secs(second))
    }

    pub fn plan_at(&mut self, at: Timestamp, moment: Moment) {
        self.last_moment += 1;
        self.moments.insert((at, self.last_moment), moment);
    }

    fn plan_in(&mut self, seconds: u64, moment: Moment) {
        self.plan_at(self.time.passed().saturating_add(Duration::from_secs(seconds)), moment);
    }

    /// Lets the day go by until nothing will happen any more.
    pub fn run(&mut self) -> Result<(), String> {
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        self.start();
        for _ in 0..ENDLESS {
            self.settle_down();
            if let Some(fault) = self.ledger.notes().faults.first() {
                return Err(fault.clone());
            }
            if let Some((at, moment)) = self.first_moment() {
                self.moments.remove(&at);
                self.happens(moment)?;
            } else if !self.time.wake_one() {
                let moments = self.moments.keys().next().map(|(at, _)| *at);
                let Some(next) = moments.into_iter().chain(self.time.next_at()).min() else { return self.end() };
                self.time.set(next);
            }
        }
        Err(format!("it goes on and on, it is {} by now; pending: {:#?}", self.now(), self.pending()))
    }

    fn pending(&self) -> Vec<String> {
        let known: Vec<EventId> = self.ledger.notes().known.iter().map(|known| known.event.id.clone()).collect();
        let stories = known.iter().filter_map(|id| wait_for(self.store.event(id)).unwrap());
        let rows = stories.flat_map(|story| story.deliveries);
        rows.filter(|row| row.state == DeliveryState::Pending).map(|row| format!("{row:?}")).collect()
    }

    fn first_moment(&self) -> Option<((Timestamp, u64), Moment)> {
        let (place, moment) = self.moments.first_key_value()?;
        (place.0 <= self.time.passed()).then(|| (*place, moment.clone()))
    }

    /// Nobody sleeps, nothing is planned: whoever is asked now must have nothing to do.
    fn end(&mut self) -> Result<(), String> {
        let flights = self.ledger.notes().flights.len();
        self.ring_all();
        self.settle_down();
        if self.ledger.notes().flights.len() > flights {
            return Err("at the end something was due and nobody had been woken for it".to_owned());
        }
        (self.audit)(self, true)
    }

    fn ring_all(&self) {
        for (process, target) in self.process.iter().flat_map(|p| self.plan.targets.iter().map(move |t| (p, t))) {
            process.bell.ring(&target.name);
        }
    }

    /// Lets every task run until all wait, and buries whoever died meanwhile.
    fn settle_down(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let is_dead = || self.store.is_stopped.load(Ordering::Relaxed) || !self.ledger.notes().faults.is_empty();
        process.tasks.run(is_dead);
        let refused = std::mem::take(&mut *process.refused.lock().unwrap());
        refused.into_iter().for_each(|told| self.plan_in(7, Moment::Told(told)));
        if self.store.is_stopped.swap(false, Ordering::Relaxed) {
            self.ledger.tell(self.now(), || "the process dies at a write".to_owned());
            return self.bury(process, 1);
        }
        match process.life.is_stopping() && process.tasks.is_empty() {
            true => {
                let after = process.starts_again_after;
                self.bury(process, after);
            }
            false => self.process = Some(process),
        }
    }

    fn bury(&mut self, process: Process, starts_after: u64) {
        let unanswered = std::mem::take(&mut *process.unanswered.lock().unwrap());
        drop(process);
        unanswered.into_iter().for_each(|(_, told)| self.plan_in(starts_after + 3, Moment::Told(told)));
        self.plan_in(starts_after, Moment::Starts);
    }

    fn happens(&mut self, moment: Moment) -> Result<(), String> {
        match moment {
            Moment::Told(told) => self.tell(told),
            Moment::Restarts { softly, after } => self.restart(softly, after),
            Moment::Starts => self.start(),
            Moment::Trouble(trouble) => self.store.has_trouble(trouble),
            Moment::Silenced { kind, seconds } => self.silence(kind, seconds),
            Moment::Spoken => self.end_silence(),
            Moment::SetBack(seconds) => {
                self.time.set_back(Duration::from_secs(seconds));
                let mut notes = self.ledger.notes();
                notes.tell(self.now(), || format!("the clock was set back by {seconds} s"));
                let order = notes.next_write();
                notes.set_back.push(order);
            }
            Moment::Audit => return (self.audit)(self, false),
            Moment::AllIsWell => {
                self.ledger.tell(self.now(), || "from now on all is well".to_owned());
                self.store.has_trouble(Trouble::None);
                self.all_is_well.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn restart(&mut self, softly: bool, after: u64) {
        let Some(mut process) = self.process.take() else { return };
        self.ledger.tell(self.now(), || format!("restart, softly: {softly}"));
        match softly {
            true => {
                process.life.stop();
                process.starts_again_after = after;
                self.process = Some(process);
            }
            false => self.bury(process, after),
        }
    }

    fn start(&mut self) {
        if let Some(disk) = self.disk.as_ref().filter(|_| !self.ledger.notes().starts.is_empty()) {
            self.store.reopen(|| open(disk));
        }
        let mut notes = self.ledger.notes();
        notes.tell(self.now(), || "a process starts".to_owned());
        let started_as = notes.next_write();
        notes.starts.push(started_as);
        drop(notes);
        let (plan, clock) = (&self.plan, Arc::new(self.time.of_class(0)));
        let bell = Arc::new(Doorbell::for_targets(plan.targets.iter().map(|target| target.name.clone())));
        let seen = Seen::new(Limits { entries: 50, age: Span::from_secs(600) });
        let pulse = Arc::new(Pulse::resume([], None, self.now(), &self.metrics));
        let (store, table): (Arc<dyn Store>, _) = (self.store.clone(), plan.table.clone());
        let quiet = wait_for(Quiet::load(table.clone(), store.clone(), self.now())).unwrap();
        let quiet = Arc::new(quiet);
        let tools = Tools {
            store,
            table,
            clock,
            bell: bell.clone(),
            metrics: self.metrics.clone(),
            quiet: quiet.clone(),
            live: Live::default(),
        };
        let (life, mut tasks) = (Lifecycle::default(), Tasks::default());
        for (index, target) in plan.targets.iter().enumerate() {
            tasks.add(self.deliverer(index, target, &tools).run(life.clone()));
        }
        let Tools { store, table, clock, metrics, .. } = tools;
        let inbox = Arc::new(Inbox::new(store, seen, table, bell.clone(), clock, metrics, pulse));
        let (unanswered, refused) = Default::default();
        let process = Process { inbox, bell, quiet, life, tasks, unanswered, refused, starts_again_after: 0 };
        self.process = Some(process);
    }

    fn deliverer(&self, index: usize, target: &Addressee, tools: &Tools) -> Arc<Deliverer> {
        let class = index as u64 * 2 + 1;
        let tools = Tools { clock: Arc::new(self.time.of_class(class)), ..tools.clone() };
        let share = usize::try_from(target.policy.retry.share.get()).unwrap();
        let places = target.policy.concurrency;
        let fake = Fake {
            seed: self.plan.seed,
            index: index as u64,
            keeps_incidents: target.keeps_incidents,
            tells_many: target.tells_many,
            places: (places, (places * share).div_ceil(100)),
            timeout: target.policy.timeout.get(),
            weather: self.weathers[index].clone(),
            all_is_well: self.all_is_well.clone(),
            is_stopped: self.store.is_stopped.clone(),
            ledger: self.ledger.clone(),
            time: self.time.of_class(class + 1),
        };
        Arc::new(Deliverer::new(target.name.clone(), Arc::new(fake), target.policy.clone(), tools))
    }

    fn tell(&mut self, told: Vec<Happening>) {
        let now = self.now();
        let Some(process) = self.process.as_mut().filter(|process| !process.life.is_stopping()) else {
            return self.plan_in(5, Moment::Told(told));
        };
        self.last_moment += 1;
        let ticket = self.last_moment;
        process.unanswered.lock().unwrap().push((ticket, told.clone()));
        let (unanswered, refused) = (process.unanswered.clone(), process.refused.clone());
        let (inbox, ledger) = (process.inbox.clone(), self.ledger.clone());
        process.tasks.add(async move {
            let mut events: Vec<_> = told.iter().map(|happening| happening.event(now)).collect();
            let accepted = match told.len() {
                1 => inbox.accept(events.remove(0)).await.map(|accepted| vec![accepted]),
                _ => inbox.accept_all(events, Some(cursor())).await,
            };
            unanswered.lock().unwrap().retain(|(other, _)| *other != ticket);
            match accepted {
                Ok(accepted) => ledger.notes().heard.extend(accepted.into_iter().map(|accepted| accepted.id)),
                Err(_) => refused.lock().unwrap().push(told),
            }
        });
    }

    fn silence(&mut self, kind: &'static str, seconds: u64) {
        let (now, Some(process)) = (self.now(), &self.process) else { return };
        let until = now.saturating_add(Duration::from_secs(seconds));
        let matching = json!({ "type": kind }).as_object().unwrap().clone();
        let (by, why) = ("ada".to_owned(), "upgrade".to_owned());
        let (routes, targets) = (vec![], vec![]);
        let draft = Draft { matching, routes, targets, everything: false, from: None, until, by, why };
        let silence = wait_for(process.quiet.add(draft, TokenName::admin(), now)).unwrap();
        self.ledger.tell(now, || format!("{kind} is silenced until {until}"));
        let from_as = self.ledger.notes().next_write();
        self.silenced.push(Silenced { kind, from_as, ended_as: usize::MAX, from: now, to: until, id: silence.id });
    }

    fn end_silence(&mut self) {
        let (now, Some(process)) = (self.time.now(), &self.process) else { return };
        let is_on = |last: &&mut Silenced| last.to > now && last.ended_as == usize::MAX;
        let Some(last) = self.silenced.last_mut().filter(is_on) else { return };
        let by = Signature { at: now, token: TokenName::admin(), whom: Some("ada".to_owned()) };
        wait_for(process.quiet.end(last.id, by)).unwrap().unwrap();
        last.ended_as = self.ledger.notes().next_write();
        self.ledger.tell(now, || format!("{} is silenced no more", last.kind));
    }
}

fn cursor() -> Cursor {
    Cursor { name: CursorName::of(&SourceName::notifications()), value: "here".to_owned() }
}

/// In memory where there is such a place: processes die here, but nobody pulls the plug.
fn disk() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn open(disk: &TempDir) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&disk.path().join("relay.db"), Arc::new(|_, _| {})).unwrap())
}
