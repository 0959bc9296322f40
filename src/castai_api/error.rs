//! What can go wrong when CAST AI is asked, and what to do about it.
//!
//! Pure: turns a reply that is no success into an [`ApiError`]. Never holds a key. Which failures are tried again is said
//! here ([`ErrorKind::is_transient`]); when, in [`super::patience`].

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::address::ApiUrl;
use crate::http_client::{Method, Reply, one_line};

/// How much of CAST AI's own words an error repeats, in characters.
const MAX_EXCERPT: usize = 300;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// 401: the key is wrong or expired, or belongs to another region, which CAST AI does not tell apart.
    Unauthorized,
    /// 403 with a page for browsers: what stands in front of CAST AI turned us away.
    Firewall,
    /// 403: the key may not do this.
    Forbidden,
    /// 404: no such thing, or not in the organisation the key stands for.
    NotFound,
    /// 3xx: what answers is not CAST AI's API, such as a log-in page on the way.
    Redirected,
    /// Any other answer that is neither success nor to be tried again, such as 400.
    Refused,
    /// 429.
    RateLimited,
    /// 5xx or 408: CAST AI could not.
    Failed,
    /// No whole answer came.
    Unreachable,
    /// No answer came within `castai.timeout`.
    TimedOut,
    /// A success whose body is not what it should be.
    Malformed,
    /// A list does not come to its end.
    Endless,
}

impl ErrorKind {
    /// Whether the same call may succeed later, without anybody doing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Failed | Self::Unreachable | Self::TimedOut)
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Unauthorized => "does not accept the API key",
            Self::Firewall => "has a firewall that turned the call away",
            Self::Forbidden => "does not allow this key to make the call",
            Self::NotFound => "found nothing there",
            Self::Redirected => "sent the call elsewhere",
            Self::Refused => "refused the call",
            Self::RateLimited => "says that it was asked too often",
            Self::Failed => "failed",
            Self::Unreachable => "gave no whole answer",
            Self::TimedOut => "did not answer in time",
            Self::Malformed => "answered what is not understood",
            Self::Endless => "sends a list that does not end",
        }
    }
}

/// A call that failed. Prints on one line: what was asked where, what CAST AI said, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    kind: ErrorKind,
    call: Box<Call>,
    status: Option<u16>,
    said: String,
    retry_after: Option<Duration>,
}

/// Which call it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub method: Method,
    pub path: String,
    pub at: ApiUrl,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}

impl ApiError {
    /// Without an answer. `said` is ours, or what came of the answer.
    pub(super) fn new(kind: ErrorKind, call: &Call, said: &str, key: &str) -> Self {
        let said = excerpt(&said.replace(key, "***"));
        Self { kind, call: Box::new(call.clone()), status: None, said, retry_after: None }
    }

    /// Of an answer that is no success.
    pub(super) fn of_reply(call: &Call, reply: &Reply, key: &str) -> Self {
        let kind = match reply.status {
            401 => ErrorKind::Unauthorized,
            403 if is_html(reply) => ErrorKind::Firewall,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            300..=399 => ErrorKind::Redirected,
            429 => ErrorKind::RateLimited,
            408 | 500.. => ErrorKind::Failed,
            _ => ErrorKind::Refused,
        };
        let error = Self::new(kind, call, &words_of(reply), key);
        Self { status: Some(reply.status), retry_after: reply.retry_after, ..error }
    }

    /// Of an answer that is a success and yet not understood. JSON is not repeated: it may hold what a webhook is sent with.
    pub(super) fn malformed(call: &Call, reply: &Reply, why: &str, key: &str) -> Self {
        let is_json = matches!(reply.body.trim_ascii_start().first(), Some(b'{' | b'['));
        let said = if is_json { why.to_owned() } else { format!("{why}: {}", words_of(reply)) };
        let error = Self::new(ErrorKind::Malformed, call, &said, key);
        Self { status: Some(reply.status), ..error }
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The call, as `GET /v1/notifications`.
    pub fn call(&self) -> String {
        self.call.to_string()
    }

    /// The HTTP status, if an answer came.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// CAST AI's own words, or what came instead of them: one line, at most 300 characters, without the key.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// How long CAST AI asks us to wait before the next call.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same call may succeed later, without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }

    /// Whether it is what CAST AI answers about clusters it only watches: there is no such number, not a zero.
    pub fn is_read_only_cluster(&self) -> bool {
        self.status == Some(400) && self.said.to_ascii_lowercase().contains("read-only")
    }

    /// What to do about it.
    pub fn cure(&self) -> String {
        let at = &self.call.at;
        match self.kind {
            ErrorKind::Unauthorized => format!(
                "check that `castai.api_key` is complete and has not expired; a key of another region is answered \
                 the same: this was {at}, try `castai.api_url: {}`",
                at.other_region()
            ),
            ErrorKind::Firewall => "this is not about the key: look for a proxy on the way that takes away or changes \
                 the User-Agent, and whether this network's address is blocked by Cloudflare"
                .to_owned(),
            ErrorKind::Forbidden => {
                format!("give the key's account a role that may call {}: Viewer for reading", self.call)
            }
            ErrorKind::NotFound => {
                "check the id; an enterprise key needs `castai.organization_id`, the id of the child \
                 organisation that owns it"
                    .to_owned()
            }
            ErrorKind::Redirected => {
                "this is not CAST AI's API: check `castai.api_url` and proxies on the way".to_owned()
            }
            ErrorKind::Refused if self.is_read_only_cluster() => {
                "CAST AI has this only for clusters that it manages, not for those it only watches".to_owned()
            }
            ErrorKind::Refused => "the call is not as CAST AI wants it; what it said tells which part".to_owned(),
            ErrorKind::RateLimited => "wait; ask less often, or give each client a key of its own".to_owned(),
            ErrorKind::Failed => "wait; if it lasts, see https://status.cast.ai/".to_owned(),
            ErrorKind::Unreachable => {
                format!(
                    "check that this machine reaches {at}: DNS, egress rules, the proxy (`connection`, HTTPS_PROXY), and `castai.api_url`"
                )
            }
            ErrorKind::TimedOut => "wait; if it lasts, set a longer `castai.timeout`".to_owned(),
            ErrorKind::Malformed => {
                format!("check that `castai.api_url` is the API and not the console: it is {at}")
            }
            ErrorKind::Endless => "ask for a shorter time, or for larger pages".to_owned(),
        }
    }
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: CAST AI {}", self.call, self.call.at, self.kind.in_words())?;
        if let Some(status) = self.status {
            write!(f, " ({status})")?;
        }
        if !self.said.is_empty() {
            write!(f, ": {}", self.said)?;
        }
        write!(f, "; {}", self.cure())
    }
}

/// How CAST AI words an error: `{"message": "…", "fieldViolations": [{"field": "…", "description": "…"}]}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Complaint {
    message: String,
    field_violations: Vec<Violation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Violation {
    field: String,
    description: String,
}

/// What a reply says, on one line: the complaint, a page's title, or the start of the body.
fn words_of(reply: &Reply) -> String {
    let complaint: Complaint = serde_json::from_slice(&reply.body).unwrap_or_default();
    if complaint.message.is_empty() && complaint.field_violations.is_empty() {
        let body = one_line(&reply.body);
        return title_of(&body).filter(|_| is_html(reply)).map_or(body.clone(), str::to_owned);
    }
    let violations = complaint.field_violations.iter();
    let violations = violations.map(|violation| format!("{}: {}", violation.field, violation.description));
    let parts: Vec<String> =
        std::iter::once(complaint.message).filter(|part| !part.is_empty()).chain(violations).collect();
    one_line(parts.join("; ").as_bytes())
}

fn is_html(reply: &Reply) -> bool {
    let by_header = reply.content_type.as_deref().is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    by_header || reply.body.trim_ascii_start().starts_with(b"<")
}

/// The title of a page: `Attention Required! | Cloudflare`.
fn title_of(page: &str) -> Option<&str> {
    let (_, after) = page.split_once("<title>")?;
    after.split_once("</title>").map(|(title, _)| title.trim())
}

fn excerpt(text: &str) -> String {
    let text = one_line(text.trim().as_bytes());
    match text.char_indices().nth(MAX_EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[path = "tests/error.rs"]
mod tests;
