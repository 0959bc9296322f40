//! The writer thread: everything that waits goes into one transaction, one fsync for all of them.
//!
//! Under light load a batch is one job, so nobody waits for company; under heavy load the next batch gathers while
//! the current one is being made durable. Answers are given only after COMMIT. Knows nothing of what the jobs do.

use std::sync::Arc;
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::CheckpointBell;
use super::ids::Ids;
use crate::store::StoreError;

/// Jobs that may wait for the writer; beyond, callers wait at the door. Far above the requests the server lets in.
const QUEUE: usize = 4096;
/// Jobs that share one commit at most: keeps a transaction, and so a reader's wait, short.
const BATCH: usize = 512;

/// Told of every commit: how many jobs it carried and how long it took.
pub type CommitObserver = Arc<dyn Fn(usize, Duration) + Send + Sync>;

/// What jobs work on: the writing connection, and the ids it holds.
pub struct Database {
    /// In a transaction while a job is applied.
    pub connection: Connection,
    /// The judge of what is new.
    pub ids: Ids,
}

/// A handle on the writer thread. Dropping it lets the thread finish its queue and waits for it.
pub struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    id: ThreadId,
}

/// One unit of work: applied within the transaction, answered after it. May be applied again if the transaction
/// was rolled back because of a neighbour.
trait Job: Send {
    fn apply(&mut self, database: &mut Database) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, committed: Result<(), &rusqlite::Error>);
}

struct Work<F, T> {
    doing: &'static str,
    apply: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Work<F, T>
where
    F: FnMut(&mut Database) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn apply(&mut self, database: &mut Database) -> rusqlite::Result<()> {
        self.result = Some((self.apply)(database)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), &rusqlite::Error>) {
        let Self { doing, apply, result, reply } = *self;
        // What it holds may be the last handle on the store but for the caller's, who may drop his when he hears.
        drop(apply);
        let failed = |detail: String| StoreError { doing, detail };
        let answer = match (committed, result) {
            (Ok(()), Some(result)) => Ok(result),
            (Ok(()), None) => Err(failed("it was never applied".into())),
            (Err(error), _) => Err(failed(error.to_string())),
        };
        // A caller that went away does not need the answer.
        let _ = reply.send(answer);
    }
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn start(database: Database, bell: CheckpointBell, observe: CommitObserver) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || Loop { database, bell, observe }.run(queue))?;
        let id = thread.thread().id();
        Ok(Self { jobs: Some(jobs), thread: Some(thread), id })
    }

    /// Has `apply` done in a transaction and waits until it is durable. Dropping the future does not undo it.
    pub async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        apply: impl FnMut(&mut Database) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError { doing, detail: "the writer has stopped".into() };
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Work { doing, apply, result: None, reply });
        self.jobs.as_ref().ok_or_else(gone)?.send(work).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The same for a thread of its own.
    pub fn write_and_wait<T: Send + 'static>(
        &self,
        doing: &'static str,
        apply: impl FnMut(&mut Database) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError { doing, detail: "the writer has stopped".into() };
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Work { doing, apply, result: None, reply });
        self.jobs.as_ref().ok_or_else(gone)?.blocking_send(work).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())?
    }

    /// The thread that writes.
    pub fn thread_id(&self) -> ThreadId {
        self.id
    }

    /// Whether somebody waits for it.
    pub fn is_busy(&self) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.capacity() < jobs.max_capacity())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        let own = std::thread::current().id();
        // A job whose caller went away may have held the last handle: then this is the thread itself, and it ends by itself.
        if let Some(thread) = self.thread.take().filter(|_| self.id != own) {
            let _ = thread.join();
        }
    }
}

struct Loop {
    database: Database,
    bell: CheckpointBell,
    observe: CommitObserver,
}

impl Loop {
    fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH);
        while let Some(first) = queue.blocking_recv() {
            batch.push(first);
            gather(&mut queue, &mut batch);
            self.carry_out(&mut batch);
            self.bell.committed(&self.database.connection);
        }
    }

    fn carry_out(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        match self.commit(batch) {
            Ok(()) => batch.drain(..).for_each(|job| job.answer(Ok(()))),
            Err(error) if batch.len() == 1 => batch.drain(..).for_each(|job| job.answer(Err(&error))),
            // One bad job must not fail its neighbours: each gets a transaction of its own.
            Err(_) => batch.drain(..).for_each(|job| self.carry_out(&mut vec![job])),
        }
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        let started = Instant::now();
        let committed = self.transaction(batch);
        match committed {
            Ok(()) => self.database.ids.committed(),
            Err(_) => {
                // Fails only when SQLite has rolled back by itself already.
                let _ = self.database.connection.execute_batch("ROLLBACK");
                self.database.ids.rolled_back();
            }
        }
        (self.observe)(batch.len(), started.elapsed());
        committed
    }

    fn transaction(&mut self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        let database = &mut self.database;
        database.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        batch.iter_mut().try_for_each(|job| job.apply(database))?;
        database.ids.move_some(&database.connection)?;
        database.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

/// Takes what waits, without waiting for more. Only where there is a crowd, whoever is about to join it gets the processor
/// first, as long as somebody comes: each saves a commit of its own.
fn gather(queue: &mut mpsc::Receiver<Box<dyn Job>>, batch: &mut Vec<Box<dyn Job>>) {
    loop {
        let before = batch.len();
        while batch.len() < BATCH
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        if batch.len() == before || batch.len() == BATCH {
            return;
        }
        std::thread::yield_now();
    }
}
