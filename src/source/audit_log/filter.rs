//! Which records are wanted, as operators write it, and what of it the server can be asked to leave out.
//!
//! Everything is looked at here as well, whatever the server was asked: what comes is then the same for both versions.
//! Severity is never left to the server: a canonical event may be worse than its record says, and a word for a severity
//! that is not known yet would fall out of every list of words. Pure.

use std::fmt;

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Deserializer, de};

use super::config::Config;
use crate::castai_api::audit::{Filter, Kind, Operation};
use crate::event::{Cluster, Event, Severity};

/// Clusters by id, name, or glob over either; none written means all.
#[derive(Debug, Default)]
pub struct Clusters(Vec<GlobMatcher>);

/// A filter that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Not a glob.
    #[error("`{0}` is not a glob: {1}")]
    NotAGlob(String, String),
    /// Nothing fits nothing.
    #[error("an empty text fits nothing; write what is wanted, or take it away")]
    Empty,
}

impl Clusters {
    /// Compiles what was written.
    ///
    /// # Errors
    /// When one of them is empty or not a glob.
    pub fn parse(written: &[String]) -> Result<Self, FilterError> {
        let glob = |text: &String| match Glob::new(text) {
            _ if text.trim().is_empty() => Err(FilterError::Empty),
            Ok(glob) => Ok(glob.compile_matcher()),
            Err(error) => Err(FilterError::NotAGlob(text.clone(), error.kind().to_string())),
        };
        written.iter().map(glob).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this cluster is wanted, as far as it is known.
    fn take(&self, cluster: &Cluster) -> bool {
        let fits =
            |glob: &GlobMatcher| [&cluster.id, &cluster.name].into_iter().flatten().any(|word| glob.is_match(word));
        self.0.is_empty() || self.0.iter().any(fits)
    }

    /// The ids, if nothing else is written.
    fn ids(&self) -> Option<Vec<String>> {
        let id = |glob: &GlobMatcher| Some(glob.glob().glob().to_owned()).filter(|text| Cluster::is_id(text));
        self.0.iter().map(id).collect()
    }

    /// Whether only a cluster's name tells if it is wanted.
    pub fn by_name(&self) -> bool {
        self.ids().is_none()
    }
}

impl fmt::Display for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written: Vec<&str> = self.0.iter().map(|glob| glob.glob().glob()).collect();
        f.write_str(&written.join(" "))
    }
}

impl<'de> Deserialize<'de> for Clusters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Words of which any may fit, in any case; none written means all.
#[derive(Debug, Default)]
pub struct Words(Vec<String>);

impl Words {
    /// Takes what was written.
    ///
    /// # Errors
    /// When one of them is empty.
    pub fn parse(written: Vec<String>) -> Result<Self, FilterError> {
        match written.iter().any(|word| word.trim().is_empty()) {
            true => Err(FilterError::Empty),
            false => Ok(Self(written)),
        }
    }

    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&self, word: Option<&String>) -> bool {
        let fits = |word: &String| self.0.iter().any(|own| own.eq_ignore_ascii_case(word));
        self.is_empty() || word.is_some_and(fits)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A least severity, written `warning` or `">= warning"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtLeast(Severity);

impl AtLeast {
    /// Whether it is as bad as that.
    pub fn take(self, severity: Severity) -> bool {
        severity >= self.0
    }
}

impl std::str::FromStr for AtLeast {
    type Err = crate::event::UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        text.strip_prefix(">=").unwrap_or(text).parse().map(Self)
    }
}

impl fmt::Display for AtLeast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ">= {}", self.0)
    }
}

impl<'de> Deserialize<'de> for AtLeast {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What the server is asked to leave out.
pub fn for_the_server(config: &Config) -> Filter {
    Filter {
        clusters: config.clusters.ids().unwrap_or_default(),
        domains: config.domains.0.clone(),
        resources: config.resources.0.clone(),
        actions: config.actions.0.clone(),
    }
}

/// Whether the kind of the record is wanted.
pub fn takes_operation(config: &Config, operation: &Operation) -> bool {
    match &operation.kind {
        Kind::V1(_) => true,
        Kind::V2 { domain, resource, action } => {
            let Config { domains, resources, actions, .. } = config;
            domains.take(domain.as_ref()) && resources.take(resource.as_ref()) && actions.take(action.as_ref())
        }
    }
}

/// Whether the event is wanted, by its cluster and by how bad it is.
pub fn takes_event(config: &Config, event: &Event) -> bool {
    config.clusters.take(&event.cluster) && config.severity.is_none_or(|least| least.take(event.severity))
}

#[cfg(test)]
#[path = "tests/filter.rs"]
mod tests;
