//! The books: what was owed is what there is, every delivery ends once and with a reason, and everything bad was reported.

use std::collections::HashMap;

use castai_relay::event::Timestamp;
use castai_relay::event::delivery::{Owed, Phase, Reason};
use castai_relay::names::{DeliveryId, EventId, TargetName};
use castai_relay::store::{DeliveryRow, DeliveryState, Origin, Store, StoredEvent};
use serde_json::Value;

use super::ledger::{Flight, News, Notes, in_parts};
use super::plan::Plan;
use super::time::wait_for;
use super::world::{Silenced, World};
use super::{gathering, incidents, sends};

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
}

pub fn audit(world: &mut World, is_end: bool) -> Result<(), String> {
    let ledger = world.ledger.clone();
    let notes = ledger.notes();
    let mut stories = Vec::with_capacity(notes.known.len());
    for known in &notes.known {
        let id = &known.event.id;
        stories.push(wait_for(world.store.event(id)).unwrap().ok_or_else(|| format!("{id} was kept and is gone"))?);
    }
    let rows = stories
        .iter()
        .enumerate()
        .flat_map(|(number, story)| story.deliveries.iter().map(move |row| (row.id, (number, row.clone()))));
    let rows: HashMap<_, _> = rows.collect();
    let mut flights: HashMap<DeliveryId, Vec<&Flight>> = HashMap::new();
    for flight in &notes.flights {
        flight.deliveries.iter().for_each(|id| flights.entry(*id).or_default().push(flight));
    }
    ends_stay(&mut world.ended, &rows)?;
    let facts = Facts { plan: &world.plan, notes: &notes, silenced: &world.silenced, stories, rows, flights };
    facts.books_balance()?;
    let backlog = wait_for(world.store.backlog()).unwrap();
    for target in &world.plan.targets {
        let kept = backlog.get(&target.name).copied().unwrap_or_default();
        let count =
            |state| facts.rows.values().filter(|(_, row)| row.owed.target == target.name && row.state == state).count();
        let counted = (count(DeliveryState::Pending) as u64, count(DeliveryState::Dead) as u64);
        must((kept.pending, kept.dead) == counted, || format!("{}: {kept:?}, {counted:?} counted", target.name))?;
    }
    if !is_end {
        return Ok(());
    }
    facts.everything_ended()?;
    sends::check(&facts)?;
    gathering::check(&facts)?;
    incidents::check(&facts)
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

/// Whether a route tells this target of the same event.
fn is_told_anyway(story: &StoredEvent, target: &TargetName) -> bool {
    let by_route = |row: &DeliveryRow| row.origin == Origin::Route && !row.owed.is_resolve();
    story.deliveries.iter().any(|row| by_route(row) && row.owed.target == *target)
}

/// What two rows must have in common to be the same debt.
fn debt(owed: &Owed) -> String {
    let step = owed.incident.as_ref().map(|step| format!("{:?} {}", step.phase, step.key));
    format!("{} by {} as {} {}", owed.target, owed.route, owed.severity, step.unwrap_or_default())
}

impl<'a> Facts<'a> {
    pub fn event_of(&self, id: DeliveryId) -> &StoredEvent {
        &self.stories[self.rows[&id].0]
    }

    pub fn row(&self, id: DeliveryId) -> &DeliveryRow {
        &self.rows[&id].1
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
            self.fallbacks_are_right(story)?;
        }
        let falls_back = |number: usize, row: &DeliveryRow| {
            row.fell_back_to.as_ref().is_some_and(|to| !is_told_anyway(&self.stories[number], to))
        };
        let fell_back = self.rows.values().filter(|(number, row)| falls_back(*number, row)).count();
        must(fell_back == self.notes.fell_back, || format!("{fell_back} fell back, told {}", self.notes.fell_back))?;
        must(from_routes + others == self.rows.len(), || "the books do not balance".to_owned())
    }

    /// Each is told to the right one, once.
    fn fallbacks_are_right(&self, story: &StoredEvent) -> Result<(), String> {
        let instead = |row: &DeliveryRow, to: &TargetName| debt(&Owed { target: to.clone(), ..row.owed.clone() });
        let mut expected = Vec::new();
        for row in &story.deliveries {
            let policy = &self.plan.addressee(&row.owed.target).policy;
            let id = in_parts(row.id);
            if let Some(to) = &row.fell_back_to {
                must(policy.fallback.as_ref() == Some(to), || format!("{id} fell back to {to}"))?;
                if !is_told_anyway(story, to) {
                    expected.push(instead(row, to));
                }
            } else if row.state == DeliveryState::Dead {
                let over =
                    row.owed.incident.as_ref().is_some_and(|step| step.phase == Phase::Open && self.is_over(row));
                // An end goes to whoever heard of the beginning, when it is owed.
                let concerns_others = !over && !row.owed.is_resolve();
                must(policy.fallback.is_none() || !concerns_others, || {
                    format!("{id} is dead and nobody else was told")
                })?;
            }
        }
        for row in story.deliveries.iter().filter(|row| row.origin == Origin::Fallback) {
            let debt = debt(&row.owed);
            match expected.iter().position(|expected| *expected == debt) {
                Some(at) => drop(expected.remove(at)),
                // Who was told that it began instead of another is told that it is over, whoever should be.
                None => must(row.owed.is_resolve(), || format!("{} fell back from nowhere", in_parts(row.id)))?,
            }
        }
        let missing = expected.iter().find(|debt| !debt.contains("Resolve"));
        must(missing.is_none(), || format!("{} should have fallen back to {missing:?}", story.event.id))
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
                    let receipt = format!("{}-{}", self.plan.index_of(&flight.target), flight.lease);
                    let kept = row.receipt.as_ref().map(|receipt| receipt.as_str());
                    must(kept == Some(&receipt), || format!("{id} has the receipt {kept:?} instead of {receipt}"))?;
                    continue;
                }
                DeliveryState::Dead => self.died_for_a_reason(row)?,
                DeliveryState::Silenced => self.was_silent(row)?,
                DeliveryState::Superseded => {}
            }
            must(taken.is_none(), || format!("{id} was taken and ends as {:?}", row.state))?;
        }
        let told = self.notes.news.iter().filter(|news| matches!(news, News::Change { .. })).count();
        must(told == self.notes.changes, || format!("{} targets changed, {told} reported", self.notes.changes))?;
        let unsaid = self.notes.news.iter().find(|news| matches!(news, News::Change { events: 0, .. }));
        must(unsaid.is_none(), || format!("nothing was said of {unsaid:?}"))
    }

    /// Whether an end of its incident was kept before it ended itself.
    fn is_over(&self, row: &DeliveryRow) -> bool {
        let of_it = |owed: &Owed| {
            owed.is_resolve()
                && owed.incident.as_ref().map(|step| &step.key) == row.owed.incident.as_ref().map(|step| &step.key)
        };
        let ends = self.notes.known.iter().filter(|known| known.owed.iter().any(of_it));
        let own = self.notes.known[self.rows[&row.id].0].kept_as;
        let (_, ended_as) = self.ended_at(row).unwrap_or((Timestamp::EPOCH, usize::MAX));
        let timed_out = |other: &DeliveryRow| {
            other.origin == Origin::TimedOut
                && other.owed.target == row.owed.target
                && other.owed.incident.as_ref().map(|step| &step.key)
                    == row.owed.incident.as_ref().map(|step| &step.key)
        };
        ends.map(|known| known.kept_as).any(|kept| own < kept && kept < ended_as)
            || self.rows.values().any(|(_, other)| timed_out(other))
    }

    pub fn ended_at(&self, row: &DeliveryRow) -> Option<(Timestamp, usize)> {
        let mut endings = self.notes.endings.iter().filter(|ending| ending.delivery == row.id);
        endings.next().filter(|_| endings.next().is_none()).map(|ending| (ending.at, ending.ended_as))
    }

    fn died_for_a_reason(&self, row: &DeliveryRow) -> Result<(), String> {
        let (id, story) = (in_parts(row.id), self.event_of(row.id));
        let (at, _) = self.ended_at(row).ok_or_else(|| format!("the end of {id} was not told once"))?;
        let policy = &self.plan.addressee(&row.owed.target).policy;
        let gives_up = format!("{:?}", policy.ambiguous) == "GiveUp";
        let holds = match row.reason {
            Some(Reason::Expired) => at > story.event.received_at.saturating_add(policy.max_age.get()),
            Some(Reason::MessageRefused) => true,
            Some(Reason::Ambiguous | Reason::Internal) => gives_up,
            _ => false,
        };
        must(holds, || format!("{id} died at {at} for no reason: {row:?}"))?;
        if story.event.type_name() == "relay.delivery_dead" {
            return Ok(());
        }
        let (hour, reason) = (&at.to_string()[..13], row.reason.unwrap());
        let (target, route) = (&row.owed.target, &row.owed.route);
        let report = EventId::from_sender(None, &format!("delivery_dead/{target}/{route}/{reason}/{hour}"));
        must(self.notes.numbers.contains_key(&report), || format!("nobody was told that {id} is dead ({report})"))
    }

    fn was_silent(&self, row: &DeliveryRow) -> Result<(), String> {
        let at = self.ended_at(row).ok_or_else(|| format!("the end of {} was not told once", in_parts(row.id)))?;
        let (when, at) = at;
        must(self.is_quiet(row, when, at) != Some(false), || {
            format!("{} was silenced at {when}, and nothing was", in_parts(row.id))
        })
    }

    /// Whether a silence keeps it quiet at this time, when so much had happened, or the hours do in which it came; `None`
    /// where it cannot be told from outside when it came.
    pub fn is_quiet(&self, row: &DeliveryRow, at: Timestamp, happened: usize) -> Option<bool> {
        let event = &self.event_of(row.id).event;
        let silenced = self.silenced.iter().any(|silence| {
            let holds = (silence.from_as..silence.ended_as).contains(&happened) && at < silence.to;
            silence.kind == event.type_name() && holds
        });
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
        match silenced {
            true => Some(true),
            false if active.or(muted).is_some() && row.origin != Origin::Route => None,
            false => Some(active.is_some_and(|times| !within(times)) || muted.is_some_and(within)),
        }
    }

    pub fn phase(&self, id: DeliveryId) -> Option<Phase> {
        self.row(id).owed.incident.as_ref().map(|step| step.phase)
    }
}
