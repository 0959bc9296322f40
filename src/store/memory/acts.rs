//! The acts of the memory engine: a list in the order of their numbers.

use crate::event::Timestamp;
use crate::event::act::{Act, Deed};

/// Those that are kept.
#[derive(Debug, Default)]
pub struct Acts {
    kept: Vec<Act>,
    last: i64,
}

impl Acts {
    /// Keeps one under the next number.
    pub fn keep(&mut self, deed: Deed) {
        self.last += 1;
        self.kept.push(deed.numbered(self.last));
    }

    /// Up to `limit` of those before the one of number `before`, newest first.
    pub fn list(&self, before: Option<i64>, limit: usize) -> Vec<Act> {
        let is_earlier = |act: &&Act| before.is_none_or(|before| act.id < before);
        self.kept.iter().rev().filter(is_earlier).take(limit).cloned().collect()
    }

    /// Forgets up to `limit` of those from before `before`.
    pub fn prune(&mut self, before: Timestamp, limit: usize) {
        let mut left = limit;
        self.kept.retain(|act| {
            let goes = left > 0 && act.at < before;
            left -= usize::from(goes);
            !goes
        });
    }
}
