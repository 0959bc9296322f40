//! Simulated days: configurations, arrivals, weathers, restarts and bad disks drawn from seeds, and what must hold in all of
//! them. The real inbox, the real delivery loops and the real stores; only the time and the addressees are made up.
//!
//! `cargo test simulating` tells a few hundred days. `SIMULATION_SEEDS=5000` tells more; `SIMULATION_SEED=77` tells that one
//! again and prints its story. A seed that fails is printed, with the engine on which it did: the same seed tells the same day,
//! line by line.

mod addressee;
mod alarms;
mod arrivals;
mod beside_the_dead;
mod books;
mod dice;
mod fallbacks;
mod found;
mod gathering;
mod incidents;
mod ledger;
mod lives;
mod plan;
mod planted;
mod rewriting;
mod sends;
mod stopping_everywhere;
mod tales;
mod time;
mod watched_store;
mod world;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::runtime::{Builder, Runtime};

use addressee::Weather;
use dice::Dice;
use plan::Plan;
use watched_store::Trouble;
use world::{Moment, World};

const DAY: u64 = 24 * 3600;

/// For the deadlines of attempts, which are never reached: the addressees are always quicker.
fn runtime() -> Arc<Runtime> {
    Arc::new(Builder::new_current_thread().enable_time().build().unwrap())
}

fn a_day(seed: u64, on_disk: bool, tells: bool, runtime: &Arc<Runtime>) -> World {
    let plan = Plan { on_disk, ..Plan::of(seed) };
    let start = World::at_second(0);
    let weathers = (0..plan.targets.len()).map(|index| Weather::of(seed, index as u64, start, DAY)).collect();
    let bad_writes = plan.bad_writes;
    let mut world = World::new(plan, weathers, tells, runtime.clone());
    let mut dice = Dice::of(dice::number_of(&[seed, 11]));
    for (second, told) in arrivals::of_a_day(dice::number_of(&[seed, 12]), DAY) {
        world.plan_at(World::at_second(second), Moment::Told(told));
    }
    let busy: Vec<u64> = arrivals::of_a_day(dice::number_of(&[seed, 12]), DAY).iter().map(|(at, _)| *at).collect();
    // Most of what goes wrong goes wrong when there is something to do.
    let any_time = |dice: &mut Dice| match dice.chance(80) {
        true => dice.pick(&busy) + dice.pick(&[0, 1, 5, 60]),
        false => dice.below(DAY),
    };
    for _ in 0..dice.below(6) {
        let (softly, after) = (dice.chance(40), dice.pick(&[0, 0, 1, 120]));
        let millis = std::time::Duration::from_millis(dice.below(1000));
        world.plan_at(World::at_second(any_time(&mut dice)).saturating_add(millis), Moment::Restarts { softly, after });
    }
    for _ in 0..dice.below(4) {
        let at = any_time(&mut dice);
        let trouble = Trouble::Often { seed: dice.below(u64::MAX), percent: bad_writes };
        world.plan_at(World::at_second(at), Moment::Trouble(trouble));
        world.plan_at(World::at_second(at + dice.between(1, 100)), Moment::Trouble(Trouble::None));
    }
    for _ in 0..dice.below(3) {
        let (at, seconds) = (any_time(&mut dice), dice.between(10, 20_000));
        let kind = dice.pick(&["news.told", "trouble.begun", "trouble.over", "relay.delivery_dead"]);
        world.plan_at(World::at_second(at), Moment::Silenced { kind, seconds });
        if dice.chance(50) {
            world.plan_at(World::at_second(at + dice.between(1, 5000)), Moment::Spoken);
        }
    }
    let mut clock = Dice::of(dice::number_of(&[seed, 13]));
    if clock.chance(40) {
        for _ in 0..clock.between(1, 2) {
            let by = clock.pick(&[1, 5, 40, 90, 600, 4000]);
            world.plan_at(World::at_second(any_time(&mut clock)), Moment::SetBack(by));
        }
    }
    for _ in 0..3 {
        world.plan_at(World::at_second(any_time(&mut dice)), Moment::Audit);
    }
    world.plan_at(World::at_second(DAY), Moment::AllIsWell);
    world
}

/// What is wrong with this day, if anything is, and its story.
fn told(seed: u64, on_disk: bool, tells: bool, runtime: &Arc<Runtime>) -> (Result<(), String>, String) {
    let mut world = a_day(seed, on_disk, tells, runtime);
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| world.run()));
    let result = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    });
    let story = match world.ledger.0.lock() {
        Ok(mut notes) => notes.story.take(),
        Err(poisoned) => poisoned.into_inner().story.take(),
    };
    (result, story.unwrap_or_default())
}

fn number(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// More days in which a promise is broken than anybody would look at in one go.
const ENOUGH: usize = 10;

/// Tells the days of these seeds on all processors.
fn tell_all(seeds: std::ops::Range<u64>, on_disk: bool) {
    let next = AtomicU64::new(seeds.start);
    let failed = std::sync::Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let runtime = runtime();
                while failed.lock().unwrap().len() < ENOUGH {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if let (Err(fault), _) = told(seed, on_disk, false, &runtime) {
                        failed.lock().unwrap().push((seed, fault));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    let faults: Vec<String> = failed.iter().map(|(seed, fault)| format!("seed {seed}: {fault}")).collect();
    if let Some((first, _)) = failed.first() {
        let test = if on_disk { "the_same_holds_on_disk" } else { "in_every_simulated_day" };
        let again = format!("SIMULATION_SEED={first} cargo test {test}");
        panic!("{}\n\ntell it again, with its story: {again}", faults.join("\n"));
    }
}

#[expect(clippy::print_stdout, reason = "somebody asked for it")]
fn tell_aloud(seed: u64, on_disk: bool) {
    let (result, story) = told(seed, on_disk, true, &runtime());
    println!("{}\n{story}", Plan::of(seed));
    result.unwrap_or_else(|fault| panic!("{fault}"));
}

#[test]
fn in_every_simulated_day_the_promises_hold() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return tell_aloud(seed, false);
    }
    tell_all(0..number("SIMULATION_SEEDS").unwrap_or(500), false);
}

#[test]
fn the_same_holds_on_disk() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return tell_aloud(seed, true);
    }
    tell_all(0..number("SIMULATION_SEEDS").map_or(4, |seeds| seeds / 100), true);
}

#[test]
fn the_same_seed_tells_the_same_day() {
    let runtime = runtime();
    for seed in 0..10 {
        let (first, second) = (told(seed, false, true, &runtime).1, told(seed, false, true, &runtime).1);
        assert!(!first.is_empty());
        let differs = first.lines().zip(second.lines()).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
