//! Who watches hears everything in order, or that something was missed; who does not costs nothing.

use super::*;
use crate::event::delivery::DeliveryState;
use crate::names::{DeliveryId, TargetName};

fn ended(numbers: impl IntoIterator<Item = i64>) -> Aftermath {
    let ended = numbers.into_iter().map(|number| Ended {
        delivery: DeliveryId::from_row(number),
        target: TargetName::parse("slack-ops").unwrap(),
        state: DeliveryState::Silenced,
        reason: None,
        detail: "silenced by S1".to_owned(),
    });
    Aftermath { ended: ended.collect(), ..Aftermath::default() }
}

async fn next_number(watch: &mut Watch) -> i64 {
    match watch.next().await {
        Some(Heard::News(News::Ended(ended, _))) => ended.delivery.row(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn arrivals_are_heard_once_and_before_outcomes() {
    let live = Live::default();
    live.arrived();
    let mut watch = live.watch().unwrap();
    live.aftermath(&ended([1]), Timestamp::EPOCH);
    live.arrived();
    live.arrived();
    assert!(matches!(watch.next().await, Some(Heard::Arrivals)));
    assert_eq!(next_number(&mut watch).await, 1);
    drop(live);
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn who_is_too_slow_hears_how_much_was_missed_and_then_the_rest() {
    let live = Live::default();
    let mut watch = live.watch().unwrap();
    let many = i64::try_from(MOST_BEHIND).unwrap() + 3;
    live.aftermath(&ended(1..=many), Timestamp::EPOCH);
    assert!(matches!(watch.next().await, Some(Heard::Missed(3))));
    assert_eq!(next_number(&mut watch).await, 4);
}

#[test]
fn only_so_many_watch_at_a_time() {
    let live = Live::default();
    let mut watches: Vec<_> = (0..MOST_WATCHERS).map(|_| live.watch().unwrap()).collect();
    assert!(live.watch().is_none());
    watches.pop();
    assert!(live.watch().is_some());
}
