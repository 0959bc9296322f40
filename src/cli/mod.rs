//! The command line: what was typed, and which file does it.
//!
//! One file for each command. Exit codes: 0 good, 1 found wrong, 2 misused. Data goes to standard output, everything
//! else to standard error.

mod castai;
mod check;
mod deliveries;
mod demo;
mod drill;
mod events;
mod explain;
mod filter;
mod replay;
mod route_test;
mod running;
mod send;
mod serve;
mod shown;
mod silences;
mod status;
mod targets;
mod times;
mod what_if;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::app::settings::{Routing, Settings};
use crate::config::{self, Loaded, Problems};
use crate::event::Timestamp;
use crate::http_client::{self, HttpClient};
use crate::notify::Kit;
use crate::runtime::{Clock, SystemClock};
use crate::source::samples;

/// Takes every CAST AI event in, loses none, tells the right people once, and can prove it.
#[derive(Debug, Parser)]
#[command(name = "castai-relay", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the relay: take events in, keep them, tell people
    Serve(ConfigArgs),
    /// Find every mistake in the configuration, or print what it means
    Check(ConfigArgs),
    /// Ask the routing table
    #[command(subcommand)]
    Route(RouteCommand),
    /// Run another configuration over the events that are kept, and see who would be told; sends nothing
    WhatIf(what_if::WhatIfArgs),
    /// Send an event to a running relay, with the right token or signature
    Send(send::SendArgs),
    /// Print what became of an event: what is wrong, what to do, and all that happened to it
    Explain(explain::ExplainArgs),
    /// See what came to a running relay
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// See what a running relay owes to whom, and how that stands
    #[command(subcommand)]
    Deliveries(deliveries::DeliveriesCommand),
    /// Have a running relay tell stored events again
    #[command(subcommand)]
    Replay(replay::ReplayCommand),
    /// Keep a running relay from telling some of it for a while
    #[command(subcommand)]
    Silences(silences::SilencesCommand),
    /// Print how a running relay stands; exits with 1 when it would not keep an event
    Status(running::AskArgs),
    /// See how the targets of a running relay stand; pause, resume and test them
    #[command(subcommand)]
    Targets(targets::TargetsCommand),
    /// Play an event that did not happen, to see whether everybody would be told
    #[command(subcommand)]
    Drill(drill::DrillCommand),
    /// Connect CAST AI, ask it, and find out what stands in the way
    #[command(subcommand)]
    Castai(castai::CastaiCommand),
    /// See it work: the whole relay with stand-ins for Slack and PagerDuty, for half a minute
    Demo(demo::DemoArgs),
}

#[derive(Debug, Subcommand)]
enum RouteCommand {
    /// Show which routes an event takes, why not the others, and every message as it would be sent
    Test(route_test::RouteTestArgs),
}

#[derive(Debug, Clone, Args)]
struct ConfigArgs {
    /// Configuration file; repeatable, later files win. Without one, the built-in defaults apply
    #[arg(long = "config", short = 'c', value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// An event given on the command line.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct BodyArgs {
    /// File with the body of an event; `-` reads standard input
    #[arg(value_name = "EVENT_FILE")]
    file: Option<PathBuf>,
    /// A built-in sample instead of a file
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(samples::names()))]
    sample: Option<String>,
}

/// How a command ended when nothing failed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    FoundWrong,
}

/// Why a command could not do its work.
#[derive(Debug)]
enum Failure {
    Config(Problems),
    /// What was typed cannot be meant.
    Misuse(anyhow::Error),
    Other(anyhow::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Misuse(_) => 2,
            Self::Config(_) | Self::Other(_) => 1,
        }
    }

    /// Whether standard output was closed by whoever read it.
    fn is_broken_pipe(&self) -> bool {
        let io = |error: &anyhow::Error| error.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(self, Self::Other(error) if io(error) == Some(io::ErrorKind::BrokenPipe))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => write!(f, "{problems}"),
            Self::Misuse(error) | Self::Other(error) => write!(f, "error: {error:#}"),
        }
    }
}

/// Reads the arguments, does the work, and says how it went.
pub fn main() -> ExitCode {
    http_client::install_crypto();
    let cli = Cli::parse();
    let mut out = io::stdout().lock();
    let done = run(cli.command, &mut out).and_then(|verdict| Ok(out.flush().map(|()| verdict)?));
    match done {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::FoundWrong) => ExitCode::from(1),
        // `castai-relay check | head` has seen enough.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to tell when standard error is closed, too.
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args, out),
        Command::Route(RouteCommand::Test(args)) => route_test::run(&args, out),
        Command::WhatIf(args) => what_if::run(&args, out),
        Command::Send(args) => on_runtime(send::run(&args, out)),
        Command::Explain(args) => on_runtime(explain::run(&args, out)),
        Command::Events(command) => on_runtime(events::run(&command, out)),
        Command::Deliveries(command) => on_runtime(deliveries::run(&command, out)),
        Command::Replay(command) => on_runtime(replay::run(&command, out)),
        Command::Silences(command) => on_runtime(silences::run(&command, out)),
        Command::Status(args) => on_runtime(status::run(&args, out)),
        Command::Targets(command) => on_runtime(targets::run(&command, out)),
        Command::Drill(command) => on_runtime(drill::run(&command, out)),
        Command::Castai(command) => on_runtime(castai::run(&command, out)),
        Command::Demo(args) => on_runtime(demo::run(&args, out)),
    }
}

fn on_runtime<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

impl ConfigArgs {
    /// The settings these files and the environment amount to.
    fn read(&self) -> Result<Settings, Failure> {
        Settings::read(&self.load(), &kit()?).map_err(Failure::Config)
    }

    /// The same, but only who is told of what; no secret need be there.
    fn read_routing(&self) -> Result<Routing, Failure> {
        Routing::read(&self.load()).map_err(Failure::Config)
    }

    fn load(&self) -> Loaded {
        config::load(&self.files, std::env::vars_os().filter_map(utf8).collect())
    }

    /// What to call these files in a sentence.
    fn described(&self) -> String {
        match self.files.as_slice() {
            [] => "built-in defaults".to_owned(),
            files => files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Settings are UTF-8; a variable that is not cannot be one of ours.
fn utf8((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn kit() -> Result<Kit, Failure> {
    Ok(Kit { http: HttpClient::new()? })
}

impl BodyArgs {
    /// The bytes of the event; a sample gets `id` (default: a fresh one) and the present time.
    fn read(&self, id: Option<&str>) -> anyhow::Result<Vec<u8>> {
        let now = SystemClock.now();
        if let Some(name) = &self.sample {
            let id = id.map_or_else(|| fresh_id(now), str::to_owned);
            return Ok(samples::sample(name, &id, now).unwrap_or_default().into_bytes());
        }
        let path = self.file.clone().unwrap_or_else(|| PathBuf::from("-"));
        let read = match path.as_os_str() == "-" {
            true => read_all(io::stdin().lock()),
            false => std::fs::read(&path),
        };
        read.map_err(|error| anyhow::anyhow!("cannot read `{}`: {error}", path.display()))
    }
}

fn read_all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).map(|_| bytes)
}

fn fresh_id(now: Timestamp) -> String {
    format!("sample-{}", now.as_millis())
}

/// Writes rows with their columns aligned; the last column runs free.
fn write_table(out: &mut dyn Write, indent: &str, rows: &[Vec<String>]) -> io::Result<()> {
    // What ends a row needs no room for what comes behind it.
    let width = |column: usize| {
        let longer = rows.iter().filter(|row| column + 1 < row.len());
        longer.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    for row in rows {
        let mut line = indent.to_owned();
        for (column, cell) in row.iter().enumerate() {
            let pad = match column + 1 == row.len() {
                true => 0,
                false => width(column).unwrap_or_default() + 2 - cell.chars().count(),
            };
            line.push_str(cell);
            line.push_str(&" ".repeat(pad));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
