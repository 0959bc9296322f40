//! What the process gives us: the time, tasks, signals, and the two ways of being told to stop.
//!
//! The only room that asks the operating system for the time or spawns a task. Knows nothing of events beyond
//! their timestamps and targets' names. Next room: [`crate::telemetry`].

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::Timestamp;
use crate::names::TargetName;

/// A boxed future that outlives its caller.
pub type Pending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What time it is. Everything that depends on time asks this, so that tests can move it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Ends when `now()` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> Pending;
}

/// How soon a sleeper notices that the clock was set forward.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock the rest of the house asks")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> Pending {
        let clock = *self;
        Box::pin(async move {
            // The runtime's own time knows nothing of a clock that was set, or of a machine that was asleep.
            loop {
                match at.saturating_since(clock.now()) {
                    Duration::ZERO => return,
                    left => tokio::time::sleep(left.min(LONGEST_NAP)).await,
                }
            }
        })
    }
}

/// A clock that moves only when told to: for tests and simulations.
#[derive(Debug, Clone)]
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// Stands still at `start`.
    pub fn starting_at(start: Timestamp) -> Self {
        Self(watch::Sender::new(start))
    }

    /// Moves forward and wakes whoever slept until a moment now past.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, at: Timestamp) -> Pending {
        let mut moves = self.0.subscribe();
        Box::pin(async move {
            // The sender lives as long as any clone of the clock; without one, nobody can move the time any more.
            if moves.wait_for(|now| *now >= at).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// Wakes a target's delivery loop when there is new work for it. A ring that nobody hears is kept, once.
#[derive(Debug, Default)]
pub struct Doorbell(HashMap<TargetName, Notify>);

impl Doorbell {
    /// One bell for each target.
    pub fn for_targets(targets: impl IntoIterator<Item = TargetName>) -> Self {
        Self(targets.into_iter().map(|target| (target, Notify::new())).collect())
    }

    /// There is work for this target.
    pub fn ring(&self, target: &TargetName) {
        if let Some(bell) = self.0.get(target) {
            bell.notify_one();
        }
    }

    /// There may be work for any of them.
    pub fn ring_all(&self) {
        self.0.values().for_each(Notify::notify_one);
    }

    /// Ends at the next ring for this target, or at once if it rang since the last time.
    pub async fn heard(&self, target: &TargetName) {
        match self.0.get(target) {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    }
}

/// How a life ends: asked to stop (soft), out of patience (hard), and every task accounted for.
///
/// Soft: take no new work, finish what is in flight. Hard: drop what you hold; the store remembers it.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    last: TaskTracker,
    crashed: CancellationToken,
}

/// How long the last tasks may take to notice that it is over.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Lifecycle {
    /// Runs a task that must last until the soft stop. One that ends earlier is a crash: it stops the process.
    /// At the hard stop it is dropped where it stands.
    #[expect(clippy::disallowed_methods, reason = "this is the spawner the rest of the house uses")]
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let life = self.clone();
        let hard = self.hard.clone();
        let until_abandoned = async move {
            tokio::select! {
                biased;
                () = task => {}
                () = hard.cancelled() => {}
            }
        };
        let guarded = async move {
            let ended = tokio::spawn(until_abandoned).await;
            if life.soft.is_cancelled() && ended.is_ok() {
                return;
            }
            tracing::error!(task.name = name, panicked = ended.is_err(), "a task ended by itself; stopping the relay");
            life.crashed.cancel();
        };
        tokio::spawn(self.tasks.track_future(guarded));
    }

    /// Runs a task nobody waits for by name, such as one connection; it ends with its work or at the hard stop.
    #[expect(clippy::disallowed_methods, reason = "this is the spawner the rest of the house uses")]
    pub fn spawn_transient(&self, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        tokio::spawn(self.tasks.track_future(async move {
            tokio::select! {
                biased;
                () = task => {}
                () = hard.cancelled() => {}
            }
        }));
    }

    /// Lets SIGTERM or SIGINT be the soft stop, and a second one the hard stop.
    ///
    /// # Errors
    /// When the process may not install signal handlers.
    #[expect(clippy::disallowed_methods, reason = "nobody waits for this task: it must not hold up the end it brings")]
    pub fn obey_signals(&self) -> std::io::Result<()> {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let life = self.clone();
        tokio::spawn(async move {
            for (stop, meaning) in [(&life.soft, "finishing what is in flight"), (&life.hard, "stopping at once")] {
                let signal = tokio::select! {
                    _ = term.recv() => "SIGTERM",
                    _ = int.recv() => "SIGINT",
                };
                tracing::info!(signal, "{meaning}");
                stop.cancel();
            }
        });
        Ok(())
    }

    /// The same life for what must outlast the rest, such as the listener of the probes: its soft stop is our hard one.
    pub fn epilogue(&self) -> Self {
        let (last, crashed) = (self.last.clone(), self.crashed.clone());
        Self { soft: self.hard.clone(), hard: self.hard.clone(), tasks: last.clone(), last, crashed }
    }

    /// Asks everything to come to an end.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// True once asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Ends when asked to stop.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    /// Waits for the soft stop or a crash, then up to `grace` for the tasks, then abandons the rest and the epilogue.
    pub async fn run_down(&self, grace: Duration) -> RunDown {
        tokio::select! {
            () = self.soft.cancelled() => {}
            () = self.crashed.cancelled() => self.soft.cancel(),
        }
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = tokio::time::sleep(grace) => {}
            () = self.hard.cancelled() => {}
        }
        // Tasks that ended because of the hard stop did not finish what they held.
        let abandoned = self.hard.is_cancelled() || !self.tasks.is_empty();
        self.hard.cancel();
        self.last.close();
        // They end by themselves; one that does not is no reason to stay.
        let _ = tokio::time::timeout(LAST_WORDS, self.last.wait()).await;
        match (self.crashed.is_cancelled(), abandoned) {
            (true, _) => RunDown::Crashed,
            (false, false) => RunDown::Clean,
            (false, true) => RunDown::Abandoned,
        }
    }
}

/// How the process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunDown {
    /// Everything in flight was finished.
    Clean,
    /// The grace period ran out, or a second signal came; what was in flight is in the store and resumes at the next start.
    Abandoned,
    /// A task ended by itself.
    Crashed,
}
