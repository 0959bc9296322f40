//! How a target stands, and when something may be sent to it: pure.
//!
//! The state is a row in the store, so that it survives a restart; it is read and written in the transaction that claims or
//! settles. [`limit`] is the rate, [`order`] what operators ask of it, [`TargetState`] the rest: the wait a target asked for, and whether it is
//! closed because it refuses everything or fails again and again. A closed target keeps its deliveries and is probed with a
//! real one now and then. Knows no deliveries, no store, no clock (`now` is given). Next room: [`crate::store`], which asks it.

mod closed;
pub mod limit;
mod order;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::event::batch::Lease;
use crate::event::delivery::Reason;
pub use closed::{Cause, Closed};
use limit::{RateClock, RateLimit};
pub use order::{Obeyed, Order, Pause};

/// Longer than anything makes a target wait: nobody gets more than an hour of patience, and no attempt takes so long. What
/// lies further ahead was written while the clock was wrong, and holds nothing up.
const BEYOND_PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// A target that asks for another wait later than this after the last one was over is busy anew. More than what is tried
/// again may wait by itself.
const SAME_WAIT: Duration = Duration::from_secs(600);

/// What holds for a target, as configured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How fast messages may leave; as fast as they can when there is none.
    pub rate: Option<RateLimit>,
    /// Of a hundred messages, how many may be old ones (tried before, or waiting for long) while there is fresh news.
    pub old_percent: u32,
    /// How many failures in a row close the target.
    pub failures_to_close: u32,
    /// How long a target that refuses everything is left alone between two probes.
    pub probe_refusing_every: Duration,
    /// How long a failing one is left alone before the first probe; doubles with each.
    pub probe_failing_after: Duration,
    /// The longest wait between probes of a failing one.
    pub probe_failing_cap: Duration,
    /// Nobody is there any more, so that there is nothing to wait for and nothing to find out. How the target stood stays as
    /// it was, for the day it is back.
    pub is_gone: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rate: None,
            old_percent: 50,
            failures_to_close: 5,
            probe_refusing_every: Duration::from_secs(300),
            probe_failing_after: Duration::from_secs(5),
            probe_failing_cap: Duration::from_secs(300),
            is_gone: false,
        }
    }
}

/// Everything there is to remember of a target. Serialises as the store keeps it; a field that is missing is as at first, one
/// that is not known is left out, so that an older relay reads what a newer one wrote.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetState {
    rate: RateClock,
    paused_until: Option<Timestamp>,
    busy_since: Option<Timestamp>,
    closed: Option<Closed>,
    pause: Option<Pause>,
    failures: u32,
    old_turn: u32,
    leases: i64,
    probe: Option<i64>,
    /// While it is shut for too long: the highest id of the deliveries that go to its fallback target, too.
    pub fallen_to: i64,
}

/// What an attempt says about its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It answers, whatever it thinks of this message.
    Well,
    /// It asks everybody to wait until then.
    Busy {
        /// Nothing leaves before this.
        until: Timestamp,
    },
    /// It failed and may recover.
    Failing {
        /// Why.
        reason: Reason,
        /// The same in words, without secrets.
        detail: String,
        /// Until when it asks everybody to wait all the same, if it does.
        until: Option<Timestamp>,
    },
    /// It refuses everything.
    Refusing {
        /// Why.
        reason: Reason,
        /// The same in words, without secrets.
        detail: String,
    },
    /// Nothing: the fault is ours.
    Nothing,
}

/// What people must be told of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is closed. Said once more of a target that was said to fail and turns out to refuse.
    Paused(Closed),
    /// It is open again, and was reported closed.
    Resumed(Closed),
}

/// A batch that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Who holds it.
    pub lease: Lease,
    /// Whether it finds out if the target is well again.
    pub is_probe: bool,
}

impl TargetState {
    /// The first moment, from `now` on, at which something may leave; `None` when it is paused until somebody resumes it.
    pub fn opens_at(&self, limits: &Limits, now: Timestamp) -> Option<Timestamp> {
        if limits.is_gone {
            return Some(now);
        }
        let resumes_at = self.pause(now).map_or(Some(now), |pause| pause.until)?;
        let paused_until = self.wait_asked_for(now).unwrap_or(now);
        let probe_at = self.closed.as_ref().and_then(|closed| not_beyond(closed.probe_at, limits, now)).unwrap_or(now);
        let rate = limits.rate.map_or(now, |limit| self.rate.opens_at(limit, now));
        Some(resumes_at.max(paused_until).max(probe_at).max(rate))
    }

    /// Whether something may leave now.
    pub fn is_open(&self, limits: &Limits, now: Timestamp) -> bool {
        self.opens_at(limits, now).is_some_and(|at| at <= now)
    }

    /// How many may leave now: one where it is a probe, none where it must wait.
    pub fn admits(&self, limits: &Limits, now: Timestamp) -> usize {
        match (self.is_open(limits, now), &self.closed, limits.rate) {
            _ if limits.is_gone => usize::MAX,
            (false, ..) => 0,
            (true, Some(_), _) => 1,
            (true, None, None) => usize::MAX,
            (true, None, Some(limit)) => self.rate.admits(limit, now),
        }
    }

    /// Until when it asked everybody to wait, if that is still to come.
    fn wait_asked_for(&self, now: Timestamp) -> Option<Timestamp> {
        self.paused_until.filter(|until| (now..=now.saturating_add(BEYOND_PATIENCE)).contains(until))
    }

    /// How long it still wants to be left alone, because it asked for patience.
    pub fn patience_left(&self, now: Timestamp) -> Duration {
        self.wait_asked_for(now).map(|until| until.saturating_since(now)).unwrap_or_default()
    }

    fn waits_at(&self, now: Timestamp) -> bool {
        self.wait_asked_for(now).is_some_and(|until| until > now)
    }

    /// One leaves: counted against the rate, given a lease of its own. A probe keeps the next one away until `lease` has
    /// passed, so that there is one at a time.
    pub fn depart(&mut self, limits: &Limits, now: Timestamp, lease: Duration) -> Departure {
        self.leases = self.leases.saturating_add(1);
        let holder = Lease(self.leases);
        if limits.is_gone {
            return Departure { lease: holder, is_probe: false };
        }
        if let Some(limit) = limits.rate {
            self.rate.take(limit, now);
        }
        if let Some(closed) = &mut self.closed {
            closed.probes = closed.probes.saturating_add(1);
            closed.probe_at = now.saturating_add(closed.wait(limits).max(lease));
        }
        // What holds nothing up now shall not do so later.
        self.paused_until.take_if(|until| *until > now.saturating_add(BEYOND_PATIENCE));
        self.probe = self.closed.is_some().then_some(self.leases);
        Departure { lease: holder, is_probe: self.closed.is_some() }
    }

    /// Whether it is an old one's turn, where both fresh and old ones wait. Each call is a turn.
    pub fn old_ones_turn(&mut self, limits: &Limits) -> bool {
        let turn = self.old_turn % 100 + limits.old_percent.min(100);
        self.old_turn = turn % 100;
        turn >= 100
    }

    /// Whether this one is the probe that is on its way. One that was so when it left is none any more when the target was
    /// opened since, or when another one left because its own lease had passed.
    pub fn awaits(&self, lease: Lease) -> bool {
        self.probe == Some(lease.0)
    }

    /// Learns from the end of an attempt; what people must be told of it. `is_probe` is what [`TargetState::awaits`] says.
    pub fn heed(&mut self, sign: Sign, is_probe: bool, limits: &Limits, now: Timestamp) -> Option<Change> {
        match sign {
            Sign::Nothing => None,
            Sign::Well => self.is_well(is_probe, now),
            Sign::Busy { until } => {
                self.is_busy(until, now);
                None
            }
            Sign::Failing { reason, detail, until } => {
                until.into_iter().for_each(|until| self.is_busy(until, now));
                self.failed(Cause::Failing, reason, detail, is_probe, limits, now)
            }
            Sign::Refusing { reason, detail } => self.failed(Cause::Refusing, reason, detail, is_probe, limits, now),
        }
    }

    fn is_busy(&mut self, until: Timestamp, now: Timestamp) {
        let goes_on = self.paused_until.is_some_and(|earlier| now <= earlier.saturating_add(SAME_WAIT));
        self.busy_since = self.busy_since.filter(|since| goes_on && *since <= now).or(Some(now));
        self.paused_until = Some(self.wait_asked_for(now).map_or(until, |earlier| earlier.max(until)));
    }

    /// An attempt that began before a refusal, or before a wait that is still in force, says nothing about what has happened
    /// since.
    fn is_well(&mut self, is_probe: bool, now: Timestamp) -> Option<Change> {
        self.failures = 0;
        if !self.waits_at(now) {
            self.busy_since = None;
        }
        let reopens = |closed: &mut Closed| is_probe || closed.cause == Cause::Failing;
        let closed = self.closed.take_if(reopens)?;
        self.probe = None;
        closed.reported.then_some(Change::Resumed(closed))
    }

    fn failed(
        &mut self,
        cause: Cause,
        reason: Reason,
        detail: String,
        is_probe: bool,
        limits: &Limits,
        now: Timestamp,
    ) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        let closes = cause == Cause::Refusing || self.failures >= limits.failures_to_close;
        let Some(closed) = &mut self.closed else {
            if !closes {
                return None;
            }
            let closed = self.closed.insert(Closed::new(cause, reason, detail, limits, now));
            let is_news = cause == Cause::Refusing && closed.is_news(false);
            return is_news.then(|| Change::Paused(closed.clone()));
        };
        let turns = cause == Cause::Refusing && closed.cause == Cause::Failing;
        if !is_probe && !turns {
            return None;
        }
        self.probe.take_if(|_| is_probe);
        (closed.cause, closed.reason, closed.detail) = (cause, reason, detail);
        let probe_at = now.saturating_add(closed.wait(limits));
        // Whoever is no probe may come back while one is on its way, and must not let a second one leave.
        closed.probe_at = if is_probe { probe_at } else { probe_at.max(closed.probe_at) };
        closed.is_news(turns).then(|| Change::Paused(closed.clone()))
    }

    /// Since when nothing but probes leaves, if that is so.
    pub fn shut_since(&self, now: Timestamp) -> Option<Timestamp> {
        let waits = self.busy_since.filter(|_| self.waits_at(now));
        self.closed.as_ref().map(|closed| closed.since).into_iter().chain(waits).min()
    }

    /// Why it is closed, if it is.
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// Until when it asked everybody to wait.
    pub fn paused_until(&self) -> Option<Timestamp> {
        self.paused_until
    }
}

/// `at`, unless no wait that `limits` lead to could have made it.
fn not_beyond(at: Timestamp, limits: &Limits, now: Timestamp) -> Option<Timestamp> {
    let longest = limits.probe_refusing_every.max(limits.probe_failing_cap).saturating_add(BEYOND_PATIENCE);
    (at <= now.saturating_add(longest)).then_some(at)
}

#[cfg(test)]
#[path = "tests/state.rs"]
mod tests;
