//! Asking again and again: the frame of every source that has to be asked.
//!
//! A round either keeps everything it found, with its cursor, or counts for nothing and is tried again soon; so a round
//! may be dropped at any point. Knows the time and what to count; what is asked, and of whom, is for the sources to
//! know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::castai_api::ApiError;
use crate::event::Timestamp;
use crate::names::SourceName;
use crate::runtime::{Clock, Lifecycle};
use crate::source::pulse::Pulse;
use crate::store::StoreError;
use crate::telemetry::{Metrics, PollOutcome};

/// How late a round may be after the clock was set forward or the machine was suspended.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// A source that is asked in rounds.
#[async_trait]
pub trait Poll: Send + Sync {
    /// Whose events it brings.
    fn source(&self) -> SourceName;

    /// One round. With `Ok` everything found is durable. May be dropped at any point and must then have done nothing
    /// or everything, as far as anybody can tell.
    ///
    /// # Errors
    /// When the source did not answer or what it said could not be kept.
    async fn poll(&self, now: Timestamp) -> Result<(), PollError>;

    /// The round of a source that is not asked in every one: the same, and whether it was asked in this one. It is this
    /// that is called; whoever asks every time has nothing to add.
    ///
    /// # Errors
    /// As [`Poll::poll`].
    async fn poll_if_due(&self, now: Timestamp) -> Result<Asked, PollError> {
        self.poll(now).await?;
        Ok(Asked::Yes)
    }

    /// When to ask next, after a round at `now` that went well.
    fn next_after(&self, now: Timestamp) -> Timestamp;
}

/// Whether a round that went well asked its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It did, and the source answered.
    Yes,
    /// There was nothing to ask yet, which says nothing about the source.
    NotDue,
}

/// A round that came to nothing. It is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct PollError {
    /// What failed and what to do about it, for people.
    pub detail: String,
    /// Not to be tried again before this long.
    pub retry_after: Option<Duration>,
}

impl From<StoreError> for PollError {
    fn from(error: StoreError) -> Self {
        Self { detail: error.to_string(), retry_after: None }
    }
}

impl From<ApiError> for PollError {
    fn from(error: ApiError) -> Self {
        Self { retry_after: error.retry_after(), detail: error.to_string() }
    }
}

/// One source with its rounds.
pub struct Poller {
    poll: Box<dyn Poll>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    pulse: Arc<Pulse>,
    /// Rounds in a row that came to nothing.
    failures: AtomicU32,
}

impl Poller {
    /// Asks by `clock`, counts in `metrics`, notes in `pulse` whether it answers.
    pub fn new(poll: Box<dyn Poll>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>, pulse: Arc<Pulse>) -> Self {
        Self { poll, clock, metrics, pulse, failures: AtomicU32::new(0) }
    }

    /// Whose events it brings.
    pub fn source(&self) -> SourceName {
        self.poll.source()
    }

    /// One round now; says when the next one is due.
    ///
    /// # Errors
    /// As the source's own round, when it came to nothing; it is counted and logged already.
    pub async fn step(&self) -> Result<Timestamp, PollError> {
        let now = self.clock.now();
        match self.poll.poll_if_due(now).await {
            Ok(asked) => {
                self.failures.store(0, Ordering::Relaxed);
                if asked == Asked::Yes {
                    self.metrics.polled(&self.source(), PollOutcome::Answered);
                    self.pulse.answered(&self.source(), now);
                }
                Ok(self.poll.next_after(now))
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                self.metrics.polled(&self.source(), PollOutcome::Failed);
                self.pulse.failed(&self.source(), &error.detail);
                tracing::warn!(source.name = %self.source(), %error, "a source could not be read; trying again");
                Err(error)
            }
        }
    }

    /// Round after round, the first one at once, until the soft stop. A round in flight is dropped then.
    pub async fn run(self: Arc<Self>, life: Lifecycle) {
        while !life.is_stopping() {
            tokio::select! {
                () = self.step_and_wait() => {}
                () = life.stopping() => {}
            }
        }
    }

    async fn step_and_wait(&self) {
        let next = match self.step().await {
            Ok(next) => next,
            Err(error) => {
                let wait = wait_after(self.failures.load(Ordering::Relaxed));
                self.clock.now().saturating_add(error.retry_after.map_or(wait, |asked| asked.max(wait)))
            }
        };
        self.wait_until(next).await;
    }

    /// Looks at the clock now and then: it may be set, or go on while the machine is suspended and nobody counts.
    async fn wait_until(&self, next: Timestamp) {
        loop {
            let now = self.clock.now();
            if now >= next {
                return;
            }
            self.clock.sleep_until(next.min(now.saturating_add(LONGEST_SLEEP))).await;
        }
    }
}

/// How long to wait after this many failures in a row: from two seconds, doubling, to five minutes.
fn wait_after(failures: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(300);
    Duration::from_secs(2u64.saturating_pow(failures.min(16))).min(LONGEST)
}

#[cfg(test)]
#[path = "tests/polling.rs"]
mod tests;
