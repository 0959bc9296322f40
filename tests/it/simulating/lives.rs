//! The lives of incidents, told again from what was kept and what fell back: which opening belongs to which, and which end came
//! when. How the relay keeps them is not asked.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use castai_relay::event::Timestamp;
use castai_relay::event::delivery::{IncidentStep, Phase};
use castai_relay::names::{DeliveryId, IncidentKey, TargetName};
use castai_relay::store::{DeliveryRow, Origin};

use super::books::Facts;
use super::fallbacks::{When, relying, stands_for};
use super::ledger::Flight;

/// By how much the clocks of those who tell of one incident may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// One incident at one addressee, from its beginning to its end.
pub struct Life {
    pub target: TargetName,
    pub key: IncidentKey,
    pub openings: Vec<DeliveryId>,
    pub end: Option<End>,
    /// It was to end by itself when nothing more was heard of it.
    pub times_out: bool,
    /// The latest event that was heard of.
    last: usize,
    /// Who is told of it, too.
    instead: Option<TargetName>,
    /// All of it ended, and nobody heard of it.
    is_forgotten: bool,
    /// It may have ended by itself where nobody had heard of it, which is not told: who is told of it, too, goes on then.
    pub may_be_forgotten: bool,
    /// Whether it was over is known by the relay only.
    pub is_in_doubt: bool,
}

impl Life {
    fn beginning(target: TargetName, key: IncidentKey, last: usize) -> Self {
        let (openings, end, instead) = Default::default();
        let (times_out, is_forgotten, may_be_forgotten, is_in_doubt) = Default::default();
        Self { target, key, openings, end, times_out, last, instead, is_forgotten, may_be_forgotten, is_in_doubt }
    }
}

/// How it ended.
pub struct End {
    /// When, among all that happened.
    pub at: usize,
    /// What tells of it, if anything does.
    pub told_by: Option<DeliveryId>,
}

/// All of one day.
pub struct Lives {
    pub all: Vec<Life>,
    of_opening: HashMap<DeliveryId, usize>,
}

impl Lives {
    pub fn of(facts: &Facts<'_>) -> Self {
        let mut replay = Replay::new(facts);
        for happens in everything(facts) {
            match happens {
                Happens::Kept(number) => replay.kept(number),
                Happens::Copied(id) => replay.copied(id),
                Happens::FallsBack(id) => replay.falls_back(id),
            }
        }
        for at in 0..replay.all.len() {
            replay.lives(at, usize::MAX);
        }
        Self { all: replay.all, of_opening: replay.of_opening }
    }

    /// Whether what this delivery tells may have gone on when so much had happened.
    pub fn may_go_on(&self, id: DeliveryId, happened: usize) -> bool {
        let life = self.of_opening.get(&id).map(|at| &self.all[*at]);
        life.is_none_or(|life| life.is_in_doubt) || !self.is_over(id, happened)
    }

    /// Whether what this delivery tells was over when so much had happened.
    pub fn is_over(&self, id: DeliveryId, happened: usize) -> bool {
        let life = self.of_opening.get(&id).map(|at| &self.all[*at]);
        let ended = |life: &Life| life.end.as_ref().is_some_and(|end| end.at < happened);
        life.is_some_and(|life| life.is_in_doubt || ended(life))
    }

    /// The end that this delivery tells of.
    pub fn ended_by(&self, id: DeliveryId) -> Option<&Life> {
        self.all.iter().find(|life| life.end.as_ref().is_some_and(|end| end.told_by == Some(id)))
    }
}

#[derive(Clone, Copy)]
enum Happens {
    Kept(usize),
    Copied(DeliveryId),
    FallsBack(DeliveryId),
}

/// In the order in which it happened.
fn everything(facts: &Facts<'_>) -> impl Iterator<Item = Happens> {
    let kept = (0..).zip(&facts.notes.known).map(|(number, known)| (known.kept_as, 0, Happens::Kept(number)));
    let mut all: Vec<_> = kept.collect();
    for (id, (_, row)) in facts.rows.iter().filter(|(_, (_, row))| opens(row)) {
        all.extend(facts.copied.get(id).map(|(at, _)| (*at, id.row(), Happens::Copied(*id))));
        // Right after its copy, where it has one.
        all.extend(facts.fell_back_as(row).map(|(at, _)| (at, i64::MAX, Happens::FallsBack(*id))));
    }
    all.sort_by_key(|(order, nth, _)| (*order, *nth));
    all.into_iter().map(|(.., happens)| happens)
}

pub fn opens(row: &DeliveryRow) -> bool {
    row.owed.incident.as_ref().is_some_and(|step| step.phase == Phase::Open)
}

type Place = (TargetName, IncidentKey);

struct Replay<'a> {
    facts: &'a Facts<'a>,
    all: Vec<Life>,
    of_opening: HashMap<DeliveryId, usize>,
    /// The last one at each place.
    last: HashMap<Place, usize>,
    /// Ends that were owed, by place and event.
    ends: HashMap<(TargetName, IncidentKey, usize), BTreeSet<DeliveryId>>,
    timed_out: HashMap<DeliveryId, (DeliveryId, usize)>,
}

impl<'a> Replay<'a> {
    fn new(facts: &'a Facts<'a>) -> Self {
        let mut ends: HashMap<_, BTreeSet<DeliveryId>> = HashMap::new();
        let by_events = |row: &DeliveryRow| row.owed.is_resolve() && row.origin != Origin::TimedOut;
        for (id, (number, row)) in facts.rows.iter().filter(|(_, (_, row))| by_events(row)) {
            let key = row.owed.incident.as_ref().unwrap().key.clone();
            ends.entry((row.owed.target.clone(), key, *number)).or_default().insert(*id);
        }
        let (of_opening, last) = Default::default();
        Self { facts, all: Vec::new(), of_opening, last, ends, timed_out: timed_out(facts) }
    }

    fn kept(&mut self, number: usize) {
        let facts = self.facts;
        let by_route = |row: &&DeliveryRow| row.origin == Origin::Route && !row.owed.is_resolve();
        let mut rows = facts.stories[number].deliveries.iter().filter(by_route);
        for owed in &facts.notes.known[number].owed {
            match &owed.incident {
                Some(IncidentStep { key, phase: Phase::Resolve, .. }) => self.ends(number, &owed.target, key),
                Some(step) => {
                    let row = rows.next().unwrap();
                    self.opens(row, number, step.resolve_after.is_some());
                }
                None => drop(rows.next()),
            }
        }
    }

    fn opens(&mut self, row: &DeliveryRow, number: usize, times_out: bool) {
        let place = (row.owed.target.clone(), row.owed.incident.as_ref().unwrap().key.clone());
        let now = self.facts.owed_since(row).unwrap();
        let known = self.last.get(&place).copied().filter(|at| self.lives(*at, now.0));
        if let Some(at) = known {
            self.may_be_forgotten(at, now);
        }
        let at = match known.filter(|at| !self.all[*at].is_forgotten) {
            Some(at) => at,
            None => {
                let (target, key) = place.clone();
                self.all.push(Life::beginning(target, key, number));
                self.last.insert(place, self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let life = &mut self.all[at];
        life.openings.push(row.id);
        // What falls back belongs to an earlier event.
        life.last = life.last.max(number);
        life.times_out |= times_out;
        self.of_opening.insert(row.id, at);
    }

    fn copied(&mut self, id: DeliveryId) {
        let (facts, row) = (self.facts, self.facts.row(id));
        let number = facts.rows[&id].0;
        let copied_as = facts.copied[&id].0;
        let mut told_here = relying(&facts.stories[number], &row.owed.target)
            .filter(|other| stands_for(row, other) && facts.fell_back_as(other).is_some_and(|(at, _)| at <= copied_as));
        let of = told_here.next().and_then(|other| self.now_at(other)).filter(|at| self.lives(*at, copied_as));
        let times_out = of.is_some_and(|at| self.all[at].times_out && !self.all[at].may_be_forgotten);
        self.opens(row, number, times_out);
    }

    fn falls_back(&mut self, id: DeliveryId) {
        let row = self.facts.row(id);
        if let Some(here) = self.now_at(row) {
            self.all[here].instead.clone_from(&row.fell_back_to);
        }
    }

    fn now_at(&self, row: &DeliveryRow) -> Option<usize> {
        let key = &row.owed.incident.as_ref()?.key;
        self.last.get(&(row.owed.target.clone(), key.clone())).copied()
    }

    /// An event comes that ends what goes on here.
    fn ends(&mut self, number: usize, target: &TargetName, key: &IncidentKey) {
        let Some(at) = self.last.get(&(target.clone(), key.clone())).copied() else { return };
        let known = &self.facts.notes.known[number];
        let (now, moment) = (known.kept_as, known.at);
        if !self.lives(at, now) || self.is_older(number, self.all[at].last) {
            return;
        }
        let told_by = self.ends.get_mut(&(target.clone(), key.clone(), number)).and_then(BTreeSet::pop_first);
        self.all[at].end = Some(End { at: now, told_by });
        self.may_be_forgotten(at, (now, moment));
        let Some(other) = self.all[at].instead.clone() else { return };
        match self.all[at].may_be_forgotten {
            true => self.doubts(&other, key),
            false => self.ends(number, &other, key),
        }
    }

    /// Whether what goes on here, and wherever it is told instead, was over is known by the relay only.
    fn doubts(&mut self, target: &TargetName, key: &IncidentKey) {
        let Some(at) = self.last.get(&(target.clone(), key.clone())).copied() else { return };
        let is_news = !std::mem::replace(&mut self.all[at].is_in_doubt, true);
        if let Some(other) = self.all[at].instead.clone().filter(|_| is_news) {
            self.doubts(&other, key);
        }
    }

    /// Whether nobody has heard of it yet, and nobody is about to.
    fn may_be_forgotten(&mut self, at: usize, (now, moment): When) {
        let (facts, life) = (self.facts, &mut self.all[at]);
        let is_done = |id: &DeliveryId| facts.ended_at(facts.row(*id)).is_some_and(|(_, ended_as)| ended_as <= now);
        let may_be_told = |flight: &&Flight| flight.may_have_arrived() || flight.settled.is_none();
        let is_told = |id| facts.flights.get(id).is_some_and(|all| all.iter().any(may_be_told));
        let nobody_heard = life.openings.iter().all(|id| is_done(id) && !is_told(id));
        life.is_forgotten |= nobody_heard && life.instead.is_none();
        // What the relay reports of an end is noted before the end itself.
        let is_ending = |id: &DeliveryId| facts.ended_at(facts.row(*id)).is_some_and(|(at, _)| at <= moment);
        let nobody_will = life.openings.iter().all(|id| is_ending(id) && !is_told(id));
        life.may_be_forgotten |= nobody_heard && life.times_out || nobody_will && life.instead.is_none();
    }

    fn is_older(&self, end: usize, last: usize) -> bool {
        let happened = |number: usize| -> Timestamp {
            let event = &self.facts.notes.known[number].event;
            event.occurred_at.unwrap_or(event.received_at)
        };
        happened(end).saturating_add(CLOCKS_DIFFER) < happened(last)
    }

    /// Whether it goes on when so much has happened.
    fn lives(&mut self, at: usize, now: usize) -> bool {
        let life = &mut self.all[at];
        if life.end.is_none() {
            let by_itself = life.openings.iter().max().and_then(|last| self.timed_out.get(last));
            let by_itself = by_itself.filter(|(_, at)| *at < now);
            life.end = by_itself.map(|(id, at)| End { at: *at, told_by: Some(*id) });
        }
        life.end.is_none()
    }
}

/// The ends that nothing but time brought, and when, by the latest opening: by the event of that one they are told, under the
/// next free id.
fn timed_out(facts: &Facts<'_>) -> HashMap<DeliveryId, (DeliveryId, usize)> {
    let ends = facts.rows.values().filter(|(_, row)| row.origin == Origin::TimedOut);
    let of = |number: usize, end: &DeliveryRow| {
        let key = |row: &DeliveryRow| row.owed.incident.as_ref().map(|step| step.key.clone());
        let same = |row: &&DeliveryRow| opens(row) && row.owed.target == end.owed.target && key(row) == key(end);
        let openings = facts.stories[number].deliveries.iter().filter(same);
        openings.map(|row| row.id).filter(|id| *id < end.id).max()
    };
    // It is a claim of its target that looks at the time: where the clock was set back, the first one at that time since nothing
    // of it waits any more.
    let when = |opening: DeliveryId, end: &DeliveryRow| {
        let (row, flights) = (facts.row(opening), facts.flights.get(&opening).map(Vec::as_slice).unwrap_or_default());
        let owed_as = facts.owed_since(row).map(|(owed_as, _)| owed_as);
        let left_as = flights.iter().map(|flight| flight.departed_as.max(flight.settled_as));
        let over_as = left_as.chain(owed_as).chain(facts.ended_at(row).map(|(_, ended_as)| ended_as)).max();
        let claims = facts.notes.claimed[&(end.owed.target.clone(), end.owed_since)].iter().copied();
        claims.filter(|claim| Some(*claim) > over_as).min().unwrap_or(usize::MAX)
    };
    ends.filter_map(|(number, end)| {
        let opening = of(*number, end)?;
        Some((opening, (end.id, when(opening, end))))
    })
    .collect()
}
