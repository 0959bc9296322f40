//! Names that are numbers which the store gives: deliveries, silences, replays; and the name of a routing table.
//!
//! What people have to say on the phone has a letter before its number: `S12`, `R3`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use super::NameError;

macro_rules! lettered_number {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $lower:literal, $pattern:literal, $what:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Wraps the number the store gave the row.
            pub fn from_row(row: i64) -> Self {
                Self(row)
            }

            /// The number the store gave the row.
            pub fn row(self) -> i64 {
                self.0
            }

            /// Reads it as it is written; a small letter, or none, will do.
            ///
            /// # Errors
            /// When there is no number from 1 on.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let digits = text.strip_prefix([$letter, $lower]).unwrap_or(text);
                let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
                number.filter(|number| *number > 0).map(Self).ok_or_else(|| NameError {
                    what: $what,
                    given: text.chars().take(80).collect(),
                    rule: $rule,
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $letter, self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

lettered_number!(
    /// One silence: unique within one store, never reused. Written `S12`, short enough to be said on the phone.
    SilenceId, 'S', 's', "^[Ss]?0*[1-9][0-9]{0,17}$", "silence", "use `S` and the number it was given, such as `S12`"
);
lettered_number!(
    /// One replay: stored events that are told again because somebody wants it. Written `R3`.
    ReplayId, 'R', 'r', "^[Rr]?0*[1-9][0-9]{0,17}$", "replay", "use `R` and the number it was given, such as `R3`"
);

/// One delivery's row in the store; unique within one store, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct DeliveryId(i64);

impl DeliveryId {
    /// Wraps the number the store gave the row.
    pub fn from_row(row: i64) -> Self {
        Self(row)
    }

    /// The number the store gave the row.
    pub fn row(self) -> i64 {
        self.0
    }
}

/// A whole number, also where it is written `7.0`, as JSON's numbers may be.
impl<'de> Deserialize<'de> for DeliveryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Up to here every whole number has a floating point of its own.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64);
        let row = number.as_i64().or_else(|| number.as_f64().and_then(whole));
        row.map(Self).ok_or_else(|| de::Error::custom(format!("`{number}` is not the number of a delivery")))
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A routing table as it was written: two tables of one name are the same. Half a hash, as SQLite keeps a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(i64);

impl TableId {
    /// The name of the table with this text.
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        Self(digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte)))
    }

    /// Reads back what [`TableId::row`] gave.
    pub fn from_row(row: i64) -> Self {
        Self(row)
    }

    /// As a number.
    pub fn row(self) -> i64 {
        self.0
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
