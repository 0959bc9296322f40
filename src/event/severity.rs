//! How bad it is: the five steps, in order.
//!
//! Knows nothing of who is told at which step; that is [`crate::route`].

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `info < success < warning < error < critical`, CAST AI's own words in ascending order.
/// `success` stands above `info` so that "the cluster recovered" can be routed like news, not noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something ended well.
    Success,
    /// Somebody should look at it in working hours.
    Warning,
    /// Something failed.
    Error,
    /// Somebody should be woken.
    Critical,
}

impl Severity {
    /// All of them, ascending.
    pub const ALL: [Severity; 5] = [Self::Info, Self::Success, Self::Warning, Self::Error, Self::Critical];

    /// The word as written in configuration, templates and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// A word that is none of the five.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown severity `{0}`; allowed: info, success, warning, error, critical")]
pub struct UnknownSeverity(String);

impl FromStr for Severity {
    type Err = UnknownSeverity;

    /// Any case is accepted: CAST AI's API writes upper case, templates write what they like.
    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        let same = |severity: &Severity| severity.as_str().eq_ignore_ascii_case(text.trim());
        Self::ALL.into_iter().find(same).ok_or_else(|| UnknownSeverity(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Severity {
    fn schema_name() -> Cow<'static, str> {
        "Severity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}
