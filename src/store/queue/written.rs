//! What is written into the ledger of each event, as it happens.
//!
//! Only what cannot be read off the rows afterwards: a row says how a delivery stands, the ledger how that came about.

use super::{End, Origin, Row, Rows, event_of};
use crate::event::Timestamp;
use crate::event::delivery::{DeliveryState, Outcome, Reason};
use crate::event::ledger::{Attempt, AttemptOutcome, Fact, Together, bounded};
use crate::names::{DeliveryId, IncidentKey, TargetName};
use crate::store::Settlement;

/// How the attempt that `settlement` tells of ended, for each of the deliveries it still held.
pub fn attempt<R: Rows>(rows: &mut R, settlement: &Settlement, held: &[Row]) -> Result<(), R::Error> {
    let Settlement { batch, outcome, at, answer, .. } = settlement;
    let (outcome, reason, detail, ambiguous, again_at) = match outcome {
        Outcome::Delivered { .. } => (AttemptOutcome::Delivered, None, None, false, None),
        Outcome::Retry { at, reason, ambiguous, detail } => {
            (AttemptOutcome::Retry, Some(*reason), Some(bounded(detail)), *ambiguous, Some(*at))
        }
        Outcome::Dead { reason, ambiguous, detail } => {
            (AttemptOutcome::Dead, Some(*reason), Some(bounded(detail)), *ambiguous, None)
        }
    };
    let deliveries = batch.deliveries.len();
    let together = (deliveries > 1).then(|| Together { first: batch.first(), deliveries, storm: batch.is_storm });
    let took = at.saturating_since(batch.claimed_at).as_millis();
    let mut fact = Attempt {
        delivery: batch.first(),
        attempt: batch.attempt,
        outcome,
        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
        reason,
        detail,
        ambiguous,
        again_at,
        answer: answer.clone(),
        together,
    };
    for row in held {
        (fact.delivery, fact.attempt) = (row.id, row.attempts);
        rows.note(event_of(row.id), *at, &Fact::Attempted(fact.clone()))?;
    }
    Ok(())
}

/// Asked of one that leaves, or ends: whether the attempt before was cut short.
pub fn cut_short<R: Rows>(rows: &mut R, row: &Row, now: Timestamp) -> Result<(), R::Error> {
    match row.is_interrupted() {
        true => rows.note(event_of(row.id), now, &Fact::CutShort { delivery: row.id, attempt: row.attempts }),
        false => Ok(()),
    }
}

/// A delivery came to its end without being delivered.
pub fn end<R: Rows>(rows: &mut R, delivery: DeliveryId, end: &End, now: Timestamp) -> Result<(), R::Error> {
    let (state, reason, detail) = (end.state(), end.reason(), bounded(end.detail()));
    rows.note(event_of(delivery), now, &Fact::Ended { delivery, state, reason, detail })
}

/// `to` is told of what `row` owes, by `copy` where it was not told anyway.
pub fn fell_back<R: Rows>(
    rows: &mut R,
    row: &Row,
    to: &TargetName,
    copy: Option<DeliveryId>,
    now: Timestamp,
) -> Result<(), R::Error> {
    rows.note(event_of(row.id), now, &Fact::FellBack { delivery: row.id, to: to.clone(), copy })
}

/// The incident that the event of `opening` belongs to is over, by the event of `ending`.
pub fn resolved<R: Rows>(
    rows: &mut R,
    opening: DeliveryId,
    ending: &Row,
    incident: &IncidentKey,
    now: Timestamp,
) -> Result<(), R::Error> {
    let by = match ending.origin {
        Origin::TimedOut => None,
        Origin::Route | Origin::Fallback | Origin::Replay => rows.event(ending.id, false)?.ok().map(|event| event.id),
    };
    let fact = Fact::Resolved { target: ending.target.clone(), incident: incident.clone(), by };
    rows.note(event_of(opening), now, &fact)
}

/// What nobody can read is given up by the engine itself.
pub fn unreadable(delivery: DeliveryId, detail: &str) -> Fact {
    Fact::Ended { delivery, state: DeliveryState::Dead, reason: Some(Reason::Internal), detail: bounded(detail) }
}
