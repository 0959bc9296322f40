//! Times are short where the day is the same, and found wherever they stand in a sentence.

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_time_has_its_day_only_where_that_is_another_one() {
    let day = at("2026-11-20T08:15:31Z");
    assert_eq!(short(at("2026-11-20T23:59:59.999Z"), day), "23:59:59");
    assert_eq!(short(at("2026-11-21T00:00:00Z"), day), "2026-11-21 00:00:00");
    assert_eq!(full(day), "2026-11-20 08:15:31");
}

#[test]
fn every_time_in_a_sentence_is_made_short() {
    let day = at("2026-11-20T08:15:31Z");
    for (sentence, expected) in [
        ("due at 2026-11-20T08:16:31Z", "due at 08:16:31"),
        ("(2026-11-20T08:16:31.5Z, 2026-11-21T00:00:00Z): x", "(08:16:31, 2026-11-21 00:00:00): x"),
        ("The T of Zürich, 2026-11-2T, T0Z", "The T of Zürich, 2026-11-2T, T0Z"),
        ("éééééééééT08:15:31Z", "éééééééééT08:15:31Z"),
        ("", ""),
    ] {
        assert_eq!(shortened(sentence, day), expected);
    }
}

#[test]
fn a_time_span_is_told_by_its_two_largest_units() {
    for (seconds, expected) in
        [(0, "0s"), (59, "59s"), (89, "1m 29s"), (3600, "1h"), (5340, "1h 29m"), (86_401, "1d"), (93_600, "1d 2h")]
    {
        assert_eq!(lasting(seconds), expected);
    }
}

#[test]
fn a_moment_is_a_time_or_how_long_ago_it_was() {
    let now = at("2026-11-20T08:15:31Z");
    assert_eq!(moment("2h", now), Ok(at("2026-11-20T06:15:31Z")));
    assert_eq!(moment("2026-11-20T00:00:00Z", now), Ok(at("2026-11-20T00:00:00Z")));
    assert!(moment("yesterday", now).unwrap_err().contains("such as `2h`"));
}
