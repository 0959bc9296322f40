//! Carries out what an operator asks of a target, and keeps the act with it.

use super::Rows;
use crate::event::act::Signature;
use crate::names::TargetName;
use crate::target::{Obeyed, Order};

/// In one transaction: the state of the target, and that somebody asked for it, unless that changed nothing.
pub fn order<R: Rows>(
    rows: &mut R,
    target: &TargetName,
    order: &Order,
    signature: &Signature,
) -> Result<Obeyed, R::Error> {
    let before = rows.target(target)?;
    let mut state = before.clone();
    let obeyed = state.obey(order, signature);
    if state != before {
        rows.keep_target(target, &state)?;
    }
    if obeyed == Obeyed::Done {
        rows.keep_act(order.deed(target.as_str(), signature.clone()))?;
    }
    Ok(obeyed)
}
