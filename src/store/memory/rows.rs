//! The rows of the queue in memory: plain searches, because this engine is for trials and is the model of the others.

use std::convert::Infallible;

use super::Kept;
use super::KeptDelivery;
use crate::event::act::Deed;
use crate::event::aftermath::Aftermath;
use crate::event::batch::Receipt;
use crate::event::delivery::{Phase, Reason};
use crate::event::ledger::Fact;
use crate::event::{Event, Timestamp};
use crate::names::{DeliveryId, IncidentKey, RouteName, TargetName};
use crate::store::queue::due::Seen;
use crate::store::queue::{
    self, Among, Beside, End, IncidentRow, Lane, PER_EVENT, Row, Rows, Slot, SlotName, StormClock, Which, event_of,
};
use crate::store::{Append, Appended, DeliveryState};
use crate::target::TargetState;

type Done<T> = Result<T, Infallible>;

impl Kept {
    /// What is known of a target.
    pub(super) fn seen(&mut self, target: &TargetName) -> Seen {
        let first_due = self.pending(target).filter(|row| !row.behind).map(|row| row.due_at).min();
        let Ok(times_out) = self.first_to_time_out(target);
        let Ok(standing) = self.target(target);
        Seen { first_due, times_out: times_out.map(|(_, at)| at), standing }
    }

    /// In the order of their ids, which for one event is the order in which they were owed.
    fn pending(&self, target: &TargetName) -> impl Iterator<Item = &Row> {
        let ids = self.pending.get(target).into_iter().flatten();
        ids.filter_map(|id| self.deliveries.get(id)).map(|kept| &kept.row)
    }

    fn finish(&mut self, id: DeliveryId, state: DeliveryState, at: Timestamp) -> Option<&mut KeptDelivery> {
        let kept = self.deliveries.get_mut(&id)?;
        kept.beside.settled_at = Some(at);
        (kept.row.state, kept.row.held, kept.row.interrupted, kept.row.behind) = (state, None, false, false);
        if let Some(pending) = self.pending.get_mut(&kept.row.target) {
            pending.remove(&id);
        }
        Some(kept)
    }
}

fn leaves_with(row: &Row, of: &SlotName) -> bool {
    let in_it = match &of.which {
        Which::Group(key, among) => {
            let is_among = match (among, &row.incident) {
                (Among::All, _) | (Among::WithoutIncident, None) => true,
                (Among::Step(key, phase), Some(step)) => step.key == *key && step.phase == *phase,
                (Among::WithoutIncident, Some(_)) | (Among::Step(..), None) => false,
            };
            is_among && row.group.as_ref() == Some(key)
        }
        Which::Storm { with_incidents } => row.swept && (*with_incidents || row.incident.is_none()),
    };
    in_it && row.route == of.route
}

impl Rows for Kept {
    type Error = Infallible;

    fn target(&mut self, name: &TargetName) -> Done<TargetState> {
        Ok(self.targets.get(name).cloned().unwrap_or_default())
    }

    fn keep_target(&mut self, name: &TargetName, state: &TargetState) -> Done<()> {
        self.targets.insert(name.clone(), state.clone());
        Ok(())
    }

    fn keep_act(&mut self, deed: Deed) -> Done<()> {
        self.acts.keep(deed);
        Ok(())
    }

    fn insert(&mut self, row: &Row) -> Done<()> {
        self.pending.entry(row.target.clone()).or_default().insert(row.id);
        self.deliveries.insert(row.id, KeptDelivery { row: row.clone(), beside: Beside::default() });
        Ok(())
    }

    fn sibling(&mut self, of: DeliveryId) -> Done<Option<DeliveryId>> {
        let number = event_of(of);
        if !self.events.contains_key(&number) {
            return Ok(None);
        }
        let last = self.deliveries_of(number).last().map(|kept| kept.row.id.row());
        let next = last.map_or(number * PER_EVENT, |last| last + 1);
        Ok((next < (number + 1) * PER_EVENT).then(|| DeliveryId::from_row(next)))
    }

    fn is_relied_on(&mut self, of: DeliveryId, target: &TargetName) -> Done<bool> {
        Ok(self.deliveries_of(event_of(of)).any(|kept| kept.row.fell_back_to.as_ref() == Some(target)))
    }

    fn of_event(&mut self, of: DeliveryId) -> Done<Vec<Row>> {
        Ok(self.deliveries_of(event_of(of)).map(|kept| kept.row.clone()).collect())
    }

    fn last_id(&mut self) -> Done<i64> {
        Ok(self.deliveries.keys().next_back().map_or(0, |id| id.row()))
    }

    fn row(&mut self, id: DeliveryId) -> Done<Option<Row>> {
        Ok(self.deliveries.get(&id).map(|kept| kept.row.clone()))
    }

    fn update(&mut self, row: &Row) -> Done<()> {
        if let Some(kept) = self.deliveries.get_mut(&row.id) {
            kept.row = row.clone();
        }
        Ok(())
    }

    fn note_failure(&mut self, id: DeliveryId, reason: Reason, detail: &str) -> Done<()> {
        if let Some(kept) = self.deliveries.get_mut(&id) {
            (kept.beside.reason, kept.beside.detail) = (Some(reason), Some(detail.to_owned()));
        }
        Ok(())
    }

    fn last_failure(&mut self, id: DeliveryId) -> Done<Option<String>> {
        Ok(self.deliveries.get(&id).and_then(|kept| kept.beside.detail.clone()))
    }

    fn end_delivered(&mut self, id: DeliveryId, receipt: Option<&Receipt>, at: Timestamp) -> Done<()> {
        if let Some(kept) = self.finish(id, DeliveryState::Delivered, at) {
            kept.beside.receipt = receipt.cloned();
        }
        Ok(())
    }

    fn revive(&mut self, row: &Row) -> Done<()> {
        if let Some(kept) = self.deliveries.get_mut(&row.id) {
            (kept.row, kept.beside.settled_at) = (row.clone(), None);
            self.pending.entry(row.target.clone()).or_default().insert(row.id);
        }
        Ok(())
    }

    fn end(&mut self, id: DeliveryId, end: &End, at: Timestamp) -> Done<()> {
        if let Some(kept) = self.finish(id, end.state(), at) {
            (kept.beside.reason, kept.beside.detail) = (end.reason(), Some(end.detail().to_owned()));
        }
        Ok(())
    }

    fn head(&mut self, target: &TargetName, lane: Lane, now: Timestamp) -> Done<Option<Row>> {
        let due = || self.pending(target).filter(|row| row.due_at <= now && !row.behind);
        if lane == Lane::Probe {
            let first = |row: &&Row| (row.tried, !row.is_fresh_at(now), row.due_at, row.id);
            return Ok(due().min_by_key(first).cloned());
        }
        let in_lane: Vec<&Row> = due().filter(|row| row.is_fresh_at(now) == (lane == Lane::Fresh)).collect();
        let waiting = in_lane.iter().filter(|row| !row.tried).min_by_key(|row| (row.due_at, row.id));
        let tried = in_lane.iter().filter(|row| row.tried).min_by_key(|row| row.id);
        Ok(waiting.into_iter().chain(tried).min_by_key(|row| row.id).map(|row| (*row).clone()))
    }

    fn gather(&mut self, of: &SlotName, now: Timestamp, limit: usize) -> Done<Vec<Row>> {
        let free = self.pending(&of.target).filter(|row| leaves_with(row, of) && !row.is_held_at(now));
        Ok(free.take(limit).cloned().collect())
    }

    fn postpone(&mut self, of: &SlotName, now: Timestamp, until: Timestamp) -> Done<()> {
        let early: Vec<DeliveryId> = self
            .pending(&of.target)
            .filter(|row| leaves_with(row, of) && !row.behind && row.due_at <= now)
            .map(|row| row.id)
            .collect();
        for id in early {
            if let Some(kept) = self.deliveries.get_mut(&id) {
                kept.row.due_at = until;
            }
        }
        Ok(())
    }

    fn reschedule(&mut self, of: &SlotName, from: Timestamp, to: Timestamp) -> Done<()> {
        let due: Vec<DeliveryId> = self
            .pending(&of.target)
            .filter(|row| leaves_with(row, of) && row.held.is_none() && row.due_at == from)
            .map(|row| row.id)
            .collect();
        for id in due {
            if let Some(kept) = self.deliveries.get_mut(&id) {
                kept.row.due_at = to;
            }
        }
        Ok(())
    }

    fn of_incident(
        &mut self,
        target: &TargetName,
        key: &IncidentKey,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Done<Vec<Row>> {
        let of_it = |row: &&Row| row.incident.as_ref().is_some_and(|step| step.key == *key);
        let later = self.pending(target).filter(|row| after.is_none_or(|after| row.id > after));
        Ok(later.filter(of_it).take(limit).cloned().collect())
    }

    fn dead_openings(
        &mut self,
        target: &TargetName,
        key: &IncidentKey,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Done<Vec<DeliveryId>> {
        let of_it =
            |row: &&Row| row.incident.as_ref().is_some_and(|step| step.key == *key && step.phase == Phase::Open);
        let is_dead = |row: &&Row| row.state == DeliveryState::Dead && row.target == *target && !row.over;
        let later =
            self.deliveries.values().map(|kept| &kept.row).filter(|row| after.is_none_or(|after| row.id > after));
        Ok(later.filter(is_dead).filter(of_it).take(limit).map(|row| row.id).collect())
    }

    fn is_over(&mut self, dead: DeliveryId) -> Done<()> {
        if let Some(kept) = self.deliveries.get_mut(&dead) {
            kept.row.over = true;
        }
        Ok(())
    }

    fn last_of_incident(&mut self, target: &TargetName, key: &IncidentKey) -> Done<Option<Row>> {
        let of_it = |row: &&Row| row.incident.as_ref().is_some_and(|step| step.key == *key);
        Ok(self.pending(target).filter(of_it).last().cloned())
    }

    fn not_fallen_back(&mut self, target: &TargetName, after: i64, limit: usize) -> Done<Vec<Row>> {
        let later = self.pending(target).filter(|row| row.id.row() > after && row.fell_back_to.is_none());
        Ok(later.take(limit).cloned().collect())
    }

    fn incident(&mut self, target: &TargetName, key: &IncidentKey) -> Done<Option<IncidentRow>> {
        Ok(self.incidents.get(&(target.clone(), key.clone())).cloned())
    }

    fn keep_incident(&mut self, target: &TargetName, key: &IncidentKey, row: &IncidentRow) -> Done<()> {
        self.incidents.insert((target.clone(), key.clone()), row.clone());
        Ok(())
    }

    fn forget_incident(&mut self, target: &TargetName, key: &IncidentKey) -> Done<()> {
        self.incidents.remove(&(target.clone(), key.clone()));
        Ok(())
    }

    fn first_to_time_out(&mut self, target: &TargetName) -> Done<Option<(IncidentKey, Timestamp)>> {
        let here = self.incidents.iter().filter(|((at, _), _)| at == target);
        let ends = here.filter_map(|((_, key), incident)| Some((incident.resolve_at?, key)));
        Ok(ends.min().map(|(at, key)| (key.clone(), at)))
    }

    fn slot(&mut self, name: &SlotName) -> Done<Slot> {
        Ok(self.slots.get(name).cloned().unwrap_or_default())
    }

    fn keep_slot(&mut self, name: &SlotName, slot: &Slot) -> Done<()> {
        self.slots.insert(name.clone(), slot.clone());
        Ok(())
    }

    fn forget_slots(&mut self, target: &TargetName, before: Timestamp) -> Done<()> {
        let is_over = |slot: &Slot| !slot.held && slot.not_before.is_none_or(|until| until < before);
        self.slots.retain(|name, slot| name.target != *target || !is_over(slot));
        Ok(())
    }

    fn storm(&mut self, route: &RouteName) -> Done<StormClock> {
        Ok(self.storms.get(route).copied().unwrap_or_default())
    }

    fn keep_storm(&mut self, route: &RouteName, clock: StormClock) -> Done<()> {
        self.storms.insert(route.clone(), clock);
        Ok(())
    }

    fn receipt(&mut self, id: DeliveryId) -> Done<Option<Receipt>> {
        Ok(self.deliveries.get(&id).and_then(|kept| kept.beside.receipt.clone()))
    }

    fn event(&mut self, of: DeliveryId, with_body: bool) -> Done<Result<Event, String>> {
        let Some(kept) = self.events.get(&queue::event_of(of)) else {
            return Ok(Err("its event is gone".to_owned()));
        };
        let mut event = kept.event.clone();
        if !with_body {
            event.body = Default::default();
        }
        Ok(Ok(event))
    }

    fn note(&mut self, event: i64, at: Timestamp, fact: &Fact) -> Done<()> {
        if let Some(kept) = self.events.get_mut(&event) {
            kept.ledger.note(at, fact.clone());
        }
        Ok(())
    }

    fn raise(&mut self, append: Append, after: &mut Aftermath) -> Done<()> {
        let event = append.event.clone();
        if self.append(append, after) == Appended::New {
            after.raised.push(event);
        }
        Ok(())
    }
}
