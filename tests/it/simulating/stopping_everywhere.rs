//! A few rich stories, each told once undisturbed, then again and again with the process stopped right before and right after
//! each write to the store: whoever is told something is told the same, and every delivery ends in the same way.
//!
//! What was cut short may be told again, and at another time: so what is told is counted, and nothing more than that comes
//! on top.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use castai_relay::event::Event;
use castai_relay::event::delivery::{Phase, Reason};
use castai_relay::names::TargetName;
use castai_relay::store::{DeliveryRow, DeliveryState, Store};
use tokio::runtime::Runtime;

use super::ledger::Flight;
use super::tales::{Tale, a_bad_morning, a_night};
use super::time::wait_for;
use super::watched_store::{Mishap, Trouble};
use super::world::{Moment, World};

fn told(tale: &Tale, on_disk: bool, trouble: Trouble, tells: bool, runtime: &Arc<Runtime>) -> World {
    let mut world = World::new((tale.plan)(on_disk), (tale.weathers)(), tells, runtime.clone());
    for (second, moment) in (tale.moments)() {
        world.plan_at(World::at_second(second), moment);
    }
    world.plan_at(World::at_second(tale.end), Moment::AllIsWell);
    world.store.has_trouble(trouble);
    let ran = world.run();
    assert_eq!(ran, Ok(()), "{trouble:?}");
    world
}

/// What an event is, whenever it was reported.
fn label(event: &Event) -> String {
    let target = event.data.get("target").map(ToString::to_string).unwrap_or_default();
    if event.type_name().starts_with("relay.") {
        format!("{} {target}", event.type_name())
    } else {
        event.id.to_string()
    }
}

/// What everybody has been told in the end and how often, and what became of each delivery.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    told: BTreeMap<TargetName, BTreeMap<String, usize>>,
    ends: BTreeMap<String, String>,
    /// What was on its way when the process died, and how often.
    cut: BTreeMap<(TargetName, String), usize>,
    /// What ends when it is cut short, because its target wants nothing twice.
    gives_up: BTreeSet<String>,
}

impl Outcome {
    fn add(&mut self, world: &World, event: &Event, row: &DeliveryRow, flights: &[&Flight]) {
        let phase = row.owed.incident.as_ref().map(|step| step.phase);
        let ends = if phase == Some(Phase::Resolve) { " ends it" } else { "" };
        let what = format!("{}{ends}", label(event));
        let target = &row.owed.target;
        let arrived = flights.iter().filter(|flight| flight.arrived).count();
        if arrived > 0 {
            *self.told.entry(target.clone()).or_default().entry(what.clone()).or_default() += arrived;
        }
        let debt = format!("{what} to {target} by {} ({:?})", row.owed.route, row.origin);
        let cut = flights.iter().filter(|flight| flight.settled.is_none()).count();
        if cut > 0 {
            *self.cut.entry((target.clone(), what)).or_default() += cut;
            let gives_up =
                world.plan.addressee(target).policy.ambiguous == castai_relay::deliver::policy::Ambiguous::GiveUp;
            self.gives_up.extend(gives_up.then(|| debt.clone()));
        }
        // Of others the reason tells of the last failure, which is no outcome.
        let reason = row.reason.filter(|_| row.state == DeliveryState::Dead);
        self.ends.insert(debt, format!("{:?} {}", row.state, reason.map_or("", Reason::as_str)));
    }

    /// What should not be, line by line.
    fn beside(&self, expected: &Self) -> Vec<String> {
        let mut wrong = Vec::new();
        for debt in self.ends.keys().chain(expected.ends.keys()).collect::<BTreeSet<_>>() {
            let (came, expected) = (self.ends.get(debt), expected.ends.get(debt));
            let given_up = self.gives_up.contains(debt) && came.is_some_and(|end| end == "Dead ambiguous");
            if came != expected && !given_up {
                wrong.push(format!("{debt}: {came:?} instead of {expected:?}"));
            }
        }
        let all = |outcome: &Self| -> BTreeMap<(TargetName, String), usize> {
            let of = |(target, told): (&TargetName, &BTreeMap<String, usize>)| -> Vec<_> {
                told.iter().map(|(what, times)| ((target.clone(), what.clone()), *times)).collect()
            };
            outcome.told.iter().flat_map(of).collect()
        };
        let (came, expected) = (all(self), all(expected));
        for name in came.keys().chain(expected.keys()).collect::<BTreeSet<_>>() {
            let times = |of: &BTreeMap<_, usize>| of.get(name).copied().unwrap_or_default();
            let (came, expected, cut) = (times(&came), times(&expected), times(&self.cut));
            let least = if self.gives_up.is_empty() { expected } else { 0 };
            if !(least..=expected + cut).contains(&came) {
                wrong.push(format!("{name:?} was told {came} times instead of {expected}, {cut} cut short"));
            }
        }
        wrong
    }
}

fn outcome(world: &World) -> Outcome {
    let _context = world.runtime.enter();
    let notes = world.ledger.notes();
    let mut outcome = Outcome::default();
    for known in &notes.known {
        let story = wait_for(world.store.event(&known.event.id)).unwrap().unwrap();
        for row in &story.deliveries {
            let flights: Vec<_> = notes.flights.iter().filter(|flight| flight.deliveries.contains(&row.id)).collect();
            outcome.add(world, &story.event, row, &flights);
        }
    }
    outcome
}

/// Tells it with a stop at every so manieth moment, on all processors.
fn stopped_at_every_write(tale: &Tale, on_disk: bool, step: usize) {
    let undisturbed = told(tale, on_disk, Trouble::None, false, &super::runtime());
    let (writes, expected) = (undisturbed.store.writes(), outcome(&undisturbed));
    drop(undisturbed);
    assert!(writes > 50, "{writes}");
    let moments = (0..writes).flat_map(|write| [(write, Mishap::StopsBefore), (write, Mishap::StopsAfter)]);
    let moments: Vec<_> = moments.step_by(step).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let runtime = super::runtime();
                while let Some((write, mishap)) = moments.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    let trouble = Trouble::At(write, mishap);
                    let wrong = outcome(&told(tale, on_disk, trouble, false, &runtime)).beside(&expected);
                    if !wrong.is_empty() {
                        *failed.lock().unwrap() = Some((trouble, wrong));
                        return;
                    }
                }
            });
        }
    });
    if let Some((trouble, wrong)) = failed.into_inner().unwrap() {
        let world = told(tale, on_disk, trouble, true, &super::runtime());
        let story = world.ledger.notes().story.take().unwrap_or_default();
        panic!("{trouble:?}\n{story}\n{}", wrong.join("\n"));
    }
}

/// Every moment where somebody asks for more days than usual; else some, now before, now after a write.
fn step_on_disk() -> usize {
    if super::number("SIMULATION_SEEDS").is_some() { 1 } else { 9 }
}

#[test]
fn a_stop_at_any_write_changes_no_outcome() {
    stopped_at_every_write(&a_bad_morning(), false, 1);
}

#[test]
fn a_stop_at_any_write_to_disk_changes_no_outcome() {
    stopped_at_every_write(&a_bad_morning(), true, step_on_disk());
}

#[test]
fn a_stop_at_any_write_of_a_night_changes_no_outcome() {
    stopped_at_every_write(&a_night(), false, 1);
}

#[test]
fn a_stop_at_any_write_of_a_night_to_disk_changes_no_outcome() {
    stopped_at_every_write(&a_night(), true, step_on_disk());
}

#[test]
fn the_story_has_everything_in_it() {
    let Outcome { told, ends, .. } = outcome(&told(&a_bad_morning(), false, Trouble::None, false, &super::runtime()));
    insta::assert_debug_snapshot!((told, ends));
}

#[test]
fn the_night_has_everything_in_it() {
    let Outcome { told, ends, .. } = outcome(&told(&a_night(), false, Trouble::None, false, &super::runtime()));
    insta::assert_debug_snapshot!((told, ends));
}
