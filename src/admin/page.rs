//! A long list, a page at a time.
//!
//! A page begins behind a position, a number that falls from item to item, or rises where the oldest come first. The cursor for the next
//! page names its list, what the list was asked for and the position; it is no secret, but one that was made for another
//! list, or changed on its way, is refused, because it would lead anywhere. Knows no list.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sha2::{Digest, Sha256};

use crate::http_server::ApiError;

/// Items on a page when it is not said how many.
pub const USUAL: usize = 50;
/// Items on a page at most.
pub const MOST: usize = 200;

/// [`USUAL`], for a query that does not say.
pub fn usual() -> usize {
    USUAL
}

/// The schema of a cursor.
pub struct Cursor;

impl JsonSchema for Cursor {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cursor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"})
    }
}

/// How many of the bytes of a digest a cursor has.
const MARK: usize = 8;

/// What is asked for of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Items at most.
    pub limit: usize,
    /// Only those behind this position, where the newest come first those below it; from the first one on when there is none.
    pub before: Option<i64>,
    list: String,
}

impl Page {
    /// The page of `list` that was asked for. `filter` is what else was asked for, in one text: a cursor leads on in the same
    /// list, filtered in the same way, only.
    ///
    /// # Errors
    /// When the cursor is none of this list and filter.
    pub fn of(list: &'static str, filter: &str, limit: usize, cursor: Option<&str>) -> Result<Self, ApiError> {
        let page = Self { limit, before: None, list: format!("{list}\0{filter}") };
        let before = cursor.map(|cursor| page.read(cursor)).transpose()?;
        Ok(Self { before, ..page })
    }

    /// One more than are shown, to see whether there are more.
    pub fn wanted(&self) -> usize {
        self.limit.saturating_add(1)
    }

    /// Cuts what was found for [`Page::wanted`] down to the page; the cursor of the next one, when there is more.
    pub fn cut<T>(&self, items: &mut Vec<T>, position: impl Fn(&T) -> i64) -> Option<String> {
        let is_more = items.len() > self.limit;
        items.truncate(self.limit);
        items.last().filter(|_| is_more).map(|last| self.next(position(last)))
    }

    /// The cursor of the page behind this position.
    pub fn next(&self, position: i64) -> String {
        let bytes = [&position.to_be_bytes()[..], &self.mark(position)].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn mark(&self, position: i64) -> [u8; MARK] {
        let digest = Sha256::new().chain_update(&self.list).chain_update([0]).chain_update(position.to_be_bytes());
        let digest = digest.finalize();
        std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default())
    }

    fn read(&self, cursor: &str) -> Result<i64, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let split = bytes.as_deref().and_then(|bytes| bytes.split_first_chunk());
        let position = split.map(|(position, mark)| (i64::from_be_bytes(*position), mark));
        // No list has a place below zero, so we made no such cursor, whatever its mark says: that is no secret.
        let known = position.filter(|(position, mark)| *position >= 0 && *mark == self.mark(*position));
        known.map(|(position, _)| position).ok_or_else(|| {
            let hint = "use `next` of the page before as it is, with the same query; or begin anew without `cursor`";
            ApiError::not_allowed("the cursor is none of this list", hint)
        })
    }
}

#[cfg(test)]
#[path = "tests/page.rs"]
mod tests;
