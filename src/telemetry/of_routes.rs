//! What is counted of routes: how many events each took, and when it last took one.
//!
//! Kept beside the metric, because people look at a routing table with both. Every route counts that takes an event, also one
//! that tells nobody. The one door to it is [`super::Metrics`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::event::Timestamp;
use crate::names::RouteName;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: String,
}

/// What a route took since the relay started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RouteHits {
    /// How many events; repeats are none.
    pub events: u64,
    /// When it took the last one; `None` before the first.
    pub last_at: Option<Timestamp>,
}

/// The numbers of all routes.
#[derive(Debug, Default)]
pub(super) struct RouteMetrics {
    routed: Family<OfRoute, Counter>,
    /// Looked up for each event, so without making labels.
    known: RwLock<HashMap<RouteName, Arc<Taken>>>,
}

#[derive(Debug)]
struct Taken {
    events: Counter,
    last_at: AtomicI64,
}

impl Taken {
    const NEVER: i64 = i64::MIN;
}

impl RouteMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "New events that a route took, also where it tells nobody";
        registry.register("routed_events", help, self.routed.clone());
    }

    /// Shows a route before it takes anything.
    pub(super) fn start_at_zero(&self, route: &RouteName) {
        self.of(route);
    }

    pub(super) fn took(&self, route: &RouteName, at: Timestamp) {
        let taken = self.of(route);
        taken.events.inc();
        // Relaxed: nobody concludes anything from it about other memory.
        taken.last_at.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    pub(super) fn hits(&self, route: &RouteName) -> RouteHits {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let Some(taken) = known.get(route) else { return RouteHits::default() };
        let last_at = taken.last_at.load(Ordering::Relaxed);
        let last_at = (last_at != Taken::NEVER).then(|| Timestamp::from_millis(last_at));
        RouteHits { events: taken.events.get(), last_at }
    }

    fn of(&self, route: &RouteName) -> Arc<Taken> {
        if let Some(taken) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(route) {
            return taken.clone();
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let events = self.routed.get_or_create_owned(&OfRoute { route: route.to_string() });
            Arc::new(Taken { events, last_at: AtomicI64::new(Taken::NEVER) })
        };
        known.entry(route.clone()).or_insert_with(new).clone()
    }
}

#[cfg(test)]
#[path = "tests/of_routes.rs"]
mod tests;
