//! The proxy through which the outside is reached, and what goes past it.
//!
//! Its URL may hold a password, so what is shown of it is scheme, host and port. Only https ever goes through a proxy: what goes in the
//! clear goes to this machine. Next file: [`super::connection`], which has all settings together.

use std::fmt;

use reqwest::Url;
use serde::{Deserialize, Deserializer, de};

use super::guard::{Guard, Refused};
use super::host::Past;
use crate::config::Secret;

/// Where a proxy is, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ProxyUrl(Url);

/// A text that is no proxy we could use. Never holds the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAProxy {
    #[error("is not the URL of a proxy such as `http://proxy.example.com:3128`")]
    NotAUrl,
    #[error(
        "is a SOCKS proxy, which is not spoken here; write the URL of an HTTP proxy, `http://proxy.example.com:3128`"
    )]
    Socks,
    #[error("has more than scheme, user, password, host and port; leave the rest out")]
    TooLong,
    #[error("cannot be meant: {0}")]
    Refused(#[from] Refused),
}

impl ProxyUrl {
    pub(super) fn parse(text: &str) -> Result<Self, NotAProxy> {
        let url = Url::parse(text.trim()).map_err(|_| NotAProxy::NotAUrl)?;
        match url.scheme() {
            "http" | "https" => {}
            "socks4" | "socks4a" | "socks5" | "socks5h" => return Err(NotAProxy::Socks),
            _ => return Err(NotAProxy::NotAUrl),
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(NotAProxy::TooLong);
        }
        Guard::default().at_sight(url.host_str().unwrap_or_default())?;
        Ok(Self(url))
    }

    /// As the client takes it, password included.
    pub(super) fn expose(&self) -> Url {
        self.0.clone()
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

/// What is written under `proxy`: a URL, as a secret is written because it may hold a password, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// No proxy, whatever the environment says.
    None,
    Through(ProxyUrl),
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Secret::deserialize(deserializer)?;
        match written.expose().trim() {
            "none" => Ok(Self::None),
            url => ProxyUrl::parse(url)
                .map(Self::Through)
                .map_err(|error| de::Error::custom(format!("this value {error}"))),
        }
    }
}

/// How the outside is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    Through(Proxied),
    /// The environment names a proxy that cannot be used; in words.
    Blocked(String),
}

/// A proxy, and the hosts that are reached without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxied {
    pub(super) url: ProxyUrl,
    pub(super) past: Vec<Past>,
    /// Who says so: a key or a variable.
    pub(super) named_by: &'static str,
}

/// The way that the environment names, as `curl` and others read it: `HTTPS_PROXY`, then `ALL_PROXY`, and `NO_PROXY`, each in
/// small letters, too. An entry of `NO_PROXY` that is no host means nobody.
pub(super) fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Way {
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
    let filled = |names| first(names).filter(|(_, value)| !value.trim().is_empty());
    let named = filled(["HTTPS_PROXY", "https_proxy"]).or_else(|| filled(["ALL_PROXY", "all_proxy"]));
    let Some((named_by, value)) = named else { return Way::Direct };
    let value = value.trim();
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    match ProxyUrl::parse(&url) {
        Ok(url) => {
            let past = first(["NO_PROXY", "no_proxy"]).map(|(_, list)| list).unwrap_or_default();
            let past = past.split(',').filter_map(|entry| entry.trim().parse().ok()).collect();
            Way::Through(Proxied { url, past, named_by })
        }
        Err(error) => Way::Blocked(format!("the environment variable {named_by} {error}")),
    }
}

#[cfg(test)]
#[path = "tests/proxy.rs"]
mod tests;
