//! A mistake in the configuration: what is wrong, where it was written, what is allowed, what to do next.
//!
//! Knows no trees and no sections. Made by [`super::layers`], [`super::read`] and [`super::Section`]; printed by
//! whoever starts or checks the relay.

use std::fmt;

/// Where something was written. Places in files sort before variables, earlier layers before later ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A spot in a file, or the whole file when `line` is 0.
    File {
        /// Position of the file among the layers; the embedded default is 0.
        layer: usize,
        /// The file as it was named on the command line.
        name: String,
        /// Counted from 1.
        line: u64,
        /// Counted from 1, in characters.
        column: u64,
    },
    /// An environment variable, by name.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line: 0, .. } => f.write_str(name),
            Self::File { name, line, column, .. } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// One mistake, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written; `None` for what was written nowhere, such as a section that is missing altogether.
    pub at: Option<Place>,
    /// The keys that lead there: `routes[2].notify[0]`. Empty for the whole configuration.
    pub path: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What would be right, when that is a closed set.
    pub allowed: Vec<String>,
    /// What to do about it; further lines of it are printed indented.
    pub hint: Option<String>,
}

impl Problem {
    /// A mistake with nothing to add.
    pub fn new(at: Option<Place>, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at, path: path.into(), message: message.into(), allowed: Vec::new(), hint: None }
    }

    /// The same, with what is allowed and what to do.
    #[must_use]
    pub fn with(self, allowed: &[String], hint: Option<String>) -> Self {
        Self { allowed: allowed.to_vec(), hint, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match (&self.at, self.path.as_str()) {
            (Some(at), "") => write!(f, "\n  at: {at}")?,
            (Some(at), path) => write!(f, "\n  at: {at}, {path}")?,
            (None, "") => {}
            (None, path) => write!(f, "\n  at: {path}")?,
        }
        if !self.allowed.is_empty() {
            write!(f, "\n  allowed: {}", self.allowed.join(", "))?;
        }
        self.hint.iter().try_for_each(|hint| write!(f, "\n  hint: {}", hint.replace('\n', "\n    ")))
    }
}

/// Every mistake that was found, in the order of the files and their lines, none twice. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Puts `found` in order; `Ok` when there is none.
    pub(super) fn check(mut found: Vec<Problem>) -> Result<(), Self> {
        found.sort_by(|a, b| a.at.cmp(&b.at));
        match found.is_empty() {
            true => Ok(()),
            false => Err(Self(found)),
        }
    }

    /// The mistakes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| write!(f, "{problem}\n\n"))?;
        match self.0.len() {
            1 => f.write_str("1 problem found"),
            many => write!(f, "{many} problems found"),
        }
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// What to say about a key that is none of `allowed`.
pub(super) fn hint_for_key(key: &str, allowed: &[String]) -> Option<String> {
    match key.split_once('.') {
        Some((section, inner)) if allowed.iter().any(|known| known == section) => Some(write_nested(section, inner)),
        None if let Some(dotted) = allowed.iter().find(|known| known.starts_with(&format!("{key}.<"))) => {
            Some(format!("write it with a dot: `{dotted}: …`"))
        }
        _ => nearest(key, allowed).map(did_you_mean),
    }
}

/// What to say about a value that is none of `allowed`.
pub(super) fn hint_for_value(value: &str, allowed: &[String]) -> Option<String> {
    nearest(value, allowed).map(did_you_mean)
}

/// What to say about `section.inner` written as one key.
pub(super) fn write_nested(section: &str, inner: &str) -> String {
    format!("write it nested: `{section}: {{ {inner}: … }}`")
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// The word a person most likely meant: at most a third of it mistyped.
pub(super) fn nearest<'a>(typed: &str, words: &'a [String]) -> Option<&'a str> {
    let distance = |word: &&String| strsim::damerau_levenshtein(&typed.to_lowercase(), &word.to_lowercase());
    let best = words.iter().min_by_key(distance)?;
    let tolerated = (best.chars().count() / 3).max(1);
    (distance(&best) <= tolerated).then_some(best)
}
