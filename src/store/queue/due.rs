//! When there will be something to do for a target.

use super::Rows;
use crate::event::Timestamp;
use crate::names::TargetName;
use crate::store::Terms;

/// The first moment, from `now` on, at which a claim may find something; `None` when nothing is pending and nothing will
/// happen by itself.
pub fn next_due<R: Rows>(
    rows: &mut R,
    target: &TargetName,
    terms: &Terms,
    now: Timestamp,
) -> Result<Option<Timestamp>, R::Error> {
    let times_out = rows.first_to_time_out(target)?.map(|(_, at)| at);
    let Some(due) = rows.first_due(target)? else { return Ok(times_out) };
    let state = rows.target(target)?;
    let leaves = due.max(state.opens_at(&terms.limits, now));
    let shut = state.shut_since(now);
    let falls_back = terms.fallback.as_ref().zip(shut).map(|(fallback, since)| since.saturating_add(fallback.after));
    let falls_back = falls_back.filter(|at| *at > now);
    Ok([Some(leaves), times_out, falls_back].into_iter().flatten().min())
}
