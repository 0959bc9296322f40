//! Moving about in the configuration and noting mistakes in it.

use super::*;

fn section(yaml: &str) -> Section {
    Section::from_yaml("a.yaml", yaml)
}

fn complaints(section: &Section) -> String {
    section.problems().unwrap_err().to_string()
}

fn keys(section: &Section) -> Vec<String> {
    section.entries().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn entries_come_in_the_order_they_were_written() {
    let section = section("zeta: 1\nalpha: 2\nmid: { b: 1, a: 2 }\n");
    assert_eq!(keys(&section), ["zeta", "alpha", "mid"]);
    assert_eq!(keys(&section.child("mid").unwrap()), ["b", "a"]);
}

#[test]
fn a_section_knows_its_path() {
    let section = section("routes: [{ notify: [a, b] }]");
    let route = &section.child("routes").unwrap().items()[0];
    assert_eq!(route.path(), "routes[0]");
    assert_eq!(route.child("notify").unwrap().items()[1].path(), "routes[0].notify[1]");
}

#[test]
fn null_and_absent_are_both_no_child() {
    let section = section("a: null\nb:\n");
    assert!(section.child("a").is_none() && section.child("b").is_none() && section.child("c").is_none());
    assert!(!section.is_empty());
    assert!(super::Section::from_yaml("a.yaml", "").is_empty());
}

#[test]
fn a_list_in_place_of_a_map_is_noted_and_the_other_way_round() {
    let section = section("a: [1]\nb: { c: 1 }\n");
    assert!(section.child("a").unwrap().entries().is_empty());
    assert!(section.child("b").unwrap().items().is_empty());
    let expected = "\
error: expected a map, found a list
  at: a.yaml:1:1, a

error: expected a list, found a map
  at: a.yaml:2:1, b

2 problems found";
    assert_eq!(complaints(&section), expected);
}

#[test]
fn split_parts_the_keys_and_keeps_the_place() {
    let section = section("ops: { slack: {}, timeout: 5s, rate: 1/s }");
    let (common, kind) = section.child("ops").unwrap().split(&["timeout", "rate", "retry"]);
    assert_eq!(keys(&common), ["timeout", "rate"]);
    assert_eq!(keys(&kind), ["slack"]);
    assert_eq!((common.path(), kind.path()), ("ops", "ops"));
}

#[test]
fn only_notes_each_unknown_key_with_the_nearest_known_one() {
    let section = section("server: {}\nrutes: []\nzzz: 1\n");
    section.only(&["server", "routes", "targets"]);
    let expected = "\
error: unknown key `rutes`
  at: a.yaml:2:1, rutes
  allowed: server, routes, targets
  hint: did you mean `routes`?

error: unknown key `zzz`
  at: a.yaml:3:1, zzz
  allowed: server, routes, targets

2 problems found";
    assert_eq!(complaints(&section), expected);
}

#[test]
fn a_problem_at_a_sub_path_points_to_the_line_and_suggests_the_nearest() {
    let section = section("routes:\n  - name: oncall\n    notify:\n      - slak\n");
    let route = &section.child("routes").unwrap().items()[0];
    let message = "route `oncall` sends to target `slak`, which is not defined";
    route.problem_at("notify[0]", message, &["email-ops".into(), "pager".into(), "slack".into()], None);
    let expected = "\
error: route `oncall` sends to target `slak`, which is not defined
  at: a.yaml:4:9, routes[0].notify[0]
  allowed: email-ops, pager, slack
  hint: did you mean `slack`?

1 problem found";
    assert_eq!(complaints(&section), expected);
}

#[test]
fn a_problem_at_a_sub_path_that_is_not_there_falls_back_to_what_is() {
    let section = section("a:\n  b: { c.d: { e: [1] } }\n");
    section.problem_at("a.b.c.d.e[0]", "exact", &[], None);
    section.problem_at("a.b.x.y", "nearest", &[], Some("do this".into()));
    let expected = "\
error: nearest
  at: a.yaml:2:3, a.b.x.y
  hint: do this

error: exact
  at: a.yaml:2:19, a.b.c.d.e[0]

2 problems found";
    assert_eq!(complaints(&section), expected);
}

#[test]
fn the_same_mistake_noted_twice_is_told_once() {
    let section = section("a: 1");
    section.child("a").unwrap().problem("wrong");
    section.child("a").unwrap().problem("wrong");
    assert_eq!(complaints(&section), "error: wrong\n  at: a.yaml:1:4, a\n\n1 problem found");
}

#[test]
fn what_is_written_nowhere_has_no_place() {
    let section = section("");
    section.problem("there are no routes");
    section.problem_at("routes", "add some", &[], None);
    assert_eq!(complaints(&section), "error: there are no routes\n\nerror: add some\n  at: routes\n\n2 problems found");
}

#[test]
fn debugging_a_section_shows_no_value() {
    assert_eq!(format!("{:?}", section("token: hunter2").child("token").unwrap()), "Section(token)");
}
