//! `/api/v1/deliveries`: what is owed to whom and how it stands, dead letters (`state=dead`) among it.
//!
//! Why one waits is [`super::waiting`]. Next: [`super::story`], where a delivery is part of its event's.

use std::collections::BTreeMap;

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::filter::Wanted;
use super::operation::{Call, Nothing};
use super::waiting::{self, Waiting};
use crate::event::delivery::{Phase, Reason};
use crate::event::{Event, Severity, Timestamp};
use crate::http_server::ApiError;
use crate::names::{DeliveryId, EventId, GroupKey, IncidentKey, ReplayId, RouteName, TargetName};
use crate::store::query::Listed;
use crate::store::{DeliveryRow, DeliveryState, Origin};
use crate::target::{Limits, TargetState};

/// A page of deliveries.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// In the order that was asked for.
    pub deliveries: Vec<OfEvent>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// A delivery with what it tells of.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OfEvent {
    /// What it tells of; nothing where that cannot be read.
    pub event: Option<About>,
    /// How it stands.
    #[serde(flatten)]
    pub delivery: Shown,
}

/// An event, in a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// Its id.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// How bad it is.
    pub severity: Severity,
}

/// A delivery as it is shown.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Which.
    pub id: DeliveryId,
    /// The route that owes it.
    pub route: RouteName,
    /// To whom.
    pub target: TargetName,
    /// With which severity it is told there.
    pub told_as: Severity,
    /// Why it is owed.
    pub origin: Origin,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Not before this, where it is pending; while an attempt is running, when that is given up for lost.
    pub due_at: Option<Timestamp>,
    /// Why it has not left yet, where it is pending.
    pub waits: Option<Waiting>,
    /// Since when it is owed.
    pub owed_since: Timestamp,
    /// When it came to its end.
    pub settled_at: Option<Timestamp>,
    /// Why it failed last.
    pub reason: Option<Reason>,
    /// The same in words; of one that was silenced or superseded, by what.
    pub detail: Option<String>,
    /// Whether an attempt may have arrived of which nobody knows.
    pub may_have_arrived: bool,
    /// Who is told instead, too.
    pub fell_back_to: Option<TargetName>,
    /// What leaves together with it.
    pub group: Option<GroupKey>,
    /// The incident it opens or ends.
    pub incident: Option<IncidentKey>,
    /// Whether it ends that incident.
    pub ends_incident: bool,
    /// The replay that tells it again.
    pub replay: Option<ReplayId>,
}

/// `GET`.
pub async fn list(call: Call<Nothing, Wanted>) -> Result<Json<Listing>, ApiError> {
    let Call { admin, now, query, .. } = call;
    let sought = query.of("deliveries")?;
    let Listed { items, next } = admin.ask(admin.store.deliveries(sought.filter.clone(), sought.slice)).await?;
    let mut targets = Targets::of(&admin);
    let mut deliveries = Vec::with_capacity(items.len());
    for item in items {
        let delivery = targets.shown(item.delivery, now).await?;
        deliveries.push(OfEvent { event: item.event.as_ref().map(About::of), delivery });
    }
    Ok(Json(Listing { deliveries, next: sought.next(next) }))
}

impl About {
    /// The event in a word.
    pub fn of(event: &Event) -> Self {
        Self { id: event.id.clone(), event_type: event.type_name().to_owned(), severity: event.severity }
    }
}

/// The targets as they stand, each asked for once.
pub struct Targets<'a> {
    admin: &'a Admin,
    known: BTreeMap<TargetName, (TargetState, Option<Limits>)>,
}

impl<'a> Targets<'a> {
    /// Of this relay.
    pub fn of(admin: &'a Admin) -> Self {
        Self { admin, known: BTreeMap::new() }
    }

    /// A delivery, with why it waits.
    ///
    /// # Errors
    /// When the store does not say how its target stands.
    pub async fn shown(&mut self, row: DeliveryRow, now: Timestamp) -> Result<Shown, ApiError> {
        let waits = match row.state {
            DeliveryState::Pending => {
                let (standing, limits) = self.get(&row.owed.target).await?;
                waiting::why(&row, standing, limits.as_ref(), now)
            }
            _ => None,
        };
        Ok(shown(row, waits))
    }

    async fn get(&mut self, name: &TargetName) -> Result<&(TargetState, Option<Limits>), ApiError> {
        if !self.known.contains_key(name) {
            let standing = self.admin.ask(self.admin.store.standing(name)).await?;
            let configured = self.admin.targets.iter().find(|target| target.deliverer.target() == name);
            let limits = configured.map(|target| target.deliverer.policy().limits());
            self.known.insert(name.clone(), (standing, limits));
        }
        self.known.get(name).ok_or_else(ApiError::internal)
    }
}

fn shown(row: DeliveryRow, waits: Option<Waiting>) -> Shown {
    let is_pending = row.state == DeliveryState::Pending;
    let (incident, phase) = row.owed.incident.map(|step| (step.key, step.phase)).unzip();
    Shown {
        id: row.id,
        route: row.owed.route,
        target: row.owed.target,
        told_as: row.owed.severity,
        origin: row.origin,
        replay: row.again.map(|again| again.replay),
        state: row.state,
        attempts: row.attempts,
        due_at: Some(row.due_at).filter(|_| is_pending),
        waits,
        owed_since: row.owed_since,
        settled_at: row.settled_at,
        reason: row.reason,
        detail: row.detail,
        may_have_arrived: row.in_doubt,
        fell_back_to: row.fell_back_to,
        group: row.owed.group.map(|group| group.key),
        incident,
        ends_incident: phase == Some(Phase::Resolve),
    }
}
