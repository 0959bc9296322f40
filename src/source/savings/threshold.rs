//! Thresholds: what is watched, and when a limit counts as crossed.
//!
//! Pure. Each threshold remembers for each of its scopes whether it is crossed; it says so once and is armed again only
//! when the value has come back by the hysteresis, so that a value that wavers around its limit is told of once. What is
//! not available neither crosses nor arms. The same state and the same values give the same crossings with the same ids,
//! however often and by however many relays they are looked at.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};

use super::memory::{Memory, State};
use super::report::{Paid, Prices, offered, total_realised_share};
use super::sums::sum;
use crate::event::Severity;
use crate::names::ThresholdName;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Realised savings of the period, in dollars.
    Realised,
    /// The same as a share of cost and savings together.
    RealisedPercent,
    /// Potential savings of a month with on-demand nodes, in dollars; the period is of no account.
    Potential,
    /// The same as a share of the price.
    PotentialPercent,
    /// What the period cost, in dollars.
    Cost,
}

impl Metric {
    /// The word in the configuration and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Realised => "realised",
            Self::RealisedPercent => "realised_percent",
            Self::Potential => "potential",
            Self::PotentialPercent => "potential_percent",
            Self::Cost => "cost",
        }
    }

    /// Whether it is read from what could be, and not from what was paid.
    pub(super) fn needs_offers(self) -> bool {
        matches!(self, Self::Potential | Self::PotentialPercent)
    }

    /// Whether the month to date begins at zero and grows.
    fn grows_with_the_month(self) -> bool {
        matches!(self, Self::Realised | Self::Cost)
    }

    fn is_refused(self, reading: &Reading) -> bool {
        if self.needs_offers() { reading.refused.prices } else { reading.refused.paid }
    }

    /// Of all these clusters together; `None` when it is available for none, or when CAST AI refuses to tell a part of it.
    fn of<'a>(self, readings: impl Iterator<Item = &'a Reading> + Clone) -> Option<Decimal> {
        if readings.clone().any(|one| self.is_refused(one)) {
            return None;
        }
        match self {
            Self::Realised => sum(readings.map(|one| one.paid.savings)),
            Self::RealisedPercent => total_realised_share(readings.map(|one| &one.paid)),
            Self::Cost => sum(readings.map(|one| one.paid.cost)),
            Self::Potential => offered(readings.map(|one| one.prices)).monthly,
            Self::PotentialPercent => offered(readings.map(|one| one.prices)).percent,
        }
    }
}

/// The time a metric is measured over; it ends with the last full hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// From the first of the month.
    MonthToDate,
    /// The last thirty days.
    #[default]
    #[serde(rename = "trailing_30_days")]
    Trailing30Days,
}

impl Over {
    /// The word in the configuration and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MonthToDate => "month_to_date",
            Self::Trailing30Days => "trailing_30_days",
        }
    }
}

/// Whether all clusters are measured together or each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// Together.
    #[default]
    Total,
    /// Each cluster for itself.
    Cluster,
}

/// On which side of the limit trouble lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Crossed when the value is more than this.
    Above(Decimal),
    /// Crossed when the value is less than this.
    Below(Decimal),
}

impl Limit {
    /// The limit itself.
    pub fn value(self) -> Decimal {
        match self {
            Self::Above(limit) | Self::Below(limit) => limit,
        }
    }

    /// The word in the configuration and in events.
    pub fn direction(self) -> &'static str {
        match self {
            Self::Above(_) => "above",
            Self::Below(_) => "below",
        }
    }

    fn is_crossed_by(self, value: Decimal) -> bool {
        match self {
            Self::Above(limit) => value > limit,
            Self::Below(limit) => value < limit,
        }
    }

    /// Whether the value has come back from it by `hysteresis`.
    fn is_left_by(self, value: Decimal, hysteresis: Decimal) -> bool {
        match self {
            Self::Above(limit) => value <= limit.saturating_sub(hysteresis),
            Self::Below(limit) => value >= limit.saturating_add(hysteresis),
        }
    }
}

/// One limit that is watched.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Threshold {
    /// Its name, which no other threshold has.
    pub name: ThresholdName,
    /// What is measured.
    pub metric: Metric,
    /// Over which time.
    pub period: Over,
    /// When it is crossed.
    pub limit: Limit,
    /// How far the value must come back before it can be crossed again, in the metric's unit.
    pub hysteresis: Decimal,
    /// Whether each cluster has the limit for itself.
    pub each: Each,
    /// The clusters that count, by name or id; all without it.
    pub clusters: Option<GlobMatcher>,
    /// How bad it is, where not as usual.
    pub severity: Option<Severity>,
}

impl Threshold {
    /// Whether this cluster counts.
    pub(super) fn counts(&self, id: &str, name: &str) -> bool {
        self.clusters.as_ref().is_none_or(|glob| glob.is_match(id) || glob.is_match(name))
    }
}

/// As it is written in the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: ThresholdName,
    metric: Metric,
    #[serde(default)]
    period: Over,
    above: Option<Number>,
    below: Option<Number>,
    #[serde(default)]
    hysteresis: Number,
    #[serde(default)]
    each: Each,
    cluster: Option<Glob>,
    severity: Option<Severity>,
}

impl TryFrom<Written> for Threshold {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { name, metric, period, above, below, hysteresis, each, cluster, severity } = written;
        let limit = match (above, below) {
            (Some(Number(limit)), None) => Limit::Above(limit),
            (None, Some(Number(limit))) => Limit::Below(limit),
            _ => return Err(format!("threshold `{name}` needs exactly one of `above` and `below`")),
        };
        if hysteresis.0 < Decimal::ZERO {
            return Err(format!(
                "`hysteresis` of threshold `{name}` is negative; write how far the value must come back"
            ));
        }
        if matches!(limit, Limit::Below(_)) && period == Over::MonthToDate && metric.grows_with_the_month() {
            return Err(format!(
                "threshold `{name}` would be crossed at the beginning of every month, when `{}` is zero; write `period: \
                 trailing_30_days`, or a metric in percent",
                metric.as_str()
            ));
        }
        let clusters = cluster.map(|Glob(glob)| glob);
        Ok(Self { name, metric, period, limit, hysteresis: hysteresis.0, each, clusters, severity })
    }
}

/// A decimal number, exactly as written.
#[derive(Debug, Clone, Copy, Default)]
struct Number(Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = crate::event::fields::scalar_decimal(&serde_json::Value::String(text.clone()));
        let plain = number.filter(|_| !text.starts_with('$') && !text.ends_with('%'));
        let rule = "write a plain number, such as `5000` or `12.5`; the unit is the metric's";
        plain.map(Self).ok_or_else(|| de::Error::custom(format!("`{text}` is not a number; {rule}")))
    }
}

/// A glob over names and ids of clusters.
#[derive(Debug)]
struct Glob(GlobMatcher);

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let glob = GlobBuilder::new(&text).literal_separator(false).build();
        let glob =
            glob.map_err(|error| de::Error::custom(format!("`{text}` is not a valid glob: {}", error.kind())))?;
        Ok(Self(glob.compile_matcher()))
    }
}

/// What is known of one cluster over one time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub id: String,
    pub name: String,
    pub paid: Paid,
    /// Of on-demand nodes, the headline of what is possible.
    pub prices: Option<Prices>,
    pub refused: Refused,
}

/// What CAST AI has of a cluster and refuses to tell. Sums without it would not be those of all clusters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Refused {
    pub paid: bool,
    pub prices: bool,
}

/// A limit that was just crossed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crossing<'a> {
    pub threshold: &'a Threshold,
    /// The cluster; `None` for the total.
    pub cluster: Option<&'a Reading>,
    pub value: Decimal,
    pub counter: i64,
}

impl Crossing<'_> {
    /// `total`, or the cluster's id.
    pub(super) fn scope(&self) -> &str {
        self.cluster.map_or(TOTAL, |cluster| &cluster.id)
    }

    /// The same for every relay that sees the same state: `threshold/<name>/<scope>/<counter>`.
    pub(super) fn id(&self) -> String {
        format!("threshold/{}/{}/{}", self.threshold.name, self.scope(), self.counter)
    }
}

impl PartialEq for Threshold {
    /// No two have one name.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The scope of all clusters together.
const TOTAL: &str = "total";

/// Looks at every threshold once. `readings` are the clusters over each time that is asked for; `hour` is the number of
/// the hour in which they end. Returns what to remember, and what was crossed.
///
/// What is no longer configured is forgotten. A cluster that is not listed is remembered as long as there is room, for a
/// list may be short for once. Beyond [`State::MAX_SCOPES`] nothing is watched; see [`unwatched`].
pub(super) fn evaluate<'a>(
    thresholds: &'a [Threshold],
    readings: &'a BTreeMap<Over, Vec<Reading>>,
    state: &State,
    hour: i64,
) -> (State, Vec<Crossing<'a>>) {
    let mut next = State::default();
    let mut crossings = Vec::new();
    for threshold in thresholds {
        for (cluster, value) in measure(threshold, read_over(readings, threshold.period)) {
            let scope = cluster.map_or(TOTAL, |cluster| &cluster.id);
            let before = state.of(&threshold.name, scope).unwrap_or(Memory { crossed: false, counter: hour });
            let after = value.map_or(before, |value| threshold.judge(before, value));
            if !next.remember(&threshold.name, scope, after) {
                return (next, crossings);
            }
            if let Some(value) = value.filter(|_| after.counter != before.counter) {
                crossings.push(Crossing { threshold, cluster, value, counter: after.counter });
            }
        }
    }
    for threshold in thresholds.iter().filter(|threshold| threshold.each == Each::Cluster) {
        next.keep(state, &threshold.name, |scope| scope != TOTAL);
    }
    (next, crossings)
}

/// The first threshold that has scopes beyond what can be remembered, if there is one.
pub(super) fn unwatched<'a>(
    thresholds: &'a [Threshold],
    readings: &BTreeMap<Over, Vec<Reading>>,
) -> Option<&'a Threshold> {
    let mut scopes = 0;
    thresholds.iter().find(|threshold| {
        scopes += measure(threshold, read_over(readings, threshold.period)).len();
        scopes > State::MAX_SCOPES
    })
}

fn read_over(readings: &BTreeMap<Over, Vec<Reading>>, period: Over) -> &[Reading] {
    readings.get(&period).map_or(&[], Vec::as_slice)
}

/// The scopes of a threshold with their values, where those are available.
fn measure<'a>(threshold: &Threshold, readings: &'a [Reading]) -> Vec<(Option<&'a Reading>, Option<Decimal>)> {
    let counted: Vec<&Reading> = readings.iter().filter(|one| threshold.counts(&one.id, &one.name)).collect();
    match threshold.each {
        Each::Total => vec![(None, threshold.metric.of(counted.iter().copied()))],
        Each::Cluster => {
            counted.into_iter().map(|one| (Some(one), threshold.metric.of(std::iter::once(one)))).collect()
        }
    }
}

impl Threshold {
    fn judge(&self, before: Memory, value: Decimal) -> Memory {
        match before.crossed {
            false if self.limit.is_crossed_by(value) => {
                Memory { crossed: true, counter: before.counter.saturating_add(1) }
            }
            true if self.limit.is_left_by(value, self.hysteresis) => Memory { crossed: false, ..before },
            _ => before,
        }
    }
}

#[cfg(test)]
#[path = "tests/threshold.rs"]
mod tests;
