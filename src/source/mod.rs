//! Where events come from, and the one door they all go through.
//!
//! [`webhook`] takes CAST AI's calls; [`verify`] makes "unverified" a type; [`wire`] reads loose JSON into an event.
//! A source knows the [`Inbox`] and nothing behind it. Next rooms: [`crate::route`] decides what an event owes,
//! [`crate::store`] keeps both.

pub mod webhook;

pub mod field_path;
pub mod polling;
pub mod verify;
pub mod wire;

use std::sync::Arc;

use crate::event::Event;
use crate::names::EventId;
use crate::route::RoutingTable;
use crate::runtime::{Clock, Doorbell};
use crate::store::seen::{Entered, Fate, Seen, Ticket};
use crate::store::{Append, Appended, Store, StoreError};
use crate::telemetry::Metrics;

/// The one door: an event that went through it with `Ok` is durable, routed, and counted once.
pub struct Inbox {
    store: Arc<dyn Store>,
    seen: Seen,
    table: Arc<RoutingTable>,
    bell: Arc<Doorbell>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

/// An event that is safe with us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id, as made from the sender's or from the content.
    pub id: EventId,
    /// True when it was safe before this call: nothing new is owed.
    pub duplicate: bool,
}

impl Inbox {
    /// The door in front of `store`, routing by `table` and ringing `bell` for whoever has new work.
    pub fn new(
        store: Arc<dyn Store>,
        seen: Seen,
        table: Arc<RoutingTable>,
        bell: Arc<Doorbell>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { store, seen, table, bell, clock, metrics }
    }

    /// Makes the event durable with everything it owes, once: of concurrent calls with one id exactly one returns
    /// `duplicate: false`, and none returns before the event is durable.
    ///
    /// # Errors
    /// When the store could not keep it. Nothing may be promised to the sender then.
    pub async fn accept(&self, event: Event) -> Result<Accepted, StoreError> {
        loop {
            match self.seen.enter(&event.id, &event.body) {
                Entered::First(ticket) => return self.keep(event, ticket).await,
                Entered::Known { same_body } => return Ok(self.repeat(event.id, same_body).await),
                Entered::Twin(twin) => match twin.fate().await {
                    Fate::Kept => return Ok(self.repeat(event.id, twin.same_body).await),
                    Fate::Failed => return Err(not_kept("the first request with this id could not be kept")),
                    Fate::Unknown => continue,
                },
            }
        }
    }

    async fn keep(&self, event: Event, ticket: Ticket<'_>) -> Result<Accepted, StoreError> {
        let owed = self.table.route(&event);
        let id = event.id.clone();
        let type_name = event.type_name().to_owned();
        let targets: Vec<_> = owed.iter().map(|owed| owed.target.clone()).collect();
        match self.store.append(vec![Append { event, owed }]).await.map(|appended| appended.first().copied()) {
            Ok(Some(Appended::Duplicate { same_body })) => {
                // With another body the ticket is dropped unsaid: the map must not learn the wrong one.
                if same_body {
                    ticket.kept(self.clock.now());
                }
                self.count_repeat(&id, same_body);
                Ok(Accepted { id, duplicate: true })
            }
            Ok(Some(Appended::New)) => {
                ticket.kept(self.clock.now());
                self.metrics.accepted(&type_name, targets.is_empty());
                tracing::debug!(event.id = %id, event.kind = type_name, deliveries = targets.len(), "accepted an event");
                targets.iter().for_each(|target| self.bell.ring(target));
                Ok(Accepted { id, duplicate: false })
            }
            // A store that says nothing of the event has promised nothing.
            Ok(None) => {
                ticket.failed();
                Err(not_kept("the store did not say what became of the event"))
            }
            Err(error) => {
                ticket.failed();
                Err(error)
            }
        }
    }

    /// A repeat the map recognised. The event is safe already, so failing to note an oddity fails nobody.
    async fn repeat(&self, id: EventId, same_body: bool) -> Accepted {
        self.count_repeat(&id, same_body);
        if !same_body && let Err(error) = self.store.note_conflict(&id).await {
            tracing::warn!(event.id = %id, %error, "a conflicting repeat could not be noted");
        }
        Accepted { id, duplicate: true }
    }

    fn count_repeat(&self, id: &EventId, same_body: bool) {
        if !same_body {
            self.metrics.conflict();
            tracing::warn!(event.id = %id, "an event id came again with another body; the first one stands");
        }
    }
}

fn not_kept(detail: &str) -> StoreError {
    StoreError { doing: "keep events", detail: detail.to_owned() }
}
