//! Where events come from, and the one door they all go through.
//!
//! [`webhook`] takes CAST AI's calls; [`verify`] makes "unverified" a type; [`wire`] reads loose JSON into an event.
//! [`notifications`] brings what those calls left out, [`audit_log`] what they never tell, [`drills`] what never happened. [`polling`] is the frame of the
//! sources that are asked; [`pulse`] knows when each source was last heard, [`repeats`] what came again.
//! A source knows the [`Inbox`] and nothing behind it. Next rooms: [`crate::route`] decides what an event owes,
//! [`crate::store`] keeps both.

pub mod audit_log;
pub mod drills;
pub mod kubernetes;
pub mod notifications;
pub mod savings;
pub mod webhook;

pub mod field_path;
mod node_labels;
pub mod polling;
pub mod pulse;
mod repeats;
pub mod samples;
pub mod schedule;
pub mod verify;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use crate::event::act::Deed;
use crate::event::delivery::Owed;
use crate::event::{Event, Timestamp};
use crate::live::Live;
use crate::names::{CursorName, EventId, RouteName, SourceName, TargetName};
use crate::route::{Routed, RoutingTable};
use crate::runtime::{Clock, Doorbell, Lifecycle};
use crate::store::seen::{Entered, Fate, Seen, Ticket};
use crate::store::{Append, Appended, Cursor, Kept, Store, StoreError, StoredEvent};
use crate::telemetry::{Metrics, spans};
use pulse::Pulse;
use repeats::Unwritten;

/// The one door: an event that went through it with `Ok` is durable, routed, and counted once.
pub struct Inbox {
    store: Arc<dyn Store>,
    seen: Seen,
    table: Arc<RoutingTable>,
    bell: Arc<Doorbell>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    pulse: Arc<Pulse>,
    repeats: Unwritten,
    live: Live,
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
    /// The door in front of `store`, routing by `table` and ringing `bell` for whoever has new work. What comes through is
    /// noted in `pulse`.
    pub fn new(
        store: Arc<dyn Store>,
        seen: Seen,
        table: Arc<RoutingTable>,
        bell: Arc<Doorbell>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        pulse: Arc<Pulse>,
    ) -> Self {
        let (repeats, live) = (Unwritten::default(), Live::default());
        Self { store, seen, table, bell, clock, metrics, pulse, repeats, live }
    }

    /// The same, telling those who watch there.
    pub fn telling(self, live: Live) -> Self {
        Self { live, ..self }
    }

    /// The source is there, whether it brings an event or not: it sent something it may send, or it answered.
    pub fn heard(&self, source: &SourceName) {
        self.pulse.heard(source, self.clock.now());
    }

    /// When each source was last heard.
    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Makes the event durable with everything it owes, once: of concurrent calls with one id exactly one returns
    /// `duplicate: false`, and none returns before the event is durable.
    ///
    /// # Errors
    /// When the store could not keep it. Nothing may be promised to the sender then.
    pub async fn accept(&self, event: Event) -> Result<Accepted, StoreError> {
        self.metrics.event_received(&event.source);
        loop {
            match self.seen.enter(&event.id, &event.source, &event.body) {
                Entered::First(ticket) => return self.keep(event, ticket).await,
                Entered::Known { conflict } => return Ok(self.repeat(event.into(), conflict).await),
                Entered::Twin(twin) => match twin.fate().await {
                    Fate::Kept => return Ok(self.repeat(event.into(), twin.conflict).await),
                    Fate::Failed => return Err(not_kept("the first request with this id could not be kept")),
                    Fate::Unknown => continue,
                },
            }
        }
    }

    async fn keep(&self, event: Event, ticket: Ticket<'_>) -> Result<Accepted, StoreError> {
        let (underway, append) = self.routed(event, Some(ticket));
        match self.append(vec![append], None).await.map(|appended| appended.first().copied()) {
            Ok(Some(appended)) => Ok(self.arrived(underway, appended)),
            // A store that says nothing of the event has promised nothing.
            Ok(None) => {
                underway.failed();
                Err(not_kept("the store did not say what became of the event"))
            }
            Err(error) => {
                underway.failed();
                // It may be there all the same.
                self.bell.ring_all();
                Err(error)
            }
        }
    }

    /// The same for many events, and moves `cursor` with them: all of it in one transaction, or nothing. Answers in the
    /// order given. One id twice is one event and a duplicate; without events only the cursor moves.
    ///
    /// # Errors
    /// When the store could not keep them, or the cursor. Then none was kept that was not safe before.
    pub async fn accept_all(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, StoreError> {
        self.accept_each(events.into_iter().map(|event| (event, None)).collect(), cursor).await
    }

    /// The same for one event that an operator wants: the act that it is is kept with it, if it is new.
    ///
    /// # Errors
    /// As [`Inbox::accept_all`].
    pub async fn accept_for(&self, event: Event, cursor: Cursor, deed: Deed) -> Result<Option<Accepted>, StoreError> {
        Ok(self.accept_each(vec![(event, Some(deed))], Some(cursor)).await?.pop())
    }

    async fn accept_each(
        &self,
        events: Vec<(Event, Option<Deed>)>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<Accepted>, StoreError> {
        let mut standing = Vec::with_capacity(events.len());
        let mut appends = Vec::with_capacity(events.len());
        for (event, deed) in events {
            // A drill says nothing of the source whose event it plays.
            if event.drill().is_none() {
                self.metrics.event_received(&event.source);
            }
            let ticket = match self.seen.enter(&event.id, &event.source, &event.body) {
                Entered::Known { conflict } => {
                    standing.push(Standing::Known { repeat: event.into(), conflict });
                    continue;
                }
                Entered::First(ticket) => Some(ticket),
                // Whoever waited for a twin with tickets in hand might be waited for by it. The store judges instead.
                Entered::Twin(_) => None,
            };
            let (underway, append) = self.routed(event, ticket);
            standing.push(Standing::Underway(underway));
            appends.push(Append { deed, ..append });
        }
        match self.append_all(appends, cursor).await {
            Ok(appended) => Ok(self.all_arrived(standing, appended).await),
            Err(error) => {
                standing.into_iter().for_each(Standing::failed);
                self.bell.ring_all();
                Err(error)
            }
        }
    }

    async fn append_all(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Vec<Appended>, StoreError> {
        if appends.is_empty() && cursor.is_none() {
            return Ok(Vec::new());
        }
        let count = appends.len();
        let appended = self.append(appends, cursor).await?;
        match appended.len() == count {
            true => Ok(appended),
            false => Err(not_kept("the store did not say what became of each event")),
        }
    }

    /// Whoever else has something to do because of it is woken.
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Vec<Appended>, StoreError> {
        let Kept { appended, after } = self.store.append(appends, cursor).await?;
        self.metrics.aftermath(&after);
        self.live.aftermath(&after, self.clock.now());
        after.woken.iter().for_each(|target| self.bell.ring(target));
        Ok(appended)
    }

    /// `appended` has an answer for each event that is underway.
    async fn all_arrived(&self, standing: Vec<Standing<'_>>, appended: Vec<Appended>) -> Vec<Accepted> {
        let mut appended = appended.into_iter();
        let mut known = Vec::new();
        let mut accepted = Vec::with_capacity(standing.len());
        for standing in standing {
            match standing {
                Standing::Known { repeat, conflict } => {
                    accepted.push(Accepted { id: repeat.id.clone(), duplicate: true });
                    known.push((repeat, conflict));
                }
                Standing::Underway(underway) => {
                    accepted.extend(appended.next().map(|appended| self.arrived(underway, appended)));
                }
            }
        }
        // Only now that every ticket is given back: this waits for the store.
        for (repeat, conflict) in known {
            self.repeat(repeat, conflict).await;
        }
        accepted
    }

    /// Whether the event is safe with us: then accepting it would be a repeat.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub async fn knows(&self, id: &EventId) -> Result<bool, StoreError> {
        match self.seen.knows(id) {
            true => Ok(true),
            false => self.store.contains(id).await,
        }
    }

    /// What became of an event so far; `None` when it is not kept (any more).
    ///
    /// # Errors
    /// When the store could not be asked.
    pub async fn story(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        self.store.event(id).await
    }

    /// What [`Inbox::accept_all`] was last given under this name; `None` before the first time.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        self.store.cursor(name).await
    }

    fn routed<'a>(&self, event: Event, ticket: Option<Ticket<'a>>) -> (Underway<'a>, Append) {
        let Routed { owed, takers } = self.table.route(&event);
        let underway = Underway {
            id: event.id.clone(),
            source: event.source.clone(),
            received_at: event.received_at,
            type_name: event.type_name().to_owned(),
            is_drill: event.drill().is_some(),
            takers,
            targets: owed.iter().map(|owed| owed.target.clone()).collect(),
            // Where nothing is open, the end of an incident is told to nobody.
            unrouted: owed.iter().all(Owed::is_resolve),
            ticket,
        };
        (underway, Append { event, owed, routed_by: self.table.id(), deed: None })
    }

    /// The event is durable, from now or from before.
    fn arrived(&self, underway: Underway<'_>, appended: Appended) -> Accepted {
        let Underway { id, source, received_at, type_name, is_drill, takers, targets, unrouted, ticket } = underway;
        // After a conflict the ticket is dropped unsaid: the map must not learn the wrong body.
        let conflict = appended == Appended::Duplicate { conflict: true };
        if let Some(ticket) = ticket.filter(|_| !conflict) {
            ticket.kept(self.clock.now());
        }
        match appended {
            Appended::Duplicate { conflict } => self.count_repeat(&id, &source, conflict),
            Appended::New => {
                let now = self.clock.now();
                self.metrics.accepted(&type_name, unrouted);
                self.metrics.routed(&takers, now);
                if !is_drill {
                    self.pulse.brought(&source, now);
                }
                spans::accepted(&id, &source, &type_name, received_at, now);
                tracing::debug!(event.id = %id, event.kind = type_name, deliveries = targets.len(), "accepted an event");
                targets.iter().for_each(|target| self.bell.ring(target));
                self.live.arrived();
            }
        }
        Accepted { id, duplicate: appended != Appended::New }
    }

    /// A repeat the map recognised.
    async fn repeat(&self, repeat: Repeat, conflict: bool) -> Accepted {
        let Repeat { id, source, at } = repeat;
        self.count_repeat(&id, &source, conflict);
        // An oddity is worth a write of its own; what repeats as it may waits for others.
        if self.repeats.add(id.clone(), source, conflict, at) || conflict {
            self.write_repeats_down().await;
        }
        Accepted { id, duplicate: true }
    }

    /// Writes down the repeats that were only counted here so far. The events are safe, so failing fails nobody.
    pub async fn write_repeats_down(&self) {
        let waiting = self.repeats.take();
        if waiting.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_repeats(waiting).await {
            tracing::warn!(%error, "repeats could not be written down; they were answered as such");
        }
    }

    /// Does so every second, until the hard stop.
    pub async fn keep_writing_repeats_down(self: Arc<Self>, life: Lifecycle) {
        while !life.is_stopping() {
            let next = self.clock.now().saturating_add(WRITE_REPEATS_EVERY);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = life.stopping() => {}
            }
            self.write_repeats_down().await;
        }
    }

    fn count_repeat(&self, id: &EventId, source: &SourceName, conflict: bool) {
        self.metrics.event_repeated(source);
        if conflict {
            self.metrics.conflict();
            tracing::warn!(event.id = %id, "an event id came again from its source with another body; the first one stands");
        }
    }
}

/// How long a repeat may be known to this process only.
const WRITE_REPEATS_EVERY: Duration = Duration::from_secs(1);

/// What is told of an event that is safe already.
struct Repeat {
    id: EventId,
    source: SourceName,
    at: Timestamp,
}

impl From<Event> for Repeat {
    fn from(event: Event) -> Self {
        Self { id: event.id, source: event.source, at: event.received_at }
    }
}

/// An event on its way into the store, and what is left to do when it is there.
struct Underway<'a> {
    id: EventId,
    source: SourceName,
    received_at: Timestamp,
    type_name: String,
    is_drill: bool,
    /// The routes that took it.
    takers: Vec<RouteName>,
    targets: Vec<TargetName>,
    /// Whether it owes nothing to anybody.
    unrouted: bool,
    /// Absent when somebody else holds it: then the map learns of the id from them.
    ticket: Option<Ticket<'a>>,
}

impl Underway<'_> {
    fn failed(self) {
        if let Some(ticket) = self.ticket {
            ticket.failed();
        }
    }
}

/// Where an event of several stands until the store has answered.
enum Standing<'a> {
    Known { repeat: Repeat, conflict: bool },
    Underway(Underway<'a>),
}

impl Standing<'_> {
    fn failed(self) {
        if let Self::Underway(underway) = self {
            underway.failed();
        }
    }
}

fn not_kept(detail: &str) -> StoreError {
    StoreError { doing: "keep events", detail: detail.to_owned() }
}
