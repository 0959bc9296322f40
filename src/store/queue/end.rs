//! Ends deliveries that were not delivered, with everything that follows from it.

use super::{End, Row, Rows, fallback, incident, written};
use crate::event::aftermath::{Aftermath, Ended};
use crate::event::delivery::Phase;
use crate::event::relay::GivenUp;
use crate::event::{Event, Timestamp};
use crate::names::TargetName;
use crate::store::{Append, Candidate, News, Terms};

/// One claim or one settlement at work.
pub struct Work<'a, R> {
    /// What the engine can do.
    pub rows: &'a mut R,
    /// What holds for the target.
    pub terms: &'a Terms,
    /// The time.
    pub now: Timestamp,
    /// What was done so far, beside what it is called for.
    pub after: Aftermath,
}

/// Ends `row` and says so; what depends on it is for the caller.
pub fn end<R: Rows>(rows: &mut R, row: &Row, end: &End, now: Timestamp, after: &mut Aftermath) -> Result<(), R::Error> {
    rows.end(row.id, end, now)?;
    written::end(rows, row.id, end, now)?;
    let Row { id: delivery, target, .. } = row.clone();
    let (state, reason, detail) = (end.state(), end.reason(), end.detail().to_owned());
    after.ended.push(Ended { delivery, target, state, reason, detail });
    Ok(())
}

impl Row {
    /// What is asked of the judge about it.
    pub fn candidate<'a>(&'a self, event: &'a Event) -> Candidate<'a> {
        Candidate {
            event,
            route: &self.route,
            target: &self.target,
            severity: self.severity,
            owed_since: self.received_at,
            ends_what_was_told: self.told && self.phase() == Some(Phase::Resolve),
            interrupted: self.is_interrupted(),
            again: self.again.is_some(),
        }
    }
}

impl<'a, R: Rows> Work<'a, R> {
    /// At the beginning.
    pub fn new(rows: &'a mut R, terms: &'a Terms, now: Timestamp) -> Self {
        Self { rows, terms, now, after: Aftermath::default() }
    }

    /// Ends `row`: a dead letter goes to the fallback target; the next one of its incident may leave.
    pub fn end(&mut self, row: &Row, ending: End) -> Result<(), R::Error> {
        let row = &self.rows.as_it_is(row)?;
        let is_dead = matches!(ending, End::Dead { .. });
        if let Some(fallback) = self.terms.fallback.as_ref().filter(|_| is_dead)
            && self.silence(row)?.is_none()
        {
            self.fall_back(row, &fallback.to)?;
        }
        let is_over = is_dead && incident::is_over(self.rows, row)?;
        end(self.rows, row, &ending, self.now, &mut self.after)?;
        if is_over {
            self.rows.is_over(row.id)?;
        }
        incident::ended(self.rows, row, self.now, &mut self.after)?;
        self.after.woken.insert(row.target.clone());
        Ok(())
    }

    /// Why nobody is to hear of this one now, in words. What nobody can read is not silent: it becomes a dead letter in its turn.
    pub fn silence(&mut self, row: &Row) -> Result<Option<String>, R::Error> {
        Ok(match self.rows.event(row.id, false)? {
            Ok(event) => self.terms.judge.silence(&row.candidate(&event), self.now),
            Err(_) => None,
        })
    }

    /// Tells the fallback target, too, once.
    pub fn fall_back(&mut self, row: &Row, to: &TargetName) -> Result<(), R::Error> {
        fallback::fall_back(self.rows, row, to, self.now, &mut self.after)
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
        self.after.woken.extend(append.owed.iter().map(|owed| owed.target.clone()));
        self.rows.raise(append, &mut self.after)
    }
}
