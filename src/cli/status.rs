//! `status`: how a relay that runs stands, on one page.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use super::running::{AskArgs, Output};
use super::shown::{self, Tone};
use super::{Failure, Verdict};
use crate::admin::status::Status;
use crate::config::Span;
use crate::http_client::Method;

/// Prints it; found wrong when an event sent now would not be kept.
pub async fn run(args: &AskArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let status: Status = args.relay()?.ask(Method::Get, "/api/v1/status", &[], None).await?;
    match args.output {
        Output::Json => shown::as_json(&status, out)?,
        Output::Table => print(&status, out)?,
    }
    Ok(if status.ready { Verdict::Good } else { Verdict::FoundWrong })
}

fn print(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let wrong_if = |wrong: bool| if wrong { Tone::Wrong } else { Tone::Plain };
    let wanted_if = |wanted: bool| if wanted { Tone::Wanted } else { Tone::Plain };
    let row = |tone, name: &str, value: String| (tone, vec![name.to_owned(), value]);
    let ready = match &status.not_ready_because {
        None => "yes".to_owned(),
        Some(why) => format!("no: {why}"),
    };
    let up = Span::from(Duration::from_secs(status.uptime_seconds));
    let last = status.last_event_at.map_or_else(|| "none yet".to_owned(), |at| at.to_string());
    let rows = vec![
        row(Tone::Plain, "version", format!("{}, up for {up} since {}", status.version, status.started_at)),
        row(Tone::Plain, "store", status.store.clone()),
        row(wrong_if(!status.ready), "ready", ready),
        row(Tone::Plain, "pending", status.pending.to_string()),
        row(wrong_if(status.dead > 0), "dead letters", status.dead.to_string()),
        row(wanted_if(!status.paused_targets.is_empty()), "paused targets", listed(&status.paused_targets)),
        row(wrong_if(!status.closed_targets.is_empty()), "closed targets", listed(&status.closed_targets)),
        row(wrong_if(!status.silent_sources.is_empty()), "silent sources", listed(&status.silent_sources)),
        row(wanted_if(status.silences > 0), "silences in force", status.silences.to_string()),
        row(Tone::Plain, "last event", last),
    ];
    shown::table(rows, out)
}

fn listed(names: &[impl Display]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
