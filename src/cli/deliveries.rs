//! `deliveries list`: what is owed to whom at a relay that runs, and how it stands. Next: [`super::running`].

use std::io::{self, Write};

use clap::{Args, Subcommand};

use super::filter::{FilterArgs, Paged, say_that_there_is_more};
use super::running::{AskArgs, Output};
use super::shown::{self, Tone};
use super::times;
use super::{Failure, Verdict};
use crate::admin::deliveries::{Listing, OfEvent};
use crate::event::delivery::DeliveryState;

const PATH: &str = "/api/v1/deliveries";

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum DeliveriesCommand {
    /// Print what is owed to whom and how it stands; `--state dead` are the dead letters
    List(ListArgs),
}

/// What `deliveries list` takes.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    ask: AskArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

impl Paged for Listing {
    type Item = OfEvent;

    fn parts(self) -> (Vec<OfEvent>, Option<String>) {
        (self.deliveries, self.next)
    }
}

/// Does what was asked.
pub async fn run(command: &DeliveriesCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let DeliveriesCommand::List(ListArgs { ask, filter }) = command;
    let (deliveries, next) = filter.read::<Listing>(&ask.relay()?, PATH).await?;
    match ask.output {
        Output::Json => shown::as_json(&Listing { deliveries, next }, out)?,
        Output::Table if deliveries.is_empty() => writeln!(out, "no delivery fits")?,
        Output::Table => {
            table(&deliveries, out)?;
            say_that_there_is_more(next.as_deref())?;
        }
    }
    Ok(Verdict::Good)
}

fn table(deliveries: &[OfEvent], out: &mut dyn Write) -> io::Result<()> {
    let heading = ["OWED SINCE (UTC)", "ID", "TARGET", "STATE", "TRIES", "TYPE", "EVENT", "WHY"];
    let rows = deliveries.iter().map(row);
    shown::table(std::iter::once((Tone::Heading, heading.map(str::to_owned).to_vec())).chain(rows).collect(), out)
}

fn row(OfEvent { event, delivery }: &OfEvent) -> (Tone, Vec<String>) {
    let tone = if delivery.state == DeliveryState::Dead { Tone::Wrong } else { Tone::Plain };
    let (event_type, id) = match event {
        Some(event) => (event.event_type.clone(), event.id.to_string()),
        None => ("?".to_owned(), "?".to_owned()),
    };
    let reason = delivery.reason.map(|reason| format!("{reason}: ")).unwrap_or_default();
    let ended = delivery.detail.as_ref().map(|detail| format!("{reason}{detail}"));
    let why = delivery.waits.as_ref().map(|waits| waits.told.clone()).or(ended).unwrap_or_default();
    let cells = vec![
        times::full(delivery.owed_since),
        delivery.id.to_string(),
        delivery.target.to_string(),
        delivery.state.as_str().to_owned(),
        delivery.attempts.to_string(),
        event_type,
        id,
        times::shortened(&why, delivery.owed_since),
    ];
    (tone, cells)
}
