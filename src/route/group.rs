//! `group:` of a route: which of its deliveries may leave together in one message, and how long they wait for each other.
//!
//! Makes the key that such deliveries have in common. Putting them together is for [`crate::store`], where they are
//! claimed. Pure.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::bounds::span_in;
use super::condition::Field;
use super::pattern::{Grammar, Observed};
use crate::config::Span;
use crate::event::Event;
use crate::event::batch::Pace;
use crate::event::delivery::Grouped;
use crate::event::fields::scalar_text;
use crate::names::GroupKey;

/// Deliveries of one route that are alike in these fields leave together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// What they have in common; with an empty list all of the route leave together.
    by: Vec<Field>,
    /// How long the first of a group waits for others.
    #[serde(default = "default_wait", deserialize_with = "wait")]
    wait: Span,
    /// From one message about a group to the next one.
    #[serde(default = "default_interval", deserialize_with = "interval")]
    interval: Span,
    /// The most events told in one message.
    #[serde(default = "default_max_events", deserialize_with = "max_events")]
    max_events: usize,
}

/// The most events in one message where a route says nothing of it.
pub(super) const MAX_EVENTS: usize = 1000;

const HOUR: Span = Span::from_secs(3600);

fn default_wait() -> Span {
    Span::from_secs(10)
}

fn default_interval() -> Span {
    Span::from_secs(300)
}

fn default_max_events() -> usize {
    MAX_EVENTS
}

fn wait<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    span_in(Span::from_secs(0)..=HOUR, deserializer)
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    span_in(Span::from_secs(0)..=Span::from_secs(24 * 3600), deserializer)
}

fn max_events<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let number = usize::deserialize(deserializer)?;
    match (2..=10_000).contains(&number) {
        true => Ok(number),
        false => Err(de::Error::custom(format!("`{number}` is out of range: from 2 to 10000 is allowed"))),
    }
}

impl GroupRule {
    /// What `event` may leave together with. Two events of one route have one key exactly when they have the same in
    /// each of the fields; having nothing there is a value of its own.
    ///
    /// | field | compared by |
    /// |---|---|
    /// | `cluster` | its id, else its name |
    /// | `severity` | the event's own, whatever the route tells it with |
    /// | `name`, `category` | in any case, as matchers do |
    /// | `data.<path>` | the text of a plain value, trimmed; all of a list or an object |
    pub(super) fn of(&self, event: &Event) -> Option<Grouped> {
        // Always there, because the text is never blank.
        let key = GroupKey::from_rendered(&self.key(event))?;
        Some(Grouped { key, wait: self.wait.get() })
    }

    /// Names and texts are quoted where they could be taken for something else.
    fn key(&self, event: &Event) -> String {
        if self.by.is_empty() {
            return "all".to_owned();
        }
        let pairs = self.by.iter().map(|field| {
            let (name, value) = pair(field, event);
            format!("{}={value}", if is_plain(&name) { name } else { quoted(&name) })
        });
        pairs.collect::<Vec<_>>().join(", ")
    }

    /// How long its deliveries may have to wait: for others, and after others have left. Each with its key.
    pub(super) fn waits(&self) -> [(&'static str, Span); 2] {
        [("group.wait", self.wait), ("group.interval", self.interval)]
    }

    /// How its batches leave.
    pub(super) fn pace(&self) -> Pace {
        Pace { interval: self.interval.get(), max_events: self.max_events }
    }
}

impl fmt::Display for GroupRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by.as_slice() {
            [] => f.write_str("all together")?,
            by => write!(f, "by {}", by.iter().map(Field::to_string).collect::<Vec<_>>().join(", "))?,
        }
        write!(f, " after {}, then every {}, at most {}", self.wait, self.interval, self.max_events)
    }
}

fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
}

/// What the key calls the field, and what it says of it.
fn pair(field: &Field, event: &Event) -> (String, String) {
    let name = field.to_string();
    match (field, field.observe(event)) {
        // The name is only asked where there is no id: not every cluster of one name is one cluster.
        (Field::Cluster, [_, Some(id)]) => (name, text(field, id)),
        (Field::Cluster, [Some(label), None]) => (format!("{name}.name"), text(field, label)),
        (_, [Some(seen), _]) => (name, text(field, seen)),
        (_, [None, _]) => (name, "-".to_owned()),
    }
}

fn text(field: &Field, seen: Observed<'_>) -> String {
    match seen {
        Observed::Json(value) => scalar_text(value).map_or_else(|| value.to_string(), |text| quoted(&text)),
        Observed::Text(text) if matches!(field.grammar(), Grammar::TextInAnyCase) => quoted(&text.to_lowercase()),
        Observed::Text(text) => quoted(text),
        Observed::Severity(severity) => quoted(severity.as_str()),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
#[path = "tests/group.rs"]
mod tests;
