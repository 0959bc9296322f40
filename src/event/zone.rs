//! A time zone by its name, for what goes by the clock on the wall: schedules, and the hours in which people are told.
//!
//! Wraps the time library, as [`super::timestamp`] does; the rooms that count on the calendar are handed its civil
//! times, inside this crate only. Does not know what time it is now: that is [`crate::runtime::Clock`].

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};
use serde::{Deserialize, Deserializer, de};

use super::Timestamp;

/// A time zone of the IANA database, which is built into the binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Reads a name such as `UTC` or `Europe/Berlin`, in any case.
    ///
    /// # Errors
    /// In words, with the nearest name there is.
    pub fn parse(name: &str) -> Result<Self, String> {
        TimeZone::get(name).map(Self).map_err(|_| {
            let nearest = nearest_zone(name).map(|zone| format!("; did you mean `{zone}`?")).unwrap_or_default();
            let rule = "write a name of the IANA time zone database, such as `UTC` or `Europe/Berlin`";
            format!("`{name}` is not a time zone{nearest}; {rule}")
        })
    }

    /// Its name in the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The clock on the wall at this moment.
    pub(crate) fn at(&self, moment: Timestamp) -> Zoned {
        instant(moment).to_zoned(self.0.clone())
    }

    /// The first moment of this day, also where midnight is left out.
    pub(crate) fn beginning_of(&self, day: Date) -> Timestamp {
        let midnight = day.at(0, 0, 0, 0).to_zoned(self.0.clone());
        // Only at the ends of time there is no such moment.
        midnight.map_or(Timestamp::EPOCH, |midnight| Timestamp::from_millis(midnight.timestamp().as_millisecond()))
    }
}

fn nearest_zone(name: &str) -> Option<String> {
    /// As alike as a slip of the finger leaves two names.
    const ALIKE: f64 = 0.85;
    let wanted = name.to_ascii_lowercase();
    let zones = jiff::tz::db().available().map(|zone| zone.to_string());
    let scored = zones.map(|zone| (strsim::jaro_winkler(&wanted, &zone.to_ascii_lowercase()), zone));
    scored
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, zone)| zone)
}

/// `Timestamp` holds years 0 to 9999, the library some more.
fn instant(moment: Timestamp) -> Instant {
    Instant::from_millisecond(moment.as_millis()).unwrap_or(Instant::UNIX_EPOCH)
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
