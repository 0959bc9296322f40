//! Who is not told now: the hours of the routes, and the silences in force.
//!
//! Asked of each delivery at the moment it would leave, inside the store's transaction, so [`InForce::verdict`] waits for
//! nothing. The silences are rows of the store; what is held here is their compiled form, so one that is added or ended
//! here counts at once, and one that was added or ended elsewhere after [`REFRESH`]. What began to be told is told to
//! its end: the resolve of an incident that was told is nobody's candidate. Next: [`crate::route::silence`].

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::event::Timestamp;
use crate::event::act::Signature;
use crate::event::silence::{Silence, Standing};
use crate::names::{RouteName, SilenceId, TokenName};
use crate::route::RoutingTable;
pub use crate::route::silence::{Candidate, Draft, Refused, author, reason};
use crate::route::silence::{Compiled, holding};
use crate::runtime::{Clock, Lifecycle};
use crate::store::{Store, StoreError};

/// How soon a silence that another process added or ended counts here.
pub const REFRESH: Duration = Duration::from_secs(10);

/// Silences that may be planned or in force at a time: each is asked of every delivery.
pub const MAX_SILENCES: usize = 1000;

/// Why a silence was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It cannot be meant.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There are as many as there may be.
    #[error("{MAX_SILENCES} silences are planned or in force already; end those that are not needed any more")]
    TooMany,
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is in force now, for those who ask inside the store's transactions: it holds no store, which must not be kept
/// alive by its own work.
#[derive(Clone)]
pub struct InForce {
    table: Arc<RoutingTable>,
    held: Arc<RwLock<Arc<[Arc<Compiled>]>>>,
}

impl InForce {
    /// Why this delivery is silent, in words; `None` when it may leave. The hours are those in which its event came: what was
    /// to be told then is told, however long its target needs and whoever stands in for it. The silences are those of now.
    /// Quick, and waits for nothing.
    pub fn verdict(&self, candidate: &Candidate<'_>, now: Timestamp) -> Option<String> {
        let hours = self.table.quiet_hours(candidate.route, candidate.event.received_at);
        hours.or_else(|| self.silence(candidate, now))
    }

    /// The same whatever the hour.
    pub fn silence(&self, candidate: &Candidate<'_>, now: Timestamp) -> Option<String> {
        let held = self.held();
        holding(held.iter().map(AsRef::as_ref), candidate, now).map(Compiled::in_words)
    }

    fn held(&self) -> Arc<[Arc<Compiled>]> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, silences: impl Iterator<Item = Arc<Compiled>>) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = silences.collect();
    }
}

/// What keeps deliveries silent. One for the whole relay, shared.
pub struct Quiet {
    in_force: InForce,
    store: Arc<dyn Store>,
    /// Held while the store is asked and `held` follows it, so that no answer overtakes a later one. In it are those of which
    /// was said that they cannot be read.
    changing: Mutex<BTreeSet<SilenceId>>,
}

impl Quiet {
    /// With the hours of `table` and the silences of `store` that are not over at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(table: Arc<RoutingTable>, store: Arc<dyn Store>, now: Timestamp) -> Result<Self, StoreError> {
        let in_force = InForce { table, held: Arc::new(RwLock::new(Arc::from([]))) };
        let quiet = Self { in_force, store, changing: Mutex::default() };
        quiet.refresh(now).await?;
        Ok(quiet)
    }

    /// What is in force, now and whenever it is asked.
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// The routes there are, those that nobody writes included.
    pub fn routes(&self) -> Vec<RouteName> {
        let written = self.in_force.table.routes().map(|route| route.name.clone());
        written.chain([RouteName::default_targets(), RouteName::too_late()]).collect()
    }

    /// How many silences are in force.
    pub fn holding(&self, now: Timestamp) -> u64 {
        let held = self.in_force.held();
        held.iter().filter(|held| held.silence().standing(now) == Standing::Active).map(|_| 1).sum()
    }

    /// Asks the store what is in force. Does nothing but one read where nothing has changed.
    ///
    /// # Errors
    /// When the store cannot be read; then everything stays as it was.
    pub async fn refresh(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut said = self.changing.lock().await;
        let kept = self.store.silences(now, None, usize::MAX).await?;
        said.retain(|id| kept.iter().any(|silence| silence.id == *id));
        let before = self.in_force.held();
        let known = |silence: &Silence| before.iter().find(|held| held.silence() == silence).cloned();
        let compiled = kept.into_iter().filter_map(|silence| known(&silence).or_else(|| compile(silence, &mut said)));
        self.in_force.hold(compiled);
        Ok(())
    }

    /// Refreshes now and then, until the soft stop.
    pub async fn keep_fresh(self: Arc<Self>, clock: Arc<dyn Clock>, life: Lifecycle) {
        while !life.is_stopping() {
            tokio::select! {
                () = clock.sleep_until(clock.now().saturating_add(REFRESH)) => {}
                () = life.stopping() => return,
            }
            if let Err(error) = self.refresh(clock.now()).await {
                tracing::warn!(%error, "the silences could not be read; those that were known go on");
            }
        }
    }

    /// Keeps a silence and lets it hold at once. `token` is what was shown by whoever the draft names.
    ///
    /// # Errors
    /// When it cannot be meant, when there are too many, or when the store failed; then nothing is kept.
    pub async fn add(&self, draft: Draft, token: TokenName, now: Timestamp) -> Result<Silence, AddError> {
        let terms = draft.accept(now)?;
        let by = Signature { at: now, token, whom: Some(terms.by.clone()) };
        let mut said = self.changing.lock().await;
        let held = self.in_force.held();
        let current = || held.iter().filter(|held| held.silence().over_at() > now);
        if current().count() >= MAX_SILENCES {
            return Err(AddError::TooMany);
        }
        let silence = self.store.keep_silence(terms, by).await?;
        self.in_force.hold(current().cloned().chain(compile(silence.clone(), &mut said)));
        tracing::info!(silence.id = %silence.id, by = silence.terms.by, why = silence.terms.why, until = %silence.terms.until, "a silence was added");
        Ok(silence)
    }

    /// Ends a silence at once, unless it is over: the first end stands. Answers with what is kept of it; `None` when
    /// there is none of this id.
    ///
    /// # Errors
    /// When the store failed; then it goes on.
    pub async fn end(&self, id: SilenceId, by: Signature) -> Result<Option<Silence>, StoreError> {
        let _turn = self.changing.lock().await;
        let author = by.author().to_owned();
        let ended = self.store.end_silence(id, by).await?;
        let held = self.in_force.held();
        self.in_force.hold(held.iter().filter(|held| held.silence().id != id).cloned());
        if ended.is_some() {
            tracing::info!(silence.id = %id, by = author, "a silence was ended");
        }
        Ok(ended)
    }
}

/// What was kept by another version of the relay may not be readable by this one. Then it does not hold, which is said once.
fn compile(silence: Silence, said: &mut BTreeSet<SilenceId>) -> Option<Arc<Compiled>> {
    let id = silence.id;
    let compiled = Compiled::new(silence).map(Arc::new);
    if let Err(error) = &compiled
        && said.insert(id)
    {
        tracing::error!(silence.id = %id, %error, "a silence cannot be read and does not hold");
    }
    compiled.ok()
}

#[cfg(test)]
#[path = "tests/quiet.rs"]
mod tests;
