//! Clauses on storms: who is swept together, who is spared, and when it is over.
//!
//! Three events fill the bucket of the route; it loses one in ten seconds.

use castai_relay::event::batch::Receipt;

use super::owed::*;
use super::*;

/// A message a minute in a storm.
fn script() -> Script {
    Script::default().storms("everything", 60)
}

fn news(name: &str, seconds: u64) -> Append {
    watched(owing(name, seconds, &["slack"]))
}

/// The same where the target's messages can be changed.
fn rewriting() -> Script {
    script().rewriting_storms()
}

fn taken(receipt: &str) -> How {
    (Outcome::Delivered { receipt: Receipt::new(receipt) }, Sign::Well)
}

/// How many the message to be rewritten told of, and what it is called.
fn before(batch: &Batch) -> (Option<usize>, Option<&str>) {
    let count = batch.before.as_ref().map(|before| before.events() + before.resolved());
    (count, batch.earlier.as_ref().map(Receipt::as_str))
}

/// So many in a row, from this second on: enough to keep the storm up for a minute.
async fn it_goes_on(store: &Arc<dyn Store>, from: u64) {
    keep(store, (0..11).map(|n| news(&format!("{from}+{n}"), from + n * 5))).await;
}

/// Lets the next message of a storm leave, and settles it.
async fn leaves(script: &Script, store: &Arc<dyn Store>, second: u64, how: How) -> Batch {
    let batch = script.claim_one(store, "slack", at(second)).await;
    assert!(batch.is_storm && is_done(&script.settle(store, &batch, how, at(second)).await));
    batch
}

/// Begins a storm at the beginning of time, and lets its first message through.
async fn storm(store: &Arc<dyn Store>) -> Batch {
    keep(store, [news("a", 0), news("b", 0), news("c", 0)]).await;
    let first = script().claim_one(store, "slack", at(0)).await;
    let outcome = Outcome::Delivered { receipt: Receipt::new("ts-1") };
    assert!(is_done(&script().settle(store, &first, (outcome, Sign::Well), at(1)).await));
    first
}

pub async fn below_its_limit_a_route_is_not_swept(store: Arc<dyn Store>) {
    keep(&store, [news("a", 0), news("b", 0)]).await;
    let claimed = script().claim(&store, "slack", at(0)).await;
    assert_eq!(all_told(&claimed), [["a"], ["b"]]);
    assert!(claimed.iter().all(|batch| !batch.is_storm));
}

pub async fn a_storm_is_swept_into_one_message_each_interval(store: Arc<dyn Store>) {
    let first = storm(&store).await;
    assert_eq!((told(&first), first.is_storm, &first.earlier), (vec!["a", "b", "c"], true, &None));
    keep(&store, (1..12).map(|n| news(&format!("d{n}"), n * 5))).await;
    assert!(script().claim(&store, "slack", at(59)).await.is_empty());
    assert_eq!(script().next_due(&store, "slack", at(59)).await, Some(at(60)));
    let second = script().claim_one(&store, "slack", at(60)).await;
    assert_eq!((second.deliveries.len(), second.is_storm), (11, true));
    assert_eq!(second.earlier, Receipt::new("ts-1"), "it is the same storm");
}

pub async fn what_is_spared_leaves_alone_and_at_once(store: Arc<dyn Store>) {
    storm(&store).await;
    keep(&store, [news("d", 2), spared(owing("e", 2, &["slack"])), spared(owing("f", 2, &["slack"]))]).await;
    let claimed = script().claim(&store, "slack", at(2)).await;
    assert_eq!(all_told(&claimed), [["e"], ["f"]]);
    assert!(claimed.iter().all(|batch| !batch.is_storm));
}

/// Also where it belongs to an incident that somebody else keeps, of a group that has to wait.
pub async fn what_is_spared_does_not_wait_for_the_group_of_its_incident(store: Arc<dyn Store>) {
    let script = script().groups("everything", 300, 10).keeping_incidents();
    let of_prod = |name, seconds| opens(grouped(owing(name, seconds, &["slack"]), "prod", 0), "prod");
    keep(&store, ["a", "b", "c"].map(|name| watched(of_prod(name, 0)))).await;
    let first = script.claim_one(&store, "slack", at(0)).await;
    script.settle(&store, &first, delivered(), at(1)).await;
    keep(&store, [spared(of_prod("critical", 2))]).await;
    assert_eq!(all_told(&script.claim(&store, "slack", at(2)).await), [["critical"]]);
}

pub async fn when_the_bucket_is_empty_the_storm_is_over(store: Arc<dyn Store>) {
    storm(&store).await;
    keep(&store, [news("d", 31)]).await;
    let after = script().claim_one(&store, "slack", at(31)).await;
    assert_eq!((told(&after), after.is_storm, &after.earlier), (vec!["d"], false, &None));
}

pub async fn what_came_in_a_storm_leaves_as_one_when_it_is_over(store: Arc<dyn Store>) {
    storm(&store).await;
    keep(&store, [news("d", 5), news("e", 5)]).await;
    assert!(script().claim(&store, "slack", at(5)).await.is_empty());
    let after = script().claim(&store, "slack", at(60)).await;
    assert_eq!(all_told(&after), [["d", "e"]]);
    assert!(after.iter().all(|batch| batch.is_storm));
}

pub async fn another_storm_is_another_story(store: Arc<dyn Store>) {
    storm(&store).await;
    keep(&store, ["x", "y", "z"].map(|name| news(name, 100))).await;
    let next = script().claim_one(&store, "slack", at(100)).await;
    assert_eq!((next.is_storm, next.earlier), (true, None));
}

pub async fn the_storm_of_one_route_sweeps_up_nothing_of_another(store: Arc<dyn Store>) {
    storm(&store).await;
    let other = Script::default().storms("everything", 60).storms("other", 60);
    keep(&store, [by_route(news("d", 2), "other"), owing("e", 2, &["slack"])]).await;
    assert_eq!(all_told(&other.claim(&store, "slack", at(2)).await), [["d"], ["e"]]);
}

pub async fn every_target_of_a_route_in_a_storm_gets_its_own_message(store: Arc<dyn Store>) {
    keep(&store, ["a", "b", "c"].map(|name| watched(owing(name, 0, &["slack", "mail"])))).await;
    for name in ["slack", "mail"] {
        assert_eq!(told(&script().claim_one(&store, name, at(0)).await), ["a", "b", "c"]);
    }
}

pub async fn a_storm_never_mixes_incidents_where_the_target_keeps_them_itself(store: Arc<dyn Store>) {
    let incident = |name: &str| opens(news(name, 0), name);
    keep(&store, [incident("a"), incident("b"), news("c", 0), news("d", 0), incident("e")]).await;
    let claimed = script().keeping_incidents().claim(&store, "slack", at(0)).await;
    assert_eq!(all_told(&claimed), [vec!["a"], vec!["b"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(claimed.iter().map(|batch| batch.is_storm).collect::<Vec<_>>(), [false, false, true, false]);
}

pub async fn a_storm_sweeps_incidents_together_where_they_are_only_told(store: Arc<dyn Store>) {
    let incident = |name: &str| opens(news(name, 0), name);
    keep(&store, [incident("a"), incident("b"), news("c", 0)]).await;
    let batch = script().claim_one(&store, "slack", at(0)).await;
    assert_eq!((told(&batch), batch.incident.is_none()), (vec!["a", "b", "c"], true));
}

pub async fn the_message_of_a_storm_counts_on_from_all_that_arrived(store: Arc<dyn Store>) {
    keep(&store, [news("a", 0), news("b", 0), news("c", 0)]).await;
    assert_eq!(before(&leaves(&rewriting(), &store, 0, taken("ts-1")).await), (None, None));
    it_goes_on(&store, 5).await;
    let second = leaves(&rewriting(), &store, 60, taken("ts-1")).await;
    assert_eq!((second.deliveries.len(), before(&second)), (11, (Some(3), Some("ts-1"))));
    assert_eq!(second.in_all().events(), 14);
    keep(&store, [news("alone", 65)]).await;
    // A new message in its place goes by another name.
    let third = leaves(&rewriting(), &store, 120, taken("ts-2")).await;
    assert_eq!((third.deliveries.len(), before(&third)), (1, (Some(14), Some("ts-1"))));
    keep(&store, [news("another", 121)]).await;
    let fourth = leaves(&rewriting(), &store, 180, taken("ts-2")).await;
    assert_eq!((before(&fourth), fourth.in_all().events()), ((Some(15), Some("ts-2")), 16));
}

pub async fn what_may_have_arrived_in_a_storm_is_not_counted_twice(store: Arc<dyn Store>) {
    keep(&store, [news("a", 0), news("b", 0), news("c", 0)]).await;
    leaves(&rewriting(), &store, 0, taken("ts-1")).await;
    it_goes_on(&store, 5).await;
    let (reason, detail) = (Reason::Ambiguous, "no answer".to_owned());
    let doubt = Outcome::Retry { at: at(65), reason, ambiguous: true, detail };
    leaves(&rewriting(), &store, 60, (doubt, Sign::Nothing)).await;
    it_goes_on(&store, 62).await;
    let again = leaves(&rewriting(), &store, 65, dead()).await;
    assert_eq!((again.attempt, again.deliveries.len(), before(&again)), (2, 22, (Some(3), Some("ts-1"))));
    it_goes_on(&store, 118).await;
    let next = leaves(&rewriting(), &store, 125, taken("ts-1")).await;
    assert_eq!((next.deliveries.len(), before(&next)), (11, (Some(3), Some("ts-1"))), "nobody heard of the dead ones");
}

pub async fn what_is_worse_than_all_that_a_storm_told_is_a_new_message(store: Arc<dyn Store>) {
    keep(&store, ["a", "b", "c"].map(|name| told_as(news(name, 0), Severity::Warning))).await;
    leaves(&rewriting(), &store, 0, taken("ts-1")).await;
    it_goes_on(&store, 5).await;
    keep(&store, [told_as(news("worse", 59), Severity::Critical)]).await;
    let (refused, _) = retry(at(61));
    assert_eq!(before(&leaves(&rewriting(), &store, 60, (refused, Sign::Nothing)).await).0, None);
    assert_eq!(before(&leaves(&rewriting(), &store, 61, taken("ts-2")).await).0, None, "nor at the second attempt");
    keep(&store, [told_as(news("as bad", 62), Severity::Critical)]).await;
    let next = leaves(&rewriting(), &store, 121, taken("ts-2")).await;
    assert_eq!(before(&next), (Some(12), Some("ts-2")));
}

pub async fn another_storm_is_another_message(store: Arc<dyn Store>) {
    keep(&store, [news("a", 0), news("b", 0), news("c", 0)]).await;
    leaves(&rewriting(), &store, 0, taken("ts-1")).await;
    keep(&store, ["x", "y", "z"].map(|name| news(name, 100))).await;
    assert_eq!(before(&leaves(&rewriting(), &store, 100, taken("ts-2")).await), (None, None));
    it_goes_on(&store, 101).await;
    assert_eq!(before(&leaves(&rewriting(), &store, 160, taken("ts-2")).await), (Some(3), Some("ts-2")));
}

/// Also where both leave in the same storm.
pub async fn a_storm_and_an_incident_know_nothing_of_each_others_message(store: Arc<dyn Store>) {
    keep(&store, ["a", "b", "c"].map(|name| opens(news(name, 0), "prod"))).await;
    let first = leaves(&rewriting(), &store, 0, taken("of prod")).await;
    assert!(first.incident.is_some());
    it_goes_on(&store, 5).await;
    let second = leaves(&rewriting(), &store, 60, taken("of the storm")).await;
    assert_eq!((second.incident.is_none(), before(&second)), (true, (None, None)));
    assert_eq!(stored(&store, "a").await.deliveries[0].receipt, Receipt::new("of prod"));
    assert_eq!(stored(&store, "5+0").await.deliveries[0].receipt, None);
    keep(&store, [opens(news("d", 61), "prod")]).await;
    let third = leaves(&rewriting(), &store, 120, taken("of prod")).await;
    assert_eq!((third.incident.is_some(), before(&third)), (true, (None, Some("of prod"))));
    it_goes_on(&store, 120).await;
    keep(&store, [opens(news("e", 121), "dev")]).await;
    let fourth = leaves(&rewriting(), &store, 180, taken("of the storm")).await;
    assert_eq!(before(&fourth), (Some(11), Some("of the storm")));
    keep(&store, [ends(owing("over", 181, &["slack"]), "dev")]).await;
    let end = rewriting().claim_one(&store, "slack", at(181)).await;
    assert_eq!((end.incident.is_some(), before(&end)), (true, (None, None)), "its message told of others, too");
}

pub async fn what_was_told_of_a_storm_without_a_name_or_before_it_could_be_changed_stays(store: Arc<dyn Store>) {
    storm(&store).await;
    it_goes_on(&store, 5).await;
    let second = leaves(&rewriting(), &store, 60, delivered()).await;
    assert_eq!(second.before, None, "nobody knows what it told");
    it_goes_on(&store, 61).await;
    let third = leaves(&rewriting(), &store, 120, taken("ts-3")).await;
    assert_eq!(before(&third), (None, None), "nobody knows what it is called");
    it_goes_on(&store, 121).await;
    assert_eq!(before(&leaves(&rewriting(), &store, 180, taken("ts-3")).await), (Some(11), Some("ts-3")));
    it_goes_on(&store, 181).await;
    assert_eq!(leaves(&script(), &store, 240, taken("ts-4")).await.before, None);
}
