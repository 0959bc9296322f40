//! `explain`: what became of an event, on one screen: what is wrong and what to do first, then everything in order of time.
//!
//! The relay tells the story; here it is put into lines. [`short`] is each delivery in a word, [`advice`] what to do next,
//! [`course`] what happened when.

mod advice;
mod course;
mod short;

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use super::events::PATH;
use super::running::{AskArgs, Output};
use super::shown::{self, Tone};
use super::{Failure, Verdict, times};
use crate::admin::story::Story;
use crate::event::relay::RelayReport;
use crate::names::EventId;
use crate::notify::message::{cut, one_line};

/// A line of the screen: its tone and its cells.
type Line = (Tone, Vec<String>);

/// Lines of a body that are shown around the place where it went wrong.
const AROUND: usize = 3;
/// Fields of an event that are shown, and characters of each.
const MOST_FIELDS: usize = 16;
const LONGEST_FIELD: usize = 160;

/// What `explain` takes.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Which event, by its id: as in a message, in the log, or in `events list`
    #[arg(value_name = "EVENT_ID", value_parser = EventId::parse)]
    id: EventId,
}

/// Prints the story of one event.
pub async fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let story: Story = args.ask.relay()?.ask_of(PATH, args.id.as_str()).await?;
    match args.ask.output {
        Output::Json => shown::as_json(&story, out)?,
        Output::Table => screen(&story, out)?,
    }
    Ok(Verdict::Good)
}

fn screen(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    shown::table(vec![(Tone::Heading, vec![title(story)])], out)?;
    let day = &times::full(story.came.received_at)[..10];
    writeln!(out, "times are UTC, of {day}; as of {}\n", times::short(story.as_of, story.came.received_at))?;
    shown::table(short::lines(story), out)?;
    shown::table(advice::lines(story), out)?;
    section("what happened", course::lines(story), out)?;
    section("routes", routes(story), out)?;
    section("event", fields(story), out)?;
    section("body", broken_body(story), out)
}

fn section(name: &str, lines: Vec<Line>, out: &mut dyn Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    shown::table(vec![(Tone::Heading, vec![name.to_owned()])], out)?;
    let indented = |(tone, cells): Line| (tone, [vec![String::new()], cells].concat());
    shown::table(lines.into_iter().map(indented).collect(), out)
}

/// A text of the event's record.
fn text<'a>(story: &'a Story, key: &str) -> &'a str {
    story.event.get(key).and_then(Value::as_str).unwrap_or("?")
}

/// What is said of a body that nobody could read, if the event is one.
fn rejected(story: &Story) -> Option<&Value> {
    story.event.get("data").filter(|_| text(story, "type") == RelayReport::BodyRejected.type_name())
}

fn title(story: &Story) -> String {
    let cluster = story.event.get("cluster");
    let named = |key: &str| cluster.and_then(|cluster| cluster.get(key)).and_then(Value::as_str);
    let cluster = named("name").or(named("id")).map(|name| format!(" in {name}")).unwrap_or_default();
    let (kind, severity) = (text(story, "type"), text(story, "severity"));
    one_line(&format!("{kind}{cluster}, {severity}: {}", text(story, "id")))
}

fn routes(story: &Story) -> Vec<Line> {
    let unknown = story.routing.unknown.iter().map(|why| (Tone::Plain, vec![format!("cannot be told: {why}")]));
    let told = story.routing.verdicts.iter().map(|verdict| {
        let mark = if verdict.matched { "→" } else { "·" };
        (Tone::Plain, vec![mark.to_owned(), times::shortened(&verdict.told, story.came.received_at)])
    });
    unknown.chain(told).collect()
}

/// The particulars, one line for each, and what was odd about the body.
fn fields(story: &Story) -> Vec<Line> {
    let field = |(key, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (Tone::Plain, vec![cut(key, 40), cut(&one_line(&value), LONGEST_FIELD)])
    };
    let data = story.event.get("data").and_then(Value::as_object);
    let more = data.map_or(0, serde_json::Map::len).saturating_sub(MOST_FIELDS);
    let more = (more > 0).then(|| (Tone::Plain, vec!["…".to_owned(), format!("{more} more; `events show` has all")]));
    let record = ["name", "message"].into_iter().filter_map(|key| story.event.get_key_value(key));
    let notes = story.event.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let notes = notes.map(|note| (Tone::Plain, vec!["note".to_owned(), cut(&one_line(note), LONGEST_FIELD)]));
    let data = data.into_iter().flatten().take(MOST_FIELDS);
    record.chain(data).map(field).chain(more).chain(notes).collect()
}

/// Of a body that nobody could read, the lines around the place where it went wrong.
fn broken_body(story: &Story) -> Vec<Line> {
    let at = |key: &str| rejected(story)?.get(key)?.as_u64().and_then(|at| usize::try_from(at).ok());
    let Some((line, column)) = at("line").zip(at("column")) else { return Vec::new() };
    let shown = (line.saturating_sub(AROUND)..=line.saturating_add(AROUND)).filter_map(|number| {
        let text = story.body.text.lines().nth(number.checked_sub(1)?)?;
        Some((number, text))
    });
    shown
        .map(|(number, text)| {
            let mark = if number == line { format!("{number} > ") } else { format!("{number}   ") };
            let tone = if number == line { Tone::Wrong } else { Tone::Plain };
            (tone, vec![mark, window(text, if number == line { column } else { 1 })])
        })
        .collect()
}

/// A line of a body, or of a very long one the part around a column.
fn window(line: &str, column: usize) -> String {
    const BEFORE: usize = 60;
    let start = column.saturating_sub(BEFORE);
    let from: String = line.chars().skip(start).collect();
    let dots = if start > 0 { "…" } else { "" };
    format!("{dots}{}", cut(&from, LONGEST_FIELD))
}
