//! A target that is dead for six hours beside a live one. The same day is told with it and without it, and to the live one
//! both are the same, event by event and to the millisecond. The dead one catches up when it is well again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use castai_relay::event::{Severity, Timestamp};
use castai_relay::names::{DeliveryId, EventId};
use castai_relay::store::{DeliveryState, Store, StoredEvent};
use serde_json::json;
use tokio::runtime::Runtime;

use super::addressee::{Mood, Weather};
use super::arrivals::Happening;
use super::dice::Dice;
use super::ledger::{Flight, Notes};
use super::plan::{Addressee, Plan};
use super::time::wait_for;
use super::world::{Moment, World};

/// One event happens in every so many seconds, and crowds besides.
const EVERY: u64 = 8;
/// When it dies, in seconds.
const DIES: u64 = 600;

struct Day {
    /// For so long it is dead.
    hours: u64,
    on_disk: bool,
}

impl Day {
    fn recovers(&self) -> u64 {
        DIES + self.hours * 3600
    }

    /// When nothing more happens: when all that waited has been told for long.
    fn ends(&self) -> u64 {
        self.recovers() + self.hours * 1200
    }

    /// So many events happen at least while it is dead.
    fn missed(&self) -> usize {
        usize::try_from(self.hours * 3600 / EVERY).unwrap()
    }

    /// Everybody is told of everything, one by one, in groups and in storms; only the desk is told how the dead one is.
    fn plan(&self, with_the_dead: bool) -> Plan {
        let mut targets = vec![
            Addressee::new("live", true, json!({ "timeout": "2s", "rate": "2/s", "burst": 20 })),
            Addressee::new("desk", false, json!({ "timeout": "2s" })),
        ];
        let mut everybody = vec!["live"];
        if with_the_dead {
            targets.push(Addressee::new("dead", false, json!({ "timeout": "2s", "rate": "1/s" })));
            everybody.push("dead");
        }
        let routes = vec![
            json!({ "name": "reports", "match": { "type": "relay.*" }, "notify": ["desk"] }),
            json!({ "name": "troubles", "match": { "type": "trouble.begun" }, "notify": everybody,
                    "incident": { "key": "{{ event.data.key }}", "resolve_when": { "type": "trouble.over" } },
                    "group": { "by": ["data.key"], "wait": "10s", "interval": "60s" } }),
            json!({ "name": "ends", "match": { "type": "trouble.over" }, "notify": [] }),
            json!({ "name": "warnings", "match": { "type": "news.told", "severity": "warning" }, "notify": everybody,
                    "storm": { "above": "20/m", "interval": "30s" } }),
            json!({ "name": "news", "match": { "type": "news.told" }, "notify": everybody }),
        ];
        Plan { on_disk: self.on_disk, ..Plan::new(6, targets, routes, vec![], vec![], 0) }
    }

    /// What is told when, with the dead one or without it.
    fn arrivals(&self) -> Vec<(Timestamp, Vec<Happening>)> {
        let news = ("news.told", Severity::Info);
        let warning = ("news.told", Severity::Warning);
        let (begun, over) = (("trouble.begun", Severity::Error), ("trouble.over", Severity::Info));
        let usual = [[news; 15].as_slice(), &[warning; 2], &[begun, begun, over]].concat();
        let (mut dice, mut last_id) = (Dice::of(6), 0);
        let mut happening = |dice: &mut Dice, among: &[(&'static str, Severity)]| {
            last_id += 1;
            let (kind, severity) = dice.pick(among);
            Happening::plain(last_id, kind, severity, dice.below(5))
        };
        let mut told = Vec::new();
        for second in (0..self.ends()).step_by(EVERY as usize) {
            let at = World::at_second(second).saturating_add(Duration::from_millis(dice.below(EVERY * 1000)));
            told.push((at, vec![happening(&mut dice, &usual)]));
            // More than the live one takes at once. Not when the dead one is well, because it takes less.
            if dice.chance(1) && second < self.recovers() - 120 {
                let crowd = (0..dice.between(30, 60)).map(|_| happening(&mut dice, &[news, warning, warning]));
                told.push((at, crowd.collect()));
            }
        }
        told
    }

    fn told(&self, with_the_dead: bool, runtime: &Arc<Runtime>) -> World {
        let start = World::at_second(0);
        let well = || Weather::written(start, vec![]);
        let dead = Weather::written(start, vec![(DIES, self.recovers(), Mood::Down)]);
        let weathers = vec![well(), well(), dead];
        let mut world = World::new(self.plan(with_the_dead), weathers, false, runtime.clone());
        for (at, happenings) in self.arrivals() {
            world.plan_at(at, Moment::Told(happenings));
        }
        assert_eq!(world.run(), Ok(()));
        world
    }
}

fn stories(world: &World) -> Vec<StoredEvent> {
    let _context = world.runtime.enter();
    let ids: Vec<EventId> = world.ledger.notes().known.iter().map(|known| known.event.id.clone()).collect();
    ids.into_iter().map(|id| wait_for(world.store.event(&id)).unwrap().unwrap()).collect()
}

fn flights_to<'a>(notes: &'a Notes, name: &str) -> Vec<&'a Flight> {
    notes.flights.iter().filter(|flight| flight.target.as_str() == name).collect()
}

/// Of each event that the live one was told: when it left, came, was answered and settled, and in which company.
fn heard_by_the_live_one(world: &World) -> Vec<String> {
    let mut events: HashMap<DeliveryId, EventId> = HashMap::new();
    for story in stories(world) {
        events.extend(story.deliveries.iter().map(|row| (row.id, story.event.id.clone())));
    }
    let notes = world.ledger.notes();
    let mut heard = Vec::new();
    for flight in flights_to(&notes, "live") {
        let Flight { lease, departed, began, arrived, returned, settled, incident, is_storm, .. } = flight;
        for id in &flight.deliveries {
            // The numbers of deliveries differ, because of what is reported.
            heard.push(format!(
                "{} left in {lease} at {departed}, began {began:?}, arrived: {arrived}, {returned:?}, {settled:?}, \
                 {incident:?}, storm: {is_storm}",
                events[id]
            ));
        }
    }
    heard
}

fn the_live_one_notices_nothing(day: &Day, alone: &World, beside: &World) {
    let (alone, beside) = (heard_by_the_live_one(alone), heard_by_the_live_one(beside));
    let differs = alone.iter().zip(&beside).find(|(alone, beside)| alone != beside);
    assert_eq!(differs, None);
    assert_eq!(alone.len(), beside.len());
    let different: BTreeSet<&str> = alone.iter().filter_map(|line| line.split(' ').next()).collect();
    assert!(different.len() >= day.missed(), "{} events", different.len());
    for part in ["storm: true", "Open", "Resolve"] {
        assert!(alone.iter().any(|line| line.contains(part)), "{part} is part of it");
    }
}

/// What the dead one was told once it was well again.
struct Recovery<'a> {
    notes: &'a Notes,
    opened: Timestamp,
    /// What was tried while it was dead.
    tried: BTreeSet<DeliveryId>,
    /// What left after the probe that opened it.
    flights: Vec<&'a Flight>,
}

impl<'a> Recovery<'a> {
    fn of(day: &Day, notes: &'a Notes) -> Self {
        let flights = flights_to(notes, "dead");
        let (dies, recovers) = (World::at_second(DIES), World::at_second(day.recovers()));
        let in_vain: Vec<&&Flight> =
            flights.iter().filter(|flight| (dies..recovers).contains(&flight.departed)).collect();
        // The five that closed it, then a probe after five seconds, after twice as long each time, after five minutes at most.
        let probes = usize::try_from(day.hours).unwrap() * 12;
        assert!((probes..=5 + 6 + probes).contains(&in_vain.len()), "{} tries", in_vain.len());
        let tried = in_vain.iter().flat_map(|flight| flight.deliveries.clone()).collect();
        let opening = flights.iter().find(|flight| flight.departed >= recovers && flight.arrived).unwrap();
        assert!(opening.is_probe && opening.departed <= recovers.saturating_add(Duration::from_secs(300)));
        let opened = opening.departed;
        let flights = flights.into_iter().filter(|flight| flight.departed > opened).collect();
        Self { notes, opened, tried, flights }
    }

    fn came(&self, flight: &Flight) -> Timestamp {
        self.notes.known[usize::try_from(flight.deliveries[0].row() / 65536).unwrap() - 1].at
    }

    /// Never tried, and waiting for less than a minute when it left.
    fn is_fresh(&self, flight: &Flight) -> bool {
        let waited = flight.departed.saturating_since(self.came(flight));
        waited < Duration::from_secs(60) && !flight.deliveries.iter().any(|id| self.tried.contains(id))
    }

    /// One a second: in no stretch of time more than one, and what its time allows.
    fn is_within_the_rate(&self) {
        for (last, until) in (1_u128..).zip(&self.flights) {
            for (before, from) in (0..last).zip(&self.flights) {
                let millis = until.departed.saturating_since(from.departed).as_millis();
                assert!(last - before <= 1 + millis / 1000, "{} in {millis} ms until {until}", last - before);
            }
        }
    }

    fn has_fresh_news_first(&self, at_least: usize) {
        let (fresh, old): (Vec<&Flight>, Vec<&Flight>) = self.flights.iter().partition(|flight| self.is_fresh(flight));
        let caught_up = old.last().unwrap().departed;
        let waits = |flight: &&&Flight| flight.departed < caught_up && flight.route.as_str() == "news";
        let beside: Vec<&&Flight> = fresh.iter().filter(waits).collect();
        assert!(beside.len() >= at_least, "{} fresh ones while it catches up", beside.len());
        for flight in beside {
            let meanwhile = self.came(flight)..=flight.departed;
            let left = |flights: &[&Flight]| flights.iter().filter(|other| meanwhile.contains(&other.departed)).count();
            assert!(left(&old) <= left(&fresh), "of what leaves while it waits at most half is old: {flight}");
        }
        // And nothing grew old that came when it was well; those that had just come wait at the door when it opens.
        let came_since = self.flights.iter().filter(|flight| self.came(flight) > self.opened);
        let waits = came_since.filter(|flight| flight.route.as_str() == "news");
        let longest = waits.map(|flight| flight.departed.saturating_since(self.came(flight))).max().unwrap();
        assert!(longest <= Duration::from_secs(10), "{longest:?}");
    }

    fn has_the_old_in_order(&self, at_least: usize) {
        let old = self.flights.iter().filter(|flight| flight.route.as_str() == "news" && !self.is_fresh(flight));
        let deliveries = old.flat_map(|flight| &flight.deliveries).filter(|id| !self.tried.contains(id));
        let deliveries: Vec<&DeliveryId> = deliveries.collect();
        assert!(deliveries.len() >= at_least, "{} old ones", deliveries.len());
        assert!(deliveries.is_sorted(), "in the order in which they came");
    }
}

/// News is told; of a trouble that was over before there is nothing to tell.
fn everything_was_told(day: &Day, world: &World) {
    let rows = stories(world).into_iter().flat_map(|story| story.deliveries);
    let rows: Vec<_> = rows.filter(|row| row.owed.target.as_str() == "dead").collect();
    assert!(rows.len() >= day.missed());
    let is_told = |state| match state {
        DeliveryState::Delivered => true,
        DeliveryState::Superseded => false,
        other => panic!("{other:?}"),
    };
    let untold = rows.iter().find(|row| !is_told(row.state) && row.owed.route.as_str() != "troubles");
    assert_eq!(untold, None);
}

fn it_catches_up(day: &Day, notes: &Notes) {
    let recovery = Recovery::of(day, notes);
    recovery.is_within_the_rate();
    recovery.has_fresh_news_first(day.missed() / 15);
    recovery.has_the_old_in_order(day.missed() / 2);
}

fn tell(day: &Day) {
    let runtime = super::runtime();
    let (alone, beside) = (day.told(false, &runtime), day.told(true, &runtime));
    the_live_one_notices_nothing(day, &alone, &beside);
    it_catches_up(day, &beside.ledger.notes());
    everything_was_told(day, &beside);
}

#[test]
fn the_live_one_notices_nothing_and_the_dead_one_catches_up_with_fresh_news_first() {
    tell(&Day { hours: 6, on_disk: false });
}

#[test]
fn so_it_is_on_disk() {
    // All six hours where somebody asks for more days than usual.
    let hours = if super::number("SIMULATION_SEEDS").is_some() { 6 } else { 1 };
    tell(&Day { hours, on_disk: true });
}
