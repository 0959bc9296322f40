//! Never too many, never too few, never stuck: whatever the clock does.

use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn limit(every_micros: u64, burst: u32) -> RateLimit {
    RateLimit { every: Duration::from_micros(every_micros), burst }
}

/// From a thousand a second to one a minute.
fn limits() -> impl Strategy<Value = RateLimit> {
    (1_000_u64..60_000_000, 1_u32..50).prop_map(|(every, burst)| limit(every, burst))
}

/// Steps of a clock that stands still, goes on, rests for long, or is set back a little.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![Just(0), 1_i64..50, 50_i64..5_000, 5_000_i64..600_000, -2_000_i64..0];
    prop::collection::vec(step, 1..200)
}

/// When those left that left whenever they were admitted.
fn departures(limit: RateLimit, steps: &[i64]) -> Vec<i64> {
    let (mut clock, mut now, mut left) = (RateClock::default(), 0, Vec::new());
    for step in steps {
        now += step;
        for _ in 0..clock.admits(limit, at(now)) {
            clock.take(limit, at(now));
            left.push(now);
        }
    }
    left
}

proptest! {
    #[test]
    fn no_window_sees_more_than_the_burst_and_what_its_time_allows(limit in limits(), steps in steps()) {
        let left = departures(limit, &steps);
        for first in 0..left.len() {
            let earliest_to_latest = left[first..].iter().enumerate().scan((i64::MAX, i64::MIN), |seen, (n, time)| {
                *seen = (seen.0.min(*time), seen.1.max(*time));
                Some((n + 1, seen.1 - seen.0))
            });
            for (count, millis) in earliest_to_latest {
                // The first of them may have left up to a millisecond later than it could have.
                let micros = u128::from(millis.unsigned_abs()) * 1000 + 999;
                let allowed = u128::from(limit.burst) + micros / limit.every.as_micros();
                prop_assert!(count as u128 <= allowed, "{count} in {millis} ms, {allowed} are allowed");
            }
        }
    }

    #[test]
    fn who_leaves_as_soon_as_it_opens_uses_the_whole_rate(every in 1_000_u64..60_000_000, burst in 1_u32..50) {
        let limit = limit(every, burst);
        let (mut clock, mut now) = (RateClock::default(), at(0));
        for _ in 0..200 {
            now = clock.opens_at(limit, now);
            clock.take(limit, now);
        }
        let gaps = u64::from(200 - burst);
        let late = now.saturating_since(at(0)).as_micros() as u64 - gaps * every;
        prop_assert!(late <= 1_000, "{late} microseconds late");
    }

    #[test]
    fn a_rested_target_admits_exactly_its_burst(limit in limits(), steps in steps()) {
        let mut clock = RateClock::default();
        let mut now = 0;
        for step in &steps {
            now += step;
            clock.take(limit, at(now));
        }
        let rest = 200 * limit.every.as_millis() as i64 + 4_000_000;
        prop_assert_eq!(clock.admits(limit, at(now + rest)), limit.burst as usize);
    }

    #[test]
    fn it_is_open_exactly_when_it_admits(clock in any::<i64>(), near in -100_000_000_i64..100_000_000, limit in limits()) {
        for clock in [RateClock(clock), RateClock(micros(at(0)) + near)] {
            let opens = clock.opens_at(limit, at(0));
            prop_assert!(opens >= at(0));
            prop_assert_eq!(clock.admits(limit, at(0)) > 0, opens == at(0));
            prop_assert!(clock.admits(limit, opens) > 0, "shut when it should open");
            prop_assert!(clock.admits(limit, at(0)) <= limit.burst as usize);
        }
    }

    #[test]
    fn nobody_waits_longer_than_the_rate_and_a_clock_set_back_explain(clock in any::<i64>(), limit in limits()) {
        let wait = RateClock(clock).opens_at(limit, at(0)).saturating_since(at(0));
        prop_assert!(wait <= limit.every + Duration::from_secs(60) + Duration::from_millis(1), "{wait:?}");
    }
}

#[test]
fn two_a_second_with_a_burst_of_three() {
    let limit = limit(500_000, 3);
    let mut clock = RateClock::default();
    assert_eq!(clock.admits(limit, at(0)), 3);
    for _ in 0..3 {
        clock.take(limit, at(0));
    }
    assert_eq!((clock.admits(limit, at(0)), clock.opens_at(limit, at(0))), (0, at(500)));
    assert_eq!((clock.admits(limit, at(499)), clock.admits(limit, at(500)), clock.admits(limit, at(1_000))), (0, 1, 2));
}

#[test]
fn a_clock_that_was_years_ahead_for_a_moment_holds_nothing_up() {
    let limit = limit(1_000_000, 1);
    let mut clock = RateClock::default();
    clock.take(limit, at(100_000_000_000));
    assert_eq!(clock.opens_at(limit, at(0)), at(0));
    clock.take(limit, at(0));
    assert_eq!(clock.opens_at(limit, at(0)), at(1_000), "and the rate holds again");
}

#[test]
fn a_rate_that_was_raised_holds_at_once() {
    let (slow, fast) = (limit(3_600_000_000, 10), limit(1_000_000, 1));
    let mut clock = RateClock::default();
    (0..10).for_each(|_| clock.take(slow, at(0)));
    assert_eq!(clock.opens_at(fast, at(1)), at(1));
}

#[test]
fn it_is_kept_as_one_number() {
    let mut clock = RateClock::default();
    clock.take(limit(1_000, 1), at(0));
    let kept = serde_json::to_string(&clock).unwrap();
    assert_eq!(kept, "1700000000001000");
    assert_eq!(serde_json::from_str::<RateClock>(&kept).unwrap(), clock);
}
