//! `drill list|run`: made-up events that go all the way, to see whether they get there.
//!
//! What may be played is judged by the relay that runs, and so is how it went. Next: [`super::running`].

use std::io::{self, Write};
use std::time::Duration;

use anyhow::anyhow;
use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::running::{AskArgs, Output, RunningRelay, author};
use super::shown::{self, Tone};
use super::{Failure, Verdict};
use crate::admin::drills::{Begun, Listing, Shown};
use crate::config::Span;
use crate::event::DrillOutcome;
use crate::http_client::Method;
use crate::names::{DrillName, SourceName};
use crate::runtime::{Clock, SystemClock};
use crate::source::drills::record::{Ended, Run};
use crate::source::samples;

const PATH: &str = "/api/v1/drills";

/// How often it is looked whether a drill has ended.
const LOOK: Duration = Duration::from_secs(1);

/// How long a relay may take to say so after its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Print the drills, when each comes next and how it went last
    List(AskArgs),
    /// Begin a drill now: by name, or of a built-in sample
    Run(RunArgs),
}

/// What `drill run` takes.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["name", "sample"])))]
pub struct RunArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// A drill of the relay's configuration
    #[arg(value_name = "DRILL", value_parser = DrillName::parse)]
    name: Option<DrillName>,
    /// A built-in sample instead
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(samples::names()))]
    sample: Option<String>,
    /// The webhook source that the sample plays; without it, the first one
    #[arg(long, value_name = "NAME", value_parser = SourceName::parse, conflicts_with = "name")]
    source: Option<SourceName>,
    /// How soon everybody must have been told of the sample: 30s, 5m; without it, 5m
    #[arg(long, value_name = "DURATION", conflicts_with = "name")]
    within: Option<Span>,
    /// Wait for how it ends; exits with 1 when it failed
    #[arg(long)]
    wait: bool,
    /// Who wants it; without it, whoever is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Does what was asked.
pub async fn run(command: &DrillCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        DrillCommand::List(ask) => {
            let listing: Listing = ask.relay()?.ask(Method::Get, PATH, &[], None).await?;
            match ask.output {
                Output::Json => shown::as_json(&listing, out)?,
                Output::Table => table(&listing.drills, out)?,
            }
            Ok(Verdict::Good)
        }
        DrillCommand::Run(args) => begin(args, out).await,
    }
}

async fn begin(args: &RunArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let (path, body) = args.wanted()?;
    let relay = args.ask.relay()?;
    let begun: Begun = relay.ask(Method::Post, &path, &[], Some(&body)).await?;
    if !args.wait {
        match args.ask.output {
            Output::Json => shown::as_json(&begun, out)?,
            Output::Table => {
                let Begun { drill, event_id, until } = begun;
                writeln!(out, "{drill}: begun, everybody must be told until {until}; event {event_id}")?;
            }
        }
        return Ok(Verdict::Good);
    }
    let (run, ended) = wait_for(&relay, &begun).await?;
    match args.ask.output {
        Output::Json => shown::as_json(&run, out)?,
        Output::Table => writeln!(out, "{}: {}; event {}", begun.drill, in_words(&ended), run.event_id)?,
    }
    Ok(if ended.outcome == DrillOutcome::Failed { Verdict::FoundWrong } else { Verdict::Good })
}

impl RunArgs {
    /// Where to ask, and for what.
    fn wanted(&self) -> Result<(String, Value), Failure> {
        let mut body = json!({"by": author(self.by.as_deref())?});
        if let Some(name) = &self.name {
            return Ok((format!("{PATH}/{name}/run"), body));
        }
        body["sample"] = json!(self.sample);
        let within = self.within.map(|within| ("within", json!(within.to_string())));
        for (key, value) in within.into_iter().chain(self.source.as_ref().map(|source| ("source", json!(source)))) {
            body[key] = value;
        }
        Ok((PATH.to_owned(), body))
    }
}

/// Looks again and again, until the relay says how it ended.
async fn wait_for(relay: &RunningRelay, begun: &Begun) -> Result<(Run, Ended), Failure> {
    let path = format!("{PATH}/{}", begun.drill);
    let mut give_up_at = None;
    loop {
        let drill: Shown = relay.ask(Method::Get, &path, &[], None).await?;
        let run = drill.runs.into_iter().find(|run| run.event_id == begun.event_id);
        let run = run.ok_or_else(|| anyhow!("the relay has forgotten the drill `{}`", begun.event_id))?;
        if let Some(ended) = run.ended.clone() {
            return Ok((run, ended));
        }
        // By our own clock: the relay's may be another one.
        let now = SystemClock.now();
        if now >= *give_up_at.get_or_insert(now.saturating_add(run.within()).saturating_add(PATIENCE)) {
            let hint = "hint: its log says whether it can still read and write its database";
            return Err(anyhow!("the relay does not say how the drill `{}` ended\n{hint}", begun.event_id).into());
        }
        SystemClock.sleep_until(now.saturating_add(LOOK)).await;
    }
}

fn in_words(ended: &Ended) -> String {
    let took = ended.took_ms.map(|took| format!(" in {took}ms")).unwrap_or_default();
    let why = ended.why.as_deref().map(|why| format!(": {}", shown::safe(why))).unwrap_or_default();
    format!("{}{took}{why}", ended.outcome)
}

fn table(drills: &[Shown], out: &mut dyn Write) -> io::Result<()> {
    let heading = ["NAME", "SCHEDULE", "NEXT", "LAST", "RESULT"].map(str::to_owned).to_vec();
    let rows = drills.iter().map(row);
    shown::table(std::iter::once((Tone::Heading, heading)).chain(rows).collect(), out)
}

fn row(drill: &Shown) -> (Tone, Vec<String>) {
    let nothing = || "-".to_owned();
    let last = drill.runs.first();
    let ended = last.and_then(|run| run.ended.as_ref());
    let tone = match ended.map(|ended| ended.outcome) {
        Some(DrillOutcome::Failed) => Tone::Wrong,
        Some(DrillOutcome::Silenced) => Tone::Wanted,
        Some(DrillOutcome::Passed) | None => Tone::Plain,
    };
    let result = match (last, ended) {
        (None, _) => nothing(),
        (Some(_), Some(ended)) => in_words(ended),
        (Some(run), None) => format!("under way until {}", run.until),
    };
    let cells = vec![
        drill.name.to_string(),
        drill.schedule.clone().unwrap_or_else(nothing),
        drill.next.map_or_else(nothing, |next| next.to_string()),
        last.map_or_else(nothing, |run| run.begun_at.to_string()),
        result,
    ];
    (tone, cells)
}
