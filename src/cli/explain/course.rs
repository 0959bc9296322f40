//! What happened to an event, in order of time: how it came, what was tried, how it ended, and what comes next.

use super::Line;
use crate::admin::deliveries::Shown;
use crate::admin::story::{Came, Story};
use crate::cli::shown::Tone;
use crate::cli::times::{lasting, short, shortened};
use crate::event::delivery::DeliveryState;
use crate::event::ledger::{Attempt, AttemptOutcome, Entry, Fact};
use crate::event::{Event, Timestamp};
use crate::names::DeliveryId;
use crate::store::Origin;

/// The lines, in order of time.
pub fn lines(story: &Story) -> Vec<Line> {
    let of = story.came.received_at;
    let mut all: Vec<(Timestamp, Tone, String)> = arrival(&story.came);
    all.extend(story.deliveries.iter().filter_map(timed_out));
    let mut number = 1;
    for entry in &story.ledger {
        let missing = entry.number.saturating_sub(number);
        if missing > 0 {
            all.push((entry.at, Tone::Plain, format!("… {missing} entries were left out")));
        }
        number = entry.number.saturating_add(1);
        if is_said_by_an_attempt(story, entry) {
            continue;
        }
        let (tone, told) = told(story, entry);
        all.push((entry.at, tone, told));
    }
    // Stable: what happened at one time stays in the order in which it was written down.
    all.sort_by_key(|(at, ..)| *at);
    let waits = story.deliveries.iter().filter_map(|delivery| delivery.due_at.map(|due| (due, delivery)));
    let waits = waits.filter(|(due, _)| *due > story.as_of);
    all.extend(
        waits.map(|(due, delivery)| (due, Tone::Wanted, format!("next for {}, if nothing keeps it", delivery.target))),
    );
    let line = |(at, tone, told): (Timestamp, Tone, String)| (tone, vec![short(at, of), shortened(&told, of)]);
    all.into_iter().map(line).collect()
}

/// The last attempt says that it was the last one, and why.
fn is_said_by_an_attempt(story: &Story, entry: &Entry) -> bool {
    let Fact::Ended { delivery: ended, state: DeliveryState::Dead, .. } = entry.fact else { return false };
    story.ledger.iter().any(|other| match &other.fact {
        Fact::Attempted(Attempt { delivery, outcome: AttemptOutcome::Dead, .. }) => {
            *delivery == ended && other.at == entry.at
        }
        _ => false,
    })
}

fn arrival(came: &Came) -> Vec<(Timestamp, Tone, String)> {
    let happened = came.occurred_at.filter(|at| *at != came.received_at);
    let happened = happened.map(|at| {
        let whose = if at > came.received_at { ", whose clock is ahead of ours" } else { "" };
        (at, Tone::Plain, format!("it happened, as the sender says{whose}"))
    });
    let late = came.late_by_seconds.filter(|late| *late >= Event::LATE.as_secs());
    let late = late.map(|late| format!(", {} after it happened", lasting(late))).unwrap_or_default();
    let how = match came.by_backfill {
        true => "fetched from CAST AI's list: the webhook had not brought it".to_owned(),
        false => format!("came from {}", came.source),
    };
    happened.into_iter().chain([(came.received_at, Tone::Plain, format!("{how}{late}"))]).collect()
}

/// What is owed because of a silence left no entry of its own.
fn timed_out(delivery: &Shown) -> Option<(Timestamp, Tone, String)> {
    let incident = delivery.incident.as_ref().filter(|_| delivery.origin == Origin::TimedOut)?;
    let told = format!("{}: nothing more was heard of incident {incident}, so it is over", delivery.target);
    Some((delivery.owed_since, Tone::Plain, told))
}

fn told(story: &Story, entry: &Entry) -> (Tone, String) {
    let target = |id: &DeliveryId| {
        let delivery = story.deliveries.iter().find(|delivery| delivery.id == *id);
        delivery.map_or_else(|| format!("delivery {id}"), |delivery| delivery.target.to_string())
    };
    match &entry.fact {
        Fact::Repeated { source, conflict, times } => repeated(source.as_str(), *conflict, *times),
        Fact::Attempted(attempt) => attempted(&target(&attempt.delivery), attempt),
        Fact::CutShort { delivery, attempt } => {
            (Tone::Wanted, format!("{}: attempt {attempt} was cut short; nobody knows how it ended", target(delivery)))
        }
        Fact::Ended { delivery, state, reason, detail } => {
            let tone = if *state == DeliveryState::Dead { Tone::Wrong } else { Tone::Plain };
            let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            (tone, format!("{}: {}{reason}: {detail}", target(delivery), state.as_str()))
        }
        Fact::FellBack { delivery, to, copy } => {
            let beside = if copy.is_some() { "" } else { ", who hear of it anyway" };
            (Tone::Wanted, format!("{}: fell back to {to}{beside}", target(delivery)))
        }
        Fact::Resolved { target, incident, by } => {
            let by =
                by.as_ref().map_or_else(|| "nothing more was heard of it".to_owned(), |id| format!("by event {id}"));
            (Tone::Plain, format!("{target}: incident {incident} is over, {by}"))
        }
        Fact::Retried { delivery, by } => (Tone::Wanted, format!("{}: owed again, as {by} wanted", target(delivery))),
        Fact::Replayed { replay, by } => (Tone::Wanted, format!("told again by replay {replay}, as {by} wanted")),
        Fact::Unknown => (Tone::Plain, "something that only a newer version of the relay can tell of".to_owned()),
    }
}

fn repeated(source: &str, conflict: bool, times: u64) -> (Tone, String) {
    let times = if times == 1 { "again".to_owned() } else { format!("{times} times more") };
    match conflict {
        false => (Tone::Plain, format!("came {times} from {source}: nobody is told anew")),
        true => (Tone::Wrong, format!("came {times} from {source} with another body: the first one stands")),
    }
}

fn attempted(target: &str, attempt: &Attempt) -> (Tone, String) {
    let number = attempt.attempt;
    let took = if attempt.took_ms > 0 { format!(" in {}ms", attempt.took_ms) } else { String::new() };
    let among = attempt.together.map(|together| {
        let what = if together.storm { "a storm" } else { "a group" };
        format!(", in one message of {what} with {} others", together.deliveries.saturating_sub(1))
    });
    let among = among.unwrap_or_default();
    let answer = attempt.answer.as_ref().map(|answer| match answer.said.as_str() {
        "" => format!("; answered {}", answer.status),
        said => format!("; answered {} `{said}`", answer.status),
    });
    let answer = answer.unwrap_or_default();
    let reason = attempt.reason.map_or("?", |reason| reason.as_str());
    let detail = attempt.detail.as_deref().unwrap_or_default();
    let doubt = if attempt.ambiguous { ", and may have arrived" } else { "" };
    match attempt.outcome {
        AttemptOutcome::Delivered => {
            (Tone::Plain, format!("{target}: attempt {number} delivered it{took}{among}{answer}"))
        }
        AttemptOutcome::Retry => {
            let again = attempt.again_at.map(|at| format!("; tried again at {at}")).unwrap_or_default();
            (Tone::Wanted, format!("{target}: attempt {number} failed{took}{among}{doubt} ({reason}): {detail}{again}"))
        }
        AttemptOutcome::Dead => (
            Tone::Wrong,
            format!("{target}: attempt {number} failed{took}{among}{doubt} ({reason}), the last one: {detail}"),
        ),
    }
}
