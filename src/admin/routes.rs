//! `/api/v1/routes`: the routing table in force, in the words in which `check` shows it.

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::operation::Call;
use crate::config::Span;
use crate::event::{Severity, Timestamp};
use crate::http_server::ApiError;
use crate::names::{RouteName, SourceName, TargetName};
use crate::route::Route;
use crate::telemetry::RouteHits;

/// The routing table.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RoutingTable")]
pub struct Table {
    /// The routes in order.
    pub routes: Vec<Shown>,
    /// Who is told of what no route took.
    pub default_targets: Vec<TargetName>,
    /// What no route took.
    pub default_hits: Hits,
    /// Since when hits are counted.
    pub counted_since: Timestamp,
    /// What goes past the routes because it comes too late.
    pub too_late: Vec<TooLate>,
}

/// A route.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Route")]
pub struct Shown {
    /// What it is called.
    pub name: RouteName,
    /// Which events it takes.
    #[serde(rename = "match")]
    pub matching: String,
    /// Who is told.
    pub notify: Vec<TargetName>,
    /// With this severity instead of the event's own.
    pub severity: Option<String>,
    /// Whether the search ends with it.
    pub stop: bool,
    /// When it may speak; always, when there are none.
    pub hours: Option<String>,
    /// What leaves together.
    pub group: Option<String>,
    /// When all of it leaves together.
    pub storm: Option<String>,
    /// The incident it opens.
    pub incident: Option<String>,
    /// What it took.
    pub hits: Hits,
}

/// How often a route took an event, since the process began.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Hits {
    /// New events that it took.
    pub events: u64,
    /// When it took the last one.
    pub last_at: Option<Timestamp>,
}

/// What comes too late from one source.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TooLate {
    /// Of which source.
    pub source: SourceName,
    /// Older than this: `1h`.
    pub older_than: String,
    /// Who is told instead.
    pub notify: Vec<TargetName>,
}

/// `GET`.
pub async fn list(call: Call) -> Result<Json<Table>, ApiError> {
    let Call { admin, .. } = call;
    let table = &admin.table;
    let too_late = table.late_rules().map(|(source, limit, notify)| TooLate {
        source: source.clone(),
        older_than: Span::from(limit).to_string(),
        notify: notify.to_vec(),
    });
    Ok(Json(Table {
        routes: table.routes().map(|route| shown(route, hits(&admin, &route.name))).collect(),
        default_hits: hits(&admin, &RouteName::default_targets()),
        counted_since: admin.started_at,
        default_targets: table.default_targets().to_vec(),
        too_late: too_late.collect(),
    }))
}

fn hits(admin: &Admin, route: &RouteName) -> Hits {
    let RouteHits { events, last_at } = admin.metrics.route_hits(route);
    Hits { events, last_at }
}

fn shown(route: &Route, hits: Hits) -> Shown {
    Shown {
        name: route.name.clone(),
        matching: route.matcher.to_string(),
        notify: route.notify.clone(),
        severity: route.severity.as_ref().map(Severity::to_string),
        stop: route.stop,
        hours: route.hours_in_words(),
        group: route.group.as_ref().map(ToString::to_string),
        storm: route.storm.as_ref().map(ToString::to_string),
        incident: route.incident.as_ref().map(ToString::to_string),
        hits,
    }
}
