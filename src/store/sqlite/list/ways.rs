//! Ways through the events: each yields the numbers of events that may fit, in order.

use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::super::read::{everybody, find};
use super::Done;
use crate::event::Timestamp;
use crate::names::TargetName;
use crate::store::DeliveryState;
use crate::store::query::{EventFilter, Order, Period, Slice};
use crate::store::queue::PER_EVENT;
use crate::store::search::wanted;

/// Numbers that are read in one go.
const STRETCH: usize = 256;
/// So few deliveries are gone through rather than the index of words.
const FEW: i64 = 1_000;

/// One way through.
pub struct Way {
    kind: Kind,
    order: Order,
    /// Numbers of events that may still come: from the first to the second, both included.
    left: (i64, i64),
    found: VecDeque<i64>,
}

enum Kind {
    /// All of them.
    Arrival,
    /// These, in the order of their arrival.
    Known(Vec<i64>),
    /// Those with these words, and all that the index does not cover yet: beyond that number.
    Words { wanted: String, indexed_to: i64 },
    /// Those that owe something to one of these, in one of these states.
    Owed { to: Vec<String>, states: Vec<DeliveryState> },
}

impl Way {
    /// The best way to what fits.
    pub fn through(connection: &Connection, filter: &EventFilter, slice: Slice) -> Done<Self> {
        let (first, last) = bounds(connection, &filter.when)?;
        let left = match (slice.order, slice.after) {
            (_, None) => (first, last),
            (Order::NewestFirst, Some(after)) => (first, last.min(after.saturating_sub(1))),
            (Order::OldestFirst, Some(after)) => (first.max(after.saturating_add(1)), last),
        };
        let kind = kind(connection, filter)?;
        Ok(Self { kind, order: slice.order, left, found: VecDeque::new() })
    }

    /// The number of the next event that may fit.
    pub fn next(&mut self, connection: &Connection) -> Done<Option<i64>> {
        if self.found.is_empty() && self.left.0 <= self.left.1 {
            self.go_on(connection)?;
        }
        Ok(self.found.pop_front())
    }

    fn go_on(&mut self, connection: &Connection) -> Done<()> {
        let found = match &self.kind {
            Kind::Arrival => self.by_arrival(connection, self.left, STRETCH)?,
            Kind::Known(all) => self.by_number(all),
            Kind::Words { wanted, indexed_to } => self.by_words(connection, wanted, *indexed_to)?,
            Kind::Owed { to, states } => self.by_what_is_owed(connection, to, states)?,
        };
        match found.last() {
            // A short stretch is the last one.
            None => self.left = (1, 0),
            Some(last) if self.order == Order::NewestFirst => self.left.1 = last - 1,
            Some(last) => self.left.0 = last + 1,
        }
        self.found.extend(found);
        Ok(())
    }

    fn by_arrival(&self, connection: &Connection, (first, last): (i64, i64), limit: usize) -> Done<Vec<i64>> {
        let direction = self.direction();
        let sql = format!("SELECT seq FROM events WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq {direction} LIMIT ?3");
        numbers(connection, &sql, params![first, last, count(limit)])
    }

    fn by_number(&self, all: &[i64]) -> Vec<i64> {
        let left = all.iter().copied().filter(|number| (self.left.0..=self.left.1).contains(number));
        match self.order {
            Order::NewestFirst => left.rev().take(STRETCH).collect(),
            Order::OldestFirst => left.take(STRETCH).collect(),
        }
    }

    /// The newest, which the index does not cover yet, are gone through one by one.
    fn by_words(&self, connection: &Connection, wanted: &str, indexed_to: i64) -> Done<Vec<i64>> {
        let (first, last) = self.left;
        let (covered, beyond) = ((first, last.min(indexed_to)), (first.max(indexed_to + 1), last));
        let direction = self.direction();
        let sql = format!(
            "SELECT rowid FROM event_search WHERE event_search MATCH ?1 AND rowid BETWEEN ?2 AND ?3
             ORDER BY rowid {direction} LIMIT ?4"
        );
        let by_index = |limit| numbers(connection, &sql, params![wanted, covered.0, covered.1, count(limit)]);
        let one_by_one = |limit| self.by_arrival(connection, beyond, limit);
        let mut found = match self.order {
            Order::NewestFirst => one_by_one(STRETCH)?,
            Order::OldestFirst => by_index(STRETCH)?,
        };
        let rest = STRETCH - found.len();
        if rest > 0 {
            found.extend(match self.order {
                Order::NewestFirst => by_index(rest)?,
                Order::OldestFirst => one_by_one(rest)?,
            });
        }
        Ok(found)
    }

    /// Of each target and state the next ones; of all these, the ones that come before the last of any that has more.
    fn by_what_is_owed(&self, connection: &Connection, to: &[String], states: &[DeliveryState]) -> Done<Vec<i64>> {
        let (low, high) =
            (self.left.0.saturating_mul(PER_EVENT), self.left.1.saturating_add(1).saturating_mul(PER_EVENT));
        let direction = self.direction();
        let sql = format!(
            "SELECT id / {PER_EVENT} FROM deliveries INDEXED BY deliveries_of_target
             WHERE target = ?1 AND state = ?2 AND id >= ?3 AND id < ?4 ORDER BY id {direction} LIMIT ?5"
        );
        let (mut all, mut reach) = (Vec::new(), None::<i64>);
        for (target, state) in to.iter().flat_map(|target| states.iter().map(move |state| (target, state))) {
            let found = numbers(connection, &sql, params![target, *state as i64, low, high, count(STRETCH)])?;
            if let Some(last) = found.last().filter(|_| found.len() == STRETCH) {
                reach = Some(reach.map_or(*last, |reach| if self.is_before(*last, reach) { *last } else { reach }));
            }
            all.extend(found);
        }
        all.sort_unstable();
        all.dedup();
        if self.order == Order::NewestFirst {
            all.reverse();
        }
        all.retain(|number| reach.is_none_or(|reach| *number == reach || self.is_before(*number, reach)));
        Ok(all)
    }

    fn is_before(&self, one: i64, other: i64) -> bool {
        match self.order {
            Order::NewestFirst => one > other,
            Order::OldestFirst => one < other,
        }
    }

    fn direction(&self) -> &'static str {
        match self.order {
            Order::NewestFirst => "DESC",
            Order::OldestFirst => "ASC",
        }
    }
}

fn kind(connection: &Connection, filter: &EventFilter) -> Done<Kind> {
    if !filter.ids.is_empty() {
        let found = filter.ids.iter().map(|id| find(connection, id)).collect::<Done<Vec<_>>>()?;
        let mut known: Vec<i64> = found.into_iter().flatten().collect();
        known.sort_unstable();
        return Ok(Kind::Known(known));
    }
    let groups = wanted(filter);
    let owed =
        (filter.owed.target.is_some() || filter.owed.state.is_some()).then(|| owed(connection, filter)).transpose()?;
    match owed {
        Some((to, states)) if groups.is_empty() || are_few(connection, &to, &states)? => Ok(Kind::Owed { to, states }),
        _ if groups.is_empty() => Ok(Kind::Arrival),
        _ => {
            let any = |group: &Vec<String>| format!("({})", group.join(" OR "));
            let wanted = groups.iter().map(any).collect::<Vec<_>>().join(" AND ");
            let indexed_to =
                connection.prepare_cached("SELECT indexed_to FROM search_index")?.query_row([], |row| row.get(0))?;
            Ok(Kind::Words { wanted, indexed_to })
        }
    }
}

/// The targets and states that fit.
fn owed(connection: &Connection, filter: &EventFilter) -> Done<(Vec<String>, Vec<DeliveryState>)> {
    let states = filter.owed.state.map_or_else(|| DeliveryState::ALL.to_vec(), |state| vec![state]);
    let to = match &filter.owed.target {
        Some(target) => vec![TargetName::as_str(target).to_owned()],
        None => everybody(connection)?,
    };
    Ok((to, states))
}

fn are_few(connection: &Connection, to: &[String], states: &[DeliveryState]) -> Done<bool> {
    let mut select = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_of_target
                               WHERE target = ?1 AND state = ?2 LIMIT ?3)",
    )?;
    let mut sum = 0;
    for (target, state) in to.iter().flat_map(|target| states.iter().map(move |state| (target, state))) {
        sum += select.query_row(params![target, *state as i64, FEW], |row| row.get::<_, i64>(0))?;
        if sum >= FEW {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The numbers of the first and the last event of a time, by arrival.
pub fn bounds(connection: &Connection, when: &Period) -> Done<(i64, i64)> {
    let find = |sql: &str, at: Timestamp| -> Done<Option<i64>> {
        connection.prepare_cached(sql)?.query_row([at.as_millis()], |row| row.get(0)).optional()
    };
    let first = match when.since {
        None => 0,
        Some(since) => find("SELECT seq FROM events WHERE received_at >= ?1 ORDER BY received_at, seq LIMIT 1", since)?
            .unwrap_or(i64::MAX / PER_EVENT),
    };
    let last = match when.until {
        None => i64::MAX / PER_EVENT - 1,
        Some(until) => {
            find("SELECT seq FROM events WHERE received_at < ?1 ORDER BY received_at DESC, seq DESC LIMIT 1", until)?
                .unwrap_or(-1)
        }
    };
    Ok((first, last))
}

fn numbers(connection: &Connection, sql: &str, with: &[&dyn ToSql]) -> Done<Vec<i64>> {
    connection.prepare_cached(sql)?.query_map(with, |row| row.get(0))?.collect()
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
