//! Builds the sources that are asked, and the pulse of all of them: one line for each source.

use std::sync::Arc;

use super::settings::Sources;
use crate::deliver::Tools;
use crate::names::CursorName;
use crate::source::Inbox;
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

/// Everything that runs in rounds.
pub(super) fn pollers(sources: &Sources, inbox: &Arc<Inbox>, tools: &Tools) -> Vec<Arc<Poller>> {
    let polls: Vec<Box<dyn Poll>> = vec![Box::new(Watch::new(inbox.clone(), sources.silence_limits()))];
    let poller = |poll| Poller::new(poll, tools.clock.clone(), tools.metrics.clone(), inbox.pulse().clone());
    polls.into_iter().map(|poll| Arc::new(poller(poll))).collect()
}
