//! Lists: which events and deliveries fit, a part at a time.
//!
//! There are three ways through what there is, and each finds too much: by arrival, by words, by what targets are owed.
//! Whatever way is taken, what it finds is looked at before it is listed, and after so many looks the answer is given as it is.
//! Knows SQL and values; what fits is for [`crate::store::query`].

mod ways;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{COLUMNS, event_of_row};
use super::read::{BESIDE, delivery_row};
use crate::event::Event;
use crate::names::{RouteName, TargetName};
use crate::store::query::{EventFilter, EventRow, Listed, MOST_LOOKS, Order, OwedRow, Slice};
use crate::store::queue::PER_EVENT;
use crate::store::{DeliveryRow, DeliveryState};
use ways::Way;
pub use ways::bounds;

type Done<T> = rusqlite::Result<T>;

/// Bytes of records in one answer: beyond, it ends with the one in hand.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The events that fit.
pub fn events(connection: &Connection, filter: &EventFilter, slice: Slice) -> Done<Listed<EventRow>> {
    let mut list = List::new(slice);
    let mut way = Way::through(connection, filter, slice)?;
    while let Some(number) = way.next(connection)? {
        if list.is_done() {
            break;
        }
        let (row, bytes) = event_row(connection, filter, number)?;
        list.bytes += bytes;
        list.look(number, row);
    }
    Ok(list.end())
}

/// The deliveries that fit, of events that fit.
pub fn deliveries(connection: &Connection, filter: &EventFilter, slice: Slice) -> Done<Listed<OwedRow>> {
    let mut list = List::new(slice);
    // Some of the deliveries of the event at which the last part ended may be left.
    let of_event = |place: i64| match slice.order {
        Order::NewestFirst => place.div_euclid(PER_EVENT) + 1,
        Order::OldestFirst => place.div_euclid(PER_EVENT) - 1,
    };
    let by_event = Slice { after: slice.after.map(of_event), ..slice };
    let mut way = Way::through(connection, filter, by_event)?;
    while let Some(number) = way.next(connection)? {
        if list.is_done() {
            break;
        }
        let (event, bytes) = event(connection, number)?;
        let event = event.filter(|event| filter.fits(event));
        let mut rows = if event.is_some() { rows_of(connection, number)? } else { Vec::new() };
        if slice.order == Order::NewestFirst {
            rows.reverse();
        }
        rows.retain(|row| slice.begins_before(row.id.row()));
        list.looks += 1;
        // Each of its deliveries is listed with the event.
        list.bytes += bytes * rows.len().max(1);
        for delivery in rows {
            let owed = &delivery.owed;
            let fits = filter.owed.fits(&owed.target, &owed.route, delivery.state);
            list.look(delivery.id.row(), fits.then(|| OwedRow { delivery, event: event.clone() }));
        }
        list.passed((number, slice.order));
    }
    Ok(list.end())
}

/// A list as it grows: one more than is wanted says that there is more.
struct List<T> {
    items: Vec<(i64, T)>,
    limit: usize,
    looks: usize,
    bytes: usize,
    last: Option<i64>,
}

impl<T> List<T> {
    fn new(slice: Slice) -> Self {
        Self { items: Vec::new(), limit: slice.limit, looks: 0, bytes: 0, last: None }
    }

    fn is_done(&self) -> bool {
        self.items.len() > self.limit || self.is_spent()
    }

    /// Whether it has taken long enough, or so much room that it is answered as it is.
    fn is_spent(&self) -> bool {
        self.looks >= MOST_LOOKS || self.bytes >= MOST_BYTES
    }

    fn look(&mut self, place: i64, found: Option<T>) {
        self.looks += 1;
        self.last = Some(place);
        self.items.extend(found.map(|item| (place, item)));
    }

    /// All deliveries of this event are behind.
    fn passed(&mut self, (event, order): (i64, Order)) {
        self.last = Some(match order {
            Order::NewestFirst => event * PER_EVENT,
            Order::OldestFirst => event * PER_EVENT + PER_EVENT - 1,
        });
    }

    fn end(mut self) -> Listed<T> {
        let is_full = self.items.len() > self.limit;
        self.items.truncate(self.limit);
        let of_last = self.items.last().map(|(place, _)| *place);
        let next = match is_full {
            true => of_last,
            false => self.last.filter(|_| self.is_spent()),
        };
        Listed { items: self.items.into_iter().map(|(_, item)| item).collect(), next }
    }
}

/// An event without its body, and the bytes of its record.
fn event(connection: &Connection, number: i64) -> Done<(Option<Event>, usize)> {
    let mut select = connection.prepare_cached("SELECT record, NULL FROM events WHERE seq = ?1")?;
    // One that nobody can read fits nothing.
    let read = |row: &Row<'_>| Ok((event_of_row(row).ok(), row.get_ref(0)?.as_bytes().map_or(0, <[u8]>::len)));
    Ok(select.query_row([number], read).optional()?.unwrap_or_default())
}

fn event_row(connection: &Connection, filter: &EventFilter, number: i64) -> Done<(Option<EventRow>, usize)> {
    let (event, bytes) = event(connection, number)?;
    let Some(event) = event.filter(|event| filter.fits(event)) else { return Ok((None, bytes)) };
    let mut row = EventRow { place: number, event, repeats: 0, owed: Default::default() };
    let mut fits = filter.owed.is_empty();
    let mut select = connection.prepare_cached(
        "SELECT target, route, state, count(*) FROM deliveries WHERE id BETWEEN ?1 AND ?2 GROUP BY target, route, state",
    )?;
    let mut found = select.query(params![number * PER_EVENT, (number + 1) * PER_EVENT - 1])?;
    while let Some(owed) = found.next()? {
        // A name that cannot be read belongs to a delivery that is given up when its turn comes.
        let names = (TargetName::parse(owed.get_ref(0)?.as_str()?), RouteName::parse(owed.get_ref(1)?.as_str()?));
        let (Ok(target), Ok(route)) = names else { continue };
        let (state, count): (_, usize) = (DeliveryState::from_number(owed.get(2)?), owed.get(3)?);
        fits |= filter.owed.fits(&target, &route, state);
        *row.owed.entry(target).or_default().entry(state).or_default() += count;
    }
    if !fits {
        return Ok((None, bytes));
    }
    let mut select = connection.prepare_cached("SELECT duplicates + conflicts FROM events WHERE seq = ?1")?;
    row.repeats = select.query_row([number], |row| row.get(0))?;
    Ok((Some(row), bytes))
}

/// What an event owes, but for what nobody can read.
fn rows_of(connection: &Connection, number: i64) -> Done<Vec<DeliveryRow>> {
    let sql = format!("SELECT {COLUMNS}, {BESIDE} FROM deliveries WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
    let mut select = connection.prepare_cached(&sql)?;
    let within = params![number * PER_EVENT, (number + 1) * PER_EVENT - 1];
    let rows = select.query_map(within, |row| Ok(delivery_row(row).ok()))?;
    Ok(rows.collect::<Done<Vec<_>>>()?.into_iter().flatten().collect())
}
