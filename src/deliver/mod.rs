//! Carries out what the store keeps: claim, notify, settle.
//!
//! One [`Deliverer`] for each target, so that a slow or dead one delays nobody else. The loop is [`Deliverer::run`];
//! the step it repeats, [`Deliverer::step`], is whole in itself, so that tests turn the crank by hand. All state is in
//! the store: a restart changes nothing. [`retry`] decides when to try again, [`policy`] is what is configured. Knows no
//! protocol of any target.
//! Next room: [`crate::notify`], which speaks them.

pub mod policy;
pub mod quiet;
pub mod retry;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};

pub use policy::Policy;

use crate::event::batch::{Batch, Lease};
use crate::event::delivery::{Delivery, Outcome, Reason};
use crate::event::relay::{self, GivenUp, RelayReport};
use crate::event::{CastAIEvent, Timestamp};
use crate::names::TargetName;
use crate::notify::{Next, Notifier, NotifyError, Scope};
use crate::route::RoutingTable;
use crate::runtime::{Clock, Doorbell, Lifecycle};
use crate::store::{Append, Settled, Settlement, Store, StoreError};
use crate::telemetry::Metrics;

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
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who wakes whom.
    pub bell: Arc<Doorbell>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Whether a step found anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing was due.
    Idle,
    /// One attempt was made and settled.
    Worked,
}

/// Carries out the deliveries of one target.
pub struct Deliverer {
    target: TargetName,
    notifier: Arc<dyn Notifier>,
    policy: Policy,
    tools: Tools,
}

impl Deliverer {
    /// For `target`, spoken to by `notifier`.
    pub fn new(target: TargetName, notifier: Arc<dyn Notifier>, policy: Policy, tools: Tools) -> Self {
        Self { target, notifier, policy, tools }
    }

    /// Claims one due delivery, attempts it and settles it.
    ///
    /// # Errors
    /// When the store could not claim. A settlement it could not make is tried again until the lease ends.
    pub async fn step(&self) -> Result<Turn, StoreError> {
        match self.claim(1).await?.pop() {
            Some(delivery) => {
                self.carry_out(delivery).await;
                Ok(Turn::Worked)
            }
            None => Ok(Turn::Idle),
        }
    }

    /// Repeats the step, several at a time, until the soft stop; then finishes what is in flight.
    pub async fn run(self: Arc<Self>, life: Lifecycle) {
        let mut in_flight = FuturesUnordered::new();
        while !life.is_stopping() {
            let free = self.policy.concurrency.saturating_sub(in_flight.len());
            let mut exhausted = false;
            if free > 0 {
                let claimed = beside(&mut in_flight, self.claim_or_rest(free)).await;
                exhausted = claimed.len() < free;
                in_flight.extend(claimed.into_iter().map(|delivery| self.carry_out(delivery)));
            }
            tokio::select! {
                Some(()) = in_flight.next() => {}
                () = self.work_is_due(), if exhausted => {}
                () = life.stopping() => {}
            }
        }
        while in_flight.next().await.is_some() {}
    }

    async fn claim(&self, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.tools.store.claim(&self.target, self.tools.clock.now(), self.lease(), limit).await
    }

    fn lease(&self) -> Duration {
        self.policy.timeout.get() + LEASE_MARGIN
    }

    async fn claim_or_rest(&self, limit: usize) -> Vec<Delivery> {
        match self.claim(limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(target.name = %self.target, %error, "deliveries could not be claimed");
                self.rest().await;
                Vec::new()
            }
        }
    }

    async fn rest(&self) {
        let clock = &self.tools.clock;
        clock.sleep_until(clock.now().saturating_add(STORE_REST)).await;
    }

    /// Ends when there is new work for this target, or old work becomes due.
    async fn work_is_due(&self) {
        let due = match self.tools.store.next_due(&self.target).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(target.name = %self.target, %error, "the store did not say what is due next");
                Some(self.tools.clock.now().saturating_add(STORE_REST))
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

    /// One attempt, from a claimed delivery to a settled one.
    async fn carry_out(&self, delivery: Delivery) {
        let started = Instant::now();
        let outcome = match self.is_expired(&delivery) {
            true => expired("it waited longer than the target's `max_age`"),
            false => match self.attempt(&delivery).await {
                Ok(()) => Outcome::Delivered,
                Err(error) => self.decide(&delivery, error),
            },
        };
        self.report(&delivery, &outcome, started.elapsed());
        self.settle(&delivery, outcome).await;
    }

    fn deadline(&self, delivery: &Delivery) -> Timestamp {
        delivery.event.received_at.saturating_add(self.policy.max_age.get())
    }

    fn is_expired(&self, delivery: &Delivery) -> bool {
        delivery.claimed_at > self.deadline(delivery)
    }

    /// Lets the notifier try, within the time limit, and survives its faults.
    async fn attempt(&self, delivery: &Delivery) -> Result<(), NotifyError> {
        let wording = self.tools.table.wording(&delivery.route).cloned().unwrap_or_default();
        let batch = Batch::of_one(delivery.clone(), Lease(delivery.attempt.into()));
        let notified = AssertUnwindSafe(self.notifier.notify(&batch, &wording)).catch_unwind();
        let limit = self.policy.timeout;
        let ambiguous = |detail| NotifyError::ambiguous(None, detail);
        Err(match tokio::time::timeout(limit.get(), notified).await {
            Ok(Ok(notified)) => return notified.map(drop),
            Ok(Err(_panic)) => {
                let detail = "the notifier panicked; this is a fault in the relay".to_owned();
                NotifyError { reason: Reason::Internal, ..ambiguous(detail) }
            }
            Err(_elapsed) => ambiguous(format!("no answer within {limit}; it may have arrived")),
        })
    }

    fn decide(&self, delivery: &Delivery, error: NotifyError) -> Outcome {
        let NotifyError { next, scope, reason, detail, .. } = error;
        let after = match next {
            Next::GiveUp => return Outcome::Dead { reason, detail },
            Next::Retry { after } => after,
        };
        let now = self.tools.clock.now();
        let next = self.policy.retry.next(delivery.id, delivery.attempt, after, now, self.deadline(delivery));
        let Some(at) = next else {
            return expired(&format!(
                "attempt {} failed ({reason}: {detail}) and `max_age` leaves no time for another",
                delivery.attempt
            ));
        };
        let asked_to_wait = after.is_some() && scope == Scope::Target;
        Outcome::Retry { at, reason, detail, target_paused_until: asked_to_wait.then_some(at) }
    }

    fn report(&self, delivery: &Delivery, outcome: &Outcome, took: Duration) {
        let (id, attempt) = (&delivery.event.id, delivery.attempt);
        let (route, target) = (&delivery.route, &self.target);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let reason = match outcome {
            Outcome::Delivered => {
                tracing::info!(event.id = %id, route.name = %route, target.name = %target, delivery.attempt = attempt, duration_ms, "delivered");
                None
            }
            Outcome::Retry { at, reason, detail, .. } => {
                tracing::warn!(event.id = %id, route.name = %route, target.name = %target, delivery.attempt = attempt, duration_ms, %reason, detail, again_at = %at, "an attempt failed");
                Some(*reason)
            }
            Outcome::Dead { reason, detail } => {
                tracing::error!(event.id = %id, route.name = %route, target.name = %target, delivery.attempt = attempt, duration_ms, %reason, detail, "a delivery was given up");
                Some(*reason)
            }
        };
        self.tools.metrics.settled(target, outcome.as_str(), reason, took);
    }

    /// Tells the store, again and again while the lease lasts: a forgotten success would be sent twice.
    async fn settle(&self, delivery: &Delivery, outcome: Outcome) {
        let raise = self.raised_by(delivery, &outcome);
        let woken: Vec<TargetName> =
            raise.iter().flat_map(|append| &append.owed).map(|owed| owed.target.clone()).collect();
        let at = self.tools.clock.now();
        let settlement = Settlement { delivery: delivery.id, attempt: delivery.attempt, outcome, at, raise };
        let lease_ends = delivery.claimed_at.saturating_add(self.lease());
        loop {
            match self.tools.store.settle(settlement.clone()).await {
                Ok(Settled::Done) => return woken.iter().for_each(|target| self.tools.bell.ring(target)),
                Ok(Settled::Fenced) => {
                    tracing::warn!(event.id = %delivery.event.id, target.name = %self.target, "an attempt outlived its lease");
                    return;
                }
                Err(error) if self.tools.clock.now() < lease_ends => {
                    tracing::error!(event.id = %delivery.event.id, target.name = %self.target, %error, "an outcome could not be recorded; trying again");
                    self.rest().await;
                }
                Err(error) => {
                    tracing::error!(event.id = %delivery.event.id, target.name = %self.target, %error, "an outcome was not recorded; it will be sent again");
                    return;
                }
            }
        }
    }

    /// A dead letter raises `relay.delivery_dead`; one about such a report raises nothing, or they would never end.
    fn raised_by(&self, delivery: &Delivery, outcome: &Outcome) -> Vec<Append> {
        let Outcome::Dead { reason, detail } = outcome else { return Vec::new() };
        if delivery.event.kind == CastAIEvent::Relay(RelayReport::DeliveryDead) {
            return Vec::new();
        }
        let given_up = GivenUp {
            event: &delivery.event,
            route: &delivery.route,
            target: &self.target,
            reason: *reason,
            detail,
            attempts: delivery.attempt,
        };
        let event = relay::delivery_dead(given_up, self.tools.clock.now());
        let owed = self.tools.table.route(&event);
        vec![Append { event, owed }]
    }
}

/// Waits for `work` and lets what is in flight go on meanwhile: a slow store must not make attempts look slow.
async fn beside<T>(in_flight: &mut FuturesUnordered<impl Future<Output = ()>>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = work.as_mut() => return done,
            Some(()) = in_flight.next() => {}
        }
    }
}

fn expired(detail: &str) -> Outcome {
    Outcome::Dead { reason: Reason::Expired, detail: detail.to_owned() }
}
