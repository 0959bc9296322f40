//! `/api/v1/replays`: stored events that are told again; and `/api/v1/deliveries/retry`: dead letters that are owed again.
//!
//! Both are rows of the store by the time of the answer, so a restart changes nothing. What is told again is for
//! [`crate::deliver::replay`].

use std::time::Duration;

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Call, Created, Nothing, Sent};
use super::page::{self, Page};
use super::read::{Line, given, number};
use super::silences::all_are_known;
use super::targets::{Signed, refused};
use crate::config::{Rate, Span};
use crate::deliver::quiet::{author, reason};
use crate::event::delivery::DeliveryState;
use crate::event::{Severity, Timestamp};
use crate::http_server::ApiError;
use crate::names::{DeliveryId, EventId, ReplayId, RouteName, SourceName, TargetName};
use crate::store::query::{EventFilter, OwedFilter, Period};
use crate::store::replay::{Keys, Replay, ReplayTerms, Retry};

/// Ids that may be named in one request.
const MOST_IDS: usize = 200;
/// Characters of what is looked for.
const LONGEST: usize = 255;
/// No faster than this, whatever is asked for: news must get through beside it.
const FASTEST: Duration = Duration::from_millis(10);

/// Which events are told again, to whom, and how fast.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only these events.
    #[serde(default)]
    #[schemars(length(max = 200))]
    ids: Vec<EventId>,
    /// Only events of this type; with `.*` at its end, of all types that begin so.
    #[serde(default, rename = "type")]
    #[schemars(length(min = 1, max = 255))]
    event_type: Option<String>,
    /// Only of the cluster with this name or id.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    cluster: Option<String>,
    /// Only those that are at least so severe.
    #[serde(default)]
    severity: Option<Severity>,
    /// Only those that this source brought.
    #[serde(default)]
    source: Option<SourceName>,
    /// Only those that owe something to this target.
    #[serde(default)]
    target: Option<TargetName>,
    /// Only those that owe something by this route.
    #[serde(default)]
    route: Option<RouteName>,
    /// Only those with a delivery that stands so.
    #[serde(default)]
    state: Option<DeliveryState>,
    /// Only those received then or later.
    #[serde(default)]
    since: Option<Timestamp>,
    /// Only those received before then.
    #[serde(default)]
    until: Option<Timestamp>,
    /// Only those in which these words occur: whole words, in any order and case.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    text: Option<String>,
    /// Really all that is stored, when nothing else is said.
    #[serde(default)]
    everything: bool,
    /// Tell only these; whom the routes say now, when there are none.
    #[serde(default)]
    #[schemars(length(max = 100))]
    to: Vec<TargetName>,
    /// Which keys the messages have: the `same` as the first ones, or `new` ones.
    #[serde(default = "same")]
    keys: Keys,
    /// How many events are told again in a time.
    #[serde(default = "one_a_second")]
    #[schemars(with = "String", regex(pattern = "^0*[1-9][0-9]{0,8}/[smh]$"))]
    rate: Rate,
    /// Why.
    #[schemars(with = "Line")]
    why: String,
    /// Who wants it.
    #[schemars(with = "Line")]
    by: String,
}

fn same() -> Keys {
    Keys::Same
}

fn one_a_second() -> Rate {
    Rate::per_second(std::num::NonZeroU32::MIN)
}

/// A replay as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Replay")]
pub struct Shown {
    /// What to call it.
    pub id: ReplayId,
    /// Whether it goes on.
    pub standing: Standing,
    /// Who wanted it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who stopped it.
    pub stopped_by: Option<String>,
    /// Of what was there when it began, how much lies behind it, in hundredths.
    pub percent: u8,
    /// Events told again so far.
    pub events: u64,
    /// Deliveries owed for them.
    pub deliveries: u64,
    /// The time from one event to the next: `200ms`.
    pub every: String,
    /// Which keys the messages have.
    pub keys: Keys,
    /// Who alone is told.
    pub to: Vec<TargetName>,
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It goes on.
    Running,
    /// It came to its end.
    Done,
    /// Somebody ended it before.
    Stopped,
}

/// A page of replays.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Replays")]
pub struct Listing {
    /// The newest first.
    pub replays: Vec<Shown>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Which part of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Replays on a page at most.
    #[serde(default = "page::usual", deserialize_with = "number::<1, { page::MOST }, _>")]
    #[schemars(range(min = 1, max = 200))]
    limit: usize,
    /// `next` of the page before.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "page::Cursor")]
    cursor: Option<String>,
}

/// Which dead letters are owed again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Letters {
    /// Their ids.
    #[schemars(length(min = 1, max = 200))]
    ids: Vec<DeliveryId>,
    /// Who wants it.
    #[schemars(with = "Line")]
    by: String,
}

/// What became of them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Retried {
    /// Those that are owed again.
    pub retried: Vec<DeliveryId>,
    /// Those that stay as they are: they are no dead letters, their target is not configured any more, what they began is over
    /// by now, or their route keeps no incidents any more, so that nothing would end it.
    pub left: Vec<DeliveryId>,
}

impl Wanted {
    fn terms(self, now: Timestamp) -> Result<(ReplayTerms, String), ApiError> {
        let Self { ids, event_type, cluster, severity, source, target, route, state, since, until, text, .. } = self;
        if ids.len() > MOST_IDS {
            return Err(ApiError::not_allowed(
                format!("`ids` names {} events", ids.len()),
                format!("at most {MOST_IDS} are allowed"),
            ));
        }
        if since.zip(until).is_some_and(|(since, until)| since >= until) || since.is_some_and(|since| since > now) {
            let hint = "`since` is the first moment of what is told again, `until` the first one after it";
            return Err(ApiError::not_allowed("nothing lies between `since` and `until`", hint));
        }
        let texts = [("type", &event_type), ("cluster", &cluster), ("text", &text)];
        let lengths = texts.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?.chars().count())));
        if let Some((key, length)) = lengths.into_iter().find(|(_, length)| !(1..=LONGEST).contains(length)) {
            let hint = format!("write from 1 to {LONGEST} characters, or leave it out");
            return Err(ApiError::not_allowed(format!("`{key}` has {length} characters"), hint));
        }
        let ids = ids.into_iter().collect();
        let (owed, when) = (OwedFilter { target, route, state }, Period { since, until });
        let filter = EventFilter { ids, event_type, cluster, severity, source, when, text, owed };
        if filter == EventFilter::default() && !self.everything {
            let hint = "say which events with `ids`, `type`, `since`, …; all that is stored with `everything: true`";
            return Err(ApiError::not_allowed("it is not said what is to be told again", hint));
        }
        let (by, why) = (author(self.by).map_err(refused)?, reason(self.why).map_err(refused)?);
        let every = self.rate.interval();
        if every < FASTEST {
            return Err(ApiError::not_allowed(
                format!("`rate` is {}", self.rate),
                "at most 100/s is allowed: news must get through beside it",
            ));
        }
        Ok((ReplayTerms { filter, to: self.to, keys: self.keys, every, why }, by))
    }
}

/// `POST`: 201 with the replay, which goes on by itself.
pub async fn begin(call: Call<Nothing, Nothing, Sent<Wanted>>) -> Result<Created<Shown>, ApiError> {
    let Call { admin, caller, now, body: Sent(wanted), .. } = call;
    all_are_known("target", &wanted.to, &admin.target_names().cloned().collect::<Vec<_>>())?;
    let (terms, by) = wanted.terms(now)?;
    let replay = admin.ask(admin.store.begin_replay(terms, caller.sign(now, Some(by.clone())))).await?;
    tracing::warn!(replay.id = %replay.id, token = %caller.name, by, "a replay was begun");
    Ok(Created { place: format!("/api/v1/replays/{}", replay.id), shown: shown(replay) })
}

/// `GET`: newest first.
pub async fn list(call: Call<Nothing, Part>) -> Result<Json<Listing>, ApiError> {
    let Call { admin, query: Part { limit, cursor }, .. } = call;
    let page = Page::of("replays", "", limit, cursor.as_deref())?;
    let mut replays = admin.ask(admin.store.replays(page.before, page.wanted())).await?;
    let next = page.cut(&mut replays, |replay| replay.id.row());
    Ok(Json(Listing { replays: replays.into_iter().map(shown).collect(), next }))
}

/// `GET …/{id}`.
pub async fn show(call: Call<ReplayId>) -> Result<Json<Shown>, ApiError> {
    let Call { admin, path, .. } = call;
    let replay = admin.ask(admin.store.replay(path)).await?.ok_or_else(|| unknown(path))?;
    Ok(Json(shown(replay)))
}

/// `POST …/{id}/stop`: 200 with how far it came. The first end stands, so it may be said twice.
pub async fn stop(call: Call<ReplayId, Nothing, Sent<Signed>>) -> Result<Json<Shown>, ApiError> {
    let Call { admin, caller, now, path, body: Sent(Signed { by }), .. } = call;
    let by = author(by).map_err(refused)?;
    let stopped = admin.ask(admin.store.stop_replay(path, caller.sign(now, Some(by)))).await?;
    Ok(Json(shown(stopped.ok_or_else(|| unknown(path))?)))
}

/// `POST /deliveries/retry`: 200 with what is owed again and what is not.
pub async fn retry(call: Call<Nothing, Nothing, Sent<Letters>>) -> Result<Json<Retried>, ApiError> {
    let Call { admin, caller, now, body: Sent(Letters { mut ids, by }), .. } = call;
    let by = author(by).map_err(refused)?;
    if ids.is_empty() || ids.len() > MOST_IDS {
        let hint = format!("name from 1 to {MOST_IDS} deliveries");
        return Err(ApiError::not_allowed(format!("`ids` names {} deliveries", ids.len()), hint));
    }
    let (targets, incidents) = (admin.target_names().cloned().collect(), admin.table.incidents());
    let wanted = Retry { letters: ids.clone(), targets, incidents, by: caller.sign(now, Some(by.clone())) };
    let retried = admin.ask(admin.store.retry(wanted)).await?;
    tracing::warn!(deliveries = retried.owed.len(), token = %caller.name, by, "dead letters are owed again");
    admin.metrics.aftermath(&retried.after);
    admin.live.aftermath(&retried.after, now);
    retried.after.woken.iter().for_each(|target| admin.bell.ring(target));
    ids.retain(|id| !retried.owed.contains(id));
    Ok(Json(Retried { retried: retried.owed, left: ids }))
}

fn unknown(id: ReplayId) -> ApiError {
    ApiError::nothing_there(
        format!("there is no replay `{id}`"),
        "`GET /api/v1/replays` lists those that are remembered",
    )
}

fn shown(replay: Replay) -> Shown {
    let Replay { id, terms, by, begun_at, last, place, events, deliveries, ended, .. } = replay;
    let standing = match ended.as_ref().map(|end| end.stopped_by.is_some()) {
        None => Standing::Running,
        Some(false) => Standing::Done,
        Some(true) => Standing::Stopped,
    };
    let percent = place.saturating_mul(100).checked_div(last).unwrap_or(100).clamp(0, 100);
    Shown {
        id,
        standing,
        by,
        why: terms.why,
        begun_at,
        ended_at: ended.as_ref().map(|end| end.at),
        stopped_by: ended.and_then(|end| end.stopped_by),
        percent: if standing == Standing::Done { 100 } else { u8::try_from(percent).unwrap_or(100) },
        events,
        deliveries,
        every: Span::from(terms.every).to_string(),
        keys: terms.keys,
        to: terms.to,
    }
}
