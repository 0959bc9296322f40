//! What an answer over HTTP means where a target has no words of its own for it: one pure table.
//!
//! After RFC 9110, and what chat and paging APIs do in practice. A notifier looks at its own words first and comes here
//! for the rest.

use std::time::Duration;

use serde_json::Value;

use super::{Next, NotifyError, Scope, Sent};
use crate::event::batch::Receipt;
use crate::event::delivery::Reason;
use crate::event::ledger::Answered;
use crate::http_client::{Answer, SendError, wait_of_seconds};

impl NotifyError {
    /// Another message may get through, this one never will.
    pub fn message_refused(detail: impl Into<String>) -> Self {
        Self::certain(Next::GiveUp, Scope::Message, Reason::MessageRefused, detail)
    }

    /// This message cannot be made as the target is configured, so nothing was sent. The detail says what to correct.
    pub fn misconfigured(detail: impl Into<String>) -> Self {
        Self::certain(Next::GiveUp, Scope::Message, Reason::Misconfigured, detail)
    }

    /// Nothing gets through until somebody changes the configuration or the target.
    pub fn target_refused(detail: impl Into<String>) -> Self {
        Self::certain(Next::GiveUp, Scope::Target, Reason::TargetRefused, detail)
    }

    /// The target asked everybody to slow down.
    pub fn rate_limited(after: Option<Duration>, detail: impl Into<String>) -> Self {
        Self::certain(Next::Retry { after }, Scope::Target, Reason::RateLimited, detail)
    }

    /// The target failed on its side, and took nothing.
    pub fn target_failed(scope: Scope, after: Option<Duration>, detail: impl Into<String>) -> Self {
        Self::certain(Next::Retry { after }, scope, Reason::TargetFailed, detail)
    }

    /// No connection stood, so nothing was sent.
    pub fn unreachable(detail: impl Into<String>) -> Self {
        Self::certain(Next::Retry { after: None }, Scope::Target, Reason::Unreachable, detail)
    }

    /// No answer came, or none of the target's own: nobody knows whether it arrived.
    pub fn ambiguous(after: Option<Duration>, detail: impl Into<String>) -> Self {
        Self::certain(Next::Retry { after }, Scope::Message, Reason::Ambiguous, detail).perhaps_done()
    }

    /// The same, when the target may have taken the message before it failed.
    pub fn perhaps_done(self) -> Self {
        Self { ambiguous: true, ..self }
    }

    /// The same, when it concerns this message alone.
    pub fn of_this_message(self) -> Self {
        Self { scope: Scope::Message, ..self }
    }

    fn certain(next: Next, scope: Scope, reason: Reason, detail: impl Into<String>) -> Self {
        Self { next, scope, ambiguous: false, reason, detail: detail.into(), answer: None }
    }
}

impl From<SendError> for NotifyError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unreachable(detail) => Self::unreachable(detail),
            SendError::Ambiguous(detail) => Self::ambiguous(None, detail),
        }
    }
}

/// What `verdict` says of an answer over HTTP, together with the answer itself.
///
/// # Errors
/// Where the verdict is one.
pub fn recorded(answer: &Answer, verdict: Result<Option<Receipt>, NotifyError>) -> Result<Sent, NotifyError> {
    let seen = Answered::new(answer.status, &answer.body);
    match verdict {
        Ok(receipt) => Ok(Sent { receipt, answer: Some(seen) }),
        Err(error) => Err(error.after(seen)),
    }
}

/// The verdict by status alone. `said` is what the body said, in a few words; empty when it said nothing readable.
///
/// # Errors
/// For everything but 2xx; the error is the decision.
pub fn by_status(status: u16, after: Option<Duration>, said: &str) -> Result<(), NotifyError> {
    let answered = |cure: &str| {
        let said = if said.is_empty() { String::new() } else { format!(" `{said}`") };
        format!("answered {status}{said}{cure}")
    };
    Err(match status {
        200..300 => return Ok(()),
        300..400 => {
            NotifyError::target_refused(answered(", a redirect, which is not followed: configure the final URL"))
        }
        401..=405 | 407 | 410 => NotifyError::target_refused(answered(": check the target's key and URL")),
        408 | 425 => NotifyError::target_failed(Scope::Message, after, answered("")),
        429 => NotifyError::rate_limited(after, answered(", it wants fewer messages")),
        400..500 => NotifyError::message_refused(answered("")),
        // Who cannot, is not there or lets nobody pass has done nothing. 501 and 505 are worth another attempt too: front
        // ends answer these while a service is being replaced.
        501 | 503 | 505 | 511 => NotifyError::target_failed(Scope::Target, after, answered("")),
        // Everybody else may have failed after doing it, or speaks for somebody who did it.
        500.. => NotifyError::target_failed(Scope::Target, after, answered("")).perhaps_done(),
        // Not a final answer, so it tells nothing.
        ..200 => NotifyError::ambiguous(after, answered(", which is no final answer")),
    })
}

/// How long the target asks us to wait: the longer of its header and its JSON body's `retry_after` (seconds).
pub fn asked_wait(header: Option<Duration>, body: &str) -> Option<Duration> {
    let body = serde_json::from_str::<Value>(body).ok();
    let seconds = body.and_then(|body| body.get("retry_after")?.as_f64());
    header.max(seconds.and_then(wait_of_seconds))
}

/// HTML or XML, with or without a byte order mark: no target's own answer.
pub fn is_page(body: &str) -> bool {
    body.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}
