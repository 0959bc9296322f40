//! What leaves together belongs together, not sooner than its time, and a storm is told as one.

use std::collections::BTreeMap;
use std::time::Duration;

use castai_relay::event::Timestamp;
use castai_relay::event::batch::Pace;
use castai_relay::event::delivery::StormWatch;
use castai_relay::names::DeliveryId;
use castai_relay::store::Origin;

use super::books::{Facts, must};
use super::ledger::{Flight, Known};

pub fn check(facts: &Facts<'_>) -> Result<(), String> {
    let mut last: BTreeMap<String, &Flight> = BTreeMap::new();
    for flight in &facts.notes.flights {
        belongs_together(facts, flight)?;
        is_told_as_a_storm_if_it_is_one(facts, flight)?;
        let Some((slot, pace)) = slot(facts, flight) else { continue };
        if let Some(before) = last.insert(slot, flight) {
            comes_after_its_interval(before, flight, pace)?;
        }
    }
    Ok(())
}

fn belongs_together(facts: &Facts<'_>, flight: &Flight) -> Result<(), String> {
    let first = facts.row(flight.deliveries[0]);
    let keeps_incidents = facts.plan.addressee(&flight.target).keeps_incidents;
    let gathering = facts.plan.table.gathering(&flight.route);
    let pace = if flight.is_storm { gathering.storm } else { gathering.group };
    let most = pace.filter(|_| slot(facts, flight).is_some()).map_or(1, |pace| pace.max_events);
    must(flight.deliveries.len() <= most, || format!("more than {most} in {flight}"))?;
    must(flight.is_full == (flight.deliveries.len() == most && most > 1), || format!("of {most} not full: {flight}"))?;
    must(flight.deliveries.is_sorted(), || format!("not in order: {flight}"))?;
    for id in &flight.deliveries {
        let row = facts.row(*id);
        let alike = |a: &castai_relay::store::DeliveryRow, b: &castai_relay::store::DeliveryRow| {
            let incident = |row: &castai_relay::store::DeliveryRow| {
                row.owed.incident.as_ref().filter(|_| keeps_incidents).map(|step| (step.key.clone(), step.phase))
            };
            (&a.owed.target, &a.owed.route) == (&b.owed.target, &b.owed.route)
                && (flight.is_storm || a.owed.group == b.owed.group)
                && incident(a) == incident(b)
        };
        must(alike(first, row) && row.owed.target == flight.target, || {
            format!("unlike each other: {flight}\n{:?}\n{:?}", first.owed, row.owed)
        })?;
    }
    Ok(())
}

/// What it left together with, if that is to leave only now and then.
fn slot(facts: &Facts<'_>, flight: &Flight) -> Option<(String, Pace)> {
    let gathering = facts.plan.table.gathering(&flight.route);
    let (target, route) = (&flight.target, &flight.route);
    if flight.is_storm {
        return Some((format!("{target} {route} storm"), gathering.storm?));
    }
    let owed = &facts.row(flight.deliveries[0]).owed;
    let group = &owed.group.as_ref()?.key;
    if owed.incident.is_none() && !facts.plan.addressee(target).tells_many {
        return None;
    }
    let step = owed.incident.as_ref().filter(|_| facts.plan.addressee(target).keeps_incidents);
    let step = step.map(|step| format!("{:?} {}", step.phase, step.key));
    Some((format!("{target} {route} {group} {step:?}"), gathering.group?))
}

fn comes_after_its_interval(before: &Flight, flight: &Flight, pace: Pace) -> Result<(), String> {
    let is_over = before.settled.is_some_and(|(_, outcome)| outcome != "retry");
    let earliest = before.departed.saturating_add(pace.interval);
    must(!is_over || before.is_full || flight.departed >= earliest, || {
        format!("{flight}: before {earliest}, and the last one was {before}")
    })
}

fn is_told_as_a_storm_if_it_is_one(facts: &Facts<'_>, flight: &Flight) -> Result<(), String> {
    let Some(swept) = flight.deliveries.iter().map(|id| is_swept(facts, *id)).collect::<Option<Vec<_>>>() else {
        return Ok(());
    };
    // What one claim reports and what it lets leave happens in between each other.
    let at_once = |known: &&Known| known.at == flight.departed && watch_of(known, flight).is_some();
    if facts.notes.known.iter().any(|known| at_once(&known) && known.event.type_name().starts_with("relay.")) {
        return Ok(());
    }
    let rages = rages(facts, flight);
    let head_swept = match flight.is_storm {
        true => swept.iter().all(|swept| *swept),
        // Who leaves by a group is there for the group, whoever else is swept.
        false => swept.len() == 1 && swept[0],
    };
    let is_storm = rages && head_swept;
    must(flight.is_storm == is_storm || swept.len() > 1 && !flight.is_storm, || {
        format!("is there a storm? {rages}; swept: {swept:?}; {flight}")
    })
}

/// `None` where it cannot be told from outside.
fn is_swept(facts: &Facts<'_>, id: DeliveryId) -> Option<bool> {
    let (number, row) = &facts.rows[&id];
    if row.origin == Origin::TimedOut {
        return None;
    }
    let target = facts.plan.addressee(&row.owed.target);
    let goes_alone = if row.owed.incident.is_some() { target.keeps_incidents } else { !target.tells_many };
    let same_route = |owed: &&castai_relay::event::delivery::Owed| owed.route == row.owed.route;
    let watch = facts.notes.known[*number].owed.iter().find(same_route)?.storm;
    Some(!goes_alone && watch.is_some_and(|watch| !watch.spared))
}

/// Whether the route of a flight is in a storm when it leaves: a bucket filled by its events, drop by drop.
fn rages(facts: &Facts<'_>, flight: &Flight) -> bool {
    let mut bucket = Bucket::default();
    for known in facts.notes.known.iter().take_while(|known| known.kept_as < flight.departed_as) {
        if let Some(watch) = watch_of(known, flight) {
            bucket.drips(watch, known.at);
        }
    }
    bucket.rages && bucket.level_at(flight.departed) > Duration::ZERO
}

fn watch_of(known: &Known, flight: &Flight) -> Option<StormWatch> {
    known.owed.iter().find(|owed| owed.route == flight.route && owed.storm.is_some())?.storm
}

/// How full it is, as the time it takes to empty.
#[derive(Default)]
struct Bucket {
    level: Duration,
    at: Option<Timestamp>,
    rages: bool,
}

impl Bucket {
    fn level_at(&self, now: Timestamp) -> Duration {
        self.level.saturating_sub(self.at.map_or(Duration::ZERO, |at| now.saturating_since(at)))
    }

    fn drips(&mut self, watch: StormWatch, now: Timestamp) {
        let before = self.level_at(now);
        let full = watch.leaks_every * watch.full_at;
        self.rages &= before > Duration::ZERO;
        self.level = (before + watch.leaks_every).min(full * 2);
        self.at = Some(now);
        self.rages |= self.level >= full;
    }
}
