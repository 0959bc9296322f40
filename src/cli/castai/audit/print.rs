//! How operations look: a table for people, one JSON object a line for programs.
//!
//! What others wrote is made safe for terminals before it is shown. Knows no API.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cli::shown;
use crate::event::audit::keys;
use crate::event::{Event, Timestamp};
use crate::notify::message::{cut, one_line};
use crate::source::audit_log::reader::{Found, Told};

/// Columns of a row but the last, which runs free: name, and the most it may take.
const COLUMNS: [(&str, usize); 4] = [("TIME", 20), ("ACTION", 44), ("INITIATOR", 32), ("CLUSTER", 36)];

/// The last column.
const DETAILS: &str = "DETAILS";

/// The most of a sentence that is shown.
const LONGEST_DETAILS: usize = 240;

/// Prints what is found, batch after batch.
pub(super) struct Printer<'a> {
    as_json: bool,
    out: &'a mut dyn Write,
    /// Columns never get narrower, so that what follows stands below.
    widths: [usize; COLUMNS.len()],
    begun: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(as_json: bool, out: &'a mut dyn Write) -> Self {
        Self { as_json, out, widths: COLUMNS.map(|(name, _)| name.len()), begun: false }
    }

    /// Prints a batch, and lets whoever reads have it at once.
    pub(super) fn print(&mut self, found: &Found) -> io::Result<()> {
        match self.as_json {
            true => self.lines(&found.told)?,
            false => self.rows(&found.told)?,
        }
        self.out.flush()?;
        match found.unreadable {
            0 => Ok(()),
            count => writeln!(io::stderr(), "{count} records could not be read"),
        }
    }

    fn lines(&mut self, told: &[Told]) -> io::Result<()> {
        told.iter().filter_map(as_json).try_for_each(|line| shown::as_json_line(&line, self.out))
    }

    fn rows(&mut self, told: &[Told]) -> io::Result<()> {
        let rows: Vec<([String; COLUMNS.len()], String)> = told.iter().filter_map(as_row).collect();
        for (cells, _) in &rows {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if !rows.is_empty() && !std::mem::replace(&mut self.begun, true) {
            self.row(&COLUMNS.map(|(name, _)| name.to_owned()), DETAILS)?;
        }
        rows.iter().try_for_each(|(cells, details)| self.row(cells, details))
    }

    fn row(&mut self, cells: &[String; COLUMNS.len()], details: &str) -> io::Result<()> {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(self.widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        line.push_str(details);
        writeln!(self.out, "{}", line.trim_end())
    }
}

fn as_row(told: &Told) -> Option<([String; COLUMNS.len()], String)> {
    let event = told.events.first()?;
    let operation = &told.operation;
    let time = operation.occurred_at.map(to_the_second);
    let cells = [
        time.unwrap_or_default(),
        name(event),
        operation.initiator.label().unwrap_or_default().to_owned(),
        event.cluster.label().unwrap_or_default().to_owned(),
    ];
    let mut most = COLUMNS.iter().map(|(_, most)| *most);
    let safe = cells.map(|cell| cut(&one_line(&cell), most.next().unwrap_or_default()));
    Some((safe, cut(&one_line(&details(told)), LONGEST_DETAILS)))
}

/// What was done, in CAST AI's sentence, and to what, where the sentence does not say.
fn details(told: &Told) -> String {
    let operation = &told.operation;
    let said = operation.description.clone().unwrap_or_default();
    let to = operation.resource.label().filter(|label| !said.contains(*label));
    let body = || operation.details.as_ref().map(Value::to_string).unwrap_or_default();
    match (said.is_empty(), to) {
        (true, None) => body(),
        (true, Some(to)) => to.to_owned(),
        (false, None) => said,
        (false, Some(to)) => format!("{said}: {to}"),
    }
}

fn name(event: &Event) -> String {
    event.data.get(keys::AUDIT_TYPE).and_then(Value::as_str).unwrap_or_else(|| event.type_name()).to_owned()
}

fn to_the_second(time: Timestamp) -> String {
    Timestamp::from_millis(time.as_millis().div_euclid(1000) * 1000).to_string()
}

fn as_json(told: &Told) -> Option<Value> {
    let event = told.events.first()?;
    let operation = &told.operation;
    let of = |key: &str| event.data.get(key).cloned().unwrap_or_default();
    Some(json!({
        "time": operation.occurred_at,
        "ingested_at": operation.ingested_at,
        "id": operation.id,
        "action": name(event),
        "type": event.type_name(),
        "severity": event.severity,
        "organization": event.organization,
        "cluster": event.cluster,
        "initiator": of(keys::INITIATOR),
        "resource": of(keys::RESOURCE),
        "description": operation.description,
        "record": serde_json::from_slice::<Value>(&operation.raw).unwrap_or_default(),
    }))
}
