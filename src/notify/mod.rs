//! Carries one batch to one target: the notifiers.
//!
//! A notifier speaks one protocol, tries once, and says what became of it. It knows nothing of retries, stores or other
//! notifiers. To add one: a file, a row in [`NOTIFIERS`]; the contract suite (`tests/it/notifier_contract.rs`)
//! runs over the table. [`message`] is what there is to say; each notifier puts it into its target's form; [`answer`]
//! is what HTTP's statuses mean where a target has no words of its own, [`identity`] by what a target knows a message
//! again.

pub mod message;
pub mod alertmanager;
pub mod answer;
mod identity;
pub mod discord;
pub mod file;
pub mod google_chat;
pub mod teams;
pub mod telegram;
pub mod log;
pub mod email;
pub mod slack;
pub mod opsgenie;
pub mod pagerduty;
pub mod webhook;
pub mod removed;
#[cfg(test)]
mod samples;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::config::{Rate, Section, Span};
use crate::event::batch::{Batch, Receipt};
use crate::event::delivery::Reason;
use crate::event::ledger::Answered;
use crate::http_client::{CONNECT_TIMEOUT, Endpoint, HttpClient};
use crate::template::Wording;

/// One kind of target.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// What [`notify`](Notifier::notify) would send, for people to look at: complete, readable, without secrets.
    fn preview(&self, batch: &Batch, wording: &Wording) -> String;

    /// Where it sends, so that it can be tried whether anything is there; `None` when it sends nowhere.
    fn endpoint(&self) -> Option<&Endpoint>;

    /// The same where it sends to several, each of which must take all: [`endpoint`](Self::endpoint) is the first of them.
    fn endpoints(&self) -> Vec<&Endpoint> {
        self.endpoint().into_iter().collect()
    }

    /// Sends it as one message, once. May be called again for the same batch, and for one that has grown meanwhile: its
    /// first delivery stays the first, and is what makes both the same message where the target can tell.
    /// The caller bounds the time by dropping the future, so an implementation may be cancelled at any await.
    ///
    /// What the target gave for the message, if it is of use later, comes back as [`Batch::earlier`].
    ///
    /// # Errors
    /// The error is the decision: try again, or give up.
    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError>;

    /// Whether the target opens and ends incidents by their keys itself, so that a batch for it must never mix them.
    fn keeps_incidents(&self) -> bool {
        false
    }

    /// Whether many events can be told in one message. Where not, a batch without an incident must hold one delivery;
    /// one that holds more is given up.
    fn tells_many(&self) -> bool {
        true
    }

    /// Whether the message about a storm can be changed, so that what follows in the storm is written into it
    /// ([`Batch::before`]) instead of being told anew. Then [`notify`](Notifier::notify) must give a receipt for it, and must tell
    /// all of it in a new message where the old one is gone.
    fn rewrites_storms(&self) -> bool {
        false
    }

    /// How long it may take until anything is handed over, where it sends over the network: whoever gives up by then has sent
    /// nothing.
    fn connects_within(&self) -> Option<Duration> {
        self.endpoint().map(|_| CONNECT_TIMEOUT)
    }

    /// How long an attempt may take where the operator does not say; as long as for every target when there is none.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// What it must have to itself, where there is such a thing: the same words for the same thing. Two targets that say the
    /// same would spoil it for each other.
    fn own(&self) -> Option<String> {
        None
    }

    /// Whether a message could be told now, as far as that shows on this machine without telling one; `None` where it does
    /// not. For people who ask, who may wait a moment for the disk.
    fn ready(&self) -> Option<Result<String, Obstacle>> {
        None
    }

    /// Goes to the door and sends nothing, where that proves more than its [`endpoint`](Self::endpoint) does: where it was, and
    /// why it did not open. The caller bounds the time by dropping the future.
    async fn knock(&self) -> Option<(String, Result<(), String>)> {
        None
    }

    /// Whether there is anybody to send to. Where there is not, nothing waits for the target to be well.
    fn is_there(&self) -> bool {
        true
    }
}

/// What is in the way, and the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way.
    pub said: String,
    /// What to do about it.
    pub cure: String,
}

/// A message that the target took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// What the target gave for it.
    pub receipt: Option<Receipt>,
    /// What the target answered, for the ledger; none where there is nobody to answer.
    pub answer: Option<Answered>,
}

/// Whether an error concerns this message or everything sent to this target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Another message may well get through.
    Message,
    /// Every message to this target would fare the same.
    Target,
    /// A part of the target did not take it, and the rest did: worth another attempt, which the rest takes as the same message,
    /// and nothing against the target.
    Part,
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
    /// What the target answered, if it did.
    pub answer: Option<Answered>,
}

impl NotifyError {
    /// The same, with what the target answered.
    pub fn after(self, answer: Answered) -> Self {
        Self { answer: Some(answer), ..self }
    }
}

/// What every notifier may use.
#[derive(Debug, Clone)]
pub struct Kit {
    /// The one HTTP client.
    pub http: HttpClient,
}

/// What was made of a key of the section; a mistake is noted there with its cure, never with the value, which may be secret.
fn noted<T>(section: &Section, key: &str, read: Result<T, impl fmt::Display>, cure: &str) -> Option<T> {
    let note = |mistake| section.problem_at(key, format!("`{key}` {mistake}"), &[], Some(cure.to_owned()));
    read.map_err(note).ok()
}

/// Builds a notifier from its part of the configuration; `None` when mistakes were noted there.
pub type Build = fn(&Section, &Kit) -> Option<Arc<dyn Notifier>>;

/// A kind of target: a row of the table.
pub struct Kind {
    /// Its key in the configuration.
    pub name: &'static str,
    /// Its constructor.
    pub build: Build,
    /// How fast it takes messages, where the operator does not say; as fast as they come when there is none.
    pub pace: Option<Pace>,
    /// When it is tried again, where the operator does not say; as every target when there is none.
    pub schedule: Option<Schedule>,
}

/// How fast a kind of target takes messages, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// In the long run.
    pub rate: Rate,
    /// At once, after a rest.
    pub burst: u32,
}

/// When a kind of target is tried again, where those who know it agreed on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The wait after the first attempt, after the second one, and so on. Never empty.
    pub waits: &'static [Span],
    /// How old an event may become: more than all waits together, however chance makes them longer.
    pub max_age: Span,
}

/// At once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h: 75 h in all, so that a receiver that breaks on
/// a Friday evening is mended on a Monday morning in time,
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
const SCHEDULE_OF_STANDARD_WEBHOOKS: Schedule = Schedule {
    waits: &[
        Span::from_secs(5),
        Span::from_secs(5 * 60),
        Span::from_secs(30 * 60),
        Span::from_secs(2 * 3600),
        Span::from_secs(5 * 3600),
        Span::from_secs(10 * 3600),
        Span::from_secs(14 * 3600),
        Span::from_secs(20 * 3600),
        Span::from_secs(24 * 3600),
    ],
    max_age: Span::from_secs(4 * 24 * 3600),
};

/// About 120 a minute for each key, <https://developer.pagerduty.com/docs/events-api-v2-rate-limits>; a few at once are no
/// trouble, and what is too much is answered 429.
const PACE_OF_PAGERDUTY: Pace = Pace { rate: Rate::per_second(NonZeroU32::MIN.saturating_add(1)), burst: 20 };

/// One a second for each channel; what bursts it takes is not published: <https://docs.slack.dev/apis/web-api/rate-limits>.
const PACE_OF_SLACK: Pace = Pace { rate: Rate::per_second(NonZeroU32::MIN), burst: 1 };

/// The limit is the account's and depends on its plan and its users, <https://docs.opsgenie.com/docs/api-rate-limiting>;
/// what is too much is answered 429.
const PACE_OF_OPSGENIE: Pace = Pace { rate: Rate::per_second(NonZeroU32::MIN.saturating_add(1)), burst: 20 };

/// What was seen to be taken of one webhook, in the long run and at once. Not published, and not to be relied on, says
/// Discord: <https://docs.discord.com/developers/topics/rate-limits>; what is too much is answered 429.
const PACE_OF_DISCORD: Pace = Pace { rate: Rate::per_minute(NonZeroU32::MIN.saturating_add(29)), burst: 5 };

/// Sixty writes a minute for each space, which all apps share: <https://developers.google.com/workspace/chat/limits>.
const PACE_OF_GOOGLE_CHAT: Pace = Pace { rate: Rate::per_second(NonZeroU32::MIN), burst: 1 };

/// Exchange Online takes thirty a minute from a mailbox,
/// <https://learn.microsoft.com/en-us/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits>;
/// few servers take less, and a mailbox that gets more is not read.
const PACE_OF_EMAIL: Pace = Pace { rate: Rate::per_minute(NonZeroU32::MIN.saturating_add(29)), burst: 10 };

/// Not published for workflows; connectors took four a second. Whoever runs the flow has a quota for each day, too.
const PACE_OF_TEAMS: Pace = Pace { rate: Rate::per_second(NonZeroU32::MIN), burst: 4 };

/// Twenty a minute for each group, and no more than one a second: <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits>.
const PACE_OF_TELEGRAM: Pace = Pace { rate: Rate::per_minute(NonZeroU32::MIN.saturating_add(19)), burst: 1 };

/// The kinds of target.
pub const NOTIFIERS: &[Kind] = &[
    Kind { name: "alertmanager", build: alertmanager::build, pace: None, schedule: None },
    Kind { name: "discord", build: discord::build, pace: Some(PACE_OF_DISCORD), schedule: None },
    Kind { name: "email", build: email::build, pace: Some(PACE_OF_EMAIL), schedule: None },
    Kind { name: "file", build: file::build, pace: None, schedule: None },
    Kind { name: "google_chat", build: google_chat::build, pace: Some(PACE_OF_GOOGLE_CHAT), schedule: None },
    Kind {
        name: "jira_service_management",
        build: opsgenie::build_for_jira_service_management,
        pace: Some(PACE_OF_OPSGENIE),
        schedule: None,
    },
    Kind { name: "log", build: log::build, pace: None, schedule: None },
    Kind { name: "opsgenie", build: opsgenie::build_for_opsgenie, pace: Some(PACE_OF_OPSGENIE), schedule: None },
    Kind { name: "pagerduty", build: pagerduty::build, pace: Some(PACE_OF_PAGERDUTY), schedule: None },
    Kind { name: "slack", build: slack::build, pace: Some(PACE_OF_SLACK), schedule: None },
    Kind { name: "teams", build: teams::build, pace: Some(PACE_OF_TEAMS), schedule: None },
    Kind { name: "telegram", build: telegram::build, pace: Some(PACE_OF_TELEGRAM), schedule: None },
    Kind { name: "webhook", build: webhook::build, pace: None, schedule: Some(SCHEDULE_OF_STANDARD_WEBHOOKS) },
];

#[cfg(test)]
mod tests;
