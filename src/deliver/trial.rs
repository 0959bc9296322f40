//! Tries a target out: one message that says it is a test, through the notifier that delivers.
//!
//! It goes past the queue, past silences and past a pause, because whoever asks wants to know whether the target can be
//! told at all. It counts against the target's rate and says nothing about how the target stands: that is for real
//! deliveries to find out. Where the target keeps incidents, one is opened and ended at once, whether or not anybody still waits
//! to hear of it: an incident that a test left open would wake somebody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Map;
use tokio::sync::oneshot;

use super::Deliverer;
use crate::event::act::Signature;
use crate::event::batch::{Batch, Incident, Lease};
use crate::event::castai::Notification;
use crate::event::delivery::{Delivery, Phase};
use crate::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use crate::names::{DeliveryId, EventId, IncidentKey, RouteName, SourceName};
use crate::notify::NotifyError;
use crate::runtime::Lifecycle;
use crate::store::StoreError;
use crate::target::{Obeyed, Order};

/// How long each message may take: somebody waits for it, and a request has time for two by default.
const PATIENCE: Duration = Duration::from_secs(14);

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
    /// Sends a test message, once that is written down. What is begun is brought to its end in `life`, even if the caller goes away.
    ///
    /// # Errors
    /// When nothing was sent.
    pub async fn try_out(self: &Arc<Self>, by: Signature, life: &Lifecycle) -> Result<Trial, NotTried> {
        let messages = if self.notifier.keeps_incidents() { 2 } else { 1 };
        let order = Order::Test { rate: self.policy.limits().rate, messages };
        let event = test_event(&by);
        if let Obeyed::TooSoon { until } = self.tools.store.order(&self.target, order, by).await? {
            return Err(NotTried::TooSoon { until });
        }
        let started = Instant::now();
        let (tell, said) = oneshot::channel();
        let deliverer = self.clone();
        life.spawn_transient(async move {
            let failure = deliverer.say(event).await.err();
            let failed = failure.as_ref().map(|error| error.to_string());
            tracing::info!(target.name = %deliverer.target, failed, "a target was tested");
            // Whoever asked may have gone away.
            let _ = tell.send(failure);
        });
        let cut_short = |_| Some(NotifyError::ambiguous(None, "the relay stopped; it may have arrived".to_owned()));
        let failure = said.await.unwrap_or_else(cut_short);
        Ok(Trial { failure, took: started.elapsed() })
    }

    /// Whatever was begun is ended, also where nobody knows whether it began.
    async fn say(&self, event: Event) -> Result<(), NotifyError> {
        if !self.notifier.keeps_incidents() {
            return self.send(event, None).await;
        }
        let opened = self.send(event.clone(), Some(Phase::Open)).await;
        if opened.as_ref().is_err_and(|error| !error.ambiguous) {
            return opened;
        }
        let ended = self.send(event, Some(Phase::Resolve)).await;
        let left_open = |error: NotifyError| NotifyError {
            detail: format!("the test incident may still be open, because its end failed: {}", error.detail),
            ..error
        };
        ended.map_err(left_open).and(opened)
    }

    /// One message, with a patience of its own: an opening that takes all its time takes none from the end.
    async fn send(&self, event: Event, phase: Option<Phase>) -> Result<(), NotifyError> {
        let sent = tokio::time::timeout(PATIENCE, self.attempt(&self.batch_of(event, phase))).await;
        let late =
            |_| NotifyError::ambiguous(None, format!("no answer within {}s; it may have arrived", PATIENCE.as_secs()));
        sent.unwrap_or_else(|elapsed| Err(late(elapsed))).map(drop)
    }

    fn batch_of(&self, event: Event, phase: Option<Phase>) -> Batch {
        let at = event.received_at;
        let incident = phase.zip(IncidentKey::from_rendered(event.id.as_str())).map(|(phase, key)| Incident {
            key,
            phase,
            severity: event.severity,
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
