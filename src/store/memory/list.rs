//! Lists in memory: everything is looked at, one by one, as the other engines must answer.

use super::{Kept, KeptEvent};
use crate::event::Event;
use crate::store::StoredEvent;
use crate::store::query::{EventFilter, EventRow, Listed, Order, OwedRow, Slice};

impl Kept {
    /// The events that fit.
    pub fn list_events(&self, filter: &EventFilter, slice: Slice) -> Listed<EventRow> {
        let fits = |number: &i64| self.row(*number, filter);
        let numbers = self.numbers(filter, slice.order).into_iter().filter(|number| slice.begins_before(*number));
        part(numbers.filter_map(|number| fits(&number)), slice.limit, |row| row.place)
    }

    /// The deliveries that fit, of events that fit.
    pub fn list_deliveries(&self, filter: &EventFilter, slice: Slice) -> Listed<OwedRow> {
        let of_event = |number: i64| {
            let stored = self.stored(number).filter(|stored| filter.fits(&stored.event));
            let mut rows: Vec<OwedRow> = stored.into_iter().flat_map(owed).collect();
            if slice.order == Order::NewestFirst {
                rows.reverse();
            }
            rows
        };
        let fits = |row: &OwedRow| {
            let owed = &row.delivery.owed;
            let state = row.delivery.state;
            slice.begins_before(row.place().row()) && filter.owed.fits(&owed.target, &owed.route, state)
        };
        let rows = self.numbers(filter, slice.order).into_iter().flat_map(of_event).filter(fits);
        part(rows, slice.limit, |row| row.place().row())
    }

    /// Of all events within the time, as their order of arrival says, the numbers in the order wanted.
    fn numbers(&self, filter: &EventFilter, order: Order) -> Vec<i64> {
        let by_time = |wanted: &dyn Fn(&KeptEvent) -> bool, last: bool| {
            let found = self.events.iter().filter(|(_, kept)| wanted(kept));
            let place = |(number, kept): &(&i64, &KeptEvent)| (kept.event.received_at, **number);
            let found = if last { found.max_by_key(place) } else { found.min_by_key(place) };
            found.map(|(number, _)| *number)
        };
        let first = match filter.when.since {
            Some(since) => by_time(&|kept| kept.event.received_at >= since, false).unwrap_or(i64::MAX),
            None => i64::MIN,
        };
        let last = match filter.when.until {
            Some(until) => by_time(&|kept| kept.event.received_at < until, true).unwrap_or(i64::MIN),
            None => i64::MAX,
        };
        let mut numbers: Vec<i64> =
            self.events.keys().copied().filter(|number| (first..=last).contains(number)).collect();
        if order == Order::NewestFirst {
            numbers.reverse();
        }
        numbers
    }

    fn row(&self, number: i64, filter: &EventFilter) -> Option<EventRow> {
        let StoredEvent { event, duplicates, conflicts, deliveries, .. } = self.stored(number)?;
        let fits = |owed: &crate::store::DeliveryRow| filter.owed.fits(&owed.owed.target, &owed.owed.route, owed.state);
        if !filter.fits(&event) || !(filter.owed.is_empty() || deliveries.iter().any(fits)) {
            return None;
        }
        let mut row =
            EventRow { place: number, event: bare(event), repeats: duplicates + conflicts, owed: Default::default() };
        for delivery in deliveries {
            *row.owed.entry(delivery.owed.target).or_default().entry(delivery.state).or_default() += 1;
        }
        Some(row)
    }
}

fn owed(stored: StoredEvent) -> Vec<OwedRow> {
    let event = bare(stored.event);
    stored.deliveries.into_iter().map(|delivery| OwedRow { delivery, event: Some(event.clone()) }).collect()
}

fn bare(event: Event) -> Event {
    Event { body: Default::default(), ..event }
}

fn part<T>(found: impl Iterator<Item = T>, limit: usize, place: impl Fn(&T) -> i64) -> Listed<T> {
    let mut items: Vec<T> = found.take(limit.saturating_add(1)).collect();
    let is_full = items.len() > limit;
    items.truncate(limit);
    let next = items.last().map(place).filter(|_| is_full);
    Listed { items, next }
}
