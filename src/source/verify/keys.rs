//! What `verify: { standard_webhooks: … }` may hold: secrets, and how old a proof may be.
//!
//! Only the form. The keys themselves are in [`crate::signing`], what they are compared with in [`super`].

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::Span;
use crate::signing::{Secrets, SigningKeys};

/// What `standard_webhooks` may hold: a list of secrets, or `{ secrets: […], tolerance: 5m }`.
#[derive(Debug, Clone)]
pub struct StandardWebhooks {
    pub(super) keys: SigningKeys,
    /// How far the sender's time may be from ours, either way.
    pub(super) tolerance: Span,
}

impl StandardWebhooks {
    /// What the reference library uses.
    const TOLERANCE: Span = Span::from_secs(5 * 60);

    fn new<E: de::Error>(secrets: Secrets, tolerance: Span) -> Result<Self, E> {
        let keys = SigningKeys::of_standard_webhooks(&secrets).map_err(E::custom)?;
        Ok(Self { keys, tolerance })
    }
}

impl<'de> Deserialize<'de> for StandardWebhooks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StandardWebhooksVisitor)
    }
}

struct StandardWebhooksVisitor;

impl<'de> Visitor<'de> for StandardWebhooksVisitor {
    type Value = StandardWebhooks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of secrets, or `{ secrets: […], tolerance: 5m }`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<StandardWebhooks, A::Error> {
        let secrets = Secrets::deserialize(SeqAccessDeserializer::new(list))?;
        StandardWebhooks::new(secrets, StandardWebhooks::TOLERANCE)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StandardWebhooks, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            secrets: Secrets,
            tolerance: Option<Span>,
        }
        let written = Written::deserialize(MapAccessDeserializer::new(map))?;
        StandardWebhooks::new(written.secrets, written.tolerance.unwrap_or(StandardWebhooks::TOLERANCE))
    }
}
