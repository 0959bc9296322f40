//! Why each route did or did not take an event, in words for people.
//!
//! Walks the table as [`RoutingTable::route`](super::RoutingTable::route) does and says what it saw; a property test
//! holds the two together. Only `explain`, `route test` and the pages come here, so it may allocate as it likes.

use std::fmt;

use super::ending::{Ending, endings};
use super::incident::IncidentRule;
use super::matcher::Facts;
use super::{LateRule, Route, is_told_by, owe_the_untold};
use crate::config::Span;
use crate::event::Event;
use crate::event::delivery::{Grouped, IncidentStep, Owed, StormWatch};
use crate::names::{IncidentKey, RouteName};

/// What became of one event at one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteVerdict {
    /// The route; `default_targets` for the last one.
    pub route: RouteName,
    /// What it did, and why.
    pub verdict: Verdict,
    /// What it did beside that, if it takes the event for the end of an incident.
    pub end: Option<End>,
}

/// What a route made of an event that ends an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It ends the incident, where it is open.
    Resolves {
        /// Which incident.
        key: IncidentKey,
        /// What is owed because of it; nothing where another route says the same, or opens that incident.
        owed: Vec<Owed>,
    },
    /// It ends nothing, because it does not say what.
    Nameless {
        /// Why there is no key, in words.
        reason: String,
    },
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
        /// What did not work as it was written, and what was done instead, in words.
        doubts: Vec<String>,
    },
    /// It took the event, for the end of an incident and for nothing else: [`RouteVerdict::end`] says more.
    MatchedAsEnd {
        /// Whether the search ended here.
        stop: bool,
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
        write!(f, "{}: {}", self.route, self.verdict)?;
        self.end.iter().try_for_each(|end| write!(f, "; {end}"))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolves { key, owed } if owed.is_empty() => {
                write!(
                    f,
                    "resolves incident {key} nowhere: another route does already, or opens it, or nobody is named"
                )
            }
            Self::Resolves { key, owed } => {
                let targets: Vec<_> = owed.iter().map(|owed| owed.target.as_str()).collect();
                write!(f, "resolves incident {key} at {}, if it is open", targets.join(", "))
            }
            Self::Nameless { reason } => write!(f, "resolves nothing, though resolve_when holds: {reason}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched { owed, already_owed, stop, hours, doubts } => {
                f.write_str(&matched_in_words(owed, already_owed))?;
                hours.iter().try_for_each(|hours| write!(f, "; {hours}"))?;
                doubts.iter().try_for_each(|doubt| write!(f, "; {doubt}"))?;
                if *stop { f.write_str("; the search stops here") } else { Ok(()) }
            }
            Self::MatchedAsEnd { stop } => {
                f.write_str("matched, and opens nothing because resolve_when holds")?;
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
    let together = owed.first().into_iter().flat_map(together_in_words);
    std::iter::once("matched".to_owned()).chain(tells).chain(told).chain(together).collect()
}

/// What a route says of its deliveries together: the same for each of its targets.
fn together_in_words(owed: &Owed) -> impl Iterator<Item = String> {
    let opens = |IncidentStep { key, resolve_after, .. }: &IncidentStep| {
        let after = resolve_after.map(|after| format!(", for at most {} after the last such event", Span::from(after)));
        format!("; opens incident {key}{}", after.unwrap_or_default())
    };
    let waits =
        |Grouped { key, wait }: &Grouped| format!("; waits {} for others of its group ({key})", Span::from(*wait));
    let watches = |storm: StormWatch| {
        let spared = if storm.spared { ", but goes its own way in them" } else { "" };
        format!("; counts for storms{spared}")
    };
    let words = [owed.incident.as_ref().map(opens), owed.group.as_ref().map(waits), owed.storm.map(watches)];
    words.into_iter().flatten()
}

/// A verdict for the rule that says the event comes too late, if there is one; for each of `routes`; for `last_resort`.
pub(super) fn verdicts(
    late: Option<&LateRule>,
    routes: &[Route],
    last_resort: &Route,
    event: &Event,
) -> Vec<RouteVerdict> {
    let facts = Facts::of(event);
    let endings = endings(routes, &facts);
    let is_end = |route: &Route| endings.iter().any(|ending| ending.is_by(route));
    let (mut owed, mut taken_by, mut stopped_by) = (Vec::new(), None, None);
    let mut verdicts = Vec::with_capacity(routes.len() + 2);
    if let Some(LateRule { instead, .. }) = late {
        let verdict = examine(instead, routes, &facts, &mut owed);
        verdicts.push(RouteVerdict { route: instead.name.clone(), verdict, end: None });
        (taken_by, stopped_by) = (Some(instead.name.clone()), Some(instead.name.clone()));
    }
    let first = verdicts.len();
    for route in routes {
        let verdict = match &stopped_by {
            Some(stopped_by) => Verdict::NotReached { stopped_by: RouteName::clone(stopped_by) },
            None if is_end(route) && route.matcher.matches(&facts) => Verdict::MatchedAsEnd { stop: route.stop },
            None => examine(route, routes, &facts, &mut owed),
        };
        if matches!(verdict, Verdict::Matched { .. } | Verdict::MatchedAsEnd { .. }) {
            taken_by.get_or_insert_with(|| route.name.clone());
            stopped_by = route.stop.then(|| route.name.clone());
        }
        verdicts.push(RouteVerdict { route: route.name.clone(), verdict, end: None });
    }
    let verdict = match taken_by {
        Some(taken_by) => Verdict::NotNeeded { taken_by },
        None => examine(last_resort, routes, &facts, &mut owed),
    };
    for (verdict, route) in verdicts.iter_mut().skip(first).zip(routes) {
        verdict.end = end(route, &endings, &facts, &mut owed);
    }
    verdicts.push(RouteVerdict { route: last_resort.name.clone(), verdict, end: None });
    verdicts
}

/// Looks at one route, and adds to `so_far` what it owes beyond what earlier routes do.
fn examine(route: &Route, routes: &[Route], facts: &Facts<'_>, so_far: &mut Vec<Owed>) -> Verdict {
    let reasons = route.matcher.reasons_against(facts);
    if !reasons.is_empty() {
        return Verdict::NotMatched { reasons };
    }
    let names = |owed: &&Owed| route.notify.contains(&owed.target) && is_told_by(owed, &owed.target, routes, facts);
    let already_owed = so_far.iter().filter(names).cloned().collect();
    let before = so_far.len();
    owe_the_untold(route, routes, facts, so_far);
    let owed = so_far[before..].to_vec();
    let rule = route.incident.as_ref().filter(|_| facts.event().drill().is_none());
    let nameless = rule.and_then(|rule| rule.key(facts).err());
    let nameless = nameless.map(|reason| format!("opens no incident: {reason}"));
    let doubts = route.matcher.doubt(facts).into_iter().chain(nameless).collect();
    Verdict::Matched { owed, already_owed, stop: route.stop, hours: route.hours_in_words(), doubts }
}

/// What the route makes of the event as an end, after all that `so_far` owes.
fn end(route: &Route, endings: &[Ending<'_>], facts: &Facts<'_>, so_far: &mut Vec<Owed>) -> Option<End> {
    if let Some(ending) = endings.iter().find(|ending| ending.is_by(route)) {
        let before = so_far.len();
        ending.owe(facts, so_far);
        return Some(End::Resolves { key: ending.key.clone(), owed: so_far[before..].to_vec() });
    }
    let rule: &IncidentRule = route.incident.as_ref().filter(|_| facts.event().drill().is_none())?;
    let reason = rule.ended_for_nothing(facts)?;
    Some(End::Nameless { reason })
}
