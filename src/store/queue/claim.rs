//! Lets deliveries leave: who is next, what leaves with it, and who is not told after all.

use std::time::Duration;

use super::end::{Done, Work};
use super::gather::Party;
use super::{End, FRESH_FOR, Lane, Row, Rows, fallback, incident};
use crate::event::batch::Batch;
use crate::event::delivery::{Phase, Reason};
use crate::event::{Event, Timestamp};
use crate::store::{Candidate, Claim, Claimed, Ruling};
use crate::target::TargetState;

/// Deliveries looked at in one claim, so that its transaction stays short.
const LOOKS: usize = 512;
/// How long a slot is remembered from which something may leave again: as long as a retry may have been asked to wait.
const SLOT_OVER: Duration = Duration::from_secs(3600);
/// Incidents that end by themselves in one claim.
const TIMEOUTS: usize = 64;

/// Takes up to `limit` batches that may leave now.
pub fn claim<R: Rows>(rows: &mut R, claim: &Claim) -> Result<Claimed, R::Error> {
    let Claim { target, now, terms, .. } = claim;
    rows.forget_slots(target, now.saturating_sub(SLOT_OVER))?;
    let timed_out = incident::time_out(rows, target, *now, TIMEOUTS)?;
    let state = rows.target(target)?;
    let mut claiming = Claiming { work: Work::new(rows, terms, *now), before: state.clone(), state, claim, looks: 0 };
    claiming.fall_back()?;
    let batches = claiming.take()?;
    let Claiming { work, state, before, looks, .. } = claiming;
    if state != before {
        work.rows.keep_target(target, &state)?;
    }
    let Done { ended, fell_back, mut woken } = work.done;
    woken.extend(timed_out.woken);
    woken.remove(target);
    Ok(Claimed { batches, ended, fell_back, woken, more: looks >= LOOKS || timed_out.count >= TIMEOUTS })
}

/// One claim at work.
pub(super) struct Claiming<'a, R> {
    pub(super) work: Work<'a, R>,
    pub(super) state: TargetState,
    before: TargetState,
    pub(super) claim: &'a Claim,
    looks: usize,
}

impl<R: Rows> Claiming<'_, R> {
    /// What a target that is shut for too long owes goes to its fallback target, too.
    fn fall_back(&mut self) -> Result<(), R::Error> {
        let now = self.work.now;
        let Some(fallback) = &self.work.terms.fallback else { return Ok(()) };
        if self.state.shut_since(now).is_none_or(|since| since.saturating_add(fallback.after) > now) {
            return Ok(());
        }
        loop {
            let page = self.work.rows.not_fallen_back(&self.claim.target, self.state.fallen_to, fallback::PAGE)?;
            let Some(last) = page.last() else {
                // Nobody has to look through all of these again.
                self.state.fallen_to = self.work.rows.last_id()?.max(self.state.fallen_to);
                return Ok(());
            };
            self.state.fallen_to = last.id.row();
            for row in &page {
                self.looks += 1;
                self.work.fall_back(row, &fallback.to)?;
            }
            if self.looks >= LOOKS {
                return Ok(());
            }
        }
    }

    fn take(&mut self) -> Result<Vec<Batch>, R::Error> {
        let mut batches = Vec::new();
        let mut old_left = self.claim.old_limit;
        let now = self.work.now;
        while batches.len() < self.claim.limit
            && self.looks < LOOKS
            && self.state.opens_at(&self.work.terms.limits, now) <= now
        {
            let Some((row, lane)) = self.next(old_left > 0)? else { break };
            let Some(event) = self.judged(&row, true)? else { continue };
            let Some(party) = Party::of(self, row, event)? else { continue };
            let batch = party.depart(self, lane)?;
            old_left -= usize::from(lane == Lane::Old);
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Fresh news first, but for the share of the old.
    fn next(&mut self, old_ones_too: bool) -> Result<Option<(Row, Lane)>, R::Error> {
        let (target, now) = (&self.claim.target, self.work.now);
        let fresh = self.work.rows.head(target, Lane::Fresh, now)?;
        let old = if old_ones_too { self.work.rows.head(target, Lane::Old, now)? } else { None };
        Ok(match (fresh, old) {
            (Some(_), Some(old)) if self.state.old_ones_turn(&self.work.terms.limits) => Some((old, Lane::Old)),
            (Some(fresh), _) => Some((fresh, Lane::Fresh)),
            (None, old) => old.map(|old| (old, Lane::Old)),
        })
    }

    /// The event of a delivery that may leave. One that may not is ended.
    pub(super) fn judged(&mut self, row: &Row, with_body: bool) -> Result<Option<Event>, R::Error> {
        self.looks += 1;
        let event = match self.work.rows.event(row.id, with_body)? {
            Ok(event) => event,
            Err(error) => {
                // Nobody can read it, so it must not hold up what is behind it.
                let detail = format!("the stored delivery cannot be read: {error}");
                self.work.end(row, End::Dead { reason: Reason::Internal, detail })?;
                return Ok(None);
            }
        };
        if row.is_interrupted() {
            incident::told(self.work.rows, row, None)?;
        }
        let candidate = Candidate {
            event: &event,
            route: &row.route,
            target: &row.target,
            severity: row.severity,
            owed_since: row.received_at,
            ends_what_was_told: row.told && row.incident.as_ref().is_some_and(|step| step.phase == Phase::Resolve),
            interrupted: row.is_interrupted(),
        };
        match self.work.terms.judge.ruling(&candidate, self.work.now) {
            Ruling::Leave => Ok(Some(event)),
            Ruling::End(end) => {
                let end = self.with_last_failure(row, end)?;
                self.work.report_given_up(row, &event, &end)?;
                self.work.end(row, end)?;
                Ok(None)
            }
        }
    }

    /// Who reads that it came too late wants to know what stood in its way.
    fn with_last_failure(&mut self, row: &Row, end: End) -> Result<End, R::Error> {
        let last = if row.tried { self.work.rows.last_failure(row.id)? } else { None };
        Ok(match (end, last) {
            (End::Dead { reason, detail }, Some(last)) => {
                End::Dead { reason, detail: format!("{detail}; the last attempt: {last}") }
            }
            (end, _) => end,
        })
    }
}

/// Before this, what was never tried is old.
pub fn fresh_since(now: Timestamp) -> Timestamp {
    now.saturating_sub(FRESH_FOR)
}
