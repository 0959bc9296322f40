//! When a limit counts as crossed: once, at the right moment, under the same id for everybody.

use proptest::prelude::*;

use super::*;
use crate::config::Section;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn read(text: &str) -> Result<Vec<Threshold>, String> {
    let section = Section::from_yaml("relay.yaml", &format!("thresholds: {text}"));
    let thresholds = section.section("thresholds").read();
    section.problems().map(|()| thresholds.unwrap()).map_err(|problems| problems.to_string())
}

fn one(text: &str) -> Vec<Threshold> {
    read(&format!("[ {{ name: t, {text} }} ]")).unwrap()
}

fn cluster(id: &str, realised: Option<&str>, cost: Option<&str>) -> Reading {
    let paid = Paid { savings: realised.map(dec), cost: cost.map(dec) };
    Reading { id: id.to_owned(), name: format!("name-{id}"), paid, prices: None, refused: Refused::default() }
}

fn trailing(readings: Vec<Reading>) -> BTreeMap<Over, Vec<Reading>> {
    BTreeMap::from([(Over::Trailing30Days, readings)])
}

/// Feeds the values, one an hour, to a threshold on the realised savings of one cluster; says after which it crossed.
fn crossings(thresholds: &[Threshold], values: &[Option<&str>]) -> Vec<usize> {
    let mut state = State::default();
    let mut crossed = Vec::new();
    for (at, value) in values.iter().enumerate() {
        let readings = trailing(vec![cluster("c-1", *value, Some("100"))]);
        let (next, found) = evaluate(thresholds, &readings, &state, 500_000 + i64::try_from(at).unwrap());
        crossed.extend(found.iter().map(|_| at));
        state = next;
    }
    crossed
}

#[test]
fn a_limit_is_crossed_once_and_again_after_the_value_came_back() {
    let above = one("metric: realised, above: 10");
    let values = [Some("9"), Some("10"), Some("10.01"), Some("12"), Some("10"), Some("11")];
    assert_eq!(crossings(&above, &values), [2, 5]);
    let below = one("metric: realised, below: 10");
    let values = [Some("11"), Some("10"), Some("9.99"), Some("9"), Some("10"), Some("8")];
    assert_eq!(crossings(&below, &values), [2, 5]);
}

#[test]
fn with_hysteresis_a_value_that_wavers_is_told_of_once() {
    let above = one("metric: realised, above: 10, hysteresis: 2");
    let values = [Some("11"), Some("9"), Some("11"), Some("8.01"), Some("12"), Some("8"), Some("11")];
    assert_eq!(crossings(&above, &values), [0, 6]);
    let below = one("metric: realised, below: 10, hysteresis: 2");
    let values = [Some("9"), Some("11"), Some("9"), Some("11.99"), Some("9"), Some("12"), Some("9")];
    assert_eq!(crossings(&below, &values), [0, 6]);
}

#[test]
fn what_is_not_available_neither_crosses_nor_arms() {
    let below = one("metric: realised, below: 10");
    assert_eq!(crossings(&below, &[None, None]), [] as [usize; 0]);
    assert_eq!(crossings(&below, &[Some("9"), None, Some("9")]), [0]);
    assert_eq!(crossings(&below, &[Some("11"), None, Some("9")]), [2]);
}

#[test]
fn a_value_that_is_beyond_the_limit_at_first_sight_has_crossed_it() {
    assert_eq!(crossings(&one("metric: cost, above: 99"), &[Some("1")]), [0]);
}

#[test]
fn each_metric_is_what_its_name_says() {
    let priced = |id: &str, before: &str, after: &str| {
        let prices = Prices { before: dec(before), after: dec(after) };
        Reading { prices: Some(prices), ..cluster(id, Some("25"), Some("75")) }
    };
    let readings = trailing(vec![priced("a", "100", "60"), priced("b", "300", "280"), cluster("c", None, Some("5"))]);
    let value_of = |metric: &str| {
        let thresholds = one(&format!("metric: {metric}, above: 0"));
        let (_, found) = evaluate(&thresholds, &readings, &State::default(), 1);
        found[0].value
    };
    assert_eq!(value_of("realised"), dec("50"));
    assert_eq!(value_of("realised_percent"), dec("25"), "of the clusters whose savings are known");
    assert_eq!(value_of("cost"), dec("155"));
    assert_eq!(value_of("potential"), dec("60"));
    assert_eq!(value_of("potential_percent"), dec("15"));
}

#[test]
fn clusters_are_chosen_by_name_or_id_and_measured_together_or_each_for_itself() {
    let readings = trailing(vec![
        cluster("prod-1", Some("1"), Some("60")),
        cluster("prod-2", Some("1"), Some("70")),
        cluster("dev-1", Some("1"), Some("1000")),
    ]);
    let found = |text: &str| {
        let thresholds = one(text);
        let (_, found) = evaluate(&thresholds, &readings, &State::default(), 41);
        found.iter().map(|crossing| (crossing.id(), crossing.value.to_string())).collect::<Vec<_>>()
    };
    let pair = |id: &str, value: &str| (id.to_owned(), value.to_owned());
    assert_eq!(found("metric: cost, above: 100"), [pair("threshold/t/total/42", "1130")]);
    assert_eq!(found("metric: cost, above: 100, cluster: 'name-prod-*'"), [pair("threshold/t/total/42", "130")]);
    assert_eq!(
        found("metric: cost, above: 65, each: cluster"),
        [pair("threshold/t/prod-2/42", "70"), pair("threshold/t/dev-1/42", "1000")]
    );
    assert_eq!(
        found("metric: cost, above: 65, each: cluster, cluster: 'prod-?'"),
        [pair("threshold/t/prod-2/42", "70")]
    );
    assert_eq!(found("metric: cost, below: 1000000, cluster: nobody"), [], "of no cluster nothing is known");
}

#[test]
fn the_state_survives_as_text_and_forgets_what_is_no_longer_watched() {
    let thresholds =
        read("[ { name: a, metric: cost, above: 1 }, { name: b, metric: cost, above: 1000, each: cluster } ]");
    let readings = trailing(vec![cluster("c-1", Some("1"), Some("5"))]);
    let (state, _) = evaluate(thresholds.as_ref().unwrap(), &readings, &State::default(), 7);
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(text, r#"{"a":{"total":8},"b":{"c-1":-7}}"#);
    assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    let thresholds = thresholds.unwrap();
    let (state, _) = evaluate(&thresholds[1..], &trailing(vec![]), &state, 8);
    assert_eq!(serde_json::to_string(&state).unwrap(), r#"{"b":{"c-1":-7}}"#, "a list may be short for once");
    let (state, _) = evaluate(&thresholds[..1], &trailing(vec![]), &state, 9);
    assert_eq!(serde_json::to_string(&state).unwrap(), r#"{"a":{"total":-9}}"#);
}

#[test]
fn what_is_refused_makes_no_sum_of_the_rest() {
    let refused = |paid, prices| Reading { refused: Refused { paid, prices }, ..cluster("b", None, None) };
    let priced = Some(Prices { before: dec("100"), after: dec("60") });
    let known = Reading { prices: priced, ..cluster("a", Some("25"), Some("75")) };
    let crosses = |metric: &str, other: Reading| {
        let readings = trailing(vec![known.clone(), other]);
        !evaluate(&one(&format!("metric: {metric}, above: 0")), &readings, &State::default(), 1).1.is_empty()
    };
    for metric in ["realised", "realised_percent", "cost", "potential", "potential_percent"] {
        let is_offer = metric.starts_with("potential");
        assert_eq!(crosses(metric, refused(true, false)), is_offer, "{metric}");
        assert_eq!(crosses(metric, refused(false, true)), !is_offer, "{metric}");
        assert!(crosses(metric, refused(false, false)), "{metric}");
    }
}

#[test]
fn clusters_that_are_listed_come_before_those_that_are_remembered() {
    let thresholds = one("metric: cost, above: 1, each: cluster");
    let listed = |range: std::ops::Range<usize>| {
        trailing(range.map(|n| cluster(&format!("{n:036}"), None, Some("5"))).collect())
    };
    let (state, _) = evaluate(&thresholds, &listed(0..600), &State::default(), 500_000);
    let new = listed(600..1200);
    let (state, found) = evaluate(&thresholds, &new, &state, 500_001);
    assert_eq!(found.len(), 600);
    assert!(evaluate(&thresholds, &listed(600..1200), &state, 500_002).1.is_empty());
    assert!(serde_json::to_string(&state).unwrap().len() <= crate::store::Cursor::MAX_BYTES);
}

#[test]
fn a_threshold_that_was_forgotten_and_comes_back_does_not_repeat_an_id() {
    let thresholds = one("metric: cost, above: 1");
    let readings = trailing(vec![cluster("c-1", None, Some("5"))]);
    let (_, first) = evaluate(&thresholds, &readings, &State::default(), 100);
    let (_, again) = evaluate(&thresholds, &readings, &State::default(), 101);
    assert_ne!(first[0].id(), again[0].id());
}

#[test]
fn no_more_is_watched_than_can_be_remembered() {
    let thresholds = one("metric: cost, above: 1, each: cluster");
    let many = trailing((0..5000).map(|n| cluster(&format!("{n:036}"), None, Some("5"))).collect());
    let (state, found) = evaluate(&thresholds, &many, &State::default(), 500_000);
    assert_eq!(found.len(), State::MAX_SCOPES);
    let named = |thresholds: &[Threshold], readings| unwatched(thresholds, readings).map(|one| one.name.to_string());
    assert_eq!(named(&thresholds, &many).as_deref(), Some("t"));
    let few = trailing((0..1000).map(|n| cluster(&format!("{n}"), None, None)).collect());
    assert_eq!(named(&thresholds, &few), None);
    let two = read("[ { name: a, metric: cost, above: 1, each: cluster }, { name: b, metric: cost, above: 1 } ]");
    assert_eq!(named(&two.unwrap(), &few).as_deref(), Some("b"));
    assert!(serde_json::to_string(&state).unwrap().len() <= crate::store::Cursor::MAX_BYTES);
}

#[test]
fn a_threshold_that_cannot_be_meant_says_what_can() {
    for (text, complaint) in [
        ("metric: cost", "needs exactly one of `above` and `below`"),
        ("metric: cost, above: 1, below: 2", "needs exactly one of `above` and `below`"),
        ("metric: cost, above: much", "`much` is not a number; write a plain number"),
        ("metric: cost, above: $5", "is not a number"),
        ("metric: cost, above: 1, hysteresis: -1", "is negative"),
        ("metric: cost, below: 1, period: month_to_date", "would be crossed at the beginning of every month"),
        ("metric: costs, above: 1", "realised_percent"),
        ("metric: cost, above: 1, cluster: '['", "is not a valid glob"),
        ("metric: cost, above: 1, severity: bad", "unknown severity `bad`"),
        ("metric: cost, above: 1, each: node", "cluster"),
        ("metric: cost, above: 1, limt: 3", "unknown key `limt`"),
    ] {
        let said = read(&format!("[ {{ name: t, {text} }} ]")).unwrap_err();
        assert!(said.contains(complaint), "{text}: {said}");
    }
    assert!(read("[ { name: t, metric: realised_percent, below: 5, period: month_to_date } ]").is_ok());
    assert!(read("[ { name: t, metric: cost, above: 1, severity: critical } ]").is_ok());
}

/// Hours of values, some of them not available, and a limit with hysteresis between them.
fn stories() -> impl Strategy<Value = (Vec<Option<i64>>, i64, i64, bool)> {
    (prop::collection::vec(prop::option::weighted(0.8, -20..20i64), 1..60), -20..20i64, 0..15i64, any::<bool>())
}

fn threshold(limit: i64, hysteresis: i64, above: bool) -> Vec<Threshold> {
    let direction = if above { "above" } else { "below" };
    one(&format!("metric: realised, {direction}: {limit}, hysteresis: {hysteresis}"))
}

fn reading(value: Option<i64>) -> BTreeMap<Over, Vec<Reading>> {
    trailing(vec![cluster("c-1", value.map(|value| value.to_string()).as_deref(), Some("1"))])
}

proptest! {
    #[test]
    fn nothing_is_told_without_a_crossing_and_nothing_twice((values, limit, hysteresis, above) in stories()) {
        let thresholds = threshold(limit, hysteresis, above);
        let beyond = |value: i64| if above { value > limit } else { value < limit };
        let back = |value: i64| if above { value <= limit - hysteresis } else { value >= limit + hysteresis };
        let (mut state, mut told) = (State::default(), Vec::new());
        // What has been seen since the last time it was told.
        let mut came_back = true;
        for (hour, value) in (1..).zip(values) {
            let readings = reading(value);
            let (next, found) = evaluate(&thresholds, &readings, &state, hour);
            prop_assert_eq!(!found.is_empty(), came_back && value.is_some_and(beyond));
            came_back = found.is_empty() && (came_back || value.is_some_and(back));
            told.extend(found.iter().map(Crossing::id));
            state = next;
        }
        let mut different = told.clone();
        different.sort();
        different.dedup();
        prop_assert_eq!(different.len(), told.len(), "every crossing has an id of its own");
    }

    #[test]
    fn two_relays_that_look_at_one_state_say_the_same((values, limit, hysteresis, above) in stories(), later in 0..3i64) {
        let thresholds = threshold(limit, hysteresis, above);
        let mut state = State::default();
        for (hour, value) in (1..).zip(values) {
            let readings = reading(value);
            let (next, found) = evaluate(&thresholds, &readings, &state, hour);
            // The other one may be late, but not for what is seen for the first time.
            let other_hour = if state == State::default() { hour } else { hour + later };
            let (other_next, other_found) = evaluate(&thresholds, &readings, &state, other_hour);
            prop_assert_eq!(found.iter().map(Crossing::id).collect::<Vec<_>>(), other_found.iter().map(Crossing::id).collect::<Vec<_>>());
            prop_assert_eq!(&next, &other_next);
            state = next;
        }
    }
}
