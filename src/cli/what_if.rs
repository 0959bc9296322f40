//! `what-if`: what another configuration would make of the events that are kept, without sending anything.
//!
//! Reads the database from outside, so it needs no relay and disturbs none. [`past`] is what became of the events then,
//! [`crate::route::compare`] the comparison, [`mod@print`] how it looks.

mod past;
mod print;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::running::Output;
use super::{ConfigArgs, Failure, Verdict};
use crate::app::settings::Engine;
use crate::config::Span;
use crate::event::{Event, Severity, Timestamp};
use crate::route::RoutingTable;
use crate::route::compare::{Comparison, Outcome};
use crate::runtime::{Clock, SystemClock};
use crate::store::query::{EventFilter, Period};
use crate::store::sqlite::{History, OpenError, Peek, Step};
use past::Then;
use print::Report;

/// What `what-if` takes.
#[derive(Debug, Args)]
pub struct WhatIfArgs {
    /// The new configuration; repeatable, later files win. Its secrets need not be there
    #[arg(long = "config", short = 'c', value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The database, or a copy of it; without it, `store.sqlite.path` of the new configuration
    #[arg(long, value_name = "PATH")]
    database: Option<PathBuf>,
    /// Only events received from then on: 7d ago, or 2026-11-21T06:00:00Z
    #[arg(long, value_name = "DURATION|TIME", value_parser = Moment::parse)]
    since: Option<Moment>,
    /// Only events received before then: 1h ago, or 2026-11-21T06:00:00Z
    #[arg(long, value_name = "DURATION|TIME", value_parser = Moment::parse)]
    until: Option<Moment>,
    /// Only the newest N events of that time, whatever their type
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only events of this type, or of types that begin so: node.*; repeatable
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Compare with this configuration, not with what the routes made of the events then; repeatable
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// Exit with 1 when an event as bad as this or worse, or told so, would lose its route; `none`: never
    #[arg(long, value_name = "SEVERITY", default_value = "warning", value_parser = FailAt::parse)]
    fail_at: FailAt,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// A time, as it is or as so long ago.
#[derive(Debug, Clone, Copy)]
enum Moment {
    At(Timestamp),
    Ago(Span),
}

impl Moment {
    fn parse(text: &str) -> Result<Self, String> {
        let ago = || text.parse().map(Self::Ago);
        Timestamp::parse(text).map(Self::At).map_or_else(ago, Ok).map_err(|_| {
            format!("`{text}` is neither a time nor a duration; write `2026-11-21T06:00:00Z`, or `7d` for so long ago")
        })
    }

    fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.saturating_sub(ago.get()),
        }
    }
}

/// What is bad enough to fail for; nothing, with `none`.
#[derive(Debug, Clone, Copy)]
struct FailAt(Option<Severity>);

impl FailAt {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            text => text.parse().map(|severity| Self(Some(severity))).map_err(|error| format!("{error}, none")),
        }
    }
}

/// Compares, and prints what is different.
pub fn run(args: &WhatIfArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let new = read(&args.files)?;
    let old = (!args.against.is_empty()).then(|| read(&args.against)).transpose()?;
    let database = args.database.clone().or(new.database).ok_or_else(|| {
        Failure::Misuse(anyhow!(
            "the new configuration keeps events in memory\nhint: name a database with `--database`"
        ))
    })?;
    let now = SystemClock.now();
    let seen_from = |moment: &Option<Moment>| moment.map(|moment| moment.seen_from(now));
    let when = Period { since: seen_from(&args.since), until: seen_from(&args.until) };
    let history = Peek::open(&database).and_then(|peek| History::of(peek, when, args.limit));
    let mut history = history.map_err(cannot_look)?;
    let then = old.as_ref().map_or_else(Then::recorded, |old| Then::by(&old.table));
    let found = look_back(args, &mut history, then, &new.table)?;
    let report = Report {
        database: database.display().to_string(),
        when,
        before: old.map(|old| old.described),
        after: new.described,
        default_targets: new.table.default_targets(),
        fail_at: args.fail_at.0,
        found,
    };
    report.print(args.output, out)?;
    Ok(if report.is_bad() { Verdict::FoundWrong } else { Verdict::Good })
}

/// Nothing is found wrong with the configuration by that, so it is not told like that.
fn cannot_look(error: OpenError) -> Failure {
    Failure::Misuse(anyhow!("{error}\nhint: `--database PATH` names the database of a relay, or a whole copy of it"))
}

struct Side {
    table: RoutingTable,
    database: Option<PathBuf>,
    described: String,
}

fn read(files: &[PathBuf]) -> Result<Side, Failure> {
    let files = ConfigArgs { files: files.to_vec() };
    let routing = files.read_routing()?;
    let database = match routing.engine {
        Engine::Sqlite(config) => Some(config.path),
        Engine::Memory => None,
    };
    Ok(Side { table: routing.table, database, described: files.described() })
}

/// What came of looking back.
#[derive(Debug, Default)]
struct Found {
    comparison: Comparison,
    /// When the first and the last event that was compared were received.
    from_to: Option<(Timestamp, Timestamp)>,
    /// Events that could not be read, and why the first of them could not: its number in the database, and the reason.
    unreadable: (u64, Option<(i64, String)>),
    /// Events of which the routing table of that time is not known: what their routes owed is all there is.
    without_table: u64,
}

fn look_back(
    args: &WhatIfArgs,
    history: &mut History,
    mut then: Then<'_>,
    new: &RoutingTable,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    let filter = |wanted: &String| EventFilter { event_type: Some(wanted.clone()), ..EventFilter::default() };
    let filters: Vec<EventFilter> = args.types.iter().map(filter).collect();
    let fits = |event: &Event| filters.is_empty() || filters.iter().any(|filter| filter.fits(event));
    // A drill is no news, and who takes a route away takes its drill away, too.
    let is_wanted = |event: &Event| event.drill().is_none() && fits(event);
    let mut progress = Progress::new();
    while let Some(Step { events, unreadable }) = history.step().map_err(cannot_look)? {
        for past in events.iter().filter(|past| is_wanted(&past.event)) {
            let before = then.outcome(past, history).map_err(cannot_look)?;
            let after = Outcome::by(new, &past.event);
            let after = if then.is_recorded() { after.with_ends_of(&before) } else { after };
            found.add(&past.event, &before, &after);
        }
        found.unreadable.0 += u64::try_from(unreadable.len()).unwrap_or(u64::MAX);
        found.unreadable.1 = found.unreadable.1.take().or(unreadable.into_iter().next());
        progress.show(history.percent(), found.comparison.events)?;
    }
    found.without_table = then.without_table();
    progress.end()?;
    Ok(found)
}

impl Found {
    fn add(&mut self, event: &Event, before: &Outcome, after: &Outcome) {
        let at = event.received_at;
        self.from_to = Some(self.from_to.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
        self.comparison.add(event, before, after);
    }
}

/// One line on a terminal that says how far it is; nothing elsewhere.
struct Progress {
    shown: Option<u64>,
    is_wanted: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: None, is_wanted: io::stderr().is_terminal() }
    }

    fn show(&mut self, percent: u64, events: u64) -> io::Result<()> {
        if !self.is_wanted || self.shown == Some(percent) {
            return Ok(());
        }
        self.shown = Some(percent);
        let mut terminal = io::stderr();
        write!(terminal, "\r{percent:3} %, {events} events")?;
        terminal.flush()
    }

    fn end(&self) -> io::Result<()> {
        match self.shown {
            Some(_) => write!(io::stderr(), "\r\x1b[K"),
            None => Ok(()),
        }
    }
}
