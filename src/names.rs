//! The names everything else refers to: ids of events, deliveries, silences and replays, names of sources, routes, targets, drills, tokens and cursors, keys
//! of groups and incidents.
//!
//! Each is a newtype with one door, `parse`, so a name that exists is a name that is allowed.
//! Knows nothing of the rest of the house. Next room: [`crate::event`].

mod numbered;
mod schemas;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

pub use numbered::{DeliveryId, ReplayId, SilenceId, TableId};

/// A name or id that breaks its rule; says what was given and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{given}` is not allowed: {rule}")]
pub struct NameError {
    what: &'static str,
    given: String,
    rule: &'static str,
}

/// What the operator may call a source, a route or a target.
const NAME_RULE: &str = "use 1 to 63 of a-z, 0-9, `-` and `_`, starting with a letter or digit";

/// The same as a regular expression.
const NAME_PATTERN: &str = "^[a-z0-9][a-z0-9_-]{0,62}$";

fn is_name(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    starts_well && text.len() <= 63 && text.chars().all(allowed)
}

macro_rules! operator_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The only way in: 1 to 63 characters of `a-z`, `0-9`, `-`, `_`, starting with a letter or digit.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                match is_name(text) {
                    true => Ok(Self(text.into())),
                    false => Err(NameError { what: $what, given: text.into(), rule: NAME_RULE }),
                }
            }

            /// The name as configured.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": NAME_PATTERN})
            }
        }
    };
}

operator_name!(
    /// Where events come from: a webhook as configured, such as `castai`, or one of the sources that are built in.
    SourceName,
    "source name"
);
operator_name!(
    /// A rule of the routing table.
    RouteName,
    "route name"
);
operator_name!(
    /// A configured destination, such as `slack-ops`.
    TargetName,
    "target name"
);
operator_name!(
    /// What a source remembers between runs, such as how far it has read.
    CursorName,
    "cursor name"
);

operator_name!(
    /// What a token of the admin API is called, such as `grafana`; the token itself is a secret.
    TokenName,
    "token name"
);
operator_name!(
    /// A limit for savings that is watched, such as `budget`.
    ThresholdName,
    "threshold name"
);
operator_name!(
    /// A drill, such as `spot-page`: a test event that goes all the way, marked as such.
    DrillName,
    "drill name"
);

impl DrillName {
    /// Of the drills that nobody configured, but asked for.
    pub fn on_demand() -> Self {
        Self("on-demand".into())
    }
}

impl TokenName {
    /// Of the token that is written as `admin.token`.
    pub fn admin() -> Self {
        Self("admin".into())
    }
}

impl CursorName {
    /// Up to when every savings summary that was due is dealt with.
    pub fn savings_summary() -> Self {
        Self("savings-summary".into())
    }

    /// What the savings thresholds remember.
    pub fn savings_thresholds() -> Self {
        Self("savings-thresholds".into())
    }

    /// What is remembered of a drill. It may be longer than a name that people give.
    pub fn of_drill(drill: &DrillName) -> Self {
        Self(format!("drill-{drill}").into())
    }
}

impl SourceName {
    const RELAY: &str = "relay";
    const NOTIFICATIONS: &str = "notifications";
    const AUDIT_LOG: &str = "audit_log";
    const SAVINGS: &str = "savings";
    const KUBERNETES: &str = "kubernetes";
    const BUILT_IN: [&str; 5] = [Self::RELAY, Self::NOTIFICATIONS, Self::AUDIT_LOG, Self::SAVINGS, Self::KUBERNETES];

    /// The source of the relay's own events (`relay.body_rejected`, `relay.delivery_dead`).
    pub fn relay() -> Self {
        Self(Self::RELAY.into())
    }

    /// The list of notifications in CAST AI's API: brings what the webhook missed.
    pub fn notifications() -> Self {
        Self(Self::NOTIFICATIONS.into())
    }

    /// CAST AI's audit log.
    pub fn audit_log() -> Self {
        Self(Self::AUDIT_LOG.into())
    }

    /// The savings reports in CAST AI's API.
    pub fn savings() -> Self {
        Self(Self::SAVINGS.into())
    }

    /// The Kubernetes API of the cluster itself.
    pub fn kubernetes() -> Self {
        Self(Self::KUBERNETES.into())
    }

    /// Whether the name belongs to a source that is built in, so that no webhook may be called by it.
    pub fn is_built_in(&self) -> bool {
        Self::BUILT_IN.contains(&self.as_str())
    }
}

impl CursorName {
    /// How far the source of this name has read.
    pub fn of(source: &SourceName) -> Self {
        Self(source.0.clone())
    }

    /// When each source was last heard. No source that has a cursor is called so.
    pub fn pulse() -> Self {
        Self("pulse".into())
    }
}

impl RouteName {
    /// The route of last resort: stands for `default_targets`, which take what no route took.
    pub fn default_targets() -> Self {
        Self("default_targets".into())
    }

    /// The way of events that come too late to page: stands for a source's `older_notify`.
    pub fn too_late() -> Self {
        Self("too_late".into())
    }
}

/// What makes an event the same event: the sender's id within its organisation, or a hash of the content.
///
/// Guarantees 1 to 255 bytes without control characters; longer or unprintable ids are replaced by their SHA-256,
/// so two different ids stay different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Arc<str>);

impl EventId {
    const MAX_BYTES: usize = 255;

    /// An id given by the sender, namespaced by the organisation when there is one: `<organization>/<id>`.
    pub fn from_sender(organization: Option<&str>, id: &str) -> Self {
        match organization {
            // A slash inside the organisation would let two pairs read the same.
            Some(organization) => Self::bounded(format!("{}/{id}", organization.replace('/', "%2F"))),
            None => Self::bounded(id.to_owned()),
        }
    }

    /// The id of a spot interruption, by CAST AI's id of the node: whoever tells of it first, it is one event.
    pub fn of_spot_interruption(node: &str) -> Self {
        Self::bounded(format!("spot_interrupted/{node}"))
    }

    /// An id made of the content, for senders that give none: `sha256:<64 hex digits>` of `canonical`.
    pub fn from_content(canonical: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(&Sha256::digest(canonical))).into())
    }

    /// Reads an id back as an operator or the store wrote it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match is_event_id(text) {
            true => Ok(Self(text.into())),
            false => Err(NameError {
                what: "event id",
                given: text.chars().take(80).collect(),
                rule: "use 1 to 255 bytes without control characters",
            }),
        }
    }

    /// The id as shown to people and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn bounded(id: String) -> Self {
        match is_event_id(&id) {
            true => Self(id.into()),
            false => Self::from_content(id.as_bytes()),
        }
    }
}

fn is_event_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= EventId::MAX_BYTES && !text.chars().any(char::is_control)
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// Longest key that is kept as it is written; PagerDuty takes 255 characters of one.
const MAX_KEY: usize = 255;

macro_rules! rendered_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// From what a template or fields of an event came out as. What is longer than 255 characters or has control
            /// characters is replaced by its SHA-256, so two different keys stay different; `None` for a blank text,
            /// which would be one key for everything.
            pub fn from_rendered(text: &str) -> Option<Self> {
                let text = text.trim();
                let plain = text.chars().nth(MAX_KEY).is_none() && !text.chars().any(char::is_control);
                match (text.is_empty(), plain) {
                    (true, _) => None,
                    (false, true) => Some(Self(text.into())),
                    (false, false) => Some(Self(hex(&Sha256::digest(text.as_bytes())).into())),
                }
            }

            /// The key as shown to people, stored and sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::from_rendered(&text).ok_or_else(|| de::Error::custom("a key is not blank"))
            }
        }
    };
}

rendered_key!(
    /// What deliveries of one route have in common that leave together in one message.
    GroupKey
);
rendered_key!(
    /// What an incident is called: one thing that is wrong, from its opening to its end. The same at PagerDuty.
    IncidentKey
);

/// Lower-case hexadecimal, as ids and signatures are written.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
