//! Periods are whole days of their zone, end where they should and meet without a gap.

use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn days_of(period: &Period) -> (String, String, u64) {
    let told = period.told();
    (told.first.unwrap(), told.last.unwrap(), told.count.unwrap())
}

fn told(first: &str, last: &str, days: u64) -> (String, String, u64) {
    (first.to_owned(), last.to_owned(), days)
}

#[test]
fn the_month_to_date_ends_where_the_day_begins() {
    let compared = Compared::month_to_date(day("2026-10-06"), &Zone::UTC);
    assert_eq!(days_of(&compared.present), told("2026-10-01", "2026-10-05", 5));
    assert_eq!(days_of(&compared.before), told("2026-09-01", "2026-09-05", 5));
    assert_eq!(compared.present.from.to_string(), "2026-10-01T00:00:00Z");
    assert_eq!(compared.present.to.to_string(), "2026-10-06T00:00:00Z");
}

#[test]
fn on_the_first_the_month_to_date_is_all_of_the_month_before() {
    let compared = Compared::month_to_date(day("2026-10-01"), &Zone::UTC);
    assert_eq!(days_of(&compared.present), told("2026-09-01", "2026-09-30", 30));
    assert_eq!(days_of(&compared.before), told("2026-08-01", "2026-08-30", 30));
    let january = Compared::month_to_date(day("2026-01-01"), &Zone::UTC);
    assert_eq!(days_of(&january.present), told("2025-12-01", "2025-12-31", 31));
}

#[test]
fn a_longer_month_is_compared_with_all_of_a_shorter_one() {
    let compared = Compared::month_to_date(day("2026-03-31"), &Zone::UTC);
    assert_eq!(days_of(&compared.present), told("2026-03-01", "2026-03-30", 30));
    assert_eq!(days_of(&compared.before), told("2026-02-01", "2026-02-28", 28));
    let leap_year = Compared::month_to_date(day("2028-03-31"), &Zone::UTC);
    assert_eq!(days_of(&leap_year.before), told("2028-02-01", "2028-02-29", 29));
}

#[test]
fn thirty_days_are_thirty_days_of_the_calendar_and_not_720_hours() {
    let compared = Compared::trailing_30_days(day("2026-11-01"), &zone("Europe/Berlin"));
    assert_eq!(days_of(&compared.present), told("2026-10-02", "2026-10-31", 30));
    assert_eq!(days_of(&compared.before), told("2026-09-02", "2026-10-01", 30));
    assert_eq!(compared.present.from.to_string(), "2026-10-01T22:00:00Z");
    assert_eq!(compared.present.to.to_string(), "2026-10-31T23:00:00Z");
}

#[test]
fn a_day_without_midnight_begins_with_its_first_moment() {
    // In Santiago clocks are put forward at midnight.
    let start = zone("America/Santiago").start_of(day("2026-09-06"));
    assert_eq!(start.to_string(), "2026-09-06T04:00:00Z");
    assert_eq!(zone("America/Santiago").day_of(start), day("2026-09-06"));
    let before = Timestamp::from_millis(start.as_millis() - 1);
    assert_eq!(zone("America/Santiago").day_of(before), day("2026-09-05"));
}

#[test]
fn a_window_ends_when_it_is_told_to_and_begins_by_the_calendar() {
    let berlin = zone("Europe/Berlin");
    let to = Timestamp::parse("2026-11-05T13:00:00Z").unwrap();
    assert_eq!(Window::trailing_30_days(to, &berlin).from.to_string(), "2026-10-06T12:00:00Z");
    assert_eq!(Window::month_to_date(to, &berlin).from.to_string(), "2026-10-31T23:00:00Z");
    let new_month = Timestamp::parse("2026-10-31T23:00:00Z").unwrap();
    assert_eq!(Window::month_to_date(new_month, &berlin).from.to_string(), "2026-09-30T22:00:00Z");
}

#[test]
fn a_day_is_read_as_it_is_written() {
    assert_eq!(day("2026-10-06").to_string(), "2026-10-06");
    for wrong in ["2026-13-01", "2026-02-30", "06.10.2026", "2026-10-6", "20261006", "today", ""] {
        assert!(Day::parse(wrong).unwrap_err().contains("such as `2026-10-06`"), "{wrong}");
    }
}

fn zones() -> impl Strategy<Value = Zone> {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Santiago",
        "Pacific/Apia",
    ];
    prop::sample::select(names.to_vec()).prop_map(zone)
}

/// Any day from 2000 to 2060.
fn any_day() -> impl Strategy<Value = Day> {
    (0..21_900i64).prop_map(|days| day("2000-01-01").plus(days))
}

proptest! {
    #[test]
    fn every_period_is_made_of_whole_days_and_the_two_never_overlap(day in any_day(), zone in zones()) {
        for compared in [Compared::month_to_date(day, &zone), Compared::trailing_30_days(day, &zone)] {
            let Compared { present, before } = compared;
            prop_assert_eq!(present.end, day);
            prop_assert_eq!(present.to, zone.start_of(day));
            for period in [present, before] {
                prop_assert_eq!(zone.start_of(period.first), period.from);
                prop_assert_eq!(zone.start_of(period.end), period.to);
                prop_assert!(period.from < period.to && period.days() >= 1);
            }
            prop_assert!(before.to <= present.from);
        }
        let trailing = Compared::trailing_30_days(day, &zone);
        prop_assert_eq!((trailing.present.days(), trailing.before.days()), (30, 30));
        prop_assert_eq!(trailing.before.to, trailing.present.from);
    }

    #[test]
    fn days_follow_each_other_without_gap_or_overlap(day in any_day(), zone in zones()) {
        let (start, next) = (zone.start_of(day), zone.start_of(day.plus(1)));
        // Samoa left out the thirtieth of December 2011.
        let left_out = start == next;
        prop_assert_eq!(left_out, zone.name() == "Pacific/Apia" && day.to_string() == "2011-12-30");
        if !left_out {
            prop_assert_eq!(zone.day_of(start), day);
            prop_assert_eq!(zone.day_of(Timestamp::from_millis(next.as_millis() - 1)), day);
        }
    }

    #[test]
    fn the_month_to_date_begins_on_a_first_and_is_compared_with_no_more_than_a_month(day in any_day(), zone in zones()) {
        let Compared { present, before } = Compared::month_to_date(day, &zone);
        for period in [present, before] {
            prop_assert!(period.first.to_string().ends_with("-01"));
        }
        prop_assert!(before.days() <= present.days() && before.end <= present.first);
        prop_assert!(before.days() == present.days() || before.end == present.first);
    }
}
