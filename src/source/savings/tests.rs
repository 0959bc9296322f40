//! The section `sources.savings`: what may be written there, and what it means.

use super::*;
use crate::config::Section;

fn read(text: &str) -> Result<Config, String> {
    let section = Section::from_yaml("relay.yaml", &format!("savings: {text}"));
    let config = section.section("savings").read::<Config>();
    section.problems().map(|()| config.unwrap()).map_err(|problems| problems.to_string())
}

fn next(config: &Config, now: &str) -> Option<String> {
    let SummaryConfig { cron, time_zone } = config.summary.clone()?;
    let next = Schedule::new(cron, time_zone).next_after(Timestamp::parse(now).unwrap());
    Some(next.unwrap().to_string())
}

#[test]
fn nothing_said_is_a_summary_every_day_at_nine() {
    for usual in ["{}", "{ summary: {} }", "{ summary: true }", "{ summary: { cron: '0 9 * * *', time_zone: UTC } }"] {
        let config = read(usual).unwrap();
        assert_eq!(next(&config, "2026-10-06T09:00:00Z").as_deref(), Some("2026-10-07T09:00:00Z"), "{usual}");
        assert_eq!((config.every.to_string(), config.thresholds.len()), ("1h".to_owned(), 0), "{usual}");
    }
}

#[test]
fn the_zone_is_that_of_the_clock_on_the_wall() {
    let config = read("{ summary: { time_zone: America/New_York } }").unwrap();
    assert_eq!(next(&config, "2026-10-06T09:00:00Z").as_deref(), Some("2026-10-06T13:00:00Z"));
    assert_eq!(config.zone().name(), "America/New_York");
}

#[test]
fn a_summary_nobody_wants_is_none() {
    let config = read("{ summary: false }").unwrap();
    assert!(config.summary.is_none());
    assert_eq!(config.zone(), Zone::UTC);
}

#[test]
fn mistakes_are_told_at_their_place_all_at_once() {
    let text = "
  summary: { cron: '0 9 * *', time_zone: Berlin, zone: UTC }
  thresholds:
    - { name: a, metric: cost }
    - { name: b, metric: cost, above: 1, below: x }";
    let said = read(text).unwrap_err();
    for part in [
        "has 4 fields, a cron line has five",
        "relay.yaml:2:20, savings.summary.cron",
        "`Berlin` is not a time zone",
        "unknown key `zone`",
        "exactly one of `above` and `below`",
        "savings.thresholds[0]",
        "`x` is not a number",
        "savings.thresholds[1].below",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(read("{ summary: daily }").unwrap_err().contains("or `false` for no summary"));
}

#[test]
fn settings_that_do_not_go_together_are_named() {
    let text = "
  every: 59s
  thresholds:
    - { name: a, metric: cost, above: 1 }
    - { name: a, metric: cost, above: 2 }";
    let mistakes = read(text).unwrap().impossible();
    let keys: Vec<&str> = mistakes.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["every", "thresholds[1].name"], "{mistakes:?}");
}

#[test]
fn it_is_silent_when_a_round_is_two_hours_overdue() {
    let hours = |text: &str| read(text).unwrap().silent_after().map(|limit| limit.as_secs() / 3600);
    assert_eq!(hours("{}"), Some(24 + 2));
    assert_eq!(hours("{ summary: { cron: '30 7 * * MON-FRI' } }"), Some(3 * 24 + 2));
    assert_eq!(hours("{ summary: { cron: '0 9 1 * *', time_zone: Europe/Berlin } }"), Some(31 * 24 + 2));
    let watched = "every: 6h, thresholds: [ { name: a, metric: cost, above: 1 } ]";
    assert_eq!(hours(&format!("{{ {watched} }}")), Some(6 + 2));
    assert_eq!(hours(&format!("{{ summary: false, {watched} }}")), Some(6 + 2));
    assert_eq!(hours("{ summary: false }"), None);
}
