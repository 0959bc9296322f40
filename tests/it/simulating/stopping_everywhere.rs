//! One rich story, told once undisturbed, then again and again with the process stopped right before and right after each
//! write to the store: whoever is told something is told the same, and every delivery ends in the same way.
//!
//! What was cut short may be told again, and at another time, so what is told is compared as a set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use castai_relay::event::delivery::{Phase, Reason};
use castai_relay::event::{Event, Severity};
use castai_relay::names::TargetName;
use castai_relay::store::{DeliveryState, Store};
use serde_json::json;
use tokio::runtime::Runtime;

use super::addressee::{Mood, Weather};
use super::arrivals::Happening;
use super::plan::{Addressee, Plan};
use super::time::wait_for;
use super::watched_store::{Mishap, Trouble};
use super::world::{Moment, World};

/// When nothing more will go wrong, in seconds.
const END: u64 = 5400;

fn plan(on_disk: bool) -> Plan {
    let retry = json!({ "base": "1s", "cap": "10s" });
    let targets = vec![
        Addressee::new("chat", false, json!({ "timeout": "1s", "retry": retry })),
        Addressee::new("pager", true, json!({ "timeout": "1s", "retry": retry, "fallback": "mail" })),
        Addressee::new(
            "mail",
            false,
            json!({ "timeout": "1s", "retry": retry, "rate": "1/s", "fallback": "chat", "fallback_after": "5m" }),
        ),
    ];
    let routes = vec![
        json!({ "name": "reports", "match": { "type": "relay.*" }, "notify": ["chat"] }),
        json!({ "name": "troubles", "match": { "type": "trouble.begun" }, "notify": ["pager", "chat"],
                "incident": { "key": "{{ event.data.key }}", "resolve_when": { "type": "trouble.over" } },
                "group": { "by": ["data.key"], "wait": "60s" } }),
        json!({ "name": "news", "match": { "type": "news.told", "severity": "info" }, "notify": ["chat"],
                "group": { "by": ["cluster"], "wait": "10s", "interval": "60s", "max_events": 5 },
                "storm": { "above": "5/m", "interval": "30s" } }),
        json!({ "name": "calls", "match": { "type": "news.told", "severity": "critical" }, "notify": ["pager"] }),
        json!({ "name": "letters", "match": { "type": "news.told", "severity": "warning" }, "notify": ["mail"] }),
        json!({ "name": "ends", "match": { "type": "trouble.over" }, "notify": [] }),
    ];
    Plan { on_disk, ..Plan::new(1, targets, routes, vec![], vec![], 0) }
}

/// Who is ill, from which second to which.
fn weathers() -> Vec<Weather> {
    let start = World::at_second(0);
    let chat = vec![(1490, 1600, Mood::Down)];
    let pager = vec![(1790, 1990, Mood::Deaf), (3590, 3700, Mood::Down)];
    let mail = vec![(2390, 3300, Mood::Refusing)];
    [chat, pager, mail].into_iter().map(|phases| Weather::written(start, phases)).collect()
}

/// Each step long before the next one, because what was cut short takes its time.
fn story() -> Vec<(u64, Happening)> {
    let news = |id, severity| Happening::plain(id, "news.told", severity, 0);
    let begun = |id, key| Happening::plain(id, "trouble.begun", Severity::Error, key);
    let over = |id, key| Happening::plain(id, "trouble.over", Severity::Info, key);
    let mut story = vec![
        (10, news(1, Severity::Info)),
        // Together.
        (300, news(2, Severity::Info)),
        (301, news(3, Severity::Info)),
        (302, news(4, Severity::Info)),
        // It begins, and is over after it was told.
        (600, begun(5, 1)),
        (900, over(6, 1)),
        // It is over before it leaves.
        (1200, begun(7, 2)),
        (1230, over(8, 2)),
        // Nobody answers at first.
        (1500, news(9, Severity::Info)),
        // It is not taken: somebody else is told, and that it is dead.
        (1800, news(10, Severity::Critical)),
        // Nothing is taken for long: it waits, and is told elsewhere, too.
        (2400, news(11, Severity::Warning)),
        (2410, news(12, Severity::Warning)),
        // Nobody answers while it begins. It is over after the probe that follows one that was cut short: before, it would be
        // over before anybody knows whether it was told, and would not be told again.
        (3540, begun(13, 3)),
        (4100, over(14, 3)),
    ];
    let storm = (0..12).map(|n| (4200 + n / 3, news(20 + n, Severity::Info)));
    story.extend(storm);
    story
}

fn told(on_disk: bool, trouble: Trouble, tells: bool, runtime: &Arc<Runtime>) -> World {
    let mut world = World::new(plan(on_disk), weathers(), tells, runtime.clone());
    for (second, happening) in story() {
        world.plan_at(World::at_second(second), Moment::Told(vec![happening]));
    }
    world.plan_at(World::at_second(END), Moment::AllIsWell);
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

/// What everybody has been told in the end, and what became of each delivery.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    told: BTreeMap<TargetName, BTreeSet<String>>,
    ends: BTreeMap<String, String>,
}

impl Outcome {
    /// What is different, line by line.
    fn beside(&self, expected: &Self) -> String {
        let lines = |outcome: &Self| format!("{outcome:#?}").lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let (came, expected) = (lines(self), lines(expected));
        let more = came.difference(&expected).map(|line| format!("+{line}"));
        let missing = expected.difference(&came).map(|line| format!("-{line}"));
        more.chain(missing).collect::<Vec<_>>().join("\n")
    }
}

fn outcome(world: &World) -> Outcome {
    let _context = world.runtime.enter();
    let notes = world.ledger.notes();
    let mut outcome = Outcome::default();
    for known in &notes.known {
        let story = wait_for(world.store.event(&known.event.id)).unwrap().unwrap();
        for row in story.deliveries {
            let phase = row.owed.incident.as_ref().map(|step| step.phase);
            let ends = if phase == Some(Phase::Resolve) { " ends it" } else { "" };
            let what = format!("{}{ends}", label(&story.event));
            let mut flights = notes.flights.iter().filter(|flight| flight.deliveries.contains(&row.id));
            if flights.any(|flight| flight.arrived) {
                outcome.told.entry(row.owed.target.clone()).or_default().insert(what.clone());
            }
            let debt = format!("{what} to {} by {} ({:?})", row.owed.target, row.owed.route, row.origin);
            // Of others the reason tells of the last failure, which is no outcome.
            let reason = row.reason.filter(|_| row.state == DeliveryState::Dead);
            outcome.ends.insert(debt, format!("{:?} {}", row.state, reason.map_or("", Reason::as_str)));
        }
    }
    outcome
}

fn stopped_at_every_write(on_disk: bool, step: usize) {
    let runtime = super::runtime();
    let undisturbed = told(on_disk, Trouble::None, false, &runtime);
    let (writes, expected) = (undisturbed.store.writes(), outcome(&undisturbed));
    drop(undisturbed);
    assert!(writes > 50, "{writes}");
    let moments = (0..writes).flat_map(|write| [(write, Mishap::StopsBefore), (write, Mishap::StopsAfter)]);
    for (write, mishap) in moments.step_by(step) {
        let trouble = Trouble::At(write, mishap);
        let came_of_it = outcome(&told(on_disk, trouble, false, &runtime));
        if came_of_it != expected {
            let world = told(on_disk, trouble, true, &runtime);
            let story = world.ledger.notes().story.take().unwrap_or_default();
            panic!("{trouble:?}\n{story}\n{}", came_of_it.beside(&expected));
        }
    }
}

#[test]
fn a_stop_at_any_write_changes_no_outcome() {
    stopped_at_every_write(false, 1);
}

#[test]
fn a_stop_at_any_write_to_disk_changes_no_outcome() {
    // Every one of them where somebody asks for more days than usual; else some, now before, now after the write.
    let step = if super::number("SIMULATION_SEEDS").is_some() { 1 } else { 17 };
    stopped_at_every_write(true, step);
}

#[test]
fn the_story_has_everything_in_it() {
    let world = told(false, Trouble::None, false, &super::runtime());
    insta::assert_debug_snapshot!(outcome(&world));
}
