//! The address under which others reach our public listener: what stands in front of it, an ingress as a rule.
//!
//! Nothing is sent there by this room. It is told to CAST AI, and looked at by those who check that it leads here.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use serde::{Deserialize, Deserializer, de};

/// A base URL: https, or http on a loopback address for trials; perhaps with a path, never with a user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// Without a slash at its end.
    base: String,
    host: String,
}

impl PublicUrl {
    /// The only way in.
    ///
    /// # Errors
    /// With what is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let cure = "write the base URL of your ingress, such as `https://relay.example.com`";
        let wrong = |what: &str| format!("`{text}` {what}; {cure}");
        let uri: Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
        let authority = uri.authority().ok_or_else(|| wrong("is not a whole URL"))?;
        let host = authority.host().to_owned();
        if authority.as_str().contains('@') {
            // What stands before the `@` may be a password.
            return Err(format!("the URL holds a user or a password; {cure}"));
        }
        if text.contains(['?', '#']) {
            return Err(wrong("has more than a path after the host"));
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(&host) => {}
            _ => return Err(wrong("must start with `https://` (`http://` is allowed on loopback addresses only)")),
        }
        Ok(Self { base: text.trim_end_matches('/').to_owned(), host })
    }

    /// The URL of `path`, which begins with a slash, below this one.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether this machine alone can reach it.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[path = "tests/public_url.rs"]
mod tests;
