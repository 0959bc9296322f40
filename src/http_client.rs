//! The one HTTP client: time limits, no redirects, nothing secret in errors, answers read only so far.
//!
//! The only room that names reqwest. Knows nothing of events or targets; tries once and says whether anything can have
//! arrived. What an answer means is for the [`notifiers`](crate::notify) to say.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, Url};
use serde::{Deserialize, Deserializer, de};

use crate::event::Timestamp;

/// How long a connection may take to stand, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shorter than the keep-alive of common front ends (nginx 75 s, AWS ALB 60 s): a request sent into a connection the
/// peer has just closed looks as if it might have arrived.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an answer is read: more than any error text, less than a page that would hurt.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// A target that asks for more patience than this is asked again after this.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Chooses the cryptography of every TLS connection of this process. May be called any number of times.
pub fn install_crypto() {
    // An error means that a provider is installed already: the one of an earlier call.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Where to send to: https, or http where the host is a loopback address.
///
/// The path may be a secret (chat webhooks), so `Debug` and `Display` show scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// A URL nothing may be sent to. Never holds the URL itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It does not parse.
    #[error("is not a URL: {0}")]
    NotAUrl(String),
    /// It would go over the network in the clear.
    #[error("must start with `https://`; `http://` is allowed only where the host is a loopback address")]
    Insecure,
}

impl Endpoint {
    /// The only way in.
    ///
    /// # Errors
    /// When it is not a URL, or neither https nor loopback.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|error| EndpointError::NotAUrl(error.to_string()))?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if url.host_str().is_some_and(is_loopback) => Ok(Self(url)),
            _ => Err(EndpointError::Insecure),
        }
    }

    /// The host, which is never secret.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The path, which may be secret: for checks, not for messages.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// `text` with every part of this URL blotted out that is long enough to be a key.
    fn redact(&self, text: &str) -> String {
        /// `services`, the longest word that Slack's webhook URLs share, has 8 letters.
        const LONGEST_WORD: usize = 8;
        let after_host = [Some(self.0.path()), self.0.query()].into_iter().flatten();
        let parts = after_host.flat_map(|part| part.split(['/', '&', '=']));
        let keys = parts.filter(|part| part.len() > LONGEST_WORD);
        keys.fold(text.to_owned(), |text, key| text.replace(key, "***"))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.host())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/…")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| de::Error::custom(format!("this address {error}")))
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the target asks us to wait, see [`retry_after`].
    pub retry_after: Option<Duration>,
    /// The first 16 KiB of the body as one line of text, without control characters and without parts of the URL.
    /// Empty or cut short where it broke off: the status alone has decided by then.
    pub body: String,
}

/// No answer came. The texts are for people and hold the host, never the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No connection: DNS, refused, TLS. Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// It broke after sending began: the request may have arrived.
    #[error("{0}")]
    Ambiguous(String),
}

impl SendError {
    fn new(error: reqwest::Error, to: &Endpoint) -> Self {
        let nothing_sent = error.is_connect() || error.is_builder();
        let detail = to.redact(&format!("{}: {}", to.host(), in_words(&error.without_url())));
        match nothing_sent {
            true => Self::Unreachable(detail),
            false => Self::Ambiguous(detail),
        }
    }
}

/// An error with its causes, which say more than itself: `client error (Connect): tcp connect error: …`.
fn in_words(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built: {0}; it needs the system's CA certificates (package `ca-certificates`)")]
pub struct ClientError(reqwest::Error);

/// The client. Clones share its connections. Honours `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// Makes the client, and chooses the process's cryptography if nobody has.
    ///
    /// # Errors
    /// When the machine has no CA certificates.
    pub fn new() -> Result<Self, ClientError> {
        install_crypto();
        let client = reqwest::Client::builder()
            .user_agent(concat!("castai-relay/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry the message and its key to an address nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // Retries are rows in the store; one more here would be one nobody counted.
            .retry(reqwest::retry::never());
        client.build().map(Self).map_err(ClientError)
    }

    /// Sends it, once, and reads the start of the answer. The caller bounds the time by dropping the future;
    /// the connection is closed then. `now` is what a `Retry-After` date is measured from.
    ///
    /// # Errors
    /// When no answer came; the error says whether the request may have arrived.
    pub async fn post(
        &self,
        to: &Endpoint,
        content_type: &str,
        body: Bytes,
        headers: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Answer, SendError> {
        let request = self.0.post(to.0.clone()).header(CONTENT_TYPE, content_type).body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.map_err(|error| SendError::new(error, to))?;
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after: wait.and_then(|wait| retry_after(wait, now)),
            body: to.redact(&read_start(response).await),
        })
    }
}

/// The start of the body, for people and classifiers. A body that breaks off yields what came before.
async fn read_start(mut response: Response) -> String {
    let mut start = Vec::new();
    while start.len() < MAX_ANSWER_BYTES {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        let room = MAX_ANSWER_BYTES - start.len();
        start.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    let text = String::from_utf8_lossy(&start);
    let one_line = text.replace(['\r', '\n', '\t'], " ");
    one_line.chars().filter(|c| !c.is_control()).collect()
}

/// Reads a `Retry-After` header (RFC 9110, 10.2.3): seconds, with or without decimals, or a date in any of HTTP's
/// three forms. A date in the past is zero, nonsense is nothing, and nobody gets more than an hour.
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if header.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return wait_of_seconds(header.parse().ok()?);
    }
    let date = httpdate::parse_http_date(header).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let date = Timestamp::from_millis(i64::try_from(date.as_millis()).ok()?);
    Some(date.saturating_since(now).min(LONGEST_WAIT))
}

/// A wait that was given as a number of seconds: rounded up to the millisecond, an hour at most; `None` if negative.
pub fn wait_of_seconds(seconds: f64) -> Option<Duration> {
    let capped = seconds.min(LONGEST_WAIT.as_secs_f64());
    let wait = Duration::try_from_secs_f64(capped).ok()?;
    Some(Duration::from_millis(u64::try_from(wait.as_micros().div_ceil(1000)).ok()?))
}

#[cfg(test)]
mod tests;
