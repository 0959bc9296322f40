//! What operators and their machines see and ask for: is it alive, is it ready, what does it count, who is silenced.
//!
//! Served on its own listener, by default on loopback only. `/livez`, `/readyz` and `/metrics` are open; all of [`api`]
//! is behind the tokens of [`access`]. [`operation`] is how something is asked, [`page`] a long list, [`filter`] what is wanted of it, [`openapi`] the
//! document of it all. Knows the store's questions, not its engines; knows no notifier.

pub mod access;
pub mod acts;
mod api;
pub mod deliveries;
pub mod drills;
pub mod events;
mod filter;
mod openapi;
mod operation;
mod page;
mod read;
pub mod replays;
pub mod routes;
pub mod silences;
pub mod sources;
pub mod status;
pub mod story;
pub mod stream;
pub mod targets;
pub mod waiting;

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
use crate::event::Timestamp;
use crate::http_server::{self, ApiError};
use crate::live::Live;
use crate::names::{TargetName, TokenName};
use crate::route::RoutingTable;
use crate::runtime::{Clock, Doorbell, Lifecycle};
use crate::source::drills::Drills;
use crate::source::pulse::Pulse;
use crate::store::{Backlog, Store, StoreError};
use crate::telemetry::Metrics;
use access::{Role, Token, Tokens};
use sources::Watched;
use targets::Overseen;

/// How long the store may take to answer a probe or a scrape.
const PATIENCE: Duration = Duration::from_secs(2);

/// The section `admin`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port of the admin listener.
    #[serde(deserialize_with = "listen_address")]
    pub listen: SocketAddr,
    /// Who shows it may do everything, under the name `admin`; without any token nobody may use the API.
    #[serde(default)]
    pub token: Option<Secret>,
    /// More tokens, each with a name and a role.
    #[serde(default)]
    pub tokens: Vec<Token>,
}

impl Config {
    /// Tokens that cannot be meant: the place in this section, and what is wrong.
    pub fn impossible(&self) -> Vec<access::Mistake> {
        access::mistakes(self.token.as_ref(), &self.tokens)
    }

    /// All tokens there are.
    pub fn all_tokens(&self) -> Tokens {
        let single = self.token.clone().map(|token| Token { name: TokenName::admin(), role: Role::Operate, token });
        single.into_iter().chain(self.tokens.iter().cloned()).collect()
    }
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
    pub targets: Arc<[Overseen]>,
    /// Who is told of what.
    pub table: Arc<RoutingTable>,
    /// Reads the tables that were in force before, so that they can be explained.
    pub read_table: story::TableReader,
    /// Where events come from.
    pub sources: Arc<[Watched]>,
    /// What is played to see whether it is told.
    pub drills: Arc<Drills>,
    /// When each source was last heard.
    pub pulse: Arc<Pulse>,
    /// Who is woken when an operator wants something of a target.
    pub bell: Arc<Doorbell>,
    /// Where silences are added and ended.
    pub quiet: Arc<Quiet>,
    /// Where one hears of what happens.
    pub live: Live,
    /// What has to be shown to use the API.
    pub tokens: Tokens,
    /// What keeps events: `sqlite` or `memory`.
    pub engine: &'static str,
    /// When the process began.
    pub started_at: Timestamp,
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
    match admin.unready().await {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    admin.pulse.show(admin.clock.now());
    match tokio::time::timeout(PATIENCE, admin.look()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the store could not be asked for the metrics"),
        Err(_elapsed) => tracing::warn!("the store was too slow to be asked for the metrics"),
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], admin.metrics.encode()).into_response()
}

impl Admin {
    /// Why an event sent now would not be kept.
    async fn unready(&self) -> Option<String> {
        if self.life.is_stopping() {
            return Some("stopping".to_owned());
        }
        match tokio::time::timeout(PATIENCE, self.store.probe()).await {
            Ok(kept) => kept.err().map(|error| error.to_string()),
            Err(_elapsed) => Some("the store does not answer".to_owned()),
        }
    }

    /// Asks the store for an operator, who is not kept waiting.
    async fn ask<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, ApiError> {
        self.within(answer).await?.map_err(|error| self.store_failed(&error))
    }

    /// What the store answers, if it does so in time. What it did all the same counts here when the silences are refreshed.
    async fn within<T>(&self, answer: impl Future<Output = T>) -> Result<T, ApiError> {
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_elapsed| {
            tracing::error!("the store kept an operator waiting for too long");
            ApiError::store_unavailable(self.limits.retry_after.get())
        })
    }

    fn store_failed(&self, error: &StoreError) -> ApiError {
        tracing::error!(%error, "the store failed an operator");
        ApiError::store_unavailable(self.limits.retry_after.get())
    }

    /// The names of the targets, in the order of the configuration.
    fn target_names(&self) -> impl Iterator<Item = &TargetName> {
        self.targets.iter().map(|target| target.deliverer.target())
    }

    /// What is kept is shown as it is kept, whoever changed it.
    async fn look(&self) -> Result<(), StoreError> {
        self.show_backlog(&self.store.backlog().await?);
        for target in self.target_names() {
            let standing = self.store.standing(target).await?;
            self.metrics.closed(target, standing.closed().map(|closed| closed.cause.as_str()));
            self.metrics.waits(target, standing.patience_left(self.clock.now()));
        }
        Ok(())
    }

    fn show_backlog(&self, waiting: &BTreeMap<TargetName, Backlog>) {
        let now = self.clock.now();
        let idle = self.target_names().filter(|target| !waiting.contains_key(target));
        idle.for_each(|target| self.metrics.backlog(target, 0, Duration::ZERO, 0));
        for (target, backlog) in waiting {
            let oldest = backlog.oldest.map(|at| now.saturating_since(at)).unwrap_or_default();
            self.metrics.backlog(target, backlog.pending, oldest, backlog.dead);
        }
    }
}
