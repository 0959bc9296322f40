//! Tries a target out: one message that says it is a test, through the notifier that delivers.
//!
//! It goes past the queue, past silences and past a pause, because whoever asks wants to know whether the target can be
//! told at all. It counts against the target's rate and says nothing about how the target stands: that is for real
//! deliveries to find out. Where the target keeps incidents, one is opened and ended at once.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Map;

use super::Deliverer;
use crate::event::act::Signature;
use crate::event::batch::{Batch, Incident, Lease};
use crate::event::castai::Notification;
use crate::event::delivery::{Delivery, Phase};
use crate::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use crate::names::{DeliveryId, EventId, IncidentKey, RouteName, SourceName};
use crate::notify::NotifyError;
use crate::store::StoreError;
use crate::target::{Obeyed, Order};

/// How long all of it may take: somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a test went.
#[derive(Debug)]
pub struct Trial {
    /// Why the target did not take it; `None` when it did.
    pub failure: Option<NotifyError>,
    /// How long it took.
    pub took: Duration,
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum NotTried {
    /// The rate has nothing left.
    #[error("the target's rate has nothing left until {until}")]
    TooSoon {
        /// When it has.
        until: Timestamp,
    },
    /// Nobody could write down that it was.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Deliverer {
    /// Sends a test message, once that is written down.
    ///
    /// # Errors
    /// When nothing was sent.
    pub async fn try_out(&self, by: Signature) -> Result<Trial, NotTried> {
        let messages = if self.notifier.keeps_incidents() { 2 } else { 1 };
        let order = Order::Test { rate: self.policy.limits().rate, messages };
        let event = test_event(&by);
        if let Obeyed::TooSoon { until } = self.tools.store.order(&self.target, order, by).await? {
            return Err(NotTried::TooSoon { until });
        }
        let started = Instant::now();
        let said = tokio::time::timeout(PATIENCE, self.say(event)).await;
        let failure = match said {
            Ok(said) => said.err(),
            Err(_elapsed) => Some(NotifyError::ambiguous(
                None,
                format!("no answer within {}s; it may have arrived", PATIENCE.as_secs()),
            )),
        };
        let failed = failure.as_ref().map(|error| error.to_string());
        tracing::info!(target.name = %self.target, failed, "a target was tested");
        Ok(Trial { failure, took: started.elapsed() })
    }

    /// Whatever was begun is ended, also where nobody knows whether it began.
    async fn say(&self, event: Event) -> Result<(), NotifyError> {
        if !self.notifier.keeps_incidents() {
            return self.attempt(&self.batch_of(event, None)).await.map(drop);
        }
        let opened = self.attempt(&self.batch_of(event.clone(), Some(Phase::Open))).await;
        let is_begun = opened.as_ref().is_ok_and(|_| true) || opened.as_ref().is_err_and(|error| error.ambiguous);
        let ended = match is_begun {
            true => self.attempt(&self.batch_of(event, Some(Phase::Resolve))).await.map(drop),
            false => Ok(()),
        };
        opened.and(ended)
    }

    fn batch_of(&self, event: Event, phase: Option<Phase>) -> Batch {
        let at = event.received_at;
        let incident = phase.zip(IncidentKey::from_rendered(event.id.as_str())).map(|(phase, key)| Incident {
            key,
            phase,
            opened_at: at,
            opening: None,
            timed_out: false,
        });
        let delivery = Delivery {
            again: None,
            id: DeliveryId::from_row(0),
            route: RouteName::default_targets(),
            target: self.target.clone(),
            severity: event.severity,
            attempt: 1,
            claimed_at: at,
            event,
        };
        Batch { incident, ..Batch::of_one(delivery, Lease(0)) }
    }
}

/// Nothing happened, and it says so.
fn test_event(by: &Signature) -> Event {
    let told = Notification {
        name: Some("TEST from castai-relay".to_owned()),
        message: Some(format!("This is a test: nothing happened, nobody needs to act. {} asked for it.", by.author())),
    };
    Event {
        id: EventId::from_sender(None, &format!("castai-relay-test-{}", by.at.as_millis())),
        source: SourceName::relay(),
        kind: CastAIEvent::Notification(told),
        severity: Severity::Info,
        organization: None,
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: by.at,
        data: Map::new(),
        notes: Vec::new(),
        body: Bytes::new(),
    }
}
