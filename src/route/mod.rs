//! Who is told of an event: the routing table.
//!
//! A pure function of one event, compiled when the configuration is read and total: whatever the event holds, there is
//! an answer, and [`RoutingTable::explain`] gives the reasons for it. [`matcher`] decides whether a route takes an
//! event, [`hours`] when it may speak, [`explain`] puts that into words. Knows names, events and templates; knows no kinds of target, no store,
//! no clock, no I/O. Next room: [`crate::store`], which keeps what is owed.

mod condition;
pub mod explain;
pub mod hours;
mod late;
pub mod matcher;
mod pattern;
pub mod silence;

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

pub use explain::{RouteVerdict, Verdict};
pub use hours::Intervals;
pub use late::LateRule;
pub use matcher::Matcher;

use crate::event::delivery::Owed;
use crate::event::{Event, Severity, Timestamp};
use crate::names::{RouteName, SourceName, TargetName};
use crate::template::Wording;
use hours::Hours;
use matcher::Facts;

/// A rule of the routing table: which events it takes, and who is told of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What to call it; any name but `default_targets` and `too_late`, which stand for routes nobody writes.
    #[serde(deserialize_with = "own_name")]
    pub name: RouteName,
    /// Which events it takes; all of them when left out.
    #[serde(rename = "match", default)]
    pub matcher: Matcher,
    /// Who is told. Must be written; an empty list says: nobody, on purpose.
    pub notify: Vec<TargetName>,
    /// Whether the search ends here for an event this route takes.
    #[serde(default)]
    pub stop: bool,
    /// Tells it with this severity instead of the event's own.
    pub severity: Option<Severity>,
    /// Tells it in these words.
    #[serde(default)]
    pub message: Wording,
    /// Its targets are told within these hours only; always, when left out.
    #[serde(default)]
    pub active: Intervals,
    /// Its targets are never told within these hours.
    #[serde(default)]
    pub muted: Intervals,
}

impl Route {
    /// A route that nobody writes: takes everything that comes to it.
    fn standing_for(name: RouteName, notify: Vec<TargetName>) -> Self {
        Self {
            name,
            matcher: Matcher::default(),
            notify,
            stop: false,
            severity: None,
            message: Wording::default(),
            active: Intervals::default(),
            muted: Intervals::default(),
        }
    }

    /// When it may speak, in words; `None` when that is always.
    pub fn hours_in_words(&self) -> Option<String> {
        self.hours().in_words()
    }

    fn hours(&self) -> Hours<'_> {
        Hours { active: &self.active, muted: &self.muted }
    }

    fn owe(&self, target: &TargetName, event: &Event) -> Owed {
        let severity = self.severity.unwrap_or(event.severity);
        Owed::plain(self.name.clone(), target.clone(), severity)
    }
}

fn own_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RouteName, D::Error> {
    let name = RouteName::deserialize(deserializer)?;
    let taken = |by| Err(de::Error::custom(format!("`{name}` is taken: it is {by}; choose another name")));
    match &name {
        name if *name == RouteName::default_targets() => taken("the route of last resort"),
        name if *name == RouteName::too_late() => taken("the way of events that come too late to page"),
        _ => Ok(name),
    }
}

/// All routes in order, the targets of last resort, and what holds for events that come too late.
///
/// An event that a [`LateRule`] takes goes by that rule alone. Of all others, every matching route applies, in order,
/// until one with `stop` has matched. An event that no route took goes to the default targets. Each target is told of an
/// event once: by the first route that names it.
#[derive(Debug)]
pub struct RoutingTable {
    routes: Vec<Route>,
    last_resort: Route,
    late: Vec<LateRule>,
}

impl RoutingTable {
    /// Puts the table together. A target named twice in one list counts once.
    pub fn compile(mut routes: Vec<Route>, default_targets: Vec<TargetName>) -> RoutingTable {
        let mut last_resort = Route::standing_for(RouteName::default_targets(), default_targets);
        routes.iter_mut().chain([&mut last_resort]).for_each(|route| remove_repeats(&mut route.notify));
        RoutingTable { routes, last_resort, late: Vec::new() }
    }

    /// The same table, with these rules for events that come too late. The first rule that takes an event counts.
    pub fn with_late_rules(mut self, late: Vec<LateRule>) -> RoutingTable {
        self.late = late;
        self.late.iter_mut().for_each(|rule| remove_repeats(&mut rule.instead.notify));
        self
    }

    /// What `event` owes: to each target at most once, in the order of the routes.
    /// Never fails; an expression that cannot be evaluated does not hold.
    pub fn route(&self, event: &Event) -> Vec<Owed> {
        let mut owed = Vec::new();
        if let Some(rule) = self.late_rule(event) {
            owe_the_untold(&rule.instead, event, &mut owed);
            return owed;
        }
        let facts = Facts::of(event);
        let mut taken = false;
        for route in self.routes.iter().filter(|route| route.matcher.matches(&facts)) {
            taken = true;
            owe_the_untold(route, event, &mut owed);
            if route.stop {
                break;
            }
        }
        if !taken {
            owe_the_untold(&self.last_resort, event, &mut owed);
        }
        owed
    }

    /// Why [`route`](Self::route) answers as it does: a verdict for each route in order, then one for the default
    /// targets; before them all, for an event that comes too late, what becomes of it instead.
    pub fn explain(&self, event: &Event) -> Vec<RouteVerdict> {
        explain::verdicts(self.late_rule(event), &self.routes, &self.last_resort, event)
    }

    fn late_rule(&self, event: &Event) -> Option<&LateRule> {
        self.late.iter().find(|rule| rule.takes(event))
    }

    /// The words of this route; `None` when there is no such route (any more).
    pub fn wording(&self, route: &RouteName) -> Option<&Wording> {
        self.routes.iter().chain([&self.last_resort]).find(|known| known.name == *route).map(|known| &known.message)
    }

    /// Why this route tells nobody at this moment, in words; `None` when it may speak. A route that is not in the table
    /// (any more) may: it is better to tell too much.
    pub fn quiet_hours(&self, route: &RouteName, now: Timestamp) -> Option<String> {
        self.routes.iter().find(|known| known.name == *route)?.hours().objection(now)
    }

    /// The routes in order, for people to look at. [`Matcher`] prints as text.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// Who is told of what no route took.
    pub fn default_targets(&self) -> &[TargetName] {
        &self.last_resort.notify
    }

    /// What holds for events that come too late, for people to look at.
    pub fn late_rules(&self) -> impl Iterator<Item = (&SourceName, Duration, &[TargetName])> {
        self.late.iter().map(|rule| (&rule.source, rule.page_if_younger_than, rule.instead.notify.as_slice()))
    }

    /// Routes that can never take an event, each with the route that takes everything before it.
    pub fn unreachable(&self) -> Vec<(RouteName, RouteName)> {
        let takes_all = |route: &Route| route.stop && route.matcher.is_everything();
        let Some(last) = self.routes.iter().position(takes_all) else { return Vec::new() };
        let blocker = &self.routes[last].name;
        self.routes[last + 1..].iter().map(|route| (route.name.clone(), blocker.clone())).collect()
    }

    /// Names that stand for more than one route, each once: their deliveries could not be told apart.
    pub fn ambiguous_names(&self) -> Vec<RouteName> {
        let names = || self.routes.iter().map(|route| &route.name);
        let second = |at: usize, name: &RouteName| names().take(at).filter(|earlier| *earlier == name).count() == 1;
        names().enumerate().filter(|(at, name)| second(*at, name)).map(|(_, name)| name.clone()).collect()
    }
}

/// The first route that names a target tells it; later ones would only repeat it.
fn owe_the_untold(route: &Route, event: &Event, owed: &mut Vec<Owed>) {
    for target in &route.notify {
        if owed.iter().all(|earlier| earlier.target != *target) {
            owed.push(route.owe(target, event));
        }
    }
}

fn remove_repeats(targets: &mut Vec<TargetName>) {
    let mut kept: Vec<TargetName> = Vec::with_capacity(targets.len());
    targets.retain(|target| {
        let is_new = !kept.contains(target);
        kept.push(target.clone());
        is_new
    });
}

#[cfg(test)]
mod tests;
