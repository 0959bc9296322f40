//! The writes that are not about deliveries: appending events, moving cursors, pruning. Each runs inside the writer's
//! transaction. Knows SQL and values; opens no transaction itself and never looks at the time. What an event owes is for
//! [`crate::store::queue`], on [`super::rows`].

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::acts;
use super::columns::unreadable;
use super::ids::{self, Key};
use super::ledger;
use super::writer::Database;
use crate::event::act::Deed;
use crate::event::delivery::Owed;
use crate::event::{Event, Timestamp};
use crate::names::{EventId, SourceName, TableId};
use crate::store::queue::{self, PER_EVENT};
use crate::store::{Aftermath, Append, Appended, Cursor, Repeats, StoreError};

/// An event ready to be written: encoded by the caller's thread, because the writer's time is everybody's.
pub struct Encoded {
    id: EventId,
    key: Key,
    source: SourceName,
    received_at: Timestamp,
    record: Vec<u8>,
    body: Bytes,
    owed: Vec<Owed>,
    routed_by: Option<TableId>,
    deed: Option<Deed>,
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
        let Append { event: Event { id, source, received_at, body, .. }, owed, routed_by, deed } = append;
        Ok(Self { key: ids::key(&id), id, source, received_at, record, body, owed, routed_by, deed })
    }

    /// Writes event and deliveries, or counts the repeat.
    pub fn append(&self, database: &mut Database, after: &mut Aftermath) -> rusqlite::Result<Appended> {
        let Database { connection, ids } = database;
        if let Some(seq) = ids.find(connection, &self.key)? {
            return self.count_repeat(connection, seq);
        }
        let seq = self.insert(connection)?;
        ids.add(self.key, seq);
        queue::owe::owe(database, seq, &self.owed, self.received_at, after)?;
        if let Some(deed) = &self.deed {
            acts::keep(&database.connection, deed.clone())?;
        }
        Ok(Appended::New)
    }

    fn insert(&self, connection: &Connection) -> rusqlite::Result<i64> {
        let sql = "INSERT INTO events (id, received_at, record, body, routed_by) VALUES (?1, ?2, ?3, ?4, ?5)";
        let routed_by = self.routed_by.map(TableId::row);
        let row = params![self.id.as_str(), self.received_at.as_millis(), self.record, &self.body[..], routed_by];
        connection.prepare_cached(sql)?.insert(row)
    }

    fn count_repeat(&self, connection: &Connection, seq: i64) -> rusqlite::Result<Appended> {
        let conflict = self.conflicts_with(connection, seq)?;
        let (id, source, at) = (self.id.clone(), self.source.clone(), self.received_at);
        let repeats = Repeats { id, source, plain: u64::from(!conflict), conflicts: u64::from(conflict), at };
        ledger::repeat(connection, seq, &repeats)?;
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

/// Makes what a dead process had claimed due again, and lets closed targets be probed at once: whoever starts the relay anew
/// may have put right what closed them. Right only while the lock file is ours.
pub fn release_leases(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "UPDATE deliveries SET lease = NULL, interrupted = 1, due_at = 0 WHERE state = 0 AND lease IS NOT NULL;
         UPDATE slots SET not_before = NULL, held = 0 WHERE held = 1;
         UPDATE targets SET state = json_set(state, '$.closed.probe_at', '1970-01-01T00:00:00Z')
         WHERE json_extract(state, '$.closed') IS NOT NULL;",
    )
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
    let read = |row: &rusqlite::Row<'_>| {
        let id = EventId::parse(row.get_ref(1)?.as_str()?).map_err(unreadable(1))?;
        Ok((row.get(0)?, ids::key(&id)))
    };
    let over = select.query_map(params![before.as_millis(), limit], read)?;
    let over = over.collect::<rusqlite::Result<Vec<(i64, Key)>>>()?;
    for (seq, key) in &over {
        let deliveries = "DELETE FROM deliveries WHERE id BETWEEN ?1 * 65536 AND ?1 * 65536 + 65535";
        connection.prepare_cached(deliveries)?.execute([seq])?;
        connection.prepare_cached("DELETE FROM ledger WHERE event = ?1")?.execute([seq])?;
        connection.prepare_cached("DELETE FROM event_search WHERE rowid = ?1")?.execute([seq])?;
        connection.prepare_cached("DELETE FROM event_keys WHERE key = ?1")?.execute([key])?;
        connection.prepare_cached("DELETE FROM events WHERE seq = ?1")?.execute([seq])?;
    }
    forget_incidents(connection, before)?;
    Ok(over.len())
}

/// What nothing was heard of for so long is nobody's any more; a slot that may leave is as good as none.
fn forget_incidents(connection: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    let before = before.as_millis();
    let incidents = "DELETE FROM incidents WHERE last_at < ?1 AND resolve_at IS NULL AND NOT EXISTS (
                         SELECT 1 FROM deliveries d INDEXED BY deliveries_incident
                         WHERE d.target = incidents.target AND d.incident = incidents.key AND d.state = 0)";
    connection.prepare_cached(incidents)?.execute([before])?;
    connection.prepare_cached("DELETE FROM slots WHERE held = 0 AND ifnull(not_before, 0) < ?1")?.execute([before])?;
    Ok(())
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
