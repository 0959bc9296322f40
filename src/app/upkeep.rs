//! What must be done now and then: forgetting what is older than the retention time.
//!
//! In small steps, so that no event has to wait behind a long transaction.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Span;
use crate::runtime::{Clock, Lifecycle};
use crate::store::Store;
use crate::telemetry::Metrics;

/// How often to look.
const EVERY: Duration = Duration::from_secs(600);
/// Events forgotten in one transaction.
const STEP: usize = 200;

/// The task.
pub struct Upkeep {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    retention: Span,
}

impl Upkeep {
    /// Forgets in `store` what is older than `retention`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>, retention: Span) -> Self {
        Self { store, clock, metrics, retention }
    }

    /// Once at start, then now and then, until the soft stop.
    pub async fn run(self, life: Lifecycle) {
        while !life.is_stopping() {
            self.tidy_up().await;
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().saturating_add(EVERY)) => {}
                () = life.stopping() => {}
            }
        }
    }

    /// Forgets everything that may be forgotten now.
    pub async fn tidy_up(&self) {
        let before = self.clock.now().saturating_sub(self.retention.get());
        loop {
            match self.store.prune(before, STEP).await {
                Ok(pruned) => {
                    self.metrics.pruned(pruned);
                    if pruned < STEP {
                        return;
                    }
                }
                Err(error) => return tracing::error!(%error, "old events could not be forgotten"),
            }
        }
    }
}
