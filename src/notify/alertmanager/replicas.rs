//! One replica, what its answer means, and what several answers mean together.
//!
//! Each alert is owed to every replica. Where one took it and another did not, it is sent to all again, which costs nothing: the
//! labels are the alert. That says nothing against those that are well, so the target stays open meanwhile.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::event::Timestamp;
use crate::http_client::{Endpoint, HttpClient};
use crate::notify::answer::{asked_wait, by_status, is_page, recorded};
use crate::notify::message::{cut, one_line};
use crate::notify::{Next, NotifyError, Scope, Sent};

/// Where alerts are taken, below the address of a replica.
const ALERTS: &str = "/api/v2/alerts";

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replica {
    base: Endpoint,
}

impl Replica {
    /// Its address, or what is wrong with it.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let base = Endpoint::parse(url.trim()).map_err(|error| error.to_string())?;
        let mistake = match base.path() {
            _ if url.contains('#') => "is a page for people: leave out `#` and what follows",
            _ if base.query().is_some() => "has a query: leave out `?` and what follows",
            path if path.contains("/api/v") => "goes too far: leave out `/api` and what follows",
            _ => return Ok(Self { base }),
        };
        Err(mistake.to_owned())
    }

    /// Its address, for people.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.base
    }

    /// Posts the alerts, once.
    pub(super) async fn tell(&self, http: &HttpClient, body: Bytes, now: Timestamp) -> Result<Sent, NotifyError> {
        let to = self.base.join(ALERTS, &[]);
        let answer = http.post(&to, "application/json", body, &[], now).await?;
        recorded(&answer, classify(answer.status, &answer.body, answer.retry_after).map(|()| None))
    }
}

/// The decision, from the answer of one replica. A refusal comes after the good alerts of the batch were taken, so that a second
/// attempt could do no more.
///
/// # Errors
/// For everything but 2xx, and for a 2xx with a page: that is somebody else's.
pub fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<(), NotifyError> {
    let after = asked_wait(retry_after, body);
    match status {
        200..300 if is_page(body) => {
            let detail =
                format!("answered {status} with a page, which Alertmanager never does: look for a proxy in between");
            Err(NotifyError::ambiguous(after, detail))
        }
        _ => by_status(status, after, &said(body)),
    }
}

/// A text in JSON, or the message of an error of the server that was made from the API's description.
fn said(body: &str) -> String {
    const LONGEST: usize = 300;
    let text = match serde_json::from_str::<Value>(body) {
        Ok(Value::String(text)) => Some(text),
        Ok(error) => error.get("message").and_then(Value::as_str).map(str::to_owned),
        Err(_) => Some(body.to_owned()).filter(|text| !is_page(text)),
    };
    cut(&one_line(&text.unwrap_or_default()), LONGEST)
}

/// What became of it at all of them, at least one.
///
/// # Errors
/// Where one did not take it; the words say which. What one refuses for what it is, all would. Else it is tried again, unless
/// every one of them refuses everything.
pub(super) fn together(told: Vec<(&Replica, Result<Sent, NotifyError>)>) -> Result<Sent, NotifyError> {
    let all = told.len();
    let (mut taken, mut failed) = (Vec::new(), Vec::new());
    for (number, (replica, result)) in (1..).zip(told) {
        match result {
            Ok(sent) => taken.push(sent),
            Err(error) if all == 1 => return Err(error),
            Err(error) => failed.push(of_replica(&error, number, all, replica)),
        }
    }
    let detail = failed.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; ");
    // Where one has it, its end is owed, whatever becomes of the others.
    let ambiguous = !taken.is_empty() || failed.iter().any(|error| error.ambiguous);
    let whole = |error: NotifyError| Err(NotifyError { detail, ambiguous, ..error });
    let is_refusal = |error: &NotifyError| error.next == Next::GiveUp && error.scope == Scope::Message;
    if let Some(refused) = failed.iter().find(|error| is_refusal(error)) {
        return whole(refused.clone());
    }
    let waits = failed.iter().filter_map(|error| match error.next {
        Next::Retry { after } => Some(after),
        Next::GiveUp => None,
    });
    let wait = waits.max();
    let worth_it = |error: &&NotifyError| error.next != Next::GiveUp;
    let sent = taken.pop();
    let Some(error) = failed.iter().find(worth_it).or(failed.first()).cloned() else {
        return Ok(sent.unwrap_or_default());
    };
    let (next, scope) = match (sent, wait) {
        (Some(_), wait) => (Next::Retry { after: wait.flatten() }, Scope::Part),
        (None, Some(after)) => (Next::Retry { after }, Scope::Target),
        (None, None) => (Next::GiveUp, Scope::Target),
    };
    whole(NotifyError { next, scope, ..error })
}

/// The same, with its name.
fn of_replica(error: &NotifyError, number: usize, all: usize, replica: &Replica) -> NotifyError {
    let detail = format!("replica {number} of {all} ({}): {}", replica.base.host(), error.detail);
    NotifyError { detail, ..error.clone() }
}

#[cfg(test)]
#[path = "tests/replicas.rs"]
mod tests;
