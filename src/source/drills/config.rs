//! An item of `drills`: what is played, when, and how soon everybody must have been told.
//!
//! What must fit with sources and routes is checked where these are known, in `app/settings/drills`.

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::Span;
use crate::event::Zone;
use crate::names::{DrillName, SourceName};
use crate::source::samples;
use crate::source::schedule::CronLine;

/// How soon everybody may have to be told.
pub const WITHIN: RangeInclusive<Span> = Span::from_secs(1)..=Span::from_secs(86_400);

/// How soon, where nothing is said.
pub const USUALLY_WITHIN: Span = Span::from_secs(300);

/// How many drills there may be: each is looked at in every round.
pub const MOST_DRILLS: usize = 50;

/// As written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What it is called.
    pub name: DrillName,
    /// When it takes place, once a day at the most; only when somebody wants it, where this is left out.
    pub cron: Option<CronLine>,
    /// The zone of `cron`; universal time, where it is left out.
    pub time_zone: Option<Zone>,
    /// The webhook source that is played; the first one, where it is left out.
    pub source: Option<SourceName>,
    /// The body as CAST AI would send it.
    pub event: Option<Map<String, Value>>,
    /// The built-in sample of this name instead.
    pub sample: Option<String>,
    /// How soon everybody must have been told.
    pub within: Option<Span>,
}

impl Config {
    /// What is wrong with it by itself: the key, and the words.
    pub fn impossible(&self) -> Vec<(&'static str, String)> {
        let mut mistakes = Vec::new();
        if self.name == DrillName::on_demand() {
            let mistake = format!("`{}` is taken: it is what drills go by that nobody configured", self.name);
            mistakes.push(("name", mistake));
        }
        match (&self.event, &self.sample) {
            (Some(_), Some(_)) => {
                mistakes.push(("sample", "`event` and `sample` are both written; keep one".to_owned()))
            }
            (None, None) => {
                let mistake =
                    "write `event`, the body as CAST AI would send it, or `sample`, the name of a built-in one";
                mistakes.push(("", mistake.to_owned()));
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        if self.cron.is_none() && self.time_zone.is_some() {
            mistakes.push(("time_zone", "`time_zone` is the zone of `cron`, and there is none".to_owned()));
        }
        mistakes.extend(self.within.and_then(wrong_within).map(|mistake| ("within", mistake)));
        mistakes
    }

    /// Whether its sample is none that there is.
    pub fn unknown_sample(&self) -> Option<&str> {
        self.sample.as_deref().filter(|name| !samples::names().any(|known| known == *name))
    }
}

/// What is wrong with this time, in words.
pub fn wrong_within(within: Span) -> Option<String> {
    let (least, most) = (WITHIN.start(), WITHIN.end());
    (!WITHIN.contains(&within))
        .then(|| format!("`within` is {within}, which is out of range: from {least} to {most} is allowed"))
}
