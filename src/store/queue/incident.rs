//! Keeps the order of what belongs to one incident at one target, and sees to it that it ends once.
//!
//! Of the pending deliveries of an incident only the first may leave; the others wait behind it. A `Resolve` step cancels
//! every `Open` step that has not left, and is itself only owed where somebody was told, or may have been told, that the
//! incident began. There is at most one pending `Resolve` for an incident, because what it would end next cannot leave before.

use std::time::Duration;

use super::end::end;
use super::time_out::{Limit, prolong};
use super::{End, Origin, Row, Rows, Step, written};
use crate::event::aftermath::Aftermath;
use crate::event::batch::Receipt;
use crate::event::delivery::Phase;
use crate::event::{Event, Severity, Timestamp};
use crate::names::{DeliveryId, IncidentKey, RouteName, TargetName};
use crate::store::DeliveryState;

/// An incident at one target, as kept.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentRow {
    /// The route that opened it.
    pub route: RouteName,
    /// The severity it was opened with.
    pub severity: Severity,
    /// Whether a storm of the route sweeps it up.
    pub swept: bool,
    /// The delivery that opened it.
    pub opened_by: DeliveryId,
    /// The last delivery that added to it.
    pub last: DeliveryId,
    /// When that one's event was received.
    pub last_at: Timestamp,
    /// Somebody was told, or may have been told, that it began.
    pub told: bool,
    /// It is to end, and nothing was added since.
    pub closing: bool,
    /// The last delivery that was to end it.
    pub ending: Option<DeliveryId>,
    /// How long after the last `Open` step it ends by itself.
    pub resolve_after: Option<Duration>,
    /// When that is.
    pub resolve_at: Option<Timestamp>,
    /// What the target gave for the first message about it.
    pub receipt: Option<Receipt>,
    /// Who was told of it instead, too.
    pub fell_back_to: Option<TargetName>,
}

/// Keeps a step that opens an incident, or adds to it.
pub fn open<R: Rows>(rows: &mut R, row: Row, limit: Option<Limit>, now: Timestamp) -> Result<(), R::Error> {
    let row = enlist(rows, row, limit, now)?;
    rows.insert(&row)
}

/// Takes such a step into its incident. Where somebody else is told of it, too, it goes on there as long as here.
pub fn enlist<R: Rows>(rows: &mut R, row: Row, limit: Option<Limit>, now: Timestamp) -> Result<Row, R::Error> {
    let Some(step) = row.incident.clone() else { return Ok(row) };
    let behind = rows.last_of_incident(&row.target, &step.key)?.is_some();
    let known = rows.incident(&row.target, &step.key)?;
    let ending = known.as_ref().and_then(|known| known.ending);
    let fresh = || IncidentRow {
        route: row.route.clone(),
        severity: row.severity,
        swept: row.swept,
        opened_by: row.id,
        last: row.id,
        last_at: now,
        told: false,
        closing: false,
        ending,
        resolve_after: None,
        resolve_at: None,
        receipt: None,
        fell_back_to: None,
    };
    let incident = known.filter(|known| !known.closing).unwrap_or_else(fresh);
    let limit = limit.or(incident.resolve_after.map(|after| Limit::from(after, now)));
    // What falls back is older news, and does not make an end come sooner.
    let earliest = incident.resolve_at.filter(|_| row.origin == Origin::Fallback);
    let resolve_at = limit.map(|limit| earliest.map_or(limit.at, |at| at.max(limit.at)));
    let resolve_after = limit.map(|limit| limit.after);
    // What is told again, or falls back, belongs to an earlier event: what was last heard stays what it was.
    let last = incident.last.max(row.id);
    let incident = IncidentRow { last, last_at: now, resolve_after, resolve_at, ..incident };
    rows.keep_incident(&row.target, &step.key, &incident)?;
    prolong(rows, &incident, &step.key)?;
    let step = Step { opened_by: Some(incident.opened_by), ..step };
    Ok(Row { behind, incident: Some(step), ..row })
}

/// By how much the clocks of those who tell of one incident may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// Whether what is to end an incident happened before what was last heard of it. Sources tell late, each in its own way, so
/// what comes after is not always news.
fn is_older_than<R: Rows>(rows: &mut R, end: &Row, heard: DeliveryId) -> Result<bool, R::Error> {
    if end.origin == Origin::TimedOut {
        return Ok(false);
    }
    let happened = |event: Event| event.occurred_at.unwrap_or(event.received_at);
    let (end, last) = (rows.event(end.id, false)?, rows.event(heard, false)?);
    let times = end.ok().map(happened).zip(last.ok().map(happened));
    Ok(times.is_some_and(|(end, last)| end.saturating_add(CLOCKS_DIFFER) < last))
}

/// Ends the incident of `row`, if there is one: cancels what has not left, and keeps `row` where somebody was told.
/// The same at the target that was told instead of this one.
pub fn resolve<R: Rows>(rows: &mut R, row: Row, now: Timestamp, after: &mut Aftermath) -> Result<(), R::Error> {
    let Some(Step { key, .. }) = row.incident.clone() else { return Ok(()) };
    let Some(incident) = rows.incident(&row.target, &key)? else { return bury(rows, &row, &key, now) };
    if incident.closing || is_older_than(rows, &row, incident.last)? {
        return Ok(());
    }
    bury(rows, &row, &key, now)?;
    close(rows, &row, &key, &incident, now, after)?;
    // What ends by itself does so where it was told instead, too, in its own time: there it may not even have begun.
    let Some(other) = incident.fell_back_to.filter(|_| row.origin != Origin::TimedOut) else { return Ok(()) };
    let Some(id) = rows.sibling(row.id)? else { return Ok(()) };
    resolve(rows, Row { id, target: other, origin: Origin::Fallback, ..row }, now, after)
}

/// What this ends is not to be told again either, where nobody took it.
fn bury<R: Rows>(rows: &mut R, ending: &Row, key: &IncidentKey, now: Timestamp) -> Result<(), R::Error> {
    let mut seen = None;
    loop {
        let page = rows.dead_openings(&ending.target, key, seen, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        seen = Some(*last);
        for dead in page {
            if !is_older_than(rows, ending, dead)? {
                rows.is_over(dead)?;
                written::resolved(rows, dead, ending, key, now)?;
            }
        }
    }
}

fn close<R: Rows>(
    rows: &mut R,
    row: &Row,
    key: &IncidentKey,
    incident: &IncidentRow,
    now: Timestamp,
    after: &mut Aftermath,
) -> Result<(), R::Error> {
    after.woken.insert(row.target.clone());
    let cancelled = cancel(rows, row, key, now, after)?;
    let was_told = incident.told || cancelled.told;
    if was_told || cancelled.in_flight {
        // What was cancelled, or died, says so itself.
        let says_nothing = |opening: Row| !matches!(opening.state, DeliveryState::Superseded | DeliveryState::Dead);
        if rows.row(incident.opened_by)?.is_some_and(says_nothing) {
            written::resolved(rows, incident.opened_by, row, key, now)?;
        }
        let opened_by = Some(incident.opened_by);
        let step = Step { key: key.clone(), phase: Phase::Resolve, opened_by };
        let behind = rows.last_of_incident(&row.target, key)?.is_some();
        rows.insert(&Row { incident: Some(step), told: was_told, behind, ..row.clone() })?;
        let closing =
            IncidentRow { closing: true, ending: Some(row.id), resolve_at: None, told: false, ..incident.clone() };
        return rows.keep_incident(&row.target, key, &closing);
    }
    match rows.last_of_incident(&row.target, key)?.is_some() {
        // What was opened after an end that has not left yet is over before anybody heard of it.
        true => {
            let closing = IncidentRow { closing: true, resolve_at: None, ..incident.clone() };
            rows.keep_incident(&row.target, key, &closing)
        }
        false => rows.forget_incident(&row.target, key),
    }
}

/// What was found where an incident ended.
#[derive(Default)]
struct Cancelled {
    /// An attempt at one of the cancelled may have arrived.
    told: bool,
    /// One is on its way.
    in_flight: bool,
}

/// Rows looked at in one go.
const PAGE: usize = 256;

fn cancel<R: Rows>(
    rows: &mut R,
    ending: &Row,
    key: &IncidentKey,
    now: Timestamp,
    after: &mut Aftermath,
) -> Result<Cancelled, R::Error> {
    let (mut found, mut seen) = (Cancelled::default(), None);
    let target = &ending.target;
    loop {
        let page = rows.of_incident(target, key, seen, PAGE)?;
        let Some(last) = page.last() else { break };
        seen = Some(last.id);
        for row in page {
            let resolves = row.incident.as_ref().is_some_and(|step| step.phase == Phase::Resolve);
            match (resolves, row.is_held_at(now)) {
                // What is before it belongs to an incident that has its end already.
                (true, _) => found = Cancelled::default(),
                (false, true) => found.in_flight = true,
                (false, false) => {
                    if row.told || row.is_interrupted() {
                        found.told = true;
                        told(rows, &row, None)?;
                        written::cut_short(rows, &row, now)?;
                    }
                    written::resolved(rows, row.id, ending, key, now)?;
                    end(rows, &row, &over_before_it_left(), now, after)?;
                }
            }
        }
    }
    lead(rows, target, key, now, after)?;
    Ok(found)
}

/// Where the one that the others wait for was cancelled, because the lease of it has lapsed, the first that is left takes
/// its place.
fn lead<R: Rows>(
    rows: &mut R,
    target: &TargetName,
    key: &IncidentKey,
    now: Timestamp,
    after: &mut Aftermath,
) -> Result<(), R::Error> {
    while let Some(first) = first_without_leader(rows, target, key)? {
        match first.phase() {
            Some(Phase::Resolve) if !first.told => end(rows, &first, &nobody_was_told(), now, after)?,
            _ => return rows.update(&Row { behind: false, ..first }),
        }
    }
    Ok(())
}

/// The first of an incident, where all of them wait. The one they wait for need not be the first: what fell back belongs to an
/// earlier event and came later.
fn first_without_leader<R: Rows>(
    rows: &mut R,
    target: &TargetName,
    key: &IncidentKey,
) -> Result<Option<Row>, R::Error> {
    let (mut first, mut seen) = (None, None);
    loop {
        let page = rows.of_incident(target, key, seen, PAGE)?;
        if page.iter().any(|row| !row.behind) {
            return Ok(None);
        }
        let Some(last) = page.last() else { return Ok(first) };
        seen = Some(last.id);
        first = first.or_else(|| page.into_iter().next());
    }
}

fn nobody_was_told() -> End {
    End::Superseded { detail: "nobody was told that it began".to_owned() }
}

fn over_before_it_left() -> End {
    End::Superseded { detail: "it was over before it left".to_owned() }
}

/// Its end is waiting for it by now.
pub fn over_before_it_got_through() -> End {
    End::Superseded { detail: "it was over before it got through".to_owned() }
}

/// An attempt at this `Open` step arrived, or may have.
pub fn told<R: Rows>(rows: &mut R, row: &Row, receipt: Option<&Receipt>) -> Result<(), R::Error> {
    let Some(Step { key, phase: Phase::Open, .. }) = &row.incident else { return Ok(()) };
    let Some(incident) = rows.incident(&row.target, key)? else { return Ok(()) };
    match pending_end(rows, &incident)?.filter(|ending| ending.ends(row)) {
        Some(ending) => rows.update(&Row { told: true, ..ending }),
        None => {
            let receipt = incident.receipt.clone().or_else(|| receipt.cloned());
            rows.keep_incident(&row.target, key, &IncidentRow { told: true, receipt, ..incident })
        }
    }
}

/// Whether the incident of this `Open` step is over already: its end waits behind it.
pub fn is_over<R: Rows>(rows: &mut R, row: &Row) -> Result<bool, R::Error> {
    let Some(Step { key, phase: Phase::Open, .. }) = &row.incident else { return Ok(false) };
    let Some(incident) = rows.incident(&row.target, key)? else { return Ok(false) };
    Ok(pending_end(rows, &incident)?.is_some_and(|ending| ending.ends(row)))
}

/// The end that is still to be told.
fn pending_end<R: Rows>(rows: &mut R, incident: &IncidentRow) -> Result<Option<Row>, R::Error> {
    let ending = match incident.ending {
        Some(id) => rows.row(id)?,
        None => None,
    };
    Ok(ending.filter(|ending| ending.state == DeliveryState::Pending))
}

impl Row {
    /// Asked of a `Resolve` step: whether it ends what this `Open` step belongs to. What falls back comes late and has an
    /// earlier id; of what an earlier version kept only the order is known.
    fn ends(&self, opening: &Row) -> bool {
        let opened_by = |row: &Row| row.incident.as_ref().and_then(|step| step.opened_by);
        match (opened_by(self), opened_by(opening)) {
            (Some(ended), Some(opened)) => ended == opened,
            _ => self.id > opening.id,
        }
    }
}

/// A delivery of an incident has ended, which was until then as `row` says: the next one may leave, and what nobody will need any more is forgotten.
pub fn ended<R: Rows>(rows: &mut R, row: &Row, now: Timestamp, after: &mut Aftermath) -> Result<(), R::Error> {
    let Some(Step { key, .. }) = &row.incident else { return Ok(()) };
    if row.behind {
        // The others wait for another one.
        return settle_incident(rows, row);
    }
    let mut last = row.clone();
    loop {
        settle_incident(rows, &last)?;
        let Some(next) = next_of(rows, &row.target, key)? else { return Ok(()) };
        let resolves = next.incident.as_ref().is_some_and(|step| step.phase == Phase::Resolve);
        if resolves && !next.told && next.held.is_none() {
            end(rows, &next, &nobody_was_told(), now, after)?;
            last = next;
            continue;
        }
        return match next.behind {
            true => rows.update(&Row { behind: false, ..next }),
            false => Ok(()),
        };
    }
}

/// The first of an incident that is pending; but the end of what is over comes before what opened it anew.
fn next_of<R: Rows>(rows: &mut R, target: &TargetName, key: &IncidentKey) -> Result<Option<Row>, R::Error> {
    let Some(first) = rows.of_incident(target, key, None, 1)?.pop() else { return Ok(None) };
    let Some(incident) = rows.incident(target, key)? else { return Ok(Some(first)) };
    let is_anew = |end: &Row| first.phase() == Some(Phase::Open) && first.behind && !end.ends(&first);
    Ok(pending_end(rows, &incident)?.filter(is_anew).or(Some(first)))
}

fn settle_incident<R: Rows>(rows: &mut R, row: &Row) -> Result<(), R::Error> {
    let Some(Step { key, phase, .. }) = &row.incident else { return Ok(()) };
    let Some(incident) = rows.incident(&row.target, key)? else { return Ok(()) };
    let is_its_end = incident.ending == Some(row.id);
    let nothing_told = !incident.told && !incident.closing && incident.fell_back_to.is_none();
    match phase {
        Phase::Resolve if is_its_end && incident.closing => rows.forget_incident(&row.target, key),
        Phase::Resolve if is_its_end => rows.keep_incident(&row.target, key, &IncidentRow { ending: None, ..incident }),
        Phase::Open if nothing_told && rows.last_of_incident(&row.target, key)?.is_none() => {
            rows.forget_incident(&row.target, key)
        }
        _ => Ok(()),
    }
}
