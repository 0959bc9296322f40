//! What the clusters are called that audit records know by id only.
//!
//! Remembers every name it ever heard, because a deleted cluster is no longer listed while its records still come.
//! Asks at most once a minute, and only when an id is new, a name is needed and missing, or the names are old. Knows no
//! records.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::castai_api::{ApiError, CastAi};
use crate::event::{Cluster, Timestamp};

/// Names change rarely.
const FRESH_FOR: Duration = Duration::from_secs(600);

/// An id that is new may be one of a cluster that was just connected, and is not listed for a while; one that cannot be
/// found is not asked for at every record.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// More than any organisation has; beyond, new ones go without a name.
const MOST: usize = 10_000;

/// The names by id.
#[derive(Debug, Default)]
pub(super) struct ClusterNames(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// `None` for an id that CAST AI did not list when it was asked.
    by_id: HashMap<String, Option<Cluster>>,
    asked_at: Option<Timestamp>,
}

impl Known {
    /// `must` says that records without a name are not wanted: they are read again for as long as the overlap only, so
    /// the name must come sooner.
    fn should_ask(&self, ids: &[&str], must: bool, now: Timestamp) -> bool {
        let age = |at: Timestamp| now.saturating_since(at);
        let is_nameless = |known: &Option<Cluster>| known.as_ref().is_none_or(|cluster| cluster.name.is_none());
        let strange = ids.iter().any(|id| self.by_id.get(*id).is_none_or(|known| must && is_nameless(known)));
        match self.asked_at {
            None => !ids.is_empty(),
            Some(asked_at) if strange => age(asked_at) >= ASK_AGAIN_AFTER,
            Some(asked_at) => !ids.is_empty() && age(asked_at) >= FRESH_FOR,
        }
    }

    fn learn(&mut self, id: &str, cluster: Option<Cluster>) {
        if cluster.is_some() || !self.by_id.contains_key(id) {
            match self.by_id.len() < MOST || self.by_id.contains_key(id) {
                true => drop(self.by_id.insert(id.to_owned(), cluster)),
                false => tracing::debug!(cluster.id = id, "too many clusters; this one goes without its name"),
            }
        }
    }
}

impl ClusterNames {
    /// Finds out about `ids`. With `must` it is an error when nothing can be said of one of them: not its name, nor that
    /// it has none.
    ///
    /// # Errors
    /// When CAST AI does not tell, and it must be known.
    pub(super) async fn learn(
        &self,
        castai: &CastAi,
        ids: &[&str],
        must: bool,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let strange = || ids.iter().any(|id| !self.known().by_id.contains_key(*id));
        let due = self.known().should_ask(ids, must, now) || (must && strange());
        if !due {
            return Ok(());
        }
        self.known().asked_at = Some(now);
        let listed = match castai.clusters().await {
            Ok(listed) => listed,
            Err(error) if must && strange() => return Err(error),
            Err(error) => {
                tracing::info!(%error, "the names of clusters could not be looked up; records go by ids");
                return Ok(());
            }
        };
        let mut known = self.known();
        for cluster in listed.items {
            let name = Some(cluster.name).filter(|name| !name.trim().is_empty());
            let told = Cluster { id: None, name, provider: cluster.provider_type, project: None };
            known.learn(&cluster.id, Some(told));
        }
        ids.iter().for_each(|id| known.learn(id, None));
        Ok(())
    }

    /// What is known of a cluster.
    pub(super) fn of(&self, id: &str) -> Option<Cluster> {
        self.known().by_id.get(id).cloned().flatten()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
