//! Where a request goes: an address that is safe to send to, and safe to print.
//!
//! Knows URLs and their rules, nothing of requests. Next file: [`super`], which sends.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Deserializer, de};

/// Where to send to: https, or http where the host is a loopback address.
///
/// The path may be a secret (chat webhooks), so `Debug` and `Display` show scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(pub(super) Url);

/// A URL nothing may be sent to. Never holds the URL itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It does not parse.
    #[error("is not a URL: {0}")]
    NotAUrl(String),
    /// It would go over the network in the clear.
    #[error("must start with `https://`; `http://` is allowed only where the host is a loopback address")]
    Insecure,
}

impl Endpoint {
    /// The only way in.
    ///
    /// # Errors
    /// When it is not a URL, or neither https nor loopback.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|error| EndpointError::NotAUrl(error.to_string()))?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if url.host_str().is_some_and(is_loopback) => Ok(Self(url)),
            _ => Err(EndpointError::Insecure),
        }
    }

    /// The host, which is never secret.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The path, which may be secret: for checks, not for messages.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The query, which may be secret, too.
    pub fn query(&self) -> Option<&str> {
        self.0.query()
    }

    /// Whether the host is this domain or below it.
    pub fn is_at(&self, domain: &str) -> bool {
        self.host().strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
    }

    /// Whether the query has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.0.query_pairs().any(|(known, _)| known == name)
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    /// The host's own page: nothing is asked there, nothing can be posted.
    #[must_use]
    pub fn root(&self) -> Self {
        let mut url = self.0.clone();
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        // Only addresses without a host cannot take them; this one has one.
        let _ = (url.set_username(""), url.set_password(None));
        Self(url)
    }

    /// The call `path` with `query` below this address. Each part of the path and each value is escaped, so that
    /// neither can reach another host, leave this address's own path, or add to the query.
    #[must_use]
    pub fn join(&self, path: &str, query: &[(&str, String)]) -> Self {
        let mut url = self.0.clone();
        // Http and https URLs always have a path to add to.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/').filter(|segment| !segment.is_empty()));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Self(url)
    }

    /// What is called `name` below this address: one part of the path, with whatever is in it escaped.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let mut url = self.0.clone();
        // Http and https URLs always have a path to add to.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(name);
        }
        Self(url)
    }

    /// `text` with every part of this URL blotted out that is long enough to be a key.
    pub(super) fn redact(&self, text: &str) -> String {
        /// `services`, the longest word that Slack's webhook URLs share, has 8 letters.
        const LONGEST_WORD: usize = 8;
        let may_be_secret = [self.0.password(), Some(self.0.path()), self.0.query()].into_iter().flatten();
        let parts = may_be_secret.flat_map(|part| part.split(['/', '&', '=', ':']));
        // Whoever says a key back may have read it, so that what was escaped in it looks otherwise: each piece goes.
        let keys = parts.flat_map(|part| [part].into_iter().chain(between_escapes(part)));
        let keys = keys.filter(|part| part.len() > LONGEST_WORD);
        keys.fold(text.to_owned(), |text, key| text.replace(key, "***"))
    }
}

/// The pieces of a part of a URL that stand between escapes such as `%3D`.
fn between_escapes(part: &str) -> impl Iterator<Item = &str> {
    part.split('%').enumerate().map(|(nth, piece)| if nth == 0 { piece } else { piece.get(2..).unwrap_or_default() })
}

/// Whether what is sent to this host cannot leave the machine: `localhost`, or a loopback address with or without brackets.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.host())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/…")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| de::Error::custom(format!("this address {error}")))
    }
}
