//! Where a sweep stands.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
}

fn day() -> Option<Stretches> {
    Some(Stretches::of(Window { from: at(-86_400), to: at(0) }))
}

#[test]
fn a_sweep_goes_on_where_it_was_and_with_less_than_was_too_much() {
    let mut sweeper = Sweeper::up_to(8 * HOUR);
    assert!(sweeper.go_on(at(0), day));
    let first = sweeper.next(at(-90_000)).unwrap();
    assert_eq!(first.span(), 8 * HOUR);
    assert!(sweeper.was_too_much(first));
    let half = sweeper.next(at(-90_000)).unwrap();
    sweeper.done(half);
    assert!(sweeper.go_on(at(30), || panic!("one is under way")));
    let mut stretches = vec![half];
    while let Some(next) = sweeper.next(at(-90_000)) {
        assert!(next.span() <= 4 * HOUR, "it is not lengthened any more");
        sweeper.done(next);
        stretches.push(next);
    }
    assert_eq!((stretches[0].from, stretches.last().unwrap().to), (at(-86_400), at(0)));
    assert_eq!(sweeper.ended(), Some(at(0)), "as of its beginning");
    assert!(!sweeper.go_on(at(60), || None));
    assert!(sweeper.go_on(at(3600), day) && sweeper.next(at(-90_000)).unwrap().span() == 4 * HOUR);
}

#[test]
fn a_sweep_that_fails_is_tried_again_later_and_later_until_it_goes_well() {
    let mut sweeper = Sweeper::up_to(HOUR);
    assert!(sweeper.go_on(at(0), day));
    sweeper.failed(at(0));
    assert!(!sweeper.go_on(at(59), day) && sweeper.go_on(at(60), day));
    sweeper.failed(at(60));
    assert!(!sweeper.go_on(at(179), day) && sweeper.go_on(at(180), day));
    (0..99).for_each(|_| sweeper.failed(at(180)));
    assert!(!sweeper.go_on(at(180 + 3599), day) && sweeper.go_on(at(180 + 3600), day));
    assert!(sweeper.go_on(at(0), day), "a clock that was set back does not stop it");
    let next = sweeper.next(at(-90_000)).unwrap();
    sweeper.done(next);
    assert!(sweeper.go_on(at(180), day), "one success, and nothing is waited for");
}

#[test]
fn a_sweep_leaves_what_is_too_old_by_now() {
    let mut sweeper = Sweeper::up_to(HOUR);
    assert!(sweeper.go_on(at(0), day));
    assert_eq!(sweeper.next(at(-7200)), Some(Window { from: at(-7200), to: at(-3600) }));
    assert_eq!(sweeper.next(at(10)), None);
}
