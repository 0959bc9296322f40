//! What follows a message: a storm goes on in its own message only, and counts all that arrived, each once.

use super::addressee::rewrites_storms;
use super::books::{Facts, must};
use super::ledger::Flight;

pub fn check(facts: &Facts<'_>) -> Result<(), String> {
    facts.notes.flights.iter().try_for_each(|flight| {
        let Some(earlier) = &flight.earlier else {
            return must(flight.before.is_none(), || format!("rewrites nothing: {flight}"));
        };
        let Some(last) = facts.flights_of(&flight.target).find(|last| facts.receipt_of(last) == *earlier) else {
            return Err(format!("nobody gave {earlier}: {flight}"));
        };
        must(last.route == flight.route || flight.incident.is_some(), || format!("of another route: {flight}"))?;
        must(last.incident.is_some() == flight.incident.is_some(), || format!("{flight} follows {last}"))?;
        flight.before.map_or(Ok(()), |before| counts_on(facts, flight, last, before))
    })
}

/// From what the last message of its storm that is known to have arrived told in all.
fn counts_on(facts: &Facts<'_>, flight: &Flight, last: &Flight, before: usize) -> Result<(), String> {
    let target = facts.plan.addressee(&flight.target);
    let index = facts.plan.index_of(&flight.target);
    let may = rewrites_storms(target.keeps_incidents, index);
    must(may && flight.is_storm && last.is_storm, || format!("{flight} rewrites {last}"))?;
    let all = last.before.unwrap_or_default() + last.deliveries.len();
    must(before == all, || format!("{flight}: {before} were told, and it is {all} with {last}"))?;
    // What was cut short while it was settled may be settled all the same.
    must(last.is_settled_as_taken() || last.settled.is_none(), || format!("{last} did not arrive: {flight}"))?;
    let mut others = facts.flights_of(&flight.target).filter(|other| {
        let same = other.is_storm && other.incident.is_none() && other.route == flight.route;
        let between = last.departed_as..flight.departed_as;
        same && other.lease != last.lease && between.contains(&other.departed_as) && other.is_settled_as_taken()
    });
    let missing = others.next();
    must(missing.is_none(), || format!("{flight} knows nothing of {}", missing.unwrap()))
}
