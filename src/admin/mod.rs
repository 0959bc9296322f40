//! What operators and their machines see and ask for: is it alive, is it ready, what does it count, who is silenced.
//!
//! Served on its own listener, by default on loopback only. `/livez`, `/readyz` and `/metrics` are open; all of [`api`]
//! is behind the token of [`access`]. Knows the store's questions, not its engines; knows no notifier.

mod access;
mod api;
pub mod silences;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::config::{Secret, listen_address};
use crate::deliver::quiet::Quiet;
use crate::http_server::{self, ApiError};
use crate::names::TargetName;
use crate::runtime::{Clock, Lifecycle};
use crate::store::{Backlog, Store, StoreError};
use crate::telemetry::Metrics;

/// How long the store may take to answer a probe or a scrape.
const PATIENCE: Duration = Duration::from_secs(2);

/// The section `admin`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port of the admin listener.
    #[serde(deserialize_with = "listen_address")]
    pub listen: SocketAddr,
    /// Who shows it may use the API; without one nobody may.
    #[serde(default)]
    pub token: Option<Secret>,
}

/// What the admin listener looks at.
#[derive(Clone)]
pub struct Admin {
    /// Asked whether it can write, and what waits.
    pub store: Arc<dyn Store>,
    /// Shown at `/metrics`.
    pub metrics: Arc<Metrics>,
    /// For the age of what waits.
    pub clock: Arc<dyn Clock>,
    /// Whether the process is stopping.
    pub life: Lifecycle,
    /// Targets of which it is shown how they stand, and how much waits even when nothing does.
    pub targets: Arc<[TargetName]>,
    /// Where silences are added and ended.
    pub quiet: Arc<Quiet>,
    /// What has to be shown to use the API.
    pub token: Option<Secret>,
    /// How large and how slow a body may be.
    pub limits: Arc<http_server::Config>,
}

/// `/livez`, `/readyz`, `/metrics`, and the API.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .nest("/api", api::router(&admin))
        .with_state(admin)
        .fallback(async || ApiError::no_such_page())
        .method_not_allowed_fallback(async || ApiError::wrong_method())
}

/// Ready means: an event sent now would be kept. The state of the targets does not matter for that.
async fn readyz(State(admin): State<Admin>) -> Response {
    if admin.life.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match tokio::time::timeout(PATIENCE, admin.store.probe()).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
        Err(_elapsed) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match tokio::time::timeout(PATIENCE, admin.look()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the store could not be asked for the metrics"),
        Err(_elapsed) => tracing::warn!("the store was too slow to be asked for the metrics"),
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], admin.metrics.encode()).into_response()
}

impl Admin {
    /// What is kept is shown as it is kept, whoever changed it.
    async fn look(&self) -> Result<(), StoreError> {
        self.show_backlog(&self.store.backlog().await?);
        for target in self.targets.iter() {
            let standing = self.store.standing(target).await?;
            self.metrics.closed(target, standing.closed().map(|closed| closed.cause.as_str()));
        }
        Ok(())
    }

    fn show_backlog(&self, waiting: &BTreeMap<TargetName, Backlog>) {
        let now = self.clock.now();
        let idle = self.targets.iter().filter(|target| !waiting.contains_key(target));
        idle.for_each(|target| self.metrics.backlog(target, 0, Duration::ZERO, 0));
        for (target, backlog) in waiting {
            let oldest = backlog.oldest.map(|at| now.saturating_since(at)).unwrap_or_default();
            self.metrics.backlog(target, backlog.pending, oldest, backlog.dead);
        }
    }
}
