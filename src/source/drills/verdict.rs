//! How a drill ended, given what became of its event: the verdict.
//!
//! Pure. It speaks of what the event owes by a route alone: that a fallback was told shows that the fallback works, not that
//! the drill does. Nothing is found out before it has to be: a verdict waits for everybody, or for the end of the time.

use super::record::{Ended, Run};
use crate::config::Span;
use crate::event::delivery::DeliveryState;
use crate::event::ledger;
use crate::event::{DrillOutcome, Timestamp};
use crate::names::{RouteName, TargetName};
use crate::store::{DeliveryRow, Origin};

/// How one of those who are to be told stands.
enum Standing {
    Told(Timestamp),
    Waits,
    Untold(String),
    Silent(String),
}

/// How `run` ended, given all that its event owes and owed; `None` as long as that is open. Without deliveries to look at
/// the event itself is gone.
pub fn verdict(run: &Run, deliveries: Option<&[DeliveryRow]>, now: Timestamp) -> Option<Ended> {
    let plain = Ended { at: now, outcome: DrillOutcome::Passed, took_ms: None, route: None, target: None, why: None };
    let failed = |why: &str| Some(Ended { outcome: DrillOutcome::Failed, why: Some(why.to_owned()), ..plain.clone() });
    let Some(deliveries) = deliveries else {
        return failed("its event is not kept: it was forgotten, or another one came under its id");
    };
    let owed: Vec<&DeliveryRow> = deliveries.iter().filter(|row| row.origin == Origin::Route).collect();
    match owed.iter().all(|row| row.owed.route == RouteName::default_targets()) {
        true if owed.is_empty() => {
            return failed("it is owed to nobody: no route takes it, or the one that does tells nobody");
        }
        true => return failed("no route takes it: it goes to `default_targets`"),
        false => {}
    }
    let standings: Vec<_> = owed.iter().map(|row| (*row, standing(row, run, now))).collect();
    if standings.iter().any(|(_, standing)| matches!(standing, Standing::Waits)) {
        return None;
    }
    let untold = all(&standings, |standing| match standing {
        Standing::Untold(why) => Some(why),
        _ => None,
    });
    let silent = all(&standings, |standing| match standing {
        Standing::Silent(why) => Some(why),
        _ => None,
    });
    let blamed = untold.map(|found| (DrillOutcome::Failed, found));
    Some(match blamed.or(silent.map(|found| (DrillOutcome::Silenced, found))) {
        Some((outcome, (route, target, why))) => {
            Ended { outcome, route: Some(route), target: Some(target), why: Some(ledger::bounded(&why)), ..plain }
        }
        None => Ended { took_ms: Some(took_ms(run, &standings)), ..plain },
    })
}

/// The first of those whose standing says why, and the reasons of all of them.
fn all<'a>(
    standings: &'a [(&DeliveryRow, Standing)],
    why: impl Fn(&'a Standing) -> Option<&'a String>,
) -> Option<(RouteName, TargetName, String)> {
    let found: Vec<_> = standings.iter().filter_map(|(row, standing)| Some((row, why(standing)?))).collect();
    let (first, _) = found.first()?;
    let words = found.iter().map(|(row, why)| format!("{}: {why}", row.owed.target)).collect::<Vec<_>>();
    Some((first.owed.route.clone(), first.owed.target.clone(), words.join("; ")))
}

fn took_ms(run: &Run, standings: &[(&DeliveryRow, Standing)]) -> u64 {
    let told = standings.iter().filter_map(|(_, standing)| match standing {
        Standing::Told(at) => Some(*at),
        _ => None,
    });
    let took = told.max().unwrap_or(run.begun_at).saturating_since(run.begun_at);
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn standing(row: &DeliveryRow, run: &Run, now: Timestamp) -> Standing {
    let within = Span::from(run.within());
    let detail = || row.detail.clone().unwrap_or_else(|| "nobody knows why".to_owned());
    let untold = |why: String| {
        let fallback = row.fell_back_to.as_ref().map(|to| format!("; it fell back to {to}")).unwrap_or_default();
        Standing::Untold(format!("{why}{fallback}"))
    };
    let told_at = row.settled_at.unwrap_or(now);
    match row.state {
        DeliveryState::Delivered if told_at <= run.until => Standing::Told(told_at),
        DeliveryState::Delivered => {
            let after = Span::from(told_at.saturating_since(run.begun_at));
            untold(format!("told after {after}, which is not within {within}"))
        }
        DeliveryState::Silenced => Standing::Silent(detail()),
        DeliveryState::Dead => {
            let reason = row.reason.map(|reason| format!("{reason}: ")).unwrap_or_default();
            untold(format!("given up, {reason}{}", detail()))
        }
        DeliveryState::Superseded => untold(detail()),
        DeliveryState::Pending if now < run.until => Standing::Waits,
        DeliveryState::Pending => {
            let last = row.detail.as_ref().map(|last| format!("; the last attempt: {last}")).unwrap_or_default();
            untold(format!("not told within {within}{last}"))
        }
    }
}

#[cfg(test)]
#[path = "tests/verdict.rs"]
mod tests;
