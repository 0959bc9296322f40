//! One line of the diagnosis: what was looked at, how it is, what was found, and what to do.

use serde::Serialize;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// As it should be.
    Good,
    /// It works, with something to know.
    Warning,
    /// It does not work.
    Wrong,
    /// Could not be looked at, or does not apply.
    Unknown,
}

impl Mark {
    /// As one sign.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Warning => "!",
            Self::Wrong => "✗",
            Self::Unknown => "–",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was looked at, in a closed set of words.
    pub check: &'static str,
    /// Of which source, target or webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How it is.
    pub verdict: Mark,
    /// What was found.
    pub found: String,
    /// What to do. Everything wrong has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Line {
    /// ✓
    pub fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, about: None, verdict: Mark::Good, found: found.into(), cure: None }
    }

    /// !
    pub fn warning(check: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { verdict: Mark::Warning, cure: Some(cure.into()), ..Self::good(check, found) }
    }

    /// ✗
    pub fn wrong(check: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { verdict: Mark::Wrong, cure: Some(cure.into()), ..Self::good(check, found) }
    }

    /// –
    pub fn unknown(check: &'static str, why: impl Into<String>) -> Self {
        Self { verdict: Mark::Unknown, ..Self::good(check, why) }
    }

    /// Of which source, target or webhook it speaks.
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..self }
    }
}
