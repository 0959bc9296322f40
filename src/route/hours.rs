//! The hours of a route: when its targets are told, and when they are not, by the clock on the wall.
//!
//! Time intervals that recur, each in a time zone of its own. Pure: `now` is given. An hour that the clocks leap over
//! never happens, one that comes twice counts twice: whoever looks at the wall is always right. [`spelling`] reads what
//! people write; what is not told is recorded as silenced by whoever asks.

mod spelling;

use std::fmt;

use jiff::civil::Date;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::event::{Timestamp, Zone};
use spelling::{Dates, Days, Listed, Months, Times};

/// `active:` or `muted:` of a route: a list of [`Interval`]s of which any may hold; with none written, it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// The first interval that holds at this moment.
    pub fn holding(&self, now: Timestamp) -> Option<&Interval> {
        self.0.iter().find(|interval| interval.holds(now))
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let intervals: Vec<_> = self.0.iter().map(Interval::to_string).collect();
        f.write_str(&intervals.join(" or "))
    }
}

/// A stretch of time that recurs. Everything given must hold; of each list, any item.
///
/// | key | holds |
/// |---|---|
/// | `days` | on these days of the week: `mon`, `mon-fri`, `fri-mon` |
/// | `times` | between these times of day, the second one not included: `"08:00-18:00"`, `"22:00-06:00"`, `"18:00-24:00"` |
/// | `months` | in these months: `dec`, `nov-feb`, `12` |
/// | `dates` | on these days of the month: `24`, `24-26`, and from its end `-1`, `25--1` |
/// | `time_zone` | a name of the IANA database; `UTC` when left out |
///
/// An interval across midnight belongs to the day on which it began: `days: [fri], times: ["22:00-06:00"]` ends on
/// Saturday morning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    days: Vec<Days>,
    times: Vec<Times>,
    months: Vec<Months>,
    dates: Vec<Dates>,
    zone: Zone,
}

impl Interval {
    /// Whether the clock on the wall shows it at this moment.
    pub fn holds(&self, now: Timestamp) -> bool {
        let wall = self.zone.at(now);
        let (today, minute) = (wall.date(), minute_of_day(wall.hour(), wall.minute()));
        if self.times.is_empty() {
            return self.is_on(today);
        }
        self.times.iter().any(|times| {
            let since_today = times.covers(minute) && self.is_on(today);
            let since_yesterday =
                || times.covers_the_morning_after(minute) && today.yesterday().is_ok_and(|day| self.is_on(day));
            since_today || since_yesterday()
        })
    }

    fn is_on(&self, day: Date) -> bool {
        let weekday = day.weekday();
        fits(&self.days, |days| days.include(weekday))
            && fits(&self.months, |months| months.include(day.month()))
            && fits(&self.dates, |dates| dates.include(day.day(), day.days_in_month()))
    }

    /// Whether the calendar has such a day. Every date falls on every day of the week some year.
    fn ever_comes(&self) -> bool {
        let lengths = |month: i8| match month {
            2 => 28..=29,
            4 | 6 | 9 | 11 => 30..=30,
            _ => 31..=31,
        };
        let has_a_day = |length: i8| (1..=length).any(|day| fits(&self.dates, |dates| dates.include(day, length)));
        let months = (1..=12).filter(|month| fits(&self.months, |months| months.include(*month)));
        months.flat_map(lengths).any(has_a_day)
    }
}

/// What is not written holds.
fn fits<T>(list: &[T], holds: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(holds)
}

fn minute_of_day(hour: i8, minute: i8) -> u16 {
    u16::from(hour.unsigned_abs()) * 60 + u16::from(minute.unsigned_abs())
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Display>(before: &str, list: &[T]) -> Option<String> {
            let items: Vec<_> = list.iter().map(T::to_string).collect();
            (!items.is_empty()).then(|| format!("{before}{} ", items.join(", ")))
        }
        let (days, times) = (list("", &self.days), list("", &self.times));
        let parts = [days, times, list("on ", &self.dates), list("in ", &self.months)];
        write!(f, "{}({})", parts.into_iter().flatten().collect::<String>(), self.zone)
    }
}

/// What may be written for an interval.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    days: Option<Listed<Days>>,
    times: Option<Listed<Times>>,
    months: Option<Listed<Months>>,
    dates: Option<Listed<Dates>>,
    time_zone: Option<Zone>,
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { days, times, months, dates, time_zone } = Written::deserialize(deserializer)?;
        if days.is_none() && times.is_none() && months.is_none() && dates.is_none() {
            return Err(de::Error::custom(
                "an interval that says nothing would hold for ever; write `days`, `times`, `months` or `dates`",
            ));
        }
        let interval = Self {
            days: Listed::items(days),
            times: Listed::items(times),
            months: Listed::items(months),
            dates: Listed::items(dates),
            zone: time_zone.unwrap_or(Zone::UTC),
        };
        match interval.ever_comes() {
            true => Ok(interval),
            false => Err(de::Error::custom(format!("`{interval}` never comes: there is no such day in the calendar"))),
        }
    }
}

impl<'de> Deserialize<'de> for Intervals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(IntervalsVisitor)
    }
}

struct IntervalsVisitor;

impl<'de> Visitor<'de> for IntervalsVisitor {
    type Value = Intervals;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of intervals, such as `[ { days: [mon-fri], times: [\"08:00-18:00\"] } ]`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Intervals, A::Error> {
        let mut intervals = Vec::new();
        while let Some(interval) = list.next_element()? {
            intervals.push(interval);
        }
        match intervals.is_empty() {
            true => Err(de::Error::custom("an empty list holds never; list at least one interval, or leave it out")),
            false => Ok(Intervals(intervals)),
        }
    }
}

/// When a route may speak: within `active`, where that is written, and never within `muted`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hours<'a> {
    pub(super) active: &'a Intervals,
    pub(super) muted: &'a Intervals,
}

impl Hours<'_> {
    /// Why it may not speak now, in words.
    pub(super) fn objection(&self, now: Timestamp) -> Option<String> {
        if let Some(interval) = self.muted.holding(now) {
            return Some(format!("muted: {interval}"));
        }
        let is_active = self.active.is_empty() || self.active.holding(now).is_some();
        (!is_active).then(|| format!("outside its hours: active {}", self.active))
    }

    /// All of it in words; `None` when it may always speak.
    pub(super) fn in_words(&self) -> Option<String> {
        let active = (!self.active.is_empty()).then(|| format!("active {}", self.active));
        let muted = (!self.muted.is_empty()).then(|| format!("muted {}", self.muted));
        let parts: Vec<_> = active.into_iter().chain(muted).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
#[path = "tests/hours.rs"]
mod tests;
