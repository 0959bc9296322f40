//! How many events of a replay are due.

use super::*;

#[test]
fn one_is_due_at_once_and_the_others_at_their_pace() {
    let every = Duration::from_millis(200);
    let after = [0, 199, 200, 1_000, 3_600_000].map(|millis| due(Duration::from_millis(millis), every));
    assert_eq!(after, [1, 1, 2, 6, MOST_EVENTS]);
    assert_eq!(due(Duration::ZERO, Duration::ZERO), MOST_EVENTS, "as fast as they can");
}
