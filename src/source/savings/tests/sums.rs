//! Sums, shares and changes, to the last digit.

use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_sum_is_exact_and_leaves_out_what_is_not_known() {
    let amounts = [Some(dec("0.1")), None, Some(dec("0.2")), Some(dec("-0.000001"))];
    assert_eq!(sum(amounts), Some(dec("0.299999")));
    assert_eq!(sum([None, None]), None, "nothing known is not nothing");
    assert_eq!(sum([Some(Decimal::ZERO)]), Some(Decimal::ZERO));
}

#[test]
fn a_share_is_rounded_to_a_hundredth_of_a_percent_half_away_from_zero() {
    assert_eq!(share(dec("1107.6812"), dec("3318.0989")), Some(dec("33.38")));
    assert_eq!(share(dec("1"), dec("800")), Some(dec("0.13")));
    assert_eq!(share(dec("-1"), dec("800")), Some(dec("-0.13")));
    assert_eq!(share(dec("5"), Decimal::ZERO), None);
    assert_eq!(share(dec("5"), dec("-5")), None);
    assert_eq!(share(Decimal::MAX, dec("0.0000000000000000000000000001")), None);
}

#[test]
fn a_change_goes_in_the_direction_of_its_amount() {
    let up = change(Some(dec("120")), Some(dec("100")));
    assert_eq!((up.amount, up.percent), (Some(dec("20")), Some(dec("20"))));
    let from_below_zero = change(Some(dec("10")), Some(dec("-5")));
    assert_eq!((from_below_zero.amount, from_below_zero.percent), (Some(dec("15")), Some(dec("300"))));
    let from_nothing = change(Some(dec("10")), Some(Decimal::ZERO));
    assert_eq!((from_nothing.amount, from_nothing.percent), (Some(dec("10")), None));
    assert_eq!(change(Some(dec("10")), None), Change::default());
}

proptest! {
    /// In any order, with any digits: thousands of amounts add up like the whole numbers of micro-dollars they are.
    #[test]
    fn adding_up_never_loses_a_digit(micros in prop::collection::vec(-10_000_000_000_000i64..10_000_000_000_000, 1..300)) {
        let amounts = micros.iter().map(|micros| Some(Decimal::new(*micros, 6)));
        let expected: i128 = micros.iter().map(|micros| i128::from(*micros)).sum();
        prop_assert_eq!(sum(amounts), Some(Decimal::from_i128_with_scale(expected, 6)));
    }
}
