//! Once a minute: keeps the pulse, and reports each source that has been silent for longer than it may be.
//!
//! Runs in the frame of the sources that are asked, as the relay's own. The report and the pulse are kept in one
//! transaction. Knows the [`Inbox`] and the limits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::event::relay::{self, Silence};
use crate::event::{Event, Timestamp};
use crate::names::{CursorName, SourceName};
use crate::source::Inbox;
use crate::source::polling::{Poll, PollError};
use crate::store::Cursor;

/// How often to look.
const EVERY: Duration = Duration::from_secs(60);

/// The watch over all sources.
pub struct Watch {
    inbox: Arc<Inbox>,
    limits: Vec<(SourceName, Duration)>,
}

impl Watch {
    /// Over the sources that have a limit; the pulse of all of them is kept.
    pub fn new(inbox: Arc<Inbox>, limits: Vec<(SourceName, Duration)>) -> Self {
        Self { inbox, limits }
    }

    /// The report on a source that is silent for longer than `limit`.
    fn report(&self, source: &SourceName, limit: Duration, now: Timestamp) -> Option<Event> {
        let pulse = self.inbox.pulse();
        if pulse.quiet_for(source, now)? <= limit {
            return None;
        }
        let (heard, error) = (pulse.of(source)?, pulse.failure(source));
        let silence = Silence {
            source,
            heard_at: heard.heard_at,
            event_at: heard.event_at,
            since: heard.silent_since(),
            limit,
            error: error.as_deref(),
        };
        Some(relay::source_silent(&silence, now))
    }
}

#[async_trait]
impl Poll for Watch {
    fn source(&self) -> SourceName {
        SourceName::relay()
    }

    async fn poll(&self, now: Timestamp) -> Result<(), PollError> {
        let mut reports = Vec::new();
        for report in self.limits.iter().filter_map(|(source, limit)| self.report(source, *limit, now)) {
            // It stays silent for many rounds; only the first one is news.
            if !self.inbox.knows(&report.id).await? {
                tracing::warn!(event.id = %report.id, "a source is silent for longer than it may be");
                reports.push(report);
            }
        }
        let value = self.inbox.pulse().record(now).written();
        self.inbox.accept_all(reports, Some(Cursor { name: CursorName::pulse(), value })).await?;
        Ok(())
    }

    fn next_after(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(EVERY)
    }
}
