//! Builds the sources that are asked, and the pulse of all of them: one line for each source.

use std::sync::Arc;

use super::settings::Sources;
use crate::castai_api::CastAi;
use crate::deliver::Tools;
use crate::names::CursorName;
use crate::source::Inbox;
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
