//! Owes again what somebody wants told again: dead letters, and events of which there is a replay.
//!
//! What is told again is old news: it never overtakes what is fresh, counts for no storm, and leaves together only with what
//! the same replay tells. What it does to incidents it does as it would have at first.

use super::time_out::Limit;
use super::{FRESH_FOR, Origin, PER_EVENT, Row, Rows, fallback, incident, owe};
use crate::event::Timestamp;
use crate::event::aftermath::Aftermath;
use crate::event::delivery::{Again, DeliveryState, Owed, Phase};
use crate::event::ledger::Fact;
use crate::names::{DeliveryId, GroupKey};
use crate::store::queue::event_of;
use crate::store::replay::Retry;

/// Owes one of the dead letters again, from now on; false when it stays as it is.
pub fn retry<R: Rows>(rows: &mut R, id: DeliveryId, wanted: &Retry, after: &mut Aftermath) -> Result<bool, R::Error> {
    let is_owed = |row: &Row| row.state == DeliveryState::Dead && !row.over && wanted.targets.contains(&row.target);
    let Some(dead) = rows.row(id)?.filter(is_owed) else { return Ok(false) };
    let now = wanted.by.at;
    if rows.event(id, false)?.is_ok_and(|event| event.drill().is_some()) {
        // Nothing would end what it opens; a drill is run again instead.
        return Ok(false);
    }
    let (due_at, received_at) = (long_ago(now), now);
    let plain =
        Row { state: DeliveryState::Pending, tried: false, held: None, interrupted: false, behind: false, ..dead };
    let row = Row { due_at, received_at, ..plain };
    let Some(row) = in_its_incident(rows, row, wanted)? else { return Ok(false) };
    rows.revive(&row)?;
    rows.note(event_of(id), now, &Fact::Retried { delivery: id, by: wanted.by.author().to_owned() })?;
    fallback::look_again_from(rows, &row.target, id.row())?;
    after.woken.insert(row.target.clone());
    Ok(true)
}

/// What a dead letter does to its incident when it is owed again; `None` where nobody may hear of it: what it opened is over,
/// or nothing would end it any more, or what it would end is another one by now.
fn in_its_incident<R: Rows>(rows: &mut R, row: Row, wanted: &Retry) -> Result<Option<Row>, R::Error> {
    let Some(step) = row.incident.clone() else { return Ok(Some(row)) };
    let known = rows.incident(&row.target, &step.key)?;
    match step.phase {
        Phase::Open if known.as_ref().is_some_and(|known| known.closing) => Ok(None),
        Phase::Open => {
            let now = wanted.by.at;
            let Some(limit) = wanted.incidents.get(&row.route) else { return Ok(None) };
            incident::enlist(rows, row, limit.map(|after| Limit::from(after, now)), now).map(Some)
        }
        Phase::Resolve if known.is_some_and(|known| !known.closing && step.opened_by != Some(known.opened_by)) => {
            Ok(None)
        }
        Phase::Resolve => {
            let behind = rows.last_of_incident(&row.target, &step.key)?.is_some();
            Ok(Some(Row { told: true, behind, ..row }))
        }
    }
}

/// Owes what an event owed once more, as a replay wants it. Yields how many deliveries that are.
pub fn replay<R: Rows>(
    rows: &mut R,
    event: i64,
    owed: &[Owed],
    again: Again,
    by: &str,
    now: Timestamp,
    after: &mut Aftermath,
) -> Result<u64, R::Error> {
    let (mut count, anchor) = (0, DeliveryId::from_row(event * PER_EVENT));
    if rows.sibling(anchor)?.is_none() {
        // It was forgotten meanwhile.
        return Ok(0);
    }
    rows.note(event, now, &Fact::Replayed { replay: again.replay, by: by.to_owned() })?;
    for owed in owed {
        // Without a free id there is no telling it; an event has room for as many as there are targets, many times over.
        let Some(id) = rows.sibling(anchor)? else { break };
        let row = told_again(id, owed, again, now);
        match row.incident.as_ref().map(|step| step.phase) {
            Some(Phase::Resolve) => incident::resolve(rows, row, now, after)?,
            Some(Phase::Open) => incident::open(rows, row, owe::limit(owed, now), now)?,
            None => rows.insert(&row)?,
        }
        fallback::look_again_from(rows, &owed.target, id.row())?;
        after.woken.insert(owed.target.clone());
        // What ends an incident that is not open owes nothing.
        count += u64::from(rows.row(id)?.is_some());
    }
    Ok(count)
}

fn told_again(id: DeliveryId, owed: &Owed, again: Again, now: Timestamp) -> Row {
    let row = owe::new_row(id, owed, now);
    let group = row.group.and_then(|key| GroupKey::from_rendered(&format!("{} {key}", again.replay)));
    let incident = row.incident.filter(|_| !again.fresh);
    Row { origin: Origin::Replay, again: Some(again), due_at: long_ago(now), group, swept: false, incident, ..row }
}

/// Due for so long that it is no news.
pub(super) fn long_ago(now: Timestamp) -> Timestamp {
    now.saturating_sub(FRESH_FOR)
}
