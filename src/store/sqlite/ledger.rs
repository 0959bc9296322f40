//! The ledger in SQLite: what happened to each event, the repeats that are counted on it, and the routing tables.
//!
//! Knows SQL and values; each call runs inside its caller's transaction. What is worth an entry is for
//! [`crate::store::queue`].

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::unreadable;
use super::ids;
use super::writer::Database;
use crate::event::Timestamp;
use crate::event::ledger::{Entry, Fact, KeptTable, MOST_ENTRIES, MOST_REPEATS};
use crate::names::TableId;
use crate::store::Repeats;

/// Routing tables that are kept at most: far more than anybody changes in the time that events are kept.
const MOST_TABLES: i64 = 1000;

/// Adds an entry; of too many, one in the middle goes.
pub fn note(connection: &Connection, event: i64, at: Timestamp, fact: &Fact) -> rusqlite::Result<()> {
    let fact = serde_json::to_string(fact).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO ledger (event, number, at, fact)
         SELECT ?1, ifnull((SELECT max(number) FROM ledger WHERE event = ?1), 0) + 1, ?2, ?3 RETURNING number",
    )?;
    let number: u64 = insert.query_row(params![event, at.as_millis(), fact], |row| row.get(0))?;
    if number > MOST_ENTRIES {
        let mut delete = connection.prepare_cached("DELETE FROM ledger WHERE event = ?1 AND number = ?2")?;
        delete.execute(params![event, number - MOST_ENTRIES / 2])?;
    }
    Ok(())
}

/// What happened to the event of this number, in order.
pub fn entries(connection: &Connection, event: i64) -> rusqlite::Result<Vec<Entry>> {
    let mut select =
        connection.prepare_cached("SELECT number, at, fact FROM ledger WHERE event = ?1 ORDER BY number")?;
    select.query_map([event], entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let fact = serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(unreadable(2))?;
    Ok(Entry { number: row.get(0)?, at: Timestamp::from_millis(row.get(1)?), fact })
}

/// Counts repeats on the event of this number, and writes the first of them down.
pub fn repeat(connection: &Connection, event: i64, repeats: &Repeats) -> rusqlite::Result<()> {
    let Repeats { source, plain, conflicts, at, .. } = repeats;
    let mut count = connection.prepare_cached(
        "UPDATE events SET duplicates = duplicates + ?2, conflicts = conflicts + ?3 WHERE seq = ?1
         RETURNING duplicates + conflicts",
    )?;
    let counted: Option<u64> = count.query_row(params![event, plain, conflicts], |row| row.get(0)).optional()?;
    let times = plain + conflicts;
    match counted.is_some_and(|counted| counted.saturating_sub(times) < MOST_REPEATS) {
        true => {
            note(connection, event, *at, &Fact::Repeated { source: source.clone(), conflict: *conflicts > 0, times })
        }
        false => Ok(()),
    }
}

/// The same where somebody else recognised them.
pub fn note_repeats(database: &Database, all: &[Repeats]) -> rusqlite::Result<()> {
    let Database { connection, ids } = database;
    for repeats in all {
        if let Some(event) = ids.find(connection, &ids::key(&repeats.id))? {
            repeat(connection, event, repeats)?;
        }
    }
    Ok(())
}

/// The table is in force from now on; of too many, the one that was so longest ago is forgotten.
pub fn keep_table(connection: &Connection, table: &KeptTable, now: Timestamp) -> rusqlite::Result<()> {
    let KeptTable { id, text } = table;
    let sql = "INSERT INTO routing_tables (id, text, last_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at";
    connection.prepare_cached(sql)?.execute(params![id.row(), text, now.as_millis()])?;
    let sql = "DELETE FROM routing_tables WHERE id IN (SELECT id FROM routing_tables ORDER BY last_at DESC LIMIT -1 OFFSET ?1)";
    connection.prepare_cached(sql)?.execute([MOST_TABLES]).map(drop)
}

/// The text of a table.
pub fn table(connection: &Connection, id: TableId) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare_cached("SELECT text FROM routing_tables WHERE id = ?1")?;
    select.query_row([id.row()], |row| row.get(0)).optional()
}
