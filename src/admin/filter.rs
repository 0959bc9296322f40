//! Which events and deliveries are asked for: the query that the lists share.
//!
//! What it says is checked here, once; what fits is for [`crate::store::query`].

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::page::{self, Page};
use super::read::{given, number};
use crate::event::delivery::DeliveryState;
use crate::event::{Severity, Timestamp};
use crate::http_server::ApiError;
use crate::names::{RouteName, SourceName, TargetName};
use crate::store::query::{self, EventFilter, OwedFilter, Period, Slice};
use crate::store::search;

/// The longest text that is looked for, in bytes.
const LONGEST: usize = 255;

/// What may be asked for. Everything that is said must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Events of this type; with `.*` at its end, of all types that begin so.
    #[serde(default, rename = "type", deserialize_with = "short")]
    #[schemars(length(min = 1, max = 255))]
    event_type: Option<String>,
    /// Of the cluster with this name or id.
    #[serde(default, deserialize_with = "short")]
    #[schemars(length(min = 1, max = 255))]
    cluster: Option<String>,
    /// At least so severe.
    #[serde(default, deserialize_with = "given")]
    severity: Option<Severity>,
    /// Brought by this source.
    #[serde(default, deserialize_with = "given")]
    source: Option<SourceName>,
    /// Owed to this target.
    #[serde(default, deserialize_with = "given")]
    target: Option<TargetName>,
    /// Owed by this route.
    #[serde(default, deserialize_with = "given")]
    route: Option<RouteName>,
    /// With a delivery that stands so; of deliveries, those that do.
    #[serde(default, deserialize_with = "given")]
    state: Option<DeliveryState>,
    /// Received then or later.
    #[serde(default, deserialize_with = "given")]
    since: Option<Timestamp>,
    /// Received before then.
    #[serde(default, deserialize_with = "given")]
    until: Option<Timestamp>,
    /// Words that occur in the event: whole words, in any order and case.
    #[serde(default, deserialize_with = "short")]
    #[schemars(length(min = 1, max = 255))]
    text: Option<String>,
    /// Which come first.
    #[serde(default)]
    order: Order,
    /// Items on a page at most. There may be fewer although there is more: `next` says so.
    #[serde(default = "page::usual", deserialize_with = "number::<1, { page::MOST }, _>")]
    #[schemars(range(min = 1, max = 200))]
    limit: usize,
    /// `next` of the page before.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "page::Cursor")]
    cursor: Option<String>,
}

/// Which come first.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Those that came last.
    #[default]
    Newest,
    /// Those that came first.
    Oldest,
}

/// What is asked for, and which part of it.
#[derive(Debug)]
pub struct Sought {
    /// What fits.
    pub filter: EventFilter,
    /// Which part.
    pub slice: Slice,
    page: Page,
}

impl Sought {
    /// The cursor of what follows this place.
    pub fn next(&self, place: Option<i64>) -> Option<String> {
        place.map(|place| self.page.next(place))
    }
}

impl Wanted {
    /// What is asked of `list`.
    ///
    /// # Errors
    /// When it cannot be meant, or the cursor is none of this list.
    pub fn of(self, list: &'static str) -> Result<Sought, ApiError> {
        let Self { event_type, cluster, severity, source, target, route, state, since, until, text, .. } = self;
        if since.zip(until).is_some_and(|(since, until)| since >= until) {
            let hint = "`since` is the first moment of what is asked for, `until` the first one after it";
            return Err(ApiError::not_allowed("nothing lies between `since` and `until`", hint));
        }
        let text = words(text)?;
        let owed = OwedFilter { target, route, state };
        let ids = Default::default();
        let filter =
            EventFilter { ids, event_type, cluster, severity, source, when: Period { since, until }, text, owed };
        let order = match self.order {
            Order::Newest => query::Order::NewestFirst,
            Order::Oldest => query::Order::OldestFirst,
        };
        let page = page(list, &filter, order, self.limit, self.cursor.as_deref())?;
        let slice = Slice { after: page.before, limit: page.limit, order };
        Ok(Sought { filter, slice, page })
    }
}

/// A text that is looked for.
///
/// # Errors
/// When nothing could be looked for by it.
pub fn words(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if search::words(&text).is_empty() => {
            Err(ApiError::not_allowed("`text` has no word in it", "words are made of letters and digits"))
        }
        text => Ok(text),
    }
}

/// A page of what fits.
///
/// # Errors
/// When the cursor is none of this list, filter and order.
pub fn page(
    list: &'static str,
    filter: &EventFilter,
    order: query::Order,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page, ApiError> {
    Page::of(list, &format!("{order:?} {filter:?}"), limit, cursor)
}

/// A text in a query, neither empty nor longer than anything that is looked for.
pub fn short<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = given(deserializer)?;
    match text.as_deref().map(str::len) {
        Some(0) => Err(de::Error::custom("an empty text is looked for")),
        Some(bytes) if bytes > LONGEST => {
            Err(de::Error::custom(format!("a text of {bytes} bytes is looked for, at most {LONGEST} are allowed")))
        }
        _ => Ok(text),
    }
}
