//! Builds the sources that are asked or watched, and the pulse of all of them: one line for each source.

use std::sync::Arc;

use super::StartError;
use super::settings::{Sources, WebhookSettings};
use crate::admin::sources::Watched;
use crate::castai_api::{self, CastAi};
use crate::deliver::Tools;
use crate::http_server;
use crate::names::{CursorName, SourceName};
use crate::runtime::{Lifecycle, Pending};
use crate::source::Inbox;
use crate::source::audit_log::AuditLog;
use crate::source::drills::{Drills, Rounds};
use crate::source::kubernetes;
use crate::source::notifications::terms::Terms;
use crate::source::notifications::{self, Backfill, Door};
use crate::source::polling::{Poll, Poller};
use crate::source::pulse::Pulse;
use crate::source::pulse::record::Record;
use crate::source::pulse::watch::Watch;
use crate::store::StoreError;

/// The pulse of `sources`, going on from what the store kept of it.
pub(super) async fn pulse(sources: &Sources, tools: &Tools) -> Result<Arc<Pulse>, StoreError> {
    let kept = tools.store.cursor(&CursorName::pulse()).await?;
    let read = |text: String| {
        let record = Record::read(&text);
        record
            .inspect_err(|error| tracing::warn!(%error, "the pulse of the sources cannot be read; it begins anew"))
            .ok()
    };
    Ok(Arc::new(Pulse::resume(sources.names(), kept.and_then(read), tools.clock.now(), &tools.metrics)))
}

/// The sources as operators see them.
pub(super) fn watched(sources: &Sources) -> Arc<[Watched]> {
    let limits = sources.silence_limits();
    let limit = |name: &SourceName| limits.iter().find(|(known, _)| known == name).map(|(_, limit)| *limit);
    sources.names().into_iter().map(|name| Watched { silent_after: limit(&name), name }).collect()
}

/// By which ways CAST AI's notifications come in, and what these know of each other.
pub(super) struct WaysIn {
    doors: Vec<Door>,
    terms: Arc<Terms>,
    is_list_read: bool,
}

impl WaysIn {
    /// Those of `sources`, going on from what the store kept. `server` knows how others reach us, `castai` whose
    /// notifications are asked for.
    pub(super) async fn of(
        sources: &Sources,
        server: &http_server::Config,
        castai: Option<&castai_api::Config>,
        tools: &Tools,
    ) -> Result<Self, StoreError> {
        let cursor = tools.store.cursor(&CursorName::of(&SourceName::notifications())).await?;
        let configured = castai.and_then(|castai| castai.organization_id.as_deref());
        let door = |webhook: &WebhookSettings| Door {
            path: webhook.path.clone(),
            url: server.public_url.as_ref().map(|public| public.at(webhook.path.as_str())),
        };
        Ok(Self {
            doors: sources.webhooks.iter().map(door).collect(),
            terms: Arc::new(Terms::resume(cursor.as_deref(), configured)),
            is_list_read: sources.notifications.is_some(),
        })
    }

    /// What a webhook must know of the list, if that is read.
    pub(super) fn terms(&self) -> Option<Arc<Terms>> {
        self.is_list_read.then(|| self.terms.clone())
    }
}

/// Everything that runs in rounds. What asks CAST AI does so by `castai`.
pub(super) fn pollers(
    sources: &Sources,
    ways_in: &WaysIn,
    castai: Option<&CastAi>,
    drills: &Arc<Drills>,
    inbox: &Arc<Inbox>,
    tools: &Tools,
) -> Vec<Arc<Poller>> {
    let mut polls: Vec<Box<dyn Poll>> = vec![Box::new(Watch::new(inbox.clone(), sources.silence_limits()))];
    polls.push(Box::new(Rounds(drills.clone())));
    // The settings see to it that there is a `castai` wherever one is needed.
    if let Some((config, castai)) = sources.notifications.as_ref().zip(castai) {
        polls.push(Box::new(backfill(config, castai, ways_in, inbox, tools)));
    }
    if let Some((config, castai)) = sources.audit_log.as_ref().zip(castai) {
        let metrics = tools.metrics.clone();
        polls.push(Box::new(AuditLog::new(castai.clone(), inbox.clone(), config.clone(), metrics)));
    }
    if let Some((config, castai)) = sources.savings.as_ref().zip(castai) {
        polls.extend(config.clone().rounds(castai, inbox));
    }
    let poller = |poll| Poller::new(poll, tools.clock.clone(), tools.metrics.clone(), inbox.pulse().clone());
    polls.into_iter().map(|poll| Arc::new(poller(poll))).collect()
}

fn backfill(
    config: &notifications::Config,
    castai: &CastAi,
    ways_in: &WaysIn,
    inbox: &Arc<Inbox>,
    tools: &Tools,
) -> Backfill {
    let WaysIn { doors, terms, .. } = ways_in;
    let metrics = tools.metrics.clone();
    Backfill::new(castai.clone(), inbox.clone(), config.clone(), doors.clone(), terms.clone(), metrics)
}

/// Something that runs until the soft stop of the life it is given.
pub(super) type Start = Box<dyn FnOnce(Lifecycle) -> Pending + Send + Sync>;

/// The watches of the cluster, ready to run.
#[cfg(feature = "kubernetes")]
pub(super) async fn watches(
    config: Option<kubernetes::Config>,
    inbox: &Arc<Inbox>,
    tools: &Tools,
) -> Result<Option<Start>, StartError> {
    let Some(config) = config else { return Ok(None) };
    let built = kubernetes::Kubernetes::new(config, inbox.clone(), tools.clock.clone(), tools.metrics.clone()).await;
    let watches = Arc::new(built.map_err(|trouble| StartError::Kubernetes(trouble.to_string()))?);
    Ok(Some(Box::new(|life| Box::pin(watches.run(life)))))
}

/// Without the feature there is no section either.
#[cfg(not(feature = "kubernetes"))]
pub(super) async fn watches(
    _: Option<kubernetes::Config>,
    _: &Arc<Inbox>,
    _: &Tools,
) -> Result<Option<Start>, StartError> {
    Ok(None)
}
