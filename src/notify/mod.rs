//! Carries one batch to one target: the notifiers.
//!
//! A notifier speaks one protocol, tries once, and says what became of it. It knows nothing of retries, stores or other
//! notifiers. To add one: a file, a row in [`NOTIFIERS`]; the contract suite (`tests/it/notifier_contract.rs`)
//! runs over the table. [`message`] is what there is to say; each notifier puts it into its target's form; [`answer`]
//! is what HTTP's statuses mean where a target has no words of its own.

pub mod message;
pub mod answer;
pub mod log;
pub mod slack;
pub mod pagerduty;
pub mod removed;
#[cfg(test)]
mod samples;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::config::Section;
use crate::event::batch::{Batch, Receipt};
use crate::event::delivery::Reason;
use crate::http_client::{Endpoint, HttpClient};
use crate::template::Wording;

/// One kind of target.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// What [`notify`](Notifier::notify) would send, for people to look at: complete, readable, without secrets.
    fn preview(&self, batch: &Batch, wording: &Wording) -> String;

    /// Where it sends, so that it can be tried whether anything is there; `None` when it sends nowhere.
    fn endpoint(&self) -> Option<&Endpoint>;

    /// Sends it as one message, once. May be called again for the same batch, and for one that has grown meanwhile: its
    /// first delivery stays the first, and is what makes both the same message where the target can tell.
    /// The caller bounds the time by dropping the future, so an implementation may be cancelled at any await.
    ///
    /// Yields what the target gave for the message, if it is of use later: it comes back as [`Batch::earlier`].
    ///
    /// # Errors
    /// The error is the decision: try again, or give up.
    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Option<Receipt>, NotifyError>;

    /// Whether the target opens and ends incidents by their keys itself, so that a batch for it must never mix them.
    fn keeps_incidents(&self) -> bool {
        false
    }

    /// Whether many events can be told in one message. Where not, a batch without an incident must hold one delivery;
    /// one that holds more is given up.
    fn tells_many(&self) -> bool {
        true
    }
}

/// Whether an error concerns this message or everything sent to this target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Another message may well get through.
    Message,
    /// Every message to this target would fare the same.
    Target,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Worth another attempt.
    Retry {
        /// Not before this much time has passed, as the target asked.
        after: Option<Duration>,
    },
    /// Another attempt cannot help.
    GiveUp,
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retry { .. } => "worth another attempt",
            Self::GiveUp => "given up",
        })
    }
}

/// The notifier decides, the delivery loop obeys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}, {next}: {detail}")]
pub struct NotifyError {
    /// What to do now.
    pub next: Next,
    /// Whom it concerns.
    pub scope: Scope,
    /// True when the message may be there all the same, so that another attempt may make it a second one.
    pub ambiguous: bool,
    /// Why it failed.
    pub reason: Reason,
    /// The same in words, for people; never holds a secret.
    pub detail: String,
}

/// What every notifier may use.
#[derive(Debug, Clone)]
pub struct Kit {
    /// The one HTTP client.
    pub http: HttpClient,
}

/// Builds a notifier from its part of the configuration; `None` when mistakes were noted there.
pub type Build = fn(&Section, &Kit) -> Option<Arc<dyn Notifier>>;

/// The kinds of target: name in the configuration → constructor.
pub const NOTIFIERS: &[(&str, Build)] =
    &[("log", log::build), ("pagerduty", pagerduty::build), ("slack", slack::build)];

#[cfg(test)]
mod tests;
