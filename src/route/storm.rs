//! `storm:` of a route: above which rate its deliveries are swept together, and what is spared that.
//!
//! Only says what counts; how full the bucket is, is known to [`crate::store`]. Pure.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::bounds::span_in;
use super::matcher::{Facts, Matcher};
use crate::config::{Rate, Span};
use crate::event::batch::Pace;
use crate::event::delivery::StormWatch;

/// When too many events come by a route, they leave together, until it is over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StormRule {
    /// What is more than this is a storm: so many at once, or so many in each unit of time for long enough.
    #[serde(deserialize_with = "rate_of_many")]
    above: Rate,
    /// What goes its own way in a storm, too; nothing when left out. Looks at the event's own severity.
    #[serde(default, deserialize_with = "exception")]
    never: Option<Matcher>,
    /// From one message about the storm to the next one.
    #[serde(default = "default_interval", deserialize_with = "interval")]
    interval: Span,
}

fn default_interval() -> Span {
    Span::from_secs(60)
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    span_in(Span::from_secs(1)..=Span::from_secs(3600), deserializer)
}

/// The number is also how many at once are a storm.
fn rate_of_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
    let rate = Rate::deserialize(deserializer)?;
    match rate.count() {
        0 | 1 => Err(de::Error::custom(format!(
            "`{rate}` would take a single event for a storm; write two or more, such as `60/m` for one each second"
        ))),
        _ => Ok(rate),
    }
}

fn exception<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Matcher>, D::Error> {
    match Option::<Matcher>::deserialize(deserializer)? {
        Some(never) if never.is_everything() => Err(de::Error::custom(
            "an empty `never` spares every event, so that there is no storm; say what to spare, or remove it",
        )),
        never => Ok(never),
    }
}

impl StormRule {
    /// The terms for one event.
    pub(super) fn watch(&self, facts: &Facts<'_>) -> StormWatch {
        let spared = self.never.as_ref().is_some_and(|never| never.matches(facts));
        StormWatch { leaks_every: self.above.interval(), full_at: self.above.count(), spared }
    }

    /// How long what is swept together may have to wait, with its key.
    pub(super) fn wait(&self) -> (&'static str, Span) {
        ("storm.interval", self.interval)
    }

    /// How what is swept together leaves; as large as `group` allows, if the route has groups.
    pub(super) fn pace(&self, group: Option<Pace>) -> Pace {
        Pace {
            interval: self.interval.get(),
            max_events: group.map_or(super::group::MAX_EVENTS, |group| group.max_events),
        }
    }
}

impl fmt::Display for StormRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "above {} every {}", self.above, self.interval)?;
        self.never.iter().try_for_each(|never| write!(f, ", never {never}"))
    }
}

#[cfg(test)]
#[path = "tests/storm.rs"]
mod tests;
