//! The section `sources.audit_log`.
//!
//! Knows what each key may hold and what cannot be meant; who hears of late records is read by [`LateRule`](crate::route::LateRule).

use std::fmt;
use std::time::Duration;

use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::canon::Types;
use super::filter::{AtLeast, Clusters, Words};
use super::window;
use crate::castai_api::audit::Version;
use crate::config::Span;
use crate::names::TargetName;

/// What is asked of the audit log, and how it is read.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which API.
    pub version: Version,
    /// How long after a round the next one comes.
    pub every: Span,
    /// How far before the last known record each round begins: records that come into the log later than this after
    /// they happened are found by the sweep only.
    pub overlap: Span,
    /// From when on the log is wanted at the first start.
    pub start: Start,
    /// When what no round asks for any more is asked for again.
    pub sweep: Sweeping,
    /// Only records of these clusters.
    pub clusters: Clusters,
    /// Only records of these domains. v2 only.
    pub domains: Words,
    /// Only records about these kinds of resource. v2 only.
    pub resources: Words,
    /// Only records of these actions. v2 only.
    pub actions: Words,
    /// Only records at least this bad.
    pub severity: Option<AtLeast>,
    /// Which records are canonical events, on top of the built-in table.
    pub types: Types,
    /// Up to which age a record goes by the routes. Kept by [`crate::route::LateRule`].
    pub page_if_younger_than: Option<Span>,
    /// Who hears of older ones. Kept by [`crate::route::LateRule`].
    pub older_notify: Option<Vec<TargetName>>,
    /// How long CAST AI may give no good answer before that is reported.
    pub silent_after: Span,
    /// How long events are kept, which is `store.retention`: what was told before may be forgotten, and is not asked for
    /// again.
    #[serde(skip)]
    pub retention: Option<Span>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version::default(),
            every: Span::from_secs(30),
            overlap: Span::from_secs(600),
            start: Start::default(),
            sweep: Sweeping::default(),
            clusters: Clusters::default(),
            domains: Words::default(),
            resources: Words::default(),
            actions: Words::default(),
            severity: None,
            types: Types::default(),
            page_if_younger_than: None,
            older_notify: None,
            silent_after: Span::from_secs(15 * 60),
            retention: None,
        }
    }
}

impl Config {
    /// What cannot be meant, each with the key it is about. `retention` is how long events are kept: a record that is
    /// asked for after its event was forgotten would be told again.
    pub fn impossible(&self, retention: Span) -> Vec<(&'static str, String)> {
        let Self { every, overlap, silent_after, .. } = self;
        let too_old = format!("`store.retention` is {retention}: what is older would be told again");
        let own = [
            (every.get() < A_SECOND, "every", "asking so often helps nobody; write at least `1s`".to_owned()),
            (
                silent_after <= every,
                "silent_after",
                format!("it is asked every {every} only; write more than that, such as `15m`"),
            ),
            (
                overlap.get() < A_SECOND,
                "overlap",
                "records come in late: with less than a second some would be missed; write `10m`".to_owned(),
            ),
            (*overlap > retention, "overlap", too_old),
        ];
        let only_v2 = [("domains", &self.domains), ("resources", &self.resources), ("actions", &self.actions)];
        let only_v2 = only_v2.into_iter().map(|(key, words)| {
            let cure = format!("records of v1 have no {key}; write `version: v2`, or match types in the routes");
            (self.version == Version::V1 && !words.is_empty(), key, cure)
        });
        let sweep = match self.sweep {
            Sweeping::Off => vec![],
            Sweeping::On { every, back } => vec![
                (every.get() < A_SECOND, "sweep", "sweeping so often helps nobody; write `every: 1h`".to_owned()),
                (
                    back <= *overlap,
                    "sweep",
                    format!("a sweep goes further back than the overlap, {overlap}; write `back: 24h`"),
                ),
                (
                    back.get().saturating_add(every.get()) > retention.get(),
                    "sweep",
                    format!(
                        "a sweep goes {back} back from the one before, after {every} or more, and `store.retention` is \
                         {retention}: what is older would be told again; write less"
                    ),
                ),
            ],
        };
        let all = own.into_iter().chain(only_v2).chain(sweep);
        all.filter(|(wrong, ..)| *wrong).map(|(_, key, mistake)| (key, mistake)).collect()
    }

    /// What tells one log from another, of those that one organisation has.
    pub(super) fn log(&self) -> &'static str {
        self.version.as_str()
    }

    /// What was told before and is older than this may be forgotten.
    pub(super) fn remembered(&self) -> Duration {
        self.retention.map_or(Duration::MAX, Span::get)
    }

    /// What a change of makes past records wanted that were not: everything but how often.
    pub(super) fn wanted(&self) -> String {
        let severity = self.severity.map(|severity| severity.to_string());
        let Self { version, clusters, domains, resources, actions, types, .. } = self;
        format!(
            "{}; clusters {clusters}; domains {domains}; resources {resources}; actions {actions}; severity {}; {types}",
            version.as_str(),
            severity.unwrap_or_default(),
        )
    }
}

/// Less between two questions is a mistake, and less of an overlap would miss records on the border of two rounds.
const A_SECOND: Duration = Duration::from_secs(1);

/// Since when the log is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Start {
    /// How long before the first start.
    pub look_back: Duration,
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "now" {
            return Ok(Self::default());
        }
        let look_back: Span = text.parse().map_err(|_| {
            de::Error::custom(format!("`{text}` is neither `now` nor a duration to look back, such as `24h`"))
        })?;
        Ok(Self { look_back: look_back.get() })
    }
}

/// `{ every: 1h, back: 24h }`, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweeping {
    /// So often, so far back.
    On {
        /// How long after the last sweep.
        every: Span,
        /// How far back from there.
        back: Span,
    },
    /// Never: a record that is later than the overlap is lost.
    Off,
}

impl Sweeping {
    /// As the arithmetic takes it.
    pub(super) fn plan(self) -> Option<window::Sweep> {
        match self {
            Self::On { every, back } => Some(window::Sweep { every: every.get(), back: back.get() }),
            Self::Off => None,
        }
    }
}

impl Default for Sweeping {
    fn default() -> Self {
        let Rhythm { every, back } = Rhythm::default();
        Self::On { every, back }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rhythm {
    every: Span,
    back: Span,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { every: Span::from_secs(3600), back: Span::from_secs(86_400) }
    }
}

impl<'de> Deserialize<'de> for Sweeping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SweepingVisitor)
    }
}

struct SweepingVisitor;

impl<'de> Visitor<'de> for SweepingVisitor {
    type Value = Sweeping;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`{ every: 1h, back: 24h }`, or `none`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Sweeping, E> {
        match text {
            "none" => Ok(Sweeping::Off),
            _ => Err(E::custom(format!("`{text}` is not a sweep; write `{{ every: 1h, back: 24h }}`, or `none`"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sweeping, A::Error> {
        let Rhythm { every, back } = Rhythm::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Sweeping::On { every, back })
    }
}
