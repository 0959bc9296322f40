//! `/api/v1/acts`: what operators did.

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Call, Nothing};
use super::page::{self, Page};
use super::read::{given, number};
use crate::event::act::Act;
use crate::http_server::ApiError;

/// What may be asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Acts on a page at most.
    #[serde(default = "page::usual", deserialize_with = "number::<1, { page::MOST }, _>")]
    #[schemars(range(min = 1, max = 200))]
    limit: usize,
    /// `next` of the page before.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "page::Cursor")]
    cursor: Option<String>,
}

/// A page of acts.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Acts")]
pub struct Listing {
    /// The newest first.
    pub acts: Vec<Act>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// `GET`: newest first.
pub async fn list(call: Call<Nothing, Wanted>) -> Result<Json<Listing>, ApiError> {
    let Call { admin, query, .. } = call;
    let page = Page::of("acts", "", query.limit, query.cursor.as_deref())?;
    let mut acts = admin.ask(admin.store.acts(page.before, page.wanted())).await?;
    let next = page.cut(&mut acts, |act| act.id);
    Ok(Json(Listing { acts, next }))
}
