//! How a target is delivered to: what the operator wrote beside its kind, over what is known of the kind.
//!
//! Plain values and what does not go together in them. That a `fallback` exists and leads nowhere in a circle is for
//! [`crate::app`] to check, which sees all targets; what the limits do is in [`crate::target`].

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::retry::{RetryPolicy, Waits};
use crate::config::{Percent, Rate, Span};
use crate::names::TargetName;
use crate::notify::{Pace, Schedule};
use crate::target::Limits;
use crate::target::limit::RateLimit;

/// No wait grows beyond this: what lies much further ahead, [`crate::target`] takes for the work of a wrong clock.
const LONGEST_CAP: Span = Span::from_secs(3600);

/// No attempt takes longer than this: a probe keeps all others waiting for as long, and [`crate::target`] takes much longer
/// waits for the work of a wrong clock.
const LONGEST_TIMEOUT: Span = Span::from_secs(300);

/// How a target is delivered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Attempts at a time.
    pub concurrency: usize,
    /// Time for one attempt; beyond, its outcome is ambiguous.
    pub timeout: Span,
    /// How waits between attempts grow, and how much of the rate they may use.
    pub retry: RetryPolicy,
    /// How old an event may become before its delivery is given up.
    pub max_age: Span,
    /// How fast messages leave; as fast as they can when there is none.
    pub rate: Option<Rate>,
    /// How many messages may leave at once after a rest; at least 1.
    pub burst: u32,
    /// What becomes of a delivery of which nobody knows whether it arrived.
    pub ambiguous: Ambiguous,
    /// Who is told instead when this target is not to be had.
    pub fallback: Option<TargetName>,
    /// How long the target may be closed, or ask for patience, before the fallback is told.
    pub fallback_after: Span,
}

/// What to do when an attempt may have arrived and may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ambiguous {
    /// Send it again: rather twice than never.
    #[default]
    Resend,
    /// Give it up: rather never than twice.
    GiveUp,
}

/// What may be written beside the kind of a target. What is left out is as the kind has it, or as for every target.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    concurrency: Option<usize>,
    timeout: Option<Span>,
    retry: WrittenRetry,
    max_age: Option<Span>,
    rate: Option<WrittenRate>,
    burst: Option<u32>,
    ambiguous: Ambiguous,
    fallback: Option<TargetName>,
    fallback_after: Option<Span>,
}

/// `retry: { base, cap, share }`. Waits grow from `base` to `cap` as soon as one of the two is written; else they are as the
/// kind has them.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenRetry {
    base: Option<Span>,
    cap: Option<Span>,
    share: Option<Percent>,
}

/// `1/s`, or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WrittenRate {
    Unlimited,
    At(Rate),
}

/// Something that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible {
    /// The key it is written under: `burst`, `retry.share`.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is not plain.
    pub hint: Option<String>,
}

/// Whether it is so, the key, what is wrong, what to write instead.
type Row = (bool, &'static str, &'static str, Option<&'static str>);

impl Policy {
    /// What holds for the target as it stands, as [`crate::target`] asks for it.
    pub fn limits(&self) -> Limits {
        Limits {
            rate: self.rate.map(|rate| RateLimit { every: rate.interval(), burst: self.burst }),
            old_percent: self.retry.share.get(),
            ..Limits::default()
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            concurrency: 4,
            timeout: Span::from_secs(15),
            retry: RetryPolicy::default(),
            max_age: Span::from_secs(24 * 3600),
            rate: None,
            burst: 1,
            ambiguous: Ambiguous::default(),
            fallback: None,
            fallback_after: Span::from_secs(15 * 60),
        }
    }
}

impl Written {
    /// What was written, over what is known of the kind. Who writes a rate without a burst wants that rate and nothing
    /// on top, so the burst of the kind goes with the rate of the kind.
    pub fn over(self, pace: Option<Pace>, schedule: Option<Schedule>) -> Policy {
        let usual = Policy::default();
        let (rate, burst) = match (self.rate, pace) {
            (Some(WrittenRate::Unlimited), _) | (None, None) => (None, usual.burst),
            (Some(WrittenRate::At(rate)), _) => (Some(rate), usual.burst),
            (None, Some(Pace { rate, burst })) => (Some(rate), burst),
        };
        Policy {
            concurrency: self.concurrency.unwrap_or(usual.concurrency),
            timeout: self.timeout.unwrap_or(usual.timeout),
            retry: self.retry.over(schedule),
            max_age: self.max_age.unwrap_or(max_age_of(schedule)),
            rate,
            burst: self.burst.unwrap_or(burst),
            ambiguous: self.ambiguous,
            fallback: self.fallback,
            fallback_after: self.fallback_after.unwrap_or(usual.fallback_after),
        }
    }

    /// Everything in it that cannot be meant, beside a kind that has a rate of its own or has none, and is retried like this.
    pub fn impossible(&self, kind_has_rate: bool, schedule: Option<Schedule>) -> Vec<Impossible> {
        let all = [self.out_of_range(), self.out_of_place(kind_has_rate)].concat();
        let found = all.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        let found = found.map(|(_, key, message, hint)| Impossible {
            key,
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        });
        found.chain(self.retry_at_odds()).chain(self.fallback_too_late(schedule)).collect()
    }

    fn out_of_range(&self) -> Vec<Row> {
        let is_zero = |span: Option<Span>| span.is_some_and(|span| span.get().is_zero());
        let concurrency = self.concurrency.is_some_and(|count| !(1..=64).contains(&count));
        let burst = self.burst.is_some_and(|count| !(1..=1000).contains(&count));
        let share = self.retry.share.is_some_and(|share| !(10..=90).contains(&share.get()));
        let base = is_zero(self.retry.base);
        let cap = is_zero(self.retry.cap) || self.retry.cap.is_some_and(|cap| cap > LONGEST_CAP);
        let timeout = is_zero(self.timeout) || self.timeout.is_some_and(|timeout| timeout > LONGEST_TIMEOUT);
        // A thousand a second is one in each millisecond, the finest time there is.
        let rate = matches!(self.rate, Some(WrittenRate::At(rate)) if rate.is_above_per_second(1000));
        let starved = "with less, what is old would hardly ever leave while news comes in; with more, news would hardly ever \
                       leave while there is something old";
        vec![
            (concurrency, "concurrency", "`concurrency` must be from 1 to 64", None),
            (timeout, "timeout", "`timeout` must be more than zero, and 5m or less", None),
            (is_zero(self.max_age), "max_age", "`max_age` must be more than zero", None),
            (base, "retry.base", "`base` must be more than zero", None),
            (cap, "retry.cap", "`cap` must be more than zero, and 1h or less", None),
            (share, "retry.share", "`share` must be from 10% to 90%", Some(starved)),
            (rate, "rate", "`rate` must be 1000/s or less", Some("write `unlimited` for as fast as they can")),
            (burst, "burst", "`burst` must be from 1 to 1000", None),
        ]
    }

    fn out_of_place(&self, kind_has_rate: bool) -> Vec<Row> {
        let no_rate = self.rate.map_or(!kind_has_rate, |rate| rate == WrittenRate::Unlimited);
        let burst = self.burst.is_some() && no_rate;
        let fallback_after = self.fallback_after.is_some() && self.fallback.is_none();
        let no_target = "write `fallback: TARGET` beside it, or leave it out";
        vec![
            (
                burst,
                "burst",
                "`burst` means nothing without a `rate`",
                Some("write one, such as `rate: 1/s`, or leave it out"),
            ),
            (fallback_after, "fallback_after", "`fallback_after` means nothing without a `fallback`", Some(no_target)),
        ]
    }

    /// No wait grows beyond `cap`, so nothing would grow from a `base` above it.
    fn retry_at_odds(&self) -> Option<Impossible> {
        let (base, cap) = self.retry.bounds();
        (base > cap && !cap.get().is_zero()).then(|| Impossible {
            // Only one of the two need be written.
            key: "retry",
            message: format!("waits grow from `base` {base} to `cap` {cap}, which is less"),
            hint: Some(format!("write a `base` of {cap} or less, or a `cap` of {base} or more")),
        })
    }

    /// What a closed target is owed is given up before its fallback hears of it.
    fn fallback_too_late(&self, schedule: Option<Schedule>) -> Option<Impossible> {
        let usual = Policy::default();
        let age = self.max_age.unwrap_or(max_age_of(schedule));
        let after = self.fallback_after.unwrap_or(usual.fallback_after);
        let is_late = self.fallback.is_some() && after >= age && !age.get().is_zero();
        let (key, by_default) = match self.fallback_after {
            Some(_) => ("fallback_after", ""),
            None => ("max_age", " by default"),
        };
        is_late.then(|| Impossible {
            key,
            message: format!(
                "what waits is given up after `max_age` {age}, before it falls back after `fallback_after` {after}{by_default}"
            ),
            hint: Some(format!("write a `fallback_after` of less than {age}, or a longer `max_age`")),
        })
    }
}

impl WrittenRetry {
    fn bounds(&self) -> (Span, Span) {
        (self.base.unwrap_or(Waits::BASE), self.cap.unwrap_or(Waits::CAP))
    }

    fn over(self, schedule: Option<Schedule>) -> RetryPolicy {
        let (base, cap) = self.bounds();
        let waits = match schedule {
            Some(schedule) if self.base.is_none() && self.cap.is_none() => Waits::Listed(schedule.waits),
            _ => Waits::Growing { base, cap },
        };
        RetryPolicy { waits, share: self.share.unwrap_or(RetryPolicy::default().share) }
    }
}

/// How old an event may become where the operator does not say: long enough for all of the schedule, if the kind has one.
pub fn max_age_of(schedule: Option<Schedule>) -> Span {
    schedule.map_or(Policy::default().max_age, |schedule| schedule.max_age)
}

impl<'de> Deserialize<'de> for WrittenRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "unlimited" => Ok(Self::Unlimited),
            rate => rate
                .parse()
                .map(Self::At)
                .map_err(|error: String| de::Error::custom(format!("{error}, or `unlimited`"))),
        }
    }
}

impl fmt::Display for Policy {
    /// The limits in words, for people: `1/s, 4 at a time, 15s each, given up after 1d`. How it is retried only where that is
    /// not as for every target.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rate, self.burst) {
            (None, _) => f.write_str("unlimited")?,
            (Some(rate), 1) => write!(f, "{rate}")?,
            (Some(rate), burst) => write!(f, "{rate} with bursts of {burst}")?,
        }
        write!(f, ", {} at a time, {} each", self.concurrency, self.timeout)?;
        let RetryPolicy { waits, share } = self.retry;
        match waits {
            Waits::USUAL => {}
            Waits::Growing { base, cap } => write!(f, ", retried after {base} to {cap}")?,
            Waits::Listed(waits) => {
                let words: Vec<String> = waits.iter().map(Span::to_string).collect();
                write!(f, ", retried after {}", words.join(", "))?;
            }
        }
        if share != RetryPolicy::default().share {
            write!(f, ", old ones get {share}")?;
        }
        write!(f, ", given up after {}", self.max_age)?;
        match self.ambiguous {
            Ambiguous::Resend => Ok(()),
            Ambiguous::GiveUp => f.write_str(" or when it may have arrived"),
        }
    }
}

#[cfg(test)]
#[path = "tests/policy.rs"]
mod tests;
