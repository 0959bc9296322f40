//! The replays of the memory engine, and the steps they take.

use super::Kept;
use crate::event::Timestamp;
use crate::event::act::{Deed, Signature};
use crate::event::aftermath::Aftermath;
use crate::event::delivery::Again;
use crate::names::ReplayId;
use crate::store::Retried;
use crate::store::queue::{again, owe};
use crate::store::replay::{Keys, Replay, ReplayEnd, ReplayStep, ReplayTerms, Retry};

/// Those that are kept, in the order of their ids.
#[derive(Debug, Default)]
pub struct Replays {
    kept: Vec<Replay>,
    last: i64,
}

impl Replays {
    /// One of them.
    pub fn find(&self, id: ReplayId) -> Option<&Replay> {
        self.kept.iter().find(|replay| replay.id == id)
    }

    /// The first that has not ended.
    pub fn running(&self) -> Option<&Replay> {
        self.kept.iter().find(|replay| replay.is_running())
    }

    /// Up to `limit` of those before the one of number `before`, newest first.
    pub fn list(&self, before: Option<i64>, limit: usize) -> Vec<Replay> {
        let is_earlier = |replay: &&Replay| before.is_none_or(|before| replay.id.row() < before);
        self.kept.iter().rev().filter(is_earlier).take(limit).cloned().collect()
    }

    /// Forgets up to `limit` of those that ended before `before`.
    pub fn prune(&mut self, before: Timestamp, limit: usize) {
        let mut left = limit;
        self.kept.retain(|replay| {
            let goes = left > 0 && replay.ended.as_ref().is_some_and(|end| end.at < before);
            left -= usize::from(goes);
            !goes
        });
    }
}

impl Kept {
    /// Owes dead letters again.
    pub fn retry(&mut self, wanted: &Retry) -> Retried {
        let mut retried = Retried::default();
        for letter in &wanted.letters {
            let Ok(is_owed) = again::retry(self, *letter, wanted, &mut retried.after);
            if is_owed {
                self.acts.keep(Deed::delivery_retried(*letter, wanted.by.clone()));
                retried.owed.push(*letter);
            }
        }
        retried
    }

    /// Keeps a new one under the next id, and the act that it is.
    pub fn begin_replay(&mut self, terms: ReplayTerms, by: Signature) -> Replay {
        self.replays.last += 1;
        let replay = Replay {
            id: ReplayId::from_row(self.replays.last),
            by: by.author().to_owned(),
            begun_at: by.at,
            last: self.events.keys().next_back().copied().unwrap_or_default(),
            place: 0,
            next_at: by.at,
            events: 0,
            deliveries: 0,
            ended: None,
            terms,
        };
        let terms = serde_json::to_value(&replay.terms).unwrap_or_default();
        let terms = terms.as_object().cloned().unwrap_or_default();
        self.acts.keep(Deed::replay_begun(replay.id, terms, by));
        self.replays.kept.push(replay.clone());
        replay
    }

    /// Takes the next step, unless somebody has taken it.
    pub fn go_on(&mut self, step: &ReplayStep) -> Option<Aftermath> {
        let replay =
            self.replays.find(step.id).filter(|replay| replay.is_running() && replay.place == step.from)?.clone();
        let (mut after, mut deliveries) = (Aftermath::default(), 0);
        let again = Again { replay: step.id, fresh: replay.terms.keys == Keys::New };
        for (event, owed) in &step.owed {
            let Ok(count) = again::replay(self, *event, owed, again, &replay.by, step.now, &mut after);
            deliveries += count;
        }
        let Ok(()) = owe::conclude(self, step.now, &mut after);
        let kept = self.replays.kept.iter_mut().find(|replay| replay.id == step.id)?;
        (kept.place, kept.next_at) = (step.to, step.next_at.unwrap_or(kept.next_at));
        kept.events += u64::try_from(step.owed.len()).unwrap_or(u64::MAX);
        kept.deliveries += deliveries;
        if step.next_at.is_none() {
            kept.ended = Some(ReplayEnd { at: step.now, stopped_by: None });
        }
        Some(after)
    }

    /// Ends one, unless it has ended, and keeps the act; answers with what is kept of it then.
    pub fn stop_replay(&mut self, id: ReplayId, by: Signature) -> Option<Replay> {
        let replay = self.replays.kept.iter_mut().find(|replay| replay.id == id)?;
        if replay.is_running() {
            replay.ended = Some(ReplayEnd { at: by.at, stopped_by: Some(by.author().to_owned()) });
            self.acts.keep(Deed::replay_stopped(id, by));
        }
        Some(replay.clone())
    }
}
