//! `castai summary`: the savings summary as CAST AI tells it now, on the terminal or through the routes of a relay.

use std::io::{self, Write};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::client;
use crate::cli::route_test::find_source;
use crate::cli::{ConfigArgs, Failure, Verdict, send, shown, write_table};
use crate::event::savings::{Change, ClusterSavings, Days, Figures, PeriodPair, SavingsSummary};
use crate::event::{CastAIEvent, Timestamp, Zone};
use crate::notify::message::savings::{change, money, percent};
use crate::runtime::{Clock, SystemClock};
use crate::source::savings;
use crate::source::savings::periods::Day;

/// What is printed where nothing is known.
const NOT_AVAILABLE: &str = "n/a";

/// What `castai summary` takes.
#[derive(Debug, Args)]
pub struct SummaryArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// What was saved until this day began; without it, today, in the time zone of the configured summary
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    day: Option<Day>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Also send it to the running relay, as an event of its own that goes by the routes
    #[arg(long)]
    post: bool,
    /// The webhook source to send to; without it, the first one
    #[arg(long, value_name = "NAME", requires = "post")]
    source: Option<String>,
    /// Base URL of the relay; without it, where the configuration says it listens, on this machine
    #[arg(long, value_name = "URL", requires = "post")]
    url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// There is no CAST AI to tell of earlier ones.
const EARLIEST: &str = "2000-01-01";

fn day(text: &str) -> Result<Day, String> {
    let day = Day::parse(text)?;
    (day >= Day::parse(EARLIEST)?).then_some(day).ok_or_else(|| format!("write a day from {EARLIEST} on"))
}

/// Asks, prints, and sends where that is wanted.
pub async fn run(args: &SummaryArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.config.read()?;
    let zone = settings.sources.savings.as_ref().map_or(Zone::UTC, savings::Config::zone);
    let now = SystemClock.now();
    let today = zone.day_of(now);
    let day = args.day.unwrap_or(today);
    if day > today {
        return Err(Failure::Misuse(anyhow!("`--day {day}` has not come yet: it is {today} in {zone}")));
    }
    let source = match args.post {
        true => Some(find_source(&settings, args.source.as_deref()).map_err(Failure::Misuse)?),
        false => None,
    };
    let castai = client(&settings)?;
    let summary = savings::summarise(&castai, day, &zone).await?;
    match args.output {
        Output::Table => print(&summary, out)?,
        Output::Json => shown::as_json(&summary.to_data(), out)?,
    }
    let Some(source) = source else { return Ok(Verdict::Good) };
    out.flush()?;
    let body = Bytes::from(event(&summary, day, castai.organization_id(), now).to_string());
    let answer = send::post(&settings, source, args.url.as_deref(), body).await?;
    writeln!(io::stderr(), "posted to source `{}`: {} {}", source.name, answer.status, answer.body.trim_end())
        .context("cannot say what became of it")?;
    Ok(if answer.status == 200 { Verdict::Good } else { Verdict::FoundWrong })
}

/// Its id is of this moment, so that it is told of and yet never taken for the scheduled summary of that day.
fn event(summary: &SavingsSummary, day: Day, organization: Option<&str>, now: Timestamp) -> Value {
    json!({
        "eventType": CastAIEvent::SAVINGS_SUMMARY,
        "id": format!("summary/{day}/{now}"),
        "organization_id": organization,
        "timestamp": now,
        "data": summary.to_data(),
    })
}

fn print(summary: &SavingsSummary, out: &mut dyn Write) -> io::Result<()> {
    let or_blank = |text: &Option<String>| text.clone().unwrap_or_default();
    writeln!(
        out,
        "CAST AI savings of {}, in US dollars, days in {}",
        or_blank(&summary.day),
        or_blank(&summary.time_zone)
    )?;
    let periods =
        [period("30 days", &summary.trailing_30_days), period("month to date", &summary.month_to_date)].to_vec();
    write_table(out, "  ", &periods)?;
    writeln!(out, "Realised and potential savings are CAST AI's model; cost is what was paid. n/a is not zero.\n")?;
    let heading = [
        "CLUSTER",
        "REALISED, 30 DAYS",
        "SHARE",
        "COST, 30 DAYS",
        "REALISED, MONTH",
        "COST, MONTH",
        "POTENTIAL A MONTH",
        "REMARKS",
    ];
    let clusters = summary.clusters.iter().map(|cluster| row(cluster.label(), &cluster.figures, &remark(cluster)));
    let rows: Vec<_> = std::iter::once(heading.map(str::to_owned).to_vec())
        .chain(clusters)
        .chain([row("total", &summary.total, &lacking(summary)), changes(&summary.total)])
        .collect();
    write_table(out, "", &rows)
}

fn period(name: &str, pair: &PeriodPair) -> Vec<String> {
    let days = |days: &Days| match (&days.first, &days.last) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => NOT_AVAILABLE.to_owned(),
    };
    vec![name.to_owned(), format!("{}, compared with {}", days(&pair.present), days(&pair.before))]
}

fn row(name: &str, figures: &Figures, remark: &str) -> Vec<String> {
    let (trailing, month) = (&figures.trailing_30_days, &figures.month_to_date);
    let amount = |amount: Option<Decimal>| amount.map_or_else(|| NOT_AVAILABLE.to_owned(), money);
    vec![
        name.to_owned(),
        amount(trailing.realised),
        trailing.realised_percent.map_or_else(|| NOT_AVAILABLE.to_owned(), percent),
        amount(trailing.cost),
        amount(month.realised),
        amount(month.cost),
        amount(figures.potential.layman.monthly),
        remark.to_owned(),
    ]
}

fn changes(total: &Figures) -> Vec<String> {
    let changed = |one: &Change| change(one).unwrap_or_else(|| NOT_AVAILABLE.to_owned());
    let (trailing, month) = (&total.trailing_30_days, &total.month_to_date);
    vec![
        "change".to_owned(),
        changed(&trailing.realised_change),
        String::new(),
        changed(&trailing.cost_change),
        changed(&month.realised_change),
        changed(&month.cost_change),
        String::new(),
        "of the clusters that are known in both periods".to_owned(),
    ]
}

fn remark(cluster: &ClusterSavings) -> String {
    let efficiency = &cluster.efficiency;
    let over = |what: &str, share: Option<Decimal>| Some(format!("{what} {} overprovisioned", percent(share?)));
    let parts = [
        cluster.not_available.clone(),
        over("CPU", efficiency.cpu_overprovisioned_percent),
        over("memory", efficiency.memory_overprovisioned_percent),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How many clusters the total is without, and how many are in it and not shown.
fn lacking(summary: &SavingsSummary) -> String {
    let shown = u64::try_from(summary.clusters.len()).unwrap_or(u64::MAX);
    let all = summary.clusters_in_all.unwrap_or(shown);
    let lacking = summary.total.trailing_30_days.realised_not_available.unwrap_or_default();
    let hidden = Some(all.saturating_sub(shown)).filter(|hidden| *hidden > 0);
    let hidden = hidden.map(|hidden| format!(", {hidden} of them not shown")).unwrap_or_default();
    format!("{all} clusters, {lacking} of them n/a{hidden}")
}
