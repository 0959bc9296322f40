//! What operators did: a small table of its own. Writes run inside the writer's transaction, reads beside it.
//!
//! Knows SQL and values; never looks at the time.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::columns::unreadable;
use crate::event::Timestamp;
use crate::event::act::{Act, Deed, Signature, What};
use crate::names::TokenName;

/// Keeps one under the next number.
pub fn keep(connection: &Connection, deed: Deed) -> rusqlite::Result<()> {
    let Deed { signature: Signature { at, token, whom }, what, subject, detail } = deed;
    let detail =
        serde_json::to_string(&detail).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO acts (at, by_token, by_whom, what, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![at.as_millis(), token.as_str(), whom, what.as_str(), subject, detail]).map(drop)
}

/// Up to `limit` of those before the one of number `before`, newest first. One that cannot be read is left out and
/// complained of.
pub fn list(connection: &Connection, before: Option<i64>, limit: usize) -> rusqlite::Result<Vec<Act>> {
    let mut select = connection.prepare_cached(
        "SELECT id, at, by_token, by_whom, what, subject, detail FROM acts WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows =
        select.query_map(params![before.unwrap_or(i64::MAX), limit], |row| Ok((row.get::<_, i64>(0)?, act(row))))?;
    let mut acts = Vec::new();
    for row in rows {
        match row? {
            (_, Ok(act)) => acts.push(act),
            (id, Err(error)) => tracing::error!(act.id = id, %error, "a stored act cannot be read and is not shown"),
        }
    }
    Ok(acts)
}

/// Forgets up to `limit` of those from before `before`.
pub fn prune(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<()> {
    let mut delete = connection
        .prepare_cached("DELETE FROM acts WHERE id IN (SELECT id FROM acts WHERE at < ?1 ORDER BY at LIMIT ?2)")?;
    delete.execute(params![before.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)]).map(drop)
}

fn act(row: &Row<'_>) -> rusqlite::Result<Act> {
    let what = row.get_ref(4)?.as_str()?;
    let unknown = || rusqlite::Error::FromSqlConversionFailure(4, Type::Text, format!("`{what}` is no act").into());
    Ok(Act {
        id: row.get(0)?,
        at: Timestamp::from_millis(row.get(1)?),
        by_token: TokenName::parse(row.get_ref(2)?.as_str()?).map_err(unreadable(2))?,
        by_whom: row.get(3)?,
        what: What::named(what).ok_or_else(unknown)?,
        subject: row.get(5)?,
        detail: serde_json::from_str(row.get_ref(6)?.as_str()?).map_err(unreadable(6))?,
    })
}
