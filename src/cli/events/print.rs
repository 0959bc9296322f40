//! How events look in a list, and one of them by itself.

use std::io::{self, Write};

use serde_json::json;

use crate::admin::events::Shown;
use crate::admin::story::Story;
use crate::cli::shown::{self, Tone, lines, safe};
use crate::cli::times;
use crate::event::delivery::DeliveryState;

/// Prints them as rows.
pub fn table(events: &[Shown], out: &mut dyn Write) -> io::Result<()> {
    let heading = ["RECEIVED (UTC)", "TYPE", "SEVERITY", "CLUSTER", "OWED", "ID"].map(str::to_owned).to_vec();
    let rows = events.iter().map(|event| (tone(event), row(event)));
    shown::table(std::iter::once((Tone::Heading, heading)).chain(rows).collect(), out)
}

/// What is lost catches the eye.
fn tone(event: &Shown) -> Tone {
    let is_dead = event.owed.values().any(|states| states.contains_key(&DeliveryState::Dead));
    if is_dead { Tone::Wrong } else { Tone::Plain }
}

/// The cells of one event.
pub fn row(event: &Shown) -> Vec<String> {
    let again = match event.repeats {
        0 => String::new(),
        1 => " (and once more)".to_owned(),
        repeats => format!(" (and {repeats} times more)"),
    };
    vec![
        times::full(event.received_at),
        event.event_type.clone(),
        event.severity.to_string(),
        event.cluster.label().unwrap_or("-").to_owned(),
        owed(event),
        format!("{}{again}", event.id),
    ]
}

/// `oncall delivered, slack-ops pending`.
pub fn owed(event: &Shown) -> String {
    let told = |(state, count): (&DeliveryState, &usize)| match count {
        1 => state.as_str().to_owned(),
        count => format!("{count} {}", state.as_str()),
    };
    let of = event
        .owed
        .iter()
        .flat_map(|(target, states)| states.iter().map(move |standing| format!("{target} {}", told(standing))));
    let owed = of.collect::<Vec<_>>().join(", ");
    if owed.is_empty() { "nobody".to_owned() } else { owed }
}

/// The event and its body.
pub fn as_json(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    shown::as_json(&json!({"event": story.event, "body": story.body}), out)
}

/// The event as it is kept, then its body as it came.
pub fn one(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", lines(&format!("{:#}", serde_json::to_value(&story.event)?)))?;
    let body = &story.body;
    let cut = if body.is_whole { "" } else { ", not all of it shown as it came" };
    writeln!(out, "\nbody, {} bytes{cut}:", body.bytes)?;
    body.text.lines().try_for_each(|line| writeln!(out, "{}", safe(line)))
}
