//! A point in time, to the millisecond, always UTC.
//!
//! Wraps the time library so that no other room depends on it. Does not know what time it is now: that is
//! [`crate::runtime::Clock`].

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since 1970-01-01T00:00:00Z. Prints and serialises as RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Years 0 to 9999: what RFC 3339 can write, and far from overflow in arithmetic. The last of them ends a day early,
    /// as it does for the time library, so that whatever is written can be read.
    const MIN: i64 = -62_167_219_200_000;
    const MAX: i64 = 253_402_207_200_000;

    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since the epoch, held within the years 0 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(Self::MIN, Self::MAX))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads what senders write for a time: RFC 3339 with any offset and up to nine decimals, or Go's default
    /// `2026-10-05 03:51:00.123 +0000 UTC`, which a template without `toISO8601` renders to.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let go_default = || {
            let (date_time, _zone_name) = text.rsplit_once(' ')?;
            jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S%.f %z", date_time).ok()?.to_timestamp().ok()
        };
        let parsed = text.parse::<jiff::Timestamp>().ok().or_else(go_default)?;
        Some(Self::from_millis(parsed.as_millisecond()))
    }

    /// Reads a number as seconds since the epoch, or as milliseconds when it is too large for seconds.
    pub fn from_epoch_number(number: f64) -> Option<Self> {
        /// 1e11 seconds is the year 5138; 1e11 milliseconds is March 1973. Nothing we hear of lies between.
        const SECONDS_BELOW: f64 = 1e11;
        if !number.is_finite() || number <= 0.0 {
            return None;
        }
        let millis = if number < SECONDS_BELOW { number * 1000.0 } else { number };
        Some(Self::from_millis(millis as i64))
    }

    /// This moment and `duration` later, held within the year 9999.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// This moment and `duration` earlier, held within the year 0.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn saturating_since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not an RFC 3339 time")))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}
