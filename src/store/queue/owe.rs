//! Takes in what a new event owes.

use super::fallback;
use super::incident;
use super::time_out::Limit;
use super::{PER_EVENT, Row, Rows, Step};
use crate::event::Timestamp;
use crate::event::aftermath::Aftermath;
use crate::event::delivery::{Owed, Phase};
use crate::names::{DeliveryId, RouteName};

/// Keeps what the event of this number owes. A step that ends an incident nobody was told of owes nothing.
pub fn owe<R: Rows>(
    rows: &mut R,
    event: i64,
    owed: &[Owed],
    received_at: Timestamp,
    after: &mut Aftermath,
) -> Result<(), R::Error> {
    let mut dripped: Vec<&RouteName> = Vec::new();
    let first = DeliveryId::from_row(event * PER_EVENT);
    let mut next = Some(first);
    for owed in owed {
        if !owed.is_resolve() && owed.storm.is_some() && !dripped.contains(&&owed.route) {
            dripped.push(&owed.route);
            drip(rows, owed, received_at)?;
        }
        let Some(id) = next else { break };
        let mut row = new_row(id, owed, received_at);
        if let Some(watch) = owed.storm.filter(|_| !owed.is_resolve())
            && rows.storm(&owed.route)?.since_at(received_at).is_some()
        {
            row.stormed = row.swept;
            // Who is spared does not wait for company while others are swept up.
            row.due_at = if watch.spared { received_at } else { row.due_at };
        }
        next = match &owed.incident {
            Some(step) if step.phase == Phase::Resolve => {
                // It may take no id, or several: for targets that were told instead of this one.
                incident::resolve(rows, row, received_at, after)?;
                rows.sibling(first)?
            }
            step => {
                match step {
                    Some(_) => incident::open(rows, row, limit(owed, received_at), received_at)?,
                    None => rows.insert(&row)?,
                }
                Some(DeliveryId::from_row(id.row() + 1))
            }
        };
    }
    Ok(())
}

/// The last thing that is done when events were appended: see [`fallback::stand_in`].
pub fn conclude<R: Rows>(rows: &mut R, now: Timestamp, after: &mut Aftermath) -> Result<(), R::Error> {
    fallback::stand_in(rows, now, after).map(drop)
}

/// What ends is no part of a storm: most of it owes nothing.
fn drip<R: Rows>(rows: &mut R, owed: &Owed, now: Timestamp) -> Result<(), R::Error> {
    let Some(watch) = owed.storm else { return Ok(()) };
    let clock = rows.storm(&owed.route)?.drip(watch, now);
    rows.keep_storm(&owed.route, clock)
}

/// When the incident that this opens ends by itself.
pub(super) fn limit(owed: &Owed, now: Timestamp) -> Option<Limit> {
    owed.incident.as_ref()?.resolve_after.map(|after| Limit::from(after, now))
}

pub(super) fn new_row(id: DeliveryId, owed: &Owed, received_at: Timestamp) -> Row {
    let wait = owed.group.as_ref().map(|group| group.wait).unwrap_or_default();
    let step = owed.incident.as_ref();
    Row {
        group: owed.group.as_ref().map(|group| group.key.clone()),
        swept: owed.storm.is_some_and(|watch| !watch.spared),
        incident: step.map(|step| Step { key: step.key.clone(), phase: step.phase, opened_by: None }),
        due_at: received_at.saturating_add(wait),
        ..Row::owed(id, owed.route.clone(), owed.target.clone(), owed.severity, received_at)
    }
}
