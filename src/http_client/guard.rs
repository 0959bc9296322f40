//! Which hosts may be connected to.
//!
//! Pure. Where a list is written ([`Allowed`]), nothing else is reached. Where clouds keep credentials is reached only where that very
//! address is written. A name is judged twice: before it is looked up, and by each address that is found for it, at the moment
//! of connecting, so that a name which leads elsewhere by then is found out. Next file: [`super::lookup`], which asks for
//! the second judgement.

use std::net::{IpAddr, SocketAddr};

use super::host::{Allowed, bare, literal};
use super::network::is_metadata;

/// Names by which clouds call the place of their machines' credentials; a proxy would look them up behind our back.
const METADATA_NAMES: &[&str] =
    &["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"];

/// The rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Guard {
    /// What may be reached; everything where there is no list.
    pub(super) allow: Option<Vec<Allowed>>,
}

/// Why a host may not be connected to. In words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Clouds tell credentials there.
    #[error(
        "{0} is where clouds keep the credentials of machines, and is reached only where `allow` has this very address"
    )]
    Metadata(String),
    /// It is on no list.
    #[error("{0} is not in `allow`, which has all that may be reached")]
    NotAllowed(String),
    /// Only its name is known, and the name is on no list.
    #[error("{0} is looked up by the proxy, so that only its name can be judged, and `allow` does not have it")]
    UnknownBehindProxy(String),
}

impl Guard {
    /// What can be said of a host, as it stands in a URL, before anybody has looked it up.
    pub(super) fn at_sight(&self, host: &str) -> Result<(), Refused> {
        match literal(host) {
            Some(address) => self.of_address(host, address),
            None if METADATA_NAMES.contains(&bare(host)) && !self.has(|entry| entry.is_name(host)) => {
                Err(Refused::Metadata(bare(host).to_owned()))
            }
            None => Ok(()),
        }
    }

    /// The same where nothing else will be known, because a proxy looks it up.
    pub(super) fn behind_proxy(&self, host: &str) -> Result<(), Refused> {
        self.at_sight(host)?;
        match literal(host).is_some() || self.allow.is_none() || self.has(|entry| entry.has_name(host)) {
            true => Ok(()),
            false => Err(Refused::UnknownBehindProxy(bare(host).to_owned())),
        }
    }

    /// Those of the addresses that were found for `name` which may be connected to.
    ///
    /// # Errors
    /// Where there is none of them.
    pub(super) fn passed(
        &self,
        name: &str,
        found: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Refused> {
        let (mut passed, mut first_refusal) = (Vec::new(), None);
        for address in found {
            match self.of_address(name, address.ip()) {
                Ok(()) => passed.push(address),
                Err(refused) => first_refusal = first_refusal.or(Some(refused)),
            }
        }
        match first_refusal.filter(|_| passed.is_empty()) {
            Some(refused) => Err(refused),
            None => Ok(passed),
        }
    }

    fn of_address(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let shown = || match literal(host) {
            Some(_) => address.to_string(),
            None => format!("{} ({address})", bare(host)),
        };
        if is_metadata(address) && !self.has(|entry| entry.is_address(address)) {
            return Err(Refused::Metadata(shown()));
        }
        match self.allow.is_none() || self.has(|entry| entry.has_address(address) || entry.has_name(host)) {
            true => Ok(()),
            false => Err(Refused::NotAllowed(shown())),
        }
    }

    fn has(&self, is_meant: impl Fn(&Allowed) -> bool) -> bool {
        self.allow.iter().flatten().any(is_meant)
    }
}

#[cfg(test)]
#[path = "tests/guard.rs"]
mod tests;
