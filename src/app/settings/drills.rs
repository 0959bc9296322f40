//! The section `drills`: what is played, and that it can pass.
//!
//! Each drill is played once here, for nobody, so that one that can only fail is told of before it does.

use std::collections::BTreeSet;

use super::{Sources, WebhookSettings, collect};
use crate::config::{Section, Span};
use crate::event::relay::BodyProblem;
use crate::event::{Event, Timestamp, Zone};
use crate::names::RouteName;
use crate::route::{Route, Routed, RoutingTable};
use crate::source::drills::Drill;
use crate::source::drills::config::{Config, MOST_DRILLS, USUALLY_WITHIN};
use crate::source::drills::script::{self, Script, Stage};
use crate::source::samples;
use crate::source::schedule::Schedule;
use crate::source::wire::Mapping;

/// Reads all drills. What they need of sources and routes is checked as far as these could be read.
pub(super) fn read(root: &Section, sources: Option<&Sources>, table: Option<&RoutingTable>) -> Option<Vec<Drill>> {
    let items = root.child("drills").map(|drills| drills.items()).unwrap_or_default();
    if items.len() > MOST_DRILLS {
        let mistake = format!("there are {} drills; at most {MOST_DRILLS} are allowed", items.len());
        root.problem_at("drills", mistake, &[], None);
    }
    let (mut drills, mut names) = (Some(Vec::new()), BTreeSet::new());
    for item in items {
        let config = item.read::<Config>();
        if let Some(config) = config.as_ref().filter(|config| !names.insert(config.name.clone())) {
            let mistake = format!("more than one drill is called `{}`; each needs its own name", config.name);
            item.problem_at("name", mistake, &[], None);
        }
        let drill = config.filter(|config| is_possible(&item, config));
        let drill = drill.and_then(|config| drill_of(&item, config, sources?));
        if let Some((drill, table)) = drill.as_ref().zip(table) {
            rehearse(&item, drill, table);
        }
        collect(&mut drills, drill);
    }
    drills
}

/// What each webhook source reads, for whoever plays it.
pub(super) fn stages(webhooks: &[WebhookSettings]) -> Vec<Stage> {
    let mapping =
        |webhook: &WebhookSettings| Mapping { fields: webhook.fields.clone(), labels: webhook.labels.clone() };
    webhooks.iter().map(|webhook| Stage { source: webhook.name.clone(), mapping: mapping(webhook) }).collect()
}

fn is_possible(item: &Section, config: &Config) -> bool {
    let mistakes = config.impossible();
    for (key, mistake) in &mistakes {
        item.problem_at(key, mistake.as_str(), &[], None);
    }
    if let Some(unknown) = config.unknown_sample() {
        let known: Vec<String> = samples::names().map(str::to_owned).collect();
        item.problem_at("sample", format!("there is no sample `{unknown}`"), &known, None);
        return false;
    }
    mistakes.is_empty()
}

fn drill_of(item: &Section, config: Config, sources: &Sources) -> Option<Drill> {
    let Config { name, cron, time_zone, source, event, sample, within } = config;
    let stages = stages(&sources.webhooks);
    let fits = |stage: &&Stage| source.as_ref().is_none_or(|source| stage.source == *source);
    let Some(stage) = stages.iter().find(fits).cloned() else {
        let known: Vec<String> = stages.iter().map(|stage| stage.source.to_string()).collect();
        let mistake = match &source {
            Some(source) => format!("there is no webhook source `{source}`"),
            None => "a drill plays a webhook source, and there is none".to_owned(),
        };
        item.problem_at("source", mistake, &known, None);
        return None;
    };
    let script = event.map(Script::Event).or(sample.map(Script::Sample))?;
    let schedule = cron.map(|cron| Schedule::new(cron, time_zone.unwrap_or(Zone::UTC)));
    Some(Drill { name, schedule, script, stage, within: within.unwrap_or(USUALLY_WITHIN).get() })
}

/// Goes through it as far as that is possible without telling anybody.
fn rehearse(item: &Section, drill: &Drill, table: &RoutingTable) {
    match played(drill) {
        Ok(event) => {
            let routed = table.route(&event);
            // Who is told of it where a route speaks at some hours only is known when it takes place.
            let has_hours = |route: &Route| routed.takers.contains(&route.name) && route.hours_in_words().is_some();
            if !table.routes().any(has_hours) {
                check_waits(item, drill, &routed);
            }
        }
        Err(problem) => {
            let key = if matches!(drill.script, Script::Event(_)) { "event" } else { "sample" };
            let mistake = format!("this is no event: {}", problem.message);
            item.problem_at(key, mistake, &[], Some(problem.hint.to_owned()));
        }
    }
}

fn played(drill: &Drill) -> Result<Event, BodyProblem> {
    let now = Timestamp::EPOCH;
    drill.script.play(&drill.name, script::id(&drill.name, now), &drill.stage, now)
}

fn check_waits(item: &Section, drill: &Drill, routed: &Routed) {
    let within = Span::from(drill.within);
    let waits = routed.owed.iter().filter_map(|owed| Some((&owed.route, Span::from(owed.group.as_ref()?.wait))));
    for (route, wait) in waits.filter(|(_, wait)| *wait >= within) {
        let mistake = format!("everybody must be told within {within}, but `group.wait` of route `{route}` is {wait}");
        item.problem_at("within", mistake, &[], Some(format!("write more than {wait}, or a shorter `group.wait`")));
    }
}

/// Why a drill can only fail by these routes, in words. That is no mistake in the configuration: it is what a drill is there to
/// find out, and no reason for a relay not to start.
pub fn doubt(drill: &Drill, table: &RoutingTable) -> Option<String> {
    let event = played(drill).ok()?;
    let routed = table.route(&event);
    let what = event.type_name();
    match routed.takers.iter().all(|route| *route == RouteName::default_targets()) {
        true => Some(format!("no route takes its event, `{what}`: it can only fail")),
        false => {
            routed.owed.is_empty().then(|| format!("who takes its event, `{what}`, tells nobody: it can only fail"))
        }
    }
}
