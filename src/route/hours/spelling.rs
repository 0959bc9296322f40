//! How days, times, months and dates are written: `mon-fri`, `22:00-06:00`, `nov-feb`, `25--1`.
//!
//! Each is a range with one way in, its text, and prints as the shortest text that means the same. Knows no zone and
//! no moment: [`super`] puts them together.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use jiff::civil::Weekday;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Where `word` stands among `names`, from 1: in full or its first three letters, in any case.
fn place_among(names: &[&str], word: &str) -> Option<i8> {
    let fits = |name: &&str| name.eq_ignore_ascii_case(word) || short(name).eq_ignore_ascii_case(word);
    (1..).zip(names).find(|(_, name)| fits(name)).map(|(place, _)| place)
}

fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

fn short_at(names: &[&'static str], place: i8) -> &'static str {
    let index = usize::try_from(place - 1).unwrap_or_default();
    names.get(index).map_or("", |name| short(name))
}

/// The two ends of a range; both are the same where only one is written. A sign before the first end is part of it.
fn ends(text: &str) -> (&str, &str) {
    let dash = text.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(at, _)| at);
    dash.map_or((text, text), |at| (text[..at].trim(), text[at + 1..].trim()))
}

/// Whether `place` is from `first` to `last`, beyond the end of the circle where they say so.
fn is_within(first: i8, last: i8, place: i8) -> bool {
    match first <= last {
        true => (first..=last).contains(&place),
        false => place >= first || place <= last,
    }
}

/// Days of the week, Monday first; may go beyond Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    first: i8,
    last: i8,
}

impl Days {
    pub(super) fn include(self, day: Weekday) -> bool {
        is_within(self.first, self.last, day.to_monday_one_offset())
    }
}

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = ends(text);
        let day = |word: &str| place_among(&DAYS, word).ok_or_else(|| format!("`{text}` is not a day of the week"));
        Ok(Self { first: day(first)?, last: day(last)? })
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        range(f, short_at(&DAYS, self.first), short_at(&DAYS, self.last))
    }
}

/// Months of the year; may go beyond December.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Months {
    first: i8,
    last: i8,
}

impl Months {
    pub(super) fn include(self, month: i8) -> bool {
        is_within(self.first, self.last, month)
    }
}

impl FromStr for Months {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |word: &str| word.parse().ok().filter(|month| (1..=12).contains(month));
        let month = |word: &str| {
            place_among(&MONTHS, word).or_else(|| number(word)).ok_or_else(|| format!("`{text}` is not a month"))
        };
        let (first, last) = ends(text);
        Ok(Self { first: month(first)?, last: month(last)? })
    }
}

impl fmt::Display for Months {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        range(f, short_at(&MONTHS, self.first), short_at(&MONTHS, self.last))
    }
}

/// Days of the month; a negative one counts from the end, so that -1 is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dates {
    first: i8,
    last: i8,
}

impl Dates {
    /// Whether this day of a month of `length` days is meant.
    pub(super) fn include(self, day: i8, length: i8) -> bool {
        let from_start = |date: i8| if date < 0 { length + 1 + date } else { date };
        (from_start(self.first)..=from_start(self.last)).contains(&day)
    }
}

impl FromStr for Dates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let date = |word: &str| {
            let number = word.parse::<i8>().ok().filter(|date| (1..=31).contains(&date.unsigned_abs()));
            number.ok_or_else(|| format!("`{text}` is not a day of the month"))
        };
        let (first, last) = ends(text);
        let dates = Self { first: date(first)?, last: date(last)? };
        let has_days = |length: i8| (1..=length).any(|day| dates.include(day, length));
        match (28..=31).any(has_days) {
            true => Ok(dates),
            false => Err(format!("`{text}` ends before it begins; write a range across the end of a month as two")),
        }
    }
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        range(f, self.first, self.last)
    }
}

/// From one minute of the day to before another; beyond midnight where the second is not later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    from: u16,
    to: u16,
}

impl Times {
    const MIDNIGHT: u16 = 24 * 60;

    /// Whether this minute of the day on which it began is covered.
    pub(super) fn covers(self, minute: u16) -> bool {
        minute >= self.from && (minute < self.to || self.is_overnight())
    }

    /// Whether this minute of the day after is covered.
    pub(super) fn covers_the_morning_after(self, minute: u16) -> bool {
        self.is_overnight() && minute < self.to
    }

    fn is_overnight(self) -> bool {
        self.to < self.from
    }
}

/// Minutes since midnight of `HH:MM`; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':').filter(|(hours, minutes)| hours.len() <= 2 && minutes.len() == 2)?;
    let number = |digits: &str| digits.parse::<u16>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    Some(hours * 60 + minutes).filter(|minute| *minute <= Times::MIDNIGHT)
}

impl FromStr for Times {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a range of times");
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minute(from.trim()).ok_or_else(wrong)?, minute(to.trim()).ok_or_else(wrong)?);
        match (from, to) {
            (Self::MIDNIGHT, _) => {
                Err(format!("`{text}` begins at the end of a day; write `00:00` for the next one's beginning"))
            }
            (from, to) if from == to => Err(format!("`{text}` is empty; write `00:00-24:00` for the whole day")),
            _ => Ok(Self { from, to }),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", clock(self.from), clock(self.to))
    }
}

fn range<T: fmt::Display + PartialEq>(f: &mut fmt::Formatter<'_>, first: T, last: T) -> fmt::Result {
    match first == last {
        true => write!(f, "{first}"),
        false => write!(f, "{first}-{last}"),
    }
}

/// What each kind of range is called, for those who write another.
pub(super) trait Spelled: FromStr<Err = String> {
    /// What to write.
    const RULE: &str;
}

impl Spelled for Days {
    const RULE: &str = "write a day or a range of them, such as `sat`, `mon-fri` or `fri-mon`";
}

impl Spelled for Times {
    const RULE: &str =
        "write two times of day in quotes, such as `\"08:00-18:00\"`, `\"22:00-06:00\"` or `\"18:00-24:00\"`";
}

impl Spelled for Months {
    const RULE: &str = "write a month or a range of them, such as `dec`, `nov-feb` or `12`";
}

impl Spelled for Dates {
    const RULE: &str =
        "write 1 to 31, counted from the end -1 to -31, or a range, such as `24`, `24-26`, `-1` or `25--1`";
}

/// A list of ranges that says something, or one alone.
pub(super) struct Listed<T>(Vec<T>);

impl<T> Listed<T> {
    /// What is in it; nothing where it is not written.
    pub(super) fn items(listed: Option<Self>) -> Vec<T> {
        listed.map(|listed| listed.0).unwrap_or_default()
    }
}

impl<'de, T: Spelled> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListedVisitor(PhantomData))
    }
}

/// One range. Dates and months may be numbers.
struct One<T>(T);

impl<'de, T: Spelled> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneVisitor(PhantomData))
    }
}

fn read<T: Spelled, E: de::Error>(text: &str) -> Result<T, E> {
    text.trim().parse().map_err(|error| E::custom(format!("{error}; {}", T::RULE)))
}

struct OneVisitor<T>(PhantomData<T>);

impl<T: Spelled> Visitor<'_> for OneVisitor<T> {
    type Value = One<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::RULE.trim_start_matches("write "))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<One<T>, E> {
        read(&number.to_string()).map(One)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<One<T>, E> {
        read(&number.to_string()).map(One)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<One<T>, E> {
        read(text).map(One)
    }
}

struct ListedVisitor<T>(PhantomData<T>);

impl<'de, T: Spelled> Visitor<'de> for ListedVisitor<T> {
    type Value = Listed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a list of those", T::RULE.trim_start_matches("write "))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Listed<T>, E> {
        Ok(Listed(vec![read(&number.to_string())?]))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Listed<T>, E> {
        Ok(Listed(vec![read(&number.to_string())?]))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Listed<T>, E> {
        Ok(Listed(vec![read(text)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listed<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(One(item)) = list.next_element()? {
            items.push(item);
        }
        match items.is_empty() {
            true => Err(de::Error::custom(format!("an empty list holds never; {}, or leave it out", T::RULE))),
            false => Ok(Listed(items)),
        }
    }
}
