//! CAST AI's savings reports: a summary on a schedule, and thresholds that are watched.
//!
//! [`super::schedule`] and [`periods`] say when and over which days, [`ask`] gets the figures, [`report`] and [`sums`] make a
//! summary of them, [`threshold`] says what was crossed and [`memory`] what is remembered of it; [`summary`] and [`watch`] are the two rounds that carry it out.
//! Money is decimal from the wire to the page. Knows the API and the [`Inbox`]; knows no routes and no targets.

mod ask;
mod memory;
pub mod periods;
mod report;
mod summary;
mod sums;
pub mod threshold;
mod watch;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Inbox;
use super::polling::{Poll, PollError};
use super::schedule::{CronLine, Schedule};
use crate::castai_api::CastAi;
use crate::config::Span;
use crate::event::savings::SavingsSummary;
use crate::event::{CastAIEvent, Cluster, Event, Timestamp, Zone};
use crate::names::{EventId, SourceName};
use ask::Patience;
use periods::Day;
use summary::Summary;
use threshold::Threshold;
use watch::Watch;

/// How long a round may be overdue before that is reported. CAST AI's figures are not news of the minute.
const OVERDUE: Duration = Duration::from_secs(2 * 3600);

/// The section `sources.savings`. Written as `{}` it means a summary every day at nine, universal time.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Config {
    /// When the summary comes; `None` for never.
    pub summary: Option<SummaryConfig>,
    /// How often the thresholds are looked at.
    pub every: Span,
    /// The limits that are watched.
    pub thresholds: Vec<Threshold>,
}

/// When the summary comes, and where its days begin.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "WrittenSummary")]
pub struct SummaryConfig {
    /// Five fields; once a day at the most.
    pub cron: CronLine,
    /// The zone of `cron`, of the summary's days, and of the months that thresholds look at.
    pub time_zone: Zone,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    summary: Choice,
    #[serde(default = "every_hour")]
    every: Span,
    #[serde(default)]
    thresholds: Vec<Threshold>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSummary {
    cron: Option<CronLine>,
    time_zone: Option<Zone>,
}

/// What may be written at `summary`.
#[derive(Default)]
enum Choice {
    #[default]
    AsUsual,
    No,
    When(SummaryConfig),
}

fn every_hour() -> Span {
    Span::from_secs(3600)
}

impl TryFrom<Written> for Config {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let summary = match written.summary {
            Choice::AsUsual => Some(WrittenSummary::default().try_into()?),
            Choice::No => None,
            Choice::When(summary) => Some(summary),
        };
        Ok(Self { summary, every: written.every, thresholds: written.thresholds })
    }
}

impl TryFrom<WrittenSummary> for SummaryConfig {
    type Error = String;

    fn try_from(written: WrittenSummary) -> Result<Self, String> {
        let usual = || CronLine::parse(CronLine::DEFAULT);
        Ok(Self { cron: written.cron.map_or_else(usual, Ok)?, time_zone: written.time_zone.unwrap_or(Zone::UTC) })
    }
}

impl Config {
    /// The shortest `every`: CAST AI's figures do not change more often than this makes sense of.
    const SHORTEST_ROUND: Span = Span::from_secs(60);

    /// Settings that are each allowed and do not go together: the key, and what is wrong with it.
    pub fn impossible(&self) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        if self.every < Self::SHORTEST_ROUND {
            mistakes.push(("every".to_owned(), format!("`every` must be {} or more", Self::SHORTEST_ROUND)));
        }
        let mut names = BTreeSet::new();
        for (index, threshold) in self.thresholds.iter().enumerate().filter(|(_, one)| !names.insert(&one.name)) {
            let mistake = format!("more than one threshold is called `{}`; each needs its own name", threshold.name);
            mistakes.push((format!("thresholds[{index}].name"), mistake));
        }
        mistakes
    }

    /// What is asked for, on one line.
    pub fn in_words(&self) -> String {
        let summary =
            self.summary.as_ref().map(|summary| format!("summary at `{}` in {}", summary.cron, summary.time_zone));
        let thresholds = match self.thresholds.len() {
            0 => None,
            1 => Some(format!("1 threshold every {}", self.every)),
            many => Some(format!("{many} thresholds every {}", self.every)),
        };
        let wanted: Vec<_> = [summary, thresholds].into_iter().flatten().collect();
        if wanted.is_empty() { "nothing: neither summary nor thresholds".to_owned() } else { wanted.join(", ") }
    }

    /// Where days begin.
    pub fn zone(&self) -> Zone {
        self.summary.as_ref().map_or(Zone::UTC, |summary| summary.time_zone.clone())
    }

    /// How long CAST AI may give no good answer before that is reported: until the longest rest between two rounds is over
    /// by [`OVERDUE`]. `None` where nothing is asked for.
    pub fn silent_after(&self) -> Option<Duration> {
        let summary = self
            .summary
            .as_ref()
            .map(|SummaryConfig { cron, time_zone }| Schedule::new(cron.clone(), time_zone.clone()).longest_rest());
        let watch = (!self.thresholds.is_empty()).then(|| self.every.get());
        let rest = summary.into_iter().chain(watch).min()?;
        Some(rest.saturating_add(OVERDUE))
    }

    /// The rounds that are asked for here: the summary's, and that of the thresholds.
    pub fn rounds(self, castai: &CastAi, inbox: &Arc<Inbox>) -> Vec<Box<dyn Poll>> {
        let zone = self.zone();
        let summary = self.summary.map(|SummaryConfig { cron, time_zone }| -> Box<dyn Poll> {
            Box::new(Summary::new(castai.clone(), inbox.clone(), Schedule::new(cron, time_zone)))
        });
        let watched = Some(self.thresholds).filter(|thresholds| !thresholds.is_empty());
        let watch = watched.map(|thresholds| -> Box<dyn Poll> {
            Box::new(Watch::new(castai.clone(), inbox.clone(), thresholds, self.every, zone))
        });
        summary.into_iter().chain(watch).collect()
    }
}

/// The summary of `day` as CAST AI tells it now.
///
/// # Errors
/// When CAST AI does not tell; a cluster it refuses to tell of is not available in the summary instead.
pub async fn summarise(castai: &CastAi, day: Day, zone: &Zone) -> Result<SavingsSummary, PollError> {
    let observations = ask::observe(castai, day, zone, Patience::Boundless).await?;
    Ok(report::summary(day, zone, &observations))
}

/// An event of this source. Its figures are in `data`; there is no body as received, because nobody sent one.
fn event(id: &str, event_type: &str, data: Map<String, Value>, castai: &CastAi, now: Timestamp) -> Event {
    // What was written by us needs no notes.
    let kind = CastAIEvent::read(event_type, &data, &mut Vec::new());
    let organization = castai.organization_id().map(str::to_owned);
    Event {
        id: EventId::from_sender(organization.as_deref(), id),
        source: SourceName::savings(),
        severity: kind.default_severity(),
        kind,
        organization,
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: Some(now),
        received_at: now,
        data,
        notes: Vec::new(),
        body: Bytes::new(),
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = Choice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`{ cron: \"0 9 * * *\", time_zone: UTC }`, or `false` for no summary")
    }

    fn visit_bool<E: de::Error>(self, wanted: bool) -> Result<Choice, E> {
        Ok(if wanted { Choice::AsUsual } else { Choice::No })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Choice, A::Error> {
        SummaryConfig::deserialize(MapAccessDeserializer::new(map)).map(Choice::When)
    }
}

#[cfg(test)]
mod tests;
