//! When the relay and each of its sources last gave a sign of life, by what the store keeps of it.

use std::time::Duration;

use super::super::facts::{Facts, Pulse};
use super::super::line::Line;
use crate::config::Span;
use crate::event::Timestamp;
use crate::names::SourceName;
use crate::source::pulse::record::{Heard, Record};

const RELAY: &str = "relay";
const HEARD: &str = "last heard";

/// The pulse is kept once a minute.
const ALIVE: Duration = Duration::from_secs(180);
/// A source that is asked is asked at least once a day.
const ASKED: Duration = Duration::from_secs(26 * 3600);
/// When a source that is asked must have answered once.
const FIRST_ANSWER: Duration = Duration::from_secs(300);

fn kept(facts: &Facts) -> Result<&Record, String> {
    match &facts.pulse {
        Pulse::Kept(record) => Ok(record),
        Pulse::Memory => Err("`store: memory` keeps nothing that could be looked at".to_owned()),
        Pulse::Unreadable(why) => Err(why.clone()),
        Pulse::Never => Err("the relay has kept nothing yet; it does so once a minute".to_owned()),
    }
}

/// Whether the relay runs on this store.
pub fn relay(facts: &Facts) -> Vec<Line> {
    vec![match kept(facts) {
        Err(why) => Line::unknown(RELAY, why),
        Ok(record) => {
            let ago = facts.now.saturating_since(record.alive_at);
            let seen = format!("last seen {} ago", age(ago));
            match (facts.held, ago > ALIVE) {
                (Some(false), _) => {
                    Line::warning(RELAY, format!("does not run; {seen}"), "start it: `castai-relay serve`")
                }
                (Some(true), true) => Line::warning(RELAY, format!("runs, and was {seen}"), "its log says why"),
                (None, true) => Line::warning(RELAY, seen, "start it: `castai-relay serve`"),
                (_, false) => Line::good(RELAY, "runs"),
            }
        }
    }]
}

/// When each source was last heard.
pub fn heard(facts: &Facts) -> Vec<Line> {
    let record = match kept(facts) {
        Ok(record) => record,
        Err(why) => return vec![Line::unknown(HEARD, why)],
    };
    // A relay that does not run hears nobody; what is judged is how things were when it last did.
    let stopped = facts.held == Some(false) || facts.now.saturating_since(record.alive_at) > ALIVE;
    let now = match stopped {
        true => record.alive_at,
        false => facts.now,
    };
    let webhooks = facts.webhooks.iter().filter_map(|webhook| SourceName::parse(&webhook.name).ok());
    let all = webhooks.map(|name| (name, false)).chain(facts.polled.iter().map(|name| (name.clone(), true)));
    let line = |(name, asked): (SourceName, bool)| of_source(facts, record, &name, asked, now).about(name.as_str());
    all.map(line).collect()
}

fn of_source(facts: &Facts, record: &Record, name: &SourceName, asked: bool, now: Timestamp) -> Line {
    let Some(heard) = record.sources.get(name) else {
        return Line::unknown(HEARD, "the relay does not know it yet: restart it with this configuration");
    };
    let quiet = heard.quiet_for(&record.outages, now);
    let found = told(heard, facts.now);
    match facts.silence_limits.get(name) {
        Some(limit) if quiet > limit.get() => {
            let found = format!("{found}; nothing for longer than the {limit} it may be silent");
            Line::wrong(HEARD, found, if asked { CURE_ASKED } else { CURE_WEBHOOK })
        }
        _ if asked => of_asked(heard, quiet, found),
        _ if heard.heard_at.is_none() => Line::warning(HEARD, found, "provoke a notification; the README says how"),
        _ => Line::good(HEARD, found),
    }
}

const CURE_ASKED: &str = "it is asked and does not answer: the relay's log says why, and so does `permission` here";
const CURE_WEBHOOK: &str =
    "see `webhook`, `status` and `public url` here; or CAST AI had nothing to tell, then raise `silent_after`";

fn of_asked(heard: &Heard, quiet: Duration, found: String) -> Line {
    let patience = if heard.heard_at.is_some() { ASKED } else { FIRST_ANSWER };
    match quiet > patience {
        true => Line::wrong(HEARD, found, CURE_ASKED),
        false => Line::good(HEARD, found),
    }
}

fn told(heard: &Heard, now: Timestamp) -> String {
    let ago = |at: Timestamp| format!("{} ago", age(now.saturating_since(at)));
    match (heard.heard_at, heard.event_at) {
        (None, _) => format!("nothing yet, since {}", ago(heard.since)),
        (Some(at), None) => format!("{}; no event yet", ago(at)),
        (Some(at), Some(event)) => format!("{}; last event {}", ago(at), ago(event)),
    }
}

/// A time span as people say it: its largest unit.
fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    let whole = [(86_400, 'd'), (3_600, 'h'), (60, 'm')].into_iter().find(|(unit, _)| seconds >= *unit);
    whole.map_or_else(|| Span::from_secs(seconds).to_string(), |(unit, sign)| format!("{}{sign}", seconds / unit))
}
