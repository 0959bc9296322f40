//! What to ask the audit log next, and how far it is known.
//!
//! Records arrive late and with their own, older time, so each round asks again from before where it stood: as far back
//! as `overlap`. What is known already is recognised by its id. How far the log is complete is told by the times of its
//! records rather than by our clock, which may be wrong. Pure: `now` is given. Next: [`super`], which asks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// Our clock is trusted to be right within this: without records, the log counts as complete until so long ago.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);

/// The next moment that can be told from the one before.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Stretches of one round share this much, because nobody says to which of two a record on their border belongs.
const SEAM: Duration = Duration::from_secs(1);

/// A stretch of time to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Window {
    /// How long it is.
    pub fn span(&self) -> Duration {
        self.to.saturating_since(self.from)
    }
}

/// A round, seen from the moment an answer of it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderWay {
    /// When it began.
    pub begun_at: Timestamp,
    /// How long ago that is.
    pub elapsed: Duration,
}

/// What is remembered between rounds, as the cursor `audit_log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Nothing before this is ever asked for.
    began_at: Timestamp,
    /// Every record of this time or before that was in the log when it was last asked is safe with us.
    complete_until: Timestamp,
    /// Since when what is asked for now was asked for: before, records are missing because nobody wanted them.
    wanted_since: Timestamp,
    /// When the last sweep that came to its end began.
    swept_at: Timestamp,
    /// What is asked for, in a short form.
    wanted: String,
    /// The log that is asked, in a short form: another one knows the same records by other ids. Not in older cursors.
    #[serde(default)]
    log: Option<String>,
}

/// How often the whole stretch is asked for again, and how far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// How long after the last one.
    pub every: Duration,
    /// From how long before the last one.
    pub back: Duration,
}

impl Progress {
    /// At the first start: the log is wanted from `look_back` ago.
    pub fn begin(now: Timestamp, look_back: Duration, wanted: &str) -> Self {
        let began_at = now.saturating_sub(look_back);
        let wanted = wanted.to_owned();
        Self { began_at, complete_until: began_at, wanted_since: began_at, swept_at: now, wanted, log: None }
    }

    /// As it can be believed at `now`. A clock that ran ahead left times of a future that nobody has read: kept, they
    /// would hide an outage from the rounds and put off the sweeps.
    pub fn at(self, now: Timestamp) -> Self {
        Self {
            began_at: self.began_at.min(now),
            complete_until: self.complete_until.min(now),
            wanted_since: self.wanted_since.min(now),
            swept_at: self.swept_at.min(now),
            ..self
        }
    }

    /// Takes note of the log that is asked from now on. Another one is asked for nothing that was told already: its ids
    /// would not be recognised.
    pub fn of_log(self, log: &str) -> Self {
        let began_at = match self.log.as_deref().is_some_and(|known| known != log) {
            true => self.complete_until.saturating_add(A_MOMENT),
            false => self.began_at,
        };
        Self { began_at, log: Some(log.to_owned()), ..self }
    }

    /// Takes note of what is asked for from now on. When that is something new, no sweep goes back to before: it would
    /// take for late what was not wanted.
    pub fn wanting(self, wanted: &str) -> Self {
        match self.wanted == wanted {
            true => self,
            false => Self { wanted_since: self.complete_until, wanted: wanted.to_owned(), ..self },
        }
    }

    /// The stretches of one round, each at most `span` long by the time it is asked for. What was told and is older than
    /// `retention` may be forgotten: it is not asked for again.
    pub fn round(&self, now: Timestamp, overlap: Duration, retention: Duration) -> Stretches {
        // A clock that went back must not make a gap.
        let known = self.complete_until.min(now);
        let remembered = now.saturating_sub(retention).min(known);
        let from = known.saturating_sub(overlap).max(remembered).max(self.began_at).min(now);
        Stretches::of(Window { from, to: now })
    }

    /// The stretches of a sweep, if one is due: what no round asks for any more.
    pub fn sweep(&self, sweep: Sweep, now: Timestamp, overlap: Duration) -> Option<Stretches> {
        let due = now.saturating_since(self.swept_at) >= sweep.every;
        let from = self.swept_at.saturating_sub(sweep.back).max(self.wanted_since).max(self.began_at);
        let to = self.complete_until.min(now).saturating_sub(overlap);
        (due && from < to).then(|| Stretches::of(Window { from, to }))
    }

    /// Every record up to this moment is safe. What was asked for earlier in the round was asked that much before: a
    /// record may have come into the log since, so the moment counts as of the beginning of the round.
    pub fn reached(&mut self, until: Timestamp, round: UnderWay) {
        let until = until.saturating_sub(round.elapsed).min(round.begun_at);
        self.complete_until = self.complete_until.max(until);
    }

    /// A whole stretch is safe, the last of its records being of `last`.
    pub fn done(&mut self, window: Window, last: Option<Timestamp>, round: UnderWay) {
        let surely = round.begun_at.saturating_sub(CLOCKS_DIFFER).min(window.to);
        self.complete_until = self.complete_until.max(surely);
        last.into_iter().for_each(|last| self.reached(last.min(window.to), round));
    }

    /// A sweep ended that began then.
    pub fn swept(&mut self, begun_at: Timestamp) {
        self.swept_at = begun_at;
    }
}

/// What of a longer stretch is still to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretches {
    rest: Option<Window>,
}

impl Stretches {
    /// All of this is still to be asked for.
    pub fn of(window: Window) -> Self {
        Self { rest: Some(window) }
    }

    /// The next one, no longer than `span`; it is asked for again until it is [`done`](Self::done).
    pub fn next(&self, span: Duration) -> Option<Window> {
        let Window { from, to } = self.rest?;
        Some(Window { from, to: from.saturating_add(span.max(SEAM.saturating_mul(2))).min(to) })
    }

    /// What is older than `since` is not asked for any more.
    pub fn leave_before(&mut self, since: Timestamp) {
        let rest = self.rest.filter(|rest| since < rest.to);
        self.rest = rest.map(|rest| Window { from: rest.from.max(since), ..rest });
    }

    /// This one is safe.
    pub fn done(&mut self, window: Window) {
        let rest = self.rest.filter(|rest| window.to < rest.to);
        self.rest = rest.map(|rest| Window { from: window.to.saturating_sub(SEAM).max(rest.from), ..rest });
    }
}

/// How long a stretch may be: shorter after one that was too much, longer again while all goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    span: Duration,
    longest: Duration,
}

impl Reach {
    /// No stretch is made shorter than this.
    pub const SHORTEST: Duration = Duration::from_secs(60);

    /// Begins with the longest.
    pub fn up_to(longest: Duration) -> Self {
        Self { span: longest, longest }
    }

    /// How long the next stretch may be.
    pub fn span(&self) -> Duration {
        self.span
    }

    /// That stretch was too much: half of it may do. False when it cannot be made shorter.
    pub fn shorten(&mut self, window: Window) -> bool {
        let shorter = (window.span() / 2).max(Self::SHORTEST).min(self.longest);
        self.span = self.span.min(shorter);
        shorter < window.span()
    }

    /// It went well.
    pub fn lengthen(&mut self) {
        self.span = self.span.saturating_mul(2).min(self.longest);
    }
}

/// How far a walk in ascending order has come: one page behind, because only the next page shows that the order holds.
#[derive(Debug, Default)]
pub struct Ascent {
    last: Option<Timestamp>,
    broken: bool,
}

impl Ascent {
    /// Takes the times of a page; up to which moment everything is in with it, if that can be told. An answer that is
    /// not in order tells nothing before its end.
    pub fn take(&mut self, times: impl IntoIterator<Item = Timestamp>) -> Option<Timestamp> {
        let before = self.last;
        for time in times {
            self.broken |= self.last.is_some_and(|last| time < last);
            self.last = self.last.max(Some(time));
        }
        before.filter(|_| !self.broken)
    }

    /// The latest time so far.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

#[cfg(test)]
#[path = "tests/window.rs"]
mod tests;
