//! `castai doctor`: what stands between CAST AI and the people who should be told, each with its cure.
//!
//! First everything is found out ([`gather`]), then judged ([`checks`]): the effects are in the one, the verdicts in the
//! other, and [`facts`] is all that passes between them. Sends no event and no message, and changes nothing.

mod checks;
mod facts;
mod gather;
mod line;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::{ConfigArgs, Failure, Verdict, shown};
use crate::runtime::{Clock, SystemClock};
use checks::CHECKS;
use facts::Facts;
use line::{Line, Mark};

/// What `castai doctor` takes.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    patience: u64,
}

/// How to print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For programs
    Json,
}

/// An area with its lines.
type Area = (&'static str, Vec<Line>);

/// Finds out, judges, prints. Found wrong when there is any ✗.
pub async fn run(args: &DoctorArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.config.read()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let facts = gather::facts(&settings, &clock, Duration::from_secs(args.patience)).await;
    let areas = judge(&facts);
    match args.output {
        Output::Table => print_table(&areas, out)?,
        Output::Json => shown::as_json(&as_json(&areas), out)?,
    }
    Ok(if count(&areas, Mark::Wrong) == 0 { Verdict::Good } else { Verdict::FoundWrong })
}

fn judge(facts: &Facts) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for (name, check) in CHECKS {
        let lines = check(facts);
        match areas.last_mut().filter(|(area, _)| area == name) {
            Some((_, so_far)) => so_far.extend(lines),
            None => areas.push((name, lines)),
        }
    }
    areas
}

fn count(areas: &[Area], mark: Mark) -> usize {
    areas.iter().flat_map(|(_, lines)| lines).filter(|line| line.verdict == mark).count()
}

fn print_table(areas: &[Area], out: &mut dyn Write) -> io::Result<()> {
    let title = |line: &Line| match &line.about {
        Some(about) => format!("{} {about}", line.check),
        None => line.check.to_owned(),
    };
    let width = areas.iter().flat_map(|(_, lines)| lines).map(|line| title(line).chars().count()).max().unwrap_or(0);
    for (area, lines) in areas {
        writeln!(out, "{area}")?;
        for line in lines {
            writeln!(out, "  {} {:<width$}  {}", line.verdict.sign(), title(line), line.found)?;
            if let Some(cure) = &line.cure {
                writeln!(out, "    {:<width$}  → {cure}", "")?;
            }
        }
    }
    let tally = [Mark::Good, Mark::Warning, Mark::Wrong, Mark::Unknown];
    let tally = tally.map(|mark| format!("{} {}", count(areas, mark), mark.sign()));
    writeln!(out, "\n{}", tally.join("   "))
}

fn as_json(areas: &[Area]) -> serde_json::Value {
    let line = |area: &str, line: &Line| {
        let mut line = json!(line);
        line["area"] = area.into();
        line
    };
    let checks: Vec<_> = areas.iter().flat_map(|(area, lines)| lines.iter().map(|one| line(area, one))).collect();
    json!({ "healthy": count(areas, Mark::Wrong) == 0, "checks": checks })
}
