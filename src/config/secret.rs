//! A secret: read from the environment, a file or (for trials) the configuration itself; never printed.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret value. It has no `Display`, its `Debug` says nothing, and it is wiped from memory when dropped.
///
/// Written as `{ env: NAME }`, `{ file: PATH }` or a literal. Files lose one trailing newline. Empty secrets are
/// refused: an empty token would let anybody in.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// A secret that is at hand already.
    pub fn literal(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself. Every call of this is a place to look at in a review.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// `text` with `***` wherever this stands in it as it is: whoever answers may say back what it was asked with.
    pub fn blotted_out_of(&self, text: &str) -> String {
        text.replace(self.expose(), "***")
    }

    /// Whether both are the same, in a time that tells neither where they differ nor how long they are.
    pub fn is(&self, other: &Self) -> bool {
        let digest = |secret: &Self| Sha256::digest(secret.expose());
        digest(self).as_slice().ct_eq(digest(other).as_slice()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret: `{ env: NAME }`, `{ file: PATH }` or a quoted literal")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Secret, E> {
        non_empty(value.to_owned(), "the secret").map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        const PLACES: &[&str] = &["env", "file"];
        let Some(place) = map.next_key::<String>()? else {
            return Err(de::Error::custom("an empty secret; write `{ env: NAME }` or `{ file: PATH }`"));
        };
        let secret = match place.as_str() {
            "env" => from_env(&map.next_value::<String>()?),
            "file" => from_file(&map.next_value::<String>()?),
            other => return Err(de::Error::unknown_field(other, PLACES)),
        };
        match map.next_key::<String>()? {
            Some(_) => Err(de::Error::custom("a secret comes from one place: either `env` or `file`")),
            None => secret.map_err(de::Error::custom),
        }
    }
}

fn from_env(name: &str) -> Result<Secret, String> {
    let value = std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => format!("environment variable `{name}` is not set"),
        std::env::VarError::NotUnicode(_) => format!("environment variable `{name}` is not valid UTF-8"),
    })?;
    non_empty(value, &format!("environment variable `{name}`"))
}

fn from_file(path: &str) -> Result<Secret, String> {
    let mut value = std::fs::read_to_string(path).map_err(|error| format!("secret file `{path}`: {error}"))?;
    if value.ends_with('\n') {
        value.pop();
        if value.ends_with('\r') {
            value.pop();
        }
    }
    non_empty(value, &format!("secret file `{path}`"))
}

fn non_empty(value: String, what: &str) -> Result<Secret, String> {
    match value.trim().is_empty() {
        true => Err(format!("{what} is empty")),
        false => Ok(Secret::literal(value)),
    }
}
