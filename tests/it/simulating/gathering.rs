//! What leaves together belongs together, not sooner than its time, and a storm is told as one.

use std::collections::BTreeMap;
use std::time::Duration;

use castai_relay::event::Timestamp;
use castai_relay::event::batch::Pace;
use castai_relay::event::delivery::{Owed, Phase, StormWatch};
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
        let opens = matches!(flight.incident, Some((_, Phase::Open)));
        if let Some(before) = last.insert(slot, flight)
            // What is new to who keeps incidents does not wait for what is over.
            && !(opens && facts.plan.addressee(&flight.target).keeps_incidents)
            && !facts.was_set_back(before.departed_as, flight.departed_as)
        {
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
    let group = &owed.group.as_ref().filter(|_| flight.is_gathered)?.key;
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
    // What filled the bucket before the clock was set back leaks later.
    if facts.was_set_back(0, flight.departed_as) {
        return Ok(());
    }
    // What one claim reports and what it lets leave happens in between each other.
    let at_once = |known: &&Known| known.at == flight.departed && watch_of(known, flight).is_some();
    if facts.notes.known.iter().any(|known| at_once(&known) && known.event.type_name().starts_with("relay.")) {
        return Ok(());
    }
    let Some(storms) = flight.deliveries.iter().map(|id| storm_of(facts, flight, *id)).collect::<Option<Vec<_>>>()
    else {
        return Ok(());
    };
    let holds = match storms.as_slice() {
        [only] => *only == flight.is_storm,
        // Who leaves by a group is there for the group, whoever else is swept.
        all => !flight.is_storm || all.iter().any(|storm| *storm),
    };
    must(holds, || format!("is there a storm? {storms:?}; {flight}"))
}

/// Whether this delivery of a flight is to leave in a storm: in one that rages, or as part of the one in which it came. `None`
/// where it cannot be told from outside.
fn storm_of(facts: &Facts<'_>, flight: &Flight, id: DeliveryId) -> Option<bool> {
    let (number, row) = &facts.rows[&id];
    if row.origin == Origin::TimedOut {
        return None;
    }
    let target = facts.plan.addressee(&row.owed.target);
    let goes_alone = if row.owed.incident.is_some() { target.keeps_incidents } else { !target.tells_many };
    let known = &facts.notes.known[*number];
    let same = |owed: &&Owed| owed.route == row.owed.route && owed.is_resolve() == row.owed.is_resolve();
    let watch = known.owed.iter().find(same)?.storm;
    let is_swept = !goes_alone && watch.is_some_and(|watch| !watch.spared);
    let came_in_one = || !row.owed.is_resolve() && rages(facts, flight, known.kept_as + 1, known.at);
    Some(is_swept && (rages(facts, flight, flight.departed_as, flight.departed) || came_in_one()))
}

/// Whether the route of a flight is in a storm when so much has happened: a bucket filled by its events, drop by drop.
fn rages(facts: &Facts<'_>, flight: &Flight, happened: usize, now: Timestamp) -> bool {
    let mut bucket = Bucket::default();
    for known in facts.notes.known.iter().take_while(|known| known.kept_as < happened) {
        if let Some(watch) = watch_of(known, flight) {
            bucket.drips(watch, known.at);
        }
    }
    bucket.rages && bucket.level_at(now) > Duration::ZERO
}

fn watch_of(known: &Known, flight: &Flight) -> Option<StormWatch> {
    known.owed.iter().find(|owed| owed.route == flight.route && !owed.is_resolve())?.storm
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
