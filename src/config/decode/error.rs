//! What went wrong while decoding, in our words, and at which node.
//!
//! Never repeats a value that was expected to be something else altogether: it may be a secret in the wrong place.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::super::problem::{hint_for_key, hint_for_value, nearest};
use super::super::tree::Path;

/// What the error blames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum About {
    /// The value at the path.
    Value,
    /// The key the path ends with.
    Key,
    /// That there is nothing at the path.
    Missing,
}

/// One mistake. Knows its path once it has passed the node it happened in.
#[derive(Debug)]
pub(in crate::config) struct Error {
    about: About,
    message: String,
    allowed: Vec<String>,
    hint: Option<String>,
    spot: Spot,
}

/// Where an error happened, as far as is known yet.
#[derive(Debug)]
enum Spot {
    /// In whichever node is being read.
    Here,
    /// At this key of whichever map is being read.
    Key(String),
    At(Path),
}

impl Error {
    pub(super) fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { about: About::Value, message, allowed: Vec::new(), hint: None, spot: Spot::Here }
    }

    pub(super) fn hinted(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A key that is none of `allowed`.
    pub(super) fn unknown_key(key: &str, allowed: &[&str]) -> Self {
        let allowed = owned(allowed);
        let hint = hint_for_key(key, &allowed);
        let error = Self::new(format!("unknown key `{key}`"));
        Self { about: About::Key, allowed, hint, spot: Spot::Key(key.to_owned()), ..error }
    }

    /// Says where it happened, unless that was said further down.
    pub(super) fn at(mut self, path: &Path) -> Self {
        self.spot = match self.spot {
            Spot::Here => Spot::At(path.clone()),
            Spot::Key(key) => Spot::At(path.key(&key)),
            Spot::At(path) => Spot::At(path),
        };
        self
    }

    /// Says that it was the key `path` ends with, unless it happened further down.
    pub(super) fn at_key(self, path: &Path) -> Self {
        match self.spot {
            Spot::At(_) => self,
            Spot::Here | Spot::Key(_) => Self { about: About::Key, spot: Spot::At(path.clone()), ..self },
        }
    }

    /// The same, with a closed set of what is allowed.
    pub(super) fn among(self, allowed: &[&str]) -> Self {
        Self { allowed: owned(allowed), ..self }
    }

    pub(in crate::config) fn about(&self) -> About {
        self.about
    }

    pub(in crate::config) fn message(&self) -> &str {
        &self.message
    }

    pub(in crate::config) fn allowed(&self) -> &[String] {
        &self.allowed
    }

    pub(in crate::config) fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    /// The node in question; the start when the error never passed one.
    pub(in crate::config) fn path(&self) -> Path {
        match &self.spot {
            Spot::At(path) => path.clone(),
            Spot::Key(key) => Path::default().key(key),
            Spot::Here => Path::default(),
        }
    }

    /// For a misspelt key, the path of the key that was probably meant.
    pub(in crate::config) fn meant(&self) -> Option<Path> {
        let path = self.path();
        let parent = path.parent().filter(|_| self.about == About::Key)?;
        Some(parent.key(nearest(path.key_below(&parent)?, &self.allowed)?))
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn kind(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Bool(_) => "`true` or `false`",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        _ => "a text",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {}", kind(&unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {unexpected}"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {length}"))
    }

    fn unknown_variant(variant: &str, allowed: &'static [&'static str]) -> Self {
        let allowed = owned(allowed);
        let hint = hint_for_value(variant, &allowed);
        Self { allowed, hint, ..Self::new(format!("`{variant}` is not one of the allowed values")) }
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        Self::unknown_key(field, allowed)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { about: About::Missing, spot: Spot::Key(field.to_owned()), ..Self::new(format!("`{field}` is missing")) }
    }
}
