//! The reads: a few connections of their own, so that looking never waits for writing.
//!
//! Short read transactions only: a long one would keep the write-ahead log from ending.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use tokio::sync::Semaphore;

use super::columns::{self, COLUMNS, WIDTH, unreadable};
use super::{ids, ledger};
use crate::event::batch::Receipt;
use crate::event::delivery::Reason;
use crate::event::{Event, Timestamp};
use crate::names::{CursorName, EventId, IncidentKey, TableId, TargetName};
use crate::store::queue::Beside;
use crate::store::queue::due::{self, Seen};
use crate::store::search;
use crate::store::{Backlog, DeliveryRow, StoreError, StoredEvent, Terms};
use crate::target::TargetState;

/// Reading connections of each pool; more callers wait their turn.
pub const READERS: usize = 2;

/// A small pool of reading connections.
pub struct Readers {
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Opens the pool on an existing database.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let idle = (0..READERS).map(|_| connect(path)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self { idle: Mutex::new(idle), turns: Arc::new(Semaphore::new(READERS)) })
    }

    /// Runs one read away from the async threads.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let failed = |detail: String| StoreError { doing, detail };
        let turn = self.turns.clone().acquire_owned().await.map_err(|error| failed(error.to_string()))?;
        let readers = self.clone();
        // Whoever asked may go away meanwhile; the connection is back when the turn is.
        let result = tokio::task::spawn_blocking(move || {
            let result = readers.with_one(read);
            drop(turn);
            result
        });
        let result = result.await;
        result.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }

    fn with_one<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = idle().pop().ok_or(rusqlite::Error::InvalidQuery)?;
        let result = at_one_moment(&connection, read);
        idle().push(connection);
        result
    }
}

/// A connection that only reads.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // 1 MiB: there are several, and what is read twice is in the system's cache.
    connection.pragma_update(None, "cache_size", -1_024)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// However many questions are asked, and whatever is written meanwhile: an id that moves into the table of keys between
/// two questions would be found in neither place.
pub fn at_one_moment<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let moment = connection.unchecked_transaction()?;
    read(&moment)
}

/// When a claim would next find something.
pub fn next_due(
    connection: &Connection,
    target: &TargetName,
    terms: &Terms,
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let seen = Seen {
        first_due: first_due(connection, target)?,
        times_out: first_to_time_out(connection, target)?.map(|(_, at)| at),
        standing: standing(connection, target)?,
    };
    Ok(due::next_due(&seen, terms, now))
}

/// When the first delivery that does not wait behind another is due.
pub fn first_due(connection: &Connection, target: &TargetName) -> rusqlite::Result<Option<Timestamp>> {
    let mut select = connection.prepare_cached(
        "SELECT min(due_at) FROM (
             SELECT * FROM (SELECT due_at FROM deliveries WHERE target = ?1 AND behind = 0 AND tried = 0 AND state = 0
                            ORDER BY due_at LIMIT 1)
             UNION ALL
             SELECT * FROM (SELECT due_at FROM deliveries WHERE target = ?1 AND behind = 0 AND tried = 1 AND state = 0
                            ORDER BY due_at LIMIT 1))",
    )?;
    let due: Option<i64> = select.query_row([target.as_str()], |row| row.get(0))?;
    Ok(due.map(Timestamp::from_millis))
}

/// The incident at `target` that ends by itself first.
pub fn first_to_time_out(
    connection: &Connection,
    target: &TargetName,
) -> rusqlite::Result<Option<(IncidentKey, Timestamp)>> {
    let mut select = connection.prepare_cached(
        "SELECT key, resolve_at FROM incidents WHERE target = ?1 AND resolve_at IS NOT NULL ORDER BY resolve_at, key LIMIT 1",
    )?;
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
    let found = select.query_row([target.as_str()], read).optional()?;
    Ok(found.and_then(|(key, at)| Some((IncidentKey::from_rendered(&key)?, Timestamp::from_millis(at)))))
}

/// How a target stands.
pub fn standing(connection: &Connection, target: &TargetName) -> rusqlite::Result<TargetState> {
    let mut select = connection.prepare_cached("SELECT state FROM targets WHERE name = ?1")?;
    let read = |row: &Row<'_>| serde_json::from_str(row.get_ref(0)?.as_str()?).map_err(unreadable(0));
    Ok(select.query_row([target.as_str()], read).optional()?.unwrap_or_default())
}

/// The last value of a cursor.
pub fn cursor(connection: &Connection, name: &CursorName) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare_cached("SELECT value FROM cursors WHERE name = ?1")?;
    select.query_row([name.as_str()], |row| row.get(0)).optional()
}

/// One event with its deliveries.
pub fn event(connection: &Connection, id: &EventId) -> rusqlite::Result<Option<StoredEvent>> {
    let Some(seq) = find(connection, id)? else { return Ok(None) };
    let mut select = connection
        .prepare_cached("SELECT seq, record, body, duplicates, conflicts, routed_by FROM events WHERE seq = ?1")?;
    let Some(mut stored) = select.query_row([seq], stored).optional()? else { return Ok(None) };
    let sql = format!(
        "SELECT {COLUMNS}, {BESIDE} FROM deliveries
         WHERE id BETWEEN ?1 * 65536 AND ?1 * 65536 + 65535 ORDER BY id"
    );
    let mut rows = connection.prepare_cached(&sql)?;
    stored.deliveries = rows.query_map(params![seq], delivery_row)?.collect::<rusqlite::Result<_>>()?;
    stored.ledger = ledger::entries(connection, seq)?;
    Ok(Some(stored))
}

/// What is kept beside a delivery for people.
pub const BESIDE: &str = "reason, detail, receipt, settled_at";

/// By the table of keys; or among the newest events, which it does not cover yet, by the words of the id, and one by one where
/// the index of words does not cover them either.
pub fn find(connection: &Connection, id: &EventId) -> rusqlite::Result<Option<i64>> {
    if let Some(seq) = ids::find_in_table(connection, &ids::key(id))? {
        return Ok(Some(seq));
    }
    let covered = "SELECT (SELECT indexed_to FROM event_index), (SELECT indexed_to FROM search_index)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (by_key, by_words): (i64, i64) = connection.prepare_cached(covered)?.query_row([], read)?;
    let words = search::wanted_of_id(id);
    if let Some(words) = &words {
        let mut newer = connection.prepare_cached(
            "SELECT seq FROM events WHERE id = ?1 AND seq IN (
                 SELECT rowid FROM event_search WHERE event_search MATCH ?2 AND rowid > ?3)",
        )?;
        let found = newer.query_row(params![id.as_str(), words, by_key], |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let from = if words.is_some() { by_key.max(by_words) } else { by_key };
    let mut newest = connection.prepare_cached("SELECT seq FROM events WHERE seq > ?1 AND id = ?2")?;
    newest.query_row(params![from, id.as_str()], |row| row.get(0)).optional()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let body: Vec<u8> = row.get(2)?;
    let event = Event::from_record(row.get_ref(1)?.as_blob()?, body.into()).map_err(unreadable(1))?;
    let routed_by: Option<i64> = row.get(5)?;
    Ok(StoredEvent {
        event,
        duplicates: row.get(3)?,
        conflicts: row.get(4)?,
        deliveries: Vec::new(),
        routed_by: routed_by.map(TableId::from_row),
        ledger: Vec::new(),
    })
}

/// A delivery as people see it: [`COLUMNS`], then [`BESIDE`].
pub fn delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let reason = row.get_ref(WIDTH)?.as_str_or_null()?.and_then(Reason::named);
    let receipt = row.get_ref(WIDTH + 2)?.as_str_or_null()?.and_then(Receipt::new);
    let settled_at: Option<i64> = row.get(WIDTH + 3)?;
    let settled_at = settled_at.map(Timestamp::from_millis);
    Ok(columns::delivery(row)?.shown(Beside { reason, detail: row.get(WIDTH + 1)?, receipt, settled_at }))
}

/// What waits for each target, by walking the index of pending deliveries once.
pub fn backlog(connection: &Connection) -> rusqlite::Result<BTreeMap<TargetName, Backlog>> {
    let mut waiting = BTreeMap::new();
    let mut pending = connection.prepare_cached(
        "SELECT target, pending, (SELECT received_at FROM deliveries WHERE id = first)
         FROM (SELECT target, count(*) AS pending, min(id) AS first FROM deliveries INDEXED BY deliveries_due
               WHERE state = 0 GROUP BY target)",
    )?;
    let rows = pending.query_map([], |row| Ok((target(row)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)))?;
    for row in rows {
        let (target, pending, oldest) = row?;
        let oldest = oldest.map(Timestamp::from_millis);
        waiting.insert(target, Backlog { pending, oldest, dead: 0 });
    }
    let mut dead = connection.prepare_cached("SELECT count(*) FROM deliveries WHERE target = ?1 AND state = 2")?;
    for name in everybody(connection)? {
        let count: u64 = dead.query_row([&name], |row| row.get(0))?;
        if count > 0 {
            let target = TargetName::parse(&name).map_err(unreadable(0))?;
            waiting.entry(target).or_insert_with(Backlog::default).dead = count;
        }
    }
    Ok(waiting)
}

/// Everybody who was ever owed something, by steps through the index.
pub fn everybody(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE everybody (target) AS (
             SELECT min(target) FROM deliveries
             UNION ALL
             SELECT (SELECT min(target) FROM deliveries WHERE target > everybody.target) FROM everybody
             WHERE everybody.target IS NOT NULL)
         SELECT target FROM everybody WHERE target IS NOT NULL",
    )?;
    select.query_map([], |row| row.get(0))?.collect()
}

fn target(row: &Row<'_>) -> rusqlite::Result<TargetName> {
    TargetName::parse(row.get_ref(0)?.as_str()?).map_err(unreadable(0))
}
