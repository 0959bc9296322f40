//! Carries out what the store keeps: claim, notify, settle.
//!
//! One [`Deliverer`] for each target, so that a slow or dead one delays nobody else. The loop is [`Deliverer::run`];
//! the step it repeats, [`Deliverer::step`], is whole in itself, so that tests turn the crank by hand. All state is in
//! the store: a restart changes nothing. [`retry`] decides when to try again, [`policy`] is what is configured. Knows no
//! protocol of any target.
//! Next room: [`crate::notify`], which speaks them.

mod in_flight;
mod judge;
pub mod policy;
pub mod quiet;
pub mod replay;
pub mod retry;
pub mod trial;
mod verdict;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use in_flight::InFlight;
use judge::Ours;
pub use policy::Policy;
use quiet::Quiet;
use verdict::Verdict;

use crate::event::Event;
use crate::event::batch::Batch;
use crate::event::delivery::{Delivery, Outcome, Owed, Reason};
use crate::live::Live;
use crate::names::TargetName;
use crate::notify::{Next, Notifier, NotifyError, Scope, Sent};
use crate::route::{Routed, RoutingTable};
use crate::runtime::{Clock, Doorbell, Lifecycle};
use crate::store::{Aftermath, Claim, Claimed, Fallback, Held, Settled, Settlement, Store, StoreError, Terms};
use crate::target::{Change, Limits};
use crate::telemetry::{Metrics, spans};
use crate::template::Wording;

/// The finest step of time there is.
const TICK: Duration = Duration::from_millis(1);

/// How long a lease outlasts the attempt's own time limit: enough to settle even when the store is slow.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// How long the loop rests after the store failed it.
const STORE_REST: Duration = Duration::from_secs(1);

/// What every deliverer works with.
#[derive(Clone)]
pub struct Tools {
    /// Where deliveries are kept.
    pub store: Arc<dyn Store>,
    /// For the wording of messages, and to route what a dead letter gives rise to.
    pub table: Arc<RoutingTable>,
    /// Who is not told, for now.
    pub quiet: Arc<Quiet>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who wakes whom.
    pub bell: Arc<Doorbell>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who watches.
    pub live: Live,
}

impl Tools {
    /// Counts, shows and logs what a write did beside what it was called for, and wakes whoever has something to do now.
    fn tell_of(&self, after: &Aftermath) {
        self.metrics.aftermath(after);
        self.live.aftermath(after, self.clock.now());
        after.raised.iter().for_each(|report| self.count_report(report));
        after.woken.iter().for_each(|target| self.bell.ring(target));
    }

    /// What the relay reports of itself goes past the inbox, into the write that gave rise to it, and counts as if it did not.
    fn count_report(&self, report: &Event) {
        let (metrics, now) = (&self.metrics, self.clock.now());
        let Routed { owed, takers } = self.table.route(report);
        metrics.event_received(&report.source);
        metrics.accepted(report.type_name(), owed.iter().all(Owed::is_resolve));
        metrics.routed(&takers, now);
        spans::accepted(&report.id, &report.source, report.type_name(), report.received_at, now);
    }
}

/// Whether a step found anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing was due.
    Idle,
    /// Something left, or ended.
    Worked,
}

/// Carries out the deliveries of one target.
pub struct Deliverer {
    target: TargetName,
    notifier: Arc<dyn Notifier>,
    policy: Policy,
    message: Wording,
    terms: Arc<Terms>,
    tools: Tools,
}

impl Deliverer {
    /// For `target`, spoken to by `notifier`.
    pub fn new(target: TargetName, notifier: Arc<dyn Notifier>, policy: Policy, tools: Tools) -> Self {
        let quiet = tools.quiet.in_force().clone();
        let judge =
            Ours { table: tools.table.clone(), quiet, max_age: policy.max_age.get(), ambiguous: policy.ambiguous };
        let fallback = policy.fallback.clone().map(|to| Fallback { to, after: policy.fallback_after.get() });
        let terms = Arc::new(Terms {
            limits: Limits { is_gone: !notifier.is_there(), ..policy.limits() },
            lease: policy.timeout.get() + LEASE_MARGIN,
            fallback,
            keeps_incidents: notifier.keeps_incidents(),
            tells_many: notifier.tells_many(),
            rewrites_storms: notifier.rewrites_storms(),
            judge: Arc::new(judge),
        });
        Self { target, notifier, policy, message: Wording::default(), terms, tools }
    }

    /// The same, with words of the target's own, which go before those of every route.
    pub fn saying(self, message: Wording) -> Self {
        Self { message, ..self }
    }

    /// Whose deliveries these are.
    pub fn target(&self) -> &TargetName {
        &self.target
    }

    /// How it is delivered to.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Claims one batch, attempts it and settles it.
    ///
    /// # Errors
    /// When the store could not claim. A settlement it could not make is tried again until the lease ends.
    pub async fn step(&self) -> Result<Turn, StoreError> {
        let mut claimed = self.claim(1, 1).await?;
        let Some(batch) = claimed.batches.pop() else {
            let worked = claimed.after.has_changes() || claimed.more;
            return Ok(if worked { Turn::Worked } else { Turn::Idle });
        };
        self.carry_out(batch).await;
        Ok(Turn::Worked)
    }

    /// Repeats the step, several at a time, until the soft stop; then finishes what is in flight.
    pub async fn run(self: Arc<Self>, life: Lifecycle) {
        let mut in_flight = InFlight::new(&self.policy);
        while !life.is_stopping() {
            let mut exhausted = false;
            if in_flight.wants_more() {
                let (limit, old_limit) = in_flight.free();
                let claimed = in_flight.beside(self.claim_or_rest(limit, old_limit)).await;
                exhausted = !claimed.more && claimed.batches.len() < limit;
                for batch in claimed.batches {
                    in_flight.add(batch.is_old, self.carry_out(batch));
                }
            }
            tokio::select! {
                () = in_flight.one_ended() => {}
                () = self.work_is_due(), if exhausted => {}
                () = std::future::ready(()), if !exhausted && in_flight.wants_more() => {}
                () = life.stopping() => {}
            }
        }
        in_flight.all_ended().await;
    }

    async fn claim(&self, limit: usize, old_limit: usize) -> Result<Claimed, StoreError> {
        let (target, terms) = (self.target.clone(), self.terms.clone());
        let claim = Claim { target, now: self.tools.clock.now(), limit, old_limit, terms };
        let claimed = self.tools.store.claim(claim).await?;
        self.tools.tell_of(&claimed.after);
        Ok(claimed)
    }

    async fn claim_or_rest(&self, limit: usize, old_limit: usize) -> Claimed {
        match self.claim(limit, old_limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(target.name = %self.target, %error, "deliveries could not be claimed");
                // It may have happened all the same, and nobody said who was woken by it.
                self.tools.bell.ring_all();
                self.rest().await;
                Claimed::default()
            }
        }
    }

    async fn rest(&self) {
        let clock = &self.tools.clock;
        clock.sleep_until(clock.now().saturating_add(STORE_REST)).await;
    }

    /// Ends when there is new work for this target, or old work becomes due.
    async fn work_is_due(&self) {
        let now = self.tools.clock.now();
        let soon = now.saturating_add(STORE_REST);
        let due = match self.tools.store.next_due(&self.target, now, self.terms.clone()).await {
            // What is due and was not to be had waits for a place that only what is in flight can free.
            Ok(due) => due.map(|at| if at <= now { soon } else { at }),
            Err(error) => {
                tracing::error!(target.name = %self.target, %error, "the store did not say what is due next");
                Some(soon)
            }
        };
        let becomes_due = async {
            match due {
                Some(at) => self.tools.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.tools.bell.heard(&self.target) => {}
            () = becomes_due => {}
        }
    }

    /// One attempt, from a claimed batch to a settled one.
    async fn carry_out(&self, batch: Batch) {
        let started = Instant::now();
        let result = self.attempt(&batch).await;
        let ended_at = self.tools.clock.now();
        let verdict = Verdict::of(result, &batch, &self.policy, ended_at);
        spans::attempted(&batch, &verdict.outcome, ended_at);
        self.report(&batch, &verdict.outcome, started.elapsed());
        self.settle(batch, verdict).await;
    }

    /// Lets the notifier try, within the time limit, and survives its faults.
    async fn attempt(&self, batch: &Batch) -> Result<Sent, NotifyError> {
        let of_route = self.tools.table.wording(batch.route());
        let wording = of_route.map_or_else(|| self.message.clone(), |of_route| self.message.over(of_route));
        let notified = AssertUnwindSafe(self.notifier.notify(batch, &wording)).catch_unwind();
        let limit = self.policy.timeout;
        match tokio::time::timeout(limit.get(), notified).await {
            Ok(Ok(notified)) => notified,
            Ok(Err(_panic)) => Err(NotifyError {
                next: Next::Retry { after: None },
                scope: Scope::Message,
                ambiguous: true,
                reason: Reason::Internal,
                detail: "the notifier panicked; this is a fault in the relay".to_owned(),
                answer: None,
            }),
            Err(_elapsed) => {
                Err(NotifyError::ambiguous(None, format!("no answer within {limit}; it may have arrived")))
            }
        }
    }

    fn report(&self, batch: &Batch, outcome: &Outcome, took: Duration) {
        let (id, attempt) = (&batch.lead().event.id, batch.attempt);
        let (route, target, deliveries) = (batch.route(), &self.target, batch.deliveries.len());
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let reason = match outcome {
            Outcome::Delivered { .. } => {
                tracing::info!(event.id = %id, route.name = %route, target.name = %target, delivery.attempt = attempt, deliveries, duration_ms, "delivered");
                None
            }
            Outcome::Retry { at, reason, ambiguous, detail } => {
                tracing::warn!(event.id = %id, route.name = %route, target.name = %target, delivery.attempt = attempt, deliveries, duration_ms, %reason, ambiguous, detail, again_at = %at, "an attempt failed");
                Some(*reason)
            }
            Outcome::Dead { reason, ambiguous, detail } => {
                tracing::error!(event.id = %id, route.name = %route, target.name = %target, delivery.attempt = attempt, deliveries, duration_ms, %reason, ambiguous, detail, "a delivery was given up");
                Some(*reason)
            }
        };
        self.tools.metrics.settled(target, outcome.as_str(), reason, took);
    }

    /// Tells the store, again and again while the lease lasts: a forgotten success would be sent twice.
    async fn settle(&self, batch: Batch, verdict: Verdict) {
        let Verdict { outcome, sign, answer } = verdict;
        let lease_ends = batch.claimed_at.saturating_add(self.terms.lease);
        let event = batch.lead().event.id.clone();
        let (at, terms) = (self.tools.clock.now(), self.terms.clone());
        let settlement = Settlement { batch: Arc::new(batch), outcome, answer, sign, at, terms };
        loop {
            match self.tools.store.settle(settlement.clone()).await {
                Ok(Settled::Done { held, after, change }) => {
                    if let Outcome::Delivered { .. } = settlement.outcome {
                        self.count_delivered(&settlement, &held);
                    }
                    self.tools.live.attempted(&settlement.batch, &settlement.outcome, settlement.at);
                    self.tools.tell_of(&after);
                    return change.iter().for_each(|change| self.tell_of_change(change));
                }
                Ok(Settled::Fenced) => {
                    tracing::warn!(event.id = %event, target.name = %self.target, "an attempt outlived its lease, or its outcome was recorded before");
                    // Then it was not said who was woken by that.
                    return self.tools.bell.ring_all();
                }
                Err(error) if self.tools.clock.now() < lease_ends => {
                    tracing::error!(event.id = %event, target.name = %self.target, %error, "an outcome could not be recorded; trying again");
                    self.rest().await;
                }
                Err(error) => {
                    tracing::error!(event.id = %event, target.name = %self.target, %error, "an outcome was not recorded; it will be sent again");
                    return;
                }
            }
        }
    }

    /// Of many, only those shown in full are at hand with when they happened.
    fn count_delivered(&self, settlement: &Settlement, held: &[Held]) {
        let (metrics, target, at) = (&self.tools.metrics, &self.target, settlement.at);
        metrics.sent(target, held.len());
        held.iter().for_each(|held| metrics.delivered_after(target, at.saturating_since(held.since)));
        let is_held = |delivery: &&Delivery| held.iter().any(|held| held.delivery == delivery.id);
        let happened = settlement.batch.shown.iter().filter(is_held).filter_map(|shown| shown.event.occurred_at);
        happened.for_each(|happened| metrics.told_after(target, at.saturating_since(happened)));
    }

    fn tell_of_change(&self, change: &Change) {
        match change {
            Change::Paused(closed) => {
                let (cause, reason, detail) = (closed.cause.as_str(), closed.reason, &closed.detail);
                tracing::error!(target.name = %self.target, cause, %reason, detail, "the target is closed; its deliveries are kept and it is probed");
            }
            Change::Resumed(closed) => {
                tracing::info!(target.name = %self.target, since = %closed.since, "the target is open again");
            }
        }
    }
}
