//! Who may use the API: whoever shows the token. Without a token in the configuration nobody may.
//!
//! Compared in constant time; neither the token nor what was shown instead is ever logged. Knows no page behind it.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::Secret;
use crate::http_server::ApiError;

/// Lets a request pass that shows the token, and answers all others.
pub async fn guard(State(token): State<Option<Secret>>, request: Request, next: Next) -> Response {
    let Some(token) = token else { return ApiError::api_closed().into_response() };
    match check(request.headers(), &token) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            let mut response = error.into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}

fn check(headers: &HeaderMap, token: &Secret) -> Result<(), ApiError> {
    let shown = headers.get(header::AUTHORIZATION).ok_or_else(|| ApiError::wrong_token("the token is missing"))?;
    let shown = shown.to_str().ok().and_then(bearer);
    let shown = shown.ok_or_else(|| ApiError::wrong_token("the header `Authorization` holds no bearer token"))?;
    match token.is(&Secret::literal(shown)) {
        true => Ok(()),
        false => Err(ApiError::wrong_token("the token is another one")),
    }
}

/// What follows the scheme's name, which may be in any case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    Some(token.trim()).filter(|token| !token.is_empty() && scheme.eq_ignore_ascii_case("bearer"))
}
