//! Many events told as one: how many of what, where, from when to when, the worst of them by name.
//!
//! The route's templates for `title` and `text` are made for one event and are not used; its links are, with the values of
//! the most severe one. Bounded however many there are; what is not named is counted. Where a message about a storm is
//! rewritten, it counts what it told before, and names the worst of what is new. Next: [`super::closing`].

use super::amounts::{counted, lasting, number};
use super::list::{List, and_more};
use super::{Fact, Form, Message, Rendering, Text, bounded_footer, cut, name_cluster, one_line, telling};
use crate::event::batch::Batch;
use crate::event::delivery::Delivery;
use crate::event::tally::{Dimension, Tally};
use crate::event::{Severity, Timestamp};
use crate::template::Wording;

/// Different values a fact names at most; the rest is counted.
const NAMED: usize = 6;

/// Characters of a value among others.
const MAX_NAME: usize = 40;

/// Room for `, and 999 more` at the end of a fact, and for `and over`.
const TAIL: usize = 30;

/// Characters of a title in the list.
const MAX_TITLE: usize = 180;

/// What to call one and many of a kind. Other kinds are called by their own names: `12 × Pending pod detected`.
const NOUNS: &[(&str, &str, &str)] = &[
    ("node.added", "new node", "new nodes"),
    ("node.removed", "removed node", "removed nodes"),
    ("node.spot_interrupted", "spot interruption", "spot interruptions"),
    ("savings.threshold", "crossed savings threshold", "crossed savings thresholds"),
    ("savings.summary", "savings summary", "savings summaries"),
    ("castai.notification", "CAST AI notification", "CAST AI notifications"),
    ("kubernetes.event", "Kubernetes event", "Kubernetes events"),
    ("relay.body_rejected", "rejected body", "rejected bodies"),
    ("relay.delivery_dead", "report of dead letters", "reports of dead letters"),
    ("relay.webhook_gap", "gap of the webhook", "gaps of the webhook"),
    ("relay.source_silent", "silent source", "silent sources"),
    ("relay.target_paused", "paused target", "paused targets"),
    ("relay.target_resumed", "resumed target", "resumed targets"),
    ("relay.drill_failed", "failed drill", "failed drills"),
    ("unrecognized", "unrecognized event", "unrecognized events"),
];

pub(super) fn compose(batch: &Batch, tally: &Tally, wording: &Wording) -> Message {
    let mut rendering = Rendering::of(&batch.lead().event);
    let links = rendering.links(wording);
    let title = cut(&headline(batch, tally), Message::MAX_TITLE);
    Message {
        headline: title.clone(),
        title,
        text: Some(Text::List(list(batch, tally))),
        facts: facts(batch, tally),
        links,
        footer: footer(batch, tally, rendering.remarks),
        severity: if tally.events() == 0 { Severity::Success } else { worst(batch, tally) },
    }
}

/// The severity of all that the message tells.
fn worst(batch: &Batch, tally: &Tally) -> Severity {
    let of_all = batch.before.as_ref().and_then(|_| tally.severities().next());
    of_all.map_or(batch.severity(), |(severity, _)| severity)
}

/// `Storm: 8,412 spot interruptions in 50 clusters, 31 zones`
fn headline(batch: &Batch, tally: &Tally) -> String {
    let storm = if batch.is_storm { "Storm: " } else { "" };
    let resolved = match (tally.events(), tally.resolved()) {
        (_, 0) => String::new(),
        (0, resolved) => return format!("{storm}{} resolved", counted(resolved, "incident", "incidents")),
        (_, resolved) => format!(", {} resolved", number(resolved)),
    };
    let zones = if batch.is_storm { tally.different(Dimension::Zone) } else { 0 };
    let zones = if zones > 1 { format!(", {} zones", number(zones)) } else { String::new() };
    let what = what(tally);
    format!("{storm}{}{}{zones}{resolved}{}", what.0, place(tally), what.1)
}

/// What it is, and of what it is made if of more than one thing: `412 events` and `: 400 spot interruptions and 12 others`.
fn what(tally: &Tally) -> (String, String) {
    let all = tally.events();
    match tally.most(Dimension::Type)[..] {
        [(kind, count)] if count == all => (of_kind(count, kind), String::new()),
        [(first, many), (second, fewer), ..] => {
            let named = [of_kind(many, first), of_kind(fewer, second)];
            let others = all.saturating_sub(many + fewer);
            let made_of = match others {
                0 => named.join(" and "),
                _ => format!("{} and {}", named.join(", "), counted(others, "other", "others")),
            };
            (counted(all, "event", "events"), format!(": {made_of}"))
        }
        _ => (counted(all, "event", "events"), String::new()),
    }
}

fn of_kind(count: usize, kind: &str) -> String {
    match NOUNS.iter().find(|(known, ..)| *known == kind) {
        Some((_, one, many)) => counted(count, one, many),
        None => format!("{} × {}", number(count), name(kind)),
    }
}

/// ` in 12 clusters`; the name of the only one; nothing where that would not be true of all.
fn place(tally: &Tally) -> String {
    match (&tally.most(Dimension::Cluster)[..], tally.unnamed(Dimension::Cluster)) {
        ([], _) => String::new(),
        ([(only, count)], 0) if *count == tally.events() => format!(" in {}", name(only)),
        ([_], 0) => String::new(),
        (named, 0) => format!(" in {} clusters", number(named.len())),
        (named, _) => format!(" in more than {} clusters", number(named.len())),
    }
}

/// A sender's word among ours.
fn name(value: &str) -> String {
    let name = cut(&one_line(value), MAX_NAME);
    if name.is_empty() { "?".to_owned() } else { name }
}

fn facts(batch: &Batch, tally: &Tally) -> Vec<Fact> {
    let told = |dimension, label| Fact::new(label, &most(tally, dimension)?, Form::Verbatim);
    let resolved = (tally.events() > 0 && tally.resolved() > 0).then(|| number(tally.resolved()));
    let facts = [
        when(batch, tally),
        severities(tally),
        told(Dimension::Type, "Type"),
        told(Dimension::Cluster, "Cluster"),
        told(Dimension::InstanceType, "Instance type"),
        told(Dimension::Zone, "Zone"),
        told(Dimension::Reason, "Reason"),
        resolved.and_then(|resolved| Fact::words("Resolved", &resolved)),
        batch.incident.as_ref().and_then(|incident| Fact::verbatim("Incident", incident.key.as_str())),
    ];
    facts.into_iter().flatten().collect()
}

/// `2026-11-20T08:15:30Z to 2026-11-20T09:00:30Z (45 min)`
fn when(batch: &Batch, tally: &Tally) -> Option<Fact> {
    let (first, last) = (tally.first_at()?, tally.last_at()?);
    let span = last.saturating_since(first);
    let until = if span.is_zero() { String::new() } else { format!(" to {last} ({})", lasting(span)) };
    let late = telling::late(batch.claimed_at.saturating_since(last)).map(|late| format!(", the last one {late}"));
    Fact::words("Happened", &format!("{first}{until}{}", late.unwrap_or_default()))
}

/// `2 critical, 410 warning`; nothing where all are alike, for then the message is of that severity itself.
fn severities(tally: &Tally) -> Option<Fact> {
    let each: Vec<String> =
        tally.severities().map(|(severity, count)| format!("{} {severity}", number(count))).collect();
    (each.len() > 1).then(|| Fact::words("Severity", &each.join(", "))).flatten()
}

/// `prod-eu (120), prod-us (80), and 10 more`: the most frequent ones by name, the others by number.
fn most(tally: &Tally, dimension: Dimension) -> Option<String> {
    let values = tally.most(dimension);
    if let [(only, count)] = values[..]
        && count == tally.events()
    {
        return Some(name(only));
    }
    let mut named: Vec<String> = Vec::new();
    let mut room = Fact::MAX_VALUE.saturating_sub(TAIL);
    for (value, count) in values.iter().take(NAMED) {
        let entry = format!("{} ({})", name(value), number(*count));
        let Some(left) = room.checked_sub(entry.chars().count() + ", ".len()) else { break };
        room = left;
        named.push(entry);
    }
    let others = values.len().saturating_sub(named.len());
    let others = match tally.unnamed(dimension) {
        0 => (others > 0).then(|| and_more(others)),
        _ => Some(format!("and more than {} others", number(others))),
    };
    let told: Vec<String> = named.into_iter().chain(others).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// The worst of them, one line each.
fn list(batch: &Batch, tally: &Tally) -> List {
    let lowest = tally.severities().last().map(|(severity, _)| severity);
    let day = |at: Timestamp| day_and_time(at).0;
    let one_day = tally.first_at().map(day) == tally.last_at().map(day);
    let lines = batch.shown.iter().map(|delivery| line(delivery, lowest, one_day));
    let only_ends = batch.many().is_some_and(|own| own.events() == 0);
    let all = if only_ends { tally.resolved() } else { tally.events() };
    List::new(lines, all.saturating_sub(batch.shown.len()))
}

/// `critical · Spot interruption: m6i.2xlarge in prod-eu · 08:15:30Z`
fn line(delivery: &Delivery, lowest: Option<Severity>, one_day: bool) -> String {
    let event = &delivery.event;
    let severity = (lowest != Some(delivery.severity)).then(|| delivery.severity.to_string());
    let title = cut(&name_cluster(&telling::title(event), event), MAX_TITLE);
    let (day, time) = day_and_time(event.occurred_at.unwrap_or(event.received_at));
    let at = if one_day { time } else { format!("{day} {time}") };
    severity.into_iter().chain([title, at]).collect::<Vec<_>>().join(" · ")
}

/// `2026-11-20` and `08:15:30Z`, to the second.
fn day_and_time(at: Timestamp) -> (String, String) {
    let whole = Timestamp::from_millis(at.as_millis().div_euclid(1000) * 1000).to_string();
    let (day, time) = whole.split_once('T').unwrap_or((&whole, ""));
    (day.to_owned(), time.to_owned())
}

/// The id comes first and whole: people paste it into commands.
fn footer(batch: &Batch, tally: &Tally, remarks: Vec<String>) -> Vec<String> {
    let lead = batch.lead();
    let before = batch.before.as_ref().map_or(0, |before| before.events().saturating_add(before.resolved()));
    let more = batch.deliveries.len().saturating_sub(1).saturating_add(before);
    let about = format!("{} · {} of route {}", worst(batch, tally), and_more(more), lead.route);
    bounded_footer([format!("event {}", lead.event.id), about].into_iter().chain(remarks))
}

#[cfg(test)]
mod tests;
