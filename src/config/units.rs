//! Durations, rates, shares, sizes and addresses as people write them: `10s`, `24h`, `30/m`, `50%`, `1MiB`, `0.0.0.0:8080`.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A duration written as a whole number and a unit: `250ms`, `10s`, `5m`, `24h`, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    /// For defaults in code.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(digits);
        let (_, millis) = Self::UNITS.into_iter().find(|(name, _)| *name == unit)?;
        Some(Self(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?)))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let fits = |unit: u64| millis > 0 && millis.is_multiple_of(u128::from(unit));
        let (unit, size) = Self::UNITS.into_iter().rev().find(|(_, size)| fits(*size)).unwrap_or(("s", 1_000));
        write!(f, "{}{unit}", millis / u128::from(size))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = "a whole number with a unit: ms, s, m, h or d, such as `10s` or `24h`";
        Self::parse(text).ok_or_else(|| format!("`{text}` is not a duration; write {rule}"))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$", "examples": ["10s", "24h"]})
    }
}

/// So many in a time, written `1/s`, `30/m` or `500/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    unit: RateUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RateUnit {
    name: &'static str,
    length: Duration,
}

impl Rate {
    const UNITS: [RateUnit; 3] = [
        RateUnit { name: "s", length: Duration::from_secs(1) },
        RateUnit { name: "m", length: Duration::from_secs(60) },
        RateUnit { name: "h", length: Duration::from_secs(3600) },
    ];

    /// For defaults in code.
    pub const fn per_second(count: NonZeroU32) -> Self {
        Self { count, unit: Self::UNITS[0] }
    }

    /// The same for a minute.
    pub const fn per_minute(count: NonZeroU32) -> Self {
        Self { count, unit: Self::UNITS[1] }
    }

    /// How many in the unit of time it is written with.
    pub fn count(self) -> u32 {
        self.count.get()
    }

    /// The time from one to the next, when they are spread evenly.
    pub fn interval(self) -> Duration {
        self.unit.length / self.count.get()
    }

    /// Whether it is more than so many a second.
    pub fn is_above_per_second(self, count: u32) -> bool {
        u128::from(self.count.get()) * 1_000 > u128::from(count) * self.unit.length.as_millis()
    }

    fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let unit = Self::UNITS.into_iter().find(|known| known.name == unit)?;
        let count = count.bytes().all(|byte| byte.is_ascii_digit()).then(|| count.parse().ok()).flatten()?;
        Some(Self { count, unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.name)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = "a whole number above zero for each second, minute or hour, such as `1/s`, `30/m` or `500/h`";
        Self::parse(text).ok_or_else(|| format!("`{text}` is not a rate; write {rule}"))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A part of a whole, written `50%`: a whole number of hundredths, from none to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// For defaults in code.
    pub const HALF: Self = Self(50);

    /// Hundredths, from 0 to 100.
    pub const fn get(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok().filter(|hundredths| *hundredths <= 100).map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rule = "a whole number from 0 to 100 and the sign, such as `50%`";
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not a share; write {rule}")))
    }
}

/// A size in bytes, written as a whole number and a unit: `512B`, `64KiB`, `1MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    const UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

    /// For defaults in code.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes, as a length in memory.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(digits);
        let (_, bytes) = Self::UNITS.into_iter().find(|(name, _)| *name == unit)?;
        Some(Self(number.parse::<u64>().ok()?.checked_mul(bytes)?))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: u64| self.0 > 0 && self.0.is_multiple_of(unit);
        let (unit, size) = Self::UNITS.into_iter().rev().find(|(_, size)| fits(*size)).unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rule = "a whole number with a unit: B, KiB, MiB or GiB, such as `1MiB`";
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not a size; write {rule}")))
    }
}

/// For `listen`: an address with its port. Names are not looked up, so that what is bound is what is written.
///
/// # Errors
/// With an example of what is meant.
pub fn listen_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let rule = "an IP address and a port: `0.0.0.0:8080` for every interface, `127.0.0.1:8080` for this machine only";
    text.parse().map_err(|_| de::Error::custom(format!("`{text}` is not an address to listen on; write {rule}")))
}

#[cfg(test)]
#[path = "tests/units.rs"]
mod tests;
