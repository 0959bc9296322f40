//! `/api/v1/silences`: which there are, a new one, the end of one.
//!
//! What may be said is checked behind [`Quiet`](crate::deliver::quiet::Quiet), which lets it count at once; here it is
//! only read, and the names in it are looked up, because a silence of a misspelt target would be no silence.

use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::{read_json, read_query};
use super::{Admin, PATIENCE};
use crate::config::Span;
use crate::deliver::quiet::{AddError, Draft, author};
use crate::event::Timestamp;
use crate::event::act::Signature;
use crate::event::silence::{Silence, Standing};
use crate::http_server::ApiError;
use crate::names::{RouteName, SilenceId, TargetName, TokenName};
use crate::store::StoreError;

/// How many are listed: the newest.
const MOST_LISTED: usize = 1000;

/// A silence as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// As it is kept.
    #[serde(flatten)]
    pub silence: Silence,
    /// Where it stands at the relay's time.
    pub standing: Standing,
}

/// What is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The newest last.
    pub silences: Vec<Shown>,
}

/// What a new silence may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    #[serde(rename = "match")]
    matching: Map<String, Value>,
    routes: Vec<RouteName>,
    targets: Vec<TargetName>,
    everything: bool,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(rename = "for")]
    lasting: Option<Span>,
    by: String,
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

/// `GET`: those that are not over; with `?all=true` also those that are, as long as they are remembered.
pub async fn list(State(admin): State<Admin>, uri: Uri) -> Result<Json<Listing>, ApiError> {
    let [all] = read_query(&uri, ["all"])?;
    let now = admin.clock.now();
    let since = match all.as_deref() {
        None | Some("false") => now,
        Some("true") => Timestamp::from_millis(i64::MIN),
        Some(other) => return Err(ApiError::not_allowed(format!("`all` is `{other}`"), "write `true` or `false`")),
    };
    let silences = admin.within(admin.store.silences(since, MOST_LISTED)).await?;
    let silences = silences.map_err(|error| admin.store_failed(&error))?;
    let silences = silences.into_iter().map(|silence| shown(silence, now)).collect();
    Ok(Json(Listing { silences }))
}

/// `POST`: 201 with the silence, which holds by then.
pub async fn add(State(admin): State<Admin>, body: Body) -> Result<Response, ApiError> {
    let wanted: Wanted = read_json(body, &admin.limits).await?;
    all_are_known("route", &wanted.routes, &admin.quiet.routes())?;
    all_are_known("target", &wanted.targets, &admin.targets)?;
    let now = admin.clock.now();
    let added = admin.within(admin.quiet.add(wanted.draft(now)?, TokenName::admin(), now)).await?;
    let silence = added.map_err(|error| match error {
        AddError::Refused(refused) => ApiError::not_allowed(refused.message, refused.hint),
        AddError::TooMany => ApiError::too_many(error.to_string(), "`DELETE /api/v1/silences/{id}` ends one"),
        AddError::Store(error) => admin.store_failed(&error),
    })?;
    let place = format!("/api/v1/silences/{}", silence.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(shown(silence, now))).into_response())
}

/// `DELETE …/{id}?by=NAME`: 200 with what is kept of it. The first end stands, so it may be said twice.
pub async fn end(State(admin): State<Admin>, Path(id): Path<String>, uri: Uri) -> Result<Json<Shown>, ApiError> {
    let [by] = read_query(&uri, ["by"])?;
    let by = author(by.unwrap_or_default());
    let by = by.map_err(|refused| ApiError::not_allowed(refused.message, "say who ends it: `?by=NAME`"))?;
    let hint = "`GET /api/v1/silences?all=true` lists those that are remembered";
    let id = SilenceId::parse(&id).map_err(|error| ApiError::nothing_there(error.to_string(), hint))?;
    let now = admin.clock.now();
    let by = Signature { at: now, token: TokenName::admin(), whom: Some(by) };
    let ended = admin.within(admin.quiet.end(id, by)).await?;
    let ended = ended.map_err(|error| admin.store_failed(&error))?;
    let ended = ended.ok_or_else(|| ApiError::nothing_there(format!("there is no silence `{id}`"), hint))?;
    Ok(Json(shown(ended, now)))
}

fn shown(silence: Silence, now: Timestamp) -> Shown {
    Shown { standing: silence.standing(now), silence }
}

fn all_are_known<T: PartialEq + Display>(what: &str, named: &[T], known: &[T]) -> Result<(), ApiError> {
    let Some(unknown) = named.iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(ApiError::not_allowed(format!("there is no {what} `{unknown}`"), format!("there is: {known}")))
}

impl Admin {
    /// What the store answers, if it does so in time. What it did all the same counts here when the silences are refreshed.
    async fn within<T>(&self, answer: impl Future<Output = T>) -> Result<T, ApiError> {
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_elapsed| {
            tracing::error!("the store kept an operator waiting for too long");
            ApiError::store_unavailable(self.retry_after())
        })
    }

    fn store_failed(&self, error: &StoreError) -> ApiError {
        tracing::error!(%error, "the store failed an operator");
        ApiError::store_unavailable(self.retry_after())
    }

    fn retry_after(&self) -> Duration {
        self.limits.retry_after.get()
    }
}
