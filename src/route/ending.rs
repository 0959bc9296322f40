//! Which incidents one event ends, whoever is told of the event itself.
//!
//! An end is no news but the last word on older news, so it goes by rules of its own: every route is asked, whatever its
//! `match` says, whether an earlier one stopped the search, and however late the event comes. Pure.

use super::Route;
use super::incident::IncidentRule;
use super::matcher::Facts;
use crate::event::delivery::{IncidentStep, Owed, Phase};
use crate::names::{IncidentKey, TargetName};

/// That an event ends the incident of this key, as this route says.
pub(super) struct Ending<'a> {
    route: &'a Route,
    pub(super) key: IncidentKey,
}

/// Of all routes, in order. What did not happen ends nothing.
pub(super) fn endings<'a>(routes: &'a [Route], facts: &Facts<'_>) -> Vec<Ending<'a>> {
    if facts.event().drill().is_some() {
        return Vec::new();
    }
    let ending = |route: &'a Route| {
        let key = route.incident.as_ref().and_then(|rule: &IncidentRule| rule.ended_by(facts))?;
        Some(Ending { route, key })
    };
    routes.iter().filter_map(ending).collect()
}

impl<'a> Ending<'a> {
    /// Whether it is this very route that says so.
    pub(super) fn is_by(&self, route: &Route) -> bool {
        std::ptr::eq(self.route, route)
    }

    /// The targets that are to hear of it, after what `so_far` tells them: each hears of one end of an incident, and of
    /// none where the same event opens it.
    pub(super) fn untold(&self, so_far: &[Owed]) -> Vec<&'a TargetName> {
        let is_about = |owed: &&Owed| owed.incident.as_ref().is_some_and(|step| step.key == self.key);
        let told: Vec<&TargetName> = so_far.iter().filter(is_about).map(|owed| &owed.target).collect();
        self.route.notify.iter().filter(|target| !told.contains(target)).collect()
    }

    /// Adds what it owes. It leaves by itself but for storms, and with the event's own severity: the route's speaks of
    /// what opens.
    pub(super) fn owe(&self, facts: &Facts<'_>, owed: &mut Vec<Owed>) {
        let storm = self.route.storm.as_ref().map(|storm| storm.watch(facts));
        let step = IncidentStep { key: self.key.clone(), phase: Phase::Resolve, resolve_after: None };
        let more = self.untold(owed).into_iter().map(|target| {
            let plain = Owed::plain(self.route.name.clone(), target.clone(), facts.event().severity);
            Owed { storm, incident: Some(step.clone()), ..plain }
        });
        let more: Vec<Owed> = more.collect();
        owed.extend(more);
    }
}
