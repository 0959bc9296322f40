//! Keeps the words of the events, for those who look for some, behind the writer and out of its way.
//!
//! An index of words costs more than an event does, so no event waits for it: a thread of its own puts what came since
//! into the index, many at a time, and rests for long while the writer is busy. What is not in the index yet is looked
//! through by whoever looks ([`super::list`]), so nothing is ever missed. Next: [`crate::store::search`], the words.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rusqlite::{Connection, params};

use super::read::at_one_moment;
use super::writer::{Database, Writer};
use crate::event::Event;
use crate::store::StoreError;
use crate::store::search::terms_of;

/// How often it looks whether something came.
const LOOK: Duration = Duration::from_millis(250);
/// Events that are put into the index in one transaction.
const STEP: usize = 500;
/// While the writer is busy, it rests so many times as long as a step took.
const REST: u32 = 20;
/// But no longer than this.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// The thread. Dropping it stops it and waits for it, but for where it may itself be waiting for whoever drops it.
pub struct Indexer {
    writer: ThreadId,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts the thread, which reads by `connection` and has `writer` write.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn start(connection: Connection, writer: Arc<Writer>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let until = stop.clone();
        let (writing, run) = (writer.thread_id(), move || index(&connection, &writer, &until));
        let thread = std::thread::Builder::new().name("store-indexer".into()).spawn(run)?;
        Ok(Self { writer: writing, stop, thread: Some(thread) })
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if std::thread::current().id() != self.writer {
                let _ = thread.join();
            }
        }
    }
}

fn index(connection: &Connection, writer: &Writer, stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        let (started, busy) = (Instant::now(), writer.is_busy());
        let more = step(connection, writer).unwrap_or_else(|error| {
            tracing::warn!(%error, "events could not be put into the index of words; they are found all the same");
            false
        });
        match (more, busy) {
            (true, false) => {}
            (true, true) => std::thread::park_timeout((started.elapsed() * REST).min(LONGEST_REST)),
            (false, _) => std::thread::park_timeout(LOOK),
        }
    }
}

/// Puts the next events into the index; yields whether there are more.
fn step(connection: &Connection, writer: &Writer) -> Result<bool, StoreError> {
    let failed = |error: rusqlite::Error| StoreError { doing: "read what is to be indexed", detail: error.to_string() };
    let next = at_one_moment(connection, next).map_err(failed)?;
    let Some((last, _)) = next.last().cloned() else { return Ok(false) };
    let more = next.len() == STEP;
    writer.write_and_wait("index events", move |database| keep(database, &next, last))?;
    Ok(more)
}

/// Numbers and words of the events that are not in the index yet. One that nobody can read has no words.
fn next(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut select = connection.prepare_cached(
        "SELECT seq, record FROM events WHERE seq > (SELECT indexed_to FROM search_index) ORDER BY seq LIMIT ?1",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let record = row.get_ref(1)?.as_bytes()?;
        let terms = Event::from_record(record, Bytes::new()).map(|event| terms_of(&event));
        Ok((row.get(0)?, terms.unwrap_or_default()))
    };
    select.query_map([i64::try_from(STEP).unwrap_or(i64::MAX)], read)?.collect()
}

fn keep(database: &Database, next: &[(i64, String)], last: i64) -> rusqlite::Result<()> {
    let connection = &database.connection;
    // One that was forgotten meanwhile stays forgotten.
    let mut insert = connection.prepare_cached(
        "INSERT INTO event_search (rowid, terms) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM events WHERE seq = ?1)",
    )?;
    for (event, terms) in next {
        insert.execute(params![event, terms])?;
    }
    connection.prepare_cached("UPDATE search_index SET indexed_to = max(indexed_to, ?1)")?.execute([last]).map(drop)
}
