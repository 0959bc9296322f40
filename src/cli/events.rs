//! `events list|show|tail`: what came to a relay that runs. The story of one event is [`super::explain`].

mod print;
mod sse;
mod tail;

use std::io::Write;

use clap::{Args, Subcommand};

use super::filter::{FilterArgs, Paged, say_that_there_is_more};
use super::running::{AskArgs, Output};
use super::{Failure, Verdict, shown};
use crate::admin::events::{Listing, Shown};
use crate::admin::story::Story;
use crate::names::EventId;

/// Where events are listed.
pub const PATH: &str = "/api/v1/events";

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Print the events that came; `--type relay.body_rejected` are the bodies nobody could read
    List(ListArgs),
    /// Print an event as it is kept, and its body as it came
    Show(ShowArgs),
    /// Print what happens, as it happens: new events, attempts, and how deliveries end; until Ctrl-C
    Tail(tail::TailArgs),
}

/// What `events list` takes.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    ask: AskArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

/// What `events show` takes.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Which one, by its id
    #[arg(value_name = "EVENT_ID", value_parser = EventId::parse)]
    id: EventId,
}

impl Paged for Listing {
    type Item = Shown;

    fn parts(self) -> (Vec<Shown>, Option<String>) {
        (self.events, self.next)
    }
}

/// Does what was asked.
pub async fn run(command: &EventsCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        EventsCommand::List(ListArgs { ask, filter }) => {
            let (events, next) = filter.read::<Listing>(&ask.relay()?, PATH).await?;
            match ask.output {
                Output::Json => shown::as_json(&Listing { events, next }, out)?,
                Output::Table if events.is_empty() => writeln!(out, "no event fits")?,
                Output::Table => {
                    print::table(&events, out)?;
                    say_that_there_is_more(next.as_deref())?;
                }
            }
        }
        EventsCommand::Show(ShowArgs { ask, id }) => {
            let story: Story = ask.relay()?.ask_of(PATH, id.as_str()).await?;
            match ask.output {
                Output::Json => print::as_json(&story, out)?,
                Output::Table => print::one(&story, out)?,
            }
        }
        EventsCommand::Tail(args) => return tail::run(args, out).await,
    }
    Ok(Verdict::Good)
}
