//! Whether the webhook should have brought what it did not, and which one.
//!
//! Pure: the notifications that were missed while we were there, and the webhook configurations that call us, are given.

use std::collections::BTreeSet;

use crate::castai_api::notifications::Notification;
use crate::castai_api::webhooks::WebhookConfig;
use crate::event::Timestamp;
use crate::event::relay::{Gap, GapWebhook};

/// What a report shows of each at most.
const MOST_NAMES: usize = 10;
const MOST_WEBHOOKS: usize = 5;
const LONGEST_TEXT: usize = 300;

/// A notification that the webhook has not brought although it would have reached us.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed<'n> {
    pub(super) notification: &'n Notification,
    /// When CAST AI wrote it down.
    pub(super) written_at: Timestamp,
}

/// The gap in what `webhooks`, the configurations that call us, should have brought; `None` when none should have. Where
/// they are not known, for this reason, each of them may have been meant to.
pub(super) fn judge(missed: &[Missed<'_>], webhooks: Result<&[WebhookConfig], &str>) -> Option<Gap> {
    let (owed, culprits, unknown) = match webhooks {
        Ok(webhooks) => {
            let is_covered = |item: &&Missed<'_>| webhooks.iter().any(|webhook| webhook.covers(item.notification));
            let owed: Vec<_> = missed.iter().filter(is_covered).collect();
            let culprits = culprits(&owed, webhooks);
            (owed, culprits, None)
        }
        Err(why) => (missed.iter().collect(), Vec::new(), Some(start_of(why))),
    };
    let times = owed.iter().map(|item| item.written_at);
    let (first_at, last_at) = (times.clone().min()?, times.max()?);
    let names: BTreeSet<&str> = owed.iter().filter_map(|item| item.notification.name.as_deref()).collect();
    let names = names.into_iter().take(MOST_NAMES).map(start_of).collect();
    Some(Gap { missed: owed.len(), first_at, last_at, names, webhooks: culprits, unknown })
}

/// The configurations that should have brought any of it: those with an error first, then by how much.
fn culprits(owed: &[&Missed<'_>], webhooks: &[WebhookConfig]) -> Vec<GapWebhook> {
    let culprit = |webhook: &WebhookConfig| GapWebhook {
        name: start_of(&webhook.name),
        status: webhook.status.as_deref().map(start_of),
        error: webhook.error.as_deref().map(start_of),
        missed: owed.iter().filter(|item| webhook.covers(item.notification)).count(),
    };
    let mut culprits: Vec<_> = webhooks.iter().map(culprit).filter(|culprit| culprit.missed > 0).collect();
    culprits.sort_by_key(|culprit| (culprit.error.is_none(), std::cmp::Reverse(culprit.missed)));
    culprits.truncate(MOST_WEBHOOKS);
    culprits
}

fn start_of(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
