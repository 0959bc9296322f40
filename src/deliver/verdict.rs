//! What the end of an attempt means: for its deliveries, and for the target.
//!
//! Pure. A notifier's error says what next and whom it concerns; the target's policy says what to make of doubt.

use std::time::Duration;

use super::Policy;
use super::policy::Ambiguous;
use crate::event::Timestamp;
use crate::event::batch::Batch;
use crate::event::delivery::{Outcome, Reason};
use crate::event::ledger::Answered;
use crate::notify::{Next, NotifyError, Scope, Sent};
use crate::target::Sign;

/// Both meanings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// For the deliveries.
    pub outcome: Outcome,
    /// For the target.
    pub sign: Sign,
    /// What the target answered.
    pub answer: Option<Answered>,
}

impl Verdict {
    /// What became of `batch` at `now`.
    pub fn of(result: Result<Sent, NotifyError>, batch: &Batch, policy: &Policy, now: Timestamp) -> Self {
        let error = match result {
            Ok(Sent { receipt, answer }) => {
                return Self { outcome: Outcome::Delivered { receipt }, sign: Sign::Well, answer };
            }
            Err(error) => error,
        };
        let pause_until = |after| now.saturating_add(policy.retry.pause(batch.first(), batch.attempt, after));
        let sign = sign_of(&error, pause_until);
        let NotifyError { next, scope, ambiguous, reason, detail, answer } = error;
        let wait_until = |after| now.saturating_add(policy.retry.delay(batch.first(), batch.attempt, after));
        // What would be too old by then ends when it is; others have to wait all the same.
        let too_old_at = batch.owed_since.saturating_add(policy.max_age.get()).saturating_add(super::TICK);
        let too_old_at = Some(too_old_at).filter(|at| *at > now);
        let again_at = |after| too_old_at.into_iter().fold(wait_until(after), Timestamp::min);
        let outcome = match next {
            Next::GiveUp if scope != Scope::Target => Outcome::Dead { reason, ambiguous, detail },
            // Who took his part takes it again as the same.
            _ if ambiguous && scope != Scope::Part && policy.ambiguous == Ambiguous::GiveUp => {
                let detail = format!("{detail}; not sent again, because the target has `ambiguous: give_up`");
                Outcome::Dead { reason, ambiguous, detail }
            }
            // The target keeps it until it is open again.
            Next::GiveUp => Outcome::Retry { at: now, reason, ambiguous, detail },
            Next::Retry { after } => Outcome::Retry { at: again_at(after), reason, ambiguous, detail },
        };
        Self { outcome, sign, answer }
    }
}

/// What a failure says of the target, which asked for patience until `pause_until`.
fn sign_of(error: &NotifyError, pause_until: impl Fn(Option<Duration>) -> Timestamp) -> Sign {
    let (reason, detail) = (error.reason, error.detail.clone());
    match (error.next, error.scope) {
        // Nothing was sent, so nobody answered.
        (Next::GiveUp, Scope::Message) if is_ours(reason) => Sign::Nothing,
        (Next::GiveUp, Scope::Message | Scope::Part) | (Next::Retry { .. }, Scope::Part) => Sign::Well,
        (Next::GiveUp, Scope::Target) => Sign::Refusing { reason, detail },
        (Next::Retry { after }, _) if reason == Reason::RateLimited => Sign::Busy { until: pause_until(after) },
        (Next::Retry { .. }, _) if is_ours(reason) => Sign::Nothing,
        // Who fails and says when to come back fails all the same: it may say so for days. What is said of one message is no
        // reason to keep the others.
        (Next::Retry { after }, scope) => {
            let until = after.filter(|_| scope == Scope::Target).map(|after| pause_until(Some(after)));
            Sign::Failing { reason, detail, until }
        }
    }
}

/// Whether the fault lies on our side of the wire.
fn is_ours(reason: Reason) -> bool {
    matches!(reason, Reason::Internal | Reason::Misconfigured | Reason::TargetRemoved)
}

#[cfg(test)]
#[path = "tests/verdict.rs"]
mod tests;
