//! The replays: a small table of its own, and the steps they take. Writes run inside the writer's transaction.
//!
//! Knows SQL and values; what is owed again is for [`crate::store::queue::again`].

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::acts;
use super::columns::unreadable;
use super::writer::Database;
use crate::event::Timestamp;
use crate::event::act::{Deed, Signature};
use crate::event::aftermath::Aftermath;
use crate::event::delivery::Again;
use crate::names::ReplayId;
use crate::store::Retried;
use crate::store::queue::{again, owe};
use crate::store::replay::{Keys, Replay, ReplayEnd, ReplayStep, ReplayTerms, Retry};

const COLUMNS: &str = "id, terms, by_whom, begun_at, last, place, next_at, events, deliveries, ended_at, stopped_by";

/// Owes dead letters again.
pub fn retry(database: &mut Database, wanted: &Retry) -> rusqlite::Result<Retried> {
    let mut retried = Retried::default();
    for letter in &wanted.letters {
        if again::retry(database, *letter, wanted, &mut retried.after)? {
            acts::keep(&database.connection, Deed::delivery_retried(*letter, wanted.by.clone()))?;
            retried.owed.push(*letter);
        }
    }
    Ok(retried)
}

/// Keeps a new one under the next id, and the act that it is.
pub fn begin(connection: &Connection, terms: &ReplayTerms, by: &Signature) -> rusqlite::Result<Replay> {
    let failed = |error: serde_json::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
    let text = serde_json::to_string(terms).map_err(failed)?;
    let last: i64 = connection.query_row("SELECT ifnull(max(seq), 0) FROM events", [], |row| row.get(0))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO replays (terms, by_whom, begun_at, last, place, next_at) VALUES (?1, ?2, ?3, ?4, 0, ?3)",
    )?;
    let id = ReplayId::from_row(insert.insert(params![text, by.author(), by.at.as_millis(), last])?);
    let terms = serde_json::from_str(&text).map_err(failed)?;
    acts::keep(connection, Deed::replay_begun(id, terms, by.clone()))?;
    find(connection, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// One of them.
pub fn find(connection: &Connection, id: ReplayId) -> rusqlite::Result<Option<Replay>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM replays WHERE id = ?1"))?;
    select.query_row([id.row()], replay).optional()
}

/// The first that has not ended.
pub fn running(connection: &Connection) -> rusqlite::Result<Option<Replay>> {
    let sql = format!("SELECT {COLUMNS} FROM replays WHERE ended_at IS NULL ORDER BY id LIMIT 1");
    connection.prepare_cached(&sql)?.query_row([], replay).optional()
}

/// Up to `limit` of those before the one of number `before`, newest first.
pub fn list(connection: &Connection, before: Option<i64>, limit: usize) -> rusqlite::Result<Vec<Replay>> {
    let sql = format!("SELECT {COLUMNS} FROM replays WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection.prepare_cached(&sql)?.query_map(params![before.unwrap_or(i64::MAX), limit], replay)?.collect()
}

/// Takes the next step, unless somebody has taken it.
pub fn go_on(database: &mut Database, step: &ReplayStep) -> rusqlite::Result<Option<Aftermath>> {
    let found = find(&database.connection, step.id)?;
    let Some(replay) = found.filter(|replay| replay.is_running() && replay.place == step.from) else { return Ok(None) };
    let (mut after, mut deliveries) = (Aftermath::default(), 0);
    let again = Again { replay: step.id, fresh: replay.terms.keys == Keys::New };
    for (event, owed) in &step.owed {
        deliveries += again::replay(database, *event, owed, again, &replay.by, step.now, &mut after)?;
    }
    owe::conclude(database, step.now, &mut after)?;
    let mut update = database.connection.prepare_cached(
        "UPDATE replays SET place = ?2, events = events + ?3, deliveries = deliveries + ?4, next_at = ifnull(?5, next_at),
                ended_at = iif(?5 IS NULL, ?6, NULL) WHERE id = ?1",
    )?;
    let (next_at, events) = (step.next_at.map(Timestamp::as_millis), step.owed.len());
    update.execute(params![step.id.row(), step.to, events, deliveries, next_at, step.now.as_millis()])?;
    Ok(Some(after))
}

/// Ends one, unless it has ended, and keeps the act; answers with what is kept of it then.
pub fn stop(connection: &Connection, id: ReplayId, by: &Signature) -> rusqlite::Result<Option<Replay>> {
    let sql = "UPDATE replays SET ended_at = ?2, stopped_by = ?3 WHERE id = ?1 AND ended_at IS NULL";
    let is_first = connection.prepare_cached(sql)?.execute(params![id.row(), by.at.as_millis(), by.author()])? > 0;
    if is_first {
        acts::keep(connection, Deed::replay_stopped(id, by.clone()))?;
    }
    find(connection, id)
}

/// Forgets up to `limit` of those that ended before `before`.
pub fn prune(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<()> {
    let sql = "DELETE FROM replays WHERE id IN (SELECT id FROM replays WHERE ended_at < ?1 ORDER BY id LIMIT ?2)";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.execute(params![before.as_millis(), limit]).map(drop)
}

fn replay(row: &Row<'_>) -> rusqlite::Result<Replay> {
    let time = |column| row.get::<_, i64>(column).map(Timestamp::from_millis);
    let (ended_at, stopped_by): (Option<i64>, Option<String>) = (row.get(9)?, row.get(10)?);
    Ok(Replay {
        id: ReplayId::from_row(row.get(0)?),
        terms: serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(unreadable(1))?,
        by: row.get(2)?,
        begun_at: time(3)?,
        last: row.get(4)?,
        place: row.get(5)?,
        next_at: time(6)?,
        events: row.get(7)?,
        deliveries: row.get(8)?,
        ended: ended_at.map(|at| ReplayEnd { at: Timestamp::from_millis(at), stopped_by }),
    })
}
