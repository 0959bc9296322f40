//! `deliveries list|retry`: what is owed to whom at a relay that runs, and how it stands. Next: [`super::running`].

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::json;

use super::filter::{FilterArgs, Paged, say_that_there_is_more};
use super::running::{AskArgs, Output, author};
use super::shown::{self, Tone};
use super::times;
use super::{Failure, Verdict};
use crate::admin::deliveries::{Listing, OfEvent};
use crate::admin::replays::Retried;
use crate::event::delivery::DeliveryState;
use crate::http_client::Method;

const PATH: &str = "/api/v1/deliveries";

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum DeliveriesCommand {
    /// Print what is owed to whom and how it stands; `--state dead` are the dead letters
    List(ListArgs),
    /// Owe dead letters again, from now on; exits with 1 when some of them stay as they are
    Retry(RetryArgs),
}

/// What `deliveries retry` takes.
#[derive(Debug, Args)]
pub struct RetryArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Which, as `deliveries list` shows them
    #[arg(value_name = "DELIVERY_ID", required = true, num_args = 1..=200)]
    ids: Vec<i64>,
    /// Who wants it; without it, whoever is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
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
    match command {
        DeliveriesCommand::List(args) => list(args, out).await,
        DeliveriesCommand::Retry(args) => retry(args, out).await,
    }
}

async fn retry(RetryArgs { ask, ids, by }: &RetryArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let body = json!({"ids": ids, "by": author(by.as_deref())?});
    let Retried { retried, left } = ask.relay()?.ask(Method::Post, &format!("{PATH}/retry"), &[], Some(&body)).await?;
    let is_good = left.is_empty();
    match ask.output {
        Output::Json => shown::as_json(&Retried { retried, left }, out)?,
        Output::Table => {
            retried.iter().try_for_each(|id| writeln!(out, "{id}: owed again"))?;
            let why =
                "no dead letter, or what it began is over, or nothing is configured that would tell it or its end";
            left.iter().try_for_each(|id| writeln!(out, "{id}: stays as it is: {why}"))?;
        }
    }
    Ok(if is_good { Verdict::Good } else { Verdict::FoundWrong })
}

async fn list(ListArgs { ask, filter }: &ListArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
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
