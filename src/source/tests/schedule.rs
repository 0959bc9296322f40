//! The cron line in its time zone, above all where the clocks change.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn schedule(line: &str, zone: &str) -> Schedule {
    Schedule::new(CronLine::parse(line).unwrap(), Zone::parse(zone).unwrap())
}

/// The moments it is due from `from` on.
fn moments(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let next = |now: &Timestamp| schedule.next_after(*now);
    let first = schedule.next_after(at(from));
    std::iter::successors(first, next).take(count).map(|moment| moment.to_string()).collect()
}

#[test]
fn nine_oclock_is_nine_oclock_in_summer_and_in_winter() {
    let berlin = schedule("0 9 * * *", "Europe/Berlin");
    let spring = ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"];
    assert_eq!(moments(&berlin, "2026-03-28T00:00:00Z", 3), spring);
    let autumn = ["2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z", "2026-10-26T08:00:00Z"];
    assert_eq!(moments(&berlin, "2026-10-24T00:00:00Z", 3), autumn);
}

#[test]
fn a_moment_that_the_clock_leaps_over_comes_right_after_the_leap() {
    let berlin = schedule("30 2 * * *", "Europe/Berlin");
    let expected = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
    assert_eq!(moments(&berlin, "2026-03-28T00:00:00Z", 3), expected);
    assert_eq!(berlin.latest(at("2026-03-29T12:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
    // Half an hour is left out there.
    let lord_howe = schedule("15 2 * * *", "Australia/Lord_Howe");
    assert_eq!(moments(&lord_howe, "2026-10-03T10:00:00Z", 2), ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]);
}

#[test]
fn a_moment_that_comes_twice_counts_once() {
    let new_york = schedule("30 1 * * *", "America/New_York");
    let expected = ["2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"];
    assert_eq!(moments(&new_york, "2026-10-31T00:00:00Z", 3), expected);
    assert_eq!(new_york.latest(at("2026-11-01T06:45:00Z")), Some(at("2026-11-01T05:30:00Z")));
}

#[test]
fn the_moment_itself_is_the_latest_one_and_not_the_next() {
    let daily = schedule("0 9 * * *", "UTC");
    assert_eq!(daily.latest(at("2026-10-06T09:00:00Z")), Some(at("2026-10-06T09:00:00Z")));
    assert_eq!(daily.latest(at("2026-10-06T08:59:59.999Z")), Some(at("2026-10-05T09:00:00Z")));
    assert_eq!(daily.latest(at("2026-10-06T09:00:00.001Z")), Some(at("2026-10-06T09:00:00Z")));
    assert_eq!(daily.next_after(at("2026-10-06T09:00:00Z")), Some(at("2026-10-07T09:00:00Z")));
    assert_eq!(daily.next_after(at("2026-10-06T08:59:59.999Z")), Some(at("2026-10-06T09:00:00Z")));
}

#[test]
fn weekdays_and_days_of_the_month_are_understood() {
    let workdays = schedule("0 9 * * MON-FRI", "UTC");
    assert_eq!(moments(&workdays, "2026-10-09T10:00:00Z", 1), ["2026-10-12T09:00:00Z"]);
    let monthly = schedule("0 9 1 * *", "UTC");
    assert_eq!(moments(&monthly, "2026-10-09T10:00:00Z", 2), ["2026-11-01T09:00:00Z", "2026-12-01T09:00:00Z"]);
}

#[test]
fn a_line_that_is_wrong_says_what_is_allowed() {
    for (line, complaint) in [
        ("", "is not a cron line"),
        ("@daily", "is not a cron line"),
        ("0 9 * *", "has 4 fields, a cron line has five"),
        ("0 0 9 * * *", "has 6 fields, a cron line has five"),
        ("* 9 * * *", "may come more than once a day"),
        ("0 9,17 * * *", "may come more than once a day"),
        ("0 */6 * * *", "may come more than once a day"),
        ("0 25 * * *", "is not a cron line"),
        ("0 9 * * FUNDAY", "is not a cron line"),
        ("0 9 31 2 *", "never comes"),
    ] {
        let said = CronLine::parse(line).unwrap_err();
        assert!(said.contains(complaint) && said.contains("such as `0 9 * * *`"), "{line}: {said}");
    }
}

fn zones() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"])
}

proptest! {
    /// Through thirty years of changing clocks: one moment on every day, and looking back finds what looking ahead said.
    #[test]
    fn a_daily_line_comes_once_on_every_day(zone in zones(), hour in 0..24u8, minute in 0..60u8, days in 0..11_000i64) {
        let daily = schedule(&format!("{minute} {hour} * * *"), zone);
        let start = Timestamp::from_millis((10_957 + days) * 86_400_000);
        let first = daily.next_after(start).unwrap();
        let second = daily.next_after(first).unwrap();
        prop_assert!(start < first && first < second);
        let (day, next_day) = (daily.zone().day_of(first), daily.zone().day_of(second));
        prop_assert_eq!(next_day, day.plus(1));
        let just_before = Timestamp::from_millis(second.as_millis() - 1);
        prop_assert_eq!(daily.latest(just_before), Some(first));
        prop_assert_eq!(daily.latest(second), Some(second));
        prop_assert!(second.saturating_since(first) <= Duration::from_secs(25 * 3600));
    }
}
