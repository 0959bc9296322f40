//! When a route may speak: what is written, what is refused, and every minute of a year against the plainest reading.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;
use crate::names::RouteName;
use crate::route::RoutingTable;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn interval(written: Value) -> Interval {
    serde_json::from_value(written).unwrap()
}

fn refused(written: Value) -> String {
    serde_json::from_value::<Interval>(written).unwrap_err().to_string()
}

/// Of these moments the ones at which it holds.
fn holding<'a>(interval: &Interval, moments: &[&'a str]) -> Vec<&'a str> {
    moments.iter().copied().filter(|moment| interval.holds(at(moment))).collect()
}

fn route(hours: Value) -> RoutingTable {
    let mut route = json!({"name": "nodes", "notify": ["slack"]});
    route.as_object_mut().unwrap().extend(hours.as_object().unwrap().clone());
    RoutingTable::compile(vec![serde_json::from_value(route).unwrap()], vec![])
}

fn quiet(table: &RoutingTable, now: &str) -> Option<String> {
    table.quiet_hours(&RouteName::parse("nodes").unwrap(), at(now))
}

#[test]
fn office_hours_are_those_of_the_office() {
    let office = interval(json!({"days": ["mon-fri"], "times": ["08:00-18:00"], "time_zone": "Europe/Berlin"}));
    let winter = ["2026-01-05T06:59:59Z", "2026-01-05T07:00:00Z", "2026-01-05T16:59:59Z", "2026-01-05T17:00:00Z"];
    assert_eq!(holding(&office, &winter), winter[1..3]);
    let summer = ["2026-07-06T05:59:59Z", "2026-07-06T06:00:00Z", "2026-07-06T15:59:59Z", "2026-07-06T16:00:00Z"];
    assert_eq!(holding(&office, &summer), summer[1..3]);
    assert!(!office.holds(at("2026-07-05T10:00:00Z")), "a Sunday");
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_began() {
    let friday_night = interval(json!({"days": ["fri"], "times": ["22:00-06:00"]}));
    let moments = [
        "2026-11-20T05:00:00Z",
        "2026-11-20T21:59:00Z",
        "2026-11-20T22:00:00Z",
        "2026-11-21T05:59:00Z",
        "2026-11-21T06:00:00Z",
        "2026-11-21T22:00:00Z",
    ];
    assert_eq!(holding(&friday_night, &moments), moments[2..4]);
    let new_years_eve = interval(json!({"months": ["dec"], "dates": [-1], "times": ["18:00-02:00"]}));
    let moments = ["2026-12-31T01:00:00Z", "2026-12-31T18:00:00Z", "2027-01-01T01:59:00Z", "2027-01-01T18:00:00Z"];
    assert_eq!(holding(&new_years_eve, &moments), moments[1..3]);
}

#[test]
fn an_hour_that_the_clocks_leap_over_never_happens() {
    let berlin = interval(json!({"times": ["02:00-03:00"], "time_zone": "Europe/Berlin"}));
    let around = ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"];
    assert_eq!(holding(&berlin, &around), [""; 0]);
    let lord_howe = interval(json!({"times": ["02:00-02:30"], "time_zone": "Australia/Lord_Howe"}));
    assert_eq!(holding(&lord_howe, &["2026-10-03T15:29:59Z", "2026-10-03T15:30:00Z"]), [""; 0]);
}

#[test]
fn an_hour_that_comes_twice_counts_twice() {
    let minutes = |interval: &Interval, from: &str| {
        let minute = |n: u64| at(from).saturating_add(std::time::Duration::from_secs(60 * n));
        (0..24 * 60).filter(|n| interval.holds(minute(*n))).count()
    };
    let berlin = interval(json!({"times": ["02:00-03:00"], "time_zone": "Europe/Berlin"}));
    assert_eq!(minutes(&berlin, "2026-10-24T22:00:00Z"), 120);
    let lord_howe = interval(json!({"times": ["01:30-02:00"], "time_zone": "Australia/Lord_Howe"}));
    assert_eq!(minutes(&lord_howe, "2026-04-04T13:00:00Z"), 60);
}

#[test]
fn everything_that_is_given_must_hold_and_of_each_list_any_item() {
    let holidays = interval(json!({"months": ["dec", 1], "dates": ["24-26", "-1", 1]}));
    let moments = ["2026-12-24T00:00:00Z", "2026-12-31T23:59:00Z", "2027-01-01T12:00:00Z", "2027-01-25T12:00:00Z"];
    assert_eq!(holding(&holidays, &moments), moments);
    let others = ["2026-12-23T23:59:00Z", "2026-11-24T12:00:00Z", "2026-12-30T12:00:00Z", "2027-02-01T12:00:00Z"];
    assert_eq!(holding(&holidays, &others), [""; 0]);
    let last_of_february = interval(json!({"months": "feb", "dates": "29--1"}));
    assert!(last_of_february.holds(at("2028-02-29T12:00:00Z")) && !last_of_february.holds(at("2027-02-28T12:00:00Z")));
}

#[test]
fn what_is_written_is_read_in_any_case_and_said_in_the_shortest_way() {
    for (written, said) in [
        (json!({"days": ["Mon-FRI", "sunday"]}), "mon-fri, sun (UTC)"),
        (json!({"days": "fri-mon", "times": "8:00-24:00"}), "fri-mon 08:00-24:00 (UTC)"),
        (json!({"months": ["nov-feb", 7], "dates": ["25--1", -3]}), "on 25--1, -3 in nov-feb, jul (UTC)"),
        (json!({"times": ["22:00 - 06:00"], "time_zone": "asia/kolkata"}), "22:00-06:00 (Asia/Kolkata)"),
        (json!({"dates": ["-3--1"], "months": "December"}), "on -3--1 in dec (UTC)"),
    ] {
        assert_eq!(interval(written.clone()).to_string(), said, "{written}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_can() {
    for (written, part) in [
        (json!({}), "would hold for ever"),
        (json!({"time_zone": "UTC"}), "would hold for ever"),
        (json!({"days": []}), "an empty list holds never"),
        (json!({"days": ["mo-fr"]}), "`mo-fr` is not a day of the week; write a day"),
        (json!({"days": [1]}), "`1` is not a day of the week"),
        (json!({"times": ["08:00"]}), "`08:00` is not a range of times"),
        (json!({"times": ["08:00-08:00"]}), "write `00:00-24:00` for the whole day"),
        (json!({"times": ["24:00-06:00"]}), "write `00:00`"),
        (json!({"times": ["08:00-24:01"]}), "is not a range of times"),
        (json!({"times": ["08:60-09:00"]}), "is not a range of times"),
        (json!({"times": ["08:0-09:00"]}), "is not a range of times"),
        (json!({"times": ["+8:00-09:00"]}), "is not a range of times"),
        (json!({"times": ["65000:00-09:00"]}), "is not a range of times"),
        (json!({"months": [13]}), "`13` is not a month; write a month"),
        (json!({"months": [0]}), "is not a month"),
        (json!({"dates": [0]}), "`0` is not a day of the month; write 1 to 31"),
        (json!({"dates": [-32]}), "is not a day of the month"),
        (json!({"dates": ["26-24"]}), "ends before it begins"),
        (json!({"dates": ["-1--3"]}), "ends before it begins"),
        (json!({"dates": ["-5-3"]}), "ends before it begins"),
        (json!({"months": ["feb"], "dates": [30]}), "never comes"),
        (json!({"months": ["apr", "jun"], "dates": [31]}), "never comes"),
        (json!({"time_zone": "Europe/Berln", "days": ["mon"]}), "did you mean `Europe/Berlin`?"),
        (json!({"day": ["mon"]}), "unknown field `day`"),
        (json!({"days": {"mon": true}}), "a day or a range of them"),
    ] {
        let said = refused(written.clone());
        assert!(said.contains(part), "{written}: {said}");
    }
    let said = serde_json::from_value::<Intervals>(json!([])).unwrap_err().to_string();
    assert!(said.contains("an empty list holds never"), "{said}");
}

#[test]
fn a_route_says_why_it_is_quiet() {
    let table = route(json!({
        "active": [{"days": ["mon-fri"], "times": ["08:00-18:00"]}, {"days": ["sat"]}],
        "muted": [{"times": ["12:00-13:00"], "time_zone": "UTC"}],
    }));
    assert_eq!(quiet(&table, "2026-11-20T09:00:00Z"), None);
    assert_eq!(quiet(&table, "2026-11-20T12:30:00Z").as_deref(), Some("muted: 12:00-13:00 (UTC)"));
    let outside = "outside its hours: active mon-fri 08:00-18:00 (UTC) or sat (UTC)";
    assert_eq!(quiet(&table, "2026-11-22T09:00:00Z").as_deref(), Some(outside));
    let words = table.routes().next().unwrap().hours_in_words();
    assert_eq!(words.as_deref(), Some("active mon-fri 08:00-18:00 (UTC) or sat (UTC), muted 12:00-13:00 (UTC)"));
}

#[test]
fn a_route_without_hours_and_one_that_is_gone_may_always_speak() {
    let table = route(json!({}));
    assert_eq!(quiet(&table, "2026-11-22T03:00:00Z"), None);
    assert_eq!(table.routes().next().unwrap().hours_in_words(), None);
    for gone in [RouteName::parse("gone").unwrap(), RouteName::default_targets(), RouteName::too_late()] {
        assert_eq!(table.quiet_hours(&gone, at("2026-11-22T03:00:00Z")), None);
    }
}

/// An interval in the plainest words: what it lists, item by item.
#[derive(Debug, Clone)]
struct Plain {
    days: Vec<(usize, usize)>,
    times: Vec<(u16, u16)>,
    months: Vec<(i8, i8)>,
    dates: Vec<(i8, i8)>,
    zone: &'static str,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago"];

impl Plain {
    fn written(&self) -> Value {
        let days: Vec<_> = self.days.iter().map(|(a, b)| format!("{}-{}", DAYS[*a], DAYS[*b])).collect();
        let clock = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let times: Vec<_> = self.times.iter().map(|(a, b)| format!("{}-{}", clock(a), clock(b))).collect();
        let pairs = |list: &[(i8, i8)]| list.iter().map(|(a, b)| format!("{a}-{b}")).collect::<Vec<_>>();
        let lists = [("days", days), ("times", times), ("months", pairs(&self.months)), ("dates", pairs(&self.dates))];
        let mut written = json!({"time_zone": self.zone});
        for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            written[key] = list.into();
        }
        written
    }

    /// Whether the day lists have this day, by going from the first to the last item of each.
    fn has_day(&self, day: Date) -> bool {
        let circle = |first: usize, last: usize, length: usize| {
            (0..length).map(move |n| (first + n) % length).take((last + length - first) % length + 1)
        };
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap();
        let on_weekday = self.days.iter().any(|(a, b)| circle(*a, *b, 7).any(|each| each == weekday));
        let month = usize::try_from(day.month() - 1).unwrap();
        let zero = |month: &i8| usize::try_from(month - 1).unwrap();
        let in_month = self.months.iter().any(|(a, b)| circle(zero(a), zero(b), 12).any(|each| each == month));
        let last = day.last_of_month().day();
        let place = |date: &i8| if *date > 0 { *date } else { last + 1 + date };
        let on_date = self.dates.iter().any(|(a, b)| (place(a)..=place(b)).any(|each| each == day.day()));
        (self.days.is_empty() || on_weekday)
            && (self.months.is_empty() || in_month)
            && (self.dates.is_empty() || on_date)
    }

    /// Whether a clock on the wall that shows this shows a time that is meant: every minute of every day is gone through
    /// from its beginning, and one beyond midnight is one of the day after.
    fn means(&self, day: Date, minute: u16) -> bool {
        let whole = vec![(0, 1440)];
        let times = if self.times.is_empty() { &whole } else { &self.times };
        times.iter().any(|(from, to)| {
            let end = if to < from { to + 1440 } else { *to };
            (*from..end).any(|each| match each < 1440 {
                true => each == minute && self.has_day(day),
                false => each - 1440 == minute && self.has_day(day.yesterday().unwrap()),
            })
        })
    }
}

fn plains() -> impl Strategy<Value = Plain> {
    let days = vec((0..7usize, 0..7usize), 0..3);
    let quarter = |last: u16| (0..=last).prop_map(|n| n * 15);
    let times = vec((quarter(95), quarter(96)).prop_filter("not empty", |(a, b)| a != b), 0..3);
    let months = vec((1..=12i8, 1..=12i8), 0..2);
    let dates = vec(prop_oneof![(1..=28i8).prop_map(|a| (a, a)), (1..=14i8, -14..=-1i8), (-9..=-5i8, -4..=-1i8)], 0..2);
    (days, times, months, dates, select(&ZONES[..]))
        .prop_map(|(days, times, months, dates, zone)| Plain { days, times, months, dates, zone })
        .prop_filter("says something", |plain| {
            !(plain.days.is_empty() && plain.times.is_empty() && plain.months.is_empty() && plain.dates.is_empty())
        })
}

/// The minutes of a year, but for most of those far from any change of the clocks.
fn moments() -> impl Strategy<Value = Vec<Timestamp>> {
    let minute = |from: &str, n: i64| Timestamp::from_millis(at(from).as_millis() + n * 60_000);
    const CHANGES: [&str; 7] = [
        "2026-03-28T12:00:00Z",
        "2026-10-24T12:00:00Z",
        "2026-03-07T18:00:00Z",
        "2026-10-31T18:00:00Z",
        "2026-04-04T00:00:00Z",
        "2026-10-03T00:00:00Z",
        "2026-09-05T18:00:00Z",
    ];
    let near = (select(&CHANGES[..]), 0..2880i64).prop_map(move |(from, n)| minute(from, n));
    let any = (0..527_040i64).prop_map(move |n| minute("2026-01-01T00:00:00Z", n));
    vec(prop_oneof![near, any], 200)
}

proptest! {
    #[test]
    fn whatever_is_written_holds_exactly_when_the_wall_shows_it(plain in plains(), moments in moments()) {
        let interval = interval(plain.written());
        for now in moments {
            let wall = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap().in_tz(plain.zone).unwrap();
            let minute = u16::try_from(wall.hour()).unwrap() * 60 + u16::try_from(wall.minute()).unwrap();
            prop_assert_eq!(interval.holds(now), plain.means(wall.date(), minute), "{} at {}", interval, wall);
        }
    }

    #[test]
    fn no_text_makes_reading_fail_otherwise_than_in_words(key in select(&["days", "times", "months", "dates"][..]), text in any::<String>()) {
        let _ = serde_json::from_value::<Interval>(json!({ key: [text] }));
    }
}

/// A weekend with its nights and its office, and the times at which clocks change.
#[test]
fn every_minute_of_a_year_is_as_the_wall_shows_it() {
    const TIMES: [(u16, u16); 3] = [(480, 1080), (1320, 360), (90, 150)];
    let written = json!({"days": ["fri-sun"], "times": ["08:00-18:00", "22:00-06:00", "01:30-02:30"]});
    let start = at("2026-01-01T00:00:00Z").as_millis();
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"] {
        let mut written = written.clone();
        written["time_zone"] = zone.into();
        let interval = interval(written);
        for n in 0..365 * 1440 {
            let now = Timestamp::from_millis(start + n * 60_000);
            let wall = interval.zone.at(now);
            let minute = u16::try_from(wall.hour()).unwrap() * 60 + u16::try_from(wall.minute()).unwrap();
            let weekday = usize::try_from(wall.weekday().to_monday_zero_offset()).unwrap();
            let on = |day: usize| (4..=6).contains(&day);
            let meant = TIMES.iter().any(|(from, to)| match from < to {
                true => (*from..*to).contains(&minute) && on(weekday),
                false => minute >= *from && on(weekday) || minute < *to && on((weekday + 6) % 7),
            });
            assert_eq!(interval.holds(now), meant, "{interval} at {wall}");
        }
    }
}
