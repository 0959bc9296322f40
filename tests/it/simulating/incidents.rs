//! Incidents: told in order, ended once, and only where somebody heard that they began; nobody is left with one that is over.

use std::collections::BTreeMap;

use castai_relay::names::{DeliveryId, IncidentKey, TargetName};
use castai_relay::store::{DeliveryRow, DeliveryState, Origin};

use super::books::{Facts, must};
use super::fallbacks::{relying, stands_for};
use super::ledger::{Flight, in_parts};
use super::lives::{Life, Lives};

pub fn check(facts: &Facts<'_>, lives: &Lives) -> Result<(), String> {
    let mut all: BTreeMap<(&TargetName, &IncidentKey), Vec<DeliveryId>> = BTreeMap::new();
    for (id, (_, row)) in &facts.rows {
        if let Some(step) = &row.owed.incident {
            all.entry((&row.owed.target, &step.key)).or_default().push(*id);
        }
    }
    for ((target, key), mut ids) in all {
        ids.sort();
        let incident = Incident { facts, target, key, ids };
        incident.is_told_in_order()?;
    }
    for life in lives.all.iter().filter(|life| !life.is_in_doubt) {
        let told = Told { facts, life };
        told.nothing_of_it_leaves_afterwards()?;
        told.is_ended_where_it_was_told()?;
    }
    for (id, (copied_as, _)) in &facts.copied {
        let (story, copy) = (facts.event_of(*id), facts.row(*id));
        let mut of = relying(story, &copy.owed.target).filter(|row| stands_for(copy, row));
        let goes_on = of.any(|row| lives.may_go_on(row.id, *copied_as));
        must(goes_on, || format!("{} tells somebody else of what is over", in_parts(*id)))?;
    }
    let is_in_doubt = |row: &DeliveryRow| {
        let same = |life: &&Life| life.target == row.owed.target && Some(&life.key) == key_of(row);
        lives.all.iter().filter(same).any(|life| life.is_in_doubt)
    };
    for (id, (_, row)) in facts.rows.iter().filter(|(_, (_, row))| row.owed.is_resolve()) {
        must(lives.ended_by(*id).is_some() || is_in_doubt(row), || format!("{} ends nothing: {row:?}", in_parts(*id)))?;
    }
    Ok(())
}

fn key_of(row: &DeliveryRow) -> Option<&IncidentKey> {
    row.owed.incident.as_ref().map(|step| &step.key)
}

/// All that one addressee was to hear of one incident.
struct Incident<'a> {
    facts: &'a Facts<'a>,
    target: &'a TargetName,
    key: &'a IncidentKey,
    ids: Vec<DeliveryId>,
}

impl<'a> Incident<'a> {
    fn row(&self, id: DeliveryId) -> &'a DeliveryRow {
        &self.facts.rows[&id].1
    }

    fn flights_with(&self, id: DeliveryId) -> &'a [&'a Flight] {
        self.facts.flights.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Those of it, in the order in which they left.
    fn flights(&self) -> Vec<&'a Flight> {
        let mut flights: Vec<&Flight> = self.ids.iter().flat_map(|id| self.flights_with(*id)).copied().collect();
        flights.sort_by_key(|flight| flight.departed_as);
        flights.dedup_by_key(|flight| flight.departed_as);
        flights
    }

    fn name(&self) -> String {
        format!("incident {} at {}", self.key, self.target)
    }

    fn is_told_in_order(&self) -> Result<(), String> {
        let of_routes: Vec<DeliveryId> =
            self.ids.iter().copied().filter(|id| self.row(*id).origin == Origin::Route).collect();
        for (nth, id) in of_routes.iter().enumerate() {
            for (flight, earlier) in
                self.flights_with(*id).iter().flat_map(|f| of_routes[..nth].iter().map(move |e| (f, e)))
            {
                let waited = self.flights_with(*earlier).iter().any(|other| other.departed_as > flight.departed_as);
                must(!waited || flight.deliveries.contains(earlier), || {
                    format!("{}: {} waited while others left: {flight}", self.name(), in_parts(*earlier))
                })?;
            }
        }
        let flights = self.flights();
        for pair in flights.windows(2) {
            let over = pair[0].over_at().is_none_or(|over| over <= pair[1].departed)
                || self.facts.was_set_back(pair[0].departed_as, pair[1].departed_as);
            must(over, || {
                format!("{}: {} and {} are on their way together", self.name(), pair[0].lease, pair[1].lease)
            })?;
        }
        Ok(())
    }
}

/// One incident from its beginning to its end.
struct Told<'a> {
    facts: &'a Facts<'a>,
    life: &'a Life,
}

impl<'a> Told<'a> {
    fn name(&self) -> String {
        let openings: Vec<String> = self.life.openings.iter().map(|id| in_parts(*id)).collect();
        format!("incident {} at {} ({})", self.life.key, self.life.target, openings.join(" "))
    }

    /// The flights that told that it began.
    fn beginnings(&self) -> impl Iterator<Item = &'a Flight> {
        let facts = self.facts;
        let flights = self.life.openings.iter().filter_map(move |id| facts.flights.get(id));
        flights.flatten().copied()
    }

    /// What is over is not told any more.
    fn nothing_of_it_leaves_afterwards(&self) -> Result<(), String> {
        let Some(at) = self.life.end.as_ref().map(|end| end.at) else { return Ok(()) };
        let late = self.beginnings().find(|flight| flight.departed_as > at);
        must(late.is_none(), || format!("{} was over, and left: {}", self.name(), late.unwrap()))
    }

    /// Who heard of it, or may have, hears that it is over; nobody else does.
    fn is_ended_where_it_was_told(&self) -> Result<(), String> {
        let Some(end) = &self.life.end else {
            let must_end =
                self.life.times_out && !self.life.may_be_forgotten && self.beginnings().any(|flight| flight.arrived);
            return must(!must_end, || format!("{} goes on for ever", self.name()));
        };
        let was_told = self.beginnings().any(Flight::may_have_arrived);
        let Some(id) = end.told_by else {
            return must(!was_told, || format!("{} is never told to be over", self.name()));
        };
        let (row, flights) = (self.facts.row(id), self.facts.flights.get(&id));
        let is_told = matches!(row.state, DeliveryState::Delivered | DeliveryState::Dead);
        must(is_told || !was_told, || format!("{} is over and {} is {:?}", self.name(), in_parts(id), row.state))?;
        // Of one that was never settled the store cannot know whether it was sent at all.
        let may_have_been_told = self.beginnings().any(|flight| flight.may_have_arrived() || flight.settled.is_none());
        must(flights.is_none() || may_have_been_told, || format!("{} is ended where it never began", self.name()))
    }
}
