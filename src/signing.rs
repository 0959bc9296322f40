//! Signatures by HMAC-SHA256, made and checked in one place: secrets, keys, and what Standard Webhooks signs.
//!
//! Secrets are never shown. Comparison is constant in time and tries every entry, so the answer's timing tells neither
//! which one was close nor how long it is. Knows no sender and no receiver, and `now` is given. Used by
//! [`crate::source::verify`], which believes, and by [`crate::notify::webhook`], which wants to be believed.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::HeaderName;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::Secret;
use crate::event::Timestamp;

/// The three headers of Standard Webhooks,
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>: the message's id, the
/// same in every attempt.
pub const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
/// When this attempt was made, in whole seconds since 1970.
pub const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// A list of signatures, `v1,` and base64 each, with blanks between.
pub const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What Standard Webhooks signs: `{id}.{timestamp}.{body}`.
pub fn signed_parts<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

/// The three headers of one attempt, signed by each of `keys`: whoever knows any of them believes it. `id` must have no
/// dot, or where it ends could be argued about.
pub fn standard_webhooks(keys: &SigningKeys, id: &str, at: Timestamp, body: &[u8]) -> [(HeaderName, String); 3] {
    let timestamp = at.as_millis().div_euclid(1000).to_string();
    let parts = signed_parts(id, &timestamp, body);
    let entry = |signature: [u8; 32]| format!("v1,{}", BASE64_STANDARD.encode(signature));
    let entries: Vec<String> = keys.sign_by_each(&parts).map(entry).collect();
    [(WEBHOOK_ID, id.to_owned()), (WEBHOOK_TIMESTAMP, timestamp), (WEBHOOK_SIGNATURE, entries.join(" "))]
}

/// One or more secrets, any of which is good. More than one while a secret is being replaced.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Vec<Secret>")]
pub struct Secrets {
    first: Secret,
    others: Vec<Secret>,
}

impl Secrets {
    /// The one to send with.
    pub fn first(&self) -> &Secret {
        &self.first
    }

    /// Whether `given` is `prefix` followed by one of the secrets. Digests are compared, so lengths do not show.
    pub fn any_is(&self, prefix: &str, given: &[u8]) -> bool {
        let given = Sha256::digest(given);
        let same = |secret: &Secret| {
            let digest = Sha256::new().chain_update(prefix).chain_update(secret.expose()).finalize();
            digest.as_slice().ct_eq(given.as_slice())
        };
        self.iter().fold(Choice::from(0), |hit, secret| hit | same(secret)).into()
    }

    /// All of them, the one to send with first.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
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
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        over(&self.first, parts).finalize().into_bytes().into()
    }

    /// Whether `signature` is one of the keys' signatures over `parts`.
    pub fn any_signed(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        let keys = std::iter::once(&self.first).chain(&self.others);
        // `|`, not `||`: all are tried, whichever fits.
        keys.fold(false, |hit, key| over(key, parts).verify_slice(signature).is_ok() | hit)
    }

    /// The signatures over `parts` by each key, the first key's first.
    pub fn sign_by_each(&self, parts: &[&[u8]]) -> impl Iterator<Item = [u8; 32]> {
        let keys = std::iter::once(&self.first).chain(&self.others);
        keys.map(|key| over(key, parts).finalize().into_bytes().into())
    }

    /// The first key alone.
    pub fn first_alone(&self) -> Self {
        Self { first: self.first.clone(), others: Vec::new() }
    }

    /// The keys of secrets as Standard Webhooks writes them: `whsec_` and base64.
    ///
    /// # Errors
    /// When one is not base64 or shorter than the specification allows. The error holds nothing of it.
    pub fn of_standard_webhooks(secrets: &Secrets) -> Result<Self, String> {
        Self::from_secrets(secrets, decode_key)
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

#[cfg(test)]
#[path = "signing/tests.rs"]
mod tests;
