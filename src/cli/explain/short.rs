//! Each delivery of an event in a line: what is lost first, then what waits, then the rest.

use serde_json::Value;

use super::{Line, rejected};
use crate::admin::deliveries::Shown;
use crate::admin::story::Story;
use crate::cli::shown::Tone;
use crate::cli::times::{short, shortened};
use crate::event::Timestamp;
use crate::event::delivery::DeliveryState;
use crate::names::RouteName;
use crate::store::Origin;

/// The lines, the most important first.
pub fn lines(story: &Story) -> Vec<Line> {
    let of = story.came.received_at;
    let mut deliveries: Vec<&Shown> = story.deliveries.iter().collect();
    deliveries.sort_by_key(|delivery| urgency(delivery.state));
    let told = deliveries.into_iter().map(|delivery| line(delivery, of));
    let nobody = story.deliveries.is_empty().then(|| nobody(story));
    unread(story).into_iter().chain(told).chain(nobody).collect()
}

/// What was wrong with a body that nobody could read.
fn unread(story: &Story) -> Option<Line> {
    let data = rejected(story)?;
    let named = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or("?");
    let at = |key: &str| data.get(key).and_then(Value::as_u64);
    let place = at("line").zip(at("column")).map(|(line, column)| format!(", at line {line}, column {column}"));
    let told = format!("not read: {}{}", named("problem"), place.unwrap_or_default());
    Some((Tone::Wrong, vec!["✗".to_owned(), format!("body from {}", named("source")), told]))
}

/// What asks for somebody is low.
fn urgency(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::Dead => 0,
        DeliveryState::Pending => 1,
        DeliveryState::Silenced => 2,
        DeliveryState::Superseded => 3,
        DeliveryState::Delivered => 4,
    }
}

fn nobody(story: &Story) -> Line {
    let why = match (&story.routing.unknown, is_taken(story)) {
        (Some(_), _) => "nobody was to be told",
        (None, true) => "nobody was to be told: what the routes make of it is below",
        (None, false) => "nobody was to be told: no route took it, and there are no default targets",
    };
    (Tone::Wanted, vec!["–".to_owned(), why.to_owned()])
}

/// Whether a route took the event. What is left for the default targets was taken by none.
pub fn is_taken(story: &Story) -> bool {
    let mut verdicts = story.routing.verdicts.iter();
    verdicts.any(|verdict| verdict.matched && verdict.route != RouteName::default_targets())
}

fn line(delivery: &Shown, of: Timestamp) -> Line {
    let (tone, mark) = match delivery.state {
        DeliveryState::Dead => (Tone::Wrong, "✗"),
        DeliveryState::Pending => (Tone::Wanted, "…"),
        DeliveryState::Delivered => (Tone::Plain, "✓"),
        DeliveryState::Silenced | DeliveryState::Superseded => (Tone::Plain, "–"),
    };
    let told = shortened(&format!("{}{}", standing(delivery, of), beside(delivery)), of);
    (tone, vec![mark.to_owned(), delivery.target.to_string(), told])
}

/// Where it stands, and why.
fn standing(delivery: &Shown, of: Timestamp) -> String {
    let at = delivery.settled_at.map(|at| format!(" at {}", short(at, of))).unwrap_or_default();
    let detail = delivery.detail.as_deref().unwrap_or("for no reason that was kept");
    let tries = match delivery.attempts {
        0 | 1 => String::new(),
        attempts => format!(" by attempt {attempts}"),
    };
    match delivery.state {
        DeliveryState::Delivered if delivery.ends_incident => format!("told that it is over{at}{tries}"),
        DeliveryState::Delivered => format!("told{at}{tries}"),
        DeliveryState::Pending => {
            let why = delivery.waits.as_ref().map_or("it is due", |waits| waits.told.as_str());
            format!("not told yet: {why}")
        }
        DeliveryState::Dead => {
            let reason = delivery.reason.map_or("?", |reason| reason.as_str());
            let attempts = match delivery.attempts {
                1 => "1 attempt".to_owned(),
                attempts => format!("{attempts} attempts"),
            };
            format!("given up{at} after {attempts} ({reason}): {detail}")
        }
        DeliveryState::Silenced | DeliveryState::Superseded => format!("not told{at}: {detail}"),
    }
}

/// What else there is to know of it.
fn beside(delivery: &Shown) -> String {
    let origin = match delivery.origin {
        Origin::Route => None,
        Origin::Fallback => Some("instead of another target".to_owned()),
        Origin::TimedOut => Some("because nothing more was heard of its incident".to_owned()),
        Origin::Replay => Some("told again, because somebody wants it".to_owned()),
    };
    let is_told = delivery.state == DeliveryState::Delivered;
    let doubt = match (delivery.may_have_arrived, is_told) {
        (false, _) => None,
        (true, true) => Some("it may be there twice".to_owned()),
        (true, false) => Some("it may have arrived all the same".to_owned()),
    };
    let fallback = delivery.fell_back_to.as_ref().map(|to| format!("{to} is told instead"));
    [origin, doubt, fallback].into_iter().flatten().map(|word| format!("; {word}")).collect()
}
