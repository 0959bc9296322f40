//! `POST /castai/events`: what CAST AI's custom webhook points at.
//!
//! In this order: read the bytes, verify them, only then parse, then through the [`Inbox`], then answer. The body is
//! read as bytes whatever its Content-Type says, because CAST AI sends none unless the user adds the header.
//! A [`PROBE`] ends after the second step: it proves that a credential fits, and leaves nothing behind.
//! Knows axum; knows no store and no routes. Next room: [`super::wire`].

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::field_path::FieldPath;
use super::notifications::terms::Terms;
use super::verify::{Unverified, Verified, Verifier, VerifyError};
use super::wire::{self, Fact, Mapping, Reading};
use super::{Accepted, Inbox};
use crate::config::Span;
use crate::event::Timestamp;
use crate::event::relay::{self, BodyProblem};
use crate::http_server::{self, ApiError, BodyError, read_body};
use crate::names::{EventId, SourceName};
use crate::runtime::Clock;
use crate::store::StoreError;
use crate::telemetry::{ReceiveOutcome, SourceMetrics};

/// The header of a probe: a POST without a body that holds it is verified like any other, and then answered 204 with the
/// same header and value instead of being read. It says nothing that the status of an ordinary request would not say.
/// With a body the header means nothing, so no sender can lose an event by it.
pub const PROBE: &str = "x-castai-relay-probe";

/// What is said of a template without the id, where the list of notifications is read too.
const WITHOUT_ID: &str = "the webhook's template leaves out the notification's id, so the list in CAST AI's API brings \
                          the same notification again, as another event; enter in CAST AI's console the template that \
                          `castai-relay castai template` prints";

/// One entry of `sources.webhooks`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The path it is served under, `/castai/events`.
    pub path: WebhookPath,
    /// How a sender proves that it may send. Absent is allowed on a loopback listener only.
    pub verify: Option<Verifier>,
    /// How long it may send nothing before that is reported; for ever when it is left out, for quiet is often normal.
    pub silent_after: Option<Span>,
    /// Added to every event; `category` also fills in for a category the body does not carry.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where to find facts that are not where we look for them.
    #[serde(default)]
    pub fields: BTreeMap<Fact, FieldPath>,
}

/// The path of a webhook source: absolute, without wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WebhookPath(String);

impl WebhookPath {
    /// Starts with `/`, holds only unreserved URL characters and `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
        (text.len() > 1 && text.starts_with('/') && text.chars().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// As configured.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for WebhookPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || {
            format!(
                "`{text}` is not a path; write `/` and letters, digits, `-`, `_`, `.`, `~`, such as `/castai/events`"
            )
        };
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(wrong()))
    }
}

/// A webhook source at work.
pub struct Webhook {
    /// Its configured name.
    pub name: SourceName,
    /// Who may send.
    pub verifier: Verifier,
    /// How its bodies are read.
    pub mapping: Mapping,
    /// What the list of notifications knows, where it is read.
    pub terms: Option<Arc<Terms>>,
    /// The door.
    pub inbox: Arc<Inbox>,
    /// The limits for bodies, and what to say with a 503.
    pub limits: Arc<http_server::Config>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: SourceMetrics,
}

/// The routes of all webhook sources, each under its own path; everything else is 404 or 405, in JSON.
pub fn router(sources: impl IntoIterator<Item = (WebhookPath, Webhook)>) -> Router {
    let serve = |router: Router, (path, source): (WebhookPath, Webhook)| {
        router.route(path.as_str(), post(receive).with_state(Arc::new(source)))
    };
    sources
        .into_iter()
        .fold(Router::new(), serve)
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
}

async fn receive(State(source): State<Arc<Webhook>>, request: Request) -> Response {
    match source.take_in(request).await {
        Ok(Taken::Event(accepted)) => {
            let outcome = if accepted.duplicate { ReceiveOutcome::Duplicate } else { ReceiveOutcome::Accepted };
            source.metrics.received(outcome);
            Json(Received { received: true, id: accepted.id, duplicate: accepted.duplicate }).into_response()
        }
        Ok(Taken::Probe(value)) => {
            source.metrics.received(ReceiveOutcome::Probed);
            (StatusCode::NO_CONTENT, [(PROBE, value)]).into_response()
        }
        Err(refusal) => source.refuse(&refusal),
    }
}

/// The answer to an event that is safe.
#[derive(Serialize)]
struct Received {
    received: bool,
    id: EventId,
    duplicate: bool,
}

/// What a request was.
enum Taken {
    Event(Accepted),
    /// Nothing but the question whether the sender is believed.
    Probe(String),
}

/// Why a request was not accepted.
enum Refusal {
    Body(BodyError),
    Unverified(VerifyError),
    /// The body is kept and raised as `relay.body_rejected` all the same.
    Rejected(BodyProblem),
    Store(StoreError),
}

impl Webhook {
    async fn take_in(&self, request: Request) -> Result<Taken, Refusal> {
        let (head, body) = request.into_parts();
        let (limit, time) = (self.limits.body_limit.get(), self.limits.body_timeout.get());
        let body = read_body(body, limit, time).await.map_err(Refusal::Body)?;
        let now = self.clock.now();
        let verified = Unverified::new(head.headers, body).verify(&self.verifier, now).map_err(Refusal::Unverified)?;
        if let Some(value) = verified.header(PROBE).filter(|_| verified.body().is_empty()) {
            return Ok(Taken::Probe(value.to_owned()));
        }
        self.inbox.heard(&self.name);
        let home = self.terms.as_ref().and_then(|terms| terms.organization());
        match wire::read_at_home(&verified, &self.name, &self.mapping, home.as_deref(), now) {
            Ok(reading) => self.accept(reading, now).await.map(Taken::Event).map_err(Refusal::Store),
            Err(problem) => Err(self.keep_rejected(&verified, problem).await),
        }
    }

    async fn accept(&self, reading: Reading, now: Timestamp) -> Result<Accepted, StoreError> {
        let Reading { mut event, bare_id, lacks_id } = reading;
        if let Some(terms) = self.terms.as_ref().filter(|_| lacks_id) {
            event.notes.push(WITHOUT_ID.to_owned());
            if terms.heard_without_id(now) {
                tracing::warn!(source.name = %self.name, "{WITHOUT_ID}");
            }
        }
        // It may have come before anybody knew whose notifications these are.
        if let Some(bare_id) = bare_id
            && self.inbox.knows(&bare_id).await?
        {
            event.id = bare_id;
        }
        self.inbox.accept(event).await
    }

    async fn keep_rejected(&self, verified: &Verified, problem: BodyProblem) -> Refusal {
        let report = relay::body_rejected(&self.name, verified.body().clone(), &problem, self.clock.now());
        match self.inbox.accept(report).await {
            Ok(kept) => {
                let (line, column) = (problem.line, problem.column);
                tracing::warn!(source.name = %self.name, event.id = %kept.id, line, column, "a body was rejected and kept");
                Refusal::Rejected(problem)
            }
            // Not kept, so the sender must send it again to have it kept.
            Err(error) => Refusal::Store(error),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Response {
        let retry_after = self.limits.retry_after.get();
        let (outcome, error) = match refusal {
            Refusal::Body(BodyError::TooLarge) => {
                (ReceiveOutcome::TooLarge, ApiError::body_too_large(self.limits.body_limit))
            }
            Refusal::Body(BodyError::TooSlow) => (ReceiveOutcome::BodyIncomplete, ApiError::body_too_slow()),
            Refusal::Body(BodyError::BrokenOff) => (ReceiveOutcome::BodyIncomplete, ApiError::body_broken_off()),
            Refusal::Unverified(error) => {
                tracing::warn!(source.name = %self.name, %error, "a sender could not be verified");
                (ReceiveOutcome::Unauthorized, ApiError::unauthorized(error.to_string()))
            }
            Refusal::Rejected(problem) => {
                let BodyProblem { message, line, column, hint } = problem;
                let message = format!("{message} at line {line}, column {column}");
                (ReceiveOutcome::BodyRejected, ApiError::bad_body(message, *hint))
            }
            Refusal::Store(error) => {
                tracing::error!(source.name = %self.name, %error, "an event could not be kept; the sender was told to send it again");
                (ReceiveOutcome::StoreFailed, ApiError::store_failed(retry_after))
            }
        };
        self.metrics.received(outcome);
        error.into_response()
    }
}
