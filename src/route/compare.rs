//! What another routing table would make of events that came: who would hear of more, who of less, and what no route would
//! take any more.
//!
//! Pure, and a sum: the order of the events does not matter, and however many there are, it stays small. An [`Outcome`] is
//! what became, or would become, of one event. A route that is silent at the hour of an event tells nobody of it. Silences,
//! rates and fallbacks are left out: they are not routing. Knows no store; where past events come from is for the caller.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Routed, RoutingTable};
use crate::event::{Event, Severity, Timestamp};
use crate::names::{EventId, RouteName, TargetName};

/// Events that are named as examples, the newest.
const EXAMPLES: usize = 3;
/// Kinds of unrouted events that are told apart: the worst, and of these the first by name. Senders make types up.
const MOST_KINDS: usize = 500;
/// Characters of a type that are looked at.
const LONGEST_TYPE: usize = 200;

/// What became of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    takers: BTreeSet<RouteName>,
    told: BTreeMap<TargetName, Severity>,
    ends: BTreeMap<TargetName, u64>,
}

/// So many, and some of them by name. Examples are the newest, whatever the order they came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cases {
    /// How many.
    pub count: u64,
    examples: BTreeSet<(Timestamp, EventId)>,
}

/// How many there were before and would be after. `before - lost + gained` is `after`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// With what held before.
    pub before: u64,
    /// With what is compared with it.
    pub after: u64,
    /// Before only.
    pub lost: Cases,
    /// After only.
    pub gained: Cases,
}

/// A kind of event that no route would take any more. Sorts by how bad it is, the worst first, then by type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    severity: Reverse<Severity>,
    /// The type of the event.
    pub event_type: String,
}

/// Events that a route took before, and that none would take after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unrouted {
    /// These.
    pub cases: Cases,
    /// Of them, those that nobody would hear of: the others would go to the default targets.
    pub to_nobody: u64,
}

/// All differences between what was and what would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Events that were compared.
    pub events: u64,
    /// Of them, those with any difference.
    pub changed: u64,
    /// Events that each route takes.
    pub routes: BTreeMap<RouteName, Change>,
    /// Events that each target hears of, but for those that only end an incident there.
    pub targets: BTreeMap<TargetName, Change>,
    /// Events that a target hears of before and after, with another severity: the one before, and the one after.
    pub severities: BTreeMap<(TargetName, Severity, Severity), Cases>,
    /// Events that no route would take any more.
    pub unrouted: BTreeMap<Kind, Unrouted>,
    /// The same of further kinds, where there are too many.
    pub unrouted_of_other_kinds: Unrouted,
    /// Events that somebody heard of before and nobody would after, also where a route says so on purpose.
    pub unheard: Cases,
    /// Ends of incidents that each target hears of.
    pub ends: BTreeMap<TargetName, Change>,
}

impl Outcome {
    /// What `routed` means for `event`; `hours` is the table that knows when its routes are silent. Without one, none is.
    pub fn of(event: &Event, routed: &Routed, hours: Option<&RoutingTable>) -> Self {
        let is_silent = |route| hours.is_some_and(|table| table.quiet_hours(route, event.received_at).is_some());
        let mut outcome = Self { takers: routed.takers.iter().cloned().collect(), ..Self::default() };
        for owed in &routed.owed {
            if owed.is_resolve() {
                *outcome.ends.entry(owed.target.clone()).or_default() += 1;
            } else if !is_silent(&owed.route) {
                outcome.told.insert(owed.target.clone(), owed.severity);
            }
        }
        outcome
    }

    /// What `table` makes of `event`.
    pub fn by(table: &RoutingTable, event: &Event) -> Self {
        Self::of(event, &table.route(event), Some(table))
    }

    /// The same with no more ends of incidents than `other` has: first where `other` has them, then, as far as some are
    /// left, elsewhere, so that an incident whose route moved to another target ends there. Routing says which incidents an
    /// event would end; which of them were open is known only of the past.
    #[must_use]
    pub fn with_ends_of(mut self, other: &Self) -> Self {
        let known = |target: &TargetName| other.ends.get(target).copied().unwrap_or_default();
        let same: u64 = self.ends.iter().map(|(target, count)| known(target).min(*count)).sum();
        let mut moved = other.ends.values().sum::<u64>() - same;
        for (target, count) in &mut self.ends {
            let elsewhere = count.saturating_sub(known(target)).min(moved);
            moved -= elsewhere;
            *count = known(target).min(*count) + elsewhere;
        }
        self.ends.retain(|_, count| *count > 0);
        self
    }

    /// Whether somebody wrote down what becomes of such an event. To come too late is to be routed where it is said who
    /// hears of that.
    fn is_routed(&self) -> bool {
        let [rest, late] = [RouteName::default_targets(), RouteName::too_late()];
        let is_written = |route: &RouteName| *route != rest && *route != late;
        self.takers.iter().any(is_written) || self.takers.contains(&late) && !self.told.is_empty()
    }

    /// How bad the event is: by itself, or as somebody was told, whichever is worse.
    fn severity(&self, event: &Event) -> Severity {
        self.told.values().copied().fold(event.severity, Severity::max)
    }
}

impl Cases {
    /// The newest of them, the newest first.
    pub fn examples(&self) -> impl Iterator<Item = &EventId> {
        self.examples.iter().rev().map(|(_, id)| id)
    }

    fn add(&mut self, count: u64, event: &Event) {
        self.count += count;
        let is_newer = |(at, id): &(Timestamp, EventId)| (*at, id) < (event.received_at, &event.id);
        let has_room = self.examples.len() < EXAMPLES;
        if count > 0 && (has_room || self.examples.first().is_some_and(is_newer)) {
            self.examples.insert((event.received_at, event.id.clone()));
            self.keep_newest();
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.examples.extend(other.examples);
        self.keep_newest();
    }

    fn keep_newest(&mut self) {
        while self.examples.len() > EXAMPLES {
            self.examples.pop_first();
        }
    }
}

impl Change {
    /// Whether anything is otherwise than before.
    pub fn is_any(&self) -> bool {
        self.lost.count > 0 || self.gained.count > 0
    }

    fn add(&mut self, before: u64, after: u64, event: &Event) {
        self.before += before;
        self.after += after;
        self.lost.add(before.saturating_sub(after), event);
        self.gained.add(after.saturating_sub(before), event);
    }
}

impl Kind {
    /// How bad: as the event itself says, or as somebody was told before, whichever is worse.
    pub fn severity(&self) -> Severity {
        self.severity.0
    }
}

impl Unrouted {
    fn add(&mut self, event: &Event, after: &Outcome) {
        self.cases.add(1, event);
        self.to_nobody += u64::from(after.told.is_empty());
    }

    fn merge(&mut self, other: Self) {
        self.cases.merge(other.cases);
        self.to_nobody += other.to_nobody;
    }
}

impl Comparison {
    /// Adds what became of one event, and what would become of it.
    pub fn add(&mut self, event: &Event, before: &Outcome, after: &Outcome) {
        self.events += 1;
        self.changed += u64::from(before != after);
        for route in before.takers.union(&after.takers) {
            let takes = |outcome: &Outcome| u64::from(outcome.takers.contains(route));
            self.routes.entry(route.clone()).or_default().add(takes(before), takes(after), event);
        }
        self.add_told(event, before, after);
        for target in keys(&before.ends, &after.ends) {
            let ends = |outcome: &Outcome| outcome.ends.get(target).copied().unwrap_or_default();
            self.ends.entry(target.clone()).or_default().add(ends(before), ends(after), event);
        }
        if before.is_routed() && !after.is_routed() {
            self.add_unrouted(event, before, after);
        }
    }

    /// Events that are as bad as `least` or worse and that no route would take any more.
    pub fn unrouted_from(&self, least: Severity) -> u64 {
        let kept = self.unrouted.iter().filter(|(kind, _)| kind.severity() >= least);
        let sum: u64 = kept.map(|(_, unrouted)| unrouted.cases.count).sum();
        // The others are no worse than the last that is kept; where that fits, they may.
        let last = self.unrouted.last_key_value().map(|(kind, _)| kind.severity());
        let others = if last.is_some_and(|last| last >= least) { self.unrouted_of_other_kinds.cases.count } else { 0 };
        sum + others
    }

    fn add_told(&mut self, event: &Event, before: &Outcome, after: &Outcome) {
        for target in keys(&before.told, &after.told) {
            let (was, is) = (before.told.get(target), after.told.get(target));
            let change = self.targets.entry(target.clone()).or_default();
            change.add(u64::from(was.is_some()), u64::from(is.is_some()), event);
            if let Some((was, is)) = was.zip(is).filter(|(was, is)| was != is) {
                self.severities.entry((target.clone(), *was, *is)).or_default().add(1, event);
            }
        }
        if !before.told.is_empty() && after.told.is_empty() {
            self.unheard.add(1, event);
        }
    }

    /// Of too many kinds the last one goes to the others, and stays there: whatever comes later, it is not among the first.
    fn add_unrouted(&mut self, event: &Event, before: &Outcome, after: &Outcome) {
        let severity = Reverse(before.severity(event));
        let event_type: String = event.type_name().chars().take(LONGEST_TYPE).collect();
        self.unrouted.entry(Kind { severity, event_type }).or_default().add(event, after);
        if self.unrouted.len() > MOST_KINDS
            && let Some((_, last)) = self.unrouted.pop_last()
        {
            self.unrouted_of_other_kinds.merge(last);
        }
    }
}

fn keys<'a, K: Ord, V>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    one.keys().chain(other.keys()).collect()
}

#[cfg(test)]
#[path = "tests/compare.rs"]
mod tests;
