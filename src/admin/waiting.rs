//! Why a delivery waits, in one sentence: read off its row and off how its target stands.
//!
//! What keeps it for longest is said first: what an operator wants, then what the target does, then its own time. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::store::{DeliveryRow, DeliveryState};
use crate::target::{Cause, Closed, Limits, Pause, TargetState};

/// Why a delivery waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// For programs.
    pub because: Because,
    /// For people, in one sentence.
    pub told: String,
}

/// What a delivery may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// An attempt at it is running.
    Underway,
    /// An earlier one of its incident has to leave first.
    Incident,
    /// An operator paused its target.
    Paused,
    /// Its target refuses everything.
    Refusing,
    /// Its target fails again and again.
    Failing,
    /// Its target asked for patience.
    Patience,
    /// An attempt failed, and the next one is not due.
    Retry,
    /// Others of its group may come.
    Group,
    /// It is not due.
    Due,
    /// It is due, and others are before it.
    Turn,
    /// Its target is not configured.
    NoTarget,
}

/// Why it has not left yet; `None` for one that has come to its end. `limits` are those of its target, `None` where the
/// configuration has no such target.
pub fn why(row: &DeliveryRow, standing: &TargetState, limits: Option<&Limits>, now: Timestamp) -> Option<Waiting> {
    (row.state == DeliveryState::Pending).then(|| {
        let (because, told) = pending(row, standing, limits, now);
        Waiting { because, told }
    })
}

type Said = (Because, String);

fn pending(row: &DeliveryRow, standing: &TargetState, limits: Option<&Limits>, now: Timestamp) -> Said {
    if row.is_held {
        return (Because::Underway, underway(row, now));
    }
    let Some(limits) = limits else {
        let told = "its target is not configured any more: it becomes a dead letter when it is due";
        return (Because::NoTarget, told.to_owned());
    };
    if row.is_behind {
        let incident = row.owed.incident.as_ref().map(|step| format!(" {}", step.key)).unwrap_or_default();
        return (Because::Incident, format!("it waits behind an earlier delivery of its incident{incident}"));
    }
    let of_target = standing.pause(now).map(paused).or_else(|| standing.closed().map(|closed| shut(closed, now)));
    let patience = standing.patience_left(now);
    let asked = || (!patience.is_zero()).then(|| now.saturating_add(patience));
    let asked = || asked().map(|until| (Because::Patience, format!("its target asked for patience until {until}")));
    of_target.or_else(asked).unwrap_or_else(|| own_time(row, standing, limits, now))
}

fn underway(row: &DeliveryRow, now: Timestamp) -> String {
    let DeliveryRow { attempts, due_at, .. } = row;
    match *due_at > now {
        true => format!("attempt {attempts} is running; if nobody hears how it ends, the next one is due at {due_at}"),
        false => format!("attempt {attempts} was begun and nobody knows how it ended; the next one is due now"),
    }
}

fn paused(Pause { since, until, by, why }: &Pause) -> Said {
    let until = until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
    (Because::Paused, format!("its target is paused {until}, by {by} since {since}: {why}"))
}

fn shut(closed: &Closed, now: Timestamp) -> Said {
    let Closed { cause, since, probe_at, reason, detail, .. } = closed;
    let (because, why) = match cause {
        Cause::Refusing => (Because::Refusing, "refuses everything"),
        Cause::Failing => (Because::Failing, "fails again and again"),
    };
    let next = if *probe_at > now { format!("at {probe_at}") } else { "now".to_owned() };
    let told = format!(
        "its target is closed since {since} because it {why} ({reason}: {detail}); it is tried with one message {next}"
    );
    (because, told)
}

fn own_time(row: &DeliveryRow, standing: &TargetState, limits: &Limits, now: Timestamp) -> Said {
    let DeliveryRow { due_at: due, attempts, .. } = row;
    if *due > now {
        return match (&row.owed.group, row.reason) {
            (_, Some(reason)) => {
                (Because::Retry, format!("attempt {attempts} failed ({reason}); the next one is due at {due}"))
            }
            (Some(group), None) => {
                (Because::Group, format!("it waits for others of its group ({}) until {due}", group.key))
            }
            (None, None) => (Because::Due, format!("it is due at {due}")),
        };
    }
    let opens = standing.opens_at(limits, now).filter(|opens| *opens > now);
    let when = opens.map(|opens| format!("; the rate of its target lets the next message leave at {opens}"));
    (Because::Turn, format!("it is due now and leaves when it is its turn{}", when.unwrap_or_default()))
}

#[cfg(test)]
#[path = "tests/waiting.rs"]
mod tests;
