//! What leaves together in one message: one delivery, or many told as one.
//!
//! Plain values. Which deliveries leave together is decided where they are claimed, in [`crate::store`]; how it reads is
//! for [`crate::notify`]. [`super::tally`] counts what a batch is about.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::delivery::{Delivery, Phase};
use super::tally::Tally;
use super::{Event, Severity, Timestamp};
use crate::names::{DeliveryId, IncidentKey, RouteName, TargetName};

/// Deliveries of one route to one target that are sent as one message: ours to attempt until the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Who holds the deliveries: the fence. A settlement by an older holder changes nothing.
    pub lease: Lease,
    /// Which attempt this is, from 1: of the delivery in it that was tried most often.
    pub attempt: u32,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// Since when the first of them is owed: what it may become old from.
    pub owed_since: Timestamp,
    /// True when the target is closed and this finds out whether it is well again.
    pub is_probe: bool,
    /// True when it was tried before, or had to wait for long: fresh news may overtake it.
    pub is_old: bool,
    /// True when the route is in a storm and this is what it swept together.
    pub is_storm: bool,
    /// True when it leaves as a group or storm, whose next message has to wait for its time.
    pub is_gathered: bool,
    /// True when there was no room for more.
    pub is_full: bool,
    /// All of them, in order of arrival; never empty.
    pub deliveries: Vec<DeliveryId>,
    /// The ones to show: the only one, or the most severe of many, most severe first; never empty, at most
    /// [`Batch::MAX_SHOWN`]. Of many, the raw bodies are left out, and so are those that end incidents unless all do.
    pub shown: Vec<Delivery>,
    /// What they are about, when they are many.
    pub tally: Option<Tally>,
    /// The event of the first of them, with its raw body, when they are many. It stays the same when a later attempt
    /// carries more, or worse.
    pub first_event: Option<Arc<Event>>,
    /// The incident, when all of them do the same to the same one.
    pub incident: Option<Incident>,
    /// What the target gave us for the last message about this incident, or else of this storm: to edit it, or to
    /// answer below it.
    pub earlier: Option<Receipt>,
    /// What the one message of its storm told before, where that is to be rewritten: this one is then told as all of it
    /// together, and `earlier` is the message. The same for each attempt, so that to write it twice does no harm.
    pub before: Option<Tally>,
}

impl Batch {
    /// How many of many are shown in full at most.
    pub const MAX_SHOWN: usize = 20;

    /// A delivery that leaves alone.
    pub fn of_one(delivery: Delivery, lease: Lease) -> Self {
        Self {
            lease,
            attempt: delivery.attempt,
            claimed_at: delivery.claimed_at,
            owed_since: delivery.event.received_at,
            is_probe: false,
            is_old: false,
            is_storm: false,
            is_gathered: false,
            is_full: false,
            deliveries: vec![delivery.id],
            shown: vec![delivery],
            tally: None,
            first_event: None,
            incident: None,
            earlier: None,
            before: None,
        }
    }

    /// The delivery that stands for all: the only one, or the most severe one.
    ///
    /// # Panics
    /// Never: a batch is not empty.
    #[expect(clippy::indexing_slicing, reason = "a batch is made of at least one delivery")]
    pub fn lead(&self) -> &Delivery {
        &self.shown[0]
    }

    /// What they are about, if they are many: then they are told as one story, not as an event.
    pub fn many(&self) -> Option<&Tally> {
        self.tally.as_ref().filter(|_| self.deliveries.len() > 1)
    }

    /// What its message is about, if that is to be read as one story of many: with what the message told before.
    pub fn story(&self) -> Option<Cow<'_, Tally>> {
        match self.before {
            Some(_) => Some(Cow::Owned(self.in_all())),
            None => self.many().map(Cow::Borrowed),
        }
    }

    /// What it is about, together with what its message told before.
    pub fn in_all(&self) -> Tally {
        let mut all = self.before.clone().unwrap_or_default();
        match self.many() {
            Some(own) => all.merge(own),
            None => {
                let mut own = Tally::default();
                own.add(&self.lead().event, self.lead().severity);
                all.merge(&own);
            }
        }
        all
    }

    /// Whether it tells of a storm, and of no incident for itself: such messages about one storm can be one.
    pub fn tells_a_storm(&self) -> bool {
        self.is_storm && self.incident.is_none()
    }

    /// Whether it tells of one incident, or of one storm: then its message may be answered or changed for the sake of that.
    pub fn is_one_story(&self) -> bool {
        self.incident.is_some() || self.is_storm
    }

    /// The message to change instead of writing another one, where the target lets messages be changed: an incident's end is
    /// written into what told of its beginning, and what follows in a storm into the one message of that storm.
    pub fn to_change(&self) -> Option<&Receipt> {
        let ends = self.incident.as_ref().is_some_and(|incident| incident.phase == Phase::Resolve);
        self.earlier.as_ref().filter(|_| ends || self.before.is_some())
    }

    /// The route that owes it.
    pub fn route(&self) -> &RouteName {
        &self.lead().route
    }

    /// Where it goes.
    pub fn target(&self) -> &TargetName {
        &self.lead().target
    }

    /// The severity to tell it with: the highest of them.
    pub fn severity(&self) -> Severity {
        self.lead().severity
    }

    /// What makes two attempts the same message for targets that can tell: the first delivery in it, which stays the first
    /// one when later attempts carry more.
    pub fn first(&self) -> DeliveryId {
        self.deliveries.first().copied().unwrap_or(self.lead().id)
    }

    /// The event of the first delivery: the same as [`Batch::first`] for targets that know nothing of our rows.
    pub fn first_event(&self) -> &Event {
        self.first_event.as_deref().unwrap_or(&self.lead().event)
    }
}

/// How a route's deliveries to one target are gathered into batches: what the claim must know beyond their rows. For a route
/// that is gone, nothing: each leaves alone, when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gathering {
    /// For deliveries of one group; `None` when the route has no groups.
    pub group: Option<Pace>,
    /// For what a storm sweeps together; `None` when the route watches for none.
    pub storm: Option<Pace>,
}

/// How often batches leave, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From one batch to the next.
    pub interval: Duration,
    /// The most deliveries in one batch; what is beyond follows at once. At least 2.
    pub max_events: usize,
}

/// Who holds claimed deliveries: a number that each claim of a target has for itself, across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease(pub i64);

/// The incident that a batch opens, adds to or ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// What it is called.
    pub key: IncidentKey,
    /// What happens to it.
    pub phase: Phase,
    /// The severity it was opened with, by which it is known for as long as it is open.
    pub severity: Severity,
    /// When the event that opened it was received.
    pub opened_at: Timestamp,
    /// The event that opened it, when it ends and if it is still kept. Without its raw body.
    pub opening: Option<Arc<Event>>,
    /// True when it ends because nothing more was heard of it; the event in hand is then the last one that was.
    pub timed_out: bool,
}

/// What a target gave for a message it took, such as an id: handed back with the next message about the same incident or
/// storm, so that the first one can be edited or answered. Only the notifier knows what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(Arc<str>);

impl Receipt {
    /// How long it may be.
    pub const MAX_BYTES: usize = 1024;

    /// Keeps what the target gave; `None` when it is empty or longer than any id.
    pub fn new(text: &str) -> Option<Self> {
        (1..=Self::MAX_BYTES).contains(&text.len()).then(|| Self(text.into()))
    }

    /// As the target gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
