//! `/api/v1/events`: what came, and to whom it is owed. The whole story of one is [`super::story`].

use std::collections::BTreeMap;

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::Wanted;
use super::operation::{Call, Nothing};
use crate::event::{Cluster, Event, Severity, Timestamp};
use crate::http_server::ApiError;
use crate::names::{EventId, SourceName, TargetName};
use crate::store::DeliveryState;
use crate::store::query::{EventRow, Listed};

/// The name of the list, for its cursors.
pub const LIST: &str = "events";

/// Characters of a message that are shown in a list.
const LONGEST_MESSAGE: usize = 300;

/// A page of events.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// In the order that was asked for.
    pub events: Vec<Shown>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Its place among all events, in the order in which they came.
    pub place: i64,
    /// Its id.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// How bad it is.
    pub severity: Severity,
    /// Who brought it.
    pub source: SourceName,
    /// Where.
    pub cluster: Cluster,
    /// What CAST AI calls it.
    pub name: Option<String>,
    /// What CAST AI says of it, cut to 300 characters.
    pub message: Option<String>,
    /// When it happened, as the sender says.
    pub occurred_at: Option<Timestamp>,
    /// When it came.
    pub received_at: Timestamp,
    /// How often it came again.
    pub repeats: u64,
    /// To whom it is owed, and how many of its deliveries stand where.
    pub owed: BTreeMap<TargetName, BTreeMap<DeliveryState, usize>>,
}

/// `GET`.
pub async fn list(call: Call<Nothing, Wanted>) -> Result<Json<Listing>, ApiError> {
    let Call { admin, query, .. } = call;
    let sought = query.of(LIST)?;
    let Listed { items, next } = admin.ask(admin.store.events(sought.filter.clone(), sought.slice)).await?;
    Ok(Json(Listing { events: items.into_iter().map(Shown::from).collect(), next: sought.next(next) }))
}

impl From<EventRow> for Shown {
    fn from(EventRow { place, event, repeats, owed }: EventRow) -> Self {
        let event_type = event.type_name().to_owned();
        let message = event.kind.message().map(|message| message.chars().take(LONGEST_MESSAGE).collect());
        let name = event.kind.name().map(str::to_owned);
        let Event { id, severity, source, cluster, occurred_at, received_at, .. } = event;
        Self {
            place,
            id,
            event_type,
            severity,
            source,
            cluster,
            name,
            message,
            occurred_at,
            received_at,
            repeats,
            owed,
        }
    }
}
