//! Why each route did or did not take an event, in words for people.
//!
//! Walks the table as [`RoutingTable::route`](super::RoutingTable::route) does and says what it saw; a property test
//! holds the two together. Only `explain`, `route test` and the pages come here, so it may allocate as it likes.

use std::fmt;

use super::matcher::Facts;
use super::{LateRule, Route, owe_the_untold};
use crate::event::Event;
use crate::event::delivery::Owed;
use crate::names::RouteName;

/// What became of one event at one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteVerdict {
    /// The route; `default_targets` for the last one.
    pub route: RouteName,
    /// What it did, and why.
    pub verdict: Verdict,
}

/// What a route did with an event, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It took the event.
    Matched {
        /// What is owed because of it.
        owed: Vec<Owed>,
        /// Targets it names that an earlier route tells already.
        already_owed: Vec<Owed>,
        /// Whether the search ended here.
        stop: bool,
        /// The hours in which it speaks, in words; `None` when that is always.
        hours: Option<String>,
        /// An exception that could not be evaluated and so did not apply, in words.
        doubt: Option<String>,
    },
    /// It did not take the event.
    NotMatched {
        /// Every reason, in words; at least one.
        reasons: Vec<String>,
    },
    /// The search had ended before it.
    NotReached {
        /// The route with `stop` that took the event.
        stopped_by: RouteName,
    },
    /// For the default targets: a route took the event.
    NotNeeded {
        /// The first route that took it.
        taken_by: RouteName,
    },
}

impl fmt::Display for RouteVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.route, self.verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched { owed, already_owed, stop, hours, doubt } => {
                f.write_str(&matched_in_words(owed, already_owed))?;
                hours.iter().try_for_each(|hours| write!(f, "; {hours}"))?;
                doubt.iter().try_for_each(|doubt| write!(f, "; {doubt}"))?;
                if *stop { f.write_str("; the search stops here") } else { Ok(()) }
            }
            Self::NotMatched { reasons } => write!(f, "not matched: {}", reasons.join("; ")),
            Self::NotReached { stopped_by } => write!(f, "not reached: route {stopped_by} stopped the search"),
            Self::NotNeeded { taken_by } => write!(f, "not needed: route {taken_by} took the event"),
        }
    }
}

fn matched_in_words(owed: &[Owed], already_owed: &[Owed]) -> String {
    if owed.is_empty() && already_owed.is_empty() {
        return "matched, but names no targets: nobody is told".to_owned();
    }
    let tells = owed.iter().map(|owed| format!("; tells {} with severity {}", owed.target, owed.severity));
    let told = already_owed.iter().map(|owed| format!("; already owed to {} by route {}", owed.target, owed.route));
    std::iter::once("matched".to_owned()).chain(tells).chain(told).collect()
}

/// A verdict for the rule that says the event comes too late, if there is one; for each of `routes`; for `last_resort`.
pub(super) fn verdicts(
    late: Option<&LateRule>,
    routes: &[Route],
    last_resort: &Route,
    event: &Event,
) -> Vec<RouteVerdict> {
    let facts = Facts::of(event);
    let (mut owed, mut taken_by, mut stopped_by) = (Vec::new(), None, None);
    let mut verdicts = Vec::with_capacity(routes.len() + 2);
    if let Some(LateRule { instead, .. }) = late {
        let verdict = examine(instead, &facts, &mut owed);
        verdicts.push(RouteVerdict { route: instead.name.clone(), verdict });
        (taken_by, stopped_by) = (Some(instead.name.clone()), Some(instead.name.clone()));
    }
    for route in routes {
        let verdict = match &stopped_by {
            Some(stopped_by) => Verdict::NotReached { stopped_by: RouteName::clone(stopped_by) },
            None => examine(route, &facts, &mut owed),
        };
        if matches!(verdict, Verdict::Matched { .. }) {
            taken_by.get_or_insert_with(|| route.name.clone());
            stopped_by = route.stop.then(|| route.name.clone());
        }
        verdicts.push(RouteVerdict { route: route.name.clone(), verdict });
    }
    let verdict = match taken_by {
        Some(taken_by) => Verdict::NotNeeded { taken_by },
        None => examine(last_resort, &facts, &mut owed),
    };
    verdicts.push(RouteVerdict { route: last_resort.name.clone(), verdict });
    verdicts
}

/// Looks at one route, and adds to `so_far` what it owes beyond what earlier routes do.
fn examine(route: &Route, facts: &Facts<'_>, so_far: &mut Vec<Owed>) -> Verdict {
    let reasons = route.matcher.reasons_against(facts);
    if !reasons.is_empty() {
        return Verdict::NotMatched { reasons };
    }
    let names = |owed: &&Owed| route.notify.contains(&owed.target);
    let already_owed = so_far.iter().filter(names).cloned().collect();
    let before = so_far.len();
    owe_the_untold(route, facts.event(), so_far);
    let owed = so_far[before..].to_vec();
    let doubt = route.matcher.doubt(facts);
    Verdict::Matched { owed, already_owed, stop: route.stop, hours: route.hours_in_words(), doubt }
}
