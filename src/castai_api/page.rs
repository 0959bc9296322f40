//! Lists: read item by item, page by page, to their end.
//!
//! An item that cannot be read is handed on as it came and does not cost its page; a cursor that comes back does not make
//! an endless walk. Knows no endpoint: the models say how their list is called ([`Listed`]).

use std::collections::{BTreeMap, HashSet};
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::error::{ApiError, ErrorKind};
use super::{CastAi, proto_json};

/// The most pages one walk takes; beyond, it ends with [`ErrorKind::Endless`].
pub const MAX_PAGES: usize = 1000;

/// What CAST AI lists.
pub trait Listed: DeserializeOwned {
    /// The key of the list in the answer: `items`, `events`, `anomalies`.
    const ENVELOPE: &'static str;

    /// Handed the item exactly as received, for those who keep it.
    fn keep(&mut self, _raw: Bytes) {}
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What could be read, in the order received.
    pub items: Vec<T>,
    /// What could not, likewise.
    pub unreadable: Vec<Unreadable>,
    /// Where the next page begins; none at the end.
    pub next_cursor: Option<String>,
}

/// An item that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The item exactly as received, which is JSON.
    pub raw: Bytes,
    /// What is wrong with it, and where in it.
    pub error: String,
}

impl<T: Listed> Page<T> {
    /// Reads an answer. A list that is left out or `null` is empty.
    ///
    /// # Errors
    /// When it is not a JSON object, or the list in it is not a list.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let envelope: BTreeMap<String, &RawValue> = serde_json::from_slice(body)?;
        let list: Option<Vec<&RawValue>> =
            envelope.get(T::ENVELOPE).map_or(Ok(None), |list| serde_json::from_str(list.get()))?;
        let cursor = envelope.get("nextCursor").map(|cursor| serde_json::from_str(cursor.get())).transpose()?;
        let mut page =
            Self { items: vec![], unreadable: vec![], next_cursor: cursor.and_then(|Cursor(cursor)| cursor) };
        list.unwrap_or_default().into_iter().for_each(|raw| page.take(raw));
        Ok(page)
    }

    fn take(&mut self, raw: &RawValue) {
        let as_received = Bytes::copy_from_slice(raw.get().as_bytes());
        match serde_json::from_str::<T>(raw.get()) {
            Ok(mut item) => {
                item.keep(as_received);
                self.items.push(item);
            }
            Err(error) => self.unreadable.push(Unreadable { raw: as_received, error: error.to_string() }),
        }
    }
}

#[derive(Deserialize)]
struct Cursor(#[serde(deserialize_with = "proto_json::optional_text")] Option<String>);

/// What a request for a further page repeats of the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp {
    /// Everything.
    WholeQuery,
    /// Limit and cursor only, as the audit log v1 wants it.
    CursorOnly,
}

/// A walk through a list. Ask [`next`](Self::next) until there is no page. After an error, the same page is asked for again.
#[derive(Debug)]
pub struct Pages<'a, T> {
    castai: &'a CastAi,
    path: String,
    query: Vec<(&'static str, String)>,
    limit: u32,
    follow_up: FollowUp,
    cursor: Option<String>,
    used: HashSet<String>,
    taken: usize,
    is_over: bool,
    item: PhantomData<T>,
}

impl<'a, T: Listed> Pages<'a, T> {
    /// From the start of the list. `limit` is how many items a page holds at most; each endpoint has its own range.
    pub fn new(castai: &'a CastAi, path: &str, query: Vec<(&'static str, String)>, limit: u32) -> Self {
        Self {
            castai,
            path: path.to_owned(),
            query,
            limit,
            follow_up: FollowUp::WholeQuery,
            cursor: None,
            used: HashSet::new(),
            taken: 0,
            is_over: false,
            item: PhantomData,
        }
    }

    /// How further pages are asked for; without this, with the whole query.
    #[must_use]
    pub fn following_up(self, follow_up: FollowUp) -> Self {
        Self { follow_up, ..self }
    }

    /// The next page; none after the last one.
    ///
    /// # Errors
    /// When it cannot be had, or the list has no end: a cursor came a second time, or this is page 1001.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, ApiError> {
        if self.is_over {
            return Ok(None);
        }
        if self.cursor.as_ref().is_some_and(|cursor| self.used.contains(cursor)) {
            return Err(self.endless("the cursor of the next page has been used already"));
        }
        if self.taken >= MAX_PAGES {
            return Err(self.endless(&format!("{MAX_PAGES} pages were read")));
        }
        let page = self.castai.page::<T>(&self.path, &self.next_query()).await?;
        self.taken += 1;
        self.used.extend(self.cursor.take());
        self.cursor.clone_from(&page.next_cursor);
        self.is_over = page.next_cursor.is_none();
        Ok(Some(page))
    }

    fn next_query(&self) -> Vec<(&'static str, String)> {
        let own = match (&self.cursor, self.follow_up) {
            (Some(_), FollowUp::CursorOnly) => vec![],
            _ => self.query.clone(),
        };
        let limit = ("page.limit", self.limit.to_string());
        let cursor = self.cursor.iter().map(|cursor| ("page.cursor", cursor.clone()));
        own.into_iter().chain([limit]).chain(cursor).collect()
    }

    fn endless(&self, why: &str) -> ApiError {
        self.castai.error(ErrorKind::Endless, &self.path, why)
    }
}

#[cfg(test)]
#[path = "tests/page.rs"]
mod tests;
