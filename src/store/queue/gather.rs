//! Puts together what leaves in one message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::claim::Claiming;
use super::{Among, Lane, Row, Rows, Slot, SlotName, Step, Which, written};
use crate::event::batch::{Batch, Gathering, Incident, Lease, Pace, Receipt};
use crate::event::delivery::{Delivery, DeliveryState, Phase};
use crate::event::tally::Tally;
use crate::event::{Event, Timestamp};
use crate::names::{DeliveryId, IncidentKey};
use crate::store::Terms;
use crate::target::Departure;

/// Deliveries that will leave together.
pub struct Party {
    /// In order of arrival; never empty.
    members: Vec<Row>,
    /// The ones to show, with their events; the most severe first.
    shown: Vec<(Row, Event)>,
    tally: Tally,
    /// Of each incident, the last step that is among them.
    last_steps: BTreeMap<IncidentKey, DeliveryId>,
    slot: Option<(SlotName, Slot, Pace)>,
    storm_since: Option<Timestamp>,
}

impl Party {
    /// Gathers around `head`. `None` when its group has to wait: then all of it is due later.
    pub(super) fn of<R: Rows>(
        claiming: &mut Claiming<'_, R>,
        head: Row,
        event: Event,
    ) -> Result<Option<Self>, R::Error> {
        if head.incident.is_none() && !claiming.work.terms.tells_many {
            return Ok(Some(Self::alone(head, event)));
        }
        let gathering = claiming.work.terms.judge.gathering(&head.route);
        let weather = claiming.weather(&head, &gathering)?;
        let together = match (weather, gathering.storm, gathering.group) {
            (Weather::Swept(_), Some(pace), _) => Some((claiming.work.terms.storm_slot(&head), pace)),
            (Weather::Fair, _, Some(pace)) => claiming.work.terms.group_slot(&head).map(|name| (name, pace)),
            _ => None,
        };
        let Some((name, pace)) = together else { return Ok(Some(Self::alone(head, event))) };
        let slot = claiming.work.rows.slot(&name)?;
        if let Some(until) = claiming.has_to_wait(&head, &slot, pace)? {
            claiming.work.rows.postpone(&name, claiming.work.now, until)?;
            return Ok(None);
        }
        let storm_since = weather.storm_since();
        let mut party = Self::alone(head, event);
        (party.slot, party.storm_since) = (Some((name.clone(), slot, pace)), storm_since);
        party.invite(claiming, &name, pace.max_events)?;
        Ok(Some(party))
    }

    fn alone(row: Row, event: Event) -> Self {
        let mut party = Self {
            members: Vec::new(),
            shown: Vec::new(),
            tally: Tally::default(),
            last_steps: BTreeMap::new(),
            slot: None,
            storm_since: None,
        };
        party.join(row, event);
        party
    }

    fn join(&mut self, row: Row, event: Event) {
        match row.phase() {
            Some(Phase::Resolve) => self.tally.add_resolved(),
            _ => self.tally.add(&event, row.severity),
        }
        if let Some(step) = &row.incident {
            self.last_steps.insert(step.key.clone(), row.id);
        }
        self.members.push(row.clone());
        // Ends of incidents come last, because they are no bad news.
        let rank = |row: &Row| (row.phase() != Some(Phase::Resolve), row.severity);
        let worse = |(other, _): &(Row, Event)| rank(other) < rank(&row);
        let place = self.shown.iter().position(worse).unwrap_or(self.shown.len());
        self.shown.insert(place, (row, event));
        self.shown.truncate(Batch::MAX_SHOWN);
    }

    fn invite<R: Rows>(
        &mut self,
        claiming: &mut Claiming<'_, R>,
        name: &SlotName,
        max_events: usize,
    ) -> Result<(), R::Error> {
        let head = self.members.first().map(|row| row.id);
        for row in claiming.work.rows.gather(name, claiming.work.now, max_events)? {
            if self.members.len() >= max_events {
                break;
            }
            // Who ended while they gathered, or turned out to have been told, may have changed others of its incident.
            let row = claiming.work.rows.as_it_is(&row)?;
            if Some(row.id) == head || row.state != DeliveryState::Pending || !self.is_in_turn(claiming, &row)? {
                continue;
            }
            if let Some(event) = claiming.judged(&row, false)? {
                self.join(row, event);
            }
        }
        self.members.sort_by_key(|row| row.id);
        Ok(())
    }

    /// Whether every earlier step of its incident is among them, or has ended.
    fn is_in_turn<R: Rows>(&self, claiming: &mut Claiming<'_, R>, row: &Row) -> Result<bool, R::Error> {
        let Some(step) = row.incident.as_ref().filter(|_| row.behind) else { return Ok(true) };
        // Whom it waits for is not among them, and may have come with a later event: what fell back comes late.
        let Some(last) = self.last_steps.get(&step.key).copied() else { return Ok(false) };
        let next = claiming.work.rows.of_incident(&row.target, &step.key, Some(last), 1)?.pop();
        Ok(next.is_some_and(|next| next.id == row.id))
    }

    /// Writes down that it leaves, and says what leaves.
    pub(super) fn depart<R: Rows>(self, claiming: &mut Claiming<'_, R>, lane: Lane) -> Result<Batch, R::Error> {
        let (now, lease) = (claiming.work.now, claiming.work.terms.lease);
        let Departure { lease: holder, is_probe } = claiming.state.depart(&claiming.work.terms.limits, now, lease);
        let lease_ends = now.saturating_add(lease);
        for row in &self.members {
            // Who ended while they gathered may have changed what was read of another one of its incident.
            let row = claiming.work.rows.as_it_is(row)?;
            written::cut_short(claiming.work.rows, &row, now)?;
            let attempts = row.attempts.saturating_add(1);
            let told = row.told || row.is_interrupted();
            let held = Row { attempts, told, held: Some(holder), interrupted: false, due_at: lease_ends, ..row };
            claiming.work.rows.update(&held)?;
        }
        let incident = self.incident(claiming)?;
        let earlier = self.earlier(claiming, incident.as_ref())?;
        let before = self.before(claiming.work.terms, incident.as_ref());
        let first_event = self.first_event(claiming)?;
        if let Some((name, slot, _)) = &self.slot {
            let storm_since = self.storm_since;
            let same = Some(slot.clone()).filter(|slot| slot.storm_since == storm_since).unwrap_or_default();
            let slot = Slot { not_before: Some(lease_ends), held: true, storm_since, ..same };
            claiming.work.rows.keep_slot(name, &slot)?;
        }
        Ok(self.into_batch(Leaving {
            holder,
            is_probe,
            is_old: lane == Lane::Old,
            now,
            first_event,
            incident,
            earlier,
            before,
        }))
    }

    /// The step of an incident that all of them are.
    fn step(&self) -> Option<&Step> {
        let first = self.members.first()?.incident.as_ref()?;
        let same =
            |row: &Row| row.incident.as_ref().is_some_and(|step| step.key == first.key && step.phase == first.phase);
        self.members.iter().all(same).then_some(first)
    }

    /// Of many, the event of the first.
    fn first_event<R: Rows>(&self, claiming: &mut Claiming<'_, R>) -> Result<Option<Arc<Event>>, R::Error> {
        match self.members.as_slice() {
            [first, _, ..] => Ok(claiming.work.rows.event(first.id, true)?.ok().map(Arc::new)),
            _ => Ok(None),
        }
    }

    fn incident<R: Rows>(&self, claiming: &mut Claiming<'_, R>) -> Result<Option<Incident>, R::Error> {
        let Some((Step { key, phase, opened_by }, first)) = self.step().zip(self.members.first()) else {
            return Ok(None);
        };
        let known = claiming.work.rows.incident(&first.target, key)?;
        let opened_by = opened_by.or(known.as_ref().map(|known| known.opened_by)).unwrap_or(first.id);
        let opening = match opened_by == first.id {
            true => None,
            false => claiming.work.rows.event(opened_by, false)?.ok(),
        };
        // Not by the row of the opening: where nobody can read that, the others of its incident must leave all the same.
        let same = known.filter(|known| known.opened_by == opened_by);
        let severity = same.map_or(first.severity, |known| known.severity);
        let opened_at = opening.as_ref().map_or(first.received_at, |event| event.received_at);
        let timed_out = first.origin == super::Origin::TimedOut;
        let opening = opening.filter(|_| *phase == Phase::Resolve).map(Arc::new);
        Ok(Some(Incident { key: key.clone(), phase: *phase, severity, opened_at, opening, timed_out }))
    }

    /// What the target gave for the first message about the incident, else for the last one about the storm.
    fn earlier<R: Rows>(
        &self,
        claiming: &mut Claiming<'_, R>,
        incident: Option<&Incident>,
    ) -> Result<Option<Receipt>, R::Error> {
        if let Some((incident, first)) = incident.zip(self.members.first()) {
            let opened_by = first.incident.as_ref().and_then(|step| step.opened_by);
            let of_opening = match opened_by {
                Some(id) => claiming.work.rows.receipt(id)?,
                None => None,
            };
            let known = claiming.work.rows.incident(&first.target, &incident.key)?;
            return Ok(of_opening.or(known.and_then(|known| known.receipt)));
        }
        Ok(self.same_storm().and_then(|slot| slot.receipt.clone()))
    }

    /// What is known of the storm that it tells of, where something was told of that before.
    fn same_storm(&self) -> Option<&Slot> {
        let (_, slot, _) = self.slot.as_ref().filter(|_| self.storm_since.is_some())?;
        Some(slot).filter(|slot| slot.storm_since == self.storm_since)
    }

    /// What the message tells that it is to be written into. What is worse than all of that is told anew, because nobody
    /// hears that a message was changed.
    fn before(&self, terms: &Terms, incident: Option<&Incident>) -> Option<Tally> {
        let slot = self.same_storm().filter(|slot| terms.rewrites_storms && slot.receipt.is_some())?;
        let worst = |tally: &Tally| tally.severities().next().map(|(severity, _)| severity);
        let told = slot.told.as_ref().filter(|told| worst(&self.tally) <= worst(told));
        told.filter(|_| incident.is_none()).cloned()
    }

    /// Of a batch that has news the ends of incidents are only counted.
    fn shown(&mut self) -> Vec<(Row, Event)> {
        let mut shown = std::mem::take(&mut self.shown);
        if self.tally.events() > 0 {
            shown.retain(|(row, _)| row.phase() != Some(Phase::Resolve));
        }
        shown
    }

    fn into_batch(mut self, leaving: Leaving) -> Batch {
        let Leaving { holder, is_probe, is_old, now, first_event, incident, earlier, before } = leaving;
        let attempt = self.members.iter().map(|row| row.attempts.saturating_add(1)).max().unwrap_or(1);
        let is_full = self.slot.as_ref().is_some_and(|(_, _, pace)| self.members.len() >= pace.max_events);
        let is_alone = self.members.len() == 1;
        let owed_since = self.members.iter().map(|row| row.received_at).min().unwrap_or(now);
        let worst = self.shown();
        Batch {
            lease: holder,
            attempt,
            claimed_at: now,
            owed_since,
            is_probe,
            is_old,
            is_storm: self.storm_since.is_some(),
            is_gathered: self.slot.is_some(),
            is_full,
            deliveries: self.members.iter().map(|row| row.id).collect(),
            tally: (!is_alone).then_some(self.tally),
            shown: worst.into_iter().map(|(row, event)| shown(row, event, now, is_alone)).collect(),
            first_event,
            incident,
            earlier,
            before,
        }
    }
}

/// What a party leaves with.
struct Leaving {
    holder: Lease,
    is_probe: bool,
    is_old: bool,
    now: Timestamp,
    first_event: Option<Arc<Event>>,
    incident: Option<Incident>,
    earlier: Option<Receipt>,
    before: Option<Tally>,
}

/// The raw body is for one that leaves alone.
fn shown(row: Row, mut event: Event, now: Timestamp, with_body: bool) -> Delivery {
    if !with_body {
        event.body = Default::default();
    }
    let Row { id, route, target, severity, attempts, again, .. } = row;
    Delivery { id, route, target, severity, attempt: attempts.saturating_add(1), claimed_at: now, event, again }
}

impl Row {
    pub(super) fn phase(&self) -> Option<Phase> {
        self.incident.as_ref().map(|step| step.phase)
    }
}

/// Whether there is a storm, as far as one delivery is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// There is none.
    Fair,
    /// There is one, since then, that sweeps it up; or it came in one that is over.
    Swept(Timestamp),
    /// There is one that spares it.
    Spared,
}

impl Weather {
    fn storm_since(self) -> Option<Timestamp> {
        match self {
            Self::Swept(since) => Some(since),
            Self::Fair | Self::Spared => None,
        }
    }
}

/// No slot is kept shut for longer than its interval and this: whatever says so was written by a wrong clock.
const BEYOND_PATIENCE: Duration = Duration::from_secs(2 * 3600);

impl<R: Rows> Claiming<'_, R> {
    fn weather(&mut self, row: &Row, gathering: &Gathering) -> Result<Weather, R::Error> {
        if gathering.storm.is_none() {
            return Ok(Weather::Fair);
        }
        let of_its_own = self.work.terms.keeps_incidents && row.incident.is_some();
        let clock = self.work.rows.storm(&row.route)?;
        let now = clock.since_at(self.work.now);
        Ok(match (row.swept, now) {
            (false, Some(_)) => Weather::Spared,
            _ if of_its_own => Weather::Fair,
            (true, Some(since)) => Weather::Swept(since),
            (true, None) if row.stormed => Weather::Swept(clock.since.unwrap_or(row.received_at)),
            _ => Weather::Fair,
        })
    }

    /// Until when what leaves together has to wait, if it has to. An incident that is new to a target that keeps incidents
    /// waits for no interval of one that is over.
    fn has_to_wait(&mut self, head: &Row, slot: &Slot, pace: Pace) -> Result<Option<Timestamp>, R::Error> {
        let now = self.work.now;
        let longest = pace.interval.max(self.work.terms.lease).saturating_add(BEYOND_PATIENCE);
        let waits = |until: &Timestamp| *until > now && *until <= now.saturating_add(longest);
        let Some(until) = slot.not_before.filter(waits) else { return Ok(None) };
        let step = head.incident.as_ref().filter(|step| step.phase == Phase::Open && !slot.held);
        let Some(step) = step.filter(|_| self.work.terms.keeps_incidents && !head.tried) else {
            return Ok(Some(until));
        };
        let known = self.work.rows.incident(&head.target, &step.key)?;
        Ok(known.is_some_and(|known| known.told).then_some(until))
    }
}

impl Terms {
    fn storm_slot(&self, row: &Row) -> SlotName {
        let which = Which::Storm { with_incidents: !self.keeps_incidents };
        SlotName { target: row.target.clone(), route: row.route.clone(), which }
    }

    fn group_slot(&self, row: &Row) -> Option<SlotName> {
        let among = match row.incident.as_ref() {
            _ if !self.keeps_incidents => Among::All,
            None => Among::WithoutIncident,
            Some(step) => Among::Step(step.key.clone(), step.phase),
        };
        let which = Which::Group(row.group.clone()?, among);
        Some(SlotName { target: row.target.clone(), route: row.route.clone(), which })
    }
}

impl Batch {
    /// What `row`, one of its deliveries, left together with.
    pub(super) fn slot_name(&self, row: &Row, terms: &Terms) -> Option<SlotName> {
        match (self.is_gathered, self.is_storm) {
            (false, _) => None,
            (true, true) => Some(terms.storm_slot(row)),
            (true, false) => terms.group_slot(row),
        }
    }
}
