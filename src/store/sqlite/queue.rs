//! The writes: appending events, moving cursors, claiming and settling deliveries, pruning. Each runs inside the writer's transaction.
//!
//! Knows SQL and values; opens no transaction itself and never looks at the time.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ids::{self, Key};
use super::writer::Database;
use crate::event::delivery::{Delivery, Outcome, Owed, Reason};
use crate::event::{Event, Timestamp};
use crate::names::{DeliveryId, EventId, RouteName, SourceName, TargetName};
use crate::store::{Append, Appended, Cursor, Settled, StoreError};

/// Deliveries one event can have: the width of `n` in a delivery's id.
const PER_EVENT: i64 = 1 << 16;

/// An event ready to be written: encoded by the caller's thread, because the writer's time is everybody's.
pub struct Encoded {
    id: EventId,
    key: Key,
    source: SourceName,
    received_at: Timestamp,
    record: Vec<u8>,
    body: Bytes,
    owed: Vec<Owed>,
}

impl Encoded {
    /// Encodes the event's record; refuses what would run over into the ids of the next event's deliveries.
    pub fn from_append(append: Append) -> Result<Self, StoreError> {
        let failed = |detail| StoreError { doing: "encode an event", detail };
        let owing = append.owed.len();
        if i64::try_from(owing).is_ok_and(|owing| owing > PER_EVENT) {
            return Err(failed(format!(
                "`{}` owes {owing} deliveries; at most {PER_EVENT} are allowed",
                append.event.id
            )));
        }
        let record = serde_json::to_vec(&append.event).map_err(|error| failed(error.to_string()))?;
        let Event { id, source, received_at, body, .. } = append.event;
        Ok(Self { key: ids::key(&id), id, source, received_at, record, body, owed: append.owed })
    }

    /// Writes event and deliveries, or counts the repeat.
    pub fn append(&self, database: &mut Database) -> rusqlite::Result<Appended> {
        let Database { connection, ids } = database;
        if let Some(seq) = ids.find(connection, &self.key)? {
            return self.count_repeat(connection, seq);
        }
        let mut insert =
            connection.prepare_cached("INSERT INTO events (id, received_at, record, body) VALUES (?1, ?2, ?3, ?4)")?;
        let row = params![self.id.as_str(), self.received_at.as_millis(), self.record, &self.body[..]];
        let seq = insert.insert(row)?;
        self.owe(connection, seq)?;
        ids.add(self.key, seq);
        Ok(Appended::New)
    }

    fn owe(&self, connection: &Connection, seq: i64) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO deliveries (id, route, target, severity, due_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (id, owed) in (seq * PER_EVENT..).zip(&self.owed) {
            let due_at = self.received_at.as_millis();
            insert.execute(params![id, owed.route.as_str(), owed.target.as_str(), owed.severity.as_str(), due_at])?;
        }
        Ok(())
    }

    fn count_repeat(&self, connection: &Connection, seq: i64) -> rusqlite::Result<Appended> {
        let conflict = self.conflicts_with(connection, seq)?;
        let mut count = connection.prepare_cached(
            "UPDATE events SET duplicates = duplicates + (NOT ?2), conflicts = conflicts + ?2 WHERE seq = ?1",
        )?;
        count.execute(params![seq, conflict])?;
        Ok(Appended::Duplicate { conflict })
    }

    /// The first one's source is in its record. One that cannot be read is no reason to refuse a repeat.
    fn conflicts_with(&self, connection: &Connection, seq: i64) -> rusqlite::Result<bool> {
        let mut compare = connection.prepare_cached(
            "SELECT CASE WHEN body = ?2 OR NOT json_valid(record) THEN 0 ELSE record ->> '$.source' IS ?3 END
             FROM (SELECT body, CAST(record AS TEXT) AS record FROM events WHERE seq = ?1)",
        )?;
        compare.query_row(params![seq, &self.body[..], self.source.as_str()], |row| row.get(0))
    }
}

/// The last value stands.
pub fn move_cursor(connection: &Connection, cursor: &Cursor) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO cursors (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute([cursor.name.as_str(), &cursor.value]).map(drop)
}

/// Counts a conflicting repeat that somebody else recognised.
pub fn note_conflict(database: &Database, id: &EventId) -> rusqlite::Result<()> {
    let Database { connection, ids } = database;
    let Some(seq) = ids.find(connection, &ids::key(id))? else { return Ok(()) };
    let mut count = connection.prepare_cached("UPDATE events SET conflicts = conflicts + 1 WHERE seq = ?1")?;
    count.execute([seq]).map(drop)
}

/// Leases due deliveries and reads their events.
pub fn claim(
    connection: &Connection,
    target: &TargetName,
    now: Timestamp,
    lease: Duration,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let mut due = connection.prepare_cached(
        "SELECT d.id, d.route, d.severity, d.attempts + 1, e.record, e.body
         FROM deliveries d JOIN events e ON e.seq = d.id / 65536
         WHERE d.target = ?1 AND d.state = 0 AND d.due_at <= ?2
           AND NOT EXISTS (SELECT 1 FROM targets WHERE name = ?1 AND paused_until > ?2)
         ORDER BY d.due_at, d.id LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, delivery(row, target, now)));
    let rows = due.query_map(params![target.as_str(), now.as_millis(), limit], read)?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut take = connection
        .prepare_cached("UPDATE deliveries SET attempts = attempts + 1, leased = 1, due_at = ?2 WHERE id = ?1")?;
    let lease_ends = now.saturating_add(lease).as_millis();
    let mut claimed = Vec::with_capacity(rows.len());
    for (id, delivery) in rows {
        match delivery {
            Ok(delivery) => {
                take.execute(params![id, lease_ends])?;
                claimed.push(delivery);
            }
            Err(error) => bury(connection, id, now, &error)?,
        }
    }
    Ok(claimed)
}

/// A row nobody can read must not hold up the rows behind it: it becomes a dead letter that says so.
fn bury(connection: &Connection, id: i64, now: Timestamp, error: &rusqlite::Error) -> rusqlite::Result<()> {
    tracing::error!(delivery.id = id, %error, "a stored delivery cannot be read and is given up");
    let sql = "UPDATE deliveries SET state = 2, leased = 0, settled_at = ?2, reason = ?3, detail = ?4 WHERE id = ?1";
    let (reason, detail) = (Reason::Internal.as_str(), format!("the stored delivery cannot be read: {error}"));
    connection.prepare_cached(sql)?.execute(params![id, now.as_millis(), reason, detail]).map(drop)
}

fn delivery(row: &Row<'_>, target: &TargetName, now: Timestamp) -> rusqlite::Result<Delivery> {
    let body: Vec<u8> = row.get(5)?;
    let event = Event::from_record(row.get_ref(4)?.as_blob()?, body.into()).map_err(unreadable(4))?;
    Ok(Delivery {
        id: DeliveryId::from_row(row.get(0)?),
        route: RouteName::parse(row.get_ref(1)?.as_str()?).map_err(unreadable(1))?,
        target: target.clone(),
        severity: row.get_ref(2)?.as_str()?.parse().map_err(unreadable(2))?,
        attempt: row.get(3)?,
        claimed_at: now,
        event,
    })
}

/// A column that does not hold what this version of the relay writes there.
pub fn unreadable<E: std::error::Error + Send + Sync + 'static>(column: usize) -> impl Fn(E) -> rusqlite::Error {
    move |error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

/// Writes the end of an attempt, if the attempt still holds the delivery.
pub fn settle(
    connection: &Connection,
    delivery: DeliveryId,
    attempt: u32,
    outcome: &Outcome,
    at: Timestamp,
) -> rusqlite::Result<Settled> {
    let (id, at) = (delivery.row(), at.as_millis());
    let changed = match outcome {
        Outcome::Delivered => {
            let sql = "UPDATE deliveries SET state = 1, leased = 0, settled_at = ?3
                       WHERE id = ?1 AND attempts = ?2 AND leased = 1";
            connection.prepare_cached(sql)?.execute(params![id, attempt, at])?
        }
        Outcome::Dead { reason, detail } => {
            let sql = "UPDATE deliveries SET state = 2, leased = 0, settled_at = ?3, reason = ?4, detail = ?5
                       WHERE id = ?1 AND attempts = ?2 AND leased = 1";
            connection.prepare_cached(sql)?.execute(params![id, attempt, at, reason.as_str(), detail])?
        }
        Outcome::Retry { at: due_at, reason, detail, .. } => {
            let sql = "UPDATE deliveries SET leased = 0, due_at = ?3, reason = ?4, detail = ?5
                       WHERE id = ?1 AND attempts = ?2 AND leased = 1";
            connection.prepare_cached(sql)?.execute(params![
                id,
                attempt,
                due_at.as_millis(),
                reason.as_str(),
                detail
            ])?
        }
    };
    if changed == 0 {
        return Ok(Settled::Fenced);
    }
    if let Outcome::Retry { target_paused_until: Some(until), .. } = outcome {
        let sql = "INSERT INTO targets (name, paused_until) SELECT target, ?2 FROM deliveries WHERE id = ?1
                   ON CONFLICT (name) DO UPDATE SET paused_until = max(ifnull(paused_until, 0), excluded.paused_until)";
        connection.prepare_cached(sql)?.execute(params![id, until.as_millis()])?;
    }
    Ok(Settled::Done)
}

/// Makes what a dead process had claimed due again. Right only while the lock file is ours.
pub fn release_leases(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("UPDATE deliveries SET leased = 0, due_at = 0 WHERE state = 0 AND leased = 1")
}

/// Deletes old events that owe nothing any more; the newest row stays, so that no `seq` is used twice.
pub fn prune(database: &mut Database, before: Timestamp, limit: usize) -> rusqlite::Result<usize> {
    let Database { connection, ids } = database;
    if has_old_ones_in_memory(connection, before)? {
        ids.move_all(connection)?;
    }
    let mut select = connection.prepare_cached(
        "SELECT seq, id FROM events AS e
         WHERE received_at < ?1 AND seq < (SELECT max(seq) FROM events)
           AND seq <= (SELECT indexed_to FROM event_index)
           AND NOT EXISTS (SELECT 1 FROM deliveries d
                           WHERE d.id BETWEEN e.seq * 65536 AND e.seq * 65536 + 65535 AND d.state = 0)
         ORDER BY received_at LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let read = |row: &Row<'_>| {
        let id = EventId::parse(row.get_ref(1)?.as_str()?).map_err(unreadable(1))?;
        Ok((row.get(0)?, ids::key(&id)))
    };
    let over = select.query_map(params![before.as_millis(), limit], read)?;
    let over = over.collect::<rusqlite::Result<Vec<(i64, Key)>>>()?;
    for (seq, key) in &over {
        let deliveries = "DELETE FROM deliveries WHERE id BETWEEN ?1 * 65536 AND ?1 * 65536 + 65535";
        connection.prepare_cached(deliveries)?.execute([seq])?;
        connection.prepare_cached("DELETE FROM event_keys WHERE key = ?1")?.execute([key])?;
        connection.prepare_cached("DELETE FROM events WHERE seq = ?1")?.execute([seq])?;
    }
    Ok(over.len())
}

/// Whether an event that may be forgotten is known by an id in memory only: so it is where events are rare.
fn has_old_ones_in_memory(connection: &Connection, before: Timestamp) -> rusqlite::Result<bool> {
    let mut oldest = connection.prepare_cached(
        "SELECT received_at < ?1 FROM events WHERE seq > (SELECT indexed_to FROM event_index) ORDER BY seq LIMIT 1",
    )?;
    Ok(oldest.query_row([before.as_millis()], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// A write that changes nothing anybody reads but must reach the disk like any other.
pub fn probe(connection: &Connection) -> rusqlite::Result<()> {
    let version: Option<i64> = connection.pragma_query_value(None, "application_id", |row| row.get(0)).optional()?;
    connection.pragma_update(None, "application_id", 1 - version.unwrap_or(0).clamp(0, 1))
}
