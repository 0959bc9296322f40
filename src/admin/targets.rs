//! `/api/v1/targets`: who is told, how each target stands, and what operators may ask of it.
//!
//! A pause is a row of the store, so it holds across restarts and for every process; here the bell is rung, so that
//! nobody waits for what changed. Next: [`crate::target`], which knows what a pause means.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::operation::{Call, Nothing, Sent};
use super::read::Line;
use crate::config::Span;
use crate::deliver::Deliverer;
use crate::deliver::quiet::{Refused, author, reason};
use crate::deliver::trial::{NotTried, Trial};
use crate::event::Timestamp;
use crate::event::delivery::Reason;
use crate::http_server::ApiError;
use crate::names::TargetName;
use crate::store::Backlog;
use crate::target::{Order, Pause, TargetState};

/// How long a target may be paused with an end: who is still needed after that will have to be asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(90 * 24 * 3600);

/// A target as it is configured.
#[derive(Clone)]
pub struct Overseen {
    /// The word for its kind, `slack`.
    pub kind: &'static str,
    /// Who delivers to it.
    pub deliverer: Arc<Deliverer>,
}

/// All targets.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Targets")]
pub struct Listing {
    /// In the order of the configuration.
    pub targets: Vec<Shown>,
}

/// A target as it is shown.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Target")]
pub struct Shown {
    /// What it is called.
    pub name: TargetName,
    /// The word for its kind, such as `slack`.
    pub kind: String,
    /// Whether it is told.
    pub state: State,
    /// Why it is paused: an operator wanted it.
    pub pause: Option<PauseShown>,
    /// Why it is closed: it refuses everything, or fails again and again.
    pub closed: Option<ClosedShown>,
    /// Until when it asked everybody to wait.
    pub busy_until: Option<Timestamp>,
    /// Deliveries pending.
    pub backlog: u64,
    /// When the first of them was received.
    pub oldest: Option<Timestamp>,
    /// Dead letters kept.
    pub dead: u64,
    /// How it is delivered to, in words.
    pub limits: String,
    /// Who is told instead.
    pub fallback: Option<FallbackShown>,
}

/// Whether a target is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Open,
    /// It is only probed now and then.
    Closed,
    /// An operator wants that nothing leaves for it.
    Paused,
}

/// A pause.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Pause")]
pub struct PauseShown {
    /// Since when.
    pub since: Timestamp,
    /// Until when; until somebody resumes it, when there is none.
    pub until: Option<Timestamp>,
    /// Who wanted it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Why and since when a target is closed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Closed")]
pub struct ClosedShown {
    /// `refusing` or `failing`.
    pub cause: String,
    /// Since when.
    pub since: Timestamp,
    /// The last failure.
    pub reason: Reason,
    /// The same in words.
    pub detail: String,
    /// When it is tried next.
    pub probe_at: Timestamp,
}

/// Who is told instead.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Fallback")]
pub struct FallbackShown {
    /// Who.
    pub to: TargetName,
    /// When the target was shut for so long: `15m`.
    pub after: String,
}

/// What a pause may say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseWanted {
    /// Who wants it.
    #[schemars(with = "Line")]
    by: String,
    /// Why, for those who miss a message.
    #[schemars(with = "Line")]
    why: String,
    /// Until when. Until somebody resumes it, when neither this nor `for` is written.
    #[serde(default)]
    until: Option<Timestamp>,
    /// For how long: `2h`.
    #[serde(default, rename = "for")]
    lasting: Option<Span>,
}

/// Who asks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// Who asks for it.
    #[schemars(with = "Line")]
    pub by: String,
}

/// How a test went.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    /// Whether the target took the message.
    pub outcome: TestOutcome,
    /// Why not.
    pub reason: Option<Reason>,
    /// The same in words.
    pub detail: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Whether a target took a test message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// It did.
    Delivered,
    /// It did not, or nobody knows.
    Failed,
}

/// `GET`: all of them.
pub async fn list(call: Call) -> Result<Json<Listing>, ApiError> {
    let Call { admin, now, .. } = call;
    let backlog = admin.ask(admin.store.backlog()).await?;
    let mut targets = Vec::with_capacity(admin.targets.len());
    for target in admin.targets.iter() {
        let name = target.deliverer.target();
        let standing = admin.ask(admin.store.standing(name)).await?;
        targets.push(shown(target, &standing, backlog.get(name).copied().unwrap_or_default(), now));
    }
    Ok(Json(Listing { targets }))
}

/// `GET …/{name}`.
pub async fn show(call: Call<TargetName>) -> Result<Json<Shown>, ApiError> {
    let target = find(&call.admin, &call.path)?;
    look(&call.admin, target, call.now).await
}

/// `POST …/{name}/pause`: 200 with how it stands then.
pub async fn pause(call: Call<TargetName, Nothing, Sent<PauseWanted>>) -> Result<Json<Shown>, ApiError> {
    let Call { admin, caller, now, path, body: Sent(wanted), .. } = call;
    let target = find(&admin, &path)?;
    let PauseWanted { by, why, until, lasting } = wanted;
    let (by, why) = (author(by).map_err(refused)?, reason(why).map_err(refused)?);
    let order = Order::Pause { until: end_of_pause(until, lasting, now)?, why };
    admin.ask(admin.store.order(&path, order, caller.sign(now, Some(by.clone())))).await?;
    tracing::warn!(target.name = %path, token = %caller.name, by, "a target was paused");
    admin.bell.ring(&path);
    look(&admin, target, now).await
}

/// `POST …/{name}/resume`: 200 with how it stands then; also when it was not paused.
pub async fn resume(call: Call<TargetName, Nothing, Sent<Signed>>) -> Result<Json<Shown>, ApiError> {
    let Call { admin, caller, now, path, body: Sent(Signed { by }), .. } = call;
    let target = find(&admin, &path)?;
    let by = author(by).map_err(refused)?;
    admin.ask(admin.store.order(&path, Order::Resume, caller.sign(now, Some(by.clone())))).await?;
    tracing::info!(target.name = %path, token = %caller.name, by, "a target was resumed");
    admin.bell.ring(&path);
    look(&admin, target, now).await
}

/// `POST …/{name}/test`: 200 with how it went, also when it went wrong.
pub async fn test(call: Call<TargetName, Nothing, Sent<Signed>>) -> Result<Json<Tested>, ApiError> {
    let Call { admin, caller, now, path, body: Sent(Signed { by }), .. } = call;
    let target = find(&admin, &path)?;
    let by = author(by).map_err(refused)?;
    let tried = target.deliverer.try_out(caller.sign(now, Some(by)), &admin.life).await;
    let Trial { failure, took } = tried.map_err(|error| match error {
        NotTried::TooSoon { until } => {
            let hint = "the target's `rate` has nothing left; wait, or raise it";
            ApiError::too_soon(format!("`{path}` can be tested again at {until}"), hint, until.saturating_since(now))
        }
        NotTried::Store(error) => admin.store_failed(&error),
    })?;
    let outcome = if failure.is_none() { TestOutcome::Delivered } else { TestOutcome::Failed };
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let (reason, detail) = failure.map(|error| (error.reason, error.detail)).unzip();
    Ok(Json(Tested { outcome, reason, detail, took_ms }))
}

fn find<'a>(admin: &'a Admin, name: &TargetName) -> Result<&'a Overseen, ApiError> {
    admin.targets.iter().find(|target| target.deliverer.target() == name).ok_or_else(|| {
        let hint = "`GET /api/v1/targets` lists those there are";
        ApiError::nothing_there(format!("there is no target `{name}`"), hint)
    })
}

async fn look(admin: &Admin, target: &Overseen, now: Timestamp) -> Result<Json<Shown>, ApiError> {
    let name = target.deliverer.target();
    let backlog = admin.ask(admin.store.backlog()).await?;
    let standing = admin.ask(admin.store.standing(name)).await?;
    Ok(Json(shown(target, &standing, backlog.get(name).copied().unwrap_or_default(), now)))
}

/// What cannot be meant, as it is answered.
pub fn refused(refused: Refused) -> ApiError {
    ApiError::not_allowed(refused.message, refused.hint)
}

fn end_of_pause(
    until: Option<Timestamp>,
    lasting: Option<Span>,
    now: Timestamp,
) -> Result<Option<Timestamp>, ApiError> {
    let hint =
        "write a time such as `2026-11-21T06:00:00Z` or a duration such as `2h`; or neither, until it is resumed";
    let until = match (until, lasting) {
        (Some(_), Some(_)) => return Err(ApiError::not_allowed("`until` or `for`: both are written", hint)),
        (until, lasting) => until.or(lasting.map(|lasting| now.saturating_add(lasting.get()))),
    };
    match until {
        Some(until) if until <= now => Err(ApiError::not_allowed(format!("a pause until {until} would be over"), hint)),
        Some(until) if until > now.saturating_add(LONGEST_PAUSE) => {
            let hint = "at most 90 days ahead are allowed; what is not told any more belongs out of the routes";
            Err(ApiError::not_allowed(format!("a pause until {until} is too long"), hint))
        }
        until => Ok(until),
    }
}

fn shown(target: &Overseen, standing: &TargetState, backlog: Backlog, now: Timestamp) -> Shown {
    let (pause, closed) = (standing.pause(now), standing.closed());
    let policy = target.deliverer.policy();
    let fallback = policy.fallback.clone();
    Shown {
        name: target.deliverer.target().clone(),
        kind: target.kind.to_owned(),
        state: match (pause, closed) {
            (Some(_), _) => State::Paused,
            (None, Some(_)) => State::Closed,
            (None, None) => State::Open,
        },
        pause: pause.cloned().map(|Pause { since, until, by, why }| PauseShown { since, until, by, why }),
        closed: closed.map(|closed| ClosedShown {
            cause: closed.cause.as_str().to_owned(),
            since: closed.since,
            reason: closed.reason,
            detail: closed.detail.clone(),
            probe_at: closed.probe_at,
        }),
        busy_until: standing.paused_until().filter(|until| *until > now),
        backlog: backlog.pending,
        oldest: backlog.oldest,
        dead: backlog.dead,
        limits: policy.to_string(),
        fallback: fallback.map(|to| FallbackShown { to, after: policy.fallback_after.to_string() }),
    }
}
