//! `/api/v1/sources`: where events come from, and when each source was last heard.

use std::time::Duration;

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::operation::Call;
use crate::config::Span;
use crate::event::Timestamp;
use crate::http_server::ApiError;
use crate::names::SourceName;

/// A source as it is configured.
#[derive(Debug, Clone)]
pub struct Watched {
    /// What it is called.
    pub name: SourceName,
    /// How long it may be silent, where that has a limit.
    pub silent_after: Option<Duration>,
}

/// All sources.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Sources")]
pub struct Listing {
    /// In the order of the configuration: the webhooks, then what is asked.
    pub sources: Vec<Shown>,
}

/// A source as it is shown.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Source")]
pub struct Shown {
    /// What it is called.
    pub name: SourceName,
    /// `webhook`, or the source that is built in.
    pub kind: String,
    /// When it last was there: sent something it may send, or answered.
    pub heard_at: Option<Timestamp>,
    /// When it last brought an event that was new.
    pub event_at: Option<Timestamp>,
    /// For how long nothing was heard of it, in seconds; the time in which the relay was away does not count.
    pub lag_seconds: u64,
    /// How long that may be: `1h`. No limit when there is none.
    pub silent_after: Option<String>,
    /// Whether it is longer.
    pub is_silent: bool,
    /// What went wrong when it was last asked, if anything did.
    pub failure: Option<String>,
}

/// `GET`.
pub async fn list(call: Call) -> Result<Json<Listing>, ApiError> {
    Ok(Json(Listing {
        sources: call.admin.sources.iter().map(|source| shown(source, &call.admin, call.now)).collect(),
    }))
}

/// How a source stands.
pub fn shown(source: &Watched, admin: &Admin, now: Timestamp) -> Shown {
    let Watched { name, silent_after } = source;
    let heard = admin.pulse.of(name);
    let quiet_for = admin.pulse.quiet_for(name, now).unwrap_or_default();
    Shown {
        kind: if name.is_built_in() { name.as_str() } else { "webhook" }.to_owned(),
        heard_at: heard.and_then(|heard| heard.heard_at),
        event_at: heard.and_then(|heard| heard.event_at),
        lag_seconds: quiet_for.as_secs(),
        silent_after: silent_after.map(|limit| Span::from(limit).to_string()),
        is_silent: silent_after.is_some_and(|limit| quiet_for > limit),
        failure: admin.pulse.failure(name),
        name: name.clone(),
    }
}
