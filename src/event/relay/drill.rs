//! What the relay says of a drill that failed: one report for each.
//!
//! Knows only names and events; when a drill has failed is for [`crate::source::drills`] to say.

use bytes::Bytes;
use serde_json::json;

use super::{RelayReport, report};
use crate::event::{Event, Timestamp};
use crate::names::{DrillName, EventId, RouteName, TargetName};

/// A drill that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedDrill<'a> {
    /// Which drill.
    pub drill: &'a DrillName,
    /// The event that was not told as it should have been.
    pub event: &'a EventId,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// The route that owes what failed; none where nothing is owed.
    pub route: Option<&'a RouteName>,
    /// Who was not told; none where nobody was to be told.
    pub target: Option<&'a TargetName>,
    /// Why, in words, without secrets.
    pub why: &'a str,
}

impl FailedDrill<'_> {
    fn hint(&self) -> String {
        match self.target {
            None => {
                "see by `castai-relay route test` which routes take such an event, and correct the routes or the drill"
                    .to_owned()
            }
            Some(target) => format!(
                "see by `castai-relay targets list` how `{target}` stands; a real event would have fared no better"
            ),
        }
    }
}

/// `relay.drill_failed`: one for each drill that failed.
pub fn drill_failed(failed: &FailedDrill<'_>, now: Timestamp) -> Event {
    let FailedDrill { drill, event, begun_at, route, target, why } = failed;
    let data = json!({
        "drill": drill,
        "event_id": event,
        "begun_at": begun_at,
        "route": route,
        "target": target,
        "why": why,
        "hint": failed.hint(),
    });
    let id = EventId::from_sender(None, &format!("drill_failed/{event}"));
    report(RelayReport::DrillFailed, id, data, Bytes::new(), now)
}
