//! Adding up what is known and leaving out what is not: the arithmetic of all savings.
//!
//! Pure and exact: decimals are added before anything is rounded, and only shares are rounded, to a hundredth of a
//! percent, half of one away from zero. What is not known stays unknown; it never counts as zero.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::event::savings::Change;

/// The sum of what is known; `None` when nothing is.
pub(super) fn sum(amounts: impl IntoIterator<Item = Option<Decimal>>) -> Option<Decimal> {
    amounts.into_iter().flatten().reduce(|sum, amount| sum.saturating_add(amount))
}

/// `part` of `whole` in percent; `None` where the whole is nothing or less.
pub(super) fn share(part: Decimal, whole: Decimal) -> Option<Decimal> {
    if whole <= Decimal::ZERO {
        return None;
    }
    let share = part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)?;
    Some(share.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero).normalize())
}

/// Savings as a share of what would have been paid without them.
pub(super) fn realised_share(realised: Decimal, cost: Decimal) -> Option<Decimal> {
    share(realised, cost.saturating_add(realised))
}

/// From `before` to `present`. The share is of the size of before, so that its sign is that of the amount.
pub(super) fn change(present: Option<Decimal>, before: Option<Decimal>) -> Change {
    let Some((present, before)) = present.zip(before) else { return Change::default() };
    let amount = present.saturating_sub(before);
    Change { amount: Some(amount), percent: share(amount, before.abs()) }
}

#[cfg(test)]
#[path = "tests/sums.rs"]
mod tests;
