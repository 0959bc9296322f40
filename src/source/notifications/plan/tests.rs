//! How far a round reads, whatever the order of the list, and that no notification falls between two rounds.

use proptest::prelude::*;

use super::*;
use crate::source::notifications::terms::Terms;

const GRACE: Duration = Duration::from_secs(120);
const DAY: Duration = Duration::from_secs(86_400);

/// Minutes after the beginning of time.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + minutes * 60_000)
}

fn times(minutes: i64) -> Times {
    Times { happened_at: Some(at(minutes)), written_at: Some(at(minutes)) }
}

/// A round at minute 1000 after one that was complete until minute 900.
fn plan() -> Plan {
    Plan::new(Some(Position { complete_until: at(900) }), DAY, GRACE, at(1000))
}

/// The same where the first round looked back an hour.
fn hourly() -> Plan {
    Plan::new(Some(Position { complete_until: at(900) }), Duration::from_secs(3600), GRACE, at(1000))
}

/// Whether the round ends after a page of these, none of them news.
fn ends(plan: &mut Plan, page: impl IntoIterator<Item = i64>) -> bool {
    page.into_iter().for_each(|minutes| {
        plan.turn_of(times(minutes));
    });
    plan.ends_with_this_page()
}

#[test]
fn the_first_round_looks_back_and_later_ones_go_on_where_the_last_one_ended() {
    let turn = |mut plan: Plan, minutes| plan.turn_of(times(minutes));
    let first = || Plan::new(None, Duration::from_secs(3600), GRACE, at(1000));
    assert_eq!((turn(first(), 939), turn(first(), 940), turn(first(), 998)), (Turn::Over, Turn::Due, Turn::Due));
    assert_eq!((turn(hourly(), 889), turn(hourly(), 890)), (Turn::Over, Turn::Due), "ten minutes are read again");
    let long_away = Plan::new(Some(Position { complete_until: at(-9000) }), DAY, GRACE, at(1000));
    assert_eq!(turn(long_away, -8999), Turn::Due, "however long ago that was");
    assert_eq!(plan().position(), Position { complete_until: at(998) });
}

#[test]
fn the_youngest_are_left_to_the_webhook_unless_there_is_none() {
    assert_eq!(plan().turn_of(times(998)), Turn::Due);
    assert_eq!(plan().turn_of(times(999)), Turn::Webhooks);
    let mut alone = Plan::new(None, DAY, Duration::ZERO, at(1000));
    assert_eq!(alone.turn_of(times(1000)), Turn::Due);
    assert_eq!(alone.turn_of(times(1001)), Turn::Due, "CAST AI's clock may be ahead");
}

#[test]
fn what_happened_long_before_it_was_written_down_is_news_when_it_is_written() {
    let late = |written| Times { happened_at: Some(at(100)), written_at: Some(at(written)) };
    assert_eq!(hourly().turn_of(late(950)), Turn::Due);
    assert_eq!(hourly().turn_of(late(999)), Turn::Webhooks);
    assert_eq!(hourly().turn_of(late(100)), Turn::Over);
}

#[test]
fn what_is_listed_very_late_is_still_told_when_it_is_seen() {
    assert_eq!(plan().turn_of(times(100)), Turn::Due, "the list is not read down to it, but there it is");
    assert_eq!(plan().turn_of(times(1000 - 24 * 60 - 1)), Turn::Over);
}

#[test]
fn a_time_that_is_missing_or_cannot_be_true_keeps_nothing_back() {
    assert_eq!(plan().turn_of(Times::default()), Turn::Due);
    assert_eq!(plan().turn_of(times(999_999)), Turn::Due);
    let written_only = Times { happened_at: None, written_at: Some(at(950)) };
    assert_eq!((plan().turn_of(written_only), written_only.place()), (Turn::Due, Some(at(950))));
}

#[test]
fn a_round_ends_below_the_floor_and_only_after_a_page_without_news() {
    assert!(!ends(&mut plan(), [950, 891, 890]));
    assert!(ends(&mut plan(), [950, 891, 889]));
    let mut with_news = plan();
    with_news.turn_of(times(880));
    with_news.found_news();
    assert!(!with_news.ends_with_this_page());
    assert!(ends(&mut with_news, [879]));
    assert!(!ends(&mut plan(), []), "a page without items says nothing");
}

#[test]
fn a_list_that_is_not_in_order_is_read_to_its_end() {
    let mut turned_round = plan();
    assert!(!ends(&mut turned_round, [1, 2, 3]));
    assert!(!turned_round.is_in_order() && !ends(&mut turned_round, [990, 980]));
    let mut shuffled = plan();
    assert!(!ends(&mut shuffled, [950, 700, 949]));
    assert!(!ends(&mut shuffled, [600, 500]));
    let mut rising_from_page_to_page = plan();
    ends(&mut rising_from_page_to_page, [905, 900]);
    assert!(!ends(&mut rising_from_page_to_page, [960, 880]));
    let mut almost = plan();
    assert!(ends(&mut almost, [950, 889, 895, 888]), "some minutes are no disorder");
}

#[test]
fn a_clock_that_was_set_back_loses_nothing() {
    let mut plan = Plan::new(Some(Position { complete_until: at(5000) }), DAY, GRACE, at(1000));
    assert_eq!(plan.turn_of(times(990)), Turn::Due);
    assert_eq!(plan.position(), Position { complete_until: at(998) });
}

#[test]
fn a_position_reads_back_as_written() {
    let position = Position { complete_until: at(7) };
    assert_eq!(Position::read(&Terms::default().written_with(position)).unwrap(), position);
    assert_eq!(Terms::default().written_with(position), format!(r#"{{"complete_until":"{}"}}"#, at(7)));
    assert!(Position::read("{}").is_err());
}

/// Walks pages of a list as the source does; the minutes of what is due, and the next position.
fn round(list: &[i64], page: usize, mut plan: Plan, known: &mut std::collections::BTreeSet<i64>) -> Position {
    for items in list.chunks(page) {
        for minutes in items {
            if plan.turn_of(times(*minutes)) == Turn::Due && known.insert(*minutes) {
                plan.found_news();
            }
        }
        if plan.ends_with_this_page() {
            break;
        }
    }
    plan.position()
}

proptest! {
    /// Whenever the rounds are and however large the pages: what is listed and was old enough for us is known after the
    /// round, also what CAST AI lists some minutes late.
    #[test]
    fn nothing_falls_between_two_rounds(
        happened in proptest::collection::vec((0i64..600, 0i64..9), 1..60),
        pauses in proptest::collection::vec(1i64..120, 1..12),
        page in 1usize..7,
    ) {
        let mut known = std::collections::BTreeSet::new();
        let (mut now, mut position) = (0, None);
        for pause in pauses {
            now += pause;
            let ingested = happened.iter().filter(|(minute, delay)| minute + delay <= now);
            let mut list: Vec<i64> = ingested.map(|(minute, _)| *minute).collect();
            list.sort_by_key(|minute| std::cmp::Reverse(*minute));
            let plan = Plan::new(position, Duration::from_secs(600 * 60), GRACE, at(now));
            position = Some(round(&list, page, plan, &mut known));
            for minute in list {
                prop_assert!(known.contains(&minute) || minute > now - 2, "{} at {}", minute, now);
            }
        }
    }
}

#[test]
fn what_was_told_and_may_be_forgotten_is_left_out() {
    let hour = Duration::from_secs(3600);
    let position = Some(Position { complete_until: at(0) });
    let after = |minutes| Plan::new(position, hour, GRACE, at(minutes)).remembering(position, hour);
    let mut long_away = after(1500);
    assert_eq!(long_away.turn_of(times(1)), Turn::Due, "never told, however old");
    assert_eq!(long_away.turn_of(times(-1)), Turn::Over, "told and forgotten");
    let mut away = after(55);
    assert_eq!((away.turn_of(times(-5)), away.turn_of(times(-6))), (Turn::Due, Turn::Over));
}
