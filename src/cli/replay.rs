//! `replay start|list|show|stop`: stored events that a running relay tells again, at a pace.
//!
//! What may be told again is judged by the relay. Next: [`super::running`].

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::filter::WhichArgs;
use super::running::{AskArgs, Output, author};
use super::shown::{self, Tone};
use super::times;
use super::{Failure, Verdict};
use crate::admin::replays::{Listing, Shown, Standing};
use crate::config::Rate;
use crate::http_client::Method;
use crate::names::{EventId, ReplayId, TargetName};

const PATH: &str = "/api/v1/replays";

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum ReplayCommand {
    /// Tell stored events again; it goes on by itself, also after a restart
    Start(Box<StartArgs>),
    /// Print the replays and how far each has come
    List(AskArgs),
    /// Print one replay and how far it has come
    Show(ShowArgs),
    /// End a replay before its time: what it has owed already is told
    Stop(StopArgs),
}

/// What `replay start` takes.
#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Only these events
    #[arg(value_name = "EVENT_ID", value_parser = EventId::parse)]
    ids: Vec<EventId>,
    #[command(flatten)]
    which: WhichArgs,
    /// All that is stored
    #[arg(long)]
    everything: bool,
    /// Tell only this target, where the routes name it; repeatable. Without it, whom the routes say now
    #[arg(long, value_name = "NAME", value_parser = TargetName::parse)]
    to: Vec<TargetName>,
    /// Whether the messages have the keys of the first ones: then who has them already is not told twice, where the target can tell
    #[arg(long, value_enum, default_value_t = Keys::Same)]
    keys: Keys,
    /// How many events in a time
    #[arg(long, value_name = "RATE", default_value = "1/s")]
    rate: Rate,
    /// Why
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who wants it; without it, whoever is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Which keys the messages have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Keys {
    Same,
    New,
}

/// What `replay show` takes.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Which one, such as R3
    #[arg(value_name = "ID", value_parser = ReplayId::parse)]
    id: ReplayId,
}

/// What `replay stop` takes.
#[derive(Debug, Args)]
pub struct StopArgs {
    #[command(flatten)]
    which: ShowArgs,
    /// Who stops it; without it, whoever is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Does what was asked.
pub async fn run(command: &ReplayCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        ReplayCommand::Start(args) => {
            let begun: Shown = args.ask.relay()?.ask(Method::Post, PATH, &[], Some(&args.body()?)).await?;
            print_one(&args.ask, &begun, out)?;
        }
        ReplayCommand::List(ask) => {
            let listing: Listing = ask.relay()?.ask(Method::Get, PATH, &[], None).await?;
            match ask.output {
                Output::Json => shown::as_json(&listing, out)?,
                Output::Table if listing.replays.is_empty() => writeln!(out, "nothing was told again")?,
                Output::Table => table(&listing.replays, out)?,
            }
        }
        ReplayCommand::Show(ShowArgs { ask, id }) => {
            let replay: Shown = ask.relay()?.ask(Method::Get, &format!("{PATH}/{id}"), &[], None).await?;
            print_one(ask, &replay, out)?;
        }
        ReplayCommand::Stop(StopArgs { which: ShowArgs { ask, id }, by }) => {
            let body = json!({"by": author(by.as_deref())?});
            let stopped: Shown = ask.relay()?.ask(Method::Post, &format!("{PATH}/{id}/stop"), &[], Some(&body)).await?;
            print_one(ask, &stopped, out)?;
        }
    }
    Ok(Verdict::Good)
}

impl StartArgs {
    fn body(&self) -> Result<Value, Failure> {
        let said = self.which.query().into_iter().map(|(key, value)| (key.to_owned(), json!(value)));
        let mut body: Map<String, Value> = said.collect();
        let keys = match self.keys {
            Keys::Same => "same",
            Keys::New => "new",
        };
        let more = [
            ("ids", json!(self.ids)),
            ("everything", json!(self.everything)),
            ("to", json!(self.to)),
            ("keys", json!(keys)),
            ("rate", json!(self.rate.to_string())),
            ("why", json!(self.why)),
            ("by", json!(author(self.by.as_deref())?)),
        ];
        body.extend(more.map(|(key, value)| (key.to_owned(), value)));
        Ok(Value::Object(body))
    }
}

fn print_one(ask: &AskArgs, replay: &Shown, out: &mut dyn Write) -> io::Result<()> {
    match ask.output {
        Output::Json => shown::as_json(replay, out),
        Output::Table => table(std::slice::from_ref(replay), out),
    }
}

fn table(replays: &[Shown], out: &mut dyn Write) -> io::Result<()> {
    let heading = ["ID", "BEGUN (UTC)", "STANDING", "BEHIND IT", "EVENTS", "DELIVERIES", "EVERY", "BY", "WHY"];
    let rows = replays.iter().map(row);
    shown::table(std::iter::once((Tone::Heading, heading.map(str::to_owned).to_vec())).chain(rows).collect(), out)
}

fn row(replay: &Shown) -> (Tone, Vec<String>) {
    let (tone, standing) = match (replay.standing, &replay.stopped_by) {
        (Standing::Running, _) => (Tone::Wanted, "running".to_owned()),
        (Standing::Done, _) => (Tone::Plain, "done".to_owned()),
        (Standing::Stopped, by) => (Tone::Plain, format!("stopped by {}", by.as_deref().unwrap_or("nobody"))),
    };
    let cells = vec![
        replay.id.to_string(),
        times::full(replay.begun_at),
        standing,
        format!("{}%", replay.percent),
        replay.events.to_string(),
        replay.deliveries.to_string(),
        replay.every.clone(),
        replay.by.clone(),
        replay.why.clone(),
    ];
    (tone, cells)
}
