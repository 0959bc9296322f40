//! The books: what was owed is what there is, and every delivery ends once, with what belongs to that.

use std::collections::{BTreeMap, HashMap};

use castai_relay::event::Timestamp;
use castai_relay::event::delivery::{Owed, Phase, Reason};
use castai_relay::names::{DeliveryId, TargetName};
use castai_relay::store::{Backlog, DeliveryRow, DeliveryState, Origin, Store, StoredEvent};
use serde_json::Value;

use super::fallbacks::{self, When};
use super::ledger::{Ending, Flight, News, Notes, in_parts};
use super::lives::Lives;
use super::plan::{Addressee, Plan};
use super::time::wait_for;
use super::world::{Silenced, World};
use super::{alarms, gathering, incidents, rewriting, sends};

/// Rows that were seen to have ended, and how.
pub type Ended = HashMap<DeliveryId, (DeliveryState, Option<Reason>)>;

/// A broken promise is an error.
pub fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Everything there is to judge by.
pub struct Facts<'a> {
    pub plan: &'a Plan,
    pub notes: &'a Notes,
    pub silenced: &'a [Silenced],
    pub stories: Vec<StoredEvent>,
    /// Of each delivery, the number of its event, and its row.
    pub rows: HashMap<DeliveryId, (usize, DeliveryRow)>,
    /// The flights that held it, in order.
    pub flights: HashMap<DeliveryId, Vec<&'a Flight>>,
    /// What was told of their endings.
    pub endings: HashMap<DeliveryId, Vec<&'a Ending>>,
    /// When each copy for a fallback was made.
    pub copied: HashMap<DeliveryId, When>,
}

pub fn audit(world: &mut World, is_end: bool) -> Result<(), String> {
    let ledger = world.ledger.clone();
    let notes = ledger.notes();
    let facts = Facts::of(&world.plan, &notes, &world.silenced, stories(&notes, &*world.store)?);
    ends_stay(&mut world.ended, &facts.rows)?;
    facts.agree_with(&wait_for(world.store.backlog()).unwrap())?;
    if is_end { facts.at_the_end() } else { facts.books_balance() }
}

/// Everything that was kept, as it is now.
pub fn stories(notes: &Notes, store: &dyn Store) -> Result<Vec<StoredEvent>, String> {
    let ids = notes.known.iter().map(|known| &known.event.id);
    ids.map(|id| wait_for(store.event(id)).unwrap().ok_or_else(|| format!("{id} was kept and is gone"))).collect()
}

fn ends_stay(ended: &mut Ended, rows: &HashMap<DeliveryId, (usize, DeliveryRow)>) -> Result<(), String> {
    for (_, row) in rows.values().filter(|(_, row)| row.state != DeliveryState::Pending) {
        let now = (row.state, row.reason);
        let first = *ended.entry(row.id).or_insert(now);
        must(first == now, || format!("{} ended as {first:?}, then as {now:?}", in_parts(row.id)))?;
    }
    match ended.keys().find(|id| rows.get(id).is_none_or(|(_, row)| row.state == DeliveryState::Pending)) {
        Some(id) => Err(format!("{} had ended and has not any more", in_parts(*id))),
        None => Ok(()),
    }
}

/// What two rows must have in common to be the same debt.
pub fn debt(owed: &Owed) -> String {
    let step = owed.incident.as_ref().map(|step| format!("{:?} {}", step.phase, step.key));
    format!("{} by {} as {} {}", owed.target, owed.route, owed.severity, step.unwrap_or_default())
}

impl<'a> Facts<'a> {
    pub fn of(plan: &'a Plan, notes: &'a Notes, silenced: &'a [Silenced], stories: Vec<StoredEvent>) -> Self {
        let numbered = stories.iter().enumerate();
        let rows = numbered.flat_map(|(number, story)| story.deliveries.iter().map(move |row| (number, row.clone())));
        let rows: HashMap<_, _> = rows.map(|(number, row)| (row.id, (number, row))).collect();
        let mut flights: HashMap<DeliveryId, Vec<&Flight>> = HashMap::new();
        for flight in &notes.flights {
            flight.deliveries.iter().for_each(|id| flights.entry(*id).or_default().push(flight));
        }
        let mut endings: HashMap<DeliveryId, Vec<&Ending>> = HashMap::new();
        notes.endings.iter().for_each(|ending| endings.entry(ending.delivery).or_default().push(ending));
        let mut facts = Self { plan, notes, silenced, stories, rows, flights, endings, copied: HashMap::new() };
        facts.copied = facts.copied();
        facts
    }

    /// What must hold when everything is over.
    pub fn at_the_end(&self) -> Result<(), String> {
        self.books_balance()?;
        self.everything_ended()?;
        sends::check(self)?;
        gathering::check(self)?;
        rewriting::check(self)?;
        let lives = Lives::of(self);
        alarms::check(self, &lives)?;
        incidents::check(self, &lives)
    }

    fn agree_with(&self, backlog: &BTreeMap<TargetName, Backlog>) -> Result<(), String> {
        for Addressee { name, .. } in &self.plan.targets {
            let kept = backlog.get(name).copied().unwrap_or_default();
            let of = |state| self.rows.values().filter(move |(_, row)| row.owed.target == *name && row.state == state);
            let count = |state| of(state).count() as u64;
            let counted = (count(DeliveryState::Pending), count(DeliveryState::Dead));
            must((kept.pending, kept.dead) == counted, || format!("{name}: {kept:?}, {counted:?} counted"))?;
        }
        Ok(())
    }

    pub fn event_of(&self, id: DeliveryId) -> &StoredEvent {
        &self.stories[self.rows[&id].0]
    }

    pub fn row(&self, id: DeliveryId) -> &DeliveryRow {
        &self.rows[&id].1
    }

    /// What the addressee gave for it, if it took it.
    pub fn receipt_of(&self, flight: &Flight) -> String {
        format!("{}-{}", self.plan.index_of(&flight.target), flight.lease)
    }

    pub fn flights_of(&self, target: &TargetName) -> impl Iterator<Item = &'a Flight> {
        self.notes.flights.iter().filter(move |flight| flight.target == *target)
    }

    fn books_balance(&self) -> Result<(), String> {
        let (mut from_routes, mut others) = (0, 0);
        for (known, story) in self.notes.known.iter().zip(&self.stories) {
            let of_route = |row: &&DeliveryRow| row.origin == Origin::Route;
            let rows = || story.deliveries.iter();
            let kept: Vec<String> =
                rows().filter(of_route).filter(|row| !row.owed.is_resolve()).map(|row| debt(&row.owed)).collect();
            let owed: Vec<String> = known.owed.iter().filter(|owed| !owed.is_resolve()).map(debt).collect();
            must(kept == owed, || format!("{} owes {owed:#?}, kept is {kept:#?}", known.event.id))?;
            let mut ends: Vec<String> = known.owed.iter().filter(|owed| owed.is_resolve()).map(debt).collect();
            for row in rows().filter(of_route).filter(|row| row.owed.is_resolve()) {
                let debt = debt(&row.owed);
                let at = ends.iter().position(|end| *end == debt);
                let at = at.ok_or_else(|| format!("{} does not owe {debt}", known.event.id))?;
                ends.remove(at);
                others += 1;
            }
            from_routes += owed.len();
            others += rows().filter(|row| row.origin != Origin::Route).count();
            fallbacks::check(self, story)?;
        }
        let copies = self.rows.values().filter(|(_, row)| row.origin == Origin::Fallback && !row.owed.is_resolve());
        let copies = copies.count();
        must(copies == self.notes.fell_back, || format!("{copies} fell back, told {}", self.notes.fell_back))?;
        must(from_routes + others == self.rows.len(), || "the books do not balance".to_owned())
    }

    fn everything_ended(&self) -> Result<(), String> {
        for id in &self.notes.heard {
            must(self.notes.numbers.contains_key(id), || format!("{id} was answered as kept, and is not"))?;
        }
        for (_, row) in self.rows.values() {
            let id = in_parts(row.id);
            let flights = self.flights.get(&row.id).map(Vec::as_slice).unwrap_or_default();
            let attempts = flights.len();
            must(row.attempts as usize == attempts, || format!("{id} has {} attempts, {attempts} left", row.attempts))?;
            let taken = flights.iter().find(|flight| flight.is_settled_as_taken());
            match row.state {
                DeliveryState::Pending => return Err(format!("{id} waits for ever: {row:?}")),
                DeliveryState::Delivered => {
                    let flight = taken.ok_or_else(|| format!("{id} is delivered and nobody took it"))?;
                    let given = flight.incident.is_some().then(|| self.receipt_of(flight));
                    let kept = row.receipt.as_ref().map(|receipt| receipt.as_str());
                    must(kept == given.as_deref(), || format!("{id} has the receipt {kept:?} instead of {given:?}"))?;
                    continue;
                }
                _ => {}
            }
            must(taken.is_none(), || format!("{id} was taken and ends as {:?}", row.state))?;
        }
        let told = self.notes.news.iter().filter(|news| matches!(news, News::Change { .. })).count();
        must(told == self.notes.changes, || format!("{} targets changed, {told} reported", self.notes.changes))?;
        let unsaid = self.notes.news.iter().find(|news| matches!(news, News::Change { events: 0, .. }));
        must(unsaid.is_none(), || format!("nothing was said of {unsaid:?}"))
    }

    pub fn ended_at(&self, row: &DeliveryRow) -> Option<(Timestamp, usize)> {
        match self.endings.get(&row.id)?.as_slice() {
            [ending] => Some((ending.at, ending.ended_as)),
            _ => None,
        }
    }

    /// Whether a silence keeps it quiet at this time, when so much had happened, or the hours do in which its event came.
    pub fn is_quiet(&self, row: &DeliveryRow, at: Timestamp, happened: usize) -> bool {
        self.is_outside_hours(row) || self.silences(row, at, happened).next().is_some()
    }

    /// The same, where a silence that may be forgotten because it was over before the clock was set back does not count.
    pub fn is_surely_quiet(&self, row: &DeliveryRow, at: Timestamp, happened: usize) -> bool {
        let is_known = |silence: &Silenced| !self.was_set_back(silence.from_as, happened);
        self.is_outside_hours(row) || self.silences(row, at, happened).any(is_known)
    }

    fn silences(&self, row: &DeliveryRow, at: Timestamp, happened: usize) -> impl Iterator<Item = &'a Silenced> {
        let kind = self.event_of(row.id).event.type_name().to_owned();
        self.silenced.iter().filter(move |silence| {
            let holds = (silence.from_as..silence.ended_as).contains(&happened);
            silence.kind == kind && holds && (silence.from..silence.to).contains(&at)
        })
    }

    fn is_outside_hours(&self, row: &DeliveryRow) -> bool {
        let event = &self.event_of(row.id).event;
        let route = self.plan.route(&row.owed.route);
        let within = |times: &Value| {
            let minute = event.received_at.as_millis().div_euclid(60_000).rem_euclid(24 * 60);
            match times.pointer("/0/times/0").and_then(Value::as_str) {
                Some("08:00-18:00") => (480..1080).contains(&minute),
                Some("22:00-06:00") => !(360..1320).contains(&minute),
                other => panic!("{other:?}"),
            }
        };
        let (active, muted) = (route.and_then(|route| route.get("active")), route.and_then(|route| route.get("muted")));
        active.is_some_and(|times| !within(times)) || muted.is_some_and(within)
    }

    /// Whether times before the first and after the second of all that happened cannot be compared.
    pub fn was_set_back(&self, from: usize, to: usize) -> bool {
        self.notes.set_back.iter().any(|order| (from..to).contains(order))
    }

    pub fn phase(&self, id: DeliveryId) -> Option<Phase> {
        self.row(id).owed.incident.as_ref().map(|step| step.phase)
    }
}
