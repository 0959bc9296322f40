//! What happens, as it happens, for those who watch: new events, and how attempts and deliveries ended.
//!
//! Told after the commit by whoever made it: [`crate::source`] and [`crate::deliver`]; heard by [`crate::admin`]. Nobody waits
//! for those who watch: they are few, and who is too slow hears that something was missed. Keeps nothing: what is to be
//! known later is in the store. Knows plain values only.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

use crate::event::Timestamp;
use crate::event::aftermath::Aftermath;
pub use crate::event::aftermath::Ended;
use crate::event::batch::Batch;
use crate::event::delivery::Outcome;

/// Those who may watch at a time.
pub const MOST_WATCHERS: usize = 16;
/// Outcomes that somebody who watches may be behind.
const MOST_BEHIND: usize = 1024;

/// Something that came to an end.
#[derive(Debug, Clone)]
pub enum News {
    /// An attempt, and its outcome is kept.
    Attempted(Arc<Attempted>),
    /// A delivery, without being delivered.
    Ended(Arc<Ended>, Timestamp),
}

/// An attempt that ended.
#[derive(Debug)]
pub struct Attempted {
    /// What was attempted.
    pub batch: Arc<Batch>,
    /// How it ended.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}

/// Where things are told. Clones share their listeners.
#[derive(Debug, Clone)]
pub struct Live {
    arrivals: watch::Sender<()>,
    outcomes: broadcast::Sender<News>,
    places: Arc<Semaphore>,
}

impl Default for Live {
    fn default() -> Self {
        let (outcomes, _) = broadcast::channel(MOST_BEHIND);
        Self { arrivals: watch::Sender::new(()), outcomes, places: Arc::new(Semaphore::new(MOST_WATCHERS)) }
    }
}

impl Live {
    /// There is a new event in the store.
    pub fn arrived(&self) {
        if self.is_watched() {
            self.arrivals.send_replace(());
        }
    }

    /// An attempt ended.
    pub fn attempted(&self, batch: &Arc<Batch>, outcome: &Outcome, at: Timestamp) {
        if self.is_watched() {
            let (batch, outcome) = (batch.clone(), outcome.clone());
            self.tell(News::Attempted(Arc::new(Attempted { batch, outcome, at })));
        }
    }

    /// What a write did beside what it was called for.
    pub fn aftermath(&self, after: &Aftermath, at: Timestamp) {
        if self.is_watched() {
            after.ended.iter().for_each(|ended| self.tell(News::Ended(Arc::new(ended.clone()), at)));
            after.raised.iter().for_each(|_| self.arrived());
        }
    }

    /// Begins to watch; `None` when [`MOST_WATCHERS`] do.
    pub fn watch(&self) -> Option<Watch> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        Some(Watch { arrivals: self.arrivals.subscribe(), outcomes: self.outcomes.subscribe(), _place: place })
    }

    fn is_watched(&self) -> bool {
        self.places.available_permits() < MOST_WATCHERS
    }

    fn tell(&self, news: News) {
        // An error says that nobody listens any more.
        let _ = self.outcomes.send(news);
    }
}

/// Somebody who watches.
#[derive(Debug)]
pub struct Watch {
    arrivals: watch::Receiver<()>,
    outcomes: broadcast::Receiver<News>,
    _place: OwnedSemaphorePermit,
}

/// What somebody who watches hears.
#[derive(Debug)]
pub enum Heard {
    /// There are new events.
    Arrivals,
    /// Something came to an end.
    News(News),
    /// As many outcomes as this were missed.
    Missed(u64),
}

impl Watch {
    /// The next thing, arrivals before the outcomes of what arrived; `None` when nobody tells any more.
    pub async fn next(&mut self) -> Option<Heard> {
        tokio::select! {
            biased;
            arrived = self.arrivals.changed() => arrived.ok().map(|()| Heard::Arrivals),
            told = self.outcomes.recv() => match told {
                Ok(news) => Some(Heard::News(news)),
                Err(broadcast::error::RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }
}

#[cfg(test)]
#[path = "live/tests.rs"]
mod tests;
