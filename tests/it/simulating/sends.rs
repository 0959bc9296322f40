//! What left: never more and never sooner than the policy allows, never again what arrived.

use std::time::Duration;

use castai_relay::config::Rate;
use castai_relay::deliver::policy::Ambiguous;
use castai_relay::event::Timestamp;
use castai_relay::event::delivery::Phase;
use castai_relay::names::DeliveryId;

use super::books::{Facts, must};
use super::ledger::{Answer, Flight, in_parts};
use super::plan::Addressee;

/// No retry comes sooner.
const FLOOR: Duration = Duration::from_millis(200);
/// Time to settle, after which a claim lapses.
const MARGIN: Duration = Duration::from_secs(30);

pub fn check(facts: &Facts<'_>) -> Result<(), String> {
    for target in &facts.plan.targets {
        let flights: Vec<&Flight> = facts.flights_of(&target.name).collect();
        rate_is_kept(facts, target, &flights)?;
        waits_are_kept(facts, target, &flights)?;
        probes_are_rare(facts, target, &flights)?;
        flights.iter().try_for_each(|flight| somebody_was_due(facts, target, flight))?;
    }
    facts.rows.keys().try_for_each(|id| {
        let flights = facts.flights.get(id).map(Vec::as_slice).unwrap_or_default();
        let row = facts.row(*id);
        let target = facts.plan.addressee(&row.owed.target);
        let told = format!("{} to {}", in_parts(*id), target.name);
        nothing_is_sent_again_without_need(facts, target, flights, &told)?;
        let deadline = facts.owed_since(row).map(|(_, at)| at.saturating_add(target.policy.max_age.get()));
        for flight in flights {
            let is_end = facts.phase(*id) == Some(Phase::Resolve);
            let in_time = deadline.is_none_or(|deadline| flight.departed <= deadline);
            must(in_time, || format!("{told} left after `max_age`"))?;
            must(is_end || !facts.is_surely_quiet(row, flight.departed, flight.departed_as), || {
                format!("{told} left when all was quiet")
            })?;
        }
        Ok(())
    })
}

/// In no stretch of time more than the burst, and what the time in it allows.
fn rate_is_kept(facts: &Facts<'_>, target: &Addressee, flights: &[&Flight]) -> Result<(), String> {
    let Some(rate) = target.policy.rate else { return Ok(()) };
    let every = i64::try_from(Rate::interval(rate).as_micros()).unwrap();
    let allowed = (i64::from(target.policy.burst) - 1) * every;
    let (mut least, mut last) = (i64::MAX, 0);
    for (number, flight) in (0_i64..).zip(flights) {
        // Where the clock was set back far, nobody knows any more what left before: it is as after a rest.
        if facts.was_set_back(last, flight.departed_as) {
            least = i64::MAX;
        }
        last = flight.departed_as;
        // Times are rounded to the millisecond.
        let due = number * every - flight.departed.as_millis() * 1000;
        least = least.min(due);
        must(due - least <= allowed + 1000, || {
            format!("{} left too fast for {rate} with bursts of {}", flight, target.policy.burst)
        })?;
    }
    Ok(())
}

/// What was asked of everybody holds for everybody.
fn waits_are_kept(facts: &Facts<'_>, target: &Addressee, flights: &[&Flight]) -> Result<(), String> {
    for flight in flights {
        let (Some((at, answer)), Some((known, _))) = (flight.returned, flight.settled) else { continue };
        let wait = match answer {
            Answer::Busy(after) => after.unwrap_or(FLOOR),
            Answer::Failed(Some(after), true) => after,
            _ => continue,
        };
        let until = at.saturating_add(wait);
        let comparable = |other: &Flight| !facts.was_set_back(flight.departed_as, other.departed_as);
        let later = flights.iter().filter(|other| other.departed_as > flight.settled_as && comparable(other));
        let sooner = later.into_iter().find(|other| other.departed > known && other.departed < until);
        must(sooner.is_none(), || format!("{} asked to wait until {until}, but {}", target.name, sooner.unwrap()))?;
    }
    Ok(())
}

fn nothing_is_sent_again_without_need(
    facts: &Facts<'_>,
    target: &Addressee,
    flights: &[&Flight],
    told: &str,
) -> Result<(), String> {
    for pair in flights.windows(2) {
        let [first, second] = pair else { unreachable!() };
        must(!first.is_settled_as_taken(), || format!("{told} was taken in {} and left again", first.lease))?;
        let may_be_there = target.policy.ambiguous == Ambiguous::GiveUp && first.may_have_arrived();
        must(!may_be_there, || format!("{told} may have arrived in {} and left again", first.lease))?;
        let over = first.over_at().is_none_or(|over| over <= second.departed)
            || facts.was_set_back(first.departed_as, second.departed_as);
        must(over, || format!("{told} left again in {} while it was on its way", second.lease))?;
    }
    Ok(())
}

/// Whoever leaves anyway takes along what would follow a little later; but somebody must be due.
fn somebody_was_due(facts: &Facts<'_>, target: &Addressee, flight: &Flight) -> Result<(), String> {
    let lease = target.policy.timeout.get() + MARGIN;
    let due = |id: &DeliveryId| {
        let before = facts.flights[id].iter().rfind(|other| other.departed_as < flight.departed_as);
        let before = before.filter(|before| !facts.was_set_back(before.departed_as, flight.departed_as));
        before.map(|before| match (before.settled, before.returned) {
            (Some(_), Some((at, answer))) => at.saturating_add(least_wait(answer)),
            _ if facts.plan.on_disk => before.departed,
            _ => before.departed.saturating_add(lease),
        })
    };
    let is_due = |id: &DeliveryId| due(id).is_none_or(|at| at <= flight.departed);
    must(flight.deliveries.iter().any(is_due), || format!("nobody was due at {}: {flight}", flight.departed))
}

/// How long a message rests after this answer, at least.
fn least_wait(answer: Answer) -> Duration {
    match answer {
        Answer::Busy(after) | Answer::Failed(after, _) => after.unwrap_or_default().max(FLOOR),
        Answer::Unreachable | Answer::Doubt | Answer::Panic => FLOOR,
        // The target as a whole rests.
        Answer::TargetRefused | Answer::MessageRefused | Answer::Taken => Duration::ZERO,
    }
}

/// Whether it is closed, as far as can be told from outside.
#[derive(Default)]
struct Standing {
    failures: u32,
    closed: Option<Closed>,
}

struct Closed {
    refuses: bool,
    probes: u32,
    /// Nothing leaves before this.
    until: Timestamp,
    /// The probe that is on its way, and when its lease ends.
    probe: Option<(i64, Timestamp)>,
}

/// A step in the life of a target.
enum Step<'a> {
    Learns(&'a Flight, Timestamp, Answer),
    Leaves(&'a Flight),
    Starts,
    IsSetBack,
}

impl Closed {
    /// What lies too far ahead then holds nothing up.
    fn is_set_back(&mut self) {
        self.until = Timestamp::EPOCH;
        self.probe = self.probe.map(|(lease, _)| (lease, Timestamp::EPOCH));
    }
}

/// While it is closed one probe leaves at a time, and not before its wait is over.
fn probes_are_rare(facts: &Facts<'_>, target: &Addressee, flights: &[&Flight]) -> Result<(), String> {
    let lease = target.policy.timeout.get() + MARGIN;
    let mut steps = Vec::new();
    // Who opens the file may have put right what closed the target.
    let starts = facts.notes.starts.iter().filter(|_| facts.plan.on_disk);
    steps.extend(starts.map(|start| (Timestamp::EPOCH, *start, Step::Starts)));
    steps.extend(facts.notes.set_back.iter().map(|order| (Timestamp::EPOCH, *order, Step::IsSetBack)));
    for flight in flights {
        steps.push((flight.departed, flight.departed_as, Step::Leaves(flight)));
        if let (Some((at, answer)), Some((known, _))) = (flight.returned, flight.settled) {
            steps.push((known, flight.settled_as, Step::Learns(flight, at, answer)));
        }
    }
    steps.sort_by_key(|(_, order, _)| *order);
    let mut standing = Standing::default();
    for (at, _, step) in steps {
        match step {
            Step::Leaves(flight) => standing.leaves(flight, at, lease)?,
            Step::Learns(flight, at, answer) => standing.learns(flight, at, answer),
            Step::IsSetBack => standing.closed.iter_mut().for_each(Closed::is_set_back),
            Step::Starts => standing.closed.iter_mut().for_each(|closed| (closed.until, closed.probe) = (at, None)),
        }
    }
    Ok(())
}

impl Standing {
    fn leaves(&mut self, flight: &Flight, at: Timestamp, lease: Duration) -> Result<(), String> {
        must(flight.is_probe == self.closed.is_some(), || {
            format!("it is closed: {}; {flight}", self.closed.is_some())
        })?;
        let Some(closed) = &mut self.closed else { return Ok(()) };
        must(at >= closed.until, || format!("a probe before {}: {flight}", closed.until))?;
        let other = closed.probe.filter(|(_, ends)| *ends > at);
        must(other.is_none(), || format!("{other:?} is on its way as a probe, and {flight}"))?;
        closed.probes += 1;
        closed.probe = Some((flight.lease, at.saturating_add(lease)));
        Ok(())
    }

    fn learns(&mut self, flight: &Flight, at: Timestamp, answer: Answer) {
        let is_probe =
            self.closed.as_ref().is_some_and(|closed| closed.probe.is_some_and(|(lease, _)| lease == flight.lease));
        match answer {
            Answer::Busy(_) | Answer::Panic => {}
            Answer::Taken | Answer::MessageRefused => {
                self.failures = 0;
                if self.closed.as_ref().is_some_and(|closed| is_probe || !closed.refuses) {
                    self.closed = None;
                }
            }
            Answer::TargetRefused | Answer::Failed(..) | Answer::Unreachable | Answer::Doubt => {
                self.failed(answer == Answer::TargetRefused, is_probe, at);
            }
        }
    }

    fn failed(&mut self, refuses: bool, is_probe: bool, at: Timestamp) {
        self.failures += 1;
        if self.closed.is_none() && (refuses || self.failures >= 5) {
            let until = at.saturating_add(wait(refuses, 0));
            self.closed = Some(Closed { refuses, probes: 0, until, probe: None });
            return;
        }
        let Some(closed) = &mut self.closed else { return };
        if is_probe || refuses && !closed.refuses {
            closed.refuses = refuses;
            closed.until = at.saturating_add(wait(refuses, closed.probes));
        }
        if is_probe {
            closed.probe = None;
        }
    }
}

fn wait(refuses: bool, probes: u32) -> Duration {
    let seconds = if refuses { 300 } else { (5 << probes.min(6)).min(300) };
    Duration::from_secs(seconds)
}
