//! Reads deliveries by whatever condition, and writes by whatever statement, inside the writer's transaction.
//!
//! A delivery that nobody can read is taken out of the way here, so that the rules of the queue never meet one.

use rusqlite::{Row as SqlRow, ToSql, params};

use super::columns::{COLUMNS, delivery};
use super::writer::Database;
use crate::event::Timestamp;
use crate::event::delivery::Reason;
use crate::names::DeliveryId;
use crate::store::queue::{Row, event_of, written};

/// What comes of asking the database.
pub type Done<T> = rusqlite::Result<T>;

impl Database {
    pub(super) fn one(&self, tail: &str, with: &[&dyn ToSql]) -> Done<Option<Row>> {
        Ok(self.many(&format!("{tail} LIMIT 1"), with)?.pop())
    }

    /// A row nobody can read must not hold up the rows behind it: it becomes a dead letter that says so.
    pub(super) fn many(&self, tail: &str, with: &[&dyn ToSql]) -> Done<Vec<Row>> {
        let sql = format!("SELECT {COLUMNS} FROM deliveries {tail}");
        loop {
            let mut select = self.connection.prepare_cached(&sql)?;
            let read = |row: &SqlRow<'_>| Ok((row.get::<_, i64>(0)?, delivery(row)));
            let found = select.query_map(with, read)?.collect::<Done<Vec<_>>>()?;
            let unreadable: Vec<_> =
                found.iter().filter_map(|(id, row)| Some((*id, row.as_ref().err()?.to_string()))).collect();
            if unreadable.is_empty() {
                return found.into_iter().map(|(_, row)| row).collect();
            }
            unreadable.iter().try_for_each(|(id, error)| self.bury(*id, error))?;
        }
    }

    fn bury(&self, id: i64, error: &str) -> Done<()> {
        tracing::error!(delivery.id = id, error, "a stored delivery cannot be read and is given up");
        let sql = "UPDATE deliveries SET state = 2, lease = NULL, settled_at = received_at, reason = ?2, detail = ?3 WHERE id = ?1";
        let detail = format!("the stored delivery cannot be read: {error}");
        self.change(sql, params![id, Reason::Internal.as_str(), detail])?;
        let delivery = DeliveryId::from_row(id);
        let sql = "SELECT settled_at FROM deliveries WHERE id = ?1";
        let at = self.connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
        let fact = written::unreadable(delivery, &detail);
        super::ledger::note(&self.connection, event_of(delivery), Timestamp::from_millis(at), &fact)?;
        // Those of its incident may have waited for it.
        let sql = "UPDATE deliveries SET behind = 0 WHERE id = (
                       SELECT min(d.id) FROM deliveries AS d, deliveries AS buried
                       WHERE buried.id = ?1 AND d.state = 0 AND d.target = buried.target AND d.incident = buried.incident
                       HAVING min(d.behind) = 1)";
        self.change(sql, params![id])
    }

    pub(super) fn change(&self, sql: &str, with: impl rusqlite::Params) -> Done<()> {
        self.connection.prepare_cached(sql)?.execute(with).map(drop)
    }
}
