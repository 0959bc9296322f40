//! What is kept of the pulse: one small JSON object under the cursor [`pulse`](crate::names::CursorName::pulse), also for those who look on.
//!
//! Pure. Reading is forgiving: a record of an older or newer version is read as far as it goes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::names::SourceName;

/// How many outages are told apart; older ones run together.
const MOST_OUTAGES: usize = 16;

/// The pulse as kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it was kept: the relay was there.
    pub alive_at: Timestamp,
    /// When the relay was not there, oldest first; a few of them.
    #[serde(default)]
    pub outages: Vec<Outage>,
    /// What was heard of each source.
    #[serde(default)]
    pub sources: BTreeMap<SourceName, Heard>,
}

impl Record {
    /// Reads what was kept.
    ///
    /// # Errors
    /// When it is not a record.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What is kept.
    pub fn written(&self) -> String {
        // A map with texts for keys always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What was heard of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Since when it is listened to.
    pub since: Timestamp,
    /// When it last was there: sent something it may send, or answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Timestamp>,
    /// When it last brought an event that was new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_at: Option<Timestamp>,
}

impl Heard {
    /// Nothing yet, from now on.
    pub fn since(now: Timestamp) -> Self {
        Self { since: now, heard_at: None, event_at: None }
    }

    /// When the present silence began.
    pub fn silent_since(&self) -> Timestamp {
        self.heard_at.unwrap_or(self.since)
    }

    /// How long the present silence lasts, without the time we were not there to hear anything. An outage that ends in the
    /// future was measured by a clock that ran ahead: we are there now.
    pub fn quiet_for(&self, outages: &[Outage], now: Timestamp) -> Duration {
        let since = self.silent_since();
        let past = outages.iter().filter(|outage| outage.to <= now);
        let away: Duration = past.map(|outage| outage.within(since, now)).sum();
        now.saturating_since(since).saturating_sub(away)
    }

    /// The same where no time lies in the future, which it would after a clock was set back: else the source would be
    /// taken for lively until then.
    pub(super) fn not_after(self, now: Timestamp) -> Self {
        let held = |time: Option<Timestamp>| time.map(|time| time.min(now));
        Self { since: self.since.min(now), heard_at: held(self.heard_at), event_at: held(self.event_at) }
    }
}

/// A time in which the relay was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When it was last known to be there.
    pub from: Timestamp,
    /// When it was there again.
    pub to: Timestamp,
}

impl Outage {
    /// Whether the time lies within, or so shortly after that nobody may have found out yet that we are back.
    pub(super) fn covers(&self, at: Timestamp, settling: Duration) -> bool {
        self.from <= at && at <= self.to.saturating_add(settling)
    }

    /// How much of it lies between these times.
    fn within(&self, from: Timestamp, to: Timestamp) -> Duration {
        self.to.min(to).saturating_since(self.from.max(from))
    }
}

/// The outages up to `now`, when the relay starts: those it knows of, and the one that ends here. Before the first start
/// it was away for ever. What runs together because there are too many is taken for one long outage.
pub(super) fn outages_with(kept: Option<&Record>, now: Timestamp) -> Vec<Outage> {
    let mut outages = kept.map(|record| record.outages.clone()).unwrap_or_default();
    let from = kept.map_or(Timestamp::EPOCH, |record| record.alive_at).min(now);
    outages.push(Outage { from, to: now });
    while outages.len() > MOST_OUTAGES {
        let oldest = outages.remove(0);
        outages[0].from = outages[0].from.min(oldest.from);
    }
    outages
}
