//! How long is waited inside a call.

use proptest::prelude::*;

use super::*;

fn millis(attempt: u32, asked: Option<u64>, jitter: f64) -> Option<u128> {
    wait(attempt, asked.map(Duration::from_secs), jitter).map(|wait| wait.as_millis())
}

#[test]
fn waits_double_and_the_third_attempt_is_the_last() {
    assert_eq!([1, 2, 3].map(|attempt| millis(attempt, None, 0.0)), [Some(250), Some(500), None]);
    assert_eq!([1, 2, 3].map(|attempt| millis(attempt, Some(1), 0.0)), [Some(1000), Some(1000), None]);
}

#[test]
fn a_wish_is_met_up_to_thirty_seconds_and_beyond_that_ends_the_call() {
    assert_eq!([0, 30, 31].map(|asked| millis(1, Some(asked), 0.0)), [Some(0), Some(30_000), None]);
}

proptest! {
    #[test]
    fn nobody_comes_back_earlier_than_asked_or_much_later(attempt in 1..ATTEMPTS, asked in 0_u64..=30, jitter in 0.0..1.0) {
        let waited = millis(attempt, Some(asked), jitter).unwrap();
        let asked = u128::from(asked) * 1000;
        prop_assert!(asked <= waited && waited <= asked + asked / 10);
        let own = millis(attempt, None, jitter).unwrap();
        prop_assert!((250..=1000).contains(&own));
    }
}
