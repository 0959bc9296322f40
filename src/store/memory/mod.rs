//! Keeps everything in memory: for tests and trials. Nothing survives the process, and `serve` says so.
//!
//! Bounded only by retention; one lock around everything, because correctness is all it is for. [`rows`] is what the rules of
//! the queue work on.

mod acts;
mod ledger;
mod list;
mod replays;
mod rows;
mod silences;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;

use super::query::{EventFilter, EventRow, Listed, OwedRow, Slice};
use super::queue::{self, Beside, IncidentRow, PER_EVENT, Row, Slot, SlotName, StormClock};
use super::replay::{Replay, ReplayStep, ReplayTerms, Retry};
use super::{
    Aftermath, Append, Appended, Backlog, Claim, Claimed, Cursor, DeliveryState, Repeats, Retried, Settled, Settlement,
    Store, StoreError, StoredEvent, Terms,
};
use crate::event::act::{Act, Deed, Signature};
use crate::event::ledger::KeptTable;
use crate::event::silence::{self, Silence};
use crate::event::{Event, Timestamp};
use crate::names::{CursorName, DeliveryId, EventId, IncidentKey, ReplayId, RouteName, SilenceId, TableId, TargetName};
use crate::target::{Obeyed, Order, TargetState};
use acts::Acts;
use ledger::Ledger;
use replays::Replays;
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
    /// By number, so in the order of arrival.
    events: BTreeMap<i64, KeptEvent>,
    number_of: HashMap<EventId, i64>,
    deliveries: BTreeMap<DeliveryId, KeptDelivery>,
    pending: HashMap<TargetName, BTreeSet<DeliveryId>>,
    targets: HashMap<TargetName, TargetState>,
    incidents: BTreeMap<(TargetName, IncidentKey), IncidentRow>,
    slots: HashMap<SlotName, Slot>,
    storms: HashMap<RouteName, StormClock>,
    cursors: HashMap<CursorName, String>,
    silences: Silences,
    tables: HashMap<TableId, String>,
    acts: Acts,
    replays: Replays,
    last_event: i64,
}

#[derive(Debug)]
struct KeptEvent {
    event: Event,
    duplicates: u64,
    conflicts: u64,
    routed_by: Option<TableId>,
    ledger: Ledger,
}

#[derive(Debug)]
struct KeptDelivery {
    row: Row,
    beside: Beside,
}

impl MemoryStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn append(&mut self, append: Append, after: &mut Aftermath) -> Appended {
        let known = self.number_of.get(&append.event.id).and_then(|number| self.events.get_mut(number));
        if let Some(first) = known {
            let conflict = first.event.source == append.event.source && first.event.body != append.event.body;
            let (plain, conflicts) = (u64::from(!conflict), u64::from(conflict));
            let Event { id, source, received_at: at, .. } = append.event;
            first.repeat(Repeats { id, source, plain, conflicts, at });
            return Appended::Duplicate { conflict };
        }
        self.last_event += 1;
        let (number, received_at) = (self.last_event, append.event.received_at);
        self.number_of.insert(append.event.id.clone(), number);
        self.events.insert(
            number,
            KeptEvent {
                event: append.event,
                duplicates: 0,
                conflicts: 0,
                routed_by: append.routed_by,
                ledger: Ledger::default(),
            },
        );
        let Ok(()) = queue::owe::owe(self, number, &append.owed, received_at, after);
        append.deed.into_iter().for_each(|deed| self.acts.keep(deed));
        Appended::New
    }

    fn deliveries_of(&self, number: i64) -> impl Iterator<Item = &KeptDelivery> {
        let id = |n| DeliveryId::from_row(number * PER_EVENT + n);
        self.deliveries.range(id(0)..id(PER_EVENT)).map(|(_, kept)| kept)
    }

    fn stored(&self, number: i64) -> Option<StoredEvent> {
        let KeptEvent { event, duplicates, conflicts, routed_by, ledger } = self.events.get(&number)?;
        let deliveries = self.deliveries_of(number).map(|kept| kept.row.clone().shown(kept.beside.clone())).collect();
        Some(StoredEvent {
            event: event.clone(),
            duplicates: *duplicates,
            conflicts: *conflicts,
            deliveries,
            routed_by: *routed_by,
            ledger: ledger.entries().to_vec(),
        })
    }

    fn backlog(&self) -> BTreeMap<TargetName, Backlog> {
        let mut waiting: BTreeMap<TargetName, Backlog> = BTreeMap::new();
        for KeptDelivery { row, .. } in self.deliveries.values() {
            match row.state {
                DeliveryState::Pending => {
                    let backlog = waiting.entry(row.target.clone()).or_default();
                    backlog.pending += 1;
                    backlog.oldest.get_or_insert(row.received_at);
                }
                DeliveryState::Dead => waiting.entry(row.target.clone()).or_default().dead += 1,
                _ => {}
            }
        }
        waiting
    }

    fn prune(&mut self, before: Timestamp, limit: usize) -> usize {
        let ended = |number| self.deliveries_of(number).all(|kept| kept.row.state != DeliveryState::Pending);
        let over = |(number, kept): &(&i64, &KeptEvent)| kept.event.received_at < before && ended(**number);
        let forgotten: Vec<i64> = self.events.iter().filter(over).map(|(number, _)| *number).take(limit).collect();
        for number in &forgotten {
            let ids: Vec<_> = self.deliveries_of(*number).map(|kept| kept.row.id).collect();
            ids.iter().for_each(|id| drop(self.deliveries.remove(id)));
            if let Some(kept) = self.events.remove(number) {
                self.number_of.remove(&kept.event.id);
            }
        }
        let pending = self.deliveries.values().map(|kept| &kept.row).filter(|row| row.state == DeliveryState::Pending);
        let busy: BTreeSet<_> =
            pending.filter_map(|row| Some((row.target.clone(), row.incident.as_ref()?.key.clone()))).collect();
        let is_needed = |incident: &IncidentRow| incident.last_at >= before || incident.resolve_at.is_some();
        self.incidents.retain(|name, incident| is_needed(incident) || busy.contains(name));
        self.slots.retain(|_, slot| slot.held || slot.not_before.is_some_and(|until| until >= before));
        forgotten.len()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<super::Kept, StoreError> {
        cursor.as_ref().map_or(Ok(()), Cursor::check)?;
        let mut kept = self.kept();
        kept.cursors.extend(cursor.map(|cursor| (cursor.name, cursor.value)));
        let mut after = Aftermath::default();
        let now = appends.iter().map(|append| append.event.received_at).max();
        let appended = appends.into_iter().map(|append| kept.append(append, &mut after)).collect();
        let Ok(_) = now.map_or(Ok(()), |now| queue::owe::conclude(&mut *kept, now, &mut after));
        Ok(super::Kept { appended, after })
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        Ok(self.kept().cursors.get(name).cloned())
    }

    async fn contains(&self, id: &EventId) -> Result<bool, StoreError> {
        Ok(self.kept().number_of.contains_key(id))
    }

    async fn note_repeats(&self, repeats: Vec<Repeats>) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for repeat in repeats {
            let number = kept.number_of.get(&repeat.id).copied();
            if let Some(first) = number.and_then(|number| kept.events.get_mut(&number)) {
                first.repeat(repeat);
            }
        }
        Ok(())
    }

    async fn keep_table(&self, table: KeptTable, _now: Timestamp) -> Result<(), StoreError> {
        self.kept().tables.insert(table.id, table.text);
        Ok(())
    }

    async fn table(&self, id: TableId) -> Result<Option<String>, StoreError> {
        Ok(self.kept().tables.get(&id).cloned())
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let Ok(claimed) = queue::claim::claim(&mut *self.kept(), &claim);
        Ok(claimed)
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        let Ok(settled) = queue::settle::settle(&mut *self.kept(), &settlement);
        Ok(settled)
    }

    async fn next_due(
        &self,
        target: &TargetName,
        now: Timestamp,
        terms: Arc<Terms>,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(queue::due::next_due(&self.kept().seen(target), &terms, now))
    }

    async fn standing(&self, target: &TargetName) -> Result<TargetState, StoreError> {
        Ok(self.kept().targets.get(target).cloned().unwrap_or_default())
    }

    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        let kept = self.kept();
        Ok(kept.number_of.get(id).and_then(|number| kept.stored(*number)))
    }

    async fn events(&self, filter: EventFilter, slice: Slice) -> Result<Listed<EventRow>, StoreError> {
        Ok(self.kept().list_events(&filter, slice))
    }

    async fn deliveries(&self, filter: EventFilter, slice: Slice) -> Result<Listed<OwedRow>, StoreError> {
        Ok(self.kept().list_deliveries(&filter, slice))
    }

    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError> {
        Ok(self.kept().backlog())
    }

    async fn silences(&self, since: Timestamp, before: Option<i64>, limit: usize) -> Result<Vec<Silence>, StoreError> {
        Ok(self.kept().silences.list(since, before, limit))
    }

    async fn keep_silence(&self, terms: silence::Terms, by: Signature) -> Result<Silence, StoreError> {
        let mut kept = self.kept();
        let silence = kept.silences.keep(terms);
        kept.acts.keep(Deed::silence_added(&silence, by));
        Ok(silence)
    }

    async fn end_silence(&self, id: SilenceId, by: Signature) -> Result<Option<Silence>, StoreError> {
        let mut kept = self.kept();
        let Some((silence, is_first)) = kept.silences.end(id, by.at, by.author()) else { return Ok(None) };
        if is_first {
            kept.acts.keep(Deed::silence_ended(&silence, by));
        }
        Ok(Some(silence))
    }

    async fn order(&self, target: &TargetName, order: Order, by: Signature) -> Result<Obeyed, StoreError> {
        let Ok(obeyed) = queue::order::order(&mut *self.kept(), target, &order, &by);
        Ok(obeyed)
    }

    async fn acts(&self, before: Option<i64>, limit: usize) -> Result<Vec<Act>, StoreError> {
        Ok(self.kept().acts.list(before, limit))
    }

    async fn retry(&self, wanted: Retry) -> Result<Retried, StoreError> {
        Ok(self.kept().retry(&wanted))
    }

    async fn begin_replay(&self, terms: ReplayTerms, by: Signature) -> Result<Replay, StoreError> {
        Ok(self.kept().begin_replay(terms, by))
    }

    async fn replays(&self, before: Option<i64>, limit: usize) -> Result<Vec<Replay>, StoreError> {
        Ok(self.kept().replays.list(before, limit))
    }

    async fn replay(&self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        Ok(self.kept().replays.find(id).cloned())
    }

    async fn running_replay(&self) -> Result<Option<Replay>, StoreError> {
        Ok(self.kept().replays.running().cloned())
    }

    async fn go_on(&self, step: ReplayStep) -> Result<Option<Aftermath>, StoreError> {
        Ok(self.kept().go_on(&step))
    }

    async fn stop_replay(&self, id: ReplayId, by: Signature) -> Result<Option<Replay>, StoreError> {
        Ok(self.kept().stop_replay(id, by))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut kept = self.kept();
        kept.silences.prune(before, limit);
        kept.replays.prune(before, limit);
        kept.acts.prune(before, limit);
        Ok(kept.prune(before, limit))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
