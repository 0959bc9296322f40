//! Decides whether a request comes from whom it should: the only door from [`Unverified`] to [`Verified`].
//!
//! The parser takes nothing but a [`Verified`], so an unverified body cannot reach it by type. Every comparison takes
//! the same time whatever was sent, and every configured secret is tried. Knows neither JSON nor events, and `now` is
//! given. The header types are those of hyper (`hyper::header`), so that axum stays out of this room.
//! Next: [`super::wire`], which reads the body.

mod keys;

use std::fmt;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, de};

use crate::config::{Secret, Span};
use crate::event::Timestamp;
use crate::names::hex;
use crate::signing::{self, Secrets, SigningKeys, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, signed_parts};
pub use keys::StandardWebhooks;

/// Signatures looked at in one request. A sender that rotates its keys sends two.
const MAX_SIGNATURES: usize = 16;

/// A request as it came in. All one can do with it is to [`verify`](Self::verify) it.
pub struct Unverified {
    headers: HeaderMap,
    body: Bytes,
}

impl Unverified {
    /// Nothing is believed yet.
    pub fn new(headers: HeaderMap, body: Bytes) -> Self {
        Self { headers, body }
    }

    /// The same request, now believed.
    ///
    /// # Errors
    /// When the proof is missing, malformed, wrong or too old. The error names the header, never its value.
    pub fn verify(self, verifier: &Verifier, now: Timestamp) -> Result<Verified, VerifyError> {
        verifier.check(&self.headers, &self.body, now)?;
        Ok(Verified { headers: self.headers, body: self.body })
    }
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({} bytes)", self.body.len())
    }
}

/// A request whose sender has proved who it is, or did not have to. Made by [`Unverified::verify`] alone.
pub struct Verified {
    headers: HeaderMap,
    body: Bytes,
}

impl Verified {
    /// The body exactly as received.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// One header as text; `None` when it is missing or not visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} bytes)", self.body.len())
    }
}

/// How a sender proves who it is, as configured under `verify`. Several secrets allow for rotation: any of them
/// is good, and the first one is used for sending.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verifier {
    /// No proof is asked for.
    None,
    /// `Authorization: Bearer <secret>`.
    Bearer(Secrets),
    /// A header of the operator's choice holds the secret.
    Header {
        /// The header's name.
        #[serde(deserialize_with = "header_name")]
        name: HeaderName,
        /// What it may hold.
        values: Secrets,
    },
    /// HTTP basic authentication.
    Basic {
        /// The user name, without a colon.
        username: String,
        /// What the password may be.
        passwords: Secrets,
    },
    /// A header holds the HMAC-SHA256 of the raw body in hexadecimal, as GitHub sends it in `X-Hub-Signature-256`
    /// with the prefix `sha256=`, <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
    /// The signature holds no time, so only the event's id keeps a repeated request from having effect twice.
    Hmac {
        /// The header's name.
        #[serde(deserialize_with = "header_name")]
        header: HeaderName,
        /// What stands before the hexadecimal digits.
        #[serde(default)]
        prefix: String,
        /// What it may be signed with.
        secrets: SigningKeys,
    },
    /// <https://www.standardwebhooks.com>: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks(StandardWebhooks),
}

/// A header that holds a credential and is the same in every request.
#[derive(Debug, Clone)]
pub struct ConstantHeader {
    /// Its name as people write it: `X-Relay-Token`.
    pub name: String,
    /// What it holds.
    pub value: Secret,
    /// How that is written, for people: `Bearer <token>`.
    pub written: &'static str,
}

fn capitalised(name: &str) -> String {
    let part = |part: &str| part.get(..1).map(|first| first.to_ascii_uppercase() + &part[1..]).unwrap_or_default();
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    HeaderName::try_from(&text).map_err(|_| {
        let rule = "use letters, digits and `-`, such as `X-Webhook-Token`";
        de::Error::custom(format!("`{text}` is not the name of a header: {rule}"))
    })
}

/// Why a request is not believed; `header` is where the proof was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The sender sent no proof.
    #[error("header `{header}` is missing; this source expects it to hold {expected}")]
    Missing {
        /// Where the proof should be.
        header: HeaderName,
        /// What it should look like.
        expected: &'static str,
    },
    /// The sender sent something that cannot be a proof.
    #[error("header `{header}` is malformed; this source expects it to hold {expected}")]
    Malformed {
        /// Where the proof should be.
        header: HeaderName,
        /// What it should look like.
        expected: &'static str,
    },
    /// The proof fits none of the configured secrets.
    #[error("header `{header}` fits none of this source's secrets; compare the sender's secret with `verify`")]
    Wrong {
        /// Where the proof is.
        header: HeaderName,
    },
    /// The proof was made too long ago, or in the future.
    #[error("header `{header}` is {} away from now, at most {tolerance} is allowed; compare both clocks", seconds(*.off_by))]
    Stale {
        /// Where the time is.
        header: HeaderName,
        /// How far it is from now.
        off_by: Duration,
        /// How far it may be.
        tolerance: Span,
    },
}

fn seconds(duration: Duration) -> Span {
    Span::from_secs(duration.as_secs())
}

impl Verifier {
    /// The word it is configured by, for people.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::None => "nothing (anybody may send)",
            Self::Bearer(_) => "bearer",
            Self::Header { .. } => "header",
            Self::Basic { .. } => "basic",
            Self::Hmac { .. } => "hmac",
            Self::StandardWebhooks(_) => "standard_webhooks",
        }
    }

    /// The headers a sender must set that can set constant ones only, as CAST AI, for the first secret; `None` where
    /// every request needs a proof of its own.
    pub fn constant_headers(&self) -> Option<Vec<ConstantHeader>> {
        let written = match self {
            Self::None => return Some(vec![]),
            Self::Bearer(_) => "Bearer <token>",
            Self::Header { .. } => "<secret>",
            Self::Basic { .. } => "Basic <base64 of user:password>",
            Self::Hmac { .. } | Self::StandardWebhooks(_) => return None,
        };
        let headers = self.credentials(b"", "", Timestamp::from_millis(0)).into_iter();
        let header = |(name, value): (String, String)| ConstantHeader {
            name: capitalised(&name),
            value: Secret::literal(value),
            written,
        };
        Some(headers.map(header).collect())
    }

    /// The headers a sender must set to be believed, for `send` and for tests. They hold the secret, or a signature
    /// over `body`, `id` and `now`, so they are to be made anew for each attempt and never logged.
    pub fn credentials(&self, body: &[u8], id: &str, now: Timestamp) -> Vec<(String, String)> {
        match self {
            Self::None => vec![],
            Self::Bearer(tokens) => {
                vec![(AUTHORIZATION.to_string(), format!("Bearer {}", tokens.first().expose()))]
            }
            Self::Header { name, values } => vec![(name.to_string(), values.first().expose().to_owned())],
            Self::Basic { username, passwords } => {
                let pair = format!("{username}:{}", passwords.first().expose());
                vec![(AUTHORIZATION.to_string(), format!("Basic {}", BASE64_STANDARD.encode(pair)))]
            }
            Self::Hmac { header, prefix, secrets } => {
                vec![(header.to_string(), format!("{prefix}{}", hex(&secrets.sign(&[body]))))]
            }
            Self::StandardWebhooks(webhooks) => {
                let headers = signing::standard_webhooks(&webhooks.keys.first_alone(), id, now, body);
                headers.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
            }
        }
    }

    fn check(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), VerifyError> {
        match self {
            Self::None => Ok(()),
            Self::Bearer(tokens) => {
                let proof = Proof::find(headers, AUTHORIZATION, "`Bearer <token>`")?;
                let token = proof.after_scheme("bearer")?;
                proof.judge(tokens.any_is("", token))
            }
            Self::Header { name, values } => {
                let proof = Proof::find(headers, name.clone(), "the configured secret")?;
                proof.judge(values.any_is("", proof.value))
            }
            Self::Basic { username, passwords } => {
                let proof = Proof::find(headers, AUTHORIZATION, "`Basic <base64 of user:password>`")?;
                let pair = BASE64_STANDARD.decode(proof.after_scheme("basic")?).map_err(|_| proof.malformed())?;
                proof.judge(passwords.any_is(&format!("{username}:"), &pair))
            }
            Self::Hmac { header, prefix, secrets } => {
                let expected = "the configured prefix and 64 hexadecimal digits";
                let proof = Proof::find(headers, header.clone(), expected)?;
                let digits = proof.value.strip_prefix(prefix.as_bytes()).and_then(unhex);
                let signature = digits.ok_or_else(|| proof.malformed())?;
                proof.judge(secrets.any_signed(&[body], &signature))
            }
            Self::StandardWebhooks(webhooks) => check_standard_webhook(webhooks, headers, body, now),
        }
    }
}

fn check_standard_webhook(
    webhooks: &StandardWebhooks,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let id = Proof::find(headers, WEBHOOK_ID, "the message's id")?;
    let sent_at = Proof::find(headers, WEBHOOK_TIMESTAMP, "whole seconds since 1970")?;
    let proof = Proof::find(headers, WEBHOOK_SIGNATURE, "`v1,<base64 of the signature>`")?;
    let timestamp = sent_at.text()?;
    let seconds: i64 = timestamp.parse().map_err(|_| sent_at.malformed())?;
    let signatures = v1_signatures(proof.text()?);
    if signatures.is_empty() {
        return Err(proof.malformed());
    }
    let parts = signed_parts(id.text()?, timestamp, body);
    // `|`, not `||`: all are tried, whichever fits.
    proof.judge(signatures.iter().fold(false, |hit, given| webhooks.keys.any_signed(&parts, given) | hit))?;
    let sent = Timestamp::from_millis(seconds.saturating_mul(1000));
    let off_by = now.saturating_since(sent).max(sent.saturating_since(now));
    match off_by <= webhooks.tolerance.get() {
        true => Ok(()),
        false => Err(VerifyError::Stale { header: sent_at.header, off_by, tolerance: webhooks.tolerance }),
    }
}

/// The signatures of the version we know; others, such as `v1a`, may stand beside them.
fn v1_signatures(list: &str) -> Vec<Vec<u8>> {
    let entries = list.split_ascii_whitespace().take(MAX_SIGNATURES);
    entries.filter_map(|entry| BASE64_STANDARD.decode(entry.strip_prefix("v1,")?).ok()).collect()
}

/// Reads 64 hexadecimal digits of either case.
fn unhex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

/// The header that should hold a proof, found; keeps at hand what is to be said if it does not.
struct Proof<'a> {
    header: HeaderName,
    expected: &'static str,
    value: &'a [u8],
}

impl<'a> Proof<'a> {
    fn find(headers: &'a HeaderMap, header: HeaderName, expected: &'static str) -> Result<Self, VerifyError> {
        match headers.get(&header).map(|value| value.as_bytes()) {
            None | Some(b"") => Err(VerifyError::Missing { header, expected }),
            Some(value) => Ok(Self { header, expected, value }),
        }
    }

    fn text(&self) -> Result<&'a str, VerifyError> {
        std::str::from_utf8(self.value).map_err(|_| self.malformed())
    }

    /// What follows the scheme's name, which may be in any case (RFC 9110, 11.1).
    fn after_scheme(&self, scheme: &str) -> Result<&'a [u8], VerifyError> {
        let (name, rest) = self.value.split_at_checked(scheme.len()).ok_or_else(|| self.malformed())?;
        match rest.strip_prefix(b" ").map(<[u8]>::trim_ascii) {
            Some(given) if !given.is_empty() && name.eq_ignore_ascii_case(scheme.as_bytes()) => Ok(given),
            _ => Err(self.malformed()),
        }
    }

    fn judge(&self, fits: bool) -> Result<(), VerifyError> {
        match fits {
            true => Ok(()),
            false => Err(VerifyError::Wrong { header: self.header.clone() }),
        }
    }

    fn malformed(&self) -> VerifyError {
        VerifyError::Malformed { header: self.header.clone(), expected: self.expected }
    }
}

#[cfg(test)]
#[path = "tests/verify.rs"]
mod tests;
