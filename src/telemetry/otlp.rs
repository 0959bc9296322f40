//! Where spans are exported to: the section `telemetry.otlp`, and the exporter it amounts to.
//!
//! Reads and checks in every build; exports with the cargo feature `otel` only. The exporter is one for the whole process, as
//! the log is, and asks by the blocking client, from a thread of its own: an async one has no runtime there and would lose
//! every span without a word. Next: [`super::spans`], what is exported.

use std::collections::BTreeMap;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de};

use crate::config::{Secret, Section, Span};

/// The section `telemetry`.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where spans are exported to; nothing is exported, and nothing made ready, when it is left out.
    pub otlp: Option<OtlpConfig>,
}

impl Config {
    /// Reads the section and notes every mistake in it.
    pub fn read(section: &Section) -> Option<Self> {
        section.only(&["otlp"]);
        let otlp = section.optional("otlp", |section| {
            if cfg!(not(feature = "otel")) {
                let hint = "build it with `cargo build --features otel`, or remove the section";
                section.problem_at("", "this castai-relay was built without OpenTelemetry", &[], Some(hint.to_owned()));
                return None;
            }
            let config = section.read::<OtlpConfig>()?;
            config.mistakes().into_iter().for_each(|(key, mistake)| section.problem_at(key, mistake, &[], None));
            Some(config)
        });
        Some(Self { otlp: otlp? })
    }
}

/// The section `telemetry.otlp`: a collector that takes OTLP by HTTP, in protobuf.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// The collector.
    pub endpoint: Collector,
    /// Sent with each request, such as a token.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// For one request.
    #[serde(default = "OtlpConfig::default_timeout")]
    pub timeout: Span,
}

impl OtlpConfig {
    fn default_timeout() -> Span {
        Span::from_secs(10)
    }

    /// What cannot work: the key, and why.
    fn mistakes(&self) -> Vec<(&'static str, String)> {
        let is_good = |(name, value): &(&String, &Secret)| {
            name.parse::<HeaderName>().is_ok() && HeaderValue::from_str(value.expose()).is_ok()
        };
        let wrong = self.headers.iter().filter(|header| !is_good(header));
        let mut all: Vec<_> =
            wrong.map(|(name, _)| ("headers", format!("`{name}` with its value cannot stand in a request"))).collect();
        if !self.headers.is_empty() && self.endpoint.is_in_the_clear() {
            all.push(("headers", "`headers` would be sent in the clear; use an `https` endpoint".to_owned()));
        }
        if self.timeout.get().is_zero() {
            all.push(("timeout", "`timeout` must be more than zero".to_owned()));
        }
        all
    }
}

/// Where a collector takes spans. It holds no secret, so it may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector(Uri);

impl Collector {
    /// `http` or `https`, a host, perhaps a path; a collector is often beside us in the cluster, without TLS.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_bare = uri.query().is_none() && !uri.authority()?.as_str().contains('@');
        (is_http && is_bare).then_some(Self(uri))
    }

    /// The address for spans: the path that all collectors have is added, unless it is written.
    pub fn for_spans(&self) -> String {
        let written = self.0.to_string();
        let base = written.trim_end_matches('/');
        if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") }
    }

    /// Whether others on the way can read what is sent.
    fn is_in_the_clear(&self) -> bool {
        let host = self.0.host().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        self.0.scheme_str() == Some("http") && !is_loopback
    }
}

impl<'de> Deserialize<'de> for Collector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rule = "is not the URL of a collector; write `http` or `https` with a host and without user or query, such as \
                    `http://collector:4318`; tokens go into `headers`";
        // What is wrong with it may be a password in it, so it is not repeated.
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`endpoint` {rule}")))
    }
}

#[cfg(feature = "otel")]
pub(super) use export::hand_over;
#[cfg(feature = "otel")]
pub use export::{ExportError, Exporting, export};

#[cfg(feature = "otel")]
mod export;

#[cfg(test)]
#[path = "tests/otlp.rs"]
mod tests;
