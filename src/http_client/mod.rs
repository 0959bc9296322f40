//! The one HTTP client: time limits, no redirects, nothing secret in errors, answers read only so far.
//!
//! The only room that names reqwest. Knows nothing of events or targets; tries once and says whether anything can have
//! arrived. [`Endpoint`] is where to, [`Connection`] by which way and who may be reached at all, [`retry_after`] how long to wait. What an
//! answer means is for the [`notifiers`](crate::notify) and for [`crate::castai_api`] to say.

mod connection;
mod endpoint;
mod guard;
mod host;
mod lookup;
mod network;
mod patience;
pub mod pem;
mod proxy;
mod streamed;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};

pub use connection::{Connection, Written};
pub use endpoint::{Endpoint, EndpointError, is_loopback};
pub use patience::{retry_after, wait_of_seconds};
pub use streamed::Streamed;

use crate::event::Timestamp;
use guard::{Guard, Refused};
use lookup::Lookup;
use proxy::{Proxied, Way};

/// How long a connection may take to stand, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shorter than the keep-alive of common front ends (nginx 75 s, AWS ALB 60 s): a request sent into a connection the
/// peer has just closed looks as if it might have arrived.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// How much is read of an answer that is for people: more than any error text, less than a page that would hurt.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Chooses the cryptography of every TLS connection of this process. May be called any number of times.
pub fn install_crypto() {
    // An error means that a provider is installed already: the one of an earlier call.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or starts something.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Takes away, or ends.
    Delete,
}

impl Method {
    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn of_http(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

/// One request. Not printable: its headers may be secret.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What it asks for.
    pub method: Method,
    /// Where it goes.
    pub to: &'a Endpoint,
    /// Beside the ones every request carries. Values may be secret.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body with its content type.
    pub body: Option<(&'a str, &'a Bytes)>,
    /// How many bytes of the answer's body are read.
    pub limit: usize,
}

/// What came back to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// How long we are asked to wait, see [`retry_after`].
    pub retry_after: Option<Duration>,
    /// What the body is, as the header says.
    pub content_type: Option<String>,
    /// What time it is there, to the second: tells how far our clock is off.
    pub date: Option<Timestamp>,
    /// All headers.
    pub headers: Headers,
    /// The body, as far as it came and the limit allowed.
    pub body: Bytes,
    /// Whether that is all of it.
    pub ending: Ending,
}

/// The headers of an answer. Their values may be secret (`Set-Cookie`), so `Debug` shows their names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(HeaderMap);

impl Headers {
    /// The first header of this name, as text; `None` when it is missing or not visible ASCII.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was read to its end.
    Complete,
    /// It is longer than the limit; what lies beyond was not read.
    OverLimit,
    /// The connection broke before its end.
    BrokenOff,
}

/// What came back to a [`HttpClient::post`] or [`HttpClient::ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the target asks us to wait, see [`retry_after`].
    pub retry_after: Option<Duration>,
    /// The start of the body, as far as it was to be read, as one line of text, without control characters and without parts of the URL.
    /// Empty or cut short where it broke off: the status alone has decided by then.
    pub body: String,
}

/// No answer came. The texts are for people and hold the host, never the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No connection: DNS, refused, TLS, or not allowed. Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// It broke after sending began: the request may have arrived.
    #[error("{0}")]
    Ambiguous(String),
}

impl SendError {
    fn new(error: reqwest::Error, to: &Endpoint, proxy: Option<&Proxied>) -> Self {
        if let Some(refused) = causes(&error).find_map(|cause| cause.downcast_ref::<Refused>()) {
            return Self::not_allowed(refused.to_string());
        }
        let nothing_sent = error.is_connect() || error.is_builder();
        let by = proxy.map(|proxy| format!(", by the proxy {}", proxy.url)).unwrap_or_default();
        let detail = to.redact(&format!("{}{by}: {}", to.host(), in_words(&error.without_url())));
        match nothing_sent {
            true => Self::Unreachable(detail),
            false => Self::Ambiguous(detail),
        }
    }

    /// Names may lead elsewhere the next time, so that this is no more final than a host that does not answer.
    fn not_allowed(why: String) -> Self {
        Self::Unreachable(format!("not connected: {why}"))
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// An error with its causes, which say more than itself: `client error (Connect): tcp connect error: …`.
fn in_words(error: &reqwest::Error) -> String {
    causes(error).fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built: {0}; it needs the system's CA certificates (package `ca-certificates`)")]
pub struct ClientError(reqwest::Error);

/// For what has a thread of its own beside the runtime, with the habits of [`HttpClient`]. Must neither be made nor dropped on a
/// thread of the runtime.
///
/// # Errors
/// When the machine has no CA certificates.
#[cfg(feature = "otel")]
pub fn blocking(timeout: Duration) -> Result<reqwest::blocking::Client, ClientError> {
    install_crypto();
    let client = reqwest::blocking::Client::builder()
        .user_agent(concat!("castai-relay/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout);
    client.build().map_err(ClientError)
}

/// The client. Clones share its connections.
#[derive(Clone)]
pub struct HttpClient {
    direct: reqwest::Client,
    proxied: Option<reqwest::Client>,
    connection: Arc<Connection>,
}

impl fmt::Debug for HttpClient {
    // Those of the library may show a proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpClient({})", self.connection)
    }
}

impl HttpClient {
    /// A client that connects as the environment has it.
    ///
    /// # Errors
    /// When the machine has no CA certificates.
    pub fn new() -> Result<Self, ClientError> {
        Self::with(Connection::of_environment())
    }

    /// A client that connects like this; chooses the process's cryptography if nobody has.
    ///
    /// # Errors
    /// When the machine has no CA certificates.
    pub fn with(connection: Connection) -> Result<Self, ClientError> {
        install_crypto();
        let proxied = match &connection.way {
            Way::Through(proxied) => Some(through(&connection, proxied).map_err(ClientError)?),
            Way::Direct | Way::Blocked(_) => None,
        };
        let lookup = Lookup::under(connection.guard.clone());
        let direct = begin(&connection).and_then(|client| client.no_proxy().dns_resolver(lookup).build());
        Ok(Self { direct: direct.map_err(ClientError)?, proxied, connection: Arc::new(connection) })
    }

    /// How it connects.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Why nothing can be sent there, as far as that is known without looking the host up; in words.
    pub fn refusal(&self, to: &Endpoint) -> Option<String> {
        self.connection.proxy_to(to).err()
    }

    /// Sends it, once, and reads the answer up to the request's limit. The caller bounds the time by dropping the
    /// future; the connection is closed then. `now` is what a `Retry-After` date is measured from.
    ///
    /// # Errors
    /// When no answer came; the error says whether the request may have arrived.
    pub async fn exchange(&self, request: Request<'_>, now: Timestamp) -> Result<Reply, SendError> {
        let response = self.send(&request).await?;
        let (status, headers) = (response.status().as_u16(), Headers(response.headers().clone()));
        let (body, ending) = read_up_to(request.limit, response).await;
        Ok(Reply {
            status,
            retry_after: headers.get(RETRY_AFTER.as_str()).and_then(|wait| retry_after(wait, now)),
            content_type: headers.get(CONTENT_TYPE.as_str()).map(str::to_owned),
            date: headers.get(DATE.as_str()).and_then(patience::http_date),
            headers,
            body,
            ending,
        })
    }

    async fn send(&self, request: &Request<'_>) -> Result<Response, SendError> {
        let Request { method, to, headers, body, limit: _ } = request;
        let proxy = self.connection.proxy_to(to).map_err(SendError::not_allowed)?;
        let client = self.proxied.as_ref().filter(|_| proxy.is_some()).unwrap_or(&self.direct);
        let mut building = client.request(method.of_http(), to.0.clone());
        if let Some((content_type, body)) = *body {
            building = building.header(CONTENT_TYPE, content_type).body(body.clone());
        }
        let building = headers.iter().fold(building, |building, (name, value)| building.header(*name, *value));
        building.send().await.map_err(|error| SendError::new(error, to, proxy))
    }

    /// Sends it, once, and reads the start of the answer for people and classifiers, without the parts of `keyed`, the address
    /// that holds a key; all else as [`exchange`](Self::exchange).
    ///
    /// # Errors
    /// When no answer came; the error says whether the request may have arrived.
    pub async fn ask(&self, request: Request<'_>, keyed: &Endpoint, now: Timestamp) -> Result<Answer, SendError> {
        let Reply { status, retry_after, body, .. } = self.exchange(request, now).await?;
        Ok(Answer { status, retry_after, body: keyed.redact(&one_line(&body)) })
    }

    /// POSTs `body`, once, as [`ask`](Self::ask) does.
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
        let body = Some((content_type, &body));
        self.ask(Request { method: Method::Post, to, headers, body, limit: MAX_ANSWER_BYTES }, to, now).await
    }
}

/// What every client has in common.
fn begin(connection: &Connection) -> reqwest::Result<reqwest::ClientBuilder> {
    let client = connection.begin()?;
    Ok(client
        .user_agent(concat!("castai-relay/", env!("CARGO_PKG_VERSION")))
        // A redirect would carry the message and its key to an address nobody configured.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        // Retries are rows in the store; one more here would be one nobody counted.
        .retry(reqwest::retry::never()))
}

/// A client all of whose requests go by this proxy. It looks up the proxy and nobody else, so that no list concerns it.
fn through(connection: &Connection, proxied: &Proxied) -> reqwest::Result<reqwest::Client> {
    let proxy = reqwest::Proxy::all(proxied.url.expose())?;
    begin(connection)?.proxy(proxy).dns_resolver(Lookup::under(Guard::default())).build()
}

/// The body up to `limit` bytes. One that breaks off yields what came before.
async fn read_up_to(limit: usize, mut response: Response) -> (Bytes, Ending) {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if chunk.len() <= limit - body.len() => body.extend_from_slice(&chunk),
            Ok(Some(chunk)) => {
                body.extend_from_slice(&chunk[..limit - body.len()]);
                return (body.freeze(), Ending::OverLimit);
            }
            Ok(None) => return (body.freeze(), Ending::Complete),
            Err(_) => return (body.freeze(), Ending::BrokenOff),
        }
    }
}

/// A body as one line of text without control characters.
pub fn one_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).replace(['\r', '\n', '\t'], " ");
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests;
