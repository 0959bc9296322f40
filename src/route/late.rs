//! What comes too late to page anybody: which events of which source, and who hears of them instead.
//!
//! A source that fills gaps may bring what happened hours ago, or what somebody has seen already. The routes speak of
//! news, so such an event goes past them, to a list of its own. Pure.

use std::time::Duration;

use serde_json::Value;

use super::Route;
use crate::event::fields::is_absent;
use crate::event::{CastAIEvent, Event, Timestamp};
use crate::names::{RouteName, SourceName, TargetName};

/// For one source: up to which age its events are news, and who hears of older ones.
#[derive(Debug)]
pub struct LateRule {
    /// Whose events.
    pub source: SourceName,
    /// Events that were news at most this long before they came go by the routes, as all others do. One without a time is
    /// never late.
    pub page_if_younger_than: Duration,
    /// Stands for older ones: takes the place of all routes.
    pub(super) instead: Route,
}

impl LateRule {
    /// What holds where nothing is written.
    pub const PAGE_IF_YOUNGER_THAN: Duration = Duration::from_secs(3600);

    /// Events of `source` that come later than `page_if_younger_than`, or were acknowledged before they came, go to
    /// `notify` and nowhere else.
    pub fn new(source: SourceName, page_if_younger_than: Duration, notify: Vec<TargetName>) -> Self {
        Self { source, page_if_younger_than, instead: Route::standing_for(RouteName::too_late(), notify) }
    }

    /// Whether the event comes too late for the routes.
    pub(super) fn takes(&self, event: &Event) -> bool {
        let age = |since| event.received_at.saturating_since(since);
        let is_old = || became_news_at(event).is_some_and(|since| age(since) > self.page_if_younger_than);
        event.source == self.source && (is_old() || is_acknowledged(event))
    }
}

/// When the sender could tell of it at the earliest: a notification may be written down long after what it tells of, and
/// is news until then. The field is the one of CAST AI's list of notifications.
fn became_news_at(event: &Event) -> Option<Timestamp> {
    let occurred_at = event.occurred_at?;
    let is_notification = matches!(event.kind, CastAIEvent::Notification(_));
    let written_at = event.data.get("createdAt").filter(|_| is_notification);
    let written_at = written_at.and_then(Value::as_str).and_then(Timestamp::parse);
    Some(written_at.map_or(occurred_at, |written_at| written_at.max(occurred_at)))
}

/// Whether somebody has acknowledged it in CAST AI's console: the field of CAST AI's list of notifications.
fn is_acknowledged(event: &Event) -> bool {
    event.data.get("ackAt").is_some_and(|at| !is_absent(at))
}
