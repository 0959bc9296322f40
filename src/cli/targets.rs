//! `targets list|pause|resume|test`: who is told, how each target stands, and what operators want of it.
//!
//! What may be asked is judged by the relay that runs. Next: [`super::running`].

use std::io::{self, Write};

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::running::{AskArgs, Output, author, time};
use super::shown::{self, Tone};
use super::{Failure, Verdict};
use crate::admin::targets::{Listing, Shown, State, TestOutcome, Tested};
use crate::config::Span;
use crate::event::Timestamp;
use crate::http_client::Method;
use crate::names::TargetName;

const PATH: &str = "/api/v1/targets";

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum TargetsCommand {
    /// Print the targets, how each stands and what waits for it
    List(AskArgs),
    /// Let nothing leave for a target: what it is owed waits until it is resumed
    Pause(PauseArgs),
    /// Let a paused target be told again
    Resume(NameArgs),
    /// Send a target a message that says it is a test; exits with 1 when it does not get through
    Test(NameArgs),
}

/// Which target, and who asks.
#[derive(Debug, Args)]
pub struct NameArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Which target
    #[arg(value_name = "TARGET", value_parser = TargetName::parse)]
    name: TargetName,
    /// Who wants it; without it, whoever is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What `targets pause` takes.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("end").required(true).args(["lasting", "until", "until_resumed"])))]
pub struct PauseArgs {
    #[command(flatten)]
    target: NameArgs,
    /// Why, for those who miss a message
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// For how long: 30m, 2h, 3d
    #[arg(long = "for", value_name = "DURATION")]
    lasting: Option<Span>,
    /// Until when: 2026-11-21T06:00:00Z; at most 90 days ahead
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Until somebody resumes it
    #[arg(long)]
    until_resumed: bool,
}

/// Does what was asked.
pub async fn run(command: &TargetsCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        TargetsCommand::List(ask) => {
            let listing: Listing = ask.relay()?.ask(Method::Get, PATH, &[], None).await?;
            match ask.output {
                Output::Json => shown::as_json(&listing, out)?,
                Output::Table => table(&listing.targets, out)?,
            }
        }
        TargetsCommand::Pause(args) => {
            let mut body = json!({"why": args.why});
            let lasting = args.lasting.map(|lasting| ("for", json!(lasting.to_string())));
            for (key, value) in lasting.into_iter().chain(args.until.map(|until| ("until", json!(until)))) {
                body[key] = value;
            }
            change(&args.target, "pause", body, out).await?;
        }
        TargetsCommand::Resume(args) => change(args, "resume", json!({}), out).await?,
        TargetsCommand::Test(args) => return test(args, out).await,
    }
    Ok(Verdict::Good)
}

async fn change(args: &NameArgs, verb: &str, body: Value, out: &mut dyn Write) -> Result<(), Failure> {
    let target: Shown = args.tell(verb, body).await?;
    match args.ask.output {
        Output::Json => shown::as_json(&target, out)?,
        Output::Table => table(std::slice::from_ref(&target), out)?,
    }
    Ok(())
}

async fn test(args: &NameArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let tested: Tested = args.tell("test", json!({})).await?;
    let is_good = tested.outcome == TestOutcome::Delivered;
    match (args.ask.output, &tested.detail) {
        (Output::Json, _) => shown::as_json(&tested, out)?,
        (Output::Table, None) => writeln!(out, "{}: delivered in {}ms", args.name, tested.took_ms)?,
        (Output::Table, Some(detail)) => {
            let reason = tested.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            writeln!(out, "{}: failed after {}ms{reason}: {}", args.name, tested.took_ms, shown::safe(detail))?;
        }
    }
    Ok(if is_good { Verdict::Good } else { Verdict::FoundWrong })
}

impl NameArgs {
    async fn tell<T: serde::de::DeserializeOwned>(&self, verb: &str, mut body: Value) -> Result<T, Failure> {
        body["by"] = json!(author(self.by.as_deref())?);
        let path = format!("{PATH}/{}/{verb}", self.name);
        self.ask.relay()?.ask(Method::Post, &path, &[], Some(&body)).await
    }
}

fn table(targets: &[Shown], out: &mut dyn Write) -> io::Result<()> {
    let heading = ["NAME", "KIND", "STATE", "PENDING", "OLDEST", "DEAD", "LIMITS", "NOTE"].map(str::to_owned).to_vec();
    let rows = targets.iter().map(row);
    shown::table(std::iter::once((Tone::Heading, heading)).chain(rows).collect(), out)
}

fn row(target: &Shown) -> (Tone, Vec<String>) {
    let (tone, state) = match target.state {
        State::Open => (Tone::Plain, "open"),
        State::Closed => (Tone::Wrong, "closed"),
        State::Paused => (Tone::Wanted, "paused"),
    };
    let oldest = target.oldest.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let cells = vec![
        target.name.to_string(),
        target.kind.clone(),
        state.to_owned(),
        target.backlog.to_string(),
        oldest,
        target.dead.to_string(),
        target.limits.clone(),
        note(target),
    ];
    (tone, cells)
}

/// Why it stands as it does.
fn note(target: &Shown) -> String {
    let paused = target.pause.as_ref().map(|pause| {
        let until = pause.until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
        format!("paused {until} by {} since {}: {}", pause.by, pause.since, pause.why)
    });
    let closed = target.closed.as_ref().map(|closed| {
        format!("{} since {}, tried again at {}: {}", closed.cause, closed.since, closed.probe_at, closed.detail)
    });
    let busy = target.busy_until.map(|until| format!("asks for patience until {until}"));
    let fallback =
        target.fallback.as_ref().map(|fallback| format!("falls back to {} after {}", fallback.to, fallback.after));
    [paused, closed, busy, fallback].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
