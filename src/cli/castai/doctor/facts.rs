//! What was found out before anything is judged: plain values, gathered by [`super::gather`], judged by [`super::checks`].

use std::collections::BTreeMap;

use crate::castai_api::webhooks::WebhookConfig;
use crate::castai_api::{ApiError, ErrorKind};
use crate::config::Span;
use crate::event::Timestamp;
use crate::names::SourceName;
pub use crate::notify::Obstacle;
use crate::source::pulse::record::Record;
use crate::source::verify::Verifier;

/// Everything there is to judge.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When it was found out.
    pub now: Timestamp,
    /// What CAST AI answered; none without the section `castai`.
    pub account: Option<Account>,
    /// What clocks elsewhere said.
    pub clocks: Vec<ClockReading>,
    /// The webhook sources.
    pub webhooks: Vec<Webhook>,
    /// The sources that are asked.
    pub polled: Vec<SourceName>,
    /// How long a source may be silent, where that has a limit.
    pub silence_limits: BTreeMap<SourceName, Span>,
    /// When sources were last heard.
    pub pulse: Pulse,
    /// Whether a relay holds the database; none where there is none to hold.
    pub held: Option<bool>,
    /// The cluster that is watched, if one is.
    pub kubernetes: Option<Kubernetes>,
    /// Where messages go.
    pub targets: Vec<Target>,
    /// What the configuration allows.
    pub house: House,
}

/// What CAST AI's API says.
#[derive(Debug, Clone)]
pub struct Account {
    /// Where it was asked, for people.
    pub at: String,
    /// The configured organisation.
    pub organization: Option<String>,
    /// Every call, the configured sources' among them.
    pub calls: Vec<Call>,
    /// The other regions, asked because this one refused the key.
    pub elsewhere: Vec<Elsewhere>,
    /// The organisations that what it listed belongs to.
    pub organizations: Vec<String>,
    /// The clusters it knows, by id, without those that are gone; none where it did not tell.
    pub clusters: Option<BTreeMap<String, String>>,
    /// The webhooks it calls; none where it did not tell.
    pub webhooks: Option<Vec<WebhookConfig>>,
    /// Whether every list came back empty.
    pub is_empty: bool,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// What was asked for, for people.
    pub what: &'static str,
    /// What of the configuration needs it.
    pub needed_by: &'static str,
    /// What came of it.
    pub answer: Answer,
}

impl Call {
    /// The clusters of the organisation.
    pub const CLUSTERS: &str = "clusters";
    /// Whom CAST AI calls.
    pub const WEBHOOKS: &str = "webhook configurations";
    /// What CAST AI has to tell.
    pub const NOTIFICATIONS: &str = "notifications";
    /// What happened.
    pub const AUDIT: &str = "audit log";
    /// What was paid and saved.
    pub const COSTS: &str = "cost reports";

    /// Why it came to nothing, if it did.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.answer {
            Answer::Refused(refusal) => Some(refusal),
            Answer::Good | Answer::NotAsked(_) => None,
        }
    }

    /// Whether it asks for a list, which may be empty but is never missing.
    pub fn is_list(&self) -> bool {
        self.what != Self::COSTS
    }
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What was asked for.
    Good,
    /// Something else.
    Refused(Refusal),
    /// It was not made, for this reason.
    NotAsked(&'static str),
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which kind of reason.
    pub kind: ErrorKind,
    /// In words.
    pub said: String,
    /// What to do about it.
    pub cure: String,
}

impl From<&ApiError> for Refusal {
    fn from(error: &ApiError) -> Self {
        let status = error.status().map(|status| format!("{status}"));
        let said = Some(error.said().to_owned()).filter(|said| !said.is_empty());
        let said = status.into_iter().chain(said).collect::<Vec<_>>().join(" ");
        Self { kind: error.kind(), said, cure: error.cure() }
    }
}

/// Another region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// What to write for it: `eu`.
    pub written: &'static str,
    /// Whether it accepts the key; none where nobody answered.
    pub accepts: Option<bool>,
}

/// How far a clock is from ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReading {
    /// Whose it is.
    pub whose: String,
    /// What it said, to the second.
    pub theirs: Timestamp,
    /// What ours said when that arrived.
    pub ours: Timestamp,
}

/// One webhook source.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its URL, where it is known how others reach us.
    pub url: Option<String>,
    /// The category it labels all its events with.
    pub category: Option<String>,
    /// Who may send.
    pub verifier: Verifier,
    /// What answered at the URL.
    pub public: Option<Public>,
}

/// What answered to probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// Without a credential, or with a wrong one.
    pub stranger: Answered,
    /// With the source's credential; none where nobody could have answered.
    pub friend: Option<Answered>,
}

/// What came back to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Nothing; why.
    Nothing(String),
    /// An answer.
    With {
        /// Its status.
        status: u16,
        /// `error.code` and `error.message`, where it is a refusal of a castai-relay.
        refusal: Option<(String, String)>,
        /// Whether it repeats what only a relay that believes the probe repeats.
        believed: bool,
        /// Where it sends us instead.
        location: Option<String>,
    },
}

/// What is known of the sources' last signs of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulse {
    /// The store keeps nothing that could be looked at.
    Memory,
    /// It cannot be read; why.
    Unreadable(String),
    /// The relay has not kept one yet.
    Never,
    /// As kept.
    Kept(Record),
}

/// What the API server lets us do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    all(not(feature = "kubernetes"), not(test)),
    expect(dead_code, reason = "without the feature nothing is watched")
)]
pub enum Kubernetes {
    /// What is watched, each with what is in the way.
    Reached(Vec<(&'static str, Option<Obstacle>)>),
    /// Nothing could be asked.
    Unreached(Obstacle),
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// The word for its kind.
    pub kind: &'static str,
    /// The host it sends to, for people; none when it sends nowhere.
    pub to: Option<String>,
    /// The status of the host's own page, 0 where the target itself let us in; or why there is none.
    pub reached: Result<u16, String>,
    /// For one on this machine: that it can be told, or what is in the way.
    pub here: Option<Result<String, Obstacle>>,
}

/// What the configuration allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct House {
    /// Where the public listener is, if others than this machine can reach it.
    pub exposed: Option<String>,
    /// Whether nothing survives the process.
    pub memory: bool,
    /// Where others reach us.
    pub public_url: Option<String>,
    /// Whether that is an address only this machine reaches.
    pub public_url_is_loopback: bool,
}
