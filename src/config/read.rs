//! Reading a section with every mistake in it: decode, note what is wrong, mend a copy, decode again.
//!
//! serde stops at the first mistake. So what is wrong is left out of the next round, or stands in as a blank where it
//! is required, and whatever goes wrong because of that is not a mistake of the operator and is not noted.
//! Knows nothing of layers or files. Uses [`super::decode`].

use std::collections::HashMap;

use config::Value;
use serde::de::DeserializeOwned;

use super::decode::{About, Decoder, Error};
use super::problem::Problem;
use super::tree::{Path, Walk, join, place_of, place_of_key};

/// Rounds for one section. A mistake takes one to four; whoever has more than this many has to ask twice.
const MAX_ROUNDS: usize = 500;

/// How a node differs in this round from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// Left out.
    Removed,
    /// Replaced by whatever its type takes.
    Blank,
}

/// The nodes that differ.
#[derive(Default)]
pub(super) struct Repairs(HashMap<Path, Repair>);

impl Repairs {
    pub(super) fn of(&self, path: &Path) -> Option<Repair> {
        self.0.get(path).copied()
    }

    /// The keys below `path` that are blank.
    pub(super) fn blanks_below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(|(_, repair)| **repair == Repair::Blank).filter_map(|(blank, _)| blank.key_below(path))
    }

    /// Whether an error at `path` may come from a repair above or below it.
    fn explain(&self, path: &Path) -> bool {
        self.0.keys().any(|repaired| repaired.is_in_line_with(path))
    }

    /// Makes the next round get past an error at `path`; false when nothing is left to try.
    fn get_past(&mut self, path: Path) -> bool {
        let Some(parent) = path.parent() else {
            return false;
        };
        match self.of(&path) {
            None => self.0.insert(path, Repair::Removed),
            Some(Repair::Removed) => self.0.insert(path, Repair::Blank),
            Some(Repair::Blank) => return self.get_past(parent),
        };
        true
    }
}

/// `node` as a `T`, or every mistake in it; `prefix` is the path that leads to `node`.
pub(super) fn read<T: DeserializeOwned>(node: &Value, prefix: &str) -> Result<T, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut repairs = Repairs::default();
    for _ in 0..MAX_ROUNDS {
        let error = match T::deserialize(Decoder::new(node, &repairs)) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => error,
        };
        if !repairs.explain(&error.path()) {
            problems.push(problem(node, prefix, &error));
            // A misspelt key is not also a missing one.
            if let Some(meant) = error.meant().filter(|meant| matches!(meant.walk(node), Walk::Stopped(_))) {
                repairs.get_past(meant);
            }
        }
        if !repairs.get_past(error.path()) {
            break;
        }
    }
    Err(problems)
}

fn problem(root: &Value, prefix: &str, error: &Error) -> Problem {
    let path = error.path();
    let at = match path.walk(root) {
        Walk::Arrived(node) if error.about() == About::Key => place_of_key(node),
        Walk::Arrived(node) | Walk::Stopped(node) => place_of(node),
    };
    Problem::new(at, join(prefix, &path.to_string()), error.message()).with(error.allowed(), error.hint())
}

#[cfg(test)]
#[path = "tests/read.rs"]
mod tests;
