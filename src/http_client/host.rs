//! Entries of lists of hosts: names, what is below a name, networks.
//!
//! Pure. There are two kinds of list: what goes past a proxy ([`Past`]), and what may be reached at all ([`Allowed`]). Next
//! file: [`super::guard`], which holds requests against a list.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Deserializer, de};

use super::network::{Network, is_private};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// This name.
    Name(String),
    /// This name and all below it.
    Below(String),
    Network(Network),
    /// All that is not private.
    Public,
    All,
}

/// A host as it stands in a URL, without brackets and a last dot: `::1`, `hooks.slack.com`.
pub(super) fn bare(host: &str) -> &str {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    address.or_else(|| host.strip_suffix('.')).unwrap_or(host)
}

/// The address, where a host is one and not a name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    bare(host).parse().ok()
}

impl Entry {
    fn has_name(&self, name: &str) -> bool {
        match self {
            Self::Name(known) => name.eq_ignore_ascii_case(known),
            Self::Below(known) => {
                let above = name.len().checked_sub(known.len()).and_then(|at| name.split_at_checked(at));
                above.is_some_and(|(above, end)| {
                    end.eq_ignore_ascii_case(known) && (above.is_empty() || above.ends_with('.'))
                })
            }
            Self::All => true,
            Self::Network(_) | Self::Public => false,
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(address),
            Self::Public => !is_private(address),
            Self::All => true,
            Self::Name(_) | Self::Below(_) => false,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(name) => write!(f, ".{name}"),
            Self::Network(network) => network.fmt(f),
            Self::Public => f.write_str("public"),
            Self::All => f.write_str("*"),
        }
    }
}

/// A text that is no entry, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` {1}")]
pub struct NotAHost(String, &'static str);

const FORMS: &str = "is neither a host, `hooks.slack.com`, nor all below one, `.slack.com`, nor an address, `10.0.0.1`, nor a \
    network, `10.0.0.0/8`";

/// A name in the form in which it comes in a URL (lower case, ASCII); an address; a network.
fn parse(text: &str) -> Result<Entry, NotAHost> {
    let refused = |why| NotAHost(text.to_owned(), why);
    if let Ok(network) = bare(text).parse() {
        return Ok(Entry::Network(network));
    }
    if text.contains("://") || text.contains('@') {
        // Either may come with a key.
        return Err(NotAHost("…".to_owned(), "is more than a host; write the host alone"));
    }
    let name = text.strip_prefix('.').unwrap_or(text);
    let url = Url::parse(&format!("https://{name}/")).map_err(|_| refused(FORMS))?;
    let host = url.host_str().filter(|_| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    let host = host.ok_or_else(|| refused(FORMS))?;
    if url.port().is_some() || name.ends_with(":443") {
        return Err(refused("has a port; write the host alone, which is meant with all its ports"));
    }
    let is_name = |host: &&str| !host.contains('*') && literal(host).is_none() && !host.starts_with('.');
    let host = Some(bare(host)).filter(is_name).ok_or_else(|| refused(FORMS))?;
    Ok(if text.starts_with('.') { Entry::Below(host.to_owned()) } else { Entry::Name(host.to_owned()) })
}

/// Goes past the proxy. As everywhere with `NO_PROXY`, a name means all below it, too; `*` is everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past(Entry);

impl FromStr for Past {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        match text {
            "*" => Ok(Self(Entry::All)),
            _ => Ok(Self(match parse(text)? {
                Entry::Name(name) => Entry::Below(name),
                other => other,
            })),
        }
    }
}

impl Past {
    /// Whether this host, as it stands in a URL, is meant. A name is not looked up.
    pub fn has(&self, host: &str) -> bool {
        literal(host).map_or_else(|| self.0.has_name(bare(host)), |address| self.0.has_address(address))
    }
}

/// May be reached: a name alone, all below it (`.example.com`), an address, a network, or `public`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed(Entry);

impl FromStr for Allowed {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        match text {
            "public" => Ok(Self(Entry::Public)),
            _ => parse(text).map(Self),
        }
    }
}

impl Allowed {
    /// Whether this name, as it stands in a URL, is meant.
    pub fn has_name(&self, name: &str) -> bool {
        self.0.has_name(bare(name))
    }

    /// Whether this address is.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.0.has_address(address)
    }

    /// Whether this very address is written, not just a network around it.
    pub fn is_address(&self, address: IpAddr) -> bool {
        matches!(self.0, Entry::Network(network) if network.is_one_address() && network.contains(address))
    }

    /// Whether this very name is written, not just one above it.
    pub fn is_name(&self, name: &str) -> bool {
        matches!(self.0, Entry::Name(_)) && self.has_name(name)
    }
}

macro_rules! written_as_text {
    ($entry:ty) => {
        impl fmt::Display for $entry {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $entry {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

written_as_text!(Past);
written_as_text!(Allowed);

#[cfg(test)]
#[path = "tests/host.rs"]
mod tests;
