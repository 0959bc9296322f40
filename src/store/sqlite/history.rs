//! The past, for looking back from another process: what came, and what the routes made of it then.
//!
//! Goes through the events from the oldest to the newest, in steps that are bounded in rows and in bytes; each step is a
//! look of its own ([`super::peek`]), so that a relay that runs on the database is never held up. What comes after the
//! beginning is not part of it. Reads databases of every version. Knows SQL and values; what is made of it is for the caller.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::unreadable;
use super::list::bounds;
use super::peek::Peek;
use super::{OpenError, ledger, schema};
use crate::event::Event;
use crate::event::delivery::{IncidentStep, Owed, Phase};
use crate::names::{IncidentKey, RouteName, TableId, TargetName};
use crate::store::query::Period;
use crate::store::queue::{Origin, PER_EVENT};

/// Events of one step at most.
const STEP: usize = 1_000;
/// A step ends with the event that brings its records to so many bytes.
const STEP_BYTES: usize = 8 << 20;

/// An event of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The event, without its raw body.
    pub event: Event,
    /// What its routes owed. Of the ends of incidents only those that somebody was to be told of; nothing that fell back
    /// or timed out. As far as the database knows: an older version kept less.
    pub owed: Vec<Owed>,
    /// The routing table that said so, if that is known.
    pub routed_by: Option<TableId>,
}

/// One step through the past.
#[derive(Debug, Default)]
pub struct Step {
    /// The events, the oldest first.
    pub events: Vec<Past>,
    /// Why further ones cannot be read, each with its number in the database.
    pub unreadable: Vec<(i64, String)>,
}

/// A way through the past, from the oldest event to the newest.
#[derive(Debug)]
pub struct History {
    peek: Peek,
    first: i64,
    next: i64,
    last: i64,
}

impl History {
    /// All events of a time that are in the database now; with `newest` so many of them at most.
    ///
    /// # Errors
    /// When the database cannot be read, or no relay has written into it.
    pub fn of(peek: Peek, when: Period, newest: Option<u64>) -> Result<Self, OpenError> {
        let (first, last) = peek.look(|connection| {
            if peek.version(connection)? == 0 {
                return Err(OpenError::Empty(peek.path().to_owned()));
            }
            within(connection, &when, newest).map_err(|error| peek.failed(error))
        })?;
        Ok(Self { peek, first, next: first, last })
    }

    /// The next step; `None` at the end. What is pruned meanwhile is left out.
    ///
    /// # Errors
    /// When the database cannot be read any more.
    pub fn step(&mut self) -> Result<Option<Step>, OpenError> {
        if self.next > self.last {
            return Ok(None);
        }
        let read = |connection: &Connection| {
            let version = self.peek.version(connection)?;
            step(connection, version, (self.next, self.last)).map_err(|error| self.peek.failed(error))
        };
        let (step, next) = self.peek.look(read)?;
        self.next = next.unwrap_or(i64::MAX);
        Ok(Some(step))
    }

    /// How far it is, in hundredths.
    pub fn percent(&self) -> u64 {
        let (done, all) = (self.next.min(self.last) - self.first, self.last - self.first);
        u64::try_from(done.saturating_mul(100).checked_div(all).unwrap_or(100)).unwrap_or_default()
    }

    /// The text of a routing table that was in force; `None` when it is not known.
    ///
    /// # Errors
    /// When the database cannot be read any more.
    pub fn table(&self, id: TableId) -> Result<Option<String>, OpenError> {
        self.peek.look(|connection| match self.peek.version(connection)? {
            ..schema::WITH_LEDGER => Ok(None),
            _ => ledger::table(connection, id).map_err(|error| self.peek.failed(error)),
        })
    }
}

/// The numbers of the first and the last event.
fn within(connection: &Connection, when: &Period, newest: Option<u64>) -> rusqlite::Result<(i64, i64)> {
    let (first, last) = bounds(connection, when)?;
    let edge = |sql: &str| -> rusqlite::Result<Option<i64>> {
        connection.query_row(sql, params![first, last], |row| row.get(0))
    };
    let found = edge("SELECT min(seq) FROM events WHERE seq BETWEEN ?1 AND ?2")?
        .zip(edge("SELECT max(seq) FROM events WHERE seq BETWEEN ?1 AND ?2")?);
    let Some((first, last)) = found else { return Ok((0, -1)) };
    let Some(newest) = newest else { return Ok((first, last)) };
    let before = i64::try_from(newest).unwrap_or(i64::MAX).saturating_sub(1);
    let sql = "SELECT seq FROM events WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3";
    let begin = connection.query_row(sql, params![first, last, before], |row| row.get(0)).optional()?;
    Ok((begin.unwrap_or(first), last))
}

/// One step, and where the next one begins, if there is any.
fn step(connection: &Connection, version: i64, range: (i64, i64)) -> rusqlite::Result<(Step, Option<i64>)> {
    let moment = connection.unchecked_transaction()?;
    let routed_by = if version < schema::WITH_LEDGER { "NULL" } else { "routed_by" };
    let sql = format!("SELECT seq, record, {routed_by} FROM events WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq");
    let mut select = moment.prepare(&sql)?;
    let mut rows = select.query(params![range.0, range.1])?;
    let (mut events, mut bytes) = (BTreeMap::new(), 0);
    while events.len() < STEP
        && bytes < STEP_BYTES
        && let Some(row) = rows.next()?
    {
        bytes += row.get_ref(1)?.as_bytes().map_or(0, <[u8]>::len);
        events.insert(row.get::<_, i64>(0)?, past(row));
    }
    let is_last = bytes < STEP_BYTES && events.len() < STEP;
    let next = events.last_key_value().filter(|_| !is_last).map(|(last, _)| last + 1);
    let through = events.last_key_value().map_or(range.0, |(last, _)| *last);
    add_owed(&moment, version, (range.0, through), &mut events)?;
    let mut step = Step::default();
    for (number, past) in events {
        match past {
            Ok(past) => step.events.push(past),
            Err(error) => step.unreadable.push((number, error.to_string())),
        }
    }
    Ok((step, next))
}

fn past(row: &Row<'_>) -> rusqlite::Result<Past> {
    let event = Event::from_record(row.get_ref(1)?.as_blob()?, Default::default()).map_err(unreadable(1))?;
    let routed_by: Option<i64> = row.get(2)?;
    Ok(Past { event, owed: Vec::new(), routed_by: routed_by.map(TableId::from_row) })
}

/// Of whose deliveries one cannot be read, nobody knows what became of it.
fn add_owed(
    connection: &Connection,
    version: i64,
    (first, last): (i64, i64),
    events: &mut BTreeMap<i64, rusqlite::Result<Past>>,
) -> rusqlite::Result<()> {
    let (by_route, end) = match version < schema::WITH_INCIDENTS {
        true => (String::new(), "NULL"),
        false => (format!("AND origin = {}", Origin::Route as i64), "iif(resolves, incident, NULL)"),
    };
    let sql = format!(
        "SELECT id / {PER_EVENT}, route, target, severity, {end} FROM deliveries WHERE id BETWEEN ?1 AND ?2 {by_route} ORDER BY id"
    );
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query(params![first * PER_EVENT, last * PER_EVENT + PER_EVENT - 1])?;
    while let Some(row) = rows.next()? {
        let Some(event) = events.get_mut(&row.get::<_, i64>(0)?) else { continue };
        match (owed(row), event.as_mut()) {
            (Ok(owed), Ok(past)) => past.owed.push(owed),
            (Err(error), Ok(_)) => *event = Err(error),
            (_, Err(_)) => {}
        }
    }
    Ok(())
}

fn owed(row: &Row<'_>) -> rusqlite::Result<Owed> {
    let route = RouteName::parse(row.get_ref(1)?.as_str()?).map_err(unreadable(1))?;
    let target = TargetName::parse(row.get_ref(2)?.as_str()?).map_err(unreadable(2))?;
    let severity = row.get_ref(3)?.as_str()?.parse().map_err(unreadable(3))?;
    let key = row.get_ref(4)?.as_str_or_null()?.and_then(IncidentKey::from_rendered);
    let incident = key.map(|key| IncidentStep { key, phase: Phase::Resolve, resolve_after: None });
    Ok(Owed { incident, ..Owed::plain(route, target, severity) })
}

#[cfg(test)]
#[path = "../tests/history.rs"]
mod tests;
