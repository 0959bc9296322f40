//! What is old, what was told, and how far a watch remembers.

use serde_json::json;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
}

fn thread(subject: Subject, begin: u64) -> Thread {
    Thread { subject, begin: at(begin), told: BTreeSet::new() }
}

fn event(last: u64) -> Value {
    json!({"metadata": {"uid": "u"}, "reportingComponent": "kubelet", "lastTimestamp": at(last).to_string()})
}

fn news(thread: &Thread, object: &Value, whence: Whence) -> Result<EventId, SkipReason> {
    thread.news(object, whence, &Cluster::default(), at(0)).map(|event| event.id)
}

#[test]
fn what_is_listed_may_be_old_and_what_is_watched_never_is() {
    let thread = thread(Subject::Components, 1000);
    assert_eq!(news(&thread, &event(999), Whence::Listed), Err(SkipReason::Old));
    assert!(news(&thread, &event(1000), Whence::Listed).is_ok());
    assert!(news(&thread, &event(999), Whence::Watched).is_ok());
    assert!(news(&thread, &json!({"metadata": {"uid": "u"}}), Whence::Listed).is_ok(), "without a time, nobody knows");
}

#[test]
fn the_beginning_moves_up_but_for_the_overlap_and_never_back() {
    let mut thread = thread(Subject::Components, 1000);
    let mut told_up_to = |now| thread.told_up_to(at(now)).unwrap().value;
    // So the first start is remembered as such: what was old then stays old.
    assert_eq!(told_up_to(1001), at(1000).to_string());
    assert_eq!(told_up_to(2000), at(1700).to_string());
    assert_eq!(told_up_to(1900), at(1700).to_string());
}

#[test]
fn nodes_need_no_cursor() {
    assert_eq!(thread(Subject::Nodes, 0).told_up_to(at(5)), None);
    assert!(Subject::ALL.iter().filter_map(|subject| subject.cursor()).count() == 2);
}

#[test]
fn an_event_that_is_not_cast_ais_is_skipped_even_if_the_server_sends_it() {
    assert_eq!(news(&thread(Subject::Autoscaler, 0), &event(5), Whence::Watched), Err(SkipReason::NotCastAI));
}

#[test]
fn a_drained_node_is_told_once_and_remembered_within_bounds() {
    let node = json!({"metadata": {"uid": "u", "labels": {nodes::DRAINING: "spot-interruption"}}});
    let mut thread = thread(Subject::Nodes, 0);
    let id = news(&thread, &node, Whence::Listed).unwrap();
    thread.remember([id]);
    assert_eq!(news(&thread, &node, Whence::Watched), Err(SkipReason::Told));
    thread.remember((0..MOST_TOLD).map(|number| EventId::from_sender(None, &number.to_string())));
    assert!(thread.told.is_empty());
    let rebalanced = json!({"metadata": {"uid": "u", "labels": {nodes::DRAINING: "rebalancing"}}});
    assert_eq!(news(&thread, &rebalanced, Whence::Watched), Err(SkipReason::NotSpot));
}
