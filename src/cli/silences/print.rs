//! How silences look: a table for people, written as they are typed. Next: [`crate::cli::shown`].

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::admin::silences::Shown;
use crate::cli::shown::{self, Tone};
use crate::event::silence::{Ended, Terms};

/// Prints them as rows.
pub fn table(silences: &[Shown], out: &mut dyn Write) -> io::Result<()> {
    let heading = ["ID", "STANDING", "FROM", "UNTIL", "BY", "WHAT", "WHY"].map(str::to_owned).to_vec();
    let rows = silences.iter().map(|silence| (Tone::Plain, row(silence)));
    shown::table(std::iter::once((Tone::Heading, heading)).chain(rows).collect(), out)
}

fn row(Shown { silence, standing }: &Shown) -> Vec<String> {
    let Terms { from, until, by, why, .. } = &silence.terms;
    let end = silence.ended.as_ref().map(|Ended { at, by }| format!(" (ended {at} by {by})"));
    let cells = [
        silence.id.to_string(),
        standing.to_string(),
        from.to_string(),
        until.to_string(),
        by.clone(),
        what(&silence.terms),
        format!("{why}{}", end.unwrap_or_default()),
    ];
    cells.to_vec()
}

/// As it could be typed: `type=node.* route=nodes`.
fn what(terms: &Terms) -> String {
    let routes = terms.routes.iter().map(|route| format!("route={route}"));
    let targets = terms.targets.iter().map(|target| format!("target={target}"));
    let parts: Vec<String> = pairs("", &terms.matching).into_iter().chain(routes).chain(targets).collect();
    if parts.is_empty() { "everything".to_owned() } else { parts.join(" ") }
}

fn pairs(before: &str, fields: &Map<String, Value>) -> Vec<String> {
    let pair = |(key, value): (&String, &Value)| match value {
        Value::Object(not) => pairs(&format!("{before}{key}."), not),
        Value::Array(values) => values.iter().map(|value| format!("{before}{key}={}", plain(value))).collect(),
        value => vec![format!("{before}{key}={}", plain(value))],
    };
    fields.iter().flat_map(pair).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
