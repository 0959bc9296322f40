//! The default engine: SQLite in one file, for one replica.
//!
//! One [`writer`] thread owns the writing connection and puts everything that waits into one transaction, so many
//! requests share one fsync; [`ids`] judges what is new; an [`indexer`] thread keeps what people look for; a [`checkpoint`] thread moves the log into the database beside it; a few readers look on.
//! WAL with `synchronous=FULL`: what was acknowledged survives `kill -9` and loss of power. An exclusive lock file
//! keeps a second process out; [`Peek`] lets it look on, [`History`] look back. Never put the file on NFS: WAL needs shared memory, <https://www.sqlite.org/wal.html>.

mod acts;
mod checkpoint;
mod columns;
mod events;
mod history;
mod ids;
mod indexer;
mod ledger;
mod list;
mod peek;
mod read;
mod replays;
mod rows;
mod rowwise;
mod schema;
mod silences;
mod together;
mod writer;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;

use super::query::{EventFilter, EventRow, Listed, OwedRow, Slice};
use super::replay::{Replay, ReplayStep, ReplayTerms, Retry};
use super::{
    Aftermath, Append, Backlog, Claim, Claimed, Cursor, Kept, Repeats, Retried, Settled, Settlement, Store, StoreError,
    StoredEvent, Terms, queue,
};
use crate::event::Timestamp;
use crate::event::act::{Act, Signature};
use crate::event::ledger::KeptTable;
use crate::event::silence::{self, Silence};
use crate::names::{CursorName, EventId, ReplayId, SilenceId, TableId, TargetName};
use crate::target::{Obeyed, Order, TargetState};
use events::Encoded;
pub use history::{History, Past, Step};
pub use peek::Peek;
use read::Readers;
use schema::VERSION;
pub use writer::CommitObserver;
use writer::{Database, Writer};

/// The section `store.sqlite`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database file; `-wal`, `-shm` and `.lock` stand beside it. Its directory is created.
    pub path: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: PathBuf::from("data/relay.db") }
    }
}

/// The database could not be opened; nothing it keeps was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock file.
    #[error(
        "`{0}` is locked: another castai-relay runs on this database; stop it, or give this one its own `store.sqlite.path`"
    )]
    Locked(PathBuf),
    /// There is nothing to look at.
    #[error("there is no database at `{0}`; `serve` creates it when it first starts")]
    Missing(PathBuf),
    /// There is a file, and nothing of ours in it.
    #[error("`{0}` is a database that no castai-relay has written into; name the one at `store.sqlite.path`")]
    Empty(PathBuf),
    /// A newer version of the relay wrote it.
    #[error(
        "`{path}` has schema version {found}, this castai-relay knows up to {VERSION}; start the newer version that wrote it"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i64,
    },
    /// The file system said no.
    #[error("cannot open `{path}`: {error}; the directory must exist or be creatable, and be writable")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
    /// SQLite said no.
    #[error("cannot open `{path}`: {error}")]
    Database {
        /// The database.
        path: PathBuf,
        /// What it said.
        error: rusqlite::Error,
    },
}

/// The SQLite engine. Dropping it finishes what is queued, then closes the file.
pub struct SqliteStore {
    writer: Arc<Writer>,
    /// For what deliveries and sources wait for.
    readers: Arc<Readers>,
    /// For what people look for, which may take long: nothing else waits behind that.
    lookers: Arc<Readers>,
    /// Ends before the writer does.
    _indexer: indexer::Indexer,
    _checkpointer: checkpoint::Checkpointer,
    /// Held as long as the database is open.
    _lock: Lock,
}

impl SqliteStore {
    /// Opens or creates the database at `path`, with its directory. Deliveries that a dead process had claimed are
    /// due again at once. `observe` is told of every commit.
    ///
    /// # Errors
    /// When the file is in use, was written by a newer version, or cannot be opened.
    pub fn open(path: &Path, observe: CommitObserver) -> Result<Self, OpenError> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            let failed = |error| OpenError::Io { path: directory.to_owned(), error };
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let lock = lock(path)?;
        let failed = |error| OpenError::Database { path: path.to_owned(), error };
        let connection = connect(path, OpenFlags::default()).map_err(failed)?;
        schema::migrate(&connection, path)?;
        events::release_leases(&connection).map_err(failed)?;
        let readers = Arc::new(Readers::open(path).map_err(failed)?);
        let lookers = Arc::new(Readers::open(path).map_err(failed)?);
        let checkpointer = checkpoint::Checkpointer::start(connect(path, OpenFlags::default()).map_err(failed)?)
            .map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
        let ids = ids::Ids::read(&connection).map_err(failed)?;
        let no_thread = |error| OpenError::Io { path: path.to_owned(), error };
        let writer = Writer::start(Database { connection, ids }, checkpointer.bell(), observe).map_err(no_thread)?;
        let writer = Arc::new(writer);
        let looking = read::connect(path).map_err(failed)?;
        let indexer = indexer::Indexer::start(looking, writer.clone()).map_err(no_thread)?;
        Ok(Self { writer, readers, lookers, _indexer: indexer, _checkpointer: checkpointer, _lock: lock })
    }
}

fn lock_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Whether a process holds the database at `path`. Exact: the lock ends with its process, however that ends. Looks for
/// an instant only, and creates nothing.
///
/// # Errors
/// When the lock file is there and cannot be looked at.
pub fn is_held(path: &Path) -> std::io::Result<bool> {
    let file = match File::open(lock_file(path)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Let go of by name: a process that is just being started holds a copy of every open file for an instant, and with it a lock
/// that ends only with the last of them.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Where it cannot be let go of, it ends with the file.
        let _ = self.0.unlock();
    }
}

fn lock(path: &Path) -> Result<Lock, OpenError> {
    let path = lock_file(path);
    let failed = |error| OpenError::Io { path: path.clone(), error };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path)),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // NORMAL would lose acknowledged commits on power loss: https://www.sqlite.org/pragma.html#pragma_synchronous
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // 4 MiB: the leaves of the index on ids are read at random, and reading them again would cost more.
    connection.pragma_update(None, "cache_size", -4_096)?;
    // The checkpointer does it, so that no commit has to wait for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

#[async_trait]
impl Store for SqliteStore {
    async fn append(&self, appends: Vec<Append>, cursor: Option<Cursor>) -> Result<Kept, StoreError> {
        cursor.as_ref().map_or(Ok(()), Cursor::check)?;
        let now = appends.iter().map(|append| append.event.received_at).max();
        let encoded = encode(appends)?;
        let append = move |database: &mut Database| {
            cursor.iter().try_for_each(|cursor| events::move_cursor(&database.connection, cursor))?;
            let mut after = Aftermath::default();
            let appended = encoded.iter().map(|event| event.append(database, &mut after)).collect::<Result<_, _>>()?;
            now.map_or(Ok(()), |now| queue::owe::conclude(database, now, &mut after))?;
            Ok(Kept { appended, after })
        };
        self.writer.write("keep events", append).await
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        let name = name.clone();
        self.readers.read("read a cursor", move |connection| read::cursor(connection, &name)).await
    }

    /// Asks the judge: a reader would have to search all events that the table of keys does not cover yet.
    async fn contains(&self, id: &EventId) -> Result<bool, StoreError> {
        let key = ids::key(id);
        let find = move |database: &mut Database| database.ids.find(&database.connection, &key);
        Ok(self.writer.write("look for an event", find).await?.is_some())
    }

    async fn note_repeats(&self, repeats: Vec<Repeats>) -> Result<(), StoreError> {
        self.writer.write("note repeats", move |database| ledger::note_repeats(database, &repeats)).await
    }

    async fn keep_table(&self, table: KeptTable, now: Timestamp) -> Result<(), StoreError> {
        let keep = move |database: &mut Database| ledger::keep_table(&database.connection, &table, now);
        self.writer.write("keep the routing table", keep).await
    }

    async fn table(&self, id: TableId) -> Result<Option<String>, StoreError> {
        self.lookers.read("read a routing table", move |connection| ledger::table(connection, id)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.writer.write("claim deliveries", move |database| queue::claim::claim(database, &claim)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        self.writer.write("settle deliveries", move |database| queue::settle::settle(database, &settlement)).await
    }

    async fn next_due(
        &self,
        target: &TargetName,
        now: Timestamp,
        terms: Arc<Terms>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let target = target.clone();
        let read = move |connection: &Connection| read::next_due(connection, &target, &terms, now);
        self.readers.read("find what is due next", read).await
    }

    async fn standing(&self, target: &TargetName) -> Result<TargetState, StoreError> {
        let target = target.clone();
        self.readers.read("look how a target stands", move |connection| read::standing(connection, &target)).await
    }

    async fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        let id = id.clone();
        self.readers.read("read an event", move |connection| read::event(connection, &id)).await
    }

    async fn events(&self, filter: EventFilter, slice: Slice) -> Result<Listed<EventRow>, StoreError> {
        self.lookers.read("list events", move |connection| list::events(connection, &filter, slice)).await
    }

    async fn deliveries(&self, filter: EventFilter, slice: Slice) -> Result<Listed<OwedRow>, StoreError> {
        self.lookers.read("list deliveries", move |connection| list::deliveries(connection, &filter, slice)).await
    }

    async fn backlog(&self) -> Result<BTreeMap<TargetName, Backlog>, StoreError> {
        self.lookers.read("count the backlog", read::backlog).await
    }

    async fn silences(&self, since: Timestamp, before: Option<i64>, limit: usize) -> Result<Vec<Silence>, StoreError> {
        let list = move |connection: &Connection| silences::list(connection, since, before, limit);
        self.readers.read("read the silences", list).await
    }

    async fn keep_silence(&self, terms: silence::Terms, by: Signature) -> Result<Silence, StoreError> {
        let keep = move |database: &mut Database| silences::keep(&database.connection, &terms, &by);
        self.writer.write("keep a silence", keep).await
    }

    async fn end_silence(&self, id: SilenceId, by: Signature) -> Result<Option<Silence>, StoreError> {
        let end = move |database: &mut Database| silences::end(&database.connection, id, &by);
        self.writer.write("end a silence", end).await
    }

    async fn order(&self, target: &TargetName, order: Order, by: Signature) -> Result<Obeyed, StoreError> {
        let target = target.clone();
        let obey = move |database: &mut Database| queue::order::order(database, &target, &order, &by);
        self.writer.write("have a target obey", obey).await
    }

    async fn acts(&self, before: Option<i64>, limit: usize) -> Result<Vec<Act>, StoreError> {
        self.lookers.read("read the acts", move |connection| acts::list(connection, before, limit)).await
    }

    async fn retry(&self, wanted: Retry) -> Result<Retried, StoreError> {
        let retry = move |database: &mut Database| replays::retry(database, &wanted);
        self.writer.write("owe dead letters again", retry).await
    }

    async fn begin_replay(&self, terms: ReplayTerms, by: Signature) -> Result<Replay, StoreError> {
        let begin = move |database: &mut Database| replays::begin(&database.connection, &terms, &by);
        self.writer.write("begin a replay", begin).await
    }

    async fn replays(&self, before: Option<i64>, limit: usize) -> Result<Vec<Replay>, StoreError> {
        self.lookers.read("read the replays", move |connection| replays::list(connection, before, limit)).await
    }

    async fn replay(&self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        self.lookers.read("read a replay", move |connection| replays::find(connection, id)).await
    }

    async fn running_replay(&self) -> Result<Option<Replay>, StoreError> {
        self.readers.read("look for a replay", replays::running).await
    }

    async fn go_on(&self, step: ReplayStep) -> Result<Option<Aftermath>, StoreError> {
        self.writer.write("go on with a replay", move |database| replays::go_on(database, &step)).await
    }

    async fn stop_replay(&self, id: ReplayId, by: Signature) -> Result<Option<Replay>, StoreError> {
        let stop = move |database: &mut Database| replays::stop(&database.connection, id, &by);
        self.writer.write("stop a replay", stop).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let prune = move |database: &mut Database| {
            silences::prune(&database.connection, before, limit)?;
            replays::prune(&database.connection, before, limit)?;
            acts::prune(&database.connection, before, limit)?;
            events::prune(database, before, limit)
        };
        self.writer.write("prune old events", prune).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.writer.write("prove that it can write", |database| events::probe(&database.connection)).await
    }
}

fn encode(appends: Vec<Append>) -> Result<Vec<Encoded>, StoreError> {
    appends.into_iter().map(Encoded::from_append).collect()
}

#[cfg(test)]
#[path = "../tests/sqlite.rs"]
mod tests;
