//! When there will be something to do for a target. Pure: what there is to know of it is given.

use crate::event::Timestamp;
use crate::store::Terms;
use crate::target::TargetState;

/// What is known of a target.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When the first delivery that does not wait behind another is due.
    pub first_due: Option<Timestamp>,
    /// When the first incident ends by itself.
    pub times_out: Option<Timestamp>,
    /// How it stands.
    pub standing: TargetState,
}

/// The first moment, from `now` on, at which a claim may find something; `None` when nothing is pending and nothing will
/// happen by itself.
pub fn next_due(seen: &Seen, terms: &Terms, now: Timestamp) -> Option<Timestamp> {
    let Some(due) = seen.first_due else { return seen.times_out };
    let leaves = seen.standing.opens_at(&terms.limits, now).map(|opens| due.max(opens));
    let shut = seen.standing.shut_since(now);
    let falls_back = terms.fallback.as_ref().zip(shut).map(|(fallback, since)| since.saturating_add(fallback.after));
    let falls_back = falls_back.filter(|at| *at > now);
    [leaves, seen.times_out, falls_back].into_iter().flatten().min()
}
