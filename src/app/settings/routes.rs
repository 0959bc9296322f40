//! The sections `routes` and `default_targets`: who is told of what, that everybody named there exists, and that nothing
//! has to wait there until it is given up or forgotten.

use super::{collect, targets};
use crate::config::{Problem, Problems, Section, Span};
use crate::names::{RouteName, SourceName, TargetName};
use crate::route::{IncidentRule, LateRule, Route, RoutingTable};

/// Reads the routing table. `retention` is how long events are kept, if that could be read.
pub(super) fn read(root: &Section, retention: Option<Span>) -> Option<RoutingTable> {
    let defined = defined_targets(&root.section("targets"));
    let mut routes = Some(Vec::new());
    for item in root.child("routes").map(|routes| routes.items()).unwrap_or_default() {
        let route = item.read::<Route>();
        if let Some(route) = &route {
            check_waits(&item, route, &root.section("targets"));
            check_memory(&item, route, retention);
            check_channel(&item, route, &root.section("targets"));
        }
        collect(&mut routes, route);
        // Apart from the route, which may have other mistakes.
        let notify = item.child("notify").and_then(|notify| notify.read::<Vec<TargetName>>());
        check_targets(&item, "notify", &notify.unwrap_or_default(), defined.as_deref());
    }
    let default_targets: Vec<TargetName> = match root.child("default_targets") {
        Some(list) => list.read()?,
        None => Vec::new(),
    };
    check_targets(root, "default_targets", &default_targets, defined.as_deref());
    let late = late_rules(root, &default_targets, defined.as_deref());
    let table = RoutingTable::compile(routes?, default_targets).with_late_rules(late);
    check_table(root, &table);
    Some(table)
}

/// The parts of the configuration that a routing table is made of, as one text without secrets.
pub(super) fn written_out(root: &Section) -> String {
    let part = |section: &Section, keys: &[&str]| section.split(keys).0.written_out();
    let late = |name: &str| {
        let source = root.section("sources").child(name)?;
        Some(format!("{name}: {}", part(&source, &["page_if_younger_than", "older_notify"])))
    };
    let late: Vec<String> = ["audit_log", "notifications"].into_iter().filter_map(late).collect();
    let target = |(name, target): &(String, Section)| format!("{name}: {}", targets::written_out(target));
    let targets: Vec<String> = root.section("targets").entries().iter().map(target).collect();
    let whole = |key: &str| Some(format!("{key}: {}", root.child(key)?.written_out()));
    let tables = ["default_targets", "routes"].into_iter().filter_map(whole);
    let beside = [format!("sources: {{{}}}", late.join(", ")), format!("targets: {{{}}}", targets.join(", "))];
    format!("{{{}}}", tables.chain(beside).collect::<Vec<_>>().join(", "))
}

/// The table that is made of such a text.
///
/// # Errors
/// When this version of the relay cannot make one of it.
pub fn read_back(text: &str) -> Result<RoutingTable, Problems> {
    let root = Section::from_yaml("the routing table of that time", text);
    let table = read(&root, None);
    root.problems()?;
    table.ok_or_else(|| Problems::from(Problem::new(None, "", "the routing table of that time is empty")))
}

/// The sources that bring what happened long ago say up to which age it is news, and who hears of the rest.
fn late_rules(root: &Section, default_targets: &[TargetName], defined: Option<&[String]>) -> Vec<LateRule> {
    let sources = root.section("sources");
    let rule = |source: SourceName| {
        let section = sources.child(source.as_str())?;
        let notify = section.child("older_notify").and_then(|notify| notify.read::<Vec<TargetName>>());
        check_targets(&section, "older_notify", notify.as_deref().unwrap_or_default(), defined);
        let limit = match section.child("page_if_younger_than") {
            Some(limit) => limit.read::<Span>()?.get(),
            None => LateRule::PAGE_IF_YOUNGER_THAN,
        };
        Some(LateRule::new(source, limit, notify.unwrap_or_else(|| default_targets.to_vec())))
    };
    [SourceName::notifications(), SourceName::audit_log()].into_iter().filter_map(rule).collect()
}

/// The names of the targets, in order; `None` when what is written there has none.
fn defined_targets(targets: &Section) -> Option<Vec<String>> {
    let mut names: Vec<String> = targets.entries().into_iter().map(|(name, _)| name).collect();
    names.sort();
    (targets.is_empty() || !names.is_empty()).then_some(names)
}

fn check_targets(place: &Section, key: &str, named: &[TargetName], defined: Option<&[String]>) {
    let Some(defined) = defined else { return };
    for (index, target) in
        named.iter().enumerate().filter(|(_, target)| !defined.iter().any(|known| target.as_str() == *known))
    {
        let message = format!("target `{target}` is not defined");
        place.problem_at(&format!("{key}[{index}]"), message, defined, None);
    }
}

/// What has to wait for longer than it may become old would be given up instead of told.
fn check_waits(item: &Section, route: &Route, targets: &Section) {
    for target in everybody_told(&route.notify, targets) {
        let Some(age) = targets::max_age(targets, &target) else { continue };
        let is_named = route.notify.contains(&target);
        // What falls back has waited already, but not for its turn there.
        let waits = route.waits().filter(|(key, wait)| *wait >= age && (is_named || *key != "group.wait"));
        for (path, wait) in waits {
            let (rule, key) = path.split_once('.').unwrap_or(("", path));
            let is_written = item.child(rule).is_some_and(|rule| rule.child(key).is_some());
            let by_default = if is_written { "" } else { " by default" };
            let stands_in = if is_named { "" } else { ", a fallback," };
            let mistake = format!(
                "`{key}` is {wait}{by_default}, but what waits for `{target}`{stands_in} is given up after `max_age` {age}"
            );
            let hint = format!("write less than {age}, or give `{target}` a longer `max_age`");
            item.problem_at(path, mistake, &[], Some(hint));
        }
    }
}

/// Those who are named, and those who stand in for them.
fn everybody_told(named: &[TargetName], targets: &Section) -> Vec<TargetName> {
    let mut all = named.to_vec();
    let mut at = 0;
    while let Some(target) = all.get(at) {
        let stands_in = targets::fallback(targets, target).filter(|other| !all.contains(other));
        all.extend(stands_in);
        at += 1;
    }
    all
}

/// An incident is known by its last event: when that is forgotten, nobody hears of the end any more.
fn check_memory(item: &Section, route: &Route, retention: Option<Span>) {
    let Some(after) = route.incident.as_ref().and_then(IncidentRule::resolve_after) else { return };
    let Some(kept) = retention.filter(|kept| *kept <= after && !kept.get().is_zero()) else { return };
    let mistake =
        format!("`resolve_after` is {after}, but events are kept for {kept}: the incident is forgotten before it ends");
    let hint = format!("write less than {kept}, or a longer `store.retention`");
    item.problem_at("incident.resolve_after", mistake, &[], Some(hint));
}

/// A channel that nobody heeds would be a message in the wrong place.
fn check_channel(item: &Section, route: &Route, targets: &Section) {
    let told = everybody_told(&route.notify, targets);
    let heeds = |target: &TargetName| targets::chooses_channel(targets, target) != Some(false);
    if route.message.channel.is_none() || told.is_empty() || told.iter().any(heeds) {
        return;
    }
    let mistake = "no target of this route has more than one channel";
    let hint = "leave `channel` out, or name a `slack` target with a `bot_token` in `notify`".to_owned();
    item.problem_at("message.channel", mistake, &[], Some(hint));
}

fn check_table(root: &Section, table: &RoutingTable) {
    let at = |name: &RouteName| {
        let index = table.routes().enumerate().filter(|(_, route)| route.name == *name).last();
        format!("routes[{}]", index.map_or(0, |(index, _)| index))
    };
    for name in table.ambiguous_names() {
        let message = format!("more than one route is called `{name}`; each needs its own name");
        root.problem_at(&at(&name), message, &[], None);
    }
    for name in table.closed_before_opened() {
        let message = format!("`resolve_when` of route `{name}` takes what its `match` takes, so nothing opens");
        let hint = "say what tells the end from the beginning, or write `resolve_after` alone".to_owned();
        root.problem_at(&format!("{}.incident.resolve_when", at(&name)), message, &[], Some(hint));
    }
    for (route, blocker) in table.unreachable() {
        let message = format!("route `{route}` can never match: `{blocker}` before it matches everything and stops");
        let hint = format!("move `{blocker}` to the end, or remove its `stop`");
        root.problem_at(&at(&route), message, &[], Some(hint));
    }
}
