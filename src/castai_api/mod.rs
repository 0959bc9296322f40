//! Asks CAST AI: the client of its REST API, <https://docs.cast.ai/reference>.
//!
//! [`CastAi`] makes a call, tries it again where that is harmless, and says what went wrong and what to do ([`error`]).
//! [`page`] walks through lists, [`proto_json`] knows the habits of CAST AI's JSON, and each endpoint has a file of its own
//! with its types, such as [`notifications`]. Knows no events and no store: the [`sources`](crate::source) make events of
//! what they read here.

mod address;
pub mod audit;
pub mod clusters;
pub mod console_template;
pub mod cost;
pub mod error;
pub mod notifications;
pub mod page;
mod patience;
pub mod proto_json;
pub mod webhooks;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, de};

pub use address::ApiUrl;
pub use error::{ApiError, ErrorKind};
pub use page::{FollowUp, Listed, Page, Pages, Unreadable};

use crate::config::{Secret, Span};
use crate::event::Timestamp;
use crate::http_client::{Ending, HttpClient, Method, Reply, Request, SendError};
use crate::runtime::Clock;
use error::Call;

/// The most that is read of one answer. A page of 500 audit records with bodies is far below.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// The section `castai`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which region's API, or where else.
    #[serde(default)]
    pub api_url: ApiUrl,
    /// A key of a service account or a person; the role Viewer is enough for reading.
    #[serde(deserialize_with = "header_secret")]
    pub api_key: Secret,
    /// The organisation that is meant, for keys that may see several.
    #[serde(default, deserialize_with = "header_text")]
    pub organization_id: Option<String>,
    /// Time for one attempt at a call.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

/// CAST AI's own clients wait 30 to 60 s, and its audit log is slow in large organisations.
fn default_timeout() -> Span {
    Span::from_secs(60)
}

/// Whether a request can carry it as the value of a header.
fn fits_header(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn header_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let key = Secret::deserialize(deserializer)?;
    match fits_header(key.expose()) {
        true => Ok(key),
        false => Err(de::Error::custom("the key holds blanks or characters that are not ASCII; copy it once more")),
    }
}

fn header_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    match text.as_deref().is_none_or(fits_header) {
        true => Ok(text),
        false => {
            Err(de::Error::custom("an organisation's id is a UUID, as the console shows it under the organisation"))
        }
    }
}

/// The client. Clones share everything.
#[derive(Clone)]
pub struct CastAi(Arc<Inner>);

struct Inner {
    config: Config,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    /// Where jitter comes from: another one in every process, so that replicas do not march in step.
    seed: RandomState,
}

impl fmt::Debug for CastAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CastAi({})", self.0.config.api_url)
    }
}

/// A success as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The body; `{}` where it was empty.
    pub body: Bytes,
    /// What time it was at CAST AI, to the second.
    pub date: Option<Timestamp>,
    /// What time it was here when the answer was complete.
    pub at: Timestamp,
}

impl CastAi {
    /// A client of the API that `config` names.
    pub fn new(config: Config, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { config, http, clock, seed: RandomState::new() }))
    }

    /// Where this client asks.
    pub fn api_url(&self) -> &ApiUrl {
        &self.0.config.api_url
    }

    /// What time it is here: for those who must know how long ago they asked.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The organisation that is named in each call, if one is.
    pub fn organization_id(&self) -> Option<&str> {
        self.0.config.organization_id.as_deref()
    }

    /// GETs `path`. An empty answer is an empty object. Tried up to three times where the failure is
    /// [transient](ErrorKind::is_transient), each within `castai.timeout`; CAST AI's `Retry-After` is honoured up to 30 s,
    /// beyond it the call fails at once and [`ApiError::retry_after`] tells the wish.
    ///
    /// # Errors
    /// When CAST AI does not answer, refuses, or answers what `T` cannot be read from.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, ApiError> {
        let (call, reply) = self.fetch(path, query).await?;
        self.read(&call, &reply, |body| serde_json::from_slice(body))
    }

    /// [`get`](Self::get) for those who want the answer as it came, and the time it came.
    ///
    /// # Errors
    /// When CAST AI does not answer or refuses.
    pub async fn get_raw(&self, path: &str, query: &[(&str, String)]) -> Result<Received, ApiError> {
        let (_, reply) = self.fetch(path, query).await?;
        Ok(Received { body: body_of(&reply), date: reply.date, at: self.0.clock.now() })
    }

    /// [`get`](Self::get) for one page of a list, read item by item. [`Pages`] walks through all of them.
    ///
    /// # Errors
    /// When CAST AI does not answer, refuses, or answers what is not such a list.
    pub async fn page<T: Listed>(&self, path: &str, query: &[(&str, String)]) -> Result<Page<T>, ApiError> {
        let (call, reply) = self.fetch(path, query).await?;
        self.read(&call, &reply, Page::read)
    }

    /// POSTs or PUTs with `body` as JSON. Never tried again: it may have been done.
    ///
    /// # Errors
    /// When CAST AI does not answer (it may have been done all the same), refuses, or answers what `T` cannot be read from.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let call = self.call(method, path);
        let unwritable = |error: serde_json::Error| self.refused(&call, &error.to_string());
        let body = Bytes::from(serde_json::to_vec(body).map_err(unwritable)?);
        let reply = self.attempt(&call, query, Some(&body)).await?;
        self.read(&call, &reply, |body| serde_json::from_slice(body))
    }

    /// An error of a GET that is found out after the answer.
    fn error(&self, kind: ErrorKind, path: &str, said: &str) -> ApiError {
        ApiError::new(kind, &self.call(Method::Get, path), said, self.key())
    }

    fn refused(&self, call: &Call, said: &str) -> ApiError {
        ApiError::new(ErrorKind::Refused, call, said, self.key())
    }

    fn key(&self) -> &str {
        self.0.config.api_key.expose()
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call { method, path: path.to_owned(), at: self.0.config.api_url.clone() }
    }

    /// GETs, several times if it must.
    async fn fetch(&self, path: &str, query: &[(&str, String)]) -> Result<(Call, Reply), ApiError> {
        let call = self.call(Method::Get, path);
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&call, query, None).await {
                Ok(reply) => return Ok((call, reply)),
                Err(error) => error,
            };
            let now = self.0.clock.now();
            let wait = patience::wait(attempt, error.retry_after(), self.jitter(now, attempt));
            let Some(wait) = wait.filter(|_| error.is_transient()) else { return Err(error) };
            tracing::debug!(%error, ?wait, attempt, "CAST AI is asked again");
            self.0.clock.sleep_until(now.saturating_add(wait)).await;
            attempt += 1;
        }
    }

    /// A number in `[0, 1)`.
    fn jitter(&self, now: Timestamp, attempt: u32) -> f64 {
        // The upper 53 bits are what a f64 can hold exactly.
        (self.0.seed.hash_one((now, attempt)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Once, within the time limit; only a whole answer that is a success is a reply.
    async fn attempt(&self, call: &Call, query: &[(&str, String)], body: Option<&Bytes>) -> Result<Reply, ApiError> {
        let timeout = self.0.config.timeout;
        let reply = match tokio::time::timeout(timeout.get(), self.exchange(call, query, body)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                return Err(ApiError::new(ErrorKind::Unreachable, call, &error.to_string(), self.key()));
            }
            Err(_) => {
                let said = format!("no answer within {timeout}");
                return Err(ApiError::new(ErrorKind::TimedOut, call, &said, self.key()));
            }
        };
        match (reply.status, reply.ending) {
            (200..300, Ending::Complete) => Ok(reply),
            (200..300, Ending::BrokenOff) => {
                let said = format!("the answer broke off after {} bytes", reply.body.len());
                Err(ApiError::new(ErrorKind::Unreachable, call, &said, self.key()))
            }
            (200..300, Ending::OverLimit) => {
                Err(self.malformed(call, &reply, &format!("the answer is longer than {MAX_ANSWER_BYTES} bytes")))
            }
            _ => Err(ApiError::of_reply(call, &reply, self.key())),
        }
    }

    async fn exchange(&self, call: &Call, query: &[(&str, String)], body: Option<&Bytes>) -> Result<Reply, SendError> {
        let base = call.at.endpoint().map_err(|error| SendError::Unreachable(format!("the address {error}")))?;
        let organization = self.organization_id().map(|id| ("X-CastAI-Organization-Id", id));
        let known = [("X-API-Key", self.key()), ("Accept", "application/json")];
        let headers: Vec<(&str, &str)> = known.into_iter().chain(organization).collect();
        let request = Request {
            method: call.method,
            to: &base.join(&call.path, query),
            headers: &headers,
            body: body.map(|body| ("application/json", body)),
            limit: MAX_ANSWER_BYTES,
        };
        self.0.http.exchange(request, self.0.clock.now()).await
    }

    fn malformed(&self, call: &Call, reply: &Reply, why: &str) -> ApiError {
        ApiError::malformed(call, reply, why, self.key())
    }

    fn read<T>(
        &self,
        call: &Call,
        reply: &Reply,
        read: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
    ) -> Result<T, ApiError> {
        read(&body_of(reply)).map_err(|error| self.malformed(call, reply, &error.to_string()))
    }
}

/// What was answered, where saying nothing means an object without fields.
fn body_of(reply: &Reply) -> Bytes {
    match reply.body.trim_ascii().is_empty() {
        true => Bytes::from_static(b"{}"),
        false => reply.body.clone(),
    }
}

#[cfg(test)]
mod tests;
