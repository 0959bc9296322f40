//! The reads: a few connections of their own, so that looking never waits for writing.
//!
//! Short read transactions only: a long one would keep the write-ahead log from ending.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use tokio::sync::Semaphore;

use super::ids;
use super::queue::unreadable;
use crate::event::delivery::Owed;
use crate::event::{Event, Timestamp};
use crate::names::{CursorName, DeliveryId, EventId, RouteName, TargetName};
use crate::store::{Backlog, DeliveryRow, DeliveryState, StoreError, StoredEvent};

/// Reading connections; more callers wait their turn.
const READERS: usize = 2;

/// A small pool of reading connections.
pub struct Readers {
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
}

impl Readers {
    /// Opens the pool on an existing database.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = |_| {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            Ok(connection)
        };
        let idle = (0..READERS).map(connect).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self { idle: Mutex::new(idle), turns: Semaphore::new(READERS) })
    }

    /// Runs one read away from the async threads.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let failed = |detail: String| StoreError { doing, detail };
        let _turn = self.turns.acquire().await.map_err(|error| failed(error.to_string()))?;
        let readers = self.clone();
        let result = tokio::task::spawn_blocking(move || readers.with_one(read)).await;
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

/// However many questions are asked, and whatever is written meanwhile: an id that moves into the table of keys between
/// two questions would be found in neither place.
fn at_one_moment<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let moment = connection.unchecked_transaction()?;
    read(&moment)
}

/// When a claim would next find something.
pub fn next_due(connection: &Connection, target: &TargetName) -> rusqlite::Result<Option<Timestamp>> {
    let mut select = connection.prepare_cached(
        "SELECT max(min(due_at), ifnull((SELECT paused_until FROM targets WHERE name = ?1), 0))
         FROM deliveries WHERE target = ?1 AND state = 0",
    )?;
    let due: Option<i64> = select.query_row([target.as_str()], |row| row.get(0))?;
    Ok(due.map(Timestamp::from_millis))
}

/// The last value of a cursor.
pub fn cursor(connection: &Connection, name: &CursorName) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare_cached("SELECT value FROM cursors WHERE name = ?1")?;
    select.query_row([name.as_str()], |row| row.get(0)).optional()
}

/// One event with its deliveries.
pub fn event(connection: &Connection, id: &EventId) -> rusqlite::Result<Option<StoredEvent>> {
    let Some(seq) = find(connection, id)? else { return Ok(None) };
    let mut select =
        connection.prepare_cached("SELECT seq, record, body, duplicates, conflicts FROM events WHERE seq = ?1")?;
    let Some(mut stored) = select.query_row([seq], stored).optional()? else { return Ok(None) };
    let mut rows = connection.prepare_cached(
        "SELECT id, route, target, severity, state, attempts, due_at, detail FROM deliveries
         WHERE id BETWEEN ?1 * 65536 AND ?1 * 65536 + 65535 ORDER BY id",
    )?;
    stored.deliveries = rows.query_map(params![seq], delivery_row)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(stored))
}

/// By the table of keys, or among the newest events, which it does not cover yet.
fn find(connection: &Connection, id: &EventId) -> rusqlite::Result<Option<i64>> {
    if let Some(seq) = ids::find_in_table(connection, &ids::key(id))? {
        return Ok(Some(seq));
    }
    let mut newest = connection
        .prepare_cached("SELECT seq FROM events WHERE seq > (SELECT indexed_to FROM event_index) AND id = ?1")?;
    newest.query_row([id.as_str()], |row| row.get(0)).optional()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let body: Vec<u8> = row.get(2)?;
    let event = Event::from_record(row.get_ref(1)?.as_blob()?, body.into()).map_err(unreadable(1))?;
    Ok(StoredEvent { event, duplicates: row.get(3)?, conflicts: row.get(4)?, deliveries: Vec::new() })
}

fn delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let owed = Owed::plain(
        RouteName::parse(row.get_ref(1)?.as_str()?).map_err(unreadable(1))?,
        TargetName::parse(row.get_ref(2)?.as_str()?).map_err(unreadable(2))?,
        row.get_ref(3)?.as_str()?.parse().map_err(unreadable(3))?,
    );
    let state = match row.get::<_, i64>(4)? {
        0 => DeliveryState::Pending,
        1 => DeliveryState::Delivered,
        _ => DeliveryState::Dead,
    };
    Ok(DeliveryRow {
        id: DeliveryId::from_row(row.get(0)?),
        owed,
        state,
        attempts: row.get(5)?,
        due_at: Timestamp::from_millis(row.get(6)?),
        detail: row.get(7)?,
    })
}

/// What waits for each target, by walking the index of pending deliveries once.
pub fn backlog(connection: &Connection) -> rusqlite::Result<BTreeMap<TargetName, Backlog>> {
    let mut waiting = BTreeMap::new();
    let mut pending = connection.prepare_cached(
        "SELECT target, pending, (SELECT received_at FROM events WHERE seq = first / 65536)
         FROM (SELECT target, count(*) AS pending, min(id) AS first FROM deliveries WHERE state = 0 GROUP BY target)",
    )?;
    let rows = pending.query_map([], |row| Ok((target(row)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)))?;
    for row in rows {
        let (target, pending, oldest) = row?;
        let oldest = oldest.map(Timestamp::from_millis);
        waiting.insert(target, Backlog { pending, oldest, dead: 0 });
    }
    let mut dead =
        connection.prepare_cached("SELECT target, count(*) FROM deliveries WHERE state = 2 GROUP BY target")?;
    for row in dead.query_map([], |row| Ok((target(row)?, row.get(1)?)))? {
        let (target, dead) = row?;
        waiting.entry(target).or_insert_with(Backlog::default).dead = dead;
    }
    Ok(waiting)
}

fn target(row: &Row<'_>) -> rusqlite::Result<TargetName> {
    TargetName::parse(row.get_ref(0)?.as_str()?).map_err(unreadable(0))
}
