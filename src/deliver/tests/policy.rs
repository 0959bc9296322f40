//! What is written wins over what is known of the kind, and what cannot be meant is told.

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::config::Section;
use crate::notify::NOTIFIERS;

const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// A kind that takes two a second, and twenty at once.
fn paced() -> Option<Pace> {
    Some(Pace { rate: Rate::per_second(TWO), burst: 20 })
}

fn written(yaml: &str) -> Written {
    let section = Section::from_yaml("targets.ops", yaml);
    section.read().unwrap_or_else(|| panic!("{:?}", section.problems()))
}

fn mistakes(yaml: &str, kind_has_rate: bool) -> Vec<String> {
    written(yaml).impossible(kind_has_rate, None).into_iter().map(|mistake| mistake.message).collect()
}

#[test]
fn what_is_left_out_is_as_for_every_target() {
    assert_eq!(written("{}").over(None, None), Policy::default());
    assert_eq!(Policy::default().limits(), Limits::default());
}

#[test]
fn a_rate_and_its_burst_come_from_the_kind_until_they_are_written() {
    let pace = |yaml: &str, kind| {
        let policy = written(yaml).over(kind, None);
        (policy.rate.map(|rate| rate.to_string()).unwrap_or_default(), policy.burst)
    };
    assert_eq!(pace("{}", paced()), ("2/s".to_owned(), 20));
    assert_eq!(pace("{ burst: 5 }", paced()), ("2/s".to_owned(), 5));
    assert_eq!(pace("{ rate: 30/m }", paced()), ("30/m".to_owned(), 1));
    assert_eq!(pace("{ rate: 30/m, burst: 3 }", None), ("30/m".to_owned(), 3));
    assert_eq!(pace("{ rate: unlimited }", paced()), (String::new(), 1));
    assert_eq!(pace("{}", None), (String::new(), 1));
}

#[test]
fn everything_that_can_be_written_is_kept() {
    let policy = written(
        "{ concurrency: 2, timeout: 5s, retry: { base: 2s, cap: 1m, share: 25% }, max_age: 1h, rate: 1/s, burst: 7, \
         ambiguous: give_up, fallback: mail, fallback_after: 0s }",
    )
    .over(None, None);
    assert_eq!((policy.concurrency, policy.timeout, policy.max_age), (2, Span::from_secs(5), Span::from_secs(3600)));
    assert_eq!(policy.retry.waits, Waits::Growing { base: Span::from_secs(2), cap: Span::from_secs(60) });
    assert_eq!(policy.ambiguous, Ambiguous::GiveUp);
    assert_eq!(
        (policy.fallback.as_ref().map(TargetName::as_str), policy.fallback_after),
        (Some("mail"), Span::from_secs(0))
    );
    let rate = Some(RateLimit { every: Duration::from_secs(1), burst: 7 });
    assert_eq!(policy.limits(), Limits { rate, old_percent: 25, ..Limits::default() });
}

#[test]
fn what_cannot_be_meant_is_told() {
    assert_eq!(mistakes("{ concurrency: 0 }", true), ["`concurrency` must be from 1 to 64"]);
    assert_eq!(mistakes("{ concurrency: 65 }", true), ["`concurrency` must be from 1 to 64"]);
    for timeout in ["0s", "301s"] {
        let told = mistakes(&format!("{{ timeout: {timeout} }}"), true);
        assert_eq!(told, ["`timeout` must be more than zero, and 5m or less"]);
    }
    assert_eq!(mistakes("{ max_age: 0s }", true), ["`max_age` must be more than zero"]);
    assert_eq!(mistakes("{ retry: { base: 0s } }", true), ["`base` must be more than zero"]);
    for cap in ["0s", "3601s"] {
        let told = mistakes(&format!("{{ retry: {{ cap: {cap} }} }}"), true);
        assert_eq!(told, ["`cap` must be more than zero, and 1h or less"]);
    }
    for share in ["9%", "91%", "100%"] {
        let told = mistakes(&format!("{{ retry: {{ share: {share} }} }}"), true);
        assert_eq!(told, ["`share` must be from 10% to 90%"]);
    }
    for burst in ["0", "1001"] {
        assert_eq!(mistakes(&format!("{{ burst: {burst} }}"), true), ["`burst` must be from 1 to 1000"]);
    }
    for rate in ["1001/s", "60001/m"] {
        assert_eq!(mistakes(&format!("{{ rate: {rate} }}"), true), ["`rate` must be 1000/s or less"]);
    }
    assert_eq!(mistakes("{ fallback_after: 1m }", true), ["`fallback_after` means nothing without a `fallback`"]);
    let good = "{ concurrency: 64, retry: { cap: 1h, share: 10% }, timeout: 5m, rate: 60000/m, burst: 1000, fallback: a, \
                fallback_after: 1m }";
    assert_eq!(mistakes(good, false), Vec::<String>::new());
    assert_eq!(mistakes("{ retry: { share: 90% } }", false), Vec::<String>::new());
}

#[test]
fn waits_grow_from_the_shorter_to_the_longer() {
    for yaml in ["{ retry: { base: 6m } }", "{ retry: { cap: 999ms } }", "{ retry: { base: 2s, cap: 1s } }"] {
        let told = written(yaml).impossible(true, None);
        assert_eq!(told.iter().map(|mistake| mistake.key).collect::<Vec<_>>(), ["retry"], "{yaml}");
    }
    assert_eq!(mistakes("{ retry: { base: 5m } }", true), Vec::<String>::new(), "waits may all be alike");
}

#[test]
fn nothing_is_given_up_before_it_falls_back() {
    let keys = |yaml: &str| written(yaml).impossible(true, None).into_iter().map(|each| each.key).collect::<Vec<_>>();
    assert_eq!(keys("{ fallback: a, max_age: 15m }"), ["max_age"], "15m is the default of the other one");
    assert_eq!(keys("{ fallback: a, fallback_after: 1d }"), ["fallback_after"]);
    assert_eq!(keys("{ fallback: a, fallback_after: 2m, max_age: 1m }"), ["fallback_after"]);
    for good in ["{ max_age: 1m }", "{ fallback: a, max_age: 16m }", "{ fallback: a, fallback_after: 0s, max_age: 1s }"]
    {
        assert_eq!(keys(good), Vec::<&str>::new(), "{good}");
    }
}

#[test]
fn a_burst_needs_a_rate() {
    let told = ["`burst` means nothing without a `rate`"];
    assert_eq!(mistakes("{ burst: 5 }", false), told);
    assert_eq!(mistakes("{ rate: unlimited, burst: 5 }", true), told);
    assert_eq!(mistakes("{ burst: 5 }", true), Vec::<String>::new());
}

#[test]
fn the_limits_read_as_a_phrase() {
    let phrase = |yaml: &str| written(yaml).over(paced(), None).to_string();
    assert_eq!(phrase("{}"), "2/s with bursts of 20, 4 at a time, 15s each, given up after 1d");
    assert_eq!(phrase("{ rate: 1/s }"), "1/s, 4 at a time, 15s each, given up after 1d");
    let retried = "{ rate: 1/s, retry: { cap: 1m, share: 25% } }";
    let words = "1/s, 4 at a time, 15s each, retried after 1s to 1m, old ones get 25%, given up after 1d";
    assert_eq!(phrase(retried), words);
    assert_eq!(phrase("{ retry: { base: 1s, cap: 300s, share: 50% } }"), phrase("{}"));
    let unsure = "{ rate: unlimited, max_age: 1h, ambiguous: give_up }";
    assert_eq!(phrase(unsure), "unlimited, 4 at a time, 15s each, given up after 1h or when it may have arrived");
}

/// The schedule of the kind `webhook`.
fn schedule() -> Schedule {
    NOTIFIERS.iter().find_map(|kind| kind.schedule).unwrap()
}

#[test]
fn a_schedule_comes_from_the_kind_until_a_wait_is_written() {
    let policy = |yaml: &str| written(yaml).over(None, Some(schedule()));
    assert_eq!(policy("{}").retry, RetryPolicy { waits: Waits::Listed(schedule().waits), ..RetryPolicy::default() });
    assert_eq!(policy("{}").max_age, Span::from_secs(4 * 24 * 3600));
    let shared = policy("{ retry: { share: 25% }, max_age: 1h }");
    assert_eq!((shared.retry.waits, shared.retry.share.get()), (Waits::Listed(schedule().waits), 25));
    assert_eq!(shared.max_age, Span::from_secs(3600));
    let growing = |base, cap| Waits::Growing { base: Span::from_secs(base), cap: Span::from_secs(cap) };
    assert_eq!(policy("{ retry: { base: 2s } }").retry.waits, growing(2, 300));
    assert_eq!(policy("{ retry: { cap: 1m } }").retry.waits, growing(1, 60));
}

#[test]
fn every_schedule_is_over_before_what_waits_is_too_old() {
    let schedules: Vec<Schedule> = NOTIFIERS.iter().filter_map(|kind| kind.schedule).collect();
    assert!(!schedules.is_empty());
    for Schedule { waits, max_age } in schedules {
        let longest: Duration = waits.iter().map(|wait| wait.get().mul_f64(1.2)).sum();
        assert!(!waits.is_empty() && longest < max_age.get(), "{longest:?}");
    }
}

#[test]
fn the_age_of_a_kind_is_what_a_fallback_must_come_before() {
    let keys = |yaml: &str, schedule| {
        written(yaml).impossible(true, schedule).into_iter().map(|each| each.key).collect::<Vec<_>>()
    };
    assert_eq!(keys("{ fallback: a, fallback_after: 2d }", None), ["fallback_after"]);
    assert_eq!(keys("{ fallback: a, fallback_after: 2d }", Some(schedule())), [""; 0]);
    assert_eq!(keys("{ fallback: a, fallback_after: 4d }", Some(schedule())), ["fallback_after"]);
}

#[test]
fn a_schedule_reads_as_its_waits() {
    let phrase = written("{}").over(None, Some(schedule())).to_string();
    let waits = "retried after 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 1d";
    assert_eq!(phrase, format!("unlimited, 4 at a time, 15s each, {waits}, given up after 4d"));
}
