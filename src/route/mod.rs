//! Who is told of an event: the routing table.
//!
//! A pure function of one event, compiled when the configuration is read and total: whatever the event holds, there is
//! an answer, and [`RoutingTable::explain`] gives the reasons for it. [`matcher`] decides whether a route takes an
//! event, [`hours`] when it may speak; [`group`], [`storm`] and [`incident`] are what a route says of its deliveries together, [`ending`] is which
//! incidents an event ends, [`drill`] how what is only a drill is kept apart; [`explain`] puts all of it into words, [`compare`] says what another
//! table would make of the past. Knows names, events, templates, and how durations and
//! rates are written; knows no kinds of target, no store, no clock, no I/O. Next room: [`crate::store`], which keeps what
//! is owed.

mod bounds;
pub mod compare;
mod condition;
mod drill;
mod ending;
pub mod explain;
pub mod group;
pub mod hours;
pub mod incident;
mod late;
pub mod matcher;
mod pattern;
pub mod silence;
pub mod storm;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

pub use explain::{RouteVerdict, Verdict};
pub use group::GroupRule;
pub use hours::Intervals;
pub use incident::IncidentRule;
pub use late::LateRule;
pub use matcher::Matcher;
pub use storm::StormRule;

use crate::config::Span;
use crate::event::batch::Gathering;
use crate::event::delivery::Owed;
use crate::event::{Event, Severity, Timestamp};
use crate::names::{RouteName, SourceName, TableId, TargetName};
use crate::template::Wording;
use ending::Ending;
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
    /// What leaves together in one message.
    pub group: Option<GroupRule>,
    /// When so much comes that all of it leaves together.
    pub storm: Option<StormRule>,
    /// The incident that what it takes opens.
    pub incident: Option<IncidentRule>,
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
            group: None,
            storm: None,
            incident: None,
            active: Intervals::default(),
            muted: Intervals::default(),
        }
    }

    /// When it may speak, in words; `None` when that is always.
    pub fn hours_in_words(&self) -> Option<String> {
        self.hours().in_words()
    }

    /// How long what it owes may have to wait for other deliveries, each with the key that says so: `group.wait`.
    pub fn waits(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let of_group = self.group.iter().flat_map(GroupRule::waits);
        of_group.chain(self.storm.as_ref().map(StormRule::wait))
    }

    fn hours(&self) -> Hours<'_> {
        Hours { active: &self.active, muted: &self.muted }
    }

    fn owe(&self, target: &TargetName, facts: &Facts<'_>) -> Owed {
        let event = facts.event();
        let of_incident = self.incident.as_ref().and_then(IncidentRule::severity);
        let owed = Owed {
            route: self.name.clone(),
            target: target.clone(),
            severity: of_incident.or(self.severity).unwrap_or(event.severity),
            group: self.group.as_ref().and_then(|group| group.of(event)),
            storm: self.storm.as_ref().map(|storm| storm.watch(facts)),
            incident: self.incident.as_ref().and_then(|incident| incident.open(facts)),
        };
        drill::apart(owed, event)
    }

    /// How what it owes is gathered.
    fn gathering(&self) -> Gathering {
        let group = self.group.as_ref().map(GroupRule::pace);
        Gathering { group, storm: self.storm.as_ref().map(|storm| storm.pace(group)) }
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
/// event once: by the first route that names it and is not silent at that hour.
///
/// Beside all this an event may end incidents: for each route whose `resolve_when` takes it, each target of that route is
/// owed the end, once for each incident. Where the route's `match` takes it too, the route has taken it, and tells of the
/// end only. All else goes on as if there were no ends: other routes tell the same targets, to be an end is not to be
/// routed, and what comes too late still ends.
#[derive(Debug)]
pub struct RoutingTable {
    routes: Vec<Route>,
    last_resort: Route,
    late: Vec<LateRule>,
    gatherings: HashMap<RouteName, Gathering>,
    id: Option<TableId>,
}

impl RoutingTable {
    /// Puts the table together. A target named twice in one list counts once.
    pub fn compile(mut routes: Vec<Route>, default_targets: Vec<TargetName>) -> RoutingTable {
        let mut last_resort = Route::standing_for(RouteName::default_targets(), default_targets);
        routes.iter_mut().chain([&mut last_resort]).for_each(|route| remove_repeats(&mut route.notify));
        let gatherings = routes.iter().map(|route| (route.name.clone(), route.gathering())).collect();
        RoutingTable { routes, last_resort, late: Vec::new(), gatherings, id: None }
    }

    /// The same table, called so: what it is compiled from has this name.
    pub fn called(mut self, id: TableId) -> RoutingTable {
        self.id = Some(id);
        self
    }

    /// What it is called, if it was given a name.
    pub fn id(&self) -> Option<TableId> {
        self.id
    }

    /// The same table, with these rules for events that come too late. The first rule that takes an event counts.
    pub fn with_late_rules(mut self, late: Vec<LateRule>) -> RoutingTable {
        self.late = late;
        self.late.iter_mut().for_each(|rule| remove_repeats(&mut rule.instead.notify));
        self
    }

    /// Which routes take `event`, and what it owes, in the order of the routes: first what tells of it, to each target once,
    /// but for routes that are silent at that hour; then the ends
    /// of incidents, to each target at most one of each. Never fails; an expression that cannot be evaluated does not
    /// hold.
    pub fn route(&self, event: &Event) -> Routed {
        let facts = Facts::of(event);
        let endings = ending::endings(&self.routes, &facts);
        let mut routed = self.told(&facts, &endings);
        endings.iter().for_each(|ending| ending.owe(&facts, &mut routed.owed));
        routed
    }

    fn told(&self, facts: &Facts<'_>, endings: &[Ending<'_>]) -> Routed {
        let mut routed = Routed::default();
        if let Some(rule) = self.late_rule(facts.event()) {
            routed.is_taken(&rule.instead, &self.routes, facts);
            return routed;
        }
        let is_end = |route: &Route| endings.iter().any(|ending| ending.is_by(route));
        for route in self.routes.iter().filter(|route| route.matcher.matches(facts)) {
            match is_end(route) {
                true => routed.takers.push(route.name.clone()),
                false => routed.is_taken(route, &self.routes, facts),
            }
            if route.stop {
                break;
            }
        }
        if routed.takers.is_empty() {
            routed.is_taken(&self.last_resort, &self.routes, facts);
        }
        routed
    }

    /// Why [`route`](Self::route) answers as it does: a verdict for each route in order, then one for the default
    /// targets; before them all, for an event that comes too late, what becomes of it instead.
    pub fn explain(&self, event: &Event) -> Vec<RouteVerdict> {
        explain::verdicts(self.late_rule(event), &self.routes, &self.last_resort, event)
    }

    fn late_rule(&self, event: &Event) -> Option<&LateRule> {
        self.late.iter().find(|rule| rule.takes(event))
    }

    /// How this route's deliveries to one target are gathered into batches; not at all when there is no such route (any
    /// more). Costs one look into a map.
    pub fn gathering(&self, route: &RouteName) -> Gathering {
        self.gatherings.get(route).copied().unwrap_or_default()
    }

    /// The words of this route; `None` when there is no such route (any more).
    pub fn wording(&self, route: &RouteName) -> Option<&Wording> {
        self.routes.iter().chain([&self.last_resort]).find(|known| known.name == *route).map(|known| &known.message)
    }

    /// The routes that keep incidents, each with how long after the last event that opened one it ends by itself, if it does.
    pub fn incidents(&self) -> BTreeMap<RouteName, Option<Duration>> {
        let limit = |route: &Route| route.incident.as_ref().map(|rule| rule.resolve_after().map(Span::get));
        self.routes.iter().filter_map(|route| Some((route.name.clone(), limit(route)?))).collect()
    }

    /// Why this route tells nobody at this moment, in words; `None` when it may speak. A route that is not in the table
    /// (any more) may: it is better to tell too much.
    pub fn quiet_hours(&self, route: &RouteName, now: Timestamp) -> Option<String> {
        quiet_hours(&self.routes, route, now)
    }

    /// The routes in order, for people to look at. [`Matcher`] prints as text.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// What its routes are called, with those that nobody writes and that can take an event.
    pub fn names(&self) -> Vec<RouteName> {
        let late = self.late.first().map(|rule| &rule.instead);
        self.routes.iter().chain([&self.last_resort]).chain(late).map(|route| route.name.clone()).collect()
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

    /// Routes whose incidents end with whatever they take, as far as the same words show it.
    pub fn closed_before_opened(&self) -> Vec<RouteName> {
        let end = |route: &Route| Some(route.incident.as_ref()?.resolve_when()?.to_string());
        let is_closed = |route: &&Route| end(route).is_some_and(|end| end == route.matcher.to_string());
        self.routes.iter().filter(is_closed).map(|route| route.name.clone()).collect()
    }

    /// Names that stand for more than one route, each once: their deliveries could not be told apart.
    pub fn ambiguous_names(&self) -> Vec<RouteName> {
        let names = || self.routes.iter().map(|route| &route.name);
        let second = |at: usize, name: &RouteName| names().take(at).filter(|earlier| *earlier == name).count() == 1;
        names().enumerate().filter(|(at, name)| second(*at, name)).map(|(_, name)| name.clone()).collect()
    }
}

/// What routing says of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routed {
    /// What it owes.
    pub owed: Vec<Owed>,
    /// The routes that took it, in order, also those that tell nobody; at least one, for `default_targets` and `too_late` stand
    /// for routes, too. To end an incident is not to take the event.
    pub takers: Vec<RouteName>,
}

impl Routed {
    fn is_taken(&mut self, route: &Route, routes: &[Route], facts: &Facts<'_>) {
        self.takers.push(route.name.clone());
        owe_the_untold(route, routes, facts, &mut self.owed);
    }
}

fn quiet_hours(routes: &[Route], route: &RouteName, now: Timestamp) -> Option<String> {
    routes.iter().find(|known| known.name == *route)?.hours().objection(now)
}

/// Whether `earlier` tells `target`: what its route owes outside its hours is only recorded.
fn is_told_by(earlier: &Owed, target: &TargetName, routes: &[Route], facts: &Facts<'_>) -> bool {
    earlier.target == *target && quiet_hours(routes, &earlier.route, facts.event().received_at).is_none()
}

/// The first route that names a target and may speak tells it; later ones would only repeat it.
fn owe_the_untold(route: &Route, routes: &[Route], facts: &Facts<'_>, owed: &mut Vec<Owed>) {
    let mut alike = None;
    for target in &route.notify {
        if !owed.iter().any(|earlier| is_told_by(earlier, target, routes, facts)) {
            let alike: &Owed = alike.get_or_insert_with(|| route.owe(target, facts));
            owed.push(Owed { target: target.clone(), ..alike.clone() });
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
