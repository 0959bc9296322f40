//! Whether the books notice: what really happened on a small day, with one thing put in that must not be.

use castai_relay::event::Severity;
use castai_relay::event::delivery::Reason;
use castai_relay::names::DeliveryId;
use castai_relay::store::{DeliveryRow, DeliveryState, Origin, StoredEvent};
use serde_json::json;

use super::addressee::{Mood, Weather};
use super::arrivals::Happening;
use super::books::{Facts, stories};
use super::ledger::{Answer, Ending, Notes};
use super::plan::{Addressee, Plan};
use super::runtime;
use super::world::{Moment, World};

/// The pager takes no message in the first minutes. One route is silent at that hour.
fn day() -> World {
    let targets = vec![
        Addressee::new("pager", false, json!({ "timeout": "1s", "fallback": "mail" })),
        Addressee::new("mail", false, json!({ "timeout": "1s" })),
    ];
    let routes = vec![
        json!({ "name": "calls", "match": { "severity": "critical" }, "notify": ["pager"] }),
        json!({ "name": "letters", "match": { "type": "news.told" }, "notify": ["mail"],
                "active": [{ "times": ["08:00-18:00"] }] }),
        json!({ "name": "troubles", "match": { "type": "trouble.begun" }, "notify": ["mail"],
                "incident": { "key": "{{ event.data.key }}", "resolve_when": { "type": "trouble.over" } } }),
        json!({ "name": "ends", "match": { "type": "trouble.over" }, "notify": [] }),
    ];
    let plan = Plan::new(1, targets, routes, vec![], vec![], 0);
    let start = World::at_second(0);
    let weathers = vec![Weather::written(start, vec![(0, 100, Mood::Deaf)]), Weather::written(start, vec![])];
    let mut world = World::new(plan, weathers, false, runtime());
    let told = [
        (10, Happening::plain(1, "news.told", Severity::Critical, 0)),
        (200, Happening::plain(2, "trouble.begun", Severity::Error, 1)),
        (300, Happening::plain(3, "trouble.over", Severity::Info, 1)),
        (400, Happening::plain(4, "news.told", Severity::Info, 0)),
        (500, Happening::plain(5, "news.told", Severity::Critical, 0)),
    ];
    for (second, happening) in told {
        world.plan_at(World::at_second(second), Moment::Told(vec![happening]));
    }
    assert_eq!(world.run(), Ok(()));
    world
}

/// What is known of that day.
struct Known {
    notes: Notes,
    stories: Vec<StoredEvent>,
}

impl Known {
    fn row(&mut self, fits: impl Fn(&DeliveryRow) -> bool) -> &mut DeliveryRow {
        self.stories.iter_mut().flat_map(|story| &mut story.deliveries).find(|row| fits(row)).unwrap()
    }

    fn never_left(&mut self, id: DeliveryId) {
        self.notes.flights.retain(|flight| !flight.deliveries.contains(&id));
    }

    /// It ends in another way, without having left, when it was last heard of.
    fn ends(&mut self, id: DeliveryId, state: DeliveryState, reason: Option<Reason>) {
        let flight = self.notes.flights.iter().find(|flight| flight.deliveries.contains(&id));
        let first = flight.map(|flight| (flight.departed, flight.departed_as));
        let kept = self.notes.endings.iter().find(|ending| ending.delivery == id);
        let (at, ended_as) = first.or(kept.map(|ending| (ending.at, ending.ended_as))).unwrap();
        self.never_left(id);
        self.notes.endings.retain(|ending| ending.delivery != id);
        self.notes.endings.push(Ending { delivery: id, state, reason, at, ended_as });
        let row = self.row(|row| row.id == id);
        (row.state, row.reason, row.attempts, row.receipt) = (state, reason, 0, None);
    }

    fn is_gone(&mut self, id: DeliveryId) {
        self.never_left(id);
        self.notes.endings.retain(|ending| ending.delivery != id);
        self.stories.iter_mut().for_each(|story| story.deliveries.retain(|row| row.id != id));
    }
}

/// The books find it, and say so in these words.
fn is_noticed(plant: impl FnOnce(&mut Known), says: &str) {
    let world = day();
    let _context = world.runtime.enter();
    let notes = world.ledger.notes().clone();
    let stories = stories(&notes, &*world.store).unwrap();
    let mut known = Known { notes, stories };
    let judged = |known: &Known| Facts::of(&world.plan, &known.notes, &[], known.stories.clone()).at_the_end();
    assert_eq!(judged(&known), Ok(()));
    plant(&mut known);
    let noticed = judged(&known).unwrap_err();
    assert!(noticed.contains(says), "{noticed}");
}

fn is_copy(row: &DeliveryRow) -> bool {
    row.origin == Origin::Fallback
}

#[test]
fn a_plain_alarm_is_not_superseded() {
    let plant = |known: &mut Known| {
        let id = known.row(|row| row.owed.route.as_str() == "calls" && row.state == DeliveryState::Delivered).id;
        known.ends(id, DeliveryState::Superseded, None);
    };
    is_noticed(plant, "is a plain alarm, and superseded");
}

#[test]
fn a_copy_is_not_silenced_in_hours_that_speak() {
    let plant = |known: &mut Known| {
        let id = known.row(is_copy).id;
        known.ends(id, DeliveryState::Silenced, None);
    };
    is_noticed(plant, "and nothing was");
}

#[test]
fn nothing_dies_of_a_refusal_that_nobody_uttered() {
    let plant = |known: &mut Known| {
        let refused = |answer: Option<(_, Answer)>| matches!(answer, Some((_, Answer::MessageRefused)));
        let flight = known.notes.flights.iter_mut().find(|flight| refused(flight.returned)).unwrap();
        flight.returned = flight.returned.map(|(at, _)| (at, Answer::Unreachable));
    };
    is_noticed(plant, "for no reason");
}

#[test]
fn who_heard_that_it_began_hears_that_it_is_over() {
    let plant = |known: &mut Known| {
        let id = known.row(|row| row.owed.is_resolve()).id;
        known.is_gone(id);
    };
    is_noticed(plant, "is never told to be over");
}

#[test]
fn an_end_is_not_cancelled_where_somebody_heard_that_it_began() {
    let plant = |known: &mut Known| {
        let id = known.row(|row| row.owed.is_resolve()).id;
        known.ends(id, DeliveryState::Superseded, None);
    };
    is_noticed(plant, "is over and");
}

#[test]
fn what_was_taken_does_not_leave_again() {
    let plant = |known: &mut Known| {
        let last = known.notes.flights.last().unwrap().clone();
        let next = known.notes.next_write();
        let mut again =
            super::ledger::Flight { lease: last.lease + 1, departed_as: next, settled_as: next + 1, ..last };
        again.departed = again.departed.saturating_add(std::time::Duration::from_secs(60));
        let id = again.deliveries[0];
        known.notes.flights.push(again);
        known.row(|row| row.id == id).attempts += 1;
    };
    is_noticed(plant, "and left again");
}

#[test]
fn an_alarm_is_not_lost_because_another_one_is_silent() {
    let plant = |known: &mut Known| {
        let id = known.row(is_copy).id;
        known.is_gone(id);
        known.notes.fell_back -= 1;
    };
    is_noticed(plant, "whoever was to tell mail instead did not");
}
