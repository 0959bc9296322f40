//! `events tail`: what happens at a relay that runs, line by line, until Ctrl-C.
//!
//! Goes on where it was after the relay was away, and lists what the stream had to leave out. Next: [`super::sse`].

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::sse::{Reading, Told};
use super::{PATH, print};
use crate::admin::events::{Listing, Shown};
use crate::admin::stream::{Attempted, Ended, Resync};
use crate::cli::filter::AboutArgs;
use crate::cli::running::{AskArgs, Output, RunningRelay};
use crate::cli::shown::{self, Tone};
use crate::cli::{Failure, Verdict, times};
use crate::event::delivery::DeliveryState;
use crate::http_client::{Method, Streamed};
use crate::runtime::{Clock, Lifecycle, SystemClock};

const STREAM: &str = "/api/v1/stream";
/// The relay says something every 15 seconds; who says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(50);
/// From one try to reach the relay again to the next.
const REST: Duration = Duration::from_secs(2);
/// Pages that are listed at a time at most.
const MOST_PAGES: usize = 500;

/// What `events tail` takes.
#[derive(Debug, Args)]
pub struct TailArgs {
    #[command(flatten)]
    ask: AskArgs,
    #[command(flatten)]
    about: AboutArgs,
    /// From the event behind this place on (`place` in the JSON of an event); without it, from now on
    #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
}

/// Prints what happens, until the user or the reader has enough.
pub async fn run(args: &TailArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let life = Lifecycle::default();
    life.obey_signals()?;
    let relay = args.ask.relay()?;
    let place = match args.after {
        Some(place) => place,
        None => newest(&relay).await?,
    };
    let mut tail = Tail { args, relay: &relay, place: Some(place), out };
    tokio::select! {
        ended = tail.follow() => ended,
        () = life.stopping() => Ok(Verdict::Good),
    }
}

/// Where the last event that is there now stands: what comes after it is printed, also when the stream breaks before anything
/// came that fits.
async fn newest(relay: &RunningRelay) -> Result<i64, Failure> {
    let query = [("limit", "1".to_owned())];
    let listing: Listing = relay.ask(Method::Get, PATH, &query, None).await?;
    Ok(listing.events.first().map_or(0, |event| event.place))
}

struct Tail<'a> {
    args: &'a TailArgs,
    relay: &'a RunningRelay,
    /// Of the last event that was printed.
    place: Option<i64>,
    out: &'a mut dyn Write,
}

impl Tail<'_> {
    async fn follow(&mut self) -> Result<Verdict, Failure> {
        let mut stream = self.open().await?;
        loop {
            self.read(&mut stream).await?;
            writeln!(io::stderr(), "the stream ended; trying again until the relay is there, Ctrl-C ends it")?;
            stream = loop {
                SystemClock.sleep_until(SystemClock.now().saturating_add(REST)).await;
                match self.open().await {
                    Ok(stream) => break stream,
                    Err(failure @ (Failure::Misuse(_) | Failure::Config(_))) => return Err(failure),
                    Err(Failure::Other(_)) => {}
                }
            };
        }
    }

    async fn open(&self) -> Result<Streamed, Failure> {
        let after = self.place.map(|place| ("after", place.to_string()));
        let query: Vec<_> = self.args.about.query().into_iter().chain(after).collect();
        self.relay.watch(STREAM, &query).await
    }

    /// Until the stream ends, or is silent for too long.
    async fn read(&mut self, stream: &mut Streamed) -> Result<(), Failure> {
        let mut reading = Reading::default();
        while let Ok(Some(piece)) = tokio::time::timeout(SILENCE, stream.next()).await {
            for told in reading.read(&piece) {
                self.tell(&told).await?;
            }
            self.out.flush()?;
        }
        Ok(())
    }

    async fn tell(&mut self, told: &Told) -> Result<(), Failure> {
        match told.what.as_str() {
            "accepted" => {
                let event: Shown = read(&told.data)?;
                self.place = Some(event.place);
                self.print(&told.what, &told.data, accepted(&event))?;
            }
            "attempted" => self.print(&told.what, &told.data, attempted(&read(&told.data)?))?,
            "ended" => self.print(&told.what, &told.data, ended(&read(&told.data)?))?,
            "resync" => self.list(&read(&told.data)?).await?,
            // A newer relay tells more.
            _ => {}
        }
        Ok(())
    }

    /// What the stream left out.
    async fn list(&mut self, resync: &Resync) -> Result<(), Failure> {
        if resync.outcomes > 0 {
            writeln!(io::stderr(), "{} outcomes were missed; `deliveries list` has them", resync.outcomes)?;
        }
        let mut cursor = (resync.to > resync.after).then(|| resync.cursor.clone());
        for _ in 0..MOST_PAGES {
            let Some(from) = cursor.take() else { break };
            let page = [("order", "oldest".to_owned()), ("limit", "200".to_owned()), ("cursor", from)];
            let query: Vec<_> = self.args.about.query().into_iter().chain(page).collect();
            let Listing { events, next } = self.relay.ask(Method::Get, PATH, &query, None).await?;
            let is_last = events.last().is_some_and(|event| event.place >= resync.to);
            for event in events.iter().filter(|event| event.place <= resync.to) {
                self.print("accepted", &serde_json::to_string(event)?, accepted(event))?;
            }
            cursor = next.filter(|_| !is_last);
        }
        self.place = Some(resync.to);
        Ok(())
    }

    /// One line: a row for people, for programs the data with what it is.
    fn print(&mut self, what: &str, data: &str, (tone, cells): (Tone, Vec<String>)) -> Result<(), Failure> {
        match self.args.ask.output {
            Output::Table => shown::table(vec![(tone, vec![cells.join("  ")])], self.out)?,
            Output::Json => {
                let mut data: Value = serde_json::from_str(data)?;
                data["what"] = Value::from(what);
                shown::as_json_line(&data, self.out)?;
            }
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T, Failure> {
    let value = serde_json::from_str::<Value>(data)?;
    Ok(T::deserialize(value)?)
}

fn accepted(event: &Shown) -> (Tone, Vec<String>) {
    let Shown { severity, event_type, cluster, id, .. } = event;
    let told = format!("{severity} {event_type} in {}, owed: {}", cluster.label().unwrap_or("-"), print::owed(event));
    (Tone::Plain, vec![times::full(event.received_at), "came     ".to_owned(), told, id.to_string()])
}

fn attempted(attempted: &Attempted) -> (Tone, Vec<String>) {
    let Attempted { at, outcome, target, deliveries, attempt, event, reason, detail, .. } = attempted;
    let (tone, word) = match outcome.as_str() {
        "delivered" => (Tone::Plain, "told     "),
        "dead" => (Tone::Wrong, "given up "),
        _ => (Tone::Wanted, "failed   "),
    };
    let many = if *deliveries > 1 { format!(" with {} others", deliveries - 1) } else { String::new() };
    let why =
        reason.map(|reason| format!(" ({reason}): {}", detail.as_deref().unwrap_or_default())).unwrap_or_default();
    let told = format!("{target}, attempt {attempt}{many}: {}{why}", event.event_type);
    (tone, vec![times::full(*at), word.to_owned(), told, event.id.to_string()])
}

fn ended(ended: &Ended) -> (Tone, Vec<String>) {
    let Ended { at, state, target, event, reason, detail, .. } = ended;
    let tone = if *state == DeliveryState::Dead { Tone::Wrong } else { Tone::Plain };
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let told = format!("{target}: {}{reason}: {detail}", state.as_str());
    let id = event.as_ref().map_or_else(|| "?".to_owned(), |event| event.id.to_string());
    (tone, vec![times::full(*at), "ended    ".to_owned(), told, id])
}
