//! The rules of the queue, the same for every engine: what becomes of deliveries when they are owed, claimed and settled.
//!
//! Written against [`Rows`], the few things an engine can do within one transaction; so an engine knows no rules and the
//! rules know no database. [`owe`] takes deliveries in, [`claim`] lets them leave, [`settle`] records how that ended, [`again`] owes it once more;
//! [`incident`] keeps the order of what belongs to one incident, [`order`] is an operator's word, [`storm`] knows when there is too much, [`fallback`]
//! tells somebody else; [`written`] is what goes into the ledger. Everything here happens in the transaction of its caller, and `now` is given.

pub mod again;
pub mod claim;
pub mod due;
mod end;
mod fallback;
mod gather;
pub mod incident;
pub mod order;
pub mod owe;
pub mod settle;
mod shown;
pub mod storm;
mod time_out;
pub mod written;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::act::Deed;
use crate::event::aftermath::Aftermath;
use crate::event::batch::{Lease, Receipt};
use crate::event::delivery::{Again, Phase, Reason};
use crate::event::ledger::Fact;
use crate::event::tally::Tally;
use crate::event::{Event, Severity, Timestamp};
use crate::names::{DeliveryId, GroupKey, IncidentKey, RouteName, TargetName};
use crate::store::{Append, DeliveryState};
use crate::target::TargetState;
pub use incident::IncidentRow;
pub use shown::Beside;
pub use storm::StormClock;

/// What has waited for longer than this is old: fresh news may overtake it.
pub const FRESH_FOR: Duration = Duration::from_secs(60);

/// Deliveries one event can have: the width of `n` in a delivery's id, (number of the event) * 65536 + n.
pub const PER_EVENT: i64 = 1 << 16;

/// The number of the event that owes this delivery.
pub fn event_of(id: DeliveryId) -> i64 {
    id.row().div_euclid(PER_EVENT)
}

/// A delivery as the queue sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: DeliveryId,
    /// The route that owes it.
    pub route: RouteName,
    /// Where it must go.
    pub target: TargetName,
    /// The severity to tell it with.
    pub severity: Severity,
    /// What it may leave together with.
    pub group: Option<GroupKey>,
    /// Whether a storm of its route sweeps it up.
    pub swept: bool,
    /// Whether it came in a storm: then it leaves as part of one, however long that takes.
    pub stormed: bool,
    /// What it does to an incident.
    pub incident: Option<Step>,
    /// Why it is owed.
    pub origin: Origin,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Whether an attempt at it failed.
    pub tried: bool,
    /// True while it waits for an earlier one of its incident.
    pub behind: bool,
    /// For a `Resolve` step: somebody was told what it ends. For all others: an attempt may have arrived of which nobody knows.
    pub told: bool,
    /// Who holds it.
    pub held: Option<Lease>,
    /// True when its holder is gone and nobody knows how the attempt ended.
    pub interrupted: bool,
    /// Not before this; while it is held, when the lease ends.
    pub due_at: Timestamp,
    /// Since when it is owed: when its event was received, or its incident timed out.
    pub received_at: Timestamp,
    /// Who is told of it instead, too.
    pub fell_back_to: Option<TargetName>,
    /// That it was told before and is told again.
    pub again: Option<Again>,
    /// Of a dead letter: what it opened is over, so nobody is to hear of it any more.
    pub over: bool,
}

impl Row {
    /// One that a route owes since `now`, plain, and that nobody has tried to deliver.
    pub fn owed(id: DeliveryId, route: RouteName, target: TargetName, severity: Severity, now: Timestamp) -> Self {
        Self {
            id,
            route,
            target,
            severity,
            group: None,
            swept: false,
            stormed: false,
            incident: None,
            origin: Origin::Route,
            state: DeliveryState::Pending,
            attempts: 0,
            tried: false,
            behind: false,
            told: false,
            held: None,
            interrupted: false,
            due_at: now,
            received_at: now,
            fell_back_to: None,
            again: None,
            over: false,
        }
    }

    /// Whether it is news: never tried, and due for less than [`FRESH_FOR`].
    pub fn is_fresh_at(&self, now: Timestamp) -> bool {
        !self.tried && self.due_at > claim::fresh_since(now)
    }

    /// Whether a running attempt holds it.
    pub fn is_held_at(&self, now: Timestamp) -> bool {
        self.held.is_some() && self.due_at > now
    }

    /// Asked of one that nobody holds: whether an attempt at it was begun, and nobody knows how it ended.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted || self.held.is_some()
    }
}

/// What a delivery does to an incident, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which incident.
    pub key: IncidentKey,
    /// Whether it opens it or ends it.
    pub phase: Phase,
    /// The delivery that opened it: for a `Resolve` step only.
    pub opened_by: Option<DeliveryId>,
}

/// Why a delivery is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A route says so.
    Route,
    /// Another target did not take it, or was paused for too long.
    Fallback,
    /// Nothing more was heard of an incident.
    TimedOut,
    /// Somebody wants it told again.
    Replay,
}

/// How a delivery ended without being delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nobody wanted to hear of it at that time.
    Silenced {
        /// Which silence, or which hours.
        detail: String,
    },
    /// What it would have told was over before it left.
    Superseded {
        /// By what.
        detail: String,
    },
    /// Given up: a dead letter.
    Dead {
        /// Why.
        reason: Reason,
        /// The same in words, without secrets.
        detail: String,
    },
}

impl End {
    /// The state it leads to.
    pub fn state(&self) -> DeliveryState {
        match self {
            Self::Silenced { .. } => DeliveryState::Silenced,
            Self::Superseded { .. } => DeliveryState::Superseded,
            Self::Dead { .. } => DeliveryState::Dead,
        }
    }

    /// Why, in words.
    pub fn detail(&self) -> &str {
        match self {
            Self::Silenced { detail } | Self::Superseded { detail } | Self::Dead { detail, .. } => detail,
        }
    }

    /// The reason of a dead letter.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Dead { reason, .. } => Some(*reason),
            _ => None,
        }
    }
}

/// When what leaves together may leave again, and what the target gave for it last time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot {
    /// Nothing of it leaves before this.
    pub not_before: Option<Timestamp>,
    /// True while a batch of it is held; then `not_before` is the end of the lease.
    pub held: bool,
    /// Since when there is the storm that it tells of.
    pub storm_since: Option<Timestamp>,
    /// What the target gave for the last message about this storm, and about no incident for itself.
    pub receipt: Option<Receipt>,
    /// What that message tells, where it is to be rewritten.
    pub told: Option<Tally>,
}

/// What leaves together: the name of a [`Slot`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SlotName {
    /// Where it goes.
    pub target: TargetName,
    /// The route that owes it.
    pub route: RouteName,
    /// Which of the route's deliveries.
    pub which: Which,
}

/// Which of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Among {
    /// All of it.
    All,
    /// What belongs to no incident, where the target keeps incidents itself.
    WithoutIncident,
    /// One step of one incident, where the target keeps incidents itself.
    Step(IncidentKey, Phase),
}

/// Which deliveries of a route leave together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Which {
    /// Those of one group.
    Group(GroupKey, Among),
    /// All that a storm sweeps up; what belongs to incidents only if the flag is set.
    Storm {
        /// Whether what belongs to an incident is among them.
        with_incidents: bool,
    },
}

/// Which deliveries may leave next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Never tried, and waiting for less than [`FRESH_FOR`].
    Fresh,
    /// All others that are due.
    Old,
    /// Of all that are due, the ones that a closed target is to be tried with: fresh news, then what was never tried, then
    /// what was tried longest ago.
    Probe,
}

/// What an engine can do within one transaction. Rows are pending ones unless something else is said; those that are held
/// by a running attempt are due when its lease ends.
pub trait Rows {
    /// What the database says when it cannot.
    type Error;

    /// How a target stands; as at first when nothing is kept of it.
    fn target(&mut self, name: &TargetName) -> Result<TargetState, Self::Error>;
    /// Keeps how a target stands.
    fn keep_target(&mut self, name: &TargetName, state: &TargetState) -> Result<(), Self::Error>;
    /// Keeps what an operator did, under the next number.
    fn keep_act(&mut self, deed: Deed) -> Result<(), Self::Error>;

    /// Keeps a new delivery under its id.
    fn insert(&mut self, row: &Row) -> Result<(), Self::Error>;
    /// A free id beside the other deliveries of the same event; `None` when there are too many, or the event is gone.
    fn sibling(&mut self, of: DeliveryId) -> Result<Option<DeliveryId>, Self::Error>;
    /// Whether another delivery of the same event left it to others to tell `target`.
    fn is_relied_on(&mut self, of: DeliveryId, target: &TargetName) -> Result<bool, Self::Error>;
    /// All that the event of this delivery owes and owed, itself included, in order of their ids.
    fn of_event(&mut self, of: DeliveryId) -> Result<Vec<Row>, Self::Error>;
    /// The highest id there is.
    fn last_id(&mut self) -> Result<i64, Self::Error>;
    /// A delivery in whatever state.
    fn row(&mut self, id: DeliveryId) -> Result<Option<Row>, Self::Error>;
    /// A delivery that was read some time ago, as it is now: what becomes of one of an incident may change the others.
    fn as_it_is(&mut self, row: &Row) -> Result<Row, Self::Error> {
        let now = if row.incident.is_some() { self.row(row.id)? } else { None };
        Ok(now.unwrap_or_else(|| row.clone()))
    }
    /// Writes back what may change of a pending delivery: `attempts`, `tried`, `behind`, `told`, `held`, `interrupted`,
    /// `due_at`, `fell_back_to`.
    fn update(&mut self, row: &Row) -> Result<(), Self::Error>;
    /// Why the last attempt failed; shown with a pending delivery.
    fn note_failure(&mut self, id: DeliveryId, reason: Reason, detail: &str) -> Result<(), Self::Error>;
    /// Why the last attempt failed, in words.
    fn last_failure(&mut self, id: DeliveryId) -> Result<Option<String>, Self::Error>;
    /// Ends a delivery that the target took.
    fn end_delivered(&mut self, id: DeliveryId, receipt: Option<&Receipt>, at: Timestamp) -> Result<(), Self::Error>;
    /// Makes a dead letter pending again, as `row` says.
    fn revive(&mut self, row: &Row) -> Result<(), Self::Error>;
    /// Ends a delivery in another way.
    fn end(&mut self, id: DeliveryId, end: &End, at: Timestamp) -> Result<(), Self::Error>;

    /// The one of `lane` that is next and does not wait behind another. But for probes: of those that were never tried, the one that is due
    /// since longest; of those that were, the one that came first, so that a failure does not cost it its place; of these two,
    /// the one that came first.
    fn head(&mut self, target: &TargetName, lane: Lane, now: Timestamp) -> Result<Option<Row>, Self::Error>;
    /// Those that leave together and are not held at `now`, in order of arrival.
    fn gather(&mut self, of: &SlotName, now: Timestamp, limit: usize) -> Result<Vec<Row>, Self::Error>;
    /// Makes those that leave together, wait behind nobody and are due at `now`, due at `until`. Whoever is due in between is
    /// put off when its time has come.
    fn postpone(&mut self, of: &SlotName, now: Timestamp, until: Timestamp) -> Result<(), Self::Error>;
    /// Makes those that leave together, are not held and are due exactly at `from`, due at `to`.
    fn reschedule(&mut self, of: &SlotName, from: Timestamp, to: Timestamp) -> Result<(), Self::Error>;
    /// Those of one incident, in order of arrival, from the one after `after`.
    fn of_incident(
        &mut self,
        target: &TargetName,
        key: &IncidentKey,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Row>, Self::Error>;
    /// The last one of an incident.
    fn last_of_incident(&mut self, target: &TargetName, key: &IncidentKey) -> Result<Option<Row>, Self::Error>;
    /// The dead letters of one incident that opened it, or added to it, and that nobody said to be over: in order of arrival,
    /// from the one after `after`.
    fn dead_openings(
        &mut self,
        target: &TargetName,
        key: &IncidentKey,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, Self::Error>;
    /// What this dead letter opened is over.
    fn is_over(&mut self, dead: DeliveryId) -> Result<(), Self::Error>;
    /// Those of `target` with a higher id than `after` that have not fallen back, in order of their ids.
    fn not_fallen_back(&mut self, target: &TargetName, after: i64, limit: usize) -> Result<Vec<Row>, Self::Error>;

    /// The incident of this key at `target`.
    fn incident(&mut self, target: &TargetName, key: &IncidentKey) -> Result<Option<IncidentRow>, Self::Error>;
    /// Keeps it.
    fn keep_incident(&mut self, target: &TargetName, key: &IncidentKey, row: &IncidentRow) -> Result<(), Self::Error>;
    /// Forgets it.
    fn forget_incident(&mut self, target: &TargetName, key: &IncidentKey) -> Result<(), Self::Error>;
    /// The incident at `target` that ends by itself first: its key and when.
    fn first_to_time_out(&mut self, target: &TargetName) -> Result<Option<(IncidentKey, Timestamp)>, Self::Error>;

    /// When what leaves together may leave again.
    fn slot(&mut self, name: &SlotName) -> Result<Slot, Self::Error>;
    /// Keeps it.
    fn keep_slot(&mut self, name: &SlotName, slot: &Slot) -> Result<(), Self::Error>;
    /// Forgets some slots of `target` that nothing has left from since `before`.
    fn forget_slots(&mut self, target: &TargetName, before: Timestamp) -> Result<(), Self::Error>;
    /// The bucket of a route.
    fn storm(&mut self, route: &RouteName) -> Result<StormClock, Self::Error>;
    /// Keeps it.
    fn keep_storm(&mut self, route: &RouteName, clock: StormClock) -> Result<(), Self::Error>;

    /// What the target gave for a delivery it took.
    fn receipt(&mut self, id: DeliveryId) -> Result<Option<Receipt>, Self::Error>;
    /// The event that owes a delivery, or why it cannot be read.
    fn event(&mut self, of: DeliveryId, with_body: bool) -> Result<Result<Event, String>, Self::Error>;
    /// Writes down in the ledger of the event of this number what happened.
    fn note(&mut self, event: i64, at: Timestamp, fact: &Fact) -> Result<(), Self::Error>;
    /// Keeps an event that this gave rise to, with what it owes, unless it is known.
    fn raise(&mut self, append: Append, after: &mut Aftermath) -> Result<(), Self::Error>;
}
