//! Records how an attempt ended, for its deliveries and for its target.

use super::end::Work;
use super::{End, Row, Rows, Slot, SlotName, fallback, incident, written};
use crate::event::Timestamp;
use crate::event::batch::{Batch, Receipt};
use crate::event::delivery::{Outcome, Reason};
use crate::event::relay::GivenUp;
use crate::store::{DeliveryState, Held, News, Settled, Settlement};

/// Settles what `settlement` still holds; nothing when it holds nothing any more.
pub fn settle<R: Rows>(rows: &mut R, settlement: &Settlement) -> Result<Settled, R::Error> {
    let Settlement { batch, outcome, sign, at, terms, .. } = settlement;
    let held = held(rows, batch)?;
    let Some(first) = held.first() else { return Ok(Settled::Fenced) };
    written::attempt(rows, settlement, &held)?;
    let mut work = Work::new(rows, terms, *at);
    let slot_name = batch.slot_name(first, work.terms);
    match outcome {
        Outcome::Delivered { receipt } => {
            // Of several things none may be changed or answered for: what is given for a storm is the storm's alone.
            let receipt = receipt.as_ref().filter(|_| batch.incident.is_some());
            held.iter().try_for_each(|row| work.delivered(row, receipt))?;
        }
        Outcome::Retry { at, reason, ambiguous, detail } => {
            let failure = Failure { again_at: *at, reason: *reason, ambiguous: *ambiguous, detail };
            held.iter().try_for_each(|row| work.retried(row, &failure))?;
        }
        Outcome::Dead { reason, ambiguous, detail } => work.given_up(batch, &held, *reason, *ambiguous, detail)?,
    }
    if let Some(name) = slot_name {
        work.free_slot(&name, batch, outcome)?;
    }
    let mut state = work.rows.target(batch.target())?;
    let is_probe = state.awaits(batch.lease);
    let before = state.clone();
    let change = state.heed(sign.clone(), is_probe, &terms.limits, *at);
    if state != before {
        work.rows.keep_target(batch.target(), &state)?;
    }
    if let Some(change) = &change {
        work.report(News::Change { target: batch.target(), change })?;
    }
    fallback::stand_in(work.rows, *at, &mut work.after)?;
    let held = held.iter().map(|row| Held { delivery: row.id, since: row.received_at }).collect();
    Ok(Settled::Done { held, after: work.after, change })
}

/// The deliveries that are still this holder's.
fn held<R: Rows>(rows: &mut R, batch: &Batch) -> Result<Vec<Row>, R::Error> {
    let mut held = Vec::with_capacity(batch.deliveries.len());
    for id in &batch.deliveries {
        let row = rows.row(*id)?;
        held.extend(row.filter(|row| row.state == DeliveryState::Pending && row.held == Some(batch.lease)));
    }
    Ok(held)
}

struct Failure<'a> {
    again_at: Timestamp,
    reason: Reason,
    ambiguous: bool,
    detail: &'a str,
}

impl<R: Rows> Work<'_, R> {
    fn delivered(&mut self, row: &Row, receipt: Option<&Receipt>) -> Result<(), R::Error> {
        let row = &self.rows.as_it_is(row)?;
        self.rows.end_delivered(row.id, receipt, self.now)?;
        incident::told(self.rows, row, receipt)?;
        incident::ended(self.rows, row, self.now, &mut self.after)
    }

    fn retried(&mut self, row: &Row, failure: &Failure<'_>) -> Result<(), R::Error> {
        let row = &self.rows.as_it_is(row)?;
        let told = row.told || failure.ambiguous;
        if failure.ambiguous {
            incident::told(self.rows, row, None)?;
        }
        if incident::is_over(self.rows, row)? {
            return self.end(row, incident::over_before_it_got_through());
        }
        let due_at = failure.again_at;
        self.rows.update(&Row { told, held: None, interrupted: false, tried: true, due_at, ..row.clone() })?;
        let is_said = failure.detail.contains("may have arrived");
        let doubt = if failure.ambiguous && !is_said { "; it may have arrived" } else { "" };
        self.rows.note_failure(row.id, failure.reason, &format!("{}{doubt}", failure.detail))
    }

    fn given_up(
        &mut self,
        batch: &Batch,
        held: &[Row],
        reason: Reason,
        ambiguous: bool,
        detail: &str,
    ) -> Result<(), R::Error> {
        for row in held {
            let row = &self.rows.as_it_is(row)?;
            let row = &Row { told: row.told || ambiguous, ..row.clone() };
            if ambiguous {
                incident::told(self.rows, row, None)?;
                self.rows.update(row)?;
            }
            self.end(row, End::Dead { reason, detail: detail.to_owned() })?;
        }
        let news = GivenUp {
            event: &batch.lead().event,
            route: batch.route(),
            target: batch.target(),
            reason,
            detail,
            attempts: batch.attempt,
            deliveries: held.len(),
        };
        if self.report(News::GivenUp(news))? {
            return Ok(());
        }
        // Of the one that stands for all there may be nothing to say, where it is itself such a report.
        for row in held {
            let Ok(event) = self.rows.event(row.id, false)? else { continue };
            if self.report(News::GivenUp(GivenUp { event: &event, ..news }))? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// When the next ones of the group or storm may leave: at once where a full batch left some behind.
    fn free_slot(&mut self, name: &SlotName, batch: &Batch, outcome: &Outcome) -> Result<(), R::Error> {
        let gathering = self.terms.judge.gathering(batch.route());
        let pace = if batch.is_storm { gathering.storm } else { gathering.group };
        let pause = pace.filter(|_| !batch.is_full).map(|pace| pace.interval).unwrap_or_default();
        let slot = self.rows.slot(name)?;
        let lease_ends = batch.claimed_at.saturating_add(self.terms.lease);
        if !slot.held || slot.not_before != Some(lease_ends) {
            // Somebody else holds what leaves together by now.
            return Ok(());
        }
        // Where the clock was set back meanwhile, nobody waits for the time that was.
        let left_at = batch.claimed_at.min(self.now);
        let not_before = match outcome {
            Outcome::Retry { at, .. } => *at,
            Outcome::Delivered { .. } | Outcome::Dead { .. } => left_at.saturating_add(pause),
        };
        // Who came while it was on its way was put off until its lease would have ended.
        self.rows.reschedule(name, lease_ends, not_before)?;
        let slot = match outcome {
            Outcome::Delivered { receipt } if batch.tells_a_storm() => self.of_the_storm(slot, batch, receipt.clone()),
            _ => slot,
        };
        self.rows.keep_slot(name, &Slot { not_before: Some(not_before), held: false, ..slot })
    }

    /// What is known of the storm's message from now on. It counts what arrived only, so an attempt that is made again counts
    /// nothing twice.
    fn of_the_storm(&self, slot: Slot, batch: &Batch, receipt: Option<Receipt>) -> Slot {
        let rewrites = self.terms.rewrites_storms;
        let receipt = receipt.or(slot.receipt.filter(|_| batch.before.is_some() || !rewrites));
        let told = receipt.as_ref().filter(|_| rewrites).map(|_| batch.in_all().condensed());
        Slot { receipt, told, ..slot }
    }
}
