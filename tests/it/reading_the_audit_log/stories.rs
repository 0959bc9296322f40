//! Random stories of late records, pages, failures and restarts, told to the real relay: whatever is late by no more
//! than the overlap is told, once.

use proptest::prelude::*;

use super::*;
use crate::support::castai::faults::Fault;

/// Nothing is too late to be told.
const CONFIG: &str = "sources: { audit_log: { sweep: none, page_if_younger_than: 90d } }";

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// So many records come into the log, so many seconds late.
    Logged {
        count: usize,
        lag: i64,
    },
    /// Another one comes in between two pages of the next walk.
    Meanwhile {
        lag: i64,
    },
    Passes {
        seconds: u64,
    },
    Reads,
    /// A round that fails at its first page, or at its third.
    Fails {
        late: bool,
    },
    Restarts,
}

fn step() -> impl Strategy<Value = Step> {
    let lag = || 0..=600i64;
    prop_oneof![
        3 => (1..4usize, lag()).prop_map(|(count, lag)| Step::Logged { count, lag }),
        1 => (200..600usize, lag()).prop_map(|(count, lag)| Step::Logged { count, lag }),
        1 => lag().prop_map(|lag| Step::Meanwhile { lag }),
        3 => (1..120u64).prop_map(|seconds| Step::Passes { seconds }),
        1 => (600..9000u64).prop_map(|seconds| Step::Passes { seconds }),
        4 => Just(Step::Reads),
        1 => any::<bool>().prop_map(|late| Step::Fails { late }),
        1 => Just(Step::Restarts),
    ]
}

async fn tell(steps: Vec<Step>) {
    let mut relay = TestRelay::start(CONFIG).await;
    relay.reads(0).await;
    // Nothing before the start is wanted.
    relay.pass(600);
    let (mut now, mut expected) = (600i64, Vec::new());
    for step in steps {
        let mut next = |lag: i64| {
            let id = format!("e-{}", expected.len());
            expected.push(id.clone());
            record(&id, now - lag, "workload.pod.updated")
        };
        match step {
            Step::Logged { count, lag } => {
                let records: Vec<Value> = (0..count).map(|_| next(lag)).collect();
                relay.logs(records);
            }
            Step::Meanwhile { lag } => {
                let record = next(lag);
                relay.castai().world().meanwhile.push_back((List::AuditV2, record));
            }
            Step::Passes { seconds } => {
                relay.pass(seconds);
                now += i64::try_from(seconds).unwrap();
                // What was to come in the middle of a walk is in by now, so that nothing is later than it says.
                nothing_waits(&relay);
            }
            Step::Reads => relay.reads(0).await,
            Step::Fails { late } => {
                let fault = if late { Fault::SameCursor } else { Fault::status(401, "unauthorized") };
                relay.castai().fails(V2, if late { 2 } else { 1 }, fault);
                // Less than three pages have no third one to fail at.
                let _ = relay.poll("audit_log").await;
                relay.castai().world().faults.clear();
            }
            Step::Restarts => relay = relay.restart(CONFIG).await,
        }
    }
    nothing_waits(&relay);
    relay.reads(0).await;
    relay.reads(30).await;
    for id in &expected {
        let event = relay.told(id).await.unwrap_or_else(|| panic!("{id} was never told"));
        assert_eq!((event.duplicates, event.conflicts, event.deliveries.len()), (0, 0, 1), "{id}");
    }
}

/// What was to come into the log in the middle of a walk comes in now.
fn nothing_waits(relay: &TestRelay) {
    let late: Vec<Value> = relay.castai().world().meanwhile.drain(..).map(|(_, record)| record).collect();
    relay.logs(late);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_late_by_no_more_than_the_overlap_is_told_once(steps in prop::collection::vec(step(), 1..30)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(tell(steps));
    }
}
