//! Whether the API server answers: counted always, told now and then.
//!
//! Trouble that lasts is told when it begins and again every few minutes, not with every attempt. Knows no client.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::Contact;
use super::subject::Subject;
use super::trouble::{Trouble, TroubleKind};
use crate::event::Timestamp;
use crate::names::SourceName;
use crate::runtime::Clock;
use crate::source::Inbox;
use crate::telemetry::{Metrics, PollOutcome};

/// How the watches of one cluster fare together: it is heard as long as none of them is in trouble.
pub(super) struct Watches {
    inbox: Arc<Inbox>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    troubled: Mutex<BTreeSet<Subject>>,
}

impl Watches {
    pub(super) fn new(inbox: Arc<Inbox>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self { inbox, clock, metrics, troubled: Mutex::default() }
    }

    fn answered(&self, subject: Subject) {
        let source = SourceName::kubernetes();
        self.metrics.polled(&source, PollOutcome::Answered);
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        troubled.remove(&subject);
        if troubled.is_empty() {
            self.inbox.pulse().answered(&source, self.clock.now());
        }
    }

    fn failed(&self, subject: Subject, trouble: &Trouble) {
        let source = SourceName::kubernetes();
        self.metrics.polled(&source, PollOutcome::Failed);
        self.troubled.lock().unwrap_or_else(PoisonError::into_inner).insert(subject);
        self.inbox.pulse().failed(&source, &format!("{}: {trouble}", subject.name()));
    }
}

/// How one watch fares.
pub(super) struct Health {
    subject: Subject,
    /// Failures further apart than this have nothing to do with each other.
    apart: Duration,
    watches: Arc<Watches>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures in a row.
    failures: u32,
    last_failure: Option<Timestamp>,
    in_trouble_since: Option<Timestamp>,
    /// What was told last, and when.
    told: Option<(TroubleKind, Timestamp)>,
}

impl State {
    /// How often trouble that lasts is told.
    const REMINDER: Duration = Duration::from_secs(300);

    /// How many in a row this one makes.
    fn counted(&mut self, now: Timestamp, apart: Duration) -> u32 {
        let alone = self.last_failure.is_none_or(|last| now.saturating_since(last) > apart);
        self.failures = if alone { 1 } else { self.failures.saturating_add(1) };
        self.last_failure = Some(now);
        self.failures
    }

    /// The same, and whether it must be told.
    fn failed(&mut self, kind: TroubleKind, now: Timestamp, apart: Duration) -> (u32, bool) {
        let failures = self.counted(now, apart);
        self.in_trouble_since.get_or_insert(now);
        let silent = |(told, at): (TroubleKind, Timestamp)| told == kind && now.saturating_since(at) < Self::REMINDER;
        let tell = !self.told.is_some_and(silent);
        if tell {
            self.told = Some((kind, now));
        }
        (failures, tell)
    }

    /// How long the trouble lasted, if there was any that was told.
    fn recovered(&mut self, now: Timestamp) -> Option<Duration> {
        let since = self.in_trouble_since.take()?;
        let (_, told_at) = self.told?;
        (told_at >= since).then(|| now.saturating_since(since))
    }
}

impl Health {
    /// `longest_wait` is the longest between two attempts.
    pub(super) fn new(subject: Subject, longest_wait: Duration, watches: Arc<Watches>) -> Self {
        Self { subject, apart: longest_wait * 2, watches, state: Mutex::default() }
    }

    /// Counts a failure and tells it when it is time to; returns how many there were in a row. That the API server
    /// forgot what was watched from is its everyday life, and nobody's failure.
    pub(super) fn failed(&self, trouble: &Trouble) -> u32 {
        let now = self.watches.clock.now();
        if trouble.kind == TroubleKind::Gone {
            tracing::debug!(watched = self.subject.name(), %trouble, "listing again");
            return self.state().counted(now, self.apart);
        }
        self.watches.failed(self.subject, trouble);
        let (failures, tell) = self.state().failed(trouble.kind, now, self.apart);
        match tell {
            true => tracing::warn!(watched = self.subject.name(), failures, %trouble, "the cluster cannot be watched"),
            false => tracing::debug!(watched = self.subject.name(), failures, %trouble, "still cannot be watched"),
        }
        failures
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contact for Health {
    fn answered(&self) {
        self.watches.answered(self.subject);
        let lasted = self.state().recovered(self.watches.clock.now());
        if let Some(lasted) = lasted {
            tracing::info!(watched = self.subject.name(), seconds = lasted.as_secs(), "the cluster is watched again");
        }
    }
}

#[cfg(test)]
#[path = "tests/health.rs"]
mod tests;
