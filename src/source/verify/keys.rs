//! What proofs are compared with: lists of secrets and of signing keys, never empty, never shown.
//!
//! Comparison is constant in time and tries every entry, so the answer's timing tells neither which one was close nor
//! how long it is.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::{Secret, Span};

/// One or more secrets, any of which is good. More than one while a secret is being replaced.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Vec<Secret>")]
pub struct Secrets {
    first: Secret,
    others: Vec<Secret>,
}

impl Secrets {
    /// The one to send with.
    pub(super) fn first(&self) -> &Secret {
        &self.first
    }

    /// Whether `given` is `prefix` followed by one of the secrets. Digests are compared, so lengths do not show.
    pub(super) fn any_is(&self, prefix: &str, given: &[u8]) -> bool {
        let given = Sha256::digest(given);
        let same = |secret: &Secret| {
            let digest = Sha256::new().chain_update(prefix).chain_update(secret.expose()).finalize();
            digest.as_slice().ct_eq(given.as_slice())
        };
        self.iter().fold(Choice::from(0), |hit, secret| hit | same(secret)).into()
    }

    fn iter(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl TryFrom<Vec<Secret>> for Secrets {
    type Error = &'static str;

    fn try_from(mut secrets: Vec<Secret>) -> Result<Self, Self::Error> {
        if secrets.is_empty() {
            return Err("at least one secret is needed, such as `[ { env: CASTAI_WEBHOOK_TOKEN } ]`");
        }
        let others = secrets.split_off(1);
        secrets.pop().map(|first| Self { first, others }).ok_or("at least one secret is needed")
    }
}

/// One or more keys for HMAC-SHA256, ready for use. Its `Debug` says nothing.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Secrets")]
pub struct SigningKeys {
    first: Hmac<Sha256>,
    others: Vec<Hmac<Sha256>>,
}

impl SigningKeys {
    /// The signature over `parts`, one after the other, by the first key.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        over(&self.first, parts).finalize().into_bytes().into()
    }

    /// Whether `signature` is one of the keys' signatures over `parts`.
    pub(super) fn any_signed(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        let keys = std::iter::once(&self.first).chain(&self.others);
        // `|`, not `||`: all are tried, whichever fits.
        keys.fold(false, |hit, key| over(key, parts).verify_slice(signature).is_ok() | hit)
    }

    fn from_secrets(secrets: &Secrets, bytes: fn(&Secret) -> Result<Vec<u8>, String>) -> Result<Self, String> {
        let key = |secret: &Secret| Hmac::new_from_slice(&bytes(secret)?).map_err(|error| error.to_string());
        Ok(Self { first: key(&secrets.first)?, others: secrets.others.iter().map(key).collect::<Result<_, _>>()? })
    }
}

fn over(key: &Hmac<Sha256>, parts: &[&[u8]]) -> Hmac<Sha256> {
    parts.iter().fold(key.clone(), |mac, part| mac.chain_update(part))
}

impl TryFrom<Secrets> for SigningKeys {
    type Error = String;

    fn try_from(secrets: Secrets) -> Result<Self, String> {
        Self::from_secrets(&secrets, |secret| Ok(secret.expose().as_bytes().to_vec()))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", 1 + self.others.len())
    }
}

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
        let keys = SigningKeys::from_secrets(&secrets, decode_key).map_err(E::custom)?;
        Ok(Self { keys, tolerance })
    }
}

/// The bytes of a secret written as `whsec_` and base64; the prefix may be left out.
fn decode_key(secret: &Secret) -> Result<Vec<u8>, String> {
    /// The specification's lower bound. A shorter key is most likely a password that happens to be base64.
    const MIN_BYTES: usize = 24;
    let text = secret.expose().trim();
    let bytes = BASE64_STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text));
    // The decoder's own error quotes a byte of the secret.
    let bytes = bytes.map_err(|_| "a standard_webhooks secret is `whsec_` followed by base64; this one is not")?;
    match bytes.len() >= MIN_BYTES {
        true => Ok(bytes),
        false => Err(format!("a standard_webhooks secret has {MIN_BYTES} bytes or more; this one has {}", bytes.len())),
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
