//! `/api/v1/silences`: which there are, a new one, the end of one.
//!
//! What may be said is checked behind [`Quiet`](crate::deliver::quiet::Quiet), which lets it count at once; here it is
//! only read, and the names in it are looked up, because a silence of a misspelt target would be no silence.

use std::fmt::Display;

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::operation::{Call, Created, Nothing, Sent};
use super::page::{self, Page};
use super::read::{Line, flag, given, number};
use crate::config::Span;
use crate::deliver::quiet::{AddError, Draft, author};
use crate::event::Timestamp;
use crate::event::silence::{Silence, Standing};
use crate::http_server::ApiError;
use crate::names::{RouteName, SilenceId, TargetName};
use crate::route::Matcher;

/// A silence as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ShownSilence")]
pub struct Shown {
    /// As it is kept.
    #[serde(flatten)]
    pub silence: Silence,
    /// Where it stands at the relay's time.
    pub standing: Standing,
}

/// A page of silences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Silences")]
pub struct Listing {
    /// The newest first.
    pub silences: Vec<Shown>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Which silences.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Also those that are over, as long as they are remembered.
    #[serde(default, deserialize_with = "flag")]
    all: bool,
    /// Silences on a page at most.
    #[serde(default = "page::usual", deserialize_with = "number::<1, { page::MOST }, _>")]
    #[schemars(range(min = 1, max = 200))]
    limit: usize,
    /// `next` of the page before.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "page::Cursor")]
    cursor: Option<String>,
}

/// Who ends one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// Who ends it.
    #[schemars(with = "Line")]
    by: String,
}

/// What a new silence may say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Which events, written as `match` of a route is.
    #[serde(default, rename = "match")]
    #[schemars(with = "Matcher")]
    matching: Map<String, Value>,
    /// Owed by which routes.
    #[serde(default)]
    #[schemars(length(max = 100))]
    routes: Vec<RouteName>,
    /// Owed to which targets.
    #[serde(default)]
    #[schemars(length(max = 100))]
    targets: Vec<TargetName>,
    /// That nothing at all is to be told: must be said where nothing else is.
    #[serde(default)]
    everything: bool,
    /// From when on; at once when left out.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Until when: this or `for`.
    #[serde(default)]
    until: Option<Timestamp>,
    /// For how long: `2h`.
    #[serde(default, rename = "for")]
    lasting: Option<Span>,
    /// Who wants it.
    #[schemars(with = "Line")]
    by: String,
    /// Why.
    #[schemars(with = "Line")]
    why: String,
}

impl Wanted {
    fn draft(self, now: Timestamp) -> Result<Draft, ApiError> {
        let Self { matching, routes, targets, everything, from, until, lasting, by, why } = self;
        let from_when = from.map_or(now, |from| from.max(now));
        let until = match (until, lasting) {
            (Some(until), None) => until,
            (None, Some(lasting)) => from_when.saturating_add(lasting.get()),
            (until, _) => {
                let fault = if until.is_some() { "both are written" } else { "neither is written" };
                let hint = "write a time such as `2026-11-21T06:00:00Z`, or a duration such as `2h`";
                return Err(ApiError::not_allowed(format!("`until` or `for`: {fault}"), hint));
            }
        };
        Ok(Draft { matching, routes, targets, everything, from, until, by, why })
    }
}

/// `GET`: those that are not over, newest first; with `?all=true` also those that are.
pub async fn list(call: Call<Nothing, Which>) -> Result<Json<Listing>, ApiError> {
    let Call { admin, now, query: Which { all, limit, cursor }, .. } = call;
    let page = Page::of("silences", &format!("all={all}"), limit, cursor.as_deref())?;
    let since = if all { Timestamp::from_millis(i64::MIN) } else { now };
    let mut silences = admin.ask(admin.store.silences(since, page.before, page.wanted())).await?;
    silences.reverse();
    let next = page.cut(&mut silences, |silence| silence.id.row());
    Ok(Json(Listing { silences: silences.into_iter().map(|silence| shown(silence, now)).collect(), next }))
}

/// `POST`: 201 with the silence, which holds by then.
pub async fn add(call: Call<Nothing, Nothing, Sent<Wanted>>) -> Result<Created<Shown>, ApiError> {
    let Call { admin, caller, now, body: Sent(wanted), .. } = call;
    all_are_known("route", &wanted.routes, &admin.quiet.routes())?;
    all_are_known("target", &wanted.targets, &admin.target_names().cloned().collect::<Vec<_>>())?;
    let added = admin.within(admin.quiet.add(wanted.draft(now)?, caller.name, now)).await?;
    let silence = added.map_err(|error| match error {
        AddError::Refused(refused) => ApiError::not_allowed(refused.message, refused.hint),
        AddError::TooMany => ApiError::too_many(error.to_string(), "`DELETE /api/v1/silences/{id}` ends one"),
        AddError::Store(error) => admin.store_failed(&error),
    })?;
    Ok(Created { place: format!("/api/v1/silences/{}", silence.id), shown: shown(silence, now) })
}

/// `DELETE …/{id}?by=NAME`: 200 with what is kept of it. The first end stands, so it may be said twice.
pub async fn end(call: Call<SilenceId, Who>) -> Result<Json<Shown>, ApiError> {
    let Call { admin, caller, now, path: id, query, .. } = call;
    let by = author(query.by);
    let by = by.map_err(|refused| ApiError::not_allowed(refused.message, "say who ends it: `?by=NAME`"))?;
    let ended = admin.ask(admin.quiet.end(id, caller.sign(now, Some(by)))).await?;
    let hint = "`GET /api/v1/silences?all=true` lists those that are remembered";
    let ended = ended.ok_or_else(|| ApiError::nothing_there(format!("there is no silence `{id}`"), hint))?;
    Ok(Json(shown(ended, now)))
}

fn shown(silence: Silence, now: Timestamp) -> Shown {
    Shown { standing: silence.standing(now), silence }
}

/// Refuses a name that nothing has.
pub fn all_are_known<T: PartialEq + Display>(what: &str, named: &[T], known: &[T]) -> Result<(), ApiError> {
    let Some(unknown) = named.iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(ApiError::not_allowed(format!("there is no {what} `{unknown}`"), format!("there is: {known}")))
}
