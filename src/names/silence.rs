//! What a silence is called: a number that the store gives it, written `S12`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::NameError;

/// One silence: unique within one store, never reused. Written `S12`, short enough to be said on the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SilenceId(i64);

impl SilenceId {
    /// Wraps the number the store gave the row.
    pub fn from_row(row: i64) -> Self {
        Self(row)
    }

    /// The number the store gave the row.
    pub fn row(self) -> i64 {
        self.0
    }

    /// Reads `S12`; `s12` and `12` will do.
    ///
    /// # Errors
    /// When there is no number from 1 on.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let digits = text.strip_prefix(['S', 's']).unwrap_or(text);
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        number.filter(|number| *number > 0).map(Self).ok_or_else(|| NameError {
            what: "silence",
            given: text.chars().take(80).collect(),
            rule: "use `S` and the number it was given, such as `S12`",
        })
    }
}

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}", self.0)
    }
}

impl Serialize for SilenceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SilenceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}
