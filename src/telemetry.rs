//! What the process tells those who watch it: log lines here, the metric catalogue in [`metrics`], spans in [`spans`].
//!
//! Bodies, secrets and addresses of targets are never told. Knows names, the closed words of events, and by which client spans
//! go out; knows no other room.
//! Next room: [`crate::config`].

mod aftermath;
mod metrics;
mod of_drills;
mod of_routes;
mod of_sources;
mod of_targets;
pub mod otlp;
#[cfg(not(feature = "otel"))]
#[path = "telemetry/no_spans.rs"]
pub mod spans;
#[cfg(feature = "otel")]
pub mod spans;

use std::io::IsTerminal;

use serde::{Deserialize, Deserializer, de};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

pub use metrics::Metrics;
pub use of_routes::RouteHits;
pub use of_sources::{PollOutcome, PulseMetrics, ReceiveOutcome, Rejection, SkipReason, SourceMetrics};

/// The Kubernetes client tells every failed attempt, some with the whole answer. What it comes to is told by the source,
/// once and with the cure. A filter that names these modules is heard all the same.
const QUIET: &str = "kube_client=off,kube_runtime=off";

/// Sends log lines to standard error: readable on a terminal, JSON otherwise. `filter` is in the syntax of
/// <https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html>.
///
/// # Errors
/// When the filter cannot be read.
pub fn init_logging(filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call, as in tests that share a process, keeps the first subscriber.
    let _ = match std::io::stderr().is_terminal() {
        true => builder.compact().with_target(false).try_init(),
        false => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    Ok(())
}

/// For `log.filter`: as text, checked. A bare word must be a level: `inof` would be taken for the name of a module, and
/// everything else would fall silent.
///
/// # Errors
/// With what is allowed.
pub fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    let means_something = |part: &str| is_level(part.trim()) || part.contains(['=', '[', ']']);
    match EnvFilter::try_new(&text).is_ok() && text.split(',').all(means_something) {
        true => Ok(text),
        false => {
            let rule = "a level (off, error, warn, info, debug, trace), also for a module: `info,castai_relay=debug`";
            Err(de::Error::custom(format!("`{text}` is not a log filter; write {rule}")))
        }
    }
}
