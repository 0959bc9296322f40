//! The silences of the memory engine: a list in the order of their ids.

use crate::event::Timestamp;
use crate::event::silence::{Silence, Terms};
use crate::names::SilenceId;

/// Those that are kept.
#[derive(Debug, Default)]
pub struct Silences {
    kept: Vec<Silence>,
    last: i64,
}

impl Silences {
    /// The newest before the one of number `before` that were not over at `since`, in the order of their ids.
    pub fn list(&self, since: Timestamp, before: Option<i64>, limit: usize) -> Vec<Silence> {
        let is_earlier = |silence: &&Silence| before.is_none_or(|before| silence.id.row() < before);
        let current = self.kept.iter().rev().filter(is_earlier).filter(|silence| silence.over_at() > since).take(limit);
        let mut silences: Vec<Silence> = current.cloned().collect();
        silences.reverse();
        silences
    }

    /// Keeps a new one under the next id.
    pub fn keep(&mut self, terms: Terms) -> Silence {
        self.last += 1;
        let silence = Silence { id: SilenceId::from_row(self.last), terms, ended: None };
        self.kept.push(silence.clone());
        silence
    }

    /// Ends one, unless it is over at `at`; answers with what is kept of it then, and whether this was its end.
    pub fn end(&mut self, id: SilenceId, at: Timestamp, by: &str) -> Option<(Silence, bool)> {
        let silence = self.kept.iter_mut().find(|silence| silence.id == id)?;
        let is_first = silence.over_at() > at;
        silence.end(at, by);
        Some((silence.clone(), is_first))
    }

    /// Forgets up to `limit` of those that were over before `before`.
    pub fn prune(&mut self, before: Timestamp, limit: usize) {
        let mut left = limit;
        self.kept.retain(|silence| {
            let goes = left > 0 && silence.over_at() < before;
            left -= usize::from(goes);
            !goes
        });
    }
}
