//! The API for operators: which paths there are, and what all of them share in reading a request.
//!
//! A body is read as bytes whatever its Content-Type says, within the limits of the listener; every refusal is an
//! [`ApiError`]. What each path does is in a file of its own, such as [`super::silences`].

use axum::Router;
use axum::body::Body;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get};
use serde::de::DeserializeOwned;

use super::{Admin, access, silences};
use crate::http_server::{self, ApiError, BodyError, read_body};

/// Everything below `/api`, behind the token: a stranger is not told what there is.
pub fn router(admin: &Admin) -> Router<Admin> {
    Router::new()
        .route("/v1/silences", get(silences::list).post(silences::add))
        .route("/v1/silences/{id}", delete(silences::end))
        .fallback(async || ApiError::no_such_page())
        .method_not_allowed_fallback(async || ApiError::wrong_method())
        .layer(from_fn_with_state(admin.token.clone(), access::guard))
}

/// The body as a JSON object with the fields of `T`.
pub async fn read_json<T: DeserializeOwned>(body: Body, limits: &http_server::Config) -> Result<T, ApiError> {
    let body = read_body(body, limits.body_limit.get(), limits.body_timeout.get()).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge => ApiError::body_too_large(limits.body_limit),
        BodyError::TooSlow => ApiError::body_too_slow(),
        BodyError::BrokenOff => ApiError::body_broken_off(),
    })?;
    let bad = |why: &str| ApiError::bad_body(format!("the body cannot be read: {why}"), "send a JSON object");
    // The library would take the items of a list for fields, too.
    match body.trim_ascii_start().starts_with(b"{") {
        true => serde_json::from_slice(&body).map_err(|error| bad(&error.to_string())),
        false => Err(bad("it is not a JSON object")),
    }
}

/// The values of these keys in the query, the last one where a key stands twice.
///
/// # Errors
/// When the query has any other key.
pub fn read_query<const N: usize>(uri: &Uri, keys: [&str; N]) -> Result<[Option<String>; N], ApiError> {
    let mut values = [const { None }; N];
    for (key, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let known = keys.iter().zip(&mut values).find(|(known, _)| **known == key);
        let (_, place) = known.ok_or_else(|| {
            let hint = format!("here the query may have: {}", keys.join(", "));
            ApiError::not_allowed(format!("`{key}` means nothing in the query"), hint)
        })?;
        *place = Some(value.into_owned());
    }
    Ok(values)
}
