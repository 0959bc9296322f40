//! What operators did: who, when, what, and to what.
//!
//! Plain values. Each act is kept by [`crate::store`] in the transaction of the change it tells of, so that there is
//! neither a change without an act nor an act without a change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Timestamp;
use super::silence::Silence;
use crate::names::{DeliveryId, DrillName, EventId, ReplayId, TokenName};

/// Who asks for a change, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The relay's time.
    pub at: Timestamp,
    /// The token that was shown.
    pub token: TokenName,
    /// The person who is named, if one is.
    pub whom: Option<String>,
}

impl Signature {
    /// What to call whoever asks: the person, else the token.
    pub fn author(&self) -> &str {
        self.whom.as_deref().unwrap_or(self.token.as_str())
    }
}

/// An act as kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Act {
    /// Its number: later acts have higher ones.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The token that was shown.
    pub by_token: TokenName,
    /// The person who was named.
    pub by_whom: Option<String>,
    /// What was done.
    pub what: What,
    /// To what: the id of a silence, the name of a target or drill.
    pub subject: String,
    /// What else there is to say; depends on what was done.
    pub detail: Map<String, Value>,
}

/// What can be done: a closed set, because it is a stored word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A silence was added.
    SilenceAdded,
    /// A silence was ended before its time.
    SilenceEnded,
    /// A target was paused.
    TargetPaused,
    /// A target was resumed.
    TargetResumed,
    /// A test message was sent to a target.
    TargetTested,
    /// A dead letter is owed again.
    DeliveryRetried,
    /// Stored events are told again.
    ReplayBegun,
    /// A replay was ended before its time.
    ReplayStopped,
    /// A drill was begun.
    DrillBegun,
}

impl What {
    /// All of them.
    const ALL: [Self; 9] = [
        Self::SilenceAdded,
        Self::SilenceEnded,
        Self::TargetPaused,
        Self::TargetResumed,
        Self::TargetTested,
        Self::DeliveryRetried,
        Self::ReplayBegun,
        Self::ReplayStopped,
        Self::DrillBegun,
    ];

    /// The closed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SilenceAdded => "silence_added",
            Self::SilenceEnded => "silence_ended",
            Self::TargetPaused => "target_paused",
            Self::TargetResumed => "target_resumed",
            Self::TargetTested => "target_tested",
            Self::DeliveryRetried => "delivery_retried",
            Self::ReplayBegun => "replay_begun",
            Self::ReplayStopped => "replay_stopped",
            Self::DrillBegun => "drill_begun",
        }
    }

    /// What this word stands for.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == word)
    }
}

/// An act that is to be kept: it has no number yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// Who and when.
    pub signature: Signature,
    /// What was done.
    pub what: What,
    /// To what.
    pub subject: String,
    /// What else there is to say.
    pub detail: Map<String, Value>,
}

impl Deed {
    /// The same as an act of this number.
    pub fn numbered(self, id: i64) -> Act {
        let Self { signature: Signature { at, token, whom }, what, subject, detail } = self;
        Act { id, at, by_token: token, by_whom: whom, what, subject, detail }
    }

    /// That this silence was added.
    pub fn silence_added(silence: &Silence, signature: Signature) -> Self {
        let terms = &silence.terms;
        let detail = [
            ("match", json!(terms.matching)),
            ("routes", json!(terms.routes)),
            ("targets", json!(terms.targets)),
            ("from", json!(terms.from)),
            ("until", json!(terms.until)),
            ("why", json!(terms.why)),
        ];
        Self::of_silence(What::SilenceAdded, silence, signature, detail)
    }

    /// That this silence was ended before its time.
    pub fn silence_ended(silence: &Silence, signature: Signature) -> Self {
        let terms = &silence.terms;
        let detail = [("until", json!(terms.until)), ("why", json!(terms.why))];
        Self::of_silence(What::SilenceEnded, silence, signature, detail)
    }

    /// That this dead letter is owed again.
    pub fn delivery_retried(delivery: DeliveryId, signature: Signature) -> Self {
        Self { signature, what: What::DeliveryRetried, subject: delivery.to_string(), detail: Map::new() }
    }

    /// That this replay was begun, on these terms.
    pub fn replay_begun(replay: ReplayId, terms: Map<String, Value>, signature: Signature) -> Self {
        Self { signature, what: What::ReplayBegun, subject: replay.to_string(), detail: terms }
    }

    /// That this replay was ended before its time.
    pub fn replay_stopped(replay: ReplayId, signature: Signature) -> Self {
        Self { signature, what: What::ReplayStopped, subject: replay.to_string(), detail: Map::new() }
    }

    /// That this drill was begun, by this event.
    pub fn drill_begun(drill: &DrillName, event: &EventId, signature: Signature) -> Self {
        let detail = Map::from_iter([("event_id".to_owned(), json!(event))]);
        Self { signature, what: What::DrillBegun, subject: drill.to_string(), detail }
    }

    fn of_silence<const N: usize>(
        what: What,
        silence: &Silence,
        signature: Signature,
        detail: [(&str, Value); N],
    ) -> Self {
        let detail = detail.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { signature, what, subject: silence.id.to_string(), detail }
    }
}
