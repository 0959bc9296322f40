//! The section `targets`: who can be told, and how each is delivered to.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::connections::{self, CONNECTION, Connections};
use super::{collect, named};
use crate::config::{Section, Span};
use crate::deliver::Policy;
use crate::deliver::policy::{Ambiguous, Impossible, Written, max_age_of};
use crate::http_client::HttpClient;
use crate::names::TargetName;
use crate::notify::{Kind, Kit, NOTIFIERS, Notifier, Schedule};
use crate::template::Wording;

/// What a target may set beside its kind.
const POLICY_KEYS: &[&str] =
    &["concurrency", "timeout", "retry", "max_age", "rate", "burst", "ambiguous", "fallback", "fallback_after"];

/// The target's own words, beside its kind.
const MESSAGE: &str = "message";

/// One target, ready to be delivered to.
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// The word for its kind, `slack`.
    pub kind: &'static str,
    /// What speaks to it.
    pub notifier: Arc<dyn Notifier>,
    /// How it is delivered to.
    pub policy: Policy,
    /// Its own words, which go before a route's: a text that one target's markup makes readable spoils it for another.
    pub message: Wording,
    /// What it is sent by, for those who try the way there.
    pub http: HttpClient,
}

/// Reads every target, in the order written.
pub(super) fn read(root: &Section, clients: &mut Connections) -> Option<Vec<Target>> {
    let mut all = Some(Vec::new());
    let targets = root.section("targets");
    let mut owners = BTreeMap::new();
    for (name, entry) in targets.entries() {
        let (_, written) = entry.split(&[CONNECTION, MESSAGE]);
        let (policy, kind) = written.split(POLICY_KEYS);
        let kind = find_kind(&kind);
        // Of what is empty, `find_kind` says all there is to say.
        let written = if entry.is_empty() { None } else { policy.read::<Written>() };
        let mut policy = written.and_then(|written| policy_of(&entry, written, kind.as_ref().map(|(kind, _)| *kind)));
        let kit = Kit { http: clients.client_of(&entry) };
        let built = kind.and_then(|(kind, settings)| Some((kind.name, (kind.build)(&settings, &kit)?)));
        if let Some((policy, (_, notifier))) = policy.as_mut().zip(built.as_ref()) {
            if let Some(patience) = notifier.patience().filter(|_| entry.child("timeout").is_none()) {
                policy.timeout = Span::from_secs(patience.as_secs());
            }
            check_timeout(&entry, policy, &**notifier);
        }
        if let Some((kind, notifier)) = &built {
            connections::check(&entry, kind, &**notifier, &kit.http);
            check_own(&entry, &name, &**notifier, &mut owners);
        }
        let name = named(&entry, &name, TargetName::parse);
        let target = name.zip(policy).zip(built).zip(message_of(&entry));
        let target = target.map(|(((name, policy), (kind, notifier)), message)| {
            let http = kit.http;
            Target { name, kind, notifier, policy, message, http }
        });
        collect(&mut all, target);
    }
    check_fallbacks(&targets);
    all
}

/// The words beside a kind; none where nothing is written.
fn message_of(entry: &Section) -> Option<Wording> {
    let Some(written) = entry.child(MESSAGE) else { return Some(Wording::default()) };
    let message: Wording = written.read()?;
    if message.channel.is_some() {
        let hint = "write it beside the `bot_token`, or in the `message` of a route".to_owned();
        written.problem_at("channel", "a target's channel is not a part of its words", &[], Some(hint));
        return None;
    }
    Some(message)
}

/// The policy beside a kind. Beside none that is known it can only be looked through for mistakes.
fn policy_of(entry: &Section, written: Written, kind: Option<&Kind>) -> Option<Policy> {
    let schedule = kind.and_then(|kind| kind.schedule);
    let impossible = written.impossible(kind.is_none_or(|kind| kind.pace.is_some()), schedule);
    for Impossible { key, message, hint } in &impossible {
        entry.problem_at(key, message, &[], hint.clone());
    }
    kind.filter(|_| impossible.is_empty()).map(|kind| written.over(kind.pace, schedule))
}

/// That an attempt is given up as not connected before it is given up as in doubt: where doubt makes a dead letter, a network
/// that swallows everything would make one of all that is owed.
fn check_timeout(entry: &Section, policy: &Policy, notifier: &dyn Notifier) {
    let Some(connecting) = notifier.connects_within().filter(|connecting| policy.timeout.get() <= *connecting) else {
        return;
    };
    if policy.ambiguous != Ambiguous::GiveUp {
        return;
    }
    let connecting = connecting.as_secs();
    let message = format!(
        "it may take {connecting}s until anything is handed over; with `timeout` {} and `ambiguous: give_up` what never was \
         would be given up as if it may have arrived",
        policy.timeout
    );
    let hint = format!("write a `timeout` of more than {connecting}s, or leave `ambiguous` out");
    entry.problem_at("timeout", message, &[], Some(hint));
}

/// That no other target needs the same thing to itself.
fn check_own(entry: &Section, name: &str, notifier: &dyn Notifier, owners: &mut BTreeMap<String, String>) {
    let Some(own) = notifier.own() else { return };
    if let Some(owner) = owners.get(&own) {
        let hint =
            "two targets would spoil it for each other: give each its own, or let all routes name one".to_owned();
        return entry.problem_at("", format!("{own} is that of target `{owner}` already"), &[], Some(hint));
    }
    owners.insert(own, name.to_owned());
}

/// How old what this target is owed may become; `None` when there is no such target, or what it says cannot be meant.
pub(super) fn max_age(targets: &Section, name: &TargetName) -> Option<Span> {
    let target = targets.child(name.as_str())?;
    let age = match target.child("max_age") {
        Some(written) => written.read::<Span>()?,
        None => max_age_of(schedule_of(&target)),
    };
    (!age.get().is_zero()).then_some(age)
}

/// What a routing table needs to know of a target, as text: who stands in for it, and how old what waits may become, also where
/// that is as its kind has it.
pub(super) fn written_out(target: &Section) -> String {
    let written = target.split(&["fallback", "max_age"]).0;
    match schedule_of(target).filter(|_| written.child("max_age").is_none()) {
        None => written.written_out(),
        Some(schedule) => {
            let fallback = written.child("fallback").map(|name| format!("fallback: {}, ", name.written_out()));
            format!("{{{}max_age: {}}}", fallback.unwrap_or_default(), schedule.max_age)
        }
    }
}

fn schedule_of(target: &Section) -> Option<Schedule> {
    NOTIFIERS.iter().find(|kind| target.child(kind.name).is_some())?.schedule
}

/// Whether messages to this target can be told which channel they go to; `None` where its kind is not written.
pub(super) fn chooses_channel(targets: &Section, name: &TargetName) -> Option<bool> {
    let target = targets.child(name.as_str())?;
    let (kind, settings) = NOTIFIERS.iter().find_map(|kind| Some((kind, target.child(kind.name)?)))?;
    Some(kind.name == "slack" && settings.child("bot_token").is_some())
}

/// Who stands in for this target.
pub(super) fn fallback(targets: &Section, name: &TargetName) -> Option<TargetName> {
    targets.child(name.as_str())?.child("fallback")?.read()
}

/// The kind of a target and what is written for it.
fn find_kind(kind: &Section) -> Option<(&'static Kind, Section)> {
    let known: Vec<&str> = NOTIFIERS.iter().map(|kind| kind.name).collect();
    kind.only(&[&known, POLICY_KEYS, &[CONNECTION, MESSAGE]].concat());
    let mut named = NOTIFIERS.iter().filter_map(|row| Some((row, kind.child(row.name)?)));
    match (named.next(), named.next()) {
        (Some(found), None) => Some(found),
        (Some((one, _)), Some((other, _))) => {
            let (one, other) = (one.name, other.name);
            kind.problem(format!("`{one}` and `{other}` are two kinds of target; write two targets"));
            None
        }
        (None, _) if kind.is_empty() => {
            kind.problem(format!("the target has no kind; write one of {}", known.join(", ")));
            None
        }
        (None, _) => {
            note_kind_without_settings(kind, &known);
            None
        }
    }
}

/// `log:` with nothing after it is no kind, but it was meant as one.
fn note_kind_without_settings(kind: &Section, known: &[&str]) {
    for (name, _) in kind.entries().into_iter().filter(|(name, _)| known.contains(&name.as_str())) {
        let hint = format!("write `{name}: {{ … }}`, or `{name}: {{}}` where there is nothing to set");
        kind.problem_at(&name, format!("nothing is written after `{name}:`"), &[], Some(hint));
    }
}

/// That every fallback exists, and that none leads back to where it began: what nobody takes would go round for ever.
fn check_fallbacks(targets: &Section) {
    let entries = targets.entries();
    let fallback = |entry: &Section| entry.child("fallback").and_then(|name| name.read::<TargetName>());
    let fallbacks: Vec<_> = entries.iter().map(|(name, entry)| (name.as_str(), fallback(entry))).collect();
    for ((name, entry), (_, to)) in entries.iter().zip(&fallbacks) {
        let Some(to) = to else { continue };
        if to.as_str() == name {
            let hint = "name another target, or leave it out".to_owned();
            entry.problem_at("fallback", format!("target `{name}` is its own fallback"), &[], Some(hint));
        } else if !entries.iter().any(|(known, _)| to.as_str() == known) {
            let others: Vec<String> =
                entries.iter().map(|(known, _)| known).filter(|known| *known != name).cloned().collect();
            entry.problem_at("fallback", format!("target `{to}` is not defined"), &others, None);
        } else if let Some(circle) = circle_that_begins_at(name, &fallbacks) {
            let message = format!("the fallbacks lead in a circle: {}", circle.join(" → "));
            let hint = "take `fallback` away from one of them, the one that must not fail".to_owned();
            entry.problem_at("fallback", message, &[], Some(hint));
        }
    }
}

/// The targets on the way from `name` back to it, when there is one and `name` is written before all others on it, so
/// that each circle is told once.
fn circle_that_begins_at<'a>(name: &'a str, fallbacks: &'a [(&'a str, Option<TargetName>)]) -> Option<Vec<&'a str>> {
    let find = |name: &str| fallbacks.iter().position(|(known, _)| *known == name);
    let start = find(name)?;
    let mut way = vec![name];
    let mut at = start;
    // Whoever is not back by then goes round in a circle further on.
    for _ in 0..fallbacks.len() {
        let (_, next) = fallbacks.get(at)?;
        at = find(next.as_ref()?.as_str())?;
        way.push(fallbacks.get(at)?.0);
        match at.cmp(&start) {
            Ordering::Less => return None,
            Ordering::Equal => return Some(way),
            Ordering::Greater => {}
        }
    }
    None
}
