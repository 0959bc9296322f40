//! Waits are spread, bounded, and never shorter than asked for.

use proptest::prelude::*;

use super::*;

fn delivery(row: i64) -> DeliveryId {
    DeliveryId::from_row(row)
}

proptest! {
    #[test]
    fn no_wait_is_below_the_floor_or_above_the_cap(row in any::<i64>(), attempt in 1_u32..200) {
        let delay = RetryPolicy::default().delay(delivery(row), attempt, None);
        prop_assert!(delay >= FLOOR && delay <= Duration::from_secs(300), "{:?}", delay);
    }

    #[test]
    fn nothing_is_sent_before_the_time_the_target_asked_for(row in any::<i64>(), attempt in 1_u32..200, asked in 0_u64..7200) {
        let asked = Duration::from_secs(asked);
        let delay = RetryPolicy::default().delay(delivery(row), attempt, Some(asked));
        prop_assert!(delay >= asked);
        prop_assert!(delay <= asked.mul_f64(1.1).max(Duration::from_secs(300)) + Duration::from_millis(1));
    }

    #[test]
    fn a_target_rests_for_what_it_asked_however_often_one_delivery_was_tried(
        row in any::<i64>(), attempt in 1_u32..200, asked in prop::option::of(0_u64..7200),
    ) {
        let asked = asked.map(Duration::from_secs);
        let pause = RetryPolicy::default().pause(delivery(row), attempt, asked);
        let at_least = asked.unwrap_or(PATIENCE_UNASKED);
        prop_assert!(pause >= at_least.max(FLOOR), "{:?}", pause);
        prop_assert!(pause <= at_least.mul_f64(1.1).max(Duration::from_secs(1)) + Duration::from_millis(1), "{:?}", pause);
    }
}

#[test]
fn waits_use_the_whole_range_and_grow_with_the_attempts() {
    let longest = |attempt| {
        let delays = (0..1000).map(|row| RetryPolicy::default().delay(delivery(row), attempt, None));
        delays.max().unwrap_or_default()
    };
    assert!(longest(1) > Duration::from_millis(950) && longest(1) <= Duration::from_secs(1));
    assert!(longest(5) > Duration::from_secs(15) && longest(5) <= Duration::from_secs(16));
    assert!(longest(40) > Duration::from_secs(290));
}

#[test]
fn the_same_attempt_of_the_same_delivery_always_waits_the_same() {
    let policy = RetryPolicy::default();
    assert_eq!(policy.delay(delivery(7), 3, None), policy.delay(delivery(7), 3, None));
    assert_ne!(policy.delay(delivery(7), 3, None), policy.delay(delivery(8), 3, None));
}

/// Some list of waits.
const LISTED: [Span; 3] = [Span::from_secs(5), Span::from_secs(300), Span::from_secs(7200)];

fn listed() -> RetryPolicy {
    RetryPolicy { waits: Waits::Listed(&LISTED), ..RetryPolicy::default() }
}

#[test]
fn listed_waits_come_in_their_order_a_fifth_shorter_or_longer_and_the_last_one_goes_on() {
    for (attempt, seconds) in [(1, 5), (2, 300), (3, 7200), (4, 7200), (u32::MAX, 7200)] {
        let waits: Vec<Duration> = (0..1000).map(|row| listed().delay(delivery(row), attempt, None)).collect();
        let (shortest, longest) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        let part = |fifths: f64| Duration::from_secs(seconds).mul_f64(fifths / 5.0);
        assert!(*shortest >= part(4.0) && *shortest < part(4.1), "{attempt}: {shortest:?}");
        assert!(*longest <= part(6.0) && *longest > part(5.9), "{attempt}: {longest:?}");
    }
}

#[test]
fn a_listed_wait_is_never_shorter_than_the_target_asked_for() {
    let asked = Duration::from_secs(3600);
    assert!(listed().delay(delivery(7), 1, Some(asked)) >= asked);
    assert!(listed().delay(delivery(7), 3, Some(asked)) >= Duration::from_secs(5760), "nor than its own");
    assert!(listed().pause(delivery(7), 3, Some(asked)) <= asked.mul_f64(1.1), "the target rests for what it asked");
}
