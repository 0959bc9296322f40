//! What many events are about: how many, of which kinds, where, and from when to when.
//!
//! Counts as it goes, in bounded space, so that ten thousand events cost what ten do. What was counted before can be kept,
//! smaller still, and counted on from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::scalar_text;
use super::{CastAIEvent, Event, Severity, Timestamp};

/// By what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The type of the event; for a notification its name.
    Type,
    /// The cluster's name, else its id.
    Cluster,
    /// The instance type of the node concerned.
    InstanceType,
    /// The availability zone of the node concerned.
    Zone,
    /// Why it happened, as the sender says.
    Reason,
}

impl Dimension {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Type, Self::Cluster, Self::InstanceType, Self::Zone, Self::Reason];
}

/// How many events, and what they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    events: usize,
    resolved: usize,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    by_severity: BTreeMap<Severity, usize>,
    by: BTreeMap<Dimension, BTreeMap<String, usize>>,
    unnamed: BTreeMap<Dimension, usize>,
}

impl Tally {
    /// Different values that are counted apart in one dimension; what comes beyond is counted together.
    const MAX_VALUES: usize = 1000;

    /// The same where it is kept: [`Tally::condensed`].
    pub const MAX_KEPT: usize = 100;

    /// Characters of a value; those that differ only beyond are counted together.
    const MAX_VALUE: usize = 200;

    /// Counts one more event, told with this severity.
    pub fn add(&mut self, event: &Event, severity: Severity) {
        let at = event.occurred_at.unwrap_or(event.received_at);
        self.events += 1;
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
        *self.by_severity.entry(severity).or_default() += 1;
        for dimension in Dimension::ALL {
            if let Some(value) = value_of(event, dimension) {
                self.count(dimension, value, 1);
            }
        }
    }

    /// Counts all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.events = self.events.saturating_add(other.events);
        self.resolved = self.resolved.saturating_add(other.resolved);
        self.first_at = [self.first_at, other.first_at].into_iter().flatten().min();
        self.last_at = self.last_at.max(other.last_at);
        for (severity, count) in &other.by_severity {
            more(self.by_severity.entry(*severity).or_default(), *count);
        }
        for (dimension, counts) in &other.by {
            counts.iter().for_each(|(value, count)| self.count(*dimension, value.clone(), *count));
        }
        for (dimension, count) in &other.unnamed {
            more(self.unnamed.entry(*dimension).or_default(), *count);
        }
    }

    /// The same with at most [`Tally::MAX_KEPT`] values apart in each dimension, the most frequent ones; the events of all
    /// others are counted together.
    #[must_use]
    pub fn condensed(mut self) -> Self {
        for dimension in Dimension::ALL {
            let rare: Vec<String> =
                self.most(dimension).into_iter().skip(Self::MAX_KEPT).map(|(value, _)| value.to_owned()).collect();
            let Some(counts) = self.by.get_mut(&dimension).filter(|_| !rare.is_empty()) else { continue };
            let unnamed = self.unnamed.entry(dimension).or_default();
            rare.iter().filter_map(|value| counts.remove(value)).for_each(|count| more(unnamed, count));
        }
        self
    }

    /// Counts one that ends an incident: apart, because it is no bad news.
    pub fn add_resolved(&mut self) {
        self.resolved += 1;
    }

    fn count(&mut self, dimension: Dimension, mut value: String, times: usize) {
        if let Some((end, _)) = value.char_indices().nth(Self::MAX_VALUE) {
            value.truncate(end);
        }
        let counts = self.by.entry(dimension).or_default();
        if counts.len() < Self::MAX_VALUES || counts.contains_key(&value) {
            more(counts.entry(value).or_default(), times);
        } else {
            more(self.unnamed.entry(dimension).or_default(), times);
        }
    }

    /// How many events, but for those that end incidents.
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many end an incident.
    pub fn resolved(&self) -> usize {
        self.resolved
    }

    /// When the first of them happened; `None` when none was counted.
    pub fn first_at(&self) -> Option<Timestamp> {
        self.first_at
    }

    /// When the last of them happened.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// How many of each severity, the highest first.
    pub fn severities(&self) -> impl Iterator<Item = (Severity, usize)> {
        self.by_severity.iter().rev().map(|(severity, count)| (*severity, *count))
    }

    /// How many different values there are in one dimension, but for those of [`Tally::unnamed`].
    pub fn different(&self, dimension: Dimension) -> usize {
        self.by.get(&dimension).map_or(0, BTreeMap::len)
    }

    /// The values in one dimension, the most frequent first, those alike by name; empty when no event has one.
    pub fn most(&self, dimension: Dimension) -> Vec<(&str, usize)> {
        let mut counts: Vec<_> =
            self.by.get(&dimension).into_iter().flatten().map(|(name, n)| (name.as_str(), *n)).collect();
        counts.sort_by(|(a, more), (b, less)| less.cmp(more).then(a.cmp(b)));
        counts
    }

    /// The value in one dimension that all events have; `None` where one of them has another, or none.
    pub fn common(&self, dimension: Dimension) -> Option<&str> {
        let [(only, count)] = self.most(dimension)[..] else { return None };
        (count == self.events).then_some(only)
    }

    /// Events whose value in this dimension is not among [`Tally::most`], because there were too many different ones.
    pub fn unnamed(&self, dimension: Dimension) -> usize {
        self.unnamed.get(&dimension).copied().unwrap_or_default()
    }
}

/// What was kept may be anything: it never overflows.
fn more(count: &mut usize, by: usize) {
    *count = count.saturating_add(by);
}

/// `None` for a blank value, which names nothing.
fn value_of(event: &Event, dimension: Dimension) -> Option<String> {
    let node = match &event.kind {
        CastAIEvent::NodeAdded(node) | CastAIEvent::NodeRemoved(node) | CastAIEvent::NodeSpotInterrupted(node) => {
            Some(node)
        }
        _ => None,
    };
    let in_data = |key: &str| event.data.get(key).and_then(scalar_text);
    let value = match dimension {
        Dimension::Type => Some(type_of(event)),
        Dimension::Cluster => event.cluster.label().map(str::to_owned),
        Dimension::InstanceType => node.and_then(|node| node.instance_type.clone()).or_else(|| in_data("instanceType")),
        Dimension::Zone => node.and_then(|node| node.zone.clone()).or_else(|| in_data("zone")),
        Dimension::Reason => reason_of(event).or_else(|| in_data("reason")),
    };
    value.filter(|value| !value.trim().is_empty())
}

/// Never blank.
fn type_of(event: &Event) -> String {
    let name = match &event.kind {
        CastAIEvent::Notification(notification) => notification.name.clone(),
        _ => None,
    };
    let names = [name.as_deref(), Some(event.type_name())].into_iter().flatten();
    let name = names.into_iter().find(|name| !name.trim().is_empty());
    name.unwrap_or(CastAIEvent::UNRECOGNIZED).to_owned()
}

fn reason_of(event: &Event) -> Option<String> {
    match &event.kind {
        CastAIEvent::NodeAdded(node) | CastAIEvent::NodeRemoved(node) | CastAIEvent::NodeSpotInterrupted(node) => {
            node.action.clone()
        }
        CastAIEvent::Kubernetes(told) => told.reason.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
