//! Incidents: told in order, ended once, and only where somebody heard that they began; nobody is left with one that is over.

use std::collections::BTreeMap;

use castai_relay::event::delivery::{Owed, Phase};
use castai_relay::names::{DeliveryId, IncidentKey, TargetName};
use castai_relay::store::{DeliveryRow, DeliveryState, Origin};

use super::books::{Facts, must};
use super::ledger::{Flight, in_parts};

pub fn check(facts: &Facts<'_>) -> Result<(), String> {
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
        incident.ends_once_and_only_where_it_began()?;
        incident.openings_are_cancelled_by_ends_only()?;
        incident.does_not_stay_open()?;
    }
    Ok(())
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

    /// When its event was kept.
    fn kept_as(&self, id: DeliveryId) -> usize {
        self.facts.notes.known[self.facts.rows[&id].0].kept_as
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
            let over = pair[0].over_at().is_none_or(|over| over <= pair[1].departed);
            must(over, || {
                format!("{}: {} and {} are on their way together", self.name(), pair[0].lease, pair[1].lease)
            })?;
        }
        Ok(())
    }

    fn steps_of(&self, flight: &Flight) -> impl Iterator<Item = (DeliveryId, Phase)> {
        let of_it = flight.deliveries.iter().filter(|id| self.ids.binary_search(id).is_ok());
        of_it.filter_map(|id| Some((*id, self.facts.phase(*id)?)))
    }

    fn ends_once_and_only_where_it_began(&self) -> Result<(), String> {
        // The last beginning that may have been told and is not over.
        let mut open = None;
        for flight in self.flights() {
            for (id, step) in self.steps_of(flight) {
                match step {
                    // Of one that was never settled the store cannot know whether it was sent at all.
                    Phase::Open if flight.may_have_arrived() || flight.settled.is_none() => open = open.max(Some(id)),
                    Phase::Open => {}
                    Phase::Resolve => {
                        must(open.is_some(), || format!("{} is ended where it never began: {flight}", self.name()))?;
                        // What began after this end may have been told together with it before.
                        open = open.filter(|open| !flight.is_settled_as_taken() || *open > id);
                    }
                }
            }
        }
        Ok(())
    }

    /// When an event that ends it was kept, here or at the target that this one stands in for.
    fn ends_kept(&self) -> impl Iterator<Item = usize> {
        let ends = |owed: &Owed| {
            owed.incident.as_ref().is_some_and(|step| step.phase == Phase::Resolve && step.key == *self.key)
        };
        self.facts.notes.known.iter().filter(move |known| known.owed.iter().any(ends)).map(|known| known.kept_as)
    }

    fn openings_are_cancelled_by_ends_only(&self) -> Result<(), String> {
        let times_out = self.facts.rows.values().any(|(_, row)| {
            let same = row.owed.incident.as_ref().is_some_and(|step| step.key == *self.key);
            row.origin == Origin::TimedOut && same
        });
        for id in self.ids.iter().filter(|id| self.row(**id).state == DeliveryState::Superseded) {
            let ended = times_out || self.ends_kept().any(|end| end > self.kept_as(*id));
            must(self.facts.phase(*id) == Some(Phase::Resolve) || ended, || {
                format!("{}: {} was cancelled and nothing ends it", self.name(), in_parts(*id))
            })?;
        }
        Ok(())
    }

    fn does_not_stay_open(&self) -> Result<(), String> {
        let opens = |id: &DeliveryId| self.ids.contains(id) && self.facts.phase(*id) == Some(Phase::Open);
        let arrived = self.flights().into_iter().rfind(|flight| flight.arrived && flight.deliveries.iter().any(opens));
        let Some(told) = arrived else { return Ok(()) };
        let opening = told.deliveries.iter().copied().filter(opens).max().unwrap();
        let ends = |id: &DeliveryId| {
            let leaves_later = self.flights_with(*id).iter().any(|flight| flight.departed_as > told.departed_as);
            let is_dead = self.row(*id).state == DeliveryState::Dead;
            self.facts.phase(*id) == Some(Phase::Resolve) && (leaves_later || is_dead)
        };
        must(!self.is_to_end(opening) || self.ids.iter().any(ends), || {
            format!("{} was told open ({}) and is never told to be over", self.name(), in_parts(opening))
        })
    }

    /// Whether what was opened by this delivery, told last, must have been ended.
    fn is_to_end(&self, opening: DeliveryId) -> bool {
        let (number, row) = &self.facts.rows[&opening];
        let owed = &self.facts.notes.known[*number].owed;
        let own = owed.iter().filter(|owed| owed.route == row.owed.route && !owed.is_resolve());
        let times_out = own.clone().any(|owed| owed.incident.as_ref().is_some_and(|step| step.resolve_after.is_some()));
        // Where it was told instead of others, what ends it for them ends it here.
        let owed_to: Vec<&TargetName> = match row.origin {
            Origin::Fallback => own.map(|owed| &owed.target).collect(),
            _ => vec![self.target],
        };
        let kept_as = self.kept_as(opening);
        let is_end = |owed: &Owed| {
            let key = owed.incident.as_ref().map(|step| &step.key);
            owed.is_resolve() && key == Some(self.key) && owed_to.iter().all(|target| owed.target == **target)
        };
        let ends = self.facts.notes.known.iter().filter(|known| known.kept_as > kept_as);
        times_out || ends.into_iter().any(|known| known.owed.iter().any(is_end))
    }
}
