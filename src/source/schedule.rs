//! When something is due by the calendar: a cron line in a time zone, once a day at the most.
//!
//! Pure: every moment is asked for, none is waited for. The libraries for time stay in this file and in
//! [`super::savings::periods`]. When the clock is put forward over the moment, it is the first one after the gap; when the clock
//! is put back over it, it is the earlier of the two.

use std::fmt;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};
use serde::{Deserialize, Deserializer, de};

use crate::event::{Timestamp, Zone};

pub(super) fn moment(zoned: &Zoned) -> Timestamp {
    Timestamp::from_millis(zoned.timestamp().as_millisecond())
}

/// A cron line of five fields that comes once a day at the most: what comes by it is for people.
#[derive(Debug, Clone)]
pub struct CronLine {
    cron: Box<Cron>,
    written: String,
}

impl CronLine {
    /// Every day at nine.
    pub const DEFAULT: &str = "0 9 * * *";

    /// Reads `minute hour day-of-month month day-of-week`; minute and hour are one number each.
    ///
    /// # Errors
    /// In words, with what is allowed.
    pub fn parse(line: &str) -> Result<Self, String> {
        let rule = "write `minute hour day-of-month month day-of-week`, such as `0 9 * * *` for every day at nine \
                    or `30 7 * * MON-FRI`";
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [minute, hour, ..] = fields[..] else { return Err(format!("`{line}` is not a cron line; {rule}")) };
        if fields.len() != 5 {
            return Err(format!("`{line}` has {} fields, a cron line has five; {rule}", fields.len()));
        }
        if [minute, hour].iter().any(|field| field.is_empty() || !field.chars().all(|c| c.is_ascii_digit())) {
            return Err(format!(
                "`{line}` may come more than once a day: minute and hour must be one number each; {rule}"
            ));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(line).map_err(|error| format!("`{line}` is not a cron line: {error}; {rule}"))?;
        let line_read = Self { cron: Box::new(cron), written: fields.join(" ") };
        match line_read.ever_comes() {
            true => Ok(line_read),
            false => Err(format!("`{line}` never comes: there is no such day; {rule}")),
        }
    }

    /// Whether the calendar has a day for it; one that repeats comes within the longest pause between leap years.
    fn ever_comes(&self) -> bool {
        let start = Instant::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        self.cron.find_next_occurrence(&start, true).is_ok()
    }
}

impl fmt::Display for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for CronLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A cron line in its time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: CronLine,
    zone: Zone,
}

impl Schedule {
    /// `cron` as the clocks of `zone` show it.
    pub fn new(cron: CronLine, zone: Zone) -> Self {
        Self { cron, zone }
    }

    /// Where its days begin.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The last moment it was due, `now` included; `None` when it never was.
    pub fn latest(&self, now: Timestamp) -> Option<Timestamp> {
        self.cron.cron.find_previous_occurrence(&self.zone.at(now), true).ok().map(|due| moment(&due))
    }

    /// The first moment after `now` at which it is due; `None` when it never will be.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.cron.cron.find_next_occurrence(&self.zone.at(now), false).ok().map(|due| moment(&due))
    }

    /// The longest time between two moments that follow each other, as far as a few months, or years, show it.
    pub fn longest_rest(&self) -> Duration {
        /// Every day of a week, or every month of a year, is among so many.
        const MOMENTS: usize = 60;
        let moments = std::iter::successors(self.next_after(Timestamp::EPOCH), |due| self.next_after(*due));
        let moments: Vec<Timestamp> = moments.take(MOMENTS).collect();
        let rests = moments.windows(2).map(|pair| pair[1].saturating_since(pair[0]));
        rests.max().unwrap_or_default()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.cron, self.zone)
    }
}

#[cfg(test)]
#[path = "tests/schedule.rs"]
mod tests;
