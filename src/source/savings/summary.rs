//! The summary's rounds: at each scheduled moment one event, whatever happens to the relay in between.
//!
//! The last moment that was dealt with is a cursor that moves in one transaction with its event. The event's id is made
//! of the day, so that a second relay, or a second try, makes no second event. Moments that were missed are not made up
//! for one by one: the latest of them stands for all.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::ask::{self, Patience};
use super::{Inbox, event, report};
use crate::castai_api::CastAi;
use crate::event::{CastAIEvent, Timestamp};
use crate::names::{CursorName, SourceName};
use crate::source::polling::{Asked, Poll, PollError};
use crate::source::schedule::Schedule;
use crate::store::Cursor;

/// How late a summary may become for the sake of a cluster whose figures cannot be had.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);

/// The next round when the schedule has no further moment.
const A_DAY: Duration = Duration::from_secs(86_400);

/// Sends the summary when it is due.
pub(super) struct Summary {
    castai: CastAi,
    inbox: Arc<Inbox>,
    schedule: Schedule,
}

impl Summary {
    pub(super) fn new(castai: CastAi, inbox: Arc<Inbox>, schedule: Schedule) -> Self {
        Self { castai, inbox, schedule }
    }

    /// Up to when everything that was due is dealt with; `None` at the very first start.
    async fn dealt_with(&self, name: &CursorName) -> Result<Option<Timestamp>, PollError> {
        let Some(written) = self.inbox.cursor(name).await? else { return Ok(None) };
        let read = Timestamp::parse(&written);
        if read.is_none() {
            tracing::error!(cursor = %name, written, "what the summary remembers is not a time; it begins anew");
        }
        Ok(read)
    }

    /// The summary for the moment `due`, which may be some time ago.
    async fn send(&self, due: Timestamp, now: Timestamp, cursor: Cursor) -> Result<(), PollError> {
        let zone = self.schedule.zone();
        let day = zone.day_of(due);
        let patience = match now.saturating_since(due) >= PATIENCE {
            true => Patience::AtItsEnd,
            false => Patience::Boundless,
        };
        let observations = ask::observe(&self.castai, day, zone, patience).await?;
        let data = report::summary(day, zone, &observations).to_data();
        let summary = event(&format!("summary/{day}"), CastAIEvent::SAVINGS_SUMMARY, data, &self.castai, now);
        let summary = crate::event::Event { occurred_at: Some(due), ..summary };
        let accepted = self.inbox.accept_all(vec![summary], Some(cursor)).await?;
        let duplicate = accepted.iter().any(|accepted| accepted.duplicate);
        tracing::info!(%day, duplicate, clusters = observations.len(), "summed up the savings");
        Ok(())
    }
}

#[async_trait]
impl Poll for Summary {
    fn source(&self) -> SourceName {
        SourceName::savings()
    }

    async fn poll(&self, now: Timestamp) -> Result<(), PollError> {
        self.poll_if_due(now).await.map(drop)
    }

    async fn poll_if_due(&self, now: Timestamp) -> Result<Asked, PollError> {
        let name = CursorName::savings_summary();
        let at = |moment: Timestamp| Cursor { name: name.clone(), value: moment.to_string() };
        let Some(dealt_with) = self.dealt_with(&name).await? else {
            // Nobody was promised a summary before the relay was there.
            self.inbox.accept_all(Vec::new(), Some(at(now))).await?;
            return Ok(Asked::NotDue);
        };
        if dealt_with > now {
            // A clock ran ahead. Left there, nothing would be due for as long; a day that was told of has its id.
            tracing::warn!(cursor = %name, %dealt_with, "what the summary remembers lies in the future; it goes on from now");
            self.inbox.accept_all(Vec::new(), Some(at(now))).await?;
            return Ok(Asked::NotDue);
        }
        match self.schedule.latest(now).filter(|due| *due > dealt_with) {
            Some(due) => self.send(due, now, at(due)).await.map(|()| Asked::Yes),
            None => Ok(Asked::NotDue),
        }
    }

    fn next_after(&self, now: Timestamp) -> Timestamp {
        self.schedule.next_after(now).unwrap_or_else(|| now.saturating_add(A_DAY))
    }
}
