//! A path to a field of a JSON object, as operators write it: `$.alert.labels[0]`, `alert.name`, `$['odd key']`.
//!
//! Pure; knows nothing of events. Used by [`super::wire`], where an operator says where a body keeps its facts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

/// Where in a JSON object a value stands. Has at least one step, and the first one is a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    written: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// A text that is not a field path; says what is wrong, where, and how one is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{written}` is not a field path: {problem} at column {column}; \
     write it like `$.cluster.name`, `items[0].id` or `$['odd key']`"
)]
pub struct FieldPathError {
    written: String,
    problem: &'static str,
    column: usize,
}

impl FieldPath {
    /// The value at the end of the path, when every step of it exists.
    pub fn find<'v>(&self, object: &'v Map<String, Value>) -> Option<&'v Value> {
        let (first, rest) = self.steps.split_first()?;
        let Step::Name(first) = first else { return None };
        rest.iter().try_fold(object.get(first)?, |value, step| match step {
            Step::Name(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        let written = text.trim();
        let steps = steps(written).map_err(|(problem, rest)| FieldPathError {
            written: written.to_owned(),
            problem,
            column: written[..written.len() - rest.len()].chars().count() + 1,
        })?;
        Ok(Self { written: written.to_owned(), steps })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What is wrong, and what was still to be read when it showed.
type Fault<'t> = (&'static str, &'t str);

fn steps(text: &str) -> Result<Vec<Step>, Fault<'_>> {
    let mut steps = Vec::new();
    // Without the `$`, the path starts with a name as if a dot stood before it.
    let mut rest = match text.strip_prefix('$') {
        Some(rest) => rest,
        None => name(text, &mut steps)?,
    };
    while !rest.is_empty() {
        rest = match (rest.strip_prefix('.'), rest.strip_prefix('[')) {
            (Some(rest), _) => name(rest, &mut steps)?,
            (_, Some(rest)) => bracket(rest, &mut steps)?,
            _ => return Err(("`.` or `[` is missing", rest)),
        };
    }
    match steps.first() {
        Some(Step::Name(_)) => Ok(steps),
        Some(Step::Index(_)) => Err(("the body is an object, so the first step is a name", text)),
        None => Err(("a name is missing", rest)),
    }
}

fn name<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, Fault<'t>> {
    let end = text.find(|c: char| ".[]'\"$".contains(c) || c.is_whitespace()).unwrap_or(text.len());
    if end == 0 {
        return Err(("a name is missing", text));
    }
    steps.push(Step::Name(text[..end].to_owned()));
    Ok(&text[end..])
}

/// What follows a `[`: a quoted name, which may hold anything but its quote, or a number from 0.
fn bracket<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, Fault<'t>> {
    let (step, rest) = match text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        Some(quote) => {
            let (name, rest) = text[1..].split_once(quote).ok_or(("the closing quote is missing", text))?;
            (Step::Name(name.to_owned()), rest)
        }
        None => {
            let (number, _) = text.split_once(']').ok_or(("`]` is missing", text))?;
            let index = number.parse().map_err(|_| ("a number from 0 or a quoted name is missing", text))?;
            (Step::Index(index), &text[number.len()..])
        }
    };
    steps.push(step);
    rest.strip_prefix(']').ok_or(("`]` is missing", rest))
}

#[cfg(test)]
#[path = "tests/field_path.rs"]
mod tests;
