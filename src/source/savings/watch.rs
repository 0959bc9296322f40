//! The thresholds' rounds: what was measured until the last full hour, and an event for each limit that it crossed.
//!
//! What the thresholds remember is a cursor that moves in one transaction with the events, so a limit is told of once
//! for each time it is crossed, by however many relays.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::memory::State;
use super::periods::Window;
use super::threshold::{Crossing, Over, Threshold, evaluate, unwatched};
use super::{Inbox, ask, event};
use crate::castai_api::CastAi;
use crate::config::Span;
use crate::event::{Cluster, Event, Timestamp, Zone};
use crate::names::{CursorName, SourceName};
use crate::source::polling::{Poll, PollError};
use crate::store::Cursor;

/// Milliseconds.
const HOUR: i64 = 3_600_000;

/// Looks at the thresholds in rounds.
pub(super) struct Watch {
    castai: CastAi,
    inbox: Arc<Inbox>,
    thresholds: Vec<Threshold>,
    every: Span,
    zone: Zone,
}

impl Watch {
    pub(super) fn new(castai: CastAi, inbox: Arc<Inbox>, thresholds: Vec<Threshold>, every: Span, zone: Zone) -> Self {
        Self { castai, inbox, thresholds, every, zone }
    }

    /// What was remembered last.
    async fn state(&self, name: &CursorName) -> Result<State, PollError> {
        let Some(written) = self.inbox.cursor(name).await? else { return Ok(State::default()) };
        Ok(serde_json::from_str(&written).unwrap_or_else(|error| {
            tracing::error!(cursor = %name, %error, "what the thresholds remember cannot be read; they begin anew");
            State::default()
        }))
    }

    /// Each time that a threshold looks at, until the last full hour.
    fn windows(&self, hour: i64) -> BTreeMap<Over, Window> {
        let to = Timestamp::from_millis(hour * HOUR);
        let window = |over| match over {
            Over::MonthToDate => Window::month_to_date(to, &self.zone),
            Over::Trailing30Days => Window::trailing_30_days(to, &self.zone),
        };
        self.thresholds.iter().map(|threshold| (threshold.period, window(threshold.period))).collect()
    }

    fn event(&self, crossing: &Crossing<'_>, window: Option<&Window>, now: Timestamp) -> Event {
        let threshold = crossing.threshold;
        let told = event(&crossing.id(), "savings.threshold", told(crossing, window), &self.castai, now);
        let cluster = crossing.cluster.map(|one| Cluster {
            id: Some(one.id.clone()),
            name: Some(one.name.clone()).filter(|name| !name.is_empty()),
            ..Cluster::default()
        });
        let severity = threshold.severity.unwrap_or(told.severity);
        Event { cluster: cluster.unwrap_or_default(), severity, ..told }
    }
}

/// The words of [`crate::event::savings::Savings`], and where the value is from.
fn told(crossing: &Crossing<'_>, window: Option<&Window>) -> Map<String, Value> {
    let threshold = crossing.threshold;
    let fields = [
        ("name", json!(threshold.name)),
        ("metric", json!(threshold.metric.as_str())),
        ("value", json!(crossing.value.normalize().to_string())),
        ("limit", json!(threshold.limit.value().normalize().to_string())),
        ("direction", json!(threshold.limit.direction())),
        ("scope", json!(crossing.scope())),
        ("period", json!(threshold.period.as_str())),
        ("from", json!(window.map(|window| window.from))),
        ("to", json!(window.map(|window| window.to))),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[async_trait]
impl Poll for Watch {
    fn source(&self) -> SourceName {
        SourceName::savings()
    }

    async fn poll(&self, now: Timestamp) -> Result<(), PollError> {
        let name = CursorName::savings_thresholds();
        let state = self.state(&name).await?;
        let hour = now.as_millis().div_euclid(HOUR);
        let windows = self.windows(hour);
        let with_offers = self.thresholds.iter().any(|threshold| threshold.metric.needs_offers());
        let counts = |id: &str, name: &str| self.thresholds.iter().any(|threshold| threshold.counts(id, name));
        let answers = ask::read(&self.castai, &windows, with_offers, |one| counts(&one.id, &one.name)).await?;
        if answers.is_empty {
            tracing::warn!("CAST AI lists no cluster, so there is nothing to watch");
            return if state.is_empty() { Ok(()) } else { Err(ask::nothing_listed()) };
        }
        if let Some(threshold) = unwatched(&self.thresholds, &answers.readings) {
            tracing::warn!(
                threshold = %threshold.name,
                limit = State::MAX_SCOPES,
                "there are more thresholds times clusters than are watched: from this threshold on some are not; watch \
                 fewer clusters each for itself"
            );
        }
        let (next, crossings) = evaluate(&self.thresholds, &answers.readings, &state, hour);
        if next != state {
            let event = |crossing: &Crossing<'_>| self.event(crossing, windows.get(&crossing.threshold.period), now);
            let events: Vec<Event> = crossings.iter().map(event).collect();
            let value = serde_json::to_string(&next).map_err(unwritable)?;
            self.inbox.accept_all(events, Some(Cursor { name, value })).await?;
        }
        // What could be looked at is kept; that the rest could not still has to be said.
        answers.refused.map_or(Ok(()), Err)
    }

    fn next_after(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.every.get())
    }
}

fn unwritable(error: serde_json::Error) -> PollError {
    PollError { detail: format!("what the thresholds remember cannot be written: {error}"), retry_after: None }
}
