//! Keeps the order of what belongs to one incident at one target, and sees to it that it ends once.
//!
//! Of the pending deliveries of an incident only the first may leave; the others wait behind it. A `Resolve` step cancels
//! every `Open` step that has not left, and is itself only owed where somebody was told, or may have been told, that the
//! incident began. There is at most one pending `Resolve` for an incident, because what it would end next cannot leave before.

use std::time::Duration;

use super::{End, Origin, Row, Rows, Step};
use crate::event::batch::Receipt;
use crate::event::delivery::Phase;
use crate::event::{Severity, Timestamp};
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
pub fn open<R: Rows>(rows: &mut R, row: Row, after: Option<Duration>, now: Timestamp) -> Result<(), R::Error> {
    let Some(step) = row.incident.clone() else { return rows.insert(&row) };
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
    let resolve_after = after.or(incident.resolve_after);
    let resolve_at = resolve_after.map(|after| now.saturating_add(after));
    let incident = IncidentRow { last: row.id, last_at: now, resolve_after, resolve_at, ..incident };
    rows.keep_incident(&row.target, &step.key, &incident)?;
    rows.insert(&Row { behind, ..row })
}

/// Ends the incident of `row`, if there is one: cancels what has not left, and keeps `row` where somebody was told.
/// The same at the target that was told instead of this one.
pub fn resolve<R: Rows>(rows: &mut R, row: Row, now: Timestamp) -> Result<(), R::Error> {
    let Some(Step { key, .. }) = row.incident.clone() else { return Ok(()) };
    let Some(incident) = rows.incident(&row.target, &key)? else { return Ok(()) };
    if incident.closing {
        return Ok(());
    }
    close(rows, &row, &key, &incident, now)?;
    // What ends by itself does so where it was told instead, too, in its own time: there it may not even have begun.
    let Some(other) = incident.fell_back_to.filter(|_| row.origin != Origin::TimedOut) else { return Ok(()) };
    let Some(id) = rows.sibling(row.id)? else { return Ok(()) };
    resolve(rows, Row { id, target: other, origin: Origin::Fallback, ..row }, now)
}

fn close<R: Rows>(
    rows: &mut R,
    row: &Row,
    key: &IncidentKey,
    incident: &IncidentRow,
    now: Timestamp,
) -> Result<(), R::Error> {
    let cancelled = cancel(rows, &row.target, key, now)?;
    let was_told = incident.told || cancelled.told;
    if was_told || cancelled.in_flight {
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
    target: &TargetName,
    key: &IncidentKey,
    now: Timestamp,
) -> Result<Cancelled, R::Error> {
    let mut found = Cancelled::default();
    let mut after = None;
    loop {
        let page = rows.of_incident(target, key, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
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
                    }
                    rows.end(row.id, &over_before_it_left(), now)?;
                }
            }
        }
    }
    lead(rows, target, key, now)?;
    Ok(found)
}

/// Where the one that the others wait for was cancelled, because the lease of it has lapsed, the first that is left takes
/// its place.
fn lead<R: Rows>(rows: &mut R, target: &TargetName, key: &IncidentKey, now: Timestamp) -> Result<(), R::Error> {
    while let Some(first) = first_without_leader(rows, target, key)? {
        match first.phase() {
            Some(Phase::Resolve) if !first.told => rows.end(first.id, &nobody_was_told(), now)?,
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
    let (mut first, mut after) = (None, None);
    loop {
        let page = rows.of_incident(target, key, after, PAGE)?;
        if page.iter().any(|row| !row.behind) {
            return Ok(None);
        }
        let Some(last) = page.last() else { return Ok(first) };
        after = Some(last.id);
        first = first.or_else(|| page.into_iter().next());
    }
}

fn nobody_was_told() -> End {
    End::Superseded { detail: "nobody was told that it began".to_owned() }
}

fn over_before_it_left() -> End {
    End::Superseded { detail: "it was over before it left".to_owned() }
}

/// How long an incident that should be over waits at least, where something of it has not left: each look is a write.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Ends the incidents at `target` of which nothing more was heard; up to `limit`. Yields how many it looked at.
pub fn time_out<R: Rows>(rows: &mut R, target: &TargetName, now: Timestamp, limit: usize) -> Result<usize, R::Error> {
    let mut looks = 0;
    while looks < limit {
        let Some((key, _)) = rows.first_to_time_out(target)?.filter(|(_, at)| *at <= now) else { break };
        let Some(incident) = rows.incident(target, &key)? else { break };
        looks += 1;
        let waits = rows.last_of_incident(target, &key)?.is_some();
        if let Some(after) = incident.resolve_after.filter(|_| waits) {
            // What nobody has heard of yet is not over because nobody spoke of it.
            let resolve_at = Some(now.saturating_add(after.max(LOOK_AGAIN)));
            rows.keep_incident(target, &key, &IncidentRow { resolve_at, ..incident })?;
            continue;
        }
        match rows.sibling(incident.last)? {
            Some(id) => resolve(rows, timed_out(id, target, &key, &incident, now), now)?,
            None => rows.forget_incident(target, &key)?,
        }
    }
    Ok(looks)
}

fn timed_out(id: DeliveryId, target: &TargetName, key: &IncidentKey, incident: &IncidentRow, now: Timestamp) -> Row {
    Row {
        id,
        route: incident.route.clone(),
        target: target.clone(),
        severity: incident.severity,
        group: None,
        swept: incident.swept,
        stormed: false,
        incident: Some(Step { key: key.clone(), phase: Phase::Resolve, opened_by: None }),
        origin: Origin::TimedOut,
        state: DeliveryState::Pending,
        attempts: 0,
        tried: false,
        behind: false,
        told: false,
        held: None,
        interrupted: false,
        due_at: now,
        received_at: now,
        fell_back_to: None,
    }
}

/// An attempt at this `Open` step arrived, or may have.
pub fn told<R: Rows>(rows: &mut R, row: &Row, receipt: Option<&Receipt>) -> Result<(), R::Error> {
    let Some(Step { key, phase: Phase::Open, .. }) = &row.incident else { return Ok(()) };
    let Some(incident) = rows.incident(&row.target, key)? else { return Ok(()) };
    let ending = match incident.ending.filter(|ending| *ending > row.id) {
        Some(id) => rows.row(id)?.filter(|ending| ending.state == DeliveryState::Pending),
        None => None,
    };
    match ending {
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
    let Some(ending) = incident.ending.filter(|ending| *ending > row.id) else { return Ok(false) };
    Ok(rows.row(ending)?.is_some_and(|ending| ending.state == DeliveryState::Pending))
}

/// A delivery of an incident has ended, which was until then as `row` says: the next one may leave, and what nobody will need any more is forgotten.
pub fn ended<R: Rows>(rows: &mut R, row: &Row, now: Timestamp) -> Result<(), R::Error> {
    let Some(Step { key, .. }) = &row.incident else { return Ok(()) };
    if row.behind {
        // The others wait for another one.
        return settle_incident(rows, row);
    }
    let mut last = row.clone();
    loop {
        settle_incident(rows, &last)?;
        let Some(next) = rows.of_incident(&row.target, key, None, 1)?.pop() else { return Ok(()) };
        let resolves = next.incident.as_ref().is_some_and(|step| step.phase == Phase::Resolve);
        if resolves && !next.told && next.held.is_none() {
            rows.end(next.id, &nobody_was_told(), now)?;
            last = next;
            continue;
        }
        return match next.behind {
            true => rows.update(&Row { behind: false, ..next }),
            false => Ok(()),
        };
    }
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
