//! `silences list|add|end`: who is not told of what for a while, at a relay that runs.
//!
//! What a silence may say is judged by the relay; here it is only put together. Next: [`super::running`].

mod print;
mod wanted;

use std::io::{self, Write};

use anyhow::anyhow;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::running::RunningRelay;
use super::{ConfigArgs, Failure, Verdict};
use crate::admin::silences::{Listing, Shown};
use crate::config::Span;
use crate::event::Timestamp;
use crate::http_client::Method;
use crate::names::{RouteName, SilenceId, TargetName};

const PATH: &str = "/api/v1/silences";

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum SilencesCommand {
    /// Print the silences that are planned or in force
    List(ListArgs),
    /// Silence some deliveries for a while, or all of them
    Add(AddArgs),
    /// End a silence before its time
    End(EndArgs),
}

/// Where the relay is, and how to print.
#[derive(Debug, Args)]
struct AskArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Base URL of the relay's admin listener; without it, where the configuration says it listens, on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// What `silences list` takes.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Also those that are over, as long as they are remembered (`store.retention`)
    #[arg(long)]
    all: bool,
}

/// What `silences add` takes.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("about").required(true).multiple(true).args(["matching", "route", "target", "everything"])))]
#[command(group(ArgGroup::new("end").required(true).args(["lasting", "until"])))]
pub struct AddArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Only events that fit, as `match` of a route: `type=node.added`, `cluster=prod-*`, `severity=< error`, `not.name=x`;
    /// repeatable: all keys must fit, of one key any value
    #[arg(long = "match", value_name = "KEY=VALUE", value_parser = wanted::pair)]
    matching: Vec<(String, String)>,
    /// Only what this route owes; repeatable
    #[arg(long, value_name = "NAME", value_parser = RouteName::parse)]
    route: Vec<RouteName>,
    /// Only what is owed to this target; repeatable
    #[arg(long, value_name = "NAME", value_parser = TargetName::parse)]
    target: Vec<TargetName>,
    /// Everything the relay would tell
    #[arg(long, conflicts_with_all = ["matching", "route", "target"])]
    everything: bool,
    /// From when on; without it, at once
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// For how long: 30m, 2h, 3d
    #[arg(long = "for", value_name = "DURATION")]
    lasting: Option<Span>,
    /// Until when: 2026-11-21T06:00:00Z; at most 90 days ahead
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Why, for those who miss a message
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who wants it; without it, whoever is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What `silences end` takes.
#[derive(Debug, Args)]
pub struct EndArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Which one, such as S12
    #[arg(value_name = "ID", value_parser = SilenceId::parse)]
    id: SilenceId,
    /// Who ends it; without it, whoever is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| {
        format!("`{text}` is not a time; write it as `2026-11-21T06:00:00Z` or `2026-11-21T07:00:00+01:00`")
    })
}

/// Does what was asked.
pub async fn run(command: &SilencesCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        SilencesCommand::List(args) => list(args, out).await?,
        SilencesCommand::Add(args) => {
            let wanted = wanted::body(args, &author(args.by.as_deref())?);
            let added: Shown = args.ask.relay()?.ask(Method::Post, PATH, &[], Some(&wanted)).await?;
            args.ask.print_one(&added, out)?;
        }
        SilencesCommand::End(args) => {
            let query = [("by", author(args.by.as_deref())?)];
            let path = format!("{PATH}/{}", args.id);
            let ended: Shown = args.ask.relay()?.ask(Method::Delete, &path, &query, None).await?;
            args.ask.print_one(&ended, out)?;
        }
    }
    Ok(Verdict::Good)
}

async fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let all = [("all", "true".to_owned())];
    let query = if args.all { all.as_slice() } else { &[] };
    let listing: Listing = args.ask.relay()?.ask(Method::Get, PATH, query, None).await?;
    match args.ask.output {
        Output::Json => print::as_json(&listing, out)?,
        Output::Table if listing.silences.is_empty() => writeln!(out, "nothing is silenced")?,
        Output::Table => print::table(&listing.silences, out)?,
    }
    Ok(())
}

impl AskArgs {
    fn relay(&self) -> Result<RunningRelay, Failure> {
        RunningRelay::of(&self.config.read()?, self.url.as_deref())
    }

    fn print_one(&self, silence: &Shown, out: &mut dyn Write) -> io::Result<()> {
        match self.output {
            Output::Json => print::as_json(silence, out),
            Output::Table => print::table(std::slice::from_ref(silence), out),
        }
    }
}

/// Who is asking: as said, else as the system knows them.
fn author(by: Option<&str>) -> Result<String, Failure> {
    let logged_in = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let author = by.map(str::to_owned).or_else(logged_in).filter(|name| !name.trim().is_empty());
    author.ok_or_else(|| {
        Failure::Misuse(anyhow!("nobody is logged in under a name\nhint: say who wants it with `--by NAME`"))
    })
}
