//! Keeps everything in memory: for tests and trials. Nothing survives the process, and `serve` says so.
//!
//! Bounded only by retention; one lock around everything, because correctness is all it is for.

mod silences;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::{
    Append, Appended, Backlog, Cursor, DeliveryRow, DeliveryState, Settled, Settlement, Store, StoreError, StoredEvent,
};
use crate::event::Timestamp;
use crate::event::delivery::{Delivery, Outcome};
use crate::event::silence::{Silence, Terms};
use crate::names::{CursorName, DeliveryId, EventId, SilenceId, TargetName};
use silences::Silences;

/// The section `store.memory`: there is nothing to set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// The memory engine.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By sequence number, so in the order of arrival.
    events: BTreeMap<u64, StoredEvent>,
    sequence_of: HashMap<EventId, u64>,
    event_of: BTreeMap<DeliveryId, u64>,
    /// Which attempt holds a delivery: claimed last and not settled yet.
    held_by: HashMap<DeliveryId, u32>,
    paused_until: HashMap<TargetName, Timestamp>,
    cursors: HashMap<CursorName, String>,
    silences: Silences,
    last_event: u64,
    last_delivery: i64,
}

impl MemoryStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn append(&mut self, append: Append) -> Appended {
        if let Some(first) = self.sequence_of.get(&append.event.id).and_then(|at| self.events.get_mut(at)) {
            let conflict = first.event.source == append.event.source && first.event.body != append.event.body;
            *(if conflict { &mut first.conflicts } else { &mut first.duplicates }) += 1;
            return Appended::Duplicate { conflict };
        }
        self.last_event += 1;
        let due_at = append.event.received_at;
        let mut deliveries = Vec::with_capacity(append.owed.len());
        for owed in append.owed {
            self.last_delivery += 1;
            let id = DeliveryId::from_row(self.last_delivery);
            self.event_of.insert(id, self.last_event);
            let state = DeliveryState::Pending;
            deliveries.push(DeliveryRow { id, owed, state, attempts: 0, due_at, detail: None });
        }
        self.sequence_of.insert(append.event.id.clone(), self.last_event);
        let stored = StoredEvent { event: append.event, duplicates: 0, conflicts: 0, deliveries };
        self.events.insert(self.last_event, stored);
        Appended::New
    }

    fn pending<'a>(&'a mut self, target: &'a TargetName) -> impl Iterator<Item = &'a mut DeliveryRow> {
        let rows = self.events.values_mut().flat_map(|stored| &mut stored.deliveries);
        rows.filter(move |row| row.state == DeliveryState::Pending && row.owed.target == *target)
    }

    fn row(&mut self, id: DeliveryId) -> Option<&mut DeliveryRow> {
        let stored = self.events.get_mut(self.event_of.get(&id)?)?;
        stored.deliveries.iter_mut().find(|row| row.id == id)
    }

    fn delivery(&self, id: DeliveryId, now: Timestamp) -> Option<Delivery> {
        let stored = self.events.get(self.event_of.get(&id)?)?;
        let row = stored.deliveries.iter().find(|row| row.id == id)?;
        Some(Delivery {
            id,
            route: row.owed.route.clone(),
            target: row.owed.target.clone(),
            severity: row.owed.severity,
            attempt: row.attempts,
            claimed_at: now,
            event: stored.event.clone(),
        })
    }

    fn claim(&mut self, target: &TargetName, now: Timestamp, lease: Duration, limit: usize) -> Vec<Delivery> {
        if self.paused_until.get(target).is_some_and(|until| *until > now) {
            return Vec::new();
        }
        let due = self.pending(target).filter(|row| row.due_at <= now);
        let mut ids: Vec<_> = due.map(|row| (row.due_at, row.id)).collect();
        ids.sort();
        ids.truncate(limit);
        for (_, id) in &ids {
            if let Some(row) = self.row(*id) {
                row.attempts += 1;
                row.due_at = now.saturating_add(lease);
                let attempt = row.attempts;
                self.held_by.insert(*id, attempt);
            }
        }
        ids.into_iter().filter_map(|(_, id)| self.delivery(id, now)).collect()
    }

    fn settle(&mut self, settlement: Settlement) -> Settled {
        let holds = self.held_by.get(&settlement.delivery) == Some(&settlement.attempt);
        let Some(row) = self.row(settlement.delivery).filter(|_| holds) else { return Settled::Fenced };
        let target = row.owed.target.clone();
        match settlement.outcome {
            Outcome::Delivered => row.state = DeliveryState::Delivered,
            Outcome::Dead { detail, .. } => {
                row.state = DeliveryState::Dead;
                row.detail = Some(detail);
            }
            Outcome::Retry { at, detail, target_paused_until, .. } => {
                row.due_at = at;
                row.detail = Some(detail);
                if let Some(until) = target_paused_until {
                    let paused_until = self.paused_until.entry(target).or_insert(until);
                    *paused_until = until.max(*paused_until);
                }
            }
        }
        self.held_by.remove(&settlement.delivery);
        settlement.raise.into_iter().for_each(|append| {
            self.append(append);
        });
        Settled::Done
    }

    fn backlog(&self) -> BTreeMap<TargetName, Backlog> {
        let mut waiting: BTreeMap<TargetName, Backlog> = BTreeMap::new();
        for stored in self.events.values() {
            for row in &stored.deliveries {
                if row.state == DeliveryState::Delivered {
                    continue;
                }
                let backlog = waiting.entry(row.owed.target.clone()).or_default();
                if row.state == DeliveryState::Dead {
                    backlog.dead += 1;
                } else {
                    backlog.pending += 1;
                    backlog.oldest.get_or_insert(stored.event.received_at);
                }
            }
        }
        waiting
    }

    fn prune(&mut self, before: Timestamp, limit: usize) -> usize {
        let over = |stored: &StoredEvent| {
            let ended = stored.deliveries.iter().all(|row| row.state != DeliveryState::Pending);
            ended && stored.event.received_at < before
        };
        let forgotten = self.events.iter().filter(|(_, stored)| over(stored)).map(|(at, _)| *at);
        let forgotten: Vec<u64> = forgotten.take(limit).collect();
        for at in &forgotten {
            if let Some(stored) = self.events.remove(at) {
                self.sequence_of.remove(&stored.event.id);
                stored.deliveries.iter().for_each(|row| {
                    self.event_of.remove(&row.id);
                });
            }
        }
        forgotten.len()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Vec<Appended>, StoreError> {
        cursor.as_ref().map_or(Ok(()), Cursor::check)?;
        let mut kept = self.kept();
        kept.cursors.extend(cursor.map(|cursor| (cursor.name, cursor.value)));
        Ok(appends.into_iter().map(|append| kept.append(append)).collect())
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        Ok(self.kept().cursors.get(name).cloned())
    }

    async fn contains(&self, id: &EventId) -> Result<bool, StoreError> {
        Ok(self.kept().sequence_of.contains_key(id))
    }

    async fn note_conflict(&self, id: &EventId) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let at = kept.sequence_of.get(id).copied();
        if let Some(first) = at.and_then(|at| kept.events.get_mut(&at)) {
            first.conflicts += 1;
        }
        Ok(())
    }

    async fn claim(
        &self,
        target: &TargetName,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.kept().claim(target, now, lease, limit))
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        Ok(self.kept().settle(settlement))
    }

    async fn next_due(&self, target: &TargetName) -> Result<Option<Timestamp>, StoreError> {
        let mut kept = self.kept();
        let paused_until = kept.paused_until.get(target).copied();
        let earliest = kept.pending(target).map(|row| row.due_at).min();
        Ok(earliest.map(|due| paused_until.map_or(due, |until| due.max(until))))
    }

    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        let kept = self.kept();
        Ok(kept.sequence_of.get(id).and_then(|at| kept.events.get(at)).cloned())
    }

    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError> {
        Ok(self.kept().backlog())
    }

    async fn silences(&self, since: Timestamp, limit: usize) -> Result<Vec<Silence>, StoreError> {
        Ok(self.kept().silences.list(since, limit))
    }

    async fn keep_silence(&self, terms: Terms) -> Result<Silence, StoreError> {
        Ok(self.kept().silences.keep(terms))
    }

    async fn end_silence(&self, id: SilenceId, at: Timestamp, by: &str) -> Result<Option<Silence>, StoreError> {
        Ok(self.kept().silences.end(id, at, by))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut kept = self.kept();
        kept.silences.prune(before, limit);
        Ok(kept.prune(before, limit))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
