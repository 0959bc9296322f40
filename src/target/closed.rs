//! Why a target is closed, how long it is left alone between probes, and what people were told of it.
//!
//! Plain values, and how they are read again: what only a newer relay knows is read over. When a target closes and opens is
//! for [`super::TargetState`] to say. Pure.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::Limits;
use crate::event::Timestamp;
use crate::event::delivery::Reason;

/// Why nothing but probes leaves, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "Closed::of_which_nothing_is_known")]
pub struct Closed {
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: Timestamp,
    /// When the next probe may leave.
    pub probe_at: Timestamp,
    /// Probes so far.
    pub probes: u32,
    /// The last failure.
    #[serde(deserialize_with = "known_reason")]
    pub reason: Reason,
    /// The same in words, without secrets.
    pub detail: String,
    /// Whether it was reported: a failing target is only when its first probe failed, too.
    pub reported: bool,
    /// Whether it was reported that it refuses.
    pub reported_refusing: bool,
    /// Whether that was the second report, after one that it fails.
    pub turned: bool,
}

/// Why a target is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It refuses everything until somebody acts: wrong key, revoked URL, archived channel.
    Refusing,
    /// It fails again and again, and may recover by itself.
    Failing,
}

impl Cause {
    /// The closed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refusing => "refusing",
            Self::Failing => "failing",
        }
    }
}

impl Closed {
    /// What is kept of it says nothing that can be read: it is probed at once.
    fn of_which_nothing_is_known() -> Self {
        Self {
            cause: Cause::Failing,
            since: Timestamp::EPOCH,
            probe_at: Timestamp::EPOCH,
            probes: 0,
            reason: Reason::Internal,
            detail: String::new(),
            reported: false,
            reported_refusing: false,
            turned: false,
        }
    }

    /// Since `now`, and left alone for a while.
    pub(super) fn new(cause: Cause, reason: Reason, detail: String, limits: &Limits, now: Timestamp) -> Self {
        let unknown = Self::of_which_nothing_is_known();
        let closed = Self { cause, since: now, reason, detail, ..unknown };
        Self { probe_at: now.saturating_add(closed.wait(limits)), ..closed }
    }

    /// Whether people are to be told of it now; they are by then. Once that it is closed; and once more where it `turns` out to
    /// refuse, because who waits for a failing target to recover would wait for ever.
    pub(super) fn is_news(&mut self, turns: bool) -> bool {
        let is_second = self.reported && turns && !self.reported_refusing;
        let is_news = !self.reported || is_second;
        self.turned |= is_second;
        self.reported_refusing |= self.cause == Cause::Refusing;
        self.reported = true;
        is_news
    }

    /// From one probe to the next.
    pub(super) fn wait(&self, limits: &Limits) -> Duration {
        match self.cause {
            Cause::Refusing => limits.probe_refusing_every,
            Cause::Failing => {
                let doubled = 1_u32.checked_shl(self.probes).unwrap_or(u32::MAX);
                limits.probe_failing_after.saturating_mul(doubled).min(limits.probe_failing_cap)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Cause {
    /// A cause that only a newer relay knows may pass, so it is one that may recover by itself.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(if word == Self::Refusing.as_str() { Self::Refusing } else { Self::Failing })
    }
}

/// A reason that only a newer relay knows is no reason to forget all the rest; its words are in the detail.
fn known_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
    let word = String::deserialize(deserializer)?;
    Ok(Reason::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or(Reason::Internal))
}
