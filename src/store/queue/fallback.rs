//! Tells somebody else, once, what a target did not take or cannot take for too long.
//!
//! Of one event a target that stands in for others hears once: by a route that names it, or by the first copy. What the
//! others leave out because of that they rely on, so when the one that was to be told ends untold, another one
//! takes its place ([`stand_in`]).

use super::again::long_ago;
use super::incident;
use super::{IncidentRow, Origin, Row, Rows, written};
use crate::event::Timestamp;
use crate::event::aftermath::Aftermath;
use crate::event::delivery::Phase;
use crate::names::{DeliveryId, TargetName};
use crate::store::DeliveryState;

/// Owes what `row` owes to `to`, too, unless that was done before, it is no news to anybody, or `to` hears of it anyway.
pub fn fall_back<R: Rows>(
    rows: &mut R,
    row: &Row,
    to: &TargetName,
    now: Timestamp,
    after: &mut Aftermath,
) -> Result<(), R::Error> {
    if row.fell_back_to.is_some() || !concerns_others(rows, row)? {
        return Ok(());
    }
    rows.update(&Row { fell_back_to: Some(to.clone()), ..row.clone() })?;
    share_incident(rows, row, to)?;
    match is_told(&rows.of_event(row.id)?, row, to) {
        true => written::fell_back(rows, row, to, None, now),
        false => copy(rows, row, to, now, after),
    }
}

/// Somebody tells `to` of the same incident, or will where the one that was to tell it of the event ends untold: what ends it
/// here ends it there, too, and until then it is known.
fn share_incident<R: Rows>(rows: &mut R, row: &Row, to: &TargetName) -> Result<(), R::Error> {
    let Some(step) = &row.incident else { return Ok(()) };
    let Some(known) = rows.incident(&row.target, &step.key)? else { return Ok(()) };
    let fell_back_to = Some(to.clone());
    rows.keep_incident(&row.target, &step.key, &IncidentRow { fell_back_to, ..known })
}

/// For each delivery that ended untold in this write: who relied on it is told instead. The last thing that is done in a
/// write, when all else is settled. Yields for how many.
pub fn stand_in<R: Rows>(rows: &mut R, now: Timestamp, after: &mut Aftermath) -> Result<usize, R::Error> {
    let untold = after.ended.iter().filter(|ended| is_untold(ended.state));
    let untold: Vec<_> = untold.map(|ended| (ended.delivery, ended.target.clone())).collect();
    let mut copies = 0;
    for (id, target) in untold {
        if let Some(relied) = relied_on(rows, id, &target)? {
            copy(rows, &relied, &target, now, after)?;
            copies += 1;
        }
    }
    Ok(copies)
}

/// The first that left it to `id` to tell `target`, where `target` hears of the event in no other way. What the same route
/// owes it was judged there already.
fn relied_on<R: Rows>(rows: &mut R, id: DeliveryId, target: &TargetName) -> Result<Option<Row>, R::Error> {
    if !rows.is_relied_on(id, target)? {
        return Ok(None);
    }
    let all = rows.of_event(id)?;
    let Some(untold) = all.iter().find(|row| row.id == id).filter(|untold| !is_told(&all, untold, target)) else {
        return Ok(None);
    };
    let judges = |other: &Row, row: &Row| other.target == *target && other.route == row.route;
    let was_judged = |row: &Row| all.iter().any(|other| judges(other, row) && is_as_often(other, row));
    let is_owed = |row: &Row| matches!(row.state, DeliveryState::Pending | DeliveryState::Dead);
    let relies = |row: &&Row| row.fell_back_to.as_ref() == Some(target) && is_owed(row) && !was_judged(row);
    for row in all.iter().filter(|row| is_as_often(row, untold)).filter(relies) {
        if goes_on(rows, row)? {
            return Ok(Some(row.clone()));
        }
    }
    Ok(None)
}

/// Whether what `row`, which fell back, tells of is not over: its incident is known until it is.
fn goes_on<R: Rows>(rows: &mut R, row: &Row) -> Result<bool, R::Error> {
    let Some(step) = &row.incident else { return Ok(true) };
    let known = rows.incident(&row.target, &step.key)?;
    let is_same = |known: &IncidentRow| step.opened_by.is_none_or(|opened_by| opened_by == known.opened_by);
    Ok(known.is_some_and(|known| !known.closing && is_same(&known)))
}

/// Whether `target` hears of the event that owes all these, was told of it, or refused it, when `row` is told of it: who heard
/// of it at first has not heard of it again.
fn is_told(all: &[Row], row: &Row, target: &TargetName) -> bool {
    let tells = |other: &Row| other.target == *target && other.phase() != Some(Phase::Resolve);
    all.iter().any(|other| tells(other) && is_as_often(other, row) && !is_untold(other.state))
}

/// Whether both tell the event for the first time, or the same replay tells both.
fn is_as_often(row: &Row, other: &Row) -> bool {
    row.again.map(|again| again.replay) == other.again.map(|again| again.replay)
}

fn is_untold(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Silenced | DeliveryState::Superseded)
}

fn copy<R: Rows>(
    rows: &mut R,
    row: &Row,
    to: &TargetName,
    now: Timestamp,
    after: &mut Aftermath,
) -> Result<(), R::Error> {
    // Without a free id there is no telling it; an event has room for as many as there are targets, many times over.
    let Some(id) = rows.sibling(row.id)? else { return Ok(()) };
    // It has a `max_age` of its own: what is too old for one target is not for the next.
    let plain = Row::owed(id, row.route.clone(), to.clone(), row.severity, now);
    let Row { group, swept, stormed, incident, again, .. } = row.clone();
    // What is told again is no news to anybody else either.
    let due_at = again.map_or(now, |_| long_ago(now));
    let copy = Row { group, swept, stormed, incident, again, due_at, origin: Origin::Fallback, ..plain };
    match &row.incident {
        None => rows.insert(&copy)?,
        Some(_) => open(rows, row, copy, now)?,
    }
    written::fell_back(rows, row, to, Some(id), now)?;
    after.falls_back(&row.target);
    after.woken.insert(to.clone());
    look_again_from(rows, to, id.row())
}

/// The end of an incident goes where its beginning went, when it is owed; and what is over is no news to anybody else.
fn concerns_others<R: Rows>(rows: &mut R, row: &Row) -> Result<bool, R::Error> {
    match row.phase() {
        None => Ok(true),
        Some(Phase::Open) => Ok(!incident::is_over(rows, row)?),
        Some(Phase::Resolve) => Ok(false),
    }
}

fn open<R: Rows>(rows: &mut R, row: &Row, copy: Row, now: Timestamp) -> Result<(), R::Error> {
    let Some(step) = &row.incident else { return Ok(()) };
    let known = rows.incident(&row.target, &step.key)?;
    incident::open(rows, copy, known.as_ref().and_then(IncidentRow::limit), now)
}

/// A target that is closed itself has looked at its deliveries up to some id; this one may lie before it.
pub fn look_again_from<R: Rows>(rows: &mut R, target: &TargetName, id: i64) -> Result<(), R::Error> {
    let mut state = rows.target(target)?;
    if state.fallen_to >= id {
        state.fallen_to = id - 1;
        rows.keep_target(target, &state)?;
    }
    Ok(())
}

/// Deliveries looked at in one go.
pub const PAGE: usize = 256;
