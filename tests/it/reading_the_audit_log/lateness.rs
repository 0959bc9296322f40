//! Records that come into the log late, with an older time; and what a round that dies leaves behind.

use super::*;
use crate::support::castai::faults::Fault;
use crate::support::flaky_store::FlakyStore;

/// Overlap and sweeps as they are by default, so that a sweep comes after an hour.
const SWEEPING: &str = "sources: { audit_log: {} }";

#[tokio::test]
async fn a_record_that_comes_late_but_within_the_overlap_is_told() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 590, "added")]);
    relay.reads(600).await;
    relay.logs([node("late", 10, "removed")]);
    relay.reads(30).await;
    assert!(relay.told("late").await.is_some());
    for _ in 0..5 {
        relay.reads(30).await;
    }
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 2, "each of them once");
    assert_eq!(relay.beyond_overlap().await, 0.0);
}

#[tokio::test]
async fn a_record_that_comes_later_than_the_overlap_is_found_by_the_sweep_told_and_counted() {
    let relay = TestRelay::start(SWEEPING).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 1500, "added")]);
    relay.reads(1510).await;
    relay.logs([node("late", 800, "removed")]);
    relay.reads(30).await;
    assert!(relay.told("late").await.is_none(), "no round asks for it any more");
    relay.reads(2100).await;
    let late = relay.told("late").await.unwrap();
    assert_eq!(late.event.late_by(), Some(Duration::from_secs(1510 + 30 + 2100 - 800)));
    assert_eq!(relay.beyond_overlap().await, 1.0);
    relay.reads(3700).await;
    assert_eq!(relay.beyond_overlap().await, 1.0, "the next sweep knows it");
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 2);
}

#[tokio::test]
async fn without_sweeps_nobody_asks_for_what_is_later_than_the_overlap() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 1500, "added")]);
    relay.reads(1510).await;
    relay.logs([node("late", 800, "removed")]);
    relay.reads(4000).await;
    assert!(relay.told("late").await.is_none());
}

#[tokio::test]
async fn wanting_more_than_before_makes_no_flood_of_late_records() {
    let only_nodes = "sources: { audit_log: { resources: [node] } }";
    let relay = TestRelay::start(only_nodes).await;
    relay.reads(0).await;
    relay.logs([record("unwanted", 100, "autoscaler.policy.updated"), node("e-1", 1500, "added")]);
    relay.reads(1510).await;
    let relay = relay.restart(SWEEPING).await;
    relay.reads(4000).await;
    relay.logs([record("wanted", 5600, "autoscaler.policy.updated")]);
    relay.reads(4000).await;
    assert!(relay.told("unwanted").await.is_none() && relay.told("wanted").await.is_some());
    assert_eq!(relay.beyond_overlap().await, 0.0);
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("before", 100, "added")]);
    relay.reads(110).await;
    let relay = relay.restart(FROM_NOW).await;
    relay.logs([node("meanwhile", 5000, "removed"), node("late", 50, "removed")]);
    relay.reads(10_000).await;
    let (from, to) = last_asked(relay.castai(), V2);
    assert_eq!(
        (from, to),
        (at(0), at(10_110)),
        "from an overlap before the last record, but not from before the start"
    );
    assert!(relay.told("meanwhile").await.is_some() && relay.told("late").await.is_some());
    assert_eq!(relay.event(&own("before")).await.duplicates, 0, "what is known is not even handed in");
}

#[tokio::test]
async fn a_round_that_dies_goes_on_from_its_last_pages() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs((0..700).map(|n| record(&format!("e-{n}"), 1 + n * 10, "workload.pod.updated")));
    relay.pass(8000);
    // The second page leads to itself.
    relay.castai().fails(V2, 2, Fault::SameCursor);
    let error = relay.poll("audit_log").await.unwrap_err();
    assert!(error.detail.contains("does not end"), "{}", error.detail);
    assert!(relay.told("e-499").await.is_some() && relay.told("e-500").await.is_none(), "what was read is kept");

    let relay = relay.restart(FROM_NOW).await;
    relay.reads(0).await;
    let asked = relay.castai().asked(V2);
    let from = asked.iter().rev().take(2).filter_map(|asked| Timestamp::parse(asked.query("fromDate")?)).min().unwrap();
    assert_eq!(from, at(1 + 249 * 10 - 600), "an overlap before the last page that was followed by another");
    for n in [0, 249, 250, 499, 500, 699] {
        assert_eq!(relay.event(&own(&format!("e-{n}"))).await.duplicates, 0, "e-{n}");
    }
}

#[tokio::test]
async fn what_the_store_cannot_keep_is_read_again() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 10, "added")]);
    store.appends.fail();
    relay.pass(700);
    assert!(relay.poll("audit_log").await.is_err());
    assert!(relay.told("e-1").await.is_none());
    store.appends.open();
    relay.logs([node("late", 5, "removed")]);
    relay.reads(2).await;
    assert_eq!(last_asked(relay.castai(), V2).0, at(0), "the cursor did not move without its events");
    assert!(relay.told("e-1").await.is_some() && relay.told("late").await.is_some());
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 2);
}

#[tokio::test]
async fn the_cursor_moves_in_the_transaction_of_the_events_it_stands_for() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), FROM_NOW).await;
    relay.reads(0).await;
    relay.logs((0..600).map(|n| record(&format!("e-{n}"), 1 + n, "workload.pod.updated")));
    store.appended.lock().unwrap().clear();
    relay.reads(700).await;
    let appended = std::mem::take(&mut *store.appended.lock().unwrap());
    // Of the first page nobody knows yet whether the next one comes after it.
    assert_eq!(appended, [(250, false), (250, true), (100, true)]);
    relay.reads(0).await;
    assert_eq!(*store.appended.lock().unwrap(), [], "nothing new is nothing to write");
}

#[tokio::test]
async fn records_that_come_into_the_log_while_it_is_paged_through_are_told_once() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs((0..300).map(|n| record(&format!("e-{n}"), 10 + n, "workload.pod.updated")));
    // It pushes the last one of the first page onto the second.
    relay.castai().world().meanwhile.push_back((List::AuditV2, node("between", 5, "added")));
    relay.reads(400).await;
    assert!(relay.told("between").await.is_none(), "its page was read before it came");
    relay.reads(30).await;
    assert!(relay.told("between").await.is_some());
    for n in [0, 248, 249, 250, 299] {
        let event = relay.event(&own(&format!("e-{n}"))).await;
        assert_eq!((event.duplicates, event.conflicts), (0, 0), "e-{n}");
    }
}

#[tokio::test]
async fn a_record_that_changed_since_it_was_read_is_no_conflict() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 10, "added")]);
    relay.reads(30).await;
    relay.castai().world().lists.get_mut(&List::AuditV2).unwrap()[0]["correlatedEventCount"] = json!(7);
    relay.reads(30).await;
    let event = relay.event(&own("e-1")).await;
    assert_eq!((event.duplicates, event.conflicts), (0, 0));
    assert!(!event.event.data.contains_key("correlatedEventCount"), "the first reading stands");
}
