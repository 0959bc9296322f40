//! `/api/v1/events/{id}`: the whole story of one event, from how it came to where each of its deliveries stands.
//!
//! Told from what is kept: the event, the routing table it came under, its deliveries, its ledger. What the routes made of it
//! is a function of the first two, so it is told again instead of being kept. Next: [`super::deliveries`].

use axum::Json;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Admin;
use super::deliveries::{self, Targets};
use super::operation::Call;
use crate::config::Problems;
use crate::event::ledger::Entry;
use crate::event::{Event, Timestamp};
use crate::http_server::ApiError;
use crate::names::{EventId, RouteName, SourceName, TableId};
use crate::route::explain::End;
use crate::route::{RouteVerdict, RoutingTable, Verdict};
use crate::store::StoredEvent;

/// Compiles a routing table that was in force earlier.
pub type TableReader = fn(&str) -> Result<RoutingTable, Problems>;

/// Bytes of the body that are shown.
const MOST_OF_BODY: usize = 64 * 1024;

/// The whole story of one event.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Story {
    /// The relay's time: what is said of now is said of then.
    pub as_of: Timestamp,
    /// The event as it is kept and as templates see it.
    pub event: Map<String, Value>,
    /// How it came.
    pub came: Came,
    /// The body as it was received.
    pub body: Body,
    /// What the routes made of it.
    pub routing: Routing,
    /// What it owes, in the order in which it was owed.
    pub deliveries: Vec<deliveries::Shown>,
    /// What happened to it, in order. Where a number is missing, entries were left out.
    pub ledger: Vec<Entry>,
}

/// How an event came.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Came {
    /// Who brought it.
    pub source: SourceName,
    /// Whether the relay fetched it from CAST AI's list of notifications because the webhook had not brought it.
    pub by_backfill: bool,
    /// When it happened, as the sender says.
    pub occurred_at: Option<Timestamp>,
    /// When it came.
    pub received_at: Timestamp,
    /// How many seconds lie between the two.
    pub late_by_seconds: Option<u64>,
    /// How often it came again, conflicts left out.
    pub repeats: u64,
    /// How often it came again with another body from the same source; the first one stands.
    pub conflicts: u64,
}

/// A body.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    /// How long it is.
    pub bytes: usize,
    /// Its beginning, at most 64 KiB; what is not UTF-8 is replaced.
    pub text: String,
    /// Whether all of it is shown as it was received.
    pub is_whole: bool,
}

/// What the routes made of an event.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Routing {
    /// The routing table under which it came, if that is known.
    pub table: Option<String>,
    /// Whether that is the one in force now.
    pub is_in_force: bool,
    /// What each route made of it, in order.
    pub verdicts: Vec<Told>,
    /// Why that cannot be told.
    pub unknown: Option<String>,
}

/// What a route made of an event.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// Which route.
    pub route: RouteName,
    /// Whether it took the event, or ends an incident by it.
    pub matched: bool,
    /// What it did and why, in words.
    pub told: String,
}

/// `GET`.
pub async fn tell(call: Call<EventId>) -> Result<Json<Story>, ApiError> {
    let Call { admin, now, path: id, .. } = call;
    let hint = "`GET /api/v1/events` lists those that are kept; in the path, a `/` of an id is written `%2F`";
    let stored = admin.ask(admin.store.event(&id)).await?;
    let stored = stored.ok_or_else(|| ApiError::nothing_there(format!("there is no event `{id}`"), hint))?;
    let StoredEvent { event, duplicates, conflicts, deliveries, routed_by, ledger } = stored;
    let routing = routing(&admin, &event, routed_by).await?;
    let (mut targets, mut owed) = (Targets::of(&admin), Vec::with_capacity(deliveries.len()));
    for delivery in deliveries {
        owed.push(targets.shown(delivery, now).await?);
    }
    Ok(Json(Story {
        as_of: now,
        came: came(&event, duplicates, conflicts),
        body: body(&event.body),
        event: record(&event),
        routing,
        deliveries: owed,
        ledger,
    }))
}

fn record(event: &Event) -> Map<String, Value> {
    match serde_json::to_value(event) {
        Ok(Value::Object(record)) => record,
        // A record is an object of texts and numbers; the store could not have kept another one.
        _ => Map::new(),
    }
}

fn came(event: &Event, repeats: u64, conflicts: u64) -> Came {
    Came {
        source: event.source.clone(),
        by_backfill: event.source == SourceName::notifications(),
        occurred_at: event.occurred_at,
        received_at: event.received_at,
        late_by_seconds: event.late_by().map(|late| late.as_secs()),
        repeats,
        conflicts,
    }
}

fn body(bytes: &Bytes) -> Body {
    let shown = bytes.get(..MOST_OF_BODY).unwrap_or(bytes);
    let text = String::from_utf8_lossy(shown).into_owned();
    Body { bytes: bytes.len(), is_whole: text.as_bytes() == bytes, text }
}

async fn routing(admin: &Admin, event: &Event, table: Option<TableId>) -> Result<Routing, ApiError> {
    let is_in_force = table.is_some() && table == admin.table.id();
    let told = match table {
        None => Err("an earlier version of the relay routed it, which did not keep its routing table".to_owned()),
        Some(_) if is_in_force => Ok(admin.table.explain(event)),
        Some(id) => match admin.ask(admin.store.table(id)).await? {
            None => Err(format!("its routing table {id} is no longer kept")),
            Some(text) => match (admin.read_table)(&text) {
                Ok(table) => Ok(table.explain(event)),
                Err(problems) => {
                    Err(format!("this version cannot read its routing table {id}: {}", in_a_line(&problems)))
                }
            },
        },
    };
    let (verdicts, unknown) = match told {
        Ok(verdicts) => (verdicts.iter().map(Told::of).collect(), None),
        Err(why) => (Vec::new(), Some(why)),
    };
    Ok(Routing { table: table.map(|id| id.to_string()), is_in_force, verdicts, unknown })
}

fn in_a_line(problems: &Problems) -> String {
    let text = problems.to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

impl Told {
    fn of(verdict: &RouteVerdict) -> Self {
        let took = matches!(verdict.verdict, Verdict::Matched { .. } | Verdict::MatchedAsEnd { .. });
        let ended = matches!(verdict.end, Some(End::Resolves { .. }));
        Self { route: verdict.route.clone(), matched: took || ended, told: verdict.to_string() }
    }
}
