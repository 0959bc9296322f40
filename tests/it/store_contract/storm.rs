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
