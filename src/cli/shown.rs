//! How what a relay answers is printed: a table for people, JSON as the API gives it for programs.
//!
//! What others wrote is made safe for terminals before it is shown. Colours are for terminals only, and not where
//! `NO_COLOR` is set (<https://no-color.org>); nothing is said by colour alone.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::write_table;
use crate::notify::message::is_obeyed;

/// How a row catches the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Not at all.
    Plain,
    /// As what titles the others.
    Heading,
    /// As what is so because somebody wanted it.
    Wanted,
    /// As what is wrong.
    Wrong,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Heading => Some("1"),
            Self::Wanted => Some("33"),
            Self::Wrong => Some("31"),
        }
    }
}

/// Prints it as the API gives it.
pub fn as_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", escaped(&format!("{:#}", serde_json::to_value(value)?)))
}

/// The same on one line.
pub fn as_json_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", escaped(&serde_json::to_value(value)?.to_string()))
}

/// The same JSON, without what a terminal or a reader of lines would obey. Such characters stand in texts only, so they can be
/// written by their numbers; JSON itself asks for that below the blank only.
pub fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c != '\n' && steers(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}"))),
            false => safe.push(c),
        }
    }
    safe
}

/// What is obeyed, and beyond it what only steers: marks of direction, ends of lines and of paragraphs.
fn steers(c: char) -> bool {
    is_obeyed(c) || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

/// Prints rows with their columns aligned, each in its tone.
pub fn table(rows: Vec<(Tone, Vec<String>)>, out: &mut dyn Write) -> io::Result<()> {
    painted(rows, is_colourful(), out)
}

fn painted(rows: Vec<(Tone, Vec<String>)>, with_colours: bool, out: &mut dyn Write) -> io::Result<()> {
    let (tones, rows): (Vec<_>, Vec<Vec<String>>) = rows.into_iter().unzip();
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.iter().map(|cell| safe(cell)).collect()).collect();
    let mut lines = Vec::new();
    write_table(&mut lines, "", &rows)?;
    for (line, tone) in String::from_utf8_lossy(&lines).lines().zip(tones) {
        match tone.code().filter(|_| with_colours) {
            Some(code) => writeln!(out, "\x1b[{code}m{line}\x1b[0m")?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

fn is_colourful() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_unwanted && io::stdout().is_terminal()
}

/// The text without what a terminal would obey.
pub fn safe(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The same for a text of many lines.
pub fn lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "tests/shown.rs"]
mod tests;
