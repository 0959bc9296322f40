//! Where CAST AI's API is: one of its regions, or any address one was given.
//!
//! Keys belong to one region; asked in another one they are answered 401. Next file: [`super`], which asks.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::http_client::{Endpoint, EndpointError};

/// The address of the API: `us`, `eu`, or a URL, because there are more regions (India) than are documented with their
/// hosts, <https://docs.cast.ai/docs/communication-requirements>.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ApiUrl {
    /// <https://api.cast.ai>.
    #[default]
    Us,
    /// <https://api.eu.cast.ai>.
    Eu,
    /// Anywhere else: https, or http on a loopback address.
    Other(Endpoint),
}

impl ApiUrl {
    const US: &str = "https://api.cast.ai";
    const EU: &str = "https://api.eu.cast.ai";

    /// Reads `us`, `eu` or a URL; a preset written as its URL is the preset.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        match text.trim_end_matches('/') {
            "us" | Self::US => Ok(Self::Us),
            "eu" | Self::EU => Ok(Self::Eu),
            _ => Endpoint::parse(text).map(Self::Other),
        }
    }

    /// Where calls go.
    ///
    /// # Errors
    /// Never for an address that [`parse`](Self::parse) has read.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        match self {
            Self::Us => Endpoint::parse(Self::US),
            Self::Eu => Endpoint::parse(Self::EU),
            Self::Other(endpoint) => Ok(endpoint.clone()),
        }
    }

    /// What to try when a key is not known here.
    pub(super) fn other_region(&self) -> &'static str {
        match self {
            Self::Us => "eu",
            Self::Eu => "us",
            Self::Other(_) => "us` or `eu",
        }
    }
}

/// The address as people know it.
impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Us => write!(f, "{} (us)", Self::US),
            Self::Eu => write!(f, "{} (eu)", Self::EU),
            Self::Other(endpoint) => write!(f, "{endpoint}"),
        }
    }
}

impl<'de> Deserialize<'de> for ApiUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| {
            de::Error::custom(format!("this address {error}; write `us`, `eu`, or the URL of another region's API"))
        })
    }
}
