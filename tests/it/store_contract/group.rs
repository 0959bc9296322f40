//! Clauses on groups: who leaves together, and when.

use super::owed::*;
use super::*;

/// A batch a minute for each group, three at most.
fn script() -> Script {
    Script::default().groups("everything", 60, 3)
}

/// Owed to Slack, in the group `prod`, which waits for ten seconds.
fn prod(name: &str, seconds: u64) -> Append {
    grouped(owing(name, seconds, &["slack"]), "prod", 10)
}

pub async fn a_group_waits_for_others_and_leaves_as_one(store: Arc<dyn Store>) {
    keep(&store, [prod("a", 0), prod("b", 4), prod("c", 9)]).await;
    assert!(script().claim(&store, "slack", at(9)).await.is_empty());
    assert_eq!(script().next_due(&store, "slack", at(9)).await, Some(at(10)));
    let batch = script().claim_one(&store, "slack", at(10)).await;
    assert_eq!(told(&batch), ["a", "b", "c"]);
    assert_eq!((batch.tally.as_ref().map(|tally| tally.events()), batch.is_full), (Some(3), true));
    assert!(batch.shown.iter().all(|delivery| delivery.event.body.is_empty()), "of many, bodies are left out");
    assert!(is_done(&script().settle(&store, &batch, delivered(), at(11)).await));
    for name in ["a", "b", "c"] {
        assert_eq!(states(&store, name).await, [DeliveryState::Delivered]);
    }
}

pub async fn groups_and_targets_do_not_wait_for_each_other(store: Arc<dyn Store>) {
    let both = |name| grouped(owing(name, 0, &["slack", "mail"]), name, 0);
    keep(&store, [both("x"), both("y")]).await;
    let script = script();
    assert_eq!(all_told(&script.claim(&store, "slack", at(0)).await), [["x"], ["y"]]);
    assert_eq!(all_told(&script.claim(&store, "mail", at(0)).await), [["x"], ["y"]]);
}

pub async fn the_next_batch_of_a_group_leaves_when_the_interval_is_over(store: Arc<dyn Store>) {
    keep(&store, [prod("a", 0)]).await;
    let first = script().claim_one(&store, "slack", at(10)).await;
    script().settle(&store, &first, delivered(), at(11)).await;
    keep(&store, [prod("b", 20), prod("c", 40)]).await;
    assert!(script().claim(&store, "slack", at(69)).await.is_empty());
    assert_eq!(script().next_due(&store, "slack", at(69)).await, Some(at(70)));
    assert_eq!(told(&script().claim_one(&store, "slack", at(70)).await), ["b", "c"]);
}

pub async fn what_had_no_room_leaves_as_soon_as_the_full_batch_is_through(store: Arc<dyn Store>) {
    keep(&store, ["a", "b", "c", "d", "e"].map(|name| prod(name, 0))).await;
    let full = script().claim_one(&store, "slack", at(10)).await;
    assert_eq!(told(&full), ["a", "b", "c"]);
    script().settle(&store, &full, delivered(), at(11)).await;
    assert_eq!(script().next_due(&store, "slack", at(11)).await.map(|due| due <= at(11)), Some(true));
    assert_eq!(told(&script().claim_one(&store, "slack", at(11)).await), ["d", "e"]);
}

pub async fn nothing_of_a_group_overtakes_what_is_on_its_way(store: Arc<dyn Store>) {
    keep(&store, [prod("a", 0)]).await;
    let first = script().claim_one(&store, "slack", at(10)).await;
    keep(&store, [prod("b", 12)]).await;
    assert!(script().claim(&store, "slack", at(30)).await.is_empty());
    script().settle(&store, &first, dead(), at(31)).await;
    assert!(script().claim(&store, "slack", at(69)).await.is_empty(), "one that was given up was one, too");
    assert_eq!(told(&script().claim_one(&store, "slack", at(70)).await), ["b"]);
}

pub async fn a_batch_that_is_tried_again_takes_newcomers_along_but_not_before_its_time(store: Arc<dyn Store>) {
    keep(&store, [prod("a", 0), prod("b", 0)]).await;
    let first = script().claim_one(&store, "slack", at(10)).await;
    script().settle(&store, &first, retry(at(50)), at(11)).await;
    keep(&store, [prod("c", 20)]).await;
    assert!(script().claim(&store, "slack", at(49)).await.is_empty());
    assert_eq!(script().next_due(&store, "slack", at(49)).await, Some(at(50)));
    let second = script().claim_one(&store, "slack", at(50)).await;
    assert_eq!(told(&second), ["a", "b", "c"]);
    assert_eq!((second.first(), second.attempt), (first.first(), 2));
}

pub async fn a_batch_whose_holder_is_gone_leaves_again_as_one(store: Arc<dyn Store>) {
    keep(&store, [prod("a", 0), prod("b", 0)]).await;
    let first = script().claim_one(&store, "slack", at(10)).await;
    keep(&store, [prod("c", 20)]).await;
    assert!(script().claim(&store, "slack", at(39)).await.is_empty());
    let second = script().claim_one(&store, "slack", at(40)).await;
    assert_eq!(told(&second), ["a", "b", "c"]);
    assert_eq!(script().settle(&store, &first, delivered(), at(41)).await, Settled::Fenced);
    assert!(is_done(&script().settle(&store, &second, delivered(), at(41)).await));
}

/// More of them than one batch has room for, and all of their leases have lapsed: nobody may spin until the first is back.
pub async fn of_many_whose_holders_are_gone_those_without_room_wait_for_the_others(store: Arc<dyn Store>) {
    keep(&store, ["a", "b", "c"].map(|name| prod(name, 0))).await;
    script().claim_one(&store, "slack", at(10)).await;
    let pairs = Script::default().groups("everything", 60, 2);
    let claimed = store.claim(claim_of("slack", at(40), usize::MAX, &pairs.terms())).await.unwrap();
    assert_eq!(all_told(&claimed.batches), [["a", "b"]]);
    assert!(!claimed.more, "there is nothing more to claim now");
    assert_eq!(pairs.next_due(&store, "slack", at(40)).await, Some(at(70)));
}

pub async fn of_many_the_most_severe_stands_for_all_and_twenty_are_shown(store: Arc<dyn Store>) {
    let severity = |n| if n == 17 { Severity::Critical } else { Severity::Info };
    keep(&store, (0..25).map(|n| told_as(prod(&n.to_string(), 0), severity(n)))).await;
    let script = Script::default().groups("everything", 60, 100);
    let batch = script.claim_one(&store, "slack", at(10)).await;
    assert_eq!((batch.deliveries.len(), batch.shown.len()), (25, Batch::MAX_SHOWN));
    assert_eq!((name_of(batch.lead()), batch.severity()), ("17", Severity::Critical));
    let tally = batch.tally.as_ref().unwrap();
    assert_eq!(tally.severities().collect::<Vec<_>>(), [(Severity::Critical, 1), (Severity::Info, 24)]);
    assert_eq!(batch.first_event.as_ref().map(|event| &event.id), Some(&id("0")));
}

pub async fn where_the_route_groups_no_more_each_leaves_alone_when_it_is_due(store: Arc<dyn Store>) {
    keep(&store, [prod("a", 0), prod("b", 0)]).await;
    assert_eq!(all_told(&Script::default().claim(&store, "slack", at(10)).await), [["a"], ["b"]]);
}
