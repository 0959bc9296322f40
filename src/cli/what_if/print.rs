//! How a comparison looks: tables for people, one JSON object for programs.
//!
//! Both are made of the same rows. Examples are the newest events. Next: [`crate::cli::shown`].

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::Found;
use crate::cli::running::Output;
use crate::cli::shown::{self, Tone};
use crate::event::Severity;
use crate::names::{EventId, TargetName};
use crate::route::compare::{Cases, Change, Comparison, Kind, Unrouted};
use crate::store::query::Period;

/// What is told.
pub struct Report<'a> {
    /// The database.
    pub database: String,
    /// The time that was asked for.
    pub when: Period,
    /// The configuration that was compared with; none for what really was.
    pub before: Option<String>,
    /// The new configuration.
    pub after: String,
    /// Who hears, with the new one, of what no route takes.
    pub default_targets: &'a [TargetName],
    /// From which severity on it is bad that no route takes an event any more; none for never.
    pub fail_at: Option<Severity>,
    /// What was found.
    pub found: Found,
}

type Rows = Vec<(Tone, Vec<String>)>;

impl Report<'_> {
    /// Whether something would be lost that must not be.
    pub fn is_bad(&self) -> bool {
        self.fail_at.is_some_and(|least| self.found.comparison.unrouted_from(least) > 0)
    }

    /// Prints all of it.
    pub fn print(&self, output: Output, out: &mut dyn Write) -> io::Result<()> {
        match output {
            Output::Json => shown::as_json(&self.as_json(), out),
            Output::Table => self.print_tables(out),
        }
    }

    fn as_json(&self) -> impl Serialize {
        let Found { comparison, from_to, unreadable, without_table } = &self.found;
        let Period { since, until } = self.when;
        let unrouted = comparison.unrouted.iter().map(|(kind, unrouted)| {
            let (severity, event_type) = (kind.severity(), kind.event_type.as_str());
            json!({ "type": event_type, "severity": severity, "events": cases(&unrouted.cases), "to_nobody": unrouted.to_nobody })
        });
        let severities = comparison.severities.iter().map(|((target, before, after), found)| {
            json!({ "target": target, "before": before, "after": after, "events": cases(found) })
        });
        let others = &comparison.unrouted_of_other_kinds;
        let first = unreadable.1.as_ref().map(|(number, why)| json!({ "number": number, "why": why }));
        json!({
            "database": self.database, "since": since, "until": until,
            "before": self.before, "after": self.after,
            "events": comparison.events, "changed": comparison.changed,
            "first_received_at": from_to.map(|(from, _)| from), "last_received_at": from_to.map(|(_, to)| to),
            "routes": comparison.routes.iter().map(|(name, each)| change("route", name, each)).collect::<Vec<_>>(),
            "targets": comparison.targets.iter().map(|(name, each)| change("target", name, each)).collect::<Vec<_>>(),
            "severities": severities.collect::<Vec<_>>(),
            "unrouted": unrouted.collect::<Vec<_>>(),
            "unrouted_of_other_types": { "events": cases(&others.cases), "to_nobody": others.to_nobody },
            "default_targets": self.default_targets,
            "unheard": cases(&comparison.unheard),
            "ends": comparison.ends.iter().map(|(name, each)| change("target", name, each)).collect::<Vec<_>>(),
            "unreadable": { "events": unreadable.0, "first": first },
            "without_table": without_table,
            "fail_at": self.fail_at, "failed": self.is_bad(),
        })
    }

    fn print_tables(&self, out: &mut dyn Write) -> io::Result<()> {
        let comparison = &self.found.comparison;
        self.print_heading(out)?;
        print_part(out, "", changes("ROUTE", &comparison.routes))?;
        print_part(out, "", changes("TARGET", &comparison.targets))?;
        print_part(out, "told with another severity", severities(comparison))?;
        let rest = match self.default_targets {
            [] => "there are no default_targets".to_owned(),
            names => {
                format!("default_targets: {}", names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
        };
        print_part(out, &format!("no route would take any more ({rest})"), unrouted(comparison))?;
        let ends = comparison.ends.iter().filter(|(_, change)| change.is_any());
        print_part(out, "ends of incidents", changes("TARGET", ends))?;
        self.print_remarks(out)
    }

    fn print_heading(&self, out: &mut dyn Write) -> io::Result<()> {
        let Found { comparison, from_to, .. } = &self.found;
        let time = from_to.map(|(from, to)| format!(", received from {from} to {to}")).unwrap_or_default();
        writeln!(out, "{} compared{time}", events(comparison.events))?;
        let before = self.before.as_deref().unwrap_or("what the routes made of them then");
        let rows = [("database", &self.database[..]), ("before", before), ("after", &self.after)];
        let row = |(name, value): (&str, &str)| (Tone::Plain, vec![name.to_owned(), value.to_owned()]);
        shown::table(rows.into_iter().map(row).collect(), out)
    }

    fn print_remarks(&self, out: &mut dyn Write) -> io::Result<()> {
        let Found { comparison, unreadable, without_table, .. } = &self.found;
        writeln!(out)?;
        match comparison {
            Comparison { events: 0, .. } => writeln!(out, "there was nothing to compare")?,
            Comparison { changed: 0, .. } => writeln!(out, "nothing would change")?,
            _ => {}
        }
        if comparison.unheard.count > 0 {
            let (sum, examples) = (events(comparison.unheard.count), examples(&comparison.unheard));
            writeln!(out, "{sum} somebody heard of would go to nobody: {}", shown::safe(&examples))?;
        }
        if *without_table > 0 {
            writeln!(
                out,
                "{} came by a routing table that is not known any more: what was owed says what took them",
                events(*without_table)
            )?;
        }
        if let (count, Some((number, why))) = unreadable {
            let why = shown::safe(why);
            writeln!(
                out,
                "left out because nobody can read it: {}; first the one with the number {number}: {why}",
                events(*count)
            )?;
        }
        let Some(least) = self.fail_at else { return Ok(()) };
        match comparison.unrouted_from(least) {
            0 => writeln!(out, "✓ no event of severity {least} or worse would lose its route"),
            sum => writeln!(out, "✗ {} of severity {least} or worse would be without a route", events(sum)),
        }
    }
}

fn cases(cases: &Cases) -> impl Serialize {
    json!({ "count": cases.count, "examples": cases.examples().collect::<Vec<_>>() })
}

fn change(key: &str, name: &impl Serialize, change: &Change) -> serde_json::Value {
    let Change { before, after, lost, gained } = change;
    json!({ key: name, "before": before, "after": after, "lost": cases(lost), "gained": cases(gained) })
}

fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

fn examples(cases: &Cases) -> String {
    cases.examples().map(EventId::as_str).collect::<Vec<_>>().join(", ")
}

/// A table with its title, if there is anything in it.
fn print_part(out: &mut dyn Write, title: &str, rows: Rows) -> io::Result<()> {
    if rows.len() < 2 {
        return Ok(());
    }
    writeln!(out)?;
    if !title.is_empty() {
        writeln!(out, "{title}")?;
    }
    shown::table(rows, out)
}

fn heading(names: &[&str]) -> Rows {
    vec![(Tone::Heading, names.iter().map(|name| (*name).to_owned()).collect())]
}

/// A row for each, with what is lost first among the examples.
fn changes<'a, K: ToString + 'a>(what: &str, all: impl IntoIterator<Item = (&'a K, &'a Change)>) -> Rows {
    let mut rows = heading(&[what, "BEFORE", "AFTER", "LOST", "GAINED", "SUCH AS"]);
    for (name, Change { before, after, lost, gained }) in all {
        let signed = |sign: char, cases: &Cases| cases.examples().map(|id| format!("{sign}{id}")).collect::<Vec<_>>();
        let examples = [signed('-', lost), signed('+', gained)].concat().join(" ");
        let numbers = [*before, *after, lost.count, gained.count].map(|number| number.to_string());
        let tone = if lost.count > 0 { Tone::Wanted } else { Tone::Plain };
        rows.push((tone, [&[name.to_string()], &numbers[..], &[examples]].concat()));
    }
    rows
}

fn severities(comparison: &Comparison) -> Rows {
    let mut rows = heading(&["TARGET", "BEFORE", "AFTER", "EVENTS", "SUCH AS"]);
    for ((target, before, after), cases) in &comparison.severities {
        let cells =
            [target.to_string(), before.to_string(), after.to_string(), cases.count.to_string(), examples(cases)];
        rows.push((if after < before { Tone::Wanted } else { Tone::Plain }, cells.to_vec()));
    }
    rows
}

fn unrouted(comparison: &Comparison) -> Rows {
    let mut rows = heading(&["TYPE", "SEVERITY", "EVENTS", "TO NOBODY", "SUCH AS"]);
    let mut add = |event_type: &str, severity: String, Unrouted { cases, to_nobody }: &Unrouted| {
        let cells = [event_type.to_owned(), severity, cases.count.to_string(), to_nobody.to_string(), examples(cases)];
        rows.push((Tone::Wrong, cells.to_vec()));
    };
    for (kind @ Kind { event_type, .. }, unrouted) in &comparison.unrouted {
        add(event_type, kind.severity().to_string(), unrouted);
    }
    if comparison.unrouted_of_other_kinds.cases.count > 0 {
        add("other types", "-".to_owned(), &comparison.unrouted_of_other_kinds);
    }
    rows
}
