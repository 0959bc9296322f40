//! What every store promises, as one suite that runs over every engine.
//!
//! A clause is an async function that is handed a fresh, empty store and knows nothing of which engine it is.
//! [`every_engine!`] at the end is the table of engines: to put another under the contract, give it a constructor on
//! [`Harness`] and one row there. [`agreement`] lets the engines answer the same random questions and compares;
//! [`restart`] is what only an engine with a file can promise.

mod agreement;
mod append;
mod claim;
mod cursor;
mod due;
mod restart;
mod script;
mod settle;
mod silence;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castai_relay::event::batch::Batch;
use castai_relay::event::delivery::{Delivery, Outcome, Owed, Reason};
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{EventId, RouteName, SourceName, TargetName};
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{
    Append, Appended, Claim, Claimed, DeliveryState, Settled, Settlement, Store, StoredEvent, Terms,
};
use castai_relay::target::Sign;
use serde_json::json;
use tempfile::TempDir;

use script::Script;

/// A store of one engine, empty, with what has to outlive it.
struct Harness {
    store: Arc<dyn Store>,
    _directory: Option<TempDir>,
}

impl Harness {
    fn memory() -> Self {
        Self { store: Arc::new(MemoryStore::default()), _directory: None }
    }

    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("relay.db"), Arc::new(|_, _| {})).unwrap();
        Self { store: Arc::new(store), _directory: Some(directory) }
    }
}

/// Long enough for whatever a clause does between claiming and settling.
const LEASE: Duration = Duration::from_secs(30);

/// `seconds` after the beginning of the test's time.
fn at(seconds: u64) -> Timestamp {
    Timestamp::parse("2026-11-20T08:00:00Z").unwrap().saturating_add(Duration::from_secs(seconds))
}

fn id(text: &str) -> EventId {
    EventId::from_sender(Some("org"), text)
}

fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

fn route(name: &str) -> RouteName {
    RouteName::parse(name).unwrap()
}

/// An event received at `at(seconds)`.
fn event(name: &str, seconds: u64) -> Event {
    let data = json!({"nodeName": name, "lifecycle": "spot"}).as_object().unwrap().clone();
    Event {
        id: id(name),
        source: SourceName::parse("castai").unwrap(),
        kind: CastAIEvent::read("node.added", &data, &mut vec![]),
        severity: Severity::Info,
        organization: Some("org".into()),
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: at(seconds),
        data,
        notes: vec![],
        body: Bytes::from_static(b"{}"),
    }
}

/// An event received at `at(seconds)`, owed to `targets`.
fn owing(name: &str, seconds: u64, targets: &[&str]) -> Append {
    owed_to(event(name, seconds), targets)
}

fn owed_to(event: Event, targets: &[&str]) -> Append {
    let owed = targets.iter().map(|name| Owed::plain(route("everything"), target(name), event.severity));
    Append { owed: owed.collect(), event }
}

/// Appends what must be new.
async fn keep(store: &Arc<dyn Store>, appends: impl IntoIterator<Item = Append>) {
    let appended = store.append(appends.into_iter().collect(), None).await.unwrap();
    assert!(appended.iter().all(|appended| *appended == Appended::New), "{appended:?}");
}

/// Claims up to `limit` batches for a target, on these terms.
fn claim_of(name: &str, now: Timestamp, limit: usize, terms: &Terms) -> Claim {
    Claim { target: target(name), now, limit, old_limit: limit, terms: Arc::new(terms.clone()) }
}

/// Claims all that may leave now, on these terms.
async fn claim_on(store: &Arc<dyn Store>, name: &str, now: Timestamp, terms: &Terms) -> Claimed {
    let mut all = Claimed::default();
    loop {
        let Claimed { batches, ended, fell_back, woken, more } =
            store.claim(claim_of(name, now, usize::MAX, terms)).await.unwrap();
        all.batches.extend(batches);
        all.ended.extend(ended);
        all.fell_back += fell_back;
        all.woken.extend(woken);
        if !more {
            return all;
        }
    }
}

/// Claims all that may leave now, each alone and as fast as it can.
async fn claim(store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Vec<Batch> {
    claim_on(store, name, now, &Script::default().terms()).await.batches
}

/// The only one.
fn only<T>(all: Vec<T>) -> T {
    let [only] = <[T; 1]>::try_from(all).unwrap_or_else(|all| panic!("one was expected, not {}", all.len()));
    only
}

/// Claims the only batch that may leave.
async fn claim_one(store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Batch {
    only(claim(store, name, now).await)
}

/// The names of the events of one delivery or another.
fn name_of(delivery: &Delivery) -> &str {
    delivery.event.id.as_str().trim_start_matches("org/")
}

/// The names of the events that stand for these batches, in order.
fn names(batches: &[Batch]) -> Vec<&str> {
    batches.iter().map(|batch| name_of(batch.lead())).collect()
}

/// How an attempt ended, and what that says about the target.
type How = (Outcome, Sign);

fn ended(batch: &Batch, (outcome, sign): How, terms: &Terms) -> Settlement {
    Settlement { batch: Arc::new(batch.clone()), outcome, sign, at: batch.claimed_at, terms: Arc::new(terms.clone()) }
}

async fn settle(store: &Arc<dyn Store>, batch: &Batch, how: How) -> Settled {
    store.settle(ended(batch, how, &Script::default().terms())).await.unwrap()
}

/// Whether it took effect.
fn is_done(settled: &Settled) -> bool {
    matches!(settled, Settled::Done { .. })
}

fn delivered() -> How {
    (Outcome::Delivered { receipt: None }, Sign::Well)
}

/// Another attempt at that time; nothing is said about the target.
fn retry(at: Timestamp) -> How {
    let detail = "the target answered 503".to_owned();
    (Outcome::Retry { at, reason: Reason::TargetFailed, ambiguous: false, detail }, Sign::Nothing)
}

/// Due again at once, but the whole target asks to be left alone until then.
fn pause(until: Timestamp) -> How {
    let detail = "the target answered 429".to_owned();
    let outcome = Outcome::Retry { at: at(0), reason: Reason::RateLimited, ambiguous: false, detail };
    (outcome, Sign::Busy { until })
}

fn dead() -> How {
    let detail = "the channel is archived".to_owned();
    (Outcome::Dead { reason: Reason::MessageRefused, ambiguous: false, detail }, Sign::Well)
}

async fn next_due(store: &Arc<dyn Store>, name: &str, now: Timestamp) -> Option<Timestamp> {
    store.next_due(&target(name), now, Arc::new(Script::default().terms())).await.unwrap()
}

async fn stored(store: &Arc<dyn Store>, name: &str) -> StoredEvent {
    store.event(&id(name)).await.unwrap().unwrap_or_else(|| panic!("`{name}` is not there"))
}

/// The state of the first delivery of an event.
async fn state_of(store: &Arc<dyn Store>, name: &str) -> DeliveryState {
    stored(store, name).await.deliveries[0].state
}

/// Makes a test of every clause, for one engine. A clause that is missing here is unused, which is an error.
macro_rules! contract {
    ($engine:ident, $open:path) => {
        mod $engine {
            use super::*;
            contract! { clauses $open:
                append {
                    an_event_is_new_once_and_a_repeat_ever_after
                    a_repeat_with_another_body_is_counted_apart
                    a_repeat_from_another_source_with_another_body_is_no_conflict
                    a_conflict_noted_by_the_map_in_front_is_counted_on_the_first
                    a_repeat_adds_no_deliveries_and_leaves_the_first_as_it_was
                    an_event_reads_back_as_it_was_given_with_what_it_owes
                    an_event_that_owes_nothing_is_kept_too
                    any_bytes_survive_as_a_body
                    any_text_and_any_number_survive
                    one_call_may_bring_new_events_and_repeats
                    a_store_contains_what_it_was_given_and_nothing_else
                    a_hundred_concurrent_appends_of_one_id_make_exactly_one_new
                    a_hundred_concurrent_appends_of_different_ids_are_all_kept
                }
                cursor {
                    a_cursor_nobody_moved_has_no_value
                    events_and_the_cursor_are_kept_together
                    without_events_the_cursor_moves_alone
                    the_last_value_of_a_cursor_stands
                    events_without_a_cursor_leave_it_where_it_is
                    two_cursors_do_not_disturb_each_other
                    an_oversized_cursor_is_refused_with_the_events_it_came_with
                    an_append_that_is_dropped_half_way_moves_events_and_cursor_or_neither
                }
                claim {
                    the_oldest_due_leaves_first_and_no_more_than_the_limit
                    a_claim_hands_out_the_whole_event_and_what_is_owed
                    a_target_is_handed_only_its_own_deliveries
                    nothing_leaves_before_it_is_due
                    a_claimed_delivery_is_hidden_while_its_lease_lasts
                    a_lapsed_lease_is_due_again_as_the_next_attempt
                    concurrent_claims_never_hand_out_a_delivery_twice
                }
                settle {
                    what_was_delivered_is_never_claimed_again
                    what_was_given_up_is_never_claimed_again_and_keeps_its_reason
                    a_retry_waits_for_its_time_and_keeps_its_reason
                    the_last_reason_for_failing_is_kept_after_success
                    an_older_attempt_is_fenced_and_changes_and_raises_nothing
                    an_attempt_is_settled_once
                    a_delivery_nobody_claimed_cannot_be_settled
                    a_late_settlement_counts_while_nobody_else_has_claimed
                    of_many_concurrent_settlements_of_one_attempt_one_counts
                    what_a_settlement_raises_is_kept_with_it_and_owed
                    what_was_raised_before_is_counted_as_a_repeat
                }
                due {
                    nothing_pending_is_due_never
                    what_is_due_next_is_the_earliest_of_what_is_pending
                    what_is_leased_is_due_when_the_lease_ends
                    a_pause_holds_back_everything_for_its_target_and_for_no_other
                    nothing_is_due_before_a_pause_ends
                    a_shorter_pause_does_not_cut_a_longer_one_short
                }
                silence {
                    a_silence_reads_back_as_it_was_given_under_an_id_of_its_own
                    a_silence_that_is_over_is_not_among_the_current_ones
                    of_many_silences_the_newest_are_listed_in_their_order
                    a_silence_that_is_ended_is_over_then_and_says_by_whom
                    the_first_end_of_a_silence_stands
                    a_silence_nobody_kept_cannot_be_ended
                    pruning_forgets_silences_that_were_over_before_and_never_gives_their_ids_again
                    pruning_forgets_no_more_silences_than_its_limit
                }
                upkeep {
                    the_backlog_counts_what_is_pending_and_dead_and_knows_the_oldest
                    a_target_that_waits_for_nothing_is_not_in_the_backlog
                    pruning_forgets_only_what_is_older
                    pruning_never_forgets_what_is_still_owed
                    pruning_forgets_no_more_than_its_limit
                    a_pruned_event_is_new_again_with_ids_never_used_before
                    a_probe_succeeds_and_changes_nothing
                    what_nobody_knows_is_answered_and_does_no_harm
                    an_append_that_is_dropped_half_way_is_done_or_not_done
                    a_settlement_that_is_dropped_half_way_is_done_or_not_done
                    a_claim_that_is_dropped_half_way_loses_nothing
                }
            }
        }
    };
    (clauses $open:path: $($chapter:ident { $($clause:ident)* })*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                let harness = $open();
                $chapter::$clause(harness.store.clone()).await;
            }
        )*)*
    };
}

/// The engines under contract. Each has the whole suite, and answers as the memory engine does.
macro_rules! every_engine {
    ($($engine:ident => $open:path,)*) => { $(contract!($engine, $open);)* };
}

every_engine! {
    memory => Harness::memory,
    sqlite => Harness::sqlite,
}
