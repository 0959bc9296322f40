//! The silences: a small table of its own. Writes run inside the writer's transaction, reads beside it.
//!
//! Knows SQL and values; never looks at the time.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::acts;
use super::columns::unreadable;
use crate::event::Timestamp;
use crate::event::act::{Deed, Signature};
use crate::event::silence::{Ended, Silence, Terms};
use crate::names::SilenceId;

const COLUMNS: &str = "id, matching, routes, targets, begins_at, until, by_whom, why, ended_at, ended_by";

/// The newest silences before the one of number `before` that were not over at `since`, in the order of their ids. One that cannot be read is left out and
/// complained of: the others must hold all the same.
pub fn list(
    connection: &Connection,
    since: Timestamp,
    before: Option<i64>,
    limit: usize,
) -> rusqlite::Result<Vec<Silence>> {
    let sql = format!("SELECT {COLUMNS} FROM silences WHERE over_at > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
    let mut select = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![since.as_millis(), before.unwrap_or(i64::MAX), limit], |row| {
        Ok((row.get::<_, i64>(0)?, silence(row)))
    })?;
    let mut silences = Vec::new();
    for row in rows {
        match row? {
            (_, Ok(silence)) => silences.push(silence),
            (id, Err(error)) => {
                tracing::error!(silence.id = id, %error, "a stored silence cannot be read and does not hold")
            }
        }
    }
    silences.reverse();
    Ok(silences)
}

/// Keeps a new one under the next id, and the act that it is.
pub fn keep(connection: &Connection, terms: &Terms, by: &Signature) -> rusqlite::Result<Silence> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO silences (matching, routes, targets, begins_at, until, over_at, by_whom, why)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)",
    )?;
    let Terms { matching, routes, targets, from, until, by: whom, why } = terms;
    let (matching, routes, targets) = (json(matching)?, json(routes)?, json(targets)?);
    let id = insert.insert(params![matching, routes, targets, from.as_millis(), until.as_millis(), whom, why])?;
    let silence = Silence { id: SilenceId::from_row(id), terms: terms.clone(), ended: None };
    acts::keep(connection, Deed::silence_added(&silence, by.clone()))?;
    Ok(silence)
}

/// Ends one, unless it is over by then, and keeps the act; answers with what is kept of it then.
pub fn end(connection: &Connection, id: SilenceId, by: &Signature) -> rusqlite::Result<Option<Silence>> {
    let mut update = connection.prepare_cached(
        "UPDATE silences SET ended_at = ?2, ended_by = ?3, over_at = ?2 WHERE id = ?1 AND over_at > ?2",
    )?;
    let is_first = update.execute(params![id.row(), by.at.as_millis(), by.author()])? > 0;
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM silences WHERE id = ?1"))?;
    let silence = select.query_row([id.row()], silence).optional()?;
    if let Some(silence) = silence.as_ref().filter(|_| is_first) {
        acts::keep(connection, Deed::silence_ended(silence, by.clone()))?;
    }
    Ok(silence)
}

/// Forgets up to `limit` of those that were over before `before`.
pub fn prune(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM silences WHERE id IN (SELECT id FROM silences WHERE over_at < ?1 ORDER BY over_at LIMIT ?2)",
    )?;
    delete.execute(params![before.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)]).map(drop)
}

fn silence(row: &Row<'_>) -> rusqlite::Result<Silence> {
    let time = |column| row.get(column).map(Timestamp::from_millis);
    let terms = Terms {
        matching: from_json(row, 1)?,
        routes: from_json(row, 2)?,
        targets: from_json(row, 3)?,
        from: time(4)?,
        until: time(5)?,
        by: row.get(6)?,
        why: row.get(7)?,
    };
    let ended = match row.get::<_, Option<i64>>(8)? {
        Some(at) => Some(Ended { at: Timestamp::from_millis(at), by: row.get(9)? }),
        None => None,
    };
    Ok(Silence { id: SilenceId::from_row(row.get(0)?), terms, ended })
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(unreadable(column))
}
