//! What is written down of a day by those who look on: what was kept, what left, what came of it. Independent of how the relay
//! counts: it knows only what went in and out of the store, and what the addressees saw.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use castai_relay::event::batch::Batch;
use castai_relay::event::delivery::{Outcome, Owed, Phase, Reason};
use castai_relay::event::{Event, Timestamp};
use castai_relay::names::{DeliveryId, EventId, IncidentKey, RouteName, TargetName};
use castai_relay::store::{Append, Appended, DeliveryState};

/// An event that was kept, in the order of arrival.
#[derive(Debug, Clone)]
pub struct Known {
    pub event: Event,
    pub owed: Vec<Owed>,
    pub at: Timestamp,
    /// Among all claims and settlements, when it was.
    pub kept_as: usize,
}

/// What an addressee answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Taken,
    MessageRefused,
    TargetRefused,
    Busy(Option<Duration>),
    /// It fails, and may ask for a wait; of this message only, or of everything.
    Failed(Option<Duration>, bool),
    Unreachable,
    /// No answer: it may have it.
    Doubt,
    /// The notifier breaks.
    Panic,
}

/// A batch from its claim to its end.
#[derive(Debug, Clone)]
pub struct Flight {
    pub target: TargetName,
    pub lease: i64,
    pub route: RouteName,
    pub deliveries: Vec<DeliveryId>,
    pub is_probe: bool,
    pub is_old: bool,
    pub is_storm: bool,
    pub is_gathered: bool,
    pub is_full: bool,
    pub incident: Option<(IncidentKey, Phase)>,
    /// What the addressee gave for the message that this one follows.
    pub earlier: Option<String>,
    /// Of how many that one told, where it is to be rewritten.
    pub before: Option<usize>,
    pub departed: Timestamp,
    /// Which of all claims and settlements it was.
    pub departed_as: usize,
    pub settled_as: usize,
    /// When the addressee was called, if it was.
    pub began: Option<Timestamp>,
    /// The addressee has it.
    pub arrived: bool,
    pub returned: Option<(Timestamp, Answer)>,
    /// When the process died over it, if it did.
    pub cut_at: Option<Timestamp>,
    /// When the store learned how it ended, and what of it.
    pub settled: Option<(Timestamp, &'static str)>,
}

impl Flight {
    /// Whether somebody may have read it.
    pub fn may_have_arrived(&self) -> bool {
        let in_doubt = || match self.returned {
            Some((_, answer)) => matches!(answer, Answer::Doubt | Answer::Panic),
            None => self.cut_at.is_some(),
        };
        self.began.is_some() && (self.arrived || in_doubt())
    }

    /// Whether the store knows that the addressee took it.
    pub fn is_settled_as_taken(&self) -> bool {
        self.settled.is_some_and(|(_, outcome)| outcome == "delivered")
    }

    /// When the addressee had nothing more to do with it.
    pub fn over_at(&self) -> Option<Timestamp> {
        self.returned.map(|(at, _)| at).or(self.cut_at)
    }
}

/// Something the relay reported of itself.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Dead { target: TargetName, route: RouteName, reason: Reason, at: Timestamp, events: usize },
    Change { target: TargetName, is_closed: bool, at: Timestamp, events: usize },
}

/// A delivery that ended before it was delivered, as it was told to the deliverer.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    pub delivery: DeliveryId,
    pub state: DeliveryState,
    pub reason: Option<Reason>,
    pub at: Timestamp,
    pub ended_as: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Notes {
    pub known: Vec<Known>,
    pub numbers: HashMap<EventId, usize>,
    pub flights: Vec<Flight>,
    pub of_lease: HashMap<(TargetName, i64), usize>,
    pub news: Vec<News>,
    pub endings: Vec<Ending>,
    /// When somebody asked whether nobody is to hear of what this event owes to a target by a route, and it was not so.
    pub spoken: HashMap<(EventId, RouteName, TargetName), Vec<(usize, Timestamp)>>,
    pub changes: usize,
    /// When processes started, among all that happened.
    pub starts: Vec<usize>,
    /// When the clock was set back, among all that happened.
    pub set_back: Vec<usize>,
    pub fell_back: usize,
    /// What was told to the relay and answered as kept.
    pub heard: BTreeSet<EventId>,
    /// What must not be, found while it happened.
    pub faults: Vec<String>,
    /// The story, where somebody wants to read it.
    pub story: Option<String>,
    /// Of the claims of a target at a time, which of all that happened they were.
    pub claimed: HashMap<(TargetName, Timestamp), Vec<usize>>,
    in_flight: HashMap<TargetName, (usize, usize)>,
    claims: (Option<Timestamp>, usize),
    writes: usize,
}

/// More claims than this in one moment are no work but a loop that goes round and round.
const MANY_CLAIMS: usize = 2000;

#[derive(Debug, Default)]
pub struct Ledger(pub Mutex<Notes>);

impl Ledger {
    pub fn telling_the_story(tells: bool) -> Self {
        Self(Mutex::new(Notes { story: tells.then(String::new), ..Notes::default() }))
    }

    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap()
    }

    pub fn tell(&self, at: Timestamp, line: impl FnOnce() -> String) {
        self.notes().tell(at, line);
    }
}

impl Notes {
    pub fn tell(&mut self, at: Timestamp, line: impl FnOnce() -> String) {
        use fmt::Write as _;
        if let Some(story) = &mut self.story {
            writeln!(story, "{at}  {}", line()).unwrap();
        }
    }

    pub fn kept(&mut self, append: Append, appended: Appended, at: Timestamp) {
        let Append { event, owed, routed_by, deed } = append;
        self.tell(at, || format!("kept {} {} {appended:?}{}", event.id, event.type_name(), in_words(&owed)));
        let is_known = self.numbers.contains_key(&event.id);
        if is_known != matches!(appended, Appended::Duplicate { .. }) {
            self.faults.push(format!("{} is {appended:?}, and known before: {is_known}", event.id));
        }
        self.keep(Append { event, owed, routed_by, deed }, at);
    }

    /// Keeps it unless it is known.
    pub fn keep(&mut self, append: Append, at: Timestamp) {
        let number = self.known.len();
        if let std::collections::hash_map::Entry::Vacant(place) = self.numbers.entry(append.event.id.clone()) {
            place.insert(number);
            let kept_as = self.next_write();
            self.known.push(Known { event: append.event, owed: append.owed, at, kept_as });
        }
    }

    pub fn claims(&mut self, target: &TargetName, now: Timestamp) {
        let order = self.next_write();
        self.claimed.entry((target.clone(), now)).or_default().push(order);
        let (at, so_far) = self.claims;
        self.claims = (Some(now), if at == Some(now) { so_far + 1 } else { 0 });
        if self.claims.1 == MANY_CLAIMS {
            self.faults.push(format!("{target} claims and claims at {now}"));
        }
    }

    pub fn departs(&mut self, batch: &Batch) {
        let incident = batch.incident.as_ref();
        let flight = Flight {
            target: batch.target().clone(),
            lease: batch.lease.0,
            route: batch.route().clone(),
            deliveries: batch.deliveries.clone(),
            is_probe: batch.is_probe,
            is_old: batch.is_old,
            is_storm: batch.is_storm,
            is_gathered: batch.is_gathered,
            is_full: batch.is_full,
            incident: incident.map(|incident| (incident.key.clone(), incident.phase)),
            earlier: batch.earlier.as_ref().map(|receipt| receipt.as_str().to_owned()),
            before: batch.before.as_ref().map(|before| before.events() + before.resolved()),
            departed: batch.claimed_at,
            departed_as: self.next_write(),
            settled_as: 0,
            began: None,
            arrived: false,
            returned: None,
            cut_at: None,
            settled: None,
        };
        self.tell(batch.claimed_at, || flight.to_string());
        let known = self.of_lease.insert((flight.target.clone(), flight.lease), self.flights.len());
        if known.is_some() {
            self.faults.push(format!("lease {} of {} was given twice", flight.lease, flight.target));
        }
        self.flights.push(flight);
    }

    /// Counts what happens, so that it is known what was first.
    pub fn next_write(&mut self) -> usize {
        self.writes += 1;
        self.writes
    }

    fn flight(&mut self, batch: &Batch) -> &mut Flight {
        let at = self.of_lease[&(batch.target().clone(), batch.lease.0)];
        &mut self.flights[at]
    }

    /// The addressee is called; `places` at a time are allowed, `old_places` of them for what is old.
    pub fn begins(&mut self, batch: &Batch, places: usize, old_places: usize, now: Timestamp) {
        let in_flight = self.in_flight.entry(batch.target().clone()).or_default();
        in_flight.0 += 1;
        in_flight.1 += usize::from(is_old(batch));
        let (all, old) = *in_flight;
        if all > places || old > old_places {
            let fault =
                format!("{all} ({old} old) at a time at {}, {places} ({old_places}) are allowed", batch.target());
            self.faults.push(fault);
        }
        let flight = self.flight(batch);
        if flight.began.replace(now).is_some() {
            let fault = format!("lease {} of {} was sent twice", batch.lease.0, batch.target());
            self.faults.push(fault);
        }
    }

    pub fn arrives(&mut self, batch: &Batch) {
        self.flight(batch).arrived = true;
    }

    pub fn ends(&mut self, batch: &Batch, answer: Option<Answer>, now: Timestamp) {
        if let Some(in_flight) = self.in_flight.get_mut(batch.target()) {
            in_flight.0 -= 1;
            in_flight.1 -= usize::from(is_old(batch));
        }
        let flight = self.flight(batch);
        match answer {
            Some(answer) => flight.returned = Some((now, answer)),
            None => flight.cut_at = Some(now),
        }
        let (target, lease) = (batch.target(), batch.lease.0);
        self.tell(now, || match answer {
            Some(answer) => format!("{target} answers {lease}: {answer:?}"),
            None => format!("{target} was cut short in {lease}"),
        });
    }

    pub fn settles(&mut self, batch: &Batch, outcome: &Outcome, is_fenced: bool, at: Timestamp) {
        let order = self.next_write();
        let flight = self.flight(batch);
        if !is_fenced {
            (flight.settled, flight.settled_as) = (Some((at, outcome.as_str())), order);
        }
        let (target, lease) = (batch.target(), batch.lease.0);
        self.tell(at, || format!("settled {target} {lease}: {outcome:?}{}", if is_fenced { " (fenced)" } else { "" }));
    }
}

/// What a newcomer takes along does not count against the share of the old.
fn is_old(batch: &Batch) -> bool {
    batch.is_old && batch.deliveries.len() == 1
}

fn in_words(owed: &[Owed]) -> String {
    let step = |owed: &Owed| owed.incident.as_ref().map(|step| format!(" {:?} {}", step.phase, step.key));
    let one = |owed: &Owed| format!("\n      {} by {}{}", owed.target, owed.route, step(owed).unwrap_or_default());
    owed.iter().map(one).collect()
}

impl fmt::Display for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, lease, route, deliveries, incident, .. } = self;
        let ids: Vec<String> = deliveries.iter().map(|id| in_parts(*id)).collect();
        write!(f, "{lease} leaves for {target} by {route}: {}", ids.join(" "))?;
        let marks = [(self.is_probe, "probe"), (self.is_old, "old"), (self.is_storm, "storm"), (self.is_full, "full")];
        marks.iter().filter(|(is, _)| *is).try_for_each(|(_, mark)| write!(f, ", {mark}"))?;
        incident.iter().try_for_each(|(key, phase)| write!(f, ", {phase:?} {key}"))
    }
}

/// `7.0`: the first delivery of the seventh event.
pub fn in_parts(id: DeliveryId) -> String {
    format!("{}.{}", id.row() / 65536, id.row() % 65536)
}
