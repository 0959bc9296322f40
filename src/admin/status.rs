//! `/api/v1/status`: how the relay stands, on one page.

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::Call;
use super::sources;
use crate::event::Timestamp;
use crate::http_server::ApiError;
use crate::names::{SourceName, TargetName};

/// How the relay stands.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Of the relay.
    pub version: String,
    /// When this process began.
    pub started_at: Timestamp,
    /// How long ago that is, in seconds.
    pub uptime_seconds: u64,
    /// `sqlite` or `memory`.
    pub store: String,
    /// Whether an event sent now would be kept.
    pub ready: bool,
    /// Why not.
    pub not_ready_because: Option<String>,
    /// Deliveries pending.
    pub pending: u64,
    /// Dead letters kept.
    pub dead: u64,
    /// Targets that an operator has paused.
    pub paused_targets: Vec<TargetName>,
    /// Targets that are closed, because they refuse everything or fail again and again.
    pub closed_targets: Vec<TargetName>,
    /// Sources that are silent for longer than they may be.
    pub silent_sources: Vec<SourceName>,
    /// Silences in force.
    pub silences: u64,
    /// When the last new event came.
    pub last_event_at: Option<Timestamp>,
}

/// `GET`.
pub async fn status(call: Call) -> Result<Json<Status>, ApiError> {
    let Call { admin, now, .. } = call;
    let not_ready_because = admin.unready().await;
    let backlog = admin.ask(admin.store.backlog()).await?;
    let (mut paused_targets, mut closed_targets) = (Vec::new(), Vec::new());
    for target in admin.target_names() {
        let standing = admin.ask(admin.store.standing(target)).await?;
        paused_targets.extend(standing.pause(now).map(|_| target.clone()));
        closed_targets.extend(standing.closed().map(|_| target.clone()));
    }
    let sources: Vec<_> = admin.sources.iter().map(|source| sources::shown(source, &admin, now)).collect();
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: admin.started_at,
        uptime_seconds: now.saturating_since(admin.started_at).as_secs(),
        store: admin.engine.to_owned(),
        ready: not_ready_because.is_none(),
        not_ready_because,
        pending: backlog.values().map(|waiting| waiting.pending).sum(),
        dead: backlog.values().map(|waiting| waiting.dead).sum(),
        paused_targets,
        closed_targets,
        silent_sources: sources.iter().filter(|source| source.is_silent).map(|source| source.name.clone()).collect(),
        silences: admin.quiet.holding(now),
        last_event_at: sources.iter().filter_map(|source| source.event_at).max(),
    }))
}
