//! Builds the sources that are asked or watched, and the pulse of all of them: one line for each source.

use std::sync::Arc;

use super::StartError;
use super::settings::Sources;
use crate::castai_api::CastAi;
use crate::deliver::Tools;
use crate::names::CursorName;
use crate::runtime::{Lifecycle, Pending};
use crate::source::Inbox;
use crate::source::audit_log::AuditLog;
use crate::source::kubernetes;
use crate::source::notifications::{self, Backfill};
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

/// Everything that runs in rounds. What asks CAST AI does so by `castai`.
pub(super) fn pollers(
    sources: &Sources,
    castai: Option<&CastAi>,
    inbox: &Arc<Inbox>,
    tools: &Tools,
) -> Vec<Arc<Poller>> {
    let mut polls: Vec<Box<dyn Poll>> = vec![Box::new(Watch::new(inbox.clone(), sources.silence_limits()))];
    // The settings see to it that there is a `castai` wherever one is needed.
    if let Some((config, castai)) = sources.notifications.as_ref().zip(castai) {
        polls.push(Box::new(backfill(config, castai, sources, inbox, tools)));
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
    sources: &Sources,
    inbox: &Arc<Inbox>,
    tools: &Tools,
) -> Backfill {
    let webhooks = sources.webhooks.iter().map(|webhook| webhook.path.clone()).collect();
    Backfill::new(castai.clone(), inbox.clone(), config.clone(), webhooks, tools.metrics.clone())
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
