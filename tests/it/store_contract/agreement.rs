//! The engines agree: asked the same random questions in the same order, they give the same answers.
//!
//! The memory engine is the model, because it can be read at a glance. After every step everything that can be seen
//! from outside is compared. Delivery ids are each engine's own, so they are left out of what is compared; claims are
//! paired as they are handed out.

use std::collections::BTreeMap;
use std::fmt::Debug;

use castai_relay::names::{CursorName, DeliveryId};
use castai_relay::store::{Backlog, Cursor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use tokio::runtime::Runtime;

use super::*;

const TARGETS: [&str; 3] = ["slack", "oncall", "email"];
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "raised"];
const CURSORS: [&str; 2] = ["audit", "backfill"];
const SOURCES: [&str; 2] = ["castai", "notifications"];
const BODIES: [&[u8]; 3] = [b"", b"{}", b"\xff"];

/// One question. Times are in seconds from the present of the story.
#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Given>, Option<(&'static str, u8)>),
    NoteConflict(&'static str),
    Claim {
        target: &'static str,
        lease: u64,
        limit: usize,
    },
    /// Of any attempt ever claimed, also one that is long over.
    Settle {
        claim: Index,
        outcome: End,
        raise: Option<Given>,
    },
    Advance(u64),
    Prune {
        older_than: u64,
        limit: usize,
    },
}

#[derive(Debug, Clone)]
struct Given {
    name: &'static str,
    source: &'static str,
    body: &'static [u8],
    targets: Vec<&'static str>,
}

#[derive(Debug, Clone)]
enum End {
    Delivered,
    Dead,
    Retry { after: u64, pause: Option<u64> },
}

fn given() -> impl Strategy<Value = Given> {
    (select(&NAMES[..]), select(&SOURCES[..]), select(&BODIES[..]), subsequence(&TARGETS[..], 0..=3))
        .prop_map(|(name, source, body, targets)| Given { name, source, body, targets })
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        Just(End::Delivered),
        Just(End::Dead),
        (0..20_u64, proptest::option::of(0..30_u64)).prop_map(|(after, pause)| End::Retry { after, pause }),
    ];
    let settle = (any::<Index>(), end, proptest::option::of(given()));
    prop_oneof![
        3 => (vec(given(), 0..4), proptest::option::of((select(&CURSORS[..]), 0..9_u8)))
            .prop_map(|(given, cursor)| Step::Append(given, cursor)),
        1 => select(&NAMES[..]).prop_map(Step::NoteConflict),
        4 => (select(&TARGETS[..]), 1..20_u64, 0..4_usize)
            .prop_map(|(target, lease, limit)| Step::Claim { target, lease, limit }),
        4 => settle.prop_map(|(claim, outcome, raise)| Step::Settle { claim, outcome, raise }),
        3 => (0..15_u64).prop_map(Step::Advance),
        1 => (0..30_u64, 0..5_usize).prop_map(|(older_than, limit)| Step::Prune { older_than, limit }),
    ]
}

fn any_id() -> DeliveryId {
    DeliveryId::from_row(0)
}

/// A batch as far as engines must agree on it.
fn anonymous(mut batch: Batch) -> Batch {
    batch.deliveries.iter_mut().for_each(|id| *id = any_id());
    batch.shown.iter_mut().for_each(|delivery| delivery.id = any_id());
    batch
}

/// An event as far as engines must agree on it: without ids, and without a time for what is not due any more.
fn comparable(mut kept: StoredEvent) -> StoredEvent {
    for row in &mut kept.deliveries {
        row.id = any_id();
        if row.state != DeliveryState::Pending {
            row.due_at = Timestamp::EPOCH;
        }
    }
    kept
}

/// Everything that can be seen from outside.
#[derive(Debug, PartialEq)]
struct Sight {
    events: Vec<Option<StoredEvent>>,
    contains: Vec<bool>,
    cursors: Vec<Option<String>>,
    next_due: Vec<Option<Timestamp>>,
    backlog: BTreeMap<TargetName, Backlog>,
}

async fn look(store: &Arc<dyn Store>, now: Timestamp) -> Sight {
    let backlog = store.backlog().await.unwrap();
    let mut sight = Sight { events: vec![], contains: vec![], cursors: vec![], next_due: vec![], backlog };
    for name in NAMES {
        sight.events.push(store.event(&id(name)).await.unwrap().map(comparable));
        sight.contains.push(store.contains(&id(name)).await.unwrap());
    }
    for name in CURSORS {
        sight.cursors.push(store.cursor(&CursorName::parse(name).unwrap()).await.unwrap());
    }
    for name in TARGETS {
        sight.next_due.push(next_due(store, name, now).await);
    }
    sight
}

/// The two engines side by side, and the present.
struct Pair {
    model: Arc<dyn Store>,
    engine: Arc<dyn Store>,
    now: u64,
    /// Every attempt ever claimed: the model's and the engine's.
    claims: Vec<(Batch, Batch)>,
    newest: usize,
}

fn same<T: PartialEq + Debug>(model: T, engine: T) -> Result<(), TestCaseError> {
    prop_assert_eq!(model, engine);
    Ok(())
}

impl Pair {
    fn append_of(&self, given: &Given) -> Append {
        let body = Bytes::from_static(given.body);
        let source = SourceName::parse(given.source).unwrap();
        owed_to(Event { source, body, ..event(given.name, self.now) }, &given.targets)
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Append(given, cursor) => {
                let appends: Vec<_> = given.iter().map(|given| self.append_of(given)).collect();
                let cursor = cursor
                    .map(|(name, value)| Cursor { name: CursorName::parse(name).unwrap(), value: value.to_string() });
                same(
                    self.model.append(appends.clone(), cursor.clone()).await.unwrap(),
                    self.engine.append(appends, cursor).await.unwrap(),
                )
            }
            Step::NoteConflict(name) => {
                self.model.note_conflict(&id(name)).await.unwrap();
                self.engine.note_conflict(&id(name)).await.unwrap();
                Ok(())
            }
            Step::Claim { target: name, lease, limit } => self.claim(name, *lease, *limit).await,
            Step::Settle { claim, outcome, raise } => self.settle(claim, outcome, raise.as_ref()).await,
            Step::Advance(seconds) => {
                self.now += seconds;
                Ok(())
            }
            Step::Prune { older_than, limit } => self.prune(*older_than, *limit).await,
        }
    }

    async fn claim(&mut self, name: &str, lease: u64, limit: usize) -> Result<(), TestCaseError> {
        let claim = claim_of(name, at(self.now), limit, &Script::default().lease(lease).terms());
        let model = self.model.claim(claim.clone()).await.unwrap().batches;
        let engine = self.engine.claim(claim).await.unwrap().batches;
        self.claims.extend(model.iter().cloned().zip(engine.iter().cloned()));
        same(model.into_iter().map(anonymous).collect::<Vec<_>>(), engine.into_iter().map(anonymous).collect())
    }

    async fn settle(&mut self, claim: &Index, outcome: &End, raise: Option<&Given>) -> Result<(), TestCaseError> {
        if self.claims.is_empty() {
            return Ok(());
        }
        let (model, engine) = claim.get(&self.claims);
        let in_future = |seconds: u64| at(self.now + seconds);
        let how = match outcome {
            End::Delivered => delivered(),
            End::Dead => dead(),
            End::Retry { after, pause: None } => retry(in_future(*after)),
            End::Retry { pause: Some(until), .. } => pause(in_future(*until)),
        };
        let raise = raise.map(|given| self.append_of(given)).into_iter().collect();
        let terms = Script::default().raising(raise).terms();
        let settlement = |batch| Settlement { at: at(self.now), ..ended(batch, how.clone(), &terms) };
        let settled = self.model.settle(settlement(model)).await.unwrap();
        same(is_done(&settled), is_done(&self.engine.settle(settlement(engine)).await.unwrap()))
    }

    /// An engine may keep its newest event from pruning, so this one is none of those that are compared.
    async fn prune(&mut self, older_than: u64, limit: usize) -> Result<(), TestCaseError> {
        self.newest += 1;
        let newest = owing(&format!("newest-{}", self.newest), self.now, &[]);
        keep(&self.model, [newest.clone()]).await;
        keep(&self.engine, [newest]).await;
        let before = at(self.now.saturating_sub(older_than));
        same(self.model.prune(before, limit).await.unwrap(), self.engine.prune(before, limit).await.unwrap())
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
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_as_memory_does(steps in vec(step(), 1..60)) {
        agree(&Harness::sqlite(), &steps)?;
    }
}
