//! Lets deliveries leave: who is next, what leaves with it, and who is not told after all.

use std::time::Duration;

use super::end::Work;
use super::gather::Party;
use super::{End, FRESH_FOR, Lane, Row, Rows, fallback, incident, time_out, written};
use crate::event::aftermath::Aftermath;
use crate::event::batch::Batch;
use crate::event::delivery::{DeliveryState, Phase, Reason};
use crate::event::{Event, Timestamp};
use crate::names::TargetName;
use crate::store::{Claim, Claimed, Ruling};
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
    let mut after = Aftermath::default();
    let timed_out = time_out::time_out(rows, target, *now, TIMEOUTS, &mut after)?;
    let state = rows.target(target)?;
    let work = Work { after, ..Work::new(rows, terms, *now) };
    let mut claiming = Claiming { work, before: state.clone(), state, claim, looks: 0 };
    claiming.fall_back()?;
    let batches = claiming.take()?;
    let Claiming { work: Work { rows, mut after, .. }, state, before, looks, .. } = claiming;
    if state != before {
        rows.keep_target(target, &state)?;
    }
    let stand_ins = fallback::stand_in(rows, *now, &mut after)?;
    after.woken.remove(target);
    Ok(Claimed { batches, after, more: looks >= LOOKS || timed_out >= TIMEOUTS || stand_ins > 0 })
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
                self.is_told_elsewhere(row, &fallback.to)?;
            }
            if self.looks >= LOOKS {
                return Ok(());
            }
        }
    }

    /// Unless nobody is to hear of it: then it ends here as it would if it left.
    fn is_told_elsewhere(&mut self, row: &Row, to: &TargetName) -> Result<(), R::Error> {
        let row = &self.work.rows.as_it_is(row)?;
        if row.state != DeliveryState::Pending || row.phase() == Some(Phase::Resolve) {
            return Ok(());
        }
        match self.work.silence(row)? {
            None => self.work.fall_back(row, to),
            // Whoever holds it will say what became of it.
            Some(_) if row.is_held_at(self.work.now) => Ok(()),
            Some(detail) => {
                self.may_have_been_told(row)?;
                self.ends(row, End::Silenced { detail })
            }
        }
    }

    fn take(&mut self) -> Result<Vec<Batch>, R::Error> {
        let mut batches = Vec::new();
        let mut old_left = self.claim.old_limit;
        let now = self.work.now;
        while batches.len() < self.claim.limit && self.looks < LOOKS && self.state.is_open(&self.work.terms.limits, now)
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

    /// Fresh news first, but for the share of the old. What finds out whether a closed target is well again is never twice the
    /// same while others wait: it may be this one message that the target cannot take.
    fn next(&mut self, old_ones_too: bool) -> Result<Option<(Row, Lane)>, R::Error> {
        let (target, now) = (&self.claim.target, self.work.now);
        if self.state.closed().is_some() {
            let probe = self.work.rows.head(target, Lane::Probe, now)?;
            let lane = |row: &Row| if row.is_fresh_at(now) { Lane::Fresh } else { Lane::Old };
            let probe = probe.map(|row| (lane(&row), row)).filter(|(lane, _)| old_ones_too || *lane == Lane::Fresh);
            return Ok(probe.map(|(lane, row)| (row, lane)));
        }
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
        self.may_have_been_told(row)?;
        if incident::is_over(self.work.rows, row)? {
            self.ends(row, incident::over_before_it_got_through())?;
            return Ok(None);
        }
        let event = match self.work.rows.event(row.id, with_body)? {
            Ok(event) => event,
            Err(error) => {
                // Nobody can read it, so it must not hold up what is behind it.
                let detail = format!("the stored delivery cannot be read: {error}");
                self.ends(row, End::Dead { reason: Reason::Internal, detail })?;
                return Ok(None);
            }
        };
        match self.work.terms.judge.ruling(&row.candidate(&event), self.work.now) {
            Ruling::Leave => Ok(Some(event)),
            Ruling::End(end) => {
                let end = self.with_last_failure(row, end)?;
                self.ends(row, end.clone())?;
                self.work.report_given_up(row, &event, &end)?;
                Ok(None)
            }
        }
    }

    /// Ends one that nobody holds.
    fn ends(&mut self, row: &Row, end: End) -> Result<(), R::Error> {
        written::cut_short(self.work.rows, row, self.work.now)?;
        self.work.end(row, end)
    }

    /// Of an attempt that was cut short nobody knows whether it arrived.
    fn may_have_been_told(&mut self, row: &Row) -> Result<(), R::Error> {
        if row.is_interrupted() { incident::told(self.work.rows, row, None) } else { Ok(()) }
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
