//! What routes that group, watch for storms or have incidents make an event owe.

use castai_relay::event::delivery::{Grouped, IncidentStep, Phase, StormWatch};
use castai_relay::names::{GroupKey, IncidentKey};

use super::*;

impl Script {
    /// Claims all that may leave now.
    pub async fn claim(&self, store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Vec<Batch> {
        claim_on(store, name, now, &self.terms()).await.batches
    }

    /// Claims the only batch that may leave.
    pub async fn claim_one(&self, store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Batch {
        only(self.claim(store, name, now).await)
    }

    /// Settles at this time.
    pub async fn settle(&self, store: &Arc<dyn Store>, batch: &Batch, how: How, now: Timestamp) -> Settled {
        store.settle(Settlement { at: now, ..ended(batch, how, &self.terms()) }).await.unwrap()
    }

    /// When a claim may find something.
    pub async fn next_due(&self, store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Option<Timestamp> {
        store.next_due(&target(name), now, Arc::new(self.terms())).await.unwrap()
    }
}

/// The names of the events in a batch, in order of arrival.
pub fn told(batch: &Batch) -> Vec<&str> {
    let mut shown: Vec<_> = batch.shown.iter().collect();
    shown.sort_by_key(|delivery| delivery.id);
    shown.into_iter().map(name_of).collect()
}

/// The same for many.
pub fn all_told(batches: &[Batch]) -> Vec<Vec<&str>> {
    batches.iter().map(told).collect()
}

/// The states of all deliveries of an event.
pub async fn states(store: &Arc<dyn Store>, name: &str) -> Vec<DeliveryState> {
    stored(store, name).await.deliveries.iter().map(|row| row.state).collect()
}

fn each_owed(mut append: Append, change: impl Fn(&mut Owed)) -> Append {
    append.owed.iter_mut().for_each(change);
    append
}

/// Owed by this route.
pub fn by_route(append: Append, name: &str) -> Append {
    each_owed(append, |owed| owed.route = route(name))
}

/// With this severity.
pub fn told_as(append: Append, severity: Severity) -> Append {
    each_owed(append, |owed| owed.severity = severity)
}

/// Leaves together with those of the same key, and waits for them for so many seconds.
pub fn grouped(append: Append, key: &str, wait: u64) -> Append {
    let key = GroupKey::from_rendered(key).unwrap();
    each_owed(append, |owed| owed.group = Some(Grouped { key: key.clone(), wait: Duration::from_secs(wait) }))
}

/// Owed by a route with a bucket that three fill and that loses one in ten seconds.
pub fn watched(append: Append) -> Append {
    each_owed(append, |owed| owed.storm = Some(StormWatch { spared: false, ..WATCH }))
}

/// The same, for what goes its own way.
pub fn spared(append: Append) -> Append {
    each_owed(append, |owed| owed.storm = Some(StormWatch { spared: true, ..WATCH }))
}

const WATCH: StormWatch = StormWatch { leaks_every: Duration::from_secs(10), full_at: 3, spared: false };

/// Opens an incident, or adds to it.
pub fn opens(append: Append, key: &str) -> Append {
    step(append, key, Phase::Open, None)
}

/// The same; it ends by itself so many seconds after the last one.
pub fn opens_for(append: Append, key: &str, seconds: u64) -> Append {
    step(append, key, Phase::Open, Some(Duration::from_secs(seconds)))
}

/// Ends an incident.
pub fn ends(append: Append, key: &str) -> Append {
    step(append, key, Phase::Resolve, None)
}

fn step(append: Append, key: &str, phase: Phase, resolve_after: Option<Duration>) -> Append {
    let key = IncidentKey::from_rendered(key).unwrap();
    each_owed(append, |owed| owed.incident = Some(IncidentStep { key: key.clone(), phase, resolve_after }))
}
