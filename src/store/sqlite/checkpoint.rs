//! Moves the write-ahead log into the database, beside the writer and not in its way.
//!
//! A checkpoint copies pages and calls fsync on the database file: milliseconds that no request should wait for. So a
//! thread of its own does it, passively, whenever the log has grown by [`STEP`] or the writer has come to rest.
//! Under an unending load a passive checkpoint never reaches the end of a log that keeps growing; beyond [`LIMIT`] the
//! writer itself copies the rest, once, and the log starts anew.
//! <https://www.sqlite.org/wal.html#performance_considerations>

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB};

/// How often the thread looks at the log while there are commits.
const LOOK: Duration = Duration::from_millis(100);
/// Pages of 4 KiB not yet copied that are worth a checkpoint: 16 MiB.
const STEP: i32 = 4_096;
/// Pages of 4 KiB after which the writer itself ends the log: 96 MiB on disk.
const LIMIT: i32 = 24_576;

/// The thread. Dropping it stops it and waits for it.
pub struct Checkpointer {
    bell: CheckpointBell,
    thread: Option<JoinHandle<()>>,
}

/// How the writer tells the checkpointer of commits, and is told to end the log.
#[derive(Clone)]
pub struct CheckpointBell {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    committed: AtomicBool,
    over_limit: AtomicBool,
    stop: AtomicBool,
}

impl Checkpointer {
    /// Starts the thread with a connection of its own.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn start(connection: Connection) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let looking = shared.clone();
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || look_after(&connection, &looking))?;
        let bell = CheckpointBell { shared, thread: thread.thread().clone() };
        Ok(Self { bell, thread: Some(thread) })
    }

    /// The writer's end.
    pub fn bell(&self) -> CheckpointBell {
        self.bell.clone()
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.bell.shared.stop.store(true, Ordering::Release);
        self.bell.thread.unpark();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl CheckpointBell {
    /// Called by the writer between two transactions. Returns at once, but for the rare time the log is over its limit.
    pub fn committed(&self, writer: &Connection) {
        if !self.shared.committed.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
        if self.shared.over_limit.swap(false, Ordering::AcqRel)
            && let Err(error) = writer.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::RESTART)
        {
            // A long read is in the way; the log grows on and the next look asks again.
            tracing::warn!(%error, "the write-ahead log is long and could not be ended");
        }
    }
}

fn look_after(connection: &Connection, shared: &Shared) {
    while !shared.stop.load(Ordering::Acquire) {
        if !shared.committed.swap(false, Ordering::AcqRel) {
            std::thread::park();
            continue;
        }
        std::thread::park_timeout(LOOK);
        let at_rest = !shared.committed.load(Ordering::Acquire);
        match copy_if_worth_it(connection, at_rest) {
            Ok(log) if log >= LIMIT => shared.over_limit.store(true, Ordering::Release),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be copied into the database"),
        }
    }
}

/// Copies what the log holds beyond the database, and returns the length of the log in pages.
fn copy_if_worth_it(connection: &Connection, at_rest: bool) -> rusqlite::Result<i32> {
    let (log, copied) = connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP)?;
    if at_rest || log - copied >= STEP {
        connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE)?;
    }
    Ok(log)
}
