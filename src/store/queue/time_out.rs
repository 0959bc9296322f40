//! When an incident ends by itself, because nothing more is heard of it.
//!
//! A time in its row, looked at by every claim of its target. How it ends then is for [`super::incident`].

use std::time::Duration;

use super::incident::{IncidentRow, resolve};
use super::{Origin, Row, Rows, Step};
use crate::event::Timestamp;
use crate::event::aftermath::Aftermath;
use crate::event::delivery::Phase;
use crate::names::{DeliveryId, IncidentKey, TargetName};
use crate::store::DeliveryState;

/// When an incident ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How long after the last `Open` step.
    pub after: Duration,
    /// When that is.
    pub at: Timestamp,
}

impl Limit {
    /// For an `Open` step that comes now.
    pub fn from(after: Duration, now: Timestamp) -> Self {
        Self { after, at: now.saturating_add(after) }
    }
}

impl IncidentRow {
    /// When it ends by itself, if it does.
    pub fn limit(&self) -> Option<Limit> {
        self.resolve_after.zip(self.resolve_at).map(|(after, at)| Limit { after, at })
    }
}

/// Who was told instead hears that it is over no sooner than those for whom they stand in.
pub fn prolong<R: Rows>(rows: &mut R, incident: &IncidentRow, key: &IncidentKey) -> Result<(), R::Error> {
    let (Some(other), Some(until)) = (&incident.fell_back_to, incident.resolve_at) else { return Ok(()) };
    let Some(told) = rows.incident(other, key)? else { return Ok(()) };
    if told.resolve_at.is_none_or(|at| at >= until) {
        return Ok(());
    }
    let told = IncidentRow { resolve_at: Some(until), ..told };
    rows.keep_incident(other, key, &told)?;
    prolong(rows, &told, key)
}

/// How long an incident that should be over waits at least, where something of it has not left: each look is a write.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Ends the incidents at `target` of which nothing more was heard; up to `limit`. Yields how many it looked at.
pub fn time_out<R: Rows>(
    rows: &mut R,
    target: &TargetName,
    now: Timestamp,
    limit: usize,
    after: &mut Aftermath,
) -> Result<usize, R::Error> {
    let mut looks = 0;
    while looks < limit {
        let Some((key, _)) = rows.first_to_time_out(target)?.filter(|(_, at)| *at <= now) else { break };
        let Some(incident) = rows.incident(target, &key)? else { break };
        looks += 1;
        let waits = rows.last_of_incident(target, &key)?.is_some() || is_left_to_others(rows, &incident)?;
        if let Some(patience) = incident.resolve_after.filter(|_| waits) {
            // What nobody has heard of yet is not over because nobody spoke of it.
            let resolve_at = Some(now.saturating_add(patience.max(LOOK_AGAIN)));
            rows.keep_incident(target, &key, &IncidentRow { resolve_at, ..incident })?;
            continue;
        }
        match rows.sibling(incident.last)? {
            Some(id) => resolve(rows, timed_out(id, target, &key, &incident, now), now, after)?,
            None => rows.forget_incident(target, &key)?,
        }
    }
    Ok(looks)
}

/// Whether nobody has heard of it here, and somebody is still to be told of it instead.
fn is_left_to_others<R: Rows>(rows: &mut R, incident: &IncidentRow) -> Result<bool, R::Error> {
    let Some(to) = incident.fell_back_to.as_ref().filter(|_| !incident.told) else { return Ok(false) };
    let waits = |row: &Row| row.state == DeliveryState::Pending && row.phase() != Some(Phase::Resolve);
    Ok(rows.of_event(incident.last)?.iter().any(|row| row.target == *to && waits(row)))
}

fn timed_out(id: DeliveryId, target: &TargetName, key: &IncidentKey, incident: &IncidentRow, now: Timestamp) -> Row {
    Row {
        swept: incident.swept,
        incident: Some(Step { key: key.clone(), phase: Phase::Resolve, opened_by: None }),
        origin: Origin::TimedOut,
        ..Row::owed(id, incident.route.clone(), target.clone(), incident.severity, now)
    }
}
