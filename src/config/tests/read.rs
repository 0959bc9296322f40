//! That one run tells every mistake, each once, and none that only follows from another.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::{ByteSize, Secret, Section, Span};
use crate::names::{RouteName, TargetName};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape matters")]
struct Route {
    name: RouteName,
    notify: Vec<TargetName>,
    #[serde(default)]
    stop: bool,
    group: Option<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape matters")]
struct Group {
    by: Vec<String>,
    wait: Span,
    limit: u8,
}

fn complaints<T: DeserializeOwned>(yaml: &str) -> String {
    let section = Section::from_yaml("a.yaml", yaml);
    assert!(section.read::<T>().is_none());
    section.problems().unwrap_err().to_string()
}

/// Path and message of each problem.
fn told<T: DeserializeOwned>(yaml: &str) -> Vec<String> {
    let section = Section::from_yaml("a.yaml", &format!("v:\n  {}", yaml.trim_end().replace('\n', "\n  ")));
    assert!(section.child("v").unwrap().read::<T>().is_none());
    section.problems().unwrap_err().iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

#[test]
fn two_mistakes_in_one_route_are_both_told() {
    let yaml = "\
- name: First
  notify: [slack]
  stop: yes
- nmae: second
  notify: [slack, UP]
";
    let expected = "\
error: route name `First` is not allowed: use 1 to 63 of a-z, 0-9, `-` and `_`, starting with a letter or digit
  at: a.yaml:2:9, routes[0].name

error: `yes` is not `true` or `false`
  at: a.yaml:4:9, routes[0].stop
  hint: write `true`

error: unknown key `nmae`
  at: a.yaml:5:3, routes[1].nmae
  allowed: name, notify, stop, group
  hint: did you mean `name`?

error: target name `UP` is not allowed: use 1 to 63 of a-z, 0-9, `-` and `_`, starting with a letter or digit
  at: a.yaml:6:19, routes[1].notify[1]

4 problems found";
    let yaml = format!("routes:\n{yaml}");
    assert_eq!(complaints::<BTreeMap<String, Vec<Route>>>(&yaml), expected);
}

#[test]
fn one_mistake_in_each_of_ten_targets_is_told_ten_times() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Target {
        url: String,
        timeout: Span,
        token: Secret,
    }
    let target = |number| format!("t{number}: {{ url: [x], timeout: soon{number}, token: '' }}\n");
    let yaml: String = (0..10).map(target).collect();
    assert_eq!(told::<BTreeMap<TargetName, Target>>(&yaml).len(), 30);
}

#[test]
fn all_missing_keys_of_a_map_are_told() {
    let expected = [
        "v[0].name: `name` is missing",
        "v[0].notify: `notify` is missing",
        "v[1].name: `name` is missing",
        "v[1].notify: `notify` is missing",
        "v[1].group.by: `by` is missing",
        "v[1].group.wait: `wait` is missing",
        "v[1].group.limit: `limit` is missing",
    ];
    let mut told = told::<Vec<Route>>("- {}\n- { group: {} }");
    told.sort();
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(told, sorted);
}

#[test]
fn a_missing_key_is_told_beside_a_wrong_one() {
    let expected = [
        "v.wait: `wait` is missing",
        "v.by: expected a list, found a single value",
        "v.limit: `300` is out of range: from 0 to 255 is allowed",
    ];
    assert_eq!(told::<Group>("{ by: 1, limit: 300 }"), expected);
}

#[test]
fn a_misspelt_key_is_not_also_missing() {
    assert_eq!(told::<Group>("{ by: [], wiat: 1s, limit: 1 }"), ["v.wiat: unknown key `wiat`"]);
}

#[test]
fn a_missing_value_no_blank_fits_does_not_hide_the_next_item() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Buffer {
        size: ByteSize,
        events: u8,
    }
    let expected = ["v[0].size: `size` is missing", "v[1].events: `x` is not a whole number"];
    assert_eq!(told::<Vec<Buffer>>("- { events: 1 }\n- { size: 1B, events: x }"), expected);
}

#[test]
fn a_wrong_key_of_a_map_is_told_like_a_wrong_value() {
    let expected = [
        "v.Up: target name `Up` is not allowed: use 1 to 63 of a-z, 0-9, `-` and `_`, starting with a letter or digit",
        "v.b: `x` is not a whole number",
    ];
    assert_eq!(told::<BTreeMap<TargetName, u8>>("{ Up: 1, b: x, c: 3 }"), expected);
}

#[test]
fn a_rule_of_the_whole_map_is_not_blamed_when_a_key_of_it_is_wrong() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Parts")]
    struct Either;
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parts {
        a: Option<u8>,
        b: Option<u8>,
    }
    impl TryFrom<Parts> for Either {
        type Error = &'static str;
        fn try_from(parts: Parts) -> Result<Self, Self::Error> {
            match (parts.a, parts.b) {
                (Some(_), None) | (None, Some(_)) => Ok(Self),
                _ => Err("write either `a` or `b`"),
            }
        }
    }
    let yaml = "[{ a: x }, { c: 1 }, { a: 1, b: 1 }, {}]";
    let expected = [
        "v[0].a: `x` is not a whole number",
        "v[1].c: unknown key `c`",
        "v[2]: write either `a` or `b`",
        "v[3]: write either `a` or `b`",
    ];
    assert_eq!(told::<Vec<Either>>(yaml), expected);
}

#[test]
fn what_is_right_is_read_as_before() {
    let section = Section::from_yaml("a.yaml", "r: { name: a, notify: [b], group: { by: [c], wait: 1s, limit: 3 } }");
    assert_eq!(section.read::<BTreeMap<String, Route>>().map(|routes| routes.len()), Some(1));
    section.problems().unwrap();
}

#[test]
fn more_mistakes_than_rounds_still_end() {
    let yaml: String = (0..2_000).map(|number| format!("k{number}: x\n")).collect();
    let told = told::<BTreeMap<String, u8>>(&yaml).len();
    assert!((100..=super::MAX_ROUNDS).contains(&told), "{told}");
}
