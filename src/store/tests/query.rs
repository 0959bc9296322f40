//! What fits, where it does not take a store to see it.

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn a_time_includes_its_beginning_and_not_its_end() {
    let period = Period { since: Some(at(10)), until: Some(at(20)) };
    assert_eq!([9, 10, 19, 20].map(|millis| period.holds(at(millis))), [false, true, true, false]);
    assert!(Period::default().holds(at(0)));
}

#[test]
fn a_slice_begins_behind_its_place_whichever_way_it_goes() {
    let slice = |order| Slice { after: Some(5), limit: 1, order };
    assert_eq!([4, 5, 6].map(|place| slice(Order::NewestFirst).begins_before(place)), [true, false, false]);
    assert_eq!([4, 5, 6].map(|place| slice(Order::OldestFirst).begins_before(place)), [false, false, true]);
    assert!(Slice::first(1, Order::NewestFirst).begins_before(i64::MAX));
}
