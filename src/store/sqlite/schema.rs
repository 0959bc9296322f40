//! The schema, as the steps that lead to it: a new database takes all of them, an older one those it lacks.
//!
//! A step that has been released is never edited; what is to change becomes the next step. The version a database has
//! reached is in its `PRAGMA user_version`. Knows nothing of what the tables are used for.

use std::path::Path;

use rusqlite::Connection;

use super::OpenError;

/// Each step with the version it leads to.
const STEPS: [(i64, &str); 9] = [
    (1, include_str!("schema/1_events.sql")),
    (2, include_str!("schema/2_cursors.sql")),
    (3, include_str!("schema/3_silences.sql")),
    (4, include_str!("schema/4_queue.sql")),
    (5, include_str!("schema/5_ledger.sql")),
    (6, include_str!("schema/6_search.sql")),
    (7, include_str!("schema/7_acts.sql")),
    (8, include_str!("schema/8_replays.sql")),
    (9, include_str!("schema/9_told.sql")),
];
/// The version this relay reads and writes.
pub const VERSION: i64 = 9;
/// The first version that has cursors.
pub const WITH_CURSORS: i64 = 2;
/// The first version that has incidents, and says where a delivery comes from.
pub const WITH_INCIDENTS: i64 = 4;
/// The first version that has a ledger, and keeps routing tables.
pub const WITH_LEDGER: i64 = 5;

/// Brings the database to [`VERSION`], each step in a transaction of its own.
///
/// # Errors
/// When a newer relay wrote it, which changes nothing; or when SQLite refuses a step, which leaves the steps before it.
pub fn migrate(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::Database { path: path.to_owned(), error };
    let found = known_version(connection, path)?;
    if (1..VERSION).contains(&found) {
        tracing::info!(path = %path.display(), from = found, to = VERSION, "migrating the database; with millions of deliveries this takes minutes");
    }
    for (version, step) in STEPS.iter().filter(|(version, _)| *version > found) {
        let take = format!("BEGIN IMMEDIATE; {step} PRAGMA user_version = {version}; COMMIT;");
        connection.execute_batch(&take).map_err(failed)?;
    }
    Ok(())
}

/// The version of a database that this relay can read; 0 when it is empty.
///
/// # Errors
/// When a newer relay wrote it, or SQLite cannot read it.
pub fn known_version(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let failed = |error| OpenError::Database { path: path.to_owned(), error };
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    match found > VERSION {
        true => Err(OpenError::Newer { path: path.to_owned(), found }),
        false => Ok(found),
    }
}

#[cfg(test)]
#[path = "../tests/schema.rs"]
mod tests;
