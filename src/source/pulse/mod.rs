//! The pulse: when each source was last heard, when it last brought an event, and when we ourselves were away.
//!
//! The [`Inbox`](super::Inbox) holds it and every source is noted in it, for a handful of atomic writes: the map is fixed
//! when the relay starts. [`record`] is what is kept of it, [`watch`] keeps it once a minute and reports the sources that
//! fell silent. Knows no source by name.

pub mod record;
pub mod watch;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::event::Timestamp;
use crate::names::SourceName;
use crate::telemetry::{Metrics, PulseMetrics};
use record::{Heard, Outage, Record, outages_with};

/// The pulse of every source of this process.
#[derive(Debug)]
pub struct Pulse {
    beats: HashMap<SourceName, Beat>,
    outages: Vec<Outage>,
}

#[derive(Debug)]
struct Beat {
    since: Moment,
    heard_at: Moment,
    event_at: Moment,
    /// What went wrong when it was last asked. Only sources that are asked have one.
    failure: Mutex<Option<String>>,
    metrics: PulseMetrics,
}

impl Pulse {
    /// The pulse of `sources` from `now` on, going on from what was kept of it, if anything was.
    pub fn resume(
        sources: impl IntoIterator<Item = SourceName>,
        kept: Option<Record>,
        now: Timestamp,
        metrics: &Metrics,
    ) -> Self {
        let outages = outages_with(kept.as_ref(), now);
        let kept = kept.map(|record| record.sources).unwrap_or_default();
        let beat = |source: SourceName| {
            let heard = kept.get(&source).copied().unwrap_or(Heard::since(now)).not_after(now);
            let beat = Beat::going_on(heard, metrics.pulse_of(&source));
            (source, beat)
        };
        Self { beats: sources.into_iter().map(beat).collect(), outages }
    }

    /// The source is there: it sent something it may send, or it answered.
    pub fn heard(&self, source: &SourceName, at: Timestamp) {
        if let Some(beat) = self.beats.get(source) {
            beat.metrics.heard(beat.heard_at.at_least(at));
        }
    }

    /// The source brought an event, so it is there.
    pub fn brought(&self, source: &SourceName, at: Timestamp) {
        if let Some(beat) = self.beats.get(source) {
            beat.metrics.brought(beat.event_at.at_least(at));
        }
        self.heard(source, at);
    }

    /// The source was asked and answered.
    pub fn answered(&self, source: &SourceName, at: Timestamp) {
        self.note_failure(source, None);
        self.heard(source, at);
    }

    /// The source was asked and did not answer, for this reason.
    pub fn failed(&self, source: &SourceName, why: &str) {
        self.note_failure(source, Some(why.to_owned()));
    }

    fn note_failure(&self, source: &SourceName, failure: Option<String>) {
        if let Some(beat) = self.beats.get(source) {
            *beat.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        }
    }

    /// What is known of a source; `None` for one that is not ours.
    pub fn of(&self, source: &SourceName) -> Option<Heard> {
        self.beats.get(source).map(Beat::heard)
    }

    /// What went wrong when the source was last asked, if anything did.
    pub fn failure(&self, source: &SourceName) -> Option<String> {
        self.beats.get(source)?.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For how long nothing was heard of a source although we listened; `None` for one that is not ours. What was noted by
    /// a clock that ran ahead counts from `now` on, else nobody would notice a silence for as long.
    pub fn quiet_for(&self, source: &SourceName, now: Timestamp) -> Option<Duration> {
        let beat = self.beats.get(source)?;
        [&beat.since, &beat.heard_at, &beat.event_at].into_iter().for_each(|moment| moment.at_most(now));
        Some(self.of(source)?.quiet_for(&self.outages, now))
    }

    /// Shows how quiet each source is, at `/metrics`.
    pub fn show(&self, now: Timestamp) {
        for (source, beat) in &self.beats {
            beat.metrics.quiet_for(self.quiet_for(source, now).unwrap_or_default());
        }
    }

    /// Whether a call at that time would have reached us: we were there, and had been for `settling`, so that whoever
    /// leads calls to us had found out.
    pub fn was_up(&self, at: Timestamp, settling: Duration) -> bool {
        !self.outages.iter().any(|outage| outage.covers(at, settling))
    }

    /// What is to be kept of it.
    pub fn record(&self, now: Timestamp) -> Record {
        let sources = self.beats.iter().map(|(source, beat)| (source.clone(), beat.heard())).collect();
        Record { alive_at: now, outages: self.outages.clone(), sources }
    }
}

impl Beat {
    fn going_on(heard: Heard, metrics: PulseMetrics) -> Self {
        heard.heard_at.into_iter().for_each(|at| metrics.heard(at));
        heard.event_at.into_iter().for_each(|at| metrics.brought(at));
        let (heard_at, event_at) = (Moment::new(heard.heard_at), Moment::new(heard.event_at));
        Self { since: Moment::new(Some(heard.since)), heard_at, event_at, failure: Mutex::default(), metrics }
    }

    fn heard(&self) -> Heard {
        // There is always one: it was made with it.
        let since = self.since.get().unwrap_or(Timestamp::EPOCH);
        Heard { since, heard_at: self.heard_at.get(), event_at: self.event_at.get() }
    }
}

/// The latest of several times, or none yet.
#[derive(Debug)]
struct Moment(AtomicI64);

impl Moment {
    const NEVER: i64 = i64::MIN;

    fn new(time: Option<Timestamp>) -> Self {
        Self(AtomicI64::new(time.map_or(Self::NEVER, Timestamp::as_millis)))
    }

    /// Notes a time, and returns the latest one. Relaxed: nobody concludes anything from it about other memory.
    fn at_least(&self, time: Timestamp) -> Timestamp {
        let before = self.0.fetch_max(time.as_millis(), Ordering::Relaxed);
        Timestamp::from_millis(before.max(time.as_millis()))
    }

    /// Takes back what lies after `now`. Never is before everything.
    fn at_most(&self, now: Timestamp) {
        self.0.fetch_min(now.as_millis(), Ordering::Relaxed);
    }

    fn get(&self) -> Option<Timestamp> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis != Self::NEVER).then(|| Timestamp::from_millis(millis))
    }
}

#[cfg(test)]
mod tests;
