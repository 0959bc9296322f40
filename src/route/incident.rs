//! `incident:` of a route: which incident an event opens, and which events end it.
//!
//! Whether an incident is open is known to [`crate::store`] alone; here each event only says what it would do. A key that
//! lacks a value names no incident: it would be one key for everything that lacks it. Pure.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::bounds::span_in;
use super::matcher::{Facts, Matcher};
use crate::config::Span;
use crate::event::Severity;
use crate::event::delivery::{IncidentStep, Phase};
use crate::names::IncidentKey;
use crate::template::KeyTemplate;

/// What a route takes opens an incident, until something ends it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct IncidentRule {
    key: KeyTemplate,
    severity: Option<Severity>,
    end: End,
}

/// What ends it; at least one of the two.
#[derive(Debug)]
enum End {
    When(Matcher),
    After(Span),
    WhenOrAfter(Matcher, Span),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// What the incident is called. The same key at the same target is the same incident, whatever route says it.
    key: KeyTemplate,
    /// Tells what opens it with this severity; goes before the route's.
    severity: Option<Severity>,
    /// Which events end the incident of their key. They need not be taken by the route; where they are, they open
    /// nothing.
    #[serde(default, deserialize_with = "end_of_some")]
    resolve_when: Option<Matcher>,
    /// How long after the last event that opened it, it ends by itself.
    #[serde(default, deserialize_with = "resolve_after")]
    resolve_after: Option<Span>,
}

fn end_of_some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Matcher>, D::Error> {
    match Option::<Matcher>::deserialize(deserializer)? {
        Some(matcher) if matcher.is_everything() => Err(de::Error::custom(
            "an empty `resolve_when` takes every event for an end, so that nothing opens; say what ends it, or remove it",
        )),
        matcher => Ok(matcher),
    }
}

fn resolve_after<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
    span_in(Span::from_secs(1)..=Span::from_secs(30 * 24 * 3600), deserializer).map(Some)
}

impl TryFrom<Written> for IncidentRule {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let end = match (written.resolve_when, written.resolve_after) {
            (Some(when), None) => End::When(when),
            (None, Some(after)) => End::After(after),
            (Some(when), Some(after)) => End::WhenOrAfter(when, after),
            (None, None) => {
                return Err(
                    "an incident that nothing ends stays open for ever, and all that comes later goes under in it; \
                            write `resolve_when`, `resolve_after` or both",
                );
            }
        };
        Ok(Self { key: written.key, severity: written.severity, end })
    }
}

impl IncidentRule {
    /// The severity to tell openings with, if it says so.
    pub(super) fn severity(&self) -> Option<Severity> {
        self.severity
    }

    /// Which events end it, if any do.
    pub(super) fn resolve_when(&self) -> Option<&Matcher> {
        match &self.end {
            End::When(matcher) | End::WhenOrAfter(matcher, _) => Some(matcher),
            End::After(_) => None,
        }
    }

    /// How long after the last event that opened it, it ends by itself, if it does.
    pub fn resolve_after(&self) -> Option<Span> {
        match self.end {
            End::When(_) => None,
            End::After(after) | End::WhenOrAfter(_, after) => Some(after),
        }
    }

    /// The incident an event is about.
    ///
    /// # Errors
    /// When it lacks a value that is in the key.
    pub(super) fn key(&self, facts: &Facts<'_>) -> Result<IncidentKey, String> {
        let rendered = self.key.render(facts.present()).map_err(|error| error.to_string());
        let key = rendered.and_then(|text| IncidentKey::from_rendered(&text).ok_or_else(|| "it is blank".to_owned()));
        key.map_err(|reason| format!("there is no key {}: {reason}", self.key))
    }

    /// What an event that the route takes does; nothing when the key cannot be made of it.
    pub(super) fn open(&self, facts: &Facts<'_>) -> Option<IncidentStep> {
        let resolve_after = self.resolve_after().map(Span::get);
        Some(IncidentStep { key: self.key(facts).ok()?, phase: Phase::Open, resolve_after })
    }

    /// The incident that the event ends, open or not. None when there is any doubt: rather open for too long than closed
    /// without cause.
    pub(super) fn ended_by(&self, facts: &Facts<'_>) -> Option<IncidentKey> {
        let when = self.resolve_when()?;
        let ends = when.matches(facts) && when.doubt(facts).is_none();
        ends.then(|| self.key(facts).ok()).flatten()
    }

    /// Why nothing ends although `resolve_when` holds, in words; `None` when it does not hold, or something ends.
    pub(super) fn ended_for_nothing(&self, facts: &Facts<'_>) -> Option<String> {
        let when = self.resolve_when().filter(|when| when.matches(facts))?;
        when.doubt(facts).or_else(|| self.key(facts).err())
    }
}

impl fmt::Display for IncidentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key.to_string())?;
        self.severity.iter().try_for_each(|severity| write!(f, " as {severity}"))?;
        match &self.end {
            End::When(matcher) => write!(f, ", until {matcher}"),
            End::After(after) => write!(f, ", until {after} after the last"),
            End::WhenOrAfter(matcher, after) => write!(f, ", until {matcher}, or {after} after the last"),
        }
    }
}

#[cfg(test)]
#[path = "tests/incident.rs"]
mod tests;
