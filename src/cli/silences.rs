//! `silences list|add|end`: who is not told of what for a while, at a relay that runs.
//!
//! What a silence may say is judged by the relay; here it is only put together. Next: [`super::running`].

mod print;
mod wanted;

use std::io::{self, Write};

use clap::{ArgGroup, Args, Subcommand};

use super::running::{AskArgs, Output, author, time};
use super::{Failure, Verdict, shown};
use crate::admin::silences::{Listing, Shown};
use crate::config::Span;
use crate::event::Timestamp;
use crate::http_client::Method;
use crate::names::{RouteName, SilenceId, TargetName};

const PATH: &str = "/api/v1/silences";
/// Pages that are asked for: more silences than anybody reads.
const MOST_PAGES: usize = 50;

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

/// Does what was asked.
pub async fn run(command: &SilencesCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        SilencesCommand::List(args) => list(args, out).await?,
        SilencesCommand::Add(args) => {
            let wanted = wanted::body(args, &author(args.by.as_deref())?);
            let added: Shown = args.ask.relay()?.ask(Method::Post, PATH, &[], Some(&wanted)).await?;
            print_one(&args.ask, &added, out)?;
        }
        SilencesCommand::End(args) => {
            let query = [("by", author(args.by.as_deref())?)];
            let path = format!("{PATH}/{}", args.id);
            let ended: Shown = args.ask.relay()?.ask(Method::Delete, &path, &query, None).await?;
            print_one(&args.ask, &ended, out)?;
        }
    }
    Ok(Verdict::Good)
}

async fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let listing = Listing { silences: all(args).await?, next: None };
    match args.ask.output {
        Output::Json => shown::as_json(&listing, out)?,
        Output::Table if listing.silences.is_empty() => writeln!(out, "nothing is silenced")?,
        Output::Table => print::table(&listing.silences, out)?,
    }
    Ok(())
}

/// Page by page, the newest last.
async fn all(args: &ListArgs) -> Result<Vec<Shown>, Failure> {
    let (relay, mut silences, mut cursor) = (args.ask.relay()?, Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let all = args.all.then(|| ("all", "true".to_owned()));
        let query = [Some(("limit", "200".to_owned())), all, cursor.map(|cursor| ("cursor", cursor))];
        let query: Vec<_> = query.into_iter().flatten().collect();
        let page: Listing = relay.ask(Method::Get, PATH, &query, None).await?;
        silences.extend(page.silences);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    silences.reverse();
    Ok(silences)
}

fn print_one(ask: &AskArgs, silence: &Shown, out: &mut dyn Write) -> io::Result<()> {
    match ask.output {
        Output::Json => shown::as_json(silence, out),
        Output::Table => print::table(std::slice::from_ref(silence), out),
    }
}
