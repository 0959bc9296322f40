//! Tells somebody else, once, what a target did not take or cannot take for too long.

use super::incident;
use super::{Origin, Row, Rows};
use crate::event::Timestamp;
use crate::event::delivery::Phase;
use crate::names::TargetName;
use crate::store::DeliveryState;

/// Owes what `row` owes to `to`, too. False when that was done before, is no news to anybody, or the event has no room for
/// another delivery.
pub fn fall_back<R: Rows>(rows: &mut R, row: &Row, to: &TargetName, now: Timestamp) -> Result<bool, R::Error> {
    if row.fell_back_to.is_some() || !concerns_others(rows, row)? {
        return Ok(false);
    }
    let Some(id) = rows.sibling(row.id)? else { return Ok(false) };
    rows.update(&Row { fell_back_to: Some(to.clone()), ..row.clone() })?;
    if rows.owes_by_route(row.id, to)? {
        // A route tells it of the same event anyway.
        return Ok(false);
    }
    let copy = Row {
        id,
        target: to.clone(),
        origin: Origin::Fallback,
        state: DeliveryState::Pending,
        attempts: 0,
        tried: false,
        behind: false,
        told: false,
        held: None,
        interrupted: false,
        due_at: now,
        // It has a `max_age` of its own, and what is too old for one target is not for the next.
        received_at: now,
        fell_back_to: None,
        ..row.clone()
    };
    match &row.incident {
        None => rows.insert(&copy)?,
        Some(_) => open(rows, row, copy, to, now)?,
    }
    look_again_from(rows, to, id.row())?;
    Ok(true)
}

/// The end of an incident goes where its beginning went, when it is owed; and what is over is no news to anybody else.
fn concerns_others<R: Rows>(rows: &mut R, row: &Row) -> Result<bool, R::Error> {
    match row.phase() {
        None => Ok(true),
        Some(Phase::Open) => Ok(!incident::is_over(rows, row)?),
        Some(Phase::Resolve) => Ok(false),
    }
}

fn open<R: Rows>(rows: &mut R, row: &Row, copy: Row, to: &TargetName, now: Timestamp) -> Result<(), R::Error> {
    let Some(step) = &row.incident else { return Ok(()) };
    let known = rows.incident(&row.target, &step.key)?;
    let resolve_after = known.as_ref().and_then(|known| known.resolve_after);
    if let Some(known) = known {
        let fell_back_to = Some(to.clone());
        rows.keep_incident(&row.target, &step.key, &incident::IncidentRow { fell_back_to, ..known })?;
    }
    incident::open(rows, copy, resolve_after, now)
}

/// A target that is closed itself has looked at its deliveries up to some id; this one may lie before it.
fn look_again_from<R: Rows>(rows: &mut R, target: &TargetName, id: i64) -> Result<(), R::Error> {
    let mut state = rows.target(target)?;
    if state.fallen_to >= id {
        state.fallen_to = id - 1;
        rows.keep_target(target, &state)?;
    }
    Ok(())
}

/// Deliveries looked at in one go.
pub const PAGE: usize = 256;
