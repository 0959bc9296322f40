//! CAST AI's audit log: node and spot events, and whatever else was done, by whom.
//!
//! A record comes into the log late and with its own, older time, so each round asks again from `overlap` before where
//! the log is known; now and then a sweep asks for what no round asks for any more, and what it finds is told, counted
//! and complained of. [`window`] says what to ask next, [`reader`] asks, [`filter`] says what is wanted, [`read`] makes
//! events, [`canon`] says which of them are canonical. The cursor moves in the transaction of the events it stands for:
//! a round that dies goes on from its last portion.

pub mod canon;
mod clusters;
pub mod config;
pub mod filter;
mod node;
pub mod read;
pub mod reader;
mod sweep;
mod walk;
mod window;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::polling::{Poll, PollError};
use super::{Accepted, Inbox};
use crate::castai_api::audit::{Operations, Version};
use crate::castai_api::{ApiError, CastAi, ErrorKind};
use crate::event::audit::keys;
use crate::event::{Event, Timestamp, relay};
use crate::names::{CursorName, EventId, SourceName, hex};
use crate::store::Cursor;
use crate::telemetry::Metrics;
use config::Config;
use reader::Reader;
use sweep::Sweeper;
use walk::{Portion, Trouble};
use window::{Progress, UnderWay, Window};

/// The audit log as a source.
pub struct AuditLog {
    reader: Reader,
    inbox: Arc<Inbox>,
    metrics: Arc<Metrics>,
    config: Arc<Config>,
    sweeper: Mutex<Sweeper>,
    wanted: String,
    log: String,
    cursor: CursorName,
}

/// What a portion is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errand {
    Round,
    Sweep,
}

impl AuditLog {
    /// Asks `castai` for what `config` says, and hands it to `inbox`.
    pub fn new(castai: CastAi, inbox: Arc<Inbox>, config: Arc<Config>, metrics: Arc<Metrics>) -> Self {
        let short = |of: &str| hex(&Sha256::digest(format!("{of}; {:?}", castai.organization_id()))[..8]);
        Self {
            // The organisation is part of every id.
            wanted: short(&config.wanted()),
            log: short(config.log()),
            sweeper: Mutex::new(Sweeper::up_to(reader::longest_stretch(config.version))),
            cursor: CursorName::of(&SourceName::audit_log()),
            reader: Reader::new(castai, config.clone()),
            inbox,
            metrics,
            config,
        }
    }

    async fn progress(&self, now: Timestamp) -> Result<Progress, PollError> {
        match self.inbox.cursor(&self.cursor).await? {
            Some(text) => {
                let read: Result<Progress, _> = serde_json::from_str(&text);
                let unreadable = |error| PollError {
                    detail: format!(
                        "the cursor `{}` in the store cannot be read: {error}; it may be of a newer version of the \
                         relay: run that one",
                        self.cursor
                    ),
                    retry_after: None,
                };
                let read = read.map_err(unreadable)?;
                let progress = read.clone().at(now).wanting(&self.wanted).of_log(&self.log);
                if progress != read {
                    self.accept(vec![], Some(&progress)).await?;
                }
                Ok(progress)
            }
            None => {
                let begun = Progress::begin(now, self.config.start.look_back, &self.wanted).of_log(&self.log);
                self.accept(vec![], Some(&begun)).await?;
                Ok(begun)
            }
        }
    }

    async fn round(&self, progress: &mut Progress, now: Timestamp) -> Result<(), PollError> {
        let mut stretches = progress.round(now, self.config.overlap.get(), self.config.remembered());
        let (mut has_read, mut was_too_much) = (false, false);
        while let Some(window) = stretches.next(self.reader.span()) {
            match self.stretch(window, Errand::Round, progress, now).await {
                Ok(()) => {
                    has_read = true;
                    stretches.done(window);
                    // What is too much is not tried again in the same round: it might never end.
                    if !was_too_much {
                        self.reader.lengthen();
                    }
                }
                Err(Stop::TooMany) => {
                    self.reader.shorten(window);
                }
                // A log that answers goes on with less; of one that does not answer at all less is asked next time.
                Err(Stop::Api(error)) if self.reader.failed(&error, window) && has_read => was_too_much = true,
                Err(Stop::Api(error)) => return Err(self.without_v2(&error).unwrap_or_else(|| error.into())),
                Err(Stop::Poll(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Goes on with the sweep, or begins one if it is due. Its failure is not the round's.
    async fn sweep(&self, progress: &mut Progress, now: Timestamp) {
        let plan = self.config.sweep.plan();
        let due = || plan.and_then(|plan| progress.sweep(plan, now, self.config.overlap.get()));
        if !self.sweeper().go_on(now, due) {
            return;
        }
        if let Err(error) = self.some_of_the_sweep(progress, now).await {
            self.sweeper().failed(now);
            tracing::warn!(%error, "a sweep through the audit log does not get on; it goes on there later");
        }
    }

    async fn some_of_the_sweep(&self, progress: &mut Progress, now: Timestamp) -> Result<(), PollError> {
        let since = now.saturating_sub(self.config.remembered());
        for _ in 0..sweep::AT_A_TIME {
            let Some(window) = self.next_of_sweep(since) else { break };
            match self.stretch(window, Errand::Sweep, progress, now).await {
                Ok(()) => self.sweeper().done(window),
                Err(Stop::TooMany) => drop(self.sweeper().was_too_much(window)),
                // The next round comes before the next try, which may take as long again.
                Err(Stop::Api(error)) if reader::may_be_too_much(&error) && self.sweeper().was_too_much(window) => {
                    tracing::info!(%error, "a sweep asks for less of the audit log at a time");
                    return Ok(());
                }
                Err(Stop::Api(error)) => return Err(error.into()),
                Err(Stop::Poll(error)) => return Err(error),
            }
        }
        if self.next_of_sweep(since).is_none() {
            let begun_at = self.sweeper().ended().unwrap_or(now);
            progress.swept(begun_at);
            self.accept(vec![], Some(progress)).await?;
        }
        Ok(())
    }

    fn next_of_sweep(&self, since: Timestamp) -> Option<Window> {
        self.sweeper().next(since)
    }

    fn sweeper(&self) -> MutexGuard<'_, Sweeper> {
        self.sweeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newer log may not be there for everybody.
    fn without_v2(&self, error: &ApiError) -> Option<PollError> {
        let missing = error.kind() == ErrorKind::NotFound && self.config.version == Version::V2;
        let detail = format!("{error}; where there is no v2 of the audit log, write `version: v1`");
        missing.then(|| PollError { detail, retry_after: error.retry_after() })
    }

    /// Reads one stretch and keeps it, portion by portion.
    async fn stretch(
        &self,
        window: Window,
        errand: Errand,
        progress: &mut Progress,
        now: Timestamp,
    ) -> Result<(), Stop> {
        let mut stretch = self.reader.open(window).await?;
        while let Some(portion) = stretch.next().await? {
            let Portion { operations, until, last, is_end } = portion;
            let events = self.new_events(operations, now).await?;
            if errand == Errand::Sweep {
                self.keep_late(events).await?;
                continue;
            }
            let mut reached = progress.clone();
            let round = UnderWay { begun_at: now, elapsed: self.reader.now().saturating_since(now) };
            until.into_iter().for_each(|until| reached.reached(until, round));
            if is_end {
                reached.done(window, last, round);
            }
            let cursor = Some(&reached).filter(|reached| *reached != progress);
            self.accept(events, cursor).await?;
            *progress = reached;
        }
        Ok(())
    }

    /// What is wanted of a portion and not known yet. Most of a round is known: it was asked for before. A record may
    /// change after it was first read (how many are correlated with it); the first reading stands.
    async fn new_events(&self, operations: Operations, now: Timestamp) -> Result<Vec<Event>, PollError> {
        let events = self.events(operations, now).await?;
        let mut new = Vec::new();
        for event in events {
            if !self.inbox.knows(&event.id).await? {
                new.push(event);
            }
        }
        Ok(new)
    }

    async fn events(&self, operations: Operations, now: Timestamp) -> Result<Vec<Event>, PollError> {
        let Operations { read, unreadable, .. } = operations;
        let source = self.source();
        let rejected = unreadable.into_iter().map(|item| {
            tracing::warn!(error = item.error, "an audit record cannot be read; it is kept as an event of the relay");
            relay::item_rejected(&source, item.raw, &item.error, now)
        });
        let rejected: Vec<Event> = rejected.collect();
        let told = self.reader.told(read, now).await?;
        Ok(told.into_iter().flat_map(|told| told.events).chain(rejected).collect())
    }

    /// What a sweep found: records that came into the log later than the overlap, and would have been lost without it.
    async fn keep_late(&self, events: Vec<Event>) -> Result<(), PollError> {
        let late: Vec<Late> = events.iter().filter(|event| event.source == self.source()).map(Late::of).collect();
        let accepted = self.accept(events, None).await?;
        let told: BTreeSet<_> = accepted.into_iter().filter(|each| !each.duplicate).map(|each| each.id).collect();
        let late: Vec<Late> = late.into_iter().filter(|late| told.contains(&late.id)).collect();
        self.metrics.beyond_overlap(late.len());
        if late.len() > MOST_SAID {
            tracing::warn!(
                late = late.len(),
                said = MOST_SAID,
                "many audit records came late; only the first are named"
            );
        }
        for late in late.into_iter().take(MOST_SAID) {
            let Late { id, occurred_at, lag } = late;
            tracing::warn!(
                event.id = %id,
                occurred_at,
                ingested_after_seconds = lag,
                overlap = %self.config.overlap,
                "an audit record came into CAST AI's log later than `sources.audit_log.overlap` reaches and is told \
                 only now; set a longer `overlap`"
            );
        }
        Ok(())
    }

    async fn accept(&self, events: Vec<Event>, progress: Option<&Progress>) -> Result<Vec<Accepted>, PollError> {
        let cursor = progress.map(|progress| {
            let value = serde_json::to_string(progress).map_err(|error| PollError {
                detail: format!("the cursor `{}` cannot be written: {error}", self.cursor),
                retry_after: None,
            })?;
            Ok::<_, PollError>(Cursor { name: self.cursor.clone(), value })
        });
        Ok(self.inbox.accept_all(events, cursor.transpose()?).await?)
    }
}

/// The most late records of one portion that are named in the log.
const MOST_SAID: usize = 10;

/// Why a stretch was not kept to its end.
#[derive(Debug)]
enum Stop {
    TooMany,
    Api(ApiError),
    Poll(PollError),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::TooMany => Self::TooMany,
            Trouble::Api(error) => Self::Api(error),
        }
    }
}

impl From<PollError> for Stop {
    fn from(error: PollError) -> Self {
        Self::Poll(error)
    }
}

/// What is said of a record that came too late for the rounds.
struct Late {
    id: EventId,
    occurred_at: Option<String>,
    lag: Option<f64>,
}

impl Late {
    fn of(event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            occurred_at: event.occurred_at.map(|time| time.to_string()),
            lag: event.data.get(keys::INGESTION_LAG).and_then(serde_json::Value::as_f64),
        }
    }
}

#[async_trait]
impl Poll for AuditLog {
    fn source(&self) -> SourceName {
        SourceName::audit_log()
    }

    async fn poll(&self, now: Timestamp) -> Result<(), PollError> {
        let mut progress = self.progress(now).await?;
        self.round(&mut progress, now).await?;
        self.sweep(&mut progress, now).await;
        Ok(())
    }

    fn next_after(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.config.every.get())
    }
}
