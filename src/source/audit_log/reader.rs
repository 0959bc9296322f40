//! Reads the audit log as it is wanted: asks for a stretch, and says what its records mean.
//!
//! Used by the source, which keeps what is read, and by the command line, which prints it ([`Reader::between`]).
//! Knows no store.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clusters::ClusterNames;
use super::config::Config;
use super::filter;
use super::read::{self, Context};
use super::walk::{Stretch, Trouble};
use super::window::{Reach, Stretches, Window};
use crate::castai_api::audit::{Filter, Operation, Version};
use crate::castai_api::{ApiError, CastAi, ErrorKind};
use crate::event::{Event, Timestamp};
use crate::names::EventId;

/// A reader of one log.
pub struct Reader {
    castai: CastAi,
    config: Arc<Config>,
    filter: Filter,
    clusters: ClusterNames,
    reach: Mutex<Reach>,
}

/// A record that is wanted, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The record.
    pub operation: Operation,
    /// Its events that are wanted; at least one.
    pub events: Vec<Event>,
}

/// What [`Reader::between`] found.
#[derive(Debug, Default)]
pub struct Found {
    /// In ascending order, as far as the log keeps to it.
    pub told: Vec<Told>,
    /// How many records could not be read.
    pub unreadable: usize,
}

impl Reader {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.castai.now()
    }

    /// Asks `castai` for what `config` says.
    pub fn new(castai: CastAi, config: Arc<Config>) -> Self {
        Self {
            filter: filter::for_the_server(&config),
            clusters: ClusterNames::default(),
            reach: Mutex::new(Reach::up_to(longest_stretch(config.version))),
            castai,
            config,
        }
    }

    /// Begins to read a stretch.
    pub(super) async fn open(&self, window: Window) -> Result<Stretch<'_>, Trouble> {
        let whole = window.span() <= Reach::SHORTEST;
        Stretch::open(&self.castai, self.config.version, &self.filter, window, whole).await
    }

    /// What of these records is wanted, and what it means.
    ///
    /// # Errors
    /// When only the name of a cluster tells whether a record is wanted, and it cannot be looked up.
    pub(super) async fn told(&self, operations: Vec<Operation>, now: Timestamp) -> Result<Vec<Told>, ApiError> {
        let wanted: Vec<Operation> =
            operations.into_iter().filter(|operation| filter::takes_operation(&self.config, operation)).collect();
        let nameless = wanted.iter().filter(|operation| operation.cluster_name.is_none());
        let ids: BTreeSet<&str> = nameless.filter_map(|operation| operation.cluster_id.as_deref()).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        self.clusters.learn(&self.castai, &ids, self.config.clusters.by_name(), now).await?;
        let context = Context { types: &self.config.types, organization: self.castai.organization_id(), now };
        let told = wanted.into_iter().map(|operation| {
            let cluster = operation.cluster_id.as_deref().and_then(|id| self.clusters.of(id));
            let mut events = read::events(&operation, cluster, context);
            events.retain(|event| filter::takes_event(&self.config, event));
            Told { operation, events }
        });
        Ok(told.filter(|told| !told.events.is_empty()).collect())
    }

    /// The last `most` records from `from` to `now`.
    ///
    /// # Errors
    /// When CAST AI does not answer as it should.
    pub async fn between(&self, from: Timestamp, now: Timestamp, most: usize) -> Result<Found, ApiError> {
        let mut stretches = Stretches::of(Window { from, to: now });
        let mut last = Last { most, ..Last::default() };
        let mut unreadable = 0;
        while let Some(window) = stretches.next(self.span()) {
            match self.collect(window, now, &mut last).await {
                Ok(more) => {
                    unreadable += more;
                    stretches.done(window);
                }
                Err(Trouble::TooMany) => {
                    self.shorten(window);
                }
                Err(Trouble::Api(error)) => return Err(error),
            }
        }
        Ok(Found { told: last.told.into(), unreadable })
    }

    async fn collect(&self, window: Window, now: Timestamp, last: &mut Last) -> Result<usize, Trouble> {
        let mut stretch = self.open(window).await?;
        let mut unreadable = 0;
        while let Some(portion) = stretch.next().await? {
            unreadable += portion.operations.unreadable.len();
            self.told(portion.operations.read, now).await?.into_iter().for_each(|told| last.push(told));
        }
        Ok(unreadable)
    }

    /// How long a stretch may be.
    pub(super) fn span(&self) -> Duration {
        self.reach().span()
    }

    /// A stretch went well.
    pub(super) fn lengthen(&self) {
        self.reach().lengthen();
    }

    /// A stretch was too long. False when it cannot be shorter.
    pub(super) fn shorten(&self, window: Window) -> bool {
        self.reach().shorten(window)
    }

    /// Whether the failure may come of asking for too much at a time, and less is asked for from now on.
    pub(super) fn failed(&self, error: &ApiError, window: Window) -> bool {
        let asks_less = may_be_too_much(error) && self.shorten(window);
        if asks_less {
            let span = self.span();
            tracing::info!(from = %window.from, to = %window.to, next = ?span, "less of the audit log is asked for at a time");
        }
        asks_less
    }

    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a failure may come of asking for too much at a time.
pub(super) fn may_be_too_much(error: &ApiError) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Endless)
}

/// v1 is slow, and collected before it is kept; v2 is kept page by page.
pub(super) fn longest_stretch(version: Version) -> Duration {
    const DAY: u64 = 86_400;
    Duration::from_secs(match version {
        Version::V1 => DAY,
        Version::V2 => 7 * DAY,
    })
}

/// The last so many records, each once: stretches share their borders.
#[derive(Default)]
struct Last {
    most: usize,
    told: VecDeque<Told>,
    ids: HashSet<EventId>,
}

impl Last {
    fn push(&mut self, told: Told) {
        let id = |told: &Told| told.events.first().map(|event| event.id.clone());
        if !id(&told).is_some_and(|id| self.ids.insert(id)) {
            return;
        }
        self.told.push_back(told);
        while self.told.len() > self.most {
            if let Some(gone) = self.told.pop_front().as_ref().and_then(id) {
                self.ids.remove(&gone);
            }
        }
    }
}
