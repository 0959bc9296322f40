//! Those who are told in the demo: an HTTP server that answers like Slack's and PagerDuty's, and repeats what it heard.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::config;
use crate::http_server::{Config, Listener, Server};
use crate::runtime::Lifecycle;
use crate::telemetry::Metrics;

/// One call to a stand-in.
#[derive(Debug)]
pub enum Heard {
    /// A Slack message.
    Slack {
        /// Whether it was accepted.
        works: bool,
        /// Its fallback text.
        text: String,
    },
    /// A PagerDuty event.
    PagerDuty {
        /// Its severity.
        severity: String,
        /// Its summary.
        summary: String,
    },
}

/// The state of both.
pub struct StandIns {
    slack_works: AtomicBool,
    hears: mpsc::Sender<Heard>,
}

impl StandIns {
    /// In working order.
    pub fn new(hears: mpsc::Sender<Heard>) -> Self {
        Self { slack_works: AtomicBool::new(true), hears }
    }

    /// Whether Slack accepts messages from now on.
    pub fn set_slack_works(&self, works: bool) {
        self.slack_works.store(works, Ordering::Relaxed);
    }

    async fn hear(&self, heard: Heard) {
        // Only fails when the demo has ended and nobody listens any more.
        let _ = self.hears.send(heard).await;
    }
}

/// Serves both on a free loopback port.
pub async fn serve(stand_ins: Arc<StandIns>, life: &Lifecycle) -> anyhow::Result<SocketAddr> {
    let router = Router::new()
        .route("/services/{team}/{service}/{token}", post(slack))
        .route("/v2/enqueue", post(pagerduty))
        .with_state(stand_ins);
    let defaults = config::load(&[], Vec::new());
    let limits = defaults.root.section("server").read::<Config>();
    let limits = limits.ok_or_else(|| anyhow::anyhow!("the built-in defaults cannot be read"))?;
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let address = listener.address()?;
    let server = Server::new(limits, router, Arc::new(Metrics::new(&[], &[], &[])), life.clone());
    life.spawn("stand-ins", server.run(listener));
    Ok(address)
}

async fn slack(State(stand_ins): State<Arc<StandIns>>, body: Bytes) -> Response {
    let works = stand_ins.slack_works.load(Ordering::Relaxed);
    let text = text_at(&body, &["text"]);
    stand_ins.hear(Heard::Slack { works, text }).await;
    match works {
        true => "ok".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "<html>Service Unavailable</html>").into_response(),
    }
}

async fn pagerduty(State(stand_ins): State<Arc<StandIns>>, body: Bytes) -> Response {
    let (severity, summary) = (text_at(&body, &["payload", "severity"]), text_at(&body, &["payload", "summary"]));
    stand_ins.hear(Heard::PagerDuty { severity, summary }).await;
    let answer =
        json!({"status": "success", "message": "Event processed", "dedup_key": text_at(&body, &["dedup_key"])});
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

fn text_at(body: &[u8], path: &[&str]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let found = path.iter().try_fold(&body, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or("?").to_owned()
}
