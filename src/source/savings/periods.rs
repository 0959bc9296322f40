//! The periods of a summary: whole days of one time zone, counted on the calendar, so that a change of the clocks
//! neither adds nor takes away an hour.
//!
//! Pure. A day is summed up when it is over: the summary of a day covers what was before it. Next: [`super::report`].

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use crate::event::savings::{Days, PeriodPair};
use crate::event::{Timestamp, Zone};
use crate::source::schedule::moment;

/// How many days `trailing 30 days` are.
const TRAILING: i64 = 30;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// Reads `2026-10-06`.
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        date.map(Self).ok_or_else(|| format!("`{text}` is not a day; write year, month and day, such as `2026-10-06`"))
    }

    /// The day this many days later, or earlier; held within the calendar.
    pub(in crate::source) fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(Span::new().try_days(days).unwrap_or_default()))
    }

    /// The day before the first of this day's month is the last of the month before.
    fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// How many days from here to `later`.
    fn until(self, later: Self) -> i64 {
        self.0.until(later.0).map_or(0, |span| i64::from(span.get_days()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Zone {
    /// The moment `day` begins: its first one, also where midnight is left out.
    pub(super) fn start_of(&self, day: Day) -> Timestamp {
        self.beginning_of(day.0)
    }

    /// The day it is at this moment.
    pub fn day_of(&self, moment: Timestamp) -> Day {
        Day(self.at(moment).date())
    }
}

/// Whole days, from the beginning of the first to the beginning of the one after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: Day,
    /// The day after the last one.
    pub end: Day,
    /// When the first day begins.
    pub from: Timestamp,
    /// When the day after the last one begins.
    pub to: Timestamp,
}

impl Period {
    fn between(first: Day, end: Day, zone: &Zone) -> Self {
        Self { first, end, from: zone.start_of(first), to: zone.start_of(end) }
    }

    /// How many days.
    pub fn days(&self) -> u64 {
        u64::try_from(self.first.until(self.end)).unwrap_or_default()
    }

    fn told(&self) -> Days {
        Days {
            first: Some(self.first.to_string()),
            last: Some(self.end.plus(-1).to_string()),
            count: Some(self.days()),
        }
    }
}

/// A period, and the one it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// The period itself.
    pub present: Period,
    /// The one before.
    pub before: Period,
}

impl Compared {
    /// The month until `day` begins; on the first of a month that is all of the month before. Compared with as many
    /// days of the month before that, or all of it where it is shorter.
    pub fn month_to_date(day: Day, zone: &Zone) -> Self {
        let first = day.plus(-1).first_of_month();
        let first_before = first.plus(-1).first_of_month();
        let end_before = first_before.plus(first.until(day)).min(first);
        Self { present: Period::between(first, day, zone), before: Period::between(first_before, end_before, zone) }
    }

    /// The thirty days until `day` begins, compared with the thirty before them.
    pub fn trailing_30_days(day: Day, zone: &Zone) -> Self {
        let (first, first_before) = (day.plus(-TRAILING), day.plus(-2 * TRAILING));
        Self { present: Period::between(first, day, zone), before: Period::between(first_before, first, zone) }
    }

    /// As the summary tells it.
    pub fn told(&self) -> PeriodPair {
        PeriodPair { present: self.present.told(), before: self.before.told() }
    }
}

/// A stretch of time that thresholds look at: it ends at any moment, and begins as the calendar says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Window {
    /// From the same time of day thirty days before.
    pub fn trailing_30_days(to: Timestamp, zone: &Zone) -> Self {
        let from = zone.at(to).checked_sub(TRAILING.days());
        Self { from: from.map_or(to, |from| moment(&from)), to }
    }

    /// From the beginning of the month; at the very beginning of one, all of the month before.
    pub fn month_to_date(to: Timestamp, zone: &Zone) -> Self {
        let just_before = Timestamp::from_millis(to.as_millis() - 1);
        Self { from: zone.start_of(zone.day_of(just_before).first_of_month()), to }
    }
}

#[cfg(test)]
#[path = "tests/periods.rs"]
mod tests;
