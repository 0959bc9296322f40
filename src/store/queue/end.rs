//! Ends deliveries that were not delivered, with everything that follows from it.

use std::collections::BTreeSet;

use super::{End, Row, Rows, fallback, incident};
use crate::event::delivery::Owed;
use crate::event::relay::GivenUp;
use crate::event::{Event, Timestamp};
use crate::names::TargetName;
use crate::store::{Append, Ended, News, Terms};

/// One claim or one settlement at work.
pub struct Work<'a, R> {
    /// What the engine can do.
    pub rows: &'a mut R,
    /// What holds for the target.
    pub terms: &'a Terms,
    /// The time.
    pub now: Timestamp,
    /// What was done so far.
    pub done: Done,
}

/// What a claim or a settlement did beside what it was called for.
#[derive(Debug, Default)]
pub struct Done {
    /// Deliveries that ended.
    pub ended: Vec<Ended>,
    /// Deliveries that go to the fallback target, too.
    pub fell_back: usize,
    /// Targets that may have something to do now.
    pub woken: BTreeSet<TargetName>,
}

impl<'a, R: Rows> Work<'a, R> {
    /// At the beginning.
    pub fn new(rows: &'a mut R, terms: &'a Terms, now: Timestamp) -> Self {
        Self { rows, terms, now, done: Done::default() }
    }

    /// Ends `row`: a dead letter goes to the fallback target; the next one of its incident may leave.
    pub fn end(&mut self, row: &Row, end: End) -> Result<(), R::Error> {
        let row = &self.rows.as_it_is(row)?;
        let is_dead = matches!(end, End::Dead { .. });
        if let Some(fallback) = self.terms.fallback.as_ref().filter(|_| is_dead) {
            self.fall_back(row, &fallback.to)?;
        }
        self.rows.end(row.id, &end, self.now)?;
        self.done.ended.push(Ended::new(row, &end));
        incident::ended(self.rows, row, self.now)?;
        self.done.woken.insert(row.target.clone());
        Ok(())
    }

    /// Tells the fallback target, too, once.
    pub fn fall_back(&mut self, row: &Row, to: &TargetName) -> Result<(), R::Error> {
        if fallback::fall_back(self.rows, row, to, self.now)? {
            self.done.fell_back += 1;
            self.done.woken.insert(to.clone());
        }
        Ok(())
    }

    /// Reports what was given up.
    pub fn report_given_up(&mut self, row: &Row, event: &Event, end: &End) -> Result<(), R::Error> {
        let Some(reason) = end.reason() else { return Ok(()) };
        let given_up = GivenUp {
            event,
            route: &row.route,
            target: &row.target,
            reason,
            detail: end.detail(),
            attempts: row.attempts,
            deliveries: 1,
        };
        self.report(News::GivenUp(given_up)).map(drop)
    }

    /// Keeps the events that news give rise to; false when there are none.
    pub fn report(&mut self, news: News<'_>) -> Result<bool, R::Error> {
        let appends = self.terms.judge.report(news, self.now);
        let is_told = !appends.is_empty();
        appends.into_iter().try_for_each(|append| self.raise(append))?;
        Ok(is_told)
    }

    fn raise(&mut self, append: Append) -> Result<(), R::Error> {
        append.owed.iter().try_for_each(|owed| self.wake(owed))?;
        self.rows.raise(append)
    }

    /// Whoever is told; of the end of an incident also those who were told instead that it began.
    fn wake(&mut self, owed: &Owed) -> Result<(), R::Error> {
        let key = owed.incident.as_ref().filter(|_| owed.is_resolve()).map(|step| &step.key);
        let (mut chain, mut next) = (BTreeSet::new(), Some(owed.target.clone()));
        while let Some(target) = next.take().filter(|target| chain.insert(target.clone())) {
            if let Some(key) = key {
                next = self.rows.incident(&target, key)?.and_then(|incident| incident.fell_back_to);
            }
        }
        self.done.woken.extend(chain);
        Ok(())
    }
}
