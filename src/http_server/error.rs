//! Every refusal as one JSON form: `{"error":{"code","message","hint"}}`.
//!
//! The closed list of what the relay answers besides 200. Internal detail goes to the log, never into a response.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::telemetry::Rejection;

/// A refusal: a status, a stable code for programs, a message and a hint for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: String,
    retry_after: Option<Duration>,
    rejection: Option<Rejection>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: hint.into(), retry_after: None, rejection: None }
    }

    /// What a sender of events may hear; the code is the word under which it is counted.
    fn refused(rejection: Rejection, status: StatusCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { rejection: Some(rejection), ..Self::new(status, rejection.as_str(), message, hint) }
    }

    fn unavailable(rejection: Rejection, message: &str, retry_after: Duration) -> Self {
        let hint = "send it again after the time in `Retry-After`; repeats of an id are recognised";
        let error = Self::refused(rejection, StatusCode::SERVICE_UNAVAILABLE, message, hint);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// 400: the body is not a JSON object.
    pub fn bad_body(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::refused(Rejection::BadBody, StatusCode::BAD_REQUEST, message, hint)
    }

    /// 400: the sender broke off in the middle of the body.
    pub fn body_broken_off() -> Self {
        let message = "the body ended before it was complete";
        Self::refused(Rejection::BodyBrokenOff, StatusCode::BAD_REQUEST, message, "send it again")
    }

    /// 401: verification failed.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        let hint = "compare the headers entered in the CAST AI console with `verify` of this source in the relay's configuration";
        Self::refused(Rejection::Unauthorized, StatusCode::UNAUTHORIZED, message, hint)
    }

    /// 404: no source has this path.
    pub fn not_found() -> Self {
        let message = "no webhook source has this path";
        Self::refused(
            Rejection::NotFound,
            StatusCode::NOT_FOUND,
            message,
            "the paths are in `sources.webhooks`, by default /castai/events",
        )
    }

    /// 405: only POST.
    pub fn method_not_allowed() -> Self {
        let message = "only POST is accepted here";
        Self::refused(Rejection::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED, message, "send events with POST")
    }

    /// 400: the request can be read and cannot be meant.
    pub fn not_allowed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "not_allowed", message, hint)
    }

    /// 401: the admin API was not shown its token.
    pub fn wrong_token(message: impl Into<String>) -> Self {
        let hint = "send `Authorization: Bearer <token>` with a secret of `admin.token` or `admin.tokens` in the relay's configuration";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message, hint)
    }

    /// 403: the admin API lets nobody in.
    pub fn api_closed() -> Self {
        let message = "the admin API is closed: the relay's configuration has no `admin.token`";
        let hint = "write `admin: { token: { env: RELAY_ADMIN_TOKEN } }` into it and start the relay again";
        Self::new(StatusCode::FORBIDDEN, "api_closed", message, hint)
    }

    /// 403: the token is known and not good for this.
    pub fn role_is_not_enough(name: &str, role: &str) -> Self {
        let message = format!("the token `{name}` has the role `{role}`, which may only look");
        let hint = "use a token with `role: operate`";
        Self::new(StatusCode::FORBIDDEN, "forbidden", message, hint)
    }

    /// 404: the admin listener has no such path.
    pub fn no_such_page() -> Self {
        let hint = "there are /livez, /readyz, /metrics and what is in /api/v1/openapi.json";
        Self::new(StatusCode::NOT_FOUND, "not_found", "nothing is served at this path", hint)
    }

    /// 404: the path is right, and what it names is not there.
    pub fn nothing_there(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message, hint)
    }

    /// 405: this path of the admin listener takes other methods.
    pub fn wrong_method() -> Self {
        let hint = "the header `Allow` lists those that are";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this method is not accepted here", hint)
    }

    /// 409: there is no room for more.
    pub fn too_many(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "too_many", message, hint)
    }

    /// 409: what the path names is there, and this cannot be done with it.
    pub fn cannot_be_done(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "cannot_be_done", message, hint)
    }

    /// 429: it was asked for too often.
    pub fn too_soon(message: impl Into<String>, hint: impl Into<String>, retry_after: Duration) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_soon", message, hint);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// 503: the store could not do what an operator asked for. Nothing was changed, as far as anybody knows.
    pub fn store_unavailable(retry_after: Duration) -> Self {
        let hint = "look at what there is, then try again; the relay's log has the reason";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_failed", "the store did not answer", hint);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// 408: the body took too long.
    pub fn body_too_slow() -> Self {
        let message = "the body was not complete in time";
        Self::refused(
            Rejection::BodyTooSlow,
            StatusCode::REQUEST_TIMEOUT,
            message,
            "send it faster, or raise `server.body_timeout`",
        )
    }

    /// 413: the body is too large.
    pub fn body_too_large(limit: impl std::fmt::Display) -> Self {
        let message = format!("the body is larger than {limit}");
        Self::refused(
            Rejection::BodyTooLarge,
            StatusCode::PAYLOAD_TOO_LARGE,
            message,
            "send less, or raise `server.body_limit`",
        )
    }

    /// 500: a fault in the relay. The event was not accepted.
    pub fn internal() -> Self {
        let message = "the relay failed to handle this request";
        Self::refused(
            Rejection::Internal,
            StatusCode::INTERNAL_SERVER_ERROR,
            message,
            "send it again; the relay's log has the reason",
        )
    }

    /// 503: too many requests in flight.
    pub fn overloaded(retry_after: Duration) -> Self {
        Self::unavailable(Rejection::Overloaded, "too many requests are in flight", retry_after)
    }

    /// 503: the store could not make the event durable.
    pub fn store_failed(retry_after: Duration) -> Self {
        Self::unavailable(Rejection::StoreFailed, "the event could not be made durable", retry_after)
    }

    /// 503: nobody knows yet whether the event is durable.
    pub fn took_too_long(retry_after: Duration) -> Self {
        Self::unavailable(Rejection::TookTooLong, "the event was not made durable in time", retry_after)
    }
}

/// A refusal as it is sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: ErrorDetail,
}

/// What is wrong, and what to do about it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorDetail {
    /// For programs: stable.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// What is allowed, or what to do next.
    pub hint: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: ErrorDetail { code: self.code, message: self.message, hint: self.hint } };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(rejection) = self.rejection {
            response.extensions_mut().insert(rejection);
        }
        if let Some(after) = self.retry_after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}
