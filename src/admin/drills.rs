//! `/api/v1/drills`: made-up events that go all the way, and whether they got there.
//!
//! A drill is begun here and judged in the rounds of [`crate::source::drills`]: look again at what it answers.

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Admin;
use super::operation::{Call, Created, Nothing, Sent};
use super::read::Line;
use super::targets::Signed;
use crate::config::Span;
use crate::deliver::quiet::author;
use crate::event::Timestamp;
use crate::event::act::Signature;
use crate::http_server::ApiError;
use crate::names::{DrillName, EventId, SourceName};
use crate::source::drills::config::{USUALLY_WITHIN, wrong_within};
use crate::source::drills::record::{Record, Run};
use crate::source::drills::script::Script;
use crate::source::drills::{Drill, NotBegun};

/// All drills.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Drills")]
pub struct Listing {
    /// In the order of the configuration, then those on demand.
    pub drills: Vec<Shown>,
}

/// A drill, and how it went lately.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Drill")]
pub struct Shown {
    /// What it is called; `on-demand` for those that nobody configured.
    pub name: DrillName,
    /// When it takes place by itself: `0 9 * * MON in UTC`.
    pub schedule: Option<String>,
    /// When it does next.
    pub next: Option<Timestamp>,
    /// The webhook source that it plays.
    pub source: Option<SourceName>,
    /// How soon everybody must have been told: `5m`.
    pub within: Option<String>,
    /// The newest first: all that are under way, and the last ten that ended.
    pub runs: Vec<Run>,
}

/// A drill that was begun.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BegunDrill")]
pub struct Begun {
    /// What it is called.
    pub drill: DrillName,
    /// Its event.
    #[schemars(with = "String")]
    pub event_id: EventId,
    /// When everybody must have been told.
    pub until: Timestamp,
}

/// What a drill on demand may say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The body as CAST AI would send it: this or `sample`.
    #[serde(default)]
    event: Option<Map<String, Value>>,
    /// The name of a built-in sample, such as `node.spot_interrupted`.
    #[serde(default)]
    sample: Option<String>,
    /// The webhook source that is played; the first one, when left out.
    #[serde(default)]
    source: Option<SourceName>,
    /// How soon everybody must have been told; `5m`, when left out.
    #[serde(default)]
    within: Option<Span>,
    /// Who wants it.
    #[schemars(with = "Line")]
    by: String,
}

/// `GET`: all of them.
pub async fn list(call: Call) -> Result<Json<Listing>, ApiError> {
    let Call { admin, now, .. } = call;
    let mut drills = Vec::new();
    for drill in admin.drills.configured() {
        drills.push(shown(&drill.name, Some(drill), admin.ask(admin.drills.record(&drill.name)).await?, now));
    }
    let on_demand = DrillName::on_demand();
    drills.push(shown(&on_demand, None, admin.ask(admin.drills.record(&on_demand)).await?, now));
    Ok(Json(Listing { drills }))
}

/// `GET …/{name}`.
pub async fn show(call: Call<DrillName>) -> Result<Json<Shown>, ApiError> {
    let Call { admin, now, path: name, .. } = call;
    let drill = if name == DrillName::on_demand() { None } else { Some(find(&admin, &name)?) };
    Ok(Json(shown(&name, drill, admin.ask(admin.drills.record(&name)).await?, now)))
}

/// `POST …/{name}/run`: 201 with its event.
pub async fn run(call: Call<DrillName, Nothing, Sent<Signed>>) -> Result<Created<Begun>, ApiError> {
    let Call { admin, caller, now, path, body: Sent(Signed { by }), .. } = call;
    let by = author(by).map_err(|refused| ApiError::not_allowed(refused.message, refused.hint))?;
    if path == DrillName::on_demand() {
        let hint = "`POST /api/v1/drills` begins one, with the event it is made of";
        return Err(ApiError::cannot_be_done(
            "`on-demand` stands for the drills that nobody configured: it has no event",
            hint,
        ));
    }
    let drill = find(&admin, &path)?;
    start(&admin, drill, caller.sign(now, Some(by))).await
}

/// `POST`: 201 with its event.
pub async fn begin(call: Call<Nothing, Nothing, Sent<Wanted>>) -> Result<Created<Begun>, ApiError> {
    let Call { admin, caller, now, body: Sent(wanted), .. } = call;
    let Wanted { event, sample, source, within, by } = wanted;
    let by = author(by).map_err(|refused| ApiError::not_allowed(refused.message, refused.hint))?;
    let script = match (event, sample) {
        (Some(event), None) => Script::Event(event),
        (None, Some(sample)) => Script::Sample(sample),
        (event, _) => {
            let fault = if event.is_some() { "both are written" } else { "neither is written" };
            let hint = "write `event`, the body as CAST AI would send it, or `sample`, such as `node.spot_interrupted`";
            return Err(ApiError::not_allowed(format!("`event` or `sample`: {fault}"), hint));
        }
    };
    let within = within.unwrap_or(USUALLY_WITHIN);
    if let Some(mistake) = wrong_within(within) {
        return Err(ApiError::not_allowed(mistake, "write a duration such as `5m`"));
    }
    let stage = admin.drills.stage(source.as_ref()).cloned();
    let stage = stage.ok_or_else(|| {
        let hint = "a drill plays a webhook source; `GET /api/v1/sources` lists the sources";
        ApiError::not_allowed("there is no such webhook source", hint)
    })?;
    let drill = Drill { name: DrillName::on_demand(), schedule: None, script, stage, within: within.get() };
    start(&admin, &drill, caller.sign(now, Some(by))).await
}

async fn start(admin: &Admin, drill: &Drill, by: Signature) -> Result<Created<Begun>, ApiError> {
    let begun = admin.within(admin.drills.begin(drill, by)).await?;
    let run = begun.map_err(|error| match error {
        NotBegun::TooMany => ApiError::too_many(error.to_string(), "wait until one of them has ended"),
        NotBegun::Unreadable(ref problem) => {
            let hint = problem.hint;
            ApiError::not_allowed(error.to_string(), hint)
        }
        NotBegun::Store(error) => admin.store_failed(&error),
    })?;
    let place = format!("/api/v1/drills/{}", drill.name);
    Ok(Created { place, shown: Begun { drill: drill.name.clone(), event_id: run.event_id, until: run.until } })
}

fn find<'a>(admin: &'a Admin, name: &DrillName) -> Result<&'a Drill, ApiError> {
    admin.drills.configured().iter().find(|drill| drill.name == *name).ok_or_else(|| {
        let hint = "`GET /api/v1/drills` lists those there are; `POST /api/v1/drills` begins one of your own";
        ApiError::nothing_there(format!("there is no drill `{name}` in the configuration"), hint)
    })
}

fn shown(name: &DrillName, drill: Option<&Drill>, record: Record, now: Timestamp) -> Shown {
    let schedule = drill.and_then(|drill| drill.schedule.as_ref());
    Shown {
        name: name.clone(),
        schedule: schedule.map(ToString::to_string),
        next: schedule.and_then(|schedule| schedule.next_after(now)),
        source: drill.map(|drill| drill.stage.source.clone()),
        within: drill.map(|drill| Span::from(drill.within).to_string()),
        runs: record.runs,
    }
}
