//! Which event ids the database holds: the judge of what is new.
//!
//! Ids come in any order, so an index on them has to touch one page of the database for nearly every event, and those
//! pages would be most of what a commit writes. So the index lags behind: the ids of the newest events are held in
//! memory and move into the table `event_keys` a generation at a time, in the order of the index, a few with each commit,
//! so that many land on one page and nobody waits. The events themselves are durable at once; after a crash the ids that
//! had not moved yet are read from them again. Right only in the one writer, behind the lock file.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::names::EventId;

/// What the index knows an id by: the first half of its SHA-256. Nobody finds two ids with the same one.
pub type Key = [u8; 16];

/// The key of an id.
pub fn key(id: &EventId) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&Sha256::digest(id.as_str().as_bytes())[..16]);
    key
}

/// Ids that move together: the more, the fewer pages each of them costs where the table is large. About 4 MiB of memory,
/// and a fraction of a second at the next start.
const GENERATION: usize = 65_536;
/// Ids that move with a commit, at least.
const STEP: usize = 64;

/// The ids in memory, and the way to those in the table. Changes count when [`Ids::committed`] says so.
#[derive(Default)]
pub struct Ids {
    generation: usize,
    young: HashMap<Key, i64>,
    /// A whole generation on its way into the table.
    moving: HashMap<Key, i64>,
    /// What of it is left to move, last key first.
    left: Vec<(Key, i64)>,
    /// What the open transaction has done.
    open: Open,
}

#[derive(Default)]
struct Open {
    added: Vec<Key>,
    moved: usize,
    moved_all: bool,
}

impl Ids {
    /// Reads the ids of the events that the table does not cover yet.
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut select = connection
            .prepare("SELECT id, seq FROM events WHERE seq > (SELECT indexed_to FROM event_index) ORDER BY seq")?;
        let mut ids = Self { generation: GENERATION, ..Self::default() };
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id = EventId::parse(row.get_ref(0)?.as_str()?).map_err(super::columns::unreadable(0))?;
            ids.young.insert(key(&id), row.get(1)?);
        }
        Ok(ids)
    }

    /// The event of this key, if there is one.
    pub fn find(&self, connection: &Connection, key: &Key) -> rusqlite::Result<Option<i64>> {
        match self.young.get(key).or_else(|| self.moving.get(key)) {
            Some(seq) => Ok(Some(*seq)),
            None => find_in_table(connection, key),
        }
    }

    /// An event was added in the open transaction.
    pub fn add(&mut self, key: Key, seq: i64) {
        self.young.insert(key, seq);
        self.open.added.push(key);
    }

    /// Moves a few ids into the table, as part of the open transaction; the more, the more it adds, so that a generation is
    /// through before the next one is complete, and the more, the more are left of one that has grown too large.
    pub fn move_some(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let share = self.left.len() / (GENERATION / STEP);
        let count = self.left.len().min(STEP.max(2 * self.open.added.len()).max(share));
        let stays = self.left.len() - count;
        insert(connection, self.left[stays..].iter().rev())?;
        if count > 0 && stays == 0 {
            covers(connection, self.moving.values().max())?;
        }
        self.open.moved = count;
        Ok(())
    }

    /// Moves every id into the table, as part of the open transaction.
    pub fn move_all(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut all: Vec<(Key, i64)> = self.young.iter().chain(&self.moving).map(|(key, seq)| (*key, *seq)).collect();
        all.sort_unstable();
        insert(connection, all.iter())?;
        covers(connection, all.iter().map(|(_, seq)| seq).max())?;
        self.open.moved_all = true;
        Ok(())
    }

    /// The open transaction is durable.
    pub fn committed(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.moved_all {
            *self = Self { generation: self.generation, ..Self::default() };
            return;
        }
        self.left.truncate(self.left.len() - open.moved);
        if self.left.is_empty() {
            self.moving.clear();
            if self.young.len() >= self.generation {
                self.moving = std::mem::take(&mut self.young);
                self.left = self.moving.iter().map(|(key, seq)| (*key, *seq)).collect();
                self.left.sort_unstable_by(|a, b| b.cmp(a));
            }
        }
    }

    /// The open transaction never happened.
    pub fn rolled_back(&mut self) {
        for key in std::mem::take(&mut self.open).added {
            self.young.remove(&key);
        }
    }

    /// For tests: generations this small.
    #[cfg(test)]
    pub fn set_generation(&mut self, generation: usize) {
        self.generation = generation;
    }
}

/// The event of this key among those the table covers.
pub fn find_in_table(connection: &Connection, key: &Key) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT seq FROM event_keys WHERE key = ?1")?;
    select.query_row([key], |row| row.get(0)).optional()
}

/// A generation that a crash interrupted is inserted again from its start, hence `OR IGNORE`.
fn insert<'a>(connection: &Connection, ids: impl Iterator<Item = &'a (Key, i64)>) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO event_keys (key, seq) VALUES (?1, ?2)")?;
    for (key, seq) in ids {
        insert.execute(params![key, seq])?;
    }
    Ok(())
}

fn covers(connection: &Connection, seq: Option<&i64>) -> rusqlite::Result<()> {
    let Some(seq) = seq else { return Ok(()) };
    connection.prepare_cached("UPDATE event_index SET indexed_to = max(indexed_to, ?1)")?.execute([seq]).map(drop)
}

#[cfg(test)]
#[path = "../tests/ids.rs"]
mod tests;
