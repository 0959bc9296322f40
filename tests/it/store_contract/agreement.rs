//! The engines agree: asked the same random questions in the same order, they give the same answers.
//!
//! The memory engine is the model, because it can be read at a glance. After every step everything that can be seen
//! from outside is compared, ids included: every engine numbers events in the order in which they arrive. At the end of each
//! story the targets take everything; then nothing may be left, and nobody may have been called for nothing.

mod story;

use std::collections::BTreeMap;
use std::fmt::Debug;

use castai_relay::event::act::Act;
use castai_relay::event::batch::Receipt;
use castai_relay::names::CursorName;
use castai_relay::store::{Backlog, Cursor};
use castai_relay::target::{Order, TargetState};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::runtime::Runtime;

use super::*;
use story::{Attempt, CURSORS, Given, NAMES, Step, TARGETS, script, step};

/// The most turns it may take until all that a story left behind is told.
const PATIENCE: usize = 2_000;

/// Everything that can be seen from outside.
#[derive(Debug, PartialEq)]
struct Sight {
    events: Vec<Option<StoredEvent>>,
    contains: Vec<bool>,
    cursors: Vec<Option<String>>,
    next_due: Vec<Option<Timestamp>>,
    standing: Vec<TargetState>,
    backlog: BTreeMap<TargetName, Backlog>,
    acts: Vec<Act>,
}

async fn look(store: &Arc<dyn Store>, now: Timestamp) -> Sight {
    let backlog = store.backlog().await.unwrap();
    let (mut events, mut contains, mut cursors) = (vec![], vec![], vec![]);
    let (mut next_due, mut standing) = (vec![], vec![]);
    for name in NAMES {
        events.push(store.event(&id(name)).await.unwrap());
        contains.push(store.contains(&id(name)).await.unwrap());
    }
    for name in CURSORS {
        cursors.push(store.cursor(&CursorName::parse(name).unwrap()).await.unwrap());
    }
    for name in TARGETS {
        next_due.push(script(name).next_due(store, name, now).await);
        standing.push(store.standing(&target(name)).await.unwrap());
    }
    let acts = store.acts(None, usize::MAX).await.unwrap();
    Sight { events, contains, cursors, next_due, standing, backlog, acts }
}

/// The two engines side by side, and the present.
struct Pair {
    model: Arc<dyn Store>,
    engine: Arc<dyn Store>,
    now: u64,
    /// Every batch ever claimed.
    claims: Vec<Batch>,
    newest: usize,
}

fn same<T: PartialEq + Debug>(model: T, engine: T) -> Result<T, TestCaseError> {
    prop_assert_eq!(&model, &engine);
    Ok(model)
}

/// What a claim found, to be compared.
type Found = (Vec<Batch>, Aftermath, bool);

fn found(claimed: Claimed) -> Found {
    let Claimed { batches, after, more } = claimed;
    (batches, after, more)
}

impl Pair {
    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Append(given, cursor) => self.append(given, *cursor).await,
            Step::NoteConflict(name) => {
                note_conflict(&self.model, name).await;
                note_conflict(&self.engine, name).await;
                Ok(())
            }
            Step::Claim { target, lease, limit, old_limit } => {
                let terms = Arc::new(script(target).lease(*lease).terms());
                let claim = Claim { old_limit: *old_limit, terms, ..self.claim_all(target) };
                self.claim(Claim { limit: *limit, ..claim }).await.map(drop)
            }
            Step::Settle { claim, attempt, raise } => self.settle_any(claim, attempt, raise.as_ref()).await,
            Step::Order(name, Some(seconds)) => {
                let until = seconds.map(|seconds| at(self.now + seconds));
                self.order(name, Order::Pause { until, why: "they move".to_owned() }).await
            }
            Step::Order(name, None) => self.order(name, Order::Resume).await,
            Step::Advance(seconds) => {
                self.now += seconds;
                Ok(())
            }
            Step::Prune { older_than, limit } => self.prune(*older_than, *limit).await,
        }
    }

    async fn append(&self, given: &[Given], cursor: Option<(&str, u8)>) -> Result<(), TestCaseError> {
        let appends: Vec<_> = given.iter().map(|given| given.append(self.now)).collect();
        let cursor =
            cursor.map(|(name, value)| Cursor { name: CursorName::parse(name).unwrap(), value: value.to_string() });
        let model = self.model.append(appends.clone(), cursor.clone()).await.unwrap();
        same(model, self.engine.append(appends, cursor).await.unwrap()).map(drop)
    }

    fn claim_all(&self, name: &str) -> Claim {
        claim_of(name, at(self.now), usize::MAX, &script(name).terms())
    }

    /// Whoever found nothing, though all places were free, is called again later, or when there is news.
    async fn claim(&mut self, claim: Claim) -> Result<Found, TestCaseError> {
        let (name, places) = (claim.target.clone(), claim.limit.min(claim.old_limit));
        let model = found(self.model.claim(claim.clone()).await.unwrap());
        let found = same(model, found(self.engine.claim(claim).await.unwrap()))?;
        self.claims.extend(found.0.iter().cloned());
        if found.0.is_empty() && !found.2 && places > 0 {
            let due = script(name.as_str()).next_due(&self.engine, name.as_str(), at(self.now)).await;
            prop_assert!(due.is_none_or(|due| due > at(self.now)), "{name} is called again at once: {due:?}");
        }
        Ok(found)
    }

    async fn order(&self, name: &str, order: Order) -> Result<(), TestCaseError> {
        let (name, by) = (target(name), signed("ada", self.now));
        let model = self.model.order(&name, order.clone(), by.clone()).await.unwrap();
        same(model, self.engine.order(&name, order, by).await.unwrap()).map(drop)
    }

    async fn settle_any(&self, claim: &Index, attempt: &Attempt, raise: Option<&Given>) -> Result<(), TestCaseError> {
        match self.claims.is_empty() {
            true => Ok(()),
            false => self.settle(claim.get(&self.claims), attempt.how(self.now), raise).await,
        }
    }

    async fn settle(&self, batch: &Batch, how: How, raise: Option<&Given>) -> Result<(), TestCaseError> {
        let raise = raise.map(|given| given.append(self.now)).into_iter().collect();
        let terms = script(batch.target().as_str()).raising(raise).terms();
        let settlement = Settlement { at: at(self.now), ..ended(batch, how, &terms) };
        let settled = self.model.settle(settlement.clone()).await.unwrap();
        same(settled, self.engine.settle(settlement).await.unwrap()).map(drop)
    }

    /// An engine may keep its newest event from pruning, so this one is none of those that are compared.
    async fn prune(&mut self, older_than: u64, limit: usize) -> Result<(), TestCaseError> {
        self.newest += 1;
        let newest = owing(&format!("newest-{}", self.newest), self.now, &[]);
        keep(&self.model, [newest.clone()]).await;
        keep(&self.engine, [newest]).await;
        let before = at(self.now.saturating_sub(older_than));
        let model = self.model.prune(before, limit).await.unwrap();
        same(model, self.engine.prune(before, limit).await.unwrap()).map(drop)
    }

    /// From now on every target is told and takes everything, whenever it is called: then nothing waits for ever, and whoever is
    /// called finds something, or is called later next time.
    async fn come_to_an_end(&mut self) -> Result<(), TestCaseError> {
        for name in TARGETS {
            self.order(name, Order::Resume).await?;
        }
        for _ in 0..PATIENCE {
            let mut next = None;
            for name in TARGETS {
                let due = script(name).next_due(&self.engine, name, at(self.now)).await;
                next = [next, due.map(|due| (due, name))].into_iter().flatten().min();
            }
            let Some((due, name)) = next else {
                let backlog = self.engine.backlog().await.unwrap();
                prop_assert!(backlog.values().all(|waiting| waiting.pending == 0), "these wait for ever: {backlog:?}");
                return Ok(());
            };
            self.now = self.now.max(due.saturating_since(at(0)).as_millis().div_ceil(1000).try_into().unwrap());
            let (batches, ..) = self.claim(self.claim_all(name)).await?;
            for batch in batches {
                self.settle(&batch, delivered(), None).await?;
            }
        }
        Err(TestCaseError::fail("it does not come to an end"))
    }
}

fn agree(harness: &Harness, steps: &[Step]) -> Result<(), TestCaseError> {
    let model = Arc::new(MemoryStore::default());
    let mut pair = Pair { model, engine: harness.store.clone(), now: 0, claims: vec![], newest: 0 };
    Runtime::new().unwrap().block_on(async {
        for step in steps {
            pair.take(step).await?;
            same(look(&pair.model, at(pair.now)).await, look(&pair.engine, at(pair.now)).await)?;
        }
        pair.come_to_an_end().await?;
        same(look(&pair.model, at(pair.now)).await, look(&pair.engine, at(pair.now)).await).map(drop)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_as_memory_does_and_nothing_waits_for_ever(steps in vec(step(), 1..60)) {
        agree(&Harness::sqlite(), &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_memory_nothing_waits_for_ever(steps in vec(step(), 1..120)) {
        agree(&Harness::memory(), &steps)?;
    }
}
