//! What the list and the webhooks must know of each other, so that both bring one event: whose notifications the list
//! shows, for templates that do not say; and when the webhook was last heard without an id.
//!
//! Shared by the [`Backfill`](super::Backfill) and every webhook, and kept in the backfill's cursor. Knows no clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::Position;
use crate::event::Timestamp;

/// How often it is said that a template leaves out the id.
const WARN_EVERY: Duration = Duration::from_secs(3600);
/// For how long a body without an id speaks for the webhook: what is written down until then may have come by it.
const LATELY: Duration = Duration::from_secs(3600);

/// On which terms the list and the webhooks are with each other.
#[derive(Debug, Default)]
pub struct Terms(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    kept: Kept,
    warned_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without_id_at: Option<Timestamp>,
}

/// The cursor's text: how far the list is read, and the terms.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    position: Position,
    #[serde(flatten)]
    kept: &'a Kept,
}

impl Terms {
    /// Goes on from the text of the cursor, if there is one. The `configured` organisation counts where the list last
    /// showed another one; how the list spells it counts where it is the same.
    pub fn resume(cursor: Option<&str>, configured: Option<&str>) -> Self {
        // The backfill complains of a cursor that cannot be read.
        let mut kept: Kept = cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let is_same =
            |configured: &str| kept.organization.as_ref().is_some_and(|is| is.eq_ignore_ascii_case(configured));
        if let Some(configured) = configured.filter(|configured| !is_same(configured)) {
            kept.organization = Some(configured.to_owned());
        }
        Self(Mutex::new(Known { kept, warned_at: None }))
    }

    /// Whose notifications the list shows; `None` before anybody said.
    pub fn organization(&self) -> Option<String> {
        self.known().kept.organization.clone()
    }

    /// The list shows notifications of this organisation.
    pub(super) fn shows(&self, organization: &str) {
        let kept = &mut self.known().kept;
        if kept.organization.as_deref() != Some(organization) {
            kept.organization = Some(organization.to_owned());
        }
    }

    /// A webhook brought a notification without its id. Returns whether it is time to say so again.
    pub fn heard_without_id(&self, now: Timestamp) -> bool {
        let mut known = self.known();
        known.kept.without_id_at = known.kept.without_id_at.max(Some(now));
        let is_time = known.warned_at.is_none_or(|warned_at| now.saturating_since(warned_at) >= WARN_EVERY);
        if is_time {
            known.warned_at = Some(now);
        }
        is_time
    }

    /// Whether what was written down then may have come by webhook, under an id that nobody can recognise.
    pub(super) fn may_have_come_without_id(&self, written_at: Timestamp) -> bool {
        self.known().kept.without_id_at.is_some_and(|heard_at| written_at <= heard_at.saturating_add(LATELY))
    }

    /// The cursor's text.
    pub(super) fn written_with(&self, position: Position) -> String {
        // Times and texts always serialise.
        serde_json::to_string(&Written { position, kept: &self.known().kept }).unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
