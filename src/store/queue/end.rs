//! Ends deliveries that were not delivered, with everything that follows from it.

use std::collections::BTreeSet;

use super::{End, Row, Rows, fallback, incident};
use crate::event::delivery::{IncidentStep, Phase};
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
        if fallback::fall_back(self.rows, row, to, self.now, &mut self.done.woken)? {
            self.done.fell_back += 1;
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

    /// Keeps the events that news give rise to; whether there were any.
    pub fn report(&mut self, news: News<'_>) -> Result<bool, R::Error> {
        let appends = self.terms.judge.report(news, self.now);
        let said = !appends.is_empty();
        appends.into_iter().try_for_each(|append| self.raise(append)).map(|()| said)
    }

    fn raise(&mut self, append: Append) -> Result<(), R::Error> {
        for owed in &append.owed {
            self.done.woken.insert(owed.target.clone());
            if let Some(step) = owed.incident.as_ref().filter(|step| step.phase == Phase::Resolve) {
                self.wake_those_told_instead(&owed.target, step)?;
            }
        }
        self.rows.raise(append)
    }

    /// An end goes on to whoever was told of the incident instead.
    fn wake_those_told_instead(&mut self, target: &TargetName, step: &IncidentStep) -> Result<(), R::Error> {
        let (mut at, mut seen) = (target.clone(), BTreeSet::new());
        while let Some(other) = self.rows.incident(&at, &step.key)?.and_then(|incident| incident.fell_back_to) {
            if !seen.insert(other.clone()) {
                break;
            }
            at = other;
        }
        self.done.woken.append(&mut seen);
        Ok(())
    }
}
