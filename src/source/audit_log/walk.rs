//! Reads one stretch of the audit log in ascending order, in portions small enough to be kept one by one.
//!
//! v2 comes so; v1 comes newest first and is collected whole before its first portion, within a bound. Knows no events.

use super::window::{Ascent, Window};
use crate::castai_api::audit::{Filter, Operation, Operations, Query, Version, Walk};
use crate::castai_api::{ApiError, CastAi};
use crate::event::Timestamp;

/// The most records of v1 that are held at a time.
const MOST_COLLECTED: usize = 10_000;

/// How many of them are kept together, about as many as a page of v2.
const PORTION: usize = 250;

/// Why a stretch was not read to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It holds too many records to be held at a time: a shorter one will do.
    TooMany,
    /// CAST AI did not answer as it should.
    Api(ApiError),
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// Some records, older than all that follow as far as the log keeps to its order.
#[derive(Debug)]
pub(super) struct Portion {
    pub operations: Operations,
    /// Up to when everything is in with this one, if that can be told before the end.
    pub until: Option<Timestamp>,
    /// The time of the latest record so far.
    pub last: Option<Timestamp>,
    /// Whether it is the last one.
    pub is_end: bool,
}

/// A stretch being read.
pub(super) struct Stretch<'a> {
    source: Source<'a>,
    ascent: Ascent,
}

enum Source<'a> {
    Pages(Walk<'a>),
    Collected(std::vec::IntoIter<Operations>),
}

impl<'a> Stretch<'a> {
    /// Begins to read. `whole` says that the stretch is as short as it can be and must be read however much it holds.
    pub(super) async fn open(
        castai: &'a CastAi,
        version: Version,
        filter: &Filter,
        window: Window,
        whole: bool,
    ) -> Result<Self, Trouble> {
        let query = Query { from: window.from, to: window.to, filter: filter.clone() };
        let walk = castai.audit(version, &query);
        let source = match version {
            Version::V2 => Source::Pages(walk),
            Version::V1 => Source::Collected(collected(walk, whole).await?.into_iter()),
        };
        Ok(Self { source, ascent: Ascent::default() })
    }

    /// The next portion; the last one says so, and there is always one.
    pub(super) async fn next(&mut self) -> Result<Option<Portion>, Trouble> {
        let operations = match &mut self.source {
            Source::Pages(walk) => walk.next().await?,
            Source::Collected(portions) => portions.next(),
        };
        let Some(operations) = operations else { return Ok(None) };
        let until = self.ascent.take(operations.read.iter().filter_map(|operation| operation.occurred_at));
        let is_end = operations.is_last;
        Ok(Some(Portion { operations, until, last: self.ascent.last(), is_end }))
    }
}

async fn collected(mut walk: Walk<'_>, whole: bool) -> Result<Vec<Operations>, Trouble> {
    let mut all: Vec<Operation> = Vec::new();
    let mut unreadable = Vec::new();
    while let Some(page) = walk.next().await? {
        all.extend(page.read);
        unreadable.extend(page.unreadable);
        if all.len() + unreadable.len() > MOST_COLLECTED && !whole {
            return Err(Trouble::TooMany);
        }
    }
    all.reverse();
    all.sort_by_key(|operation| operation.occurred_at);
    let mut portions = Vec::new();
    let mut all = all.into_iter().peekable();
    while all.peek().is_some() {
        let read = all.by_ref().take(PORTION).collect();
        portions.push(Operations { read, ..Operations::default() });
    }
    portions.push(Operations { unreadable, is_last: true, ..Operations::default() });
    Ok(portions)
}
