//! How strictly values are read, and what is said of those that are refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::{Secret, Section, Span};

fn read<T: DeserializeOwned>(value: &str) -> Option<T> {
    let section = Section::from_yaml("a.yaml", &format!("v: {value}"));
    let read = section.child("v")?.read();
    assert_eq!(read.is_some(), section.problems().is_ok(), "{value}");
    read
}

/// The message and the hint, if any, for `v: <value>` read as a `T`.
fn refusal<T: DeserializeOwned>(value: &str) -> String {
    let section = Section::from_yaml("a.yaml", &format!("v: {value}"));
    assert!(section.child("v").unwrap().read::<T>().is_none(), "{value}");
    let problems = section.problems().unwrap_err();
    let told = |problem: &super::super::Problem| match &problem.hint {
        Some(hint) => format!("{}; {hint}", problem.message),
        None => problem.message.clone(),
    };
    problems.iter().map(told).collect::<Vec<_>>().join("\n")
}

#[test]
fn numbers_are_plain_and_of_their_type() {
    assert_eq!(read::<u16>("8080"), Some(8080));
    assert_eq!(read::<i64>("-5"), Some(-5));
    assert_eq!(read::<f64>("1.5"), Some(1.5));
    assert_eq!(read::<f32>("2"), Some(2.0));
    assert_eq!(refusal::<u16>("1.6"), "`1.6` is not a whole number");
    assert_eq!(refusal::<u16>("70000"), "`70000` is out of range: from 0 to 65535 is allowed");
    assert_eq!(refusal::<u16>("-1"), "`-1` is out of range: from 0 to 65535 is allowed");
    assert_eq!(refusal::<u16>("yes"), "`yes` is not a whole number");
    assert_eq!(refusal::<u16>("true"), "`true` is not a whole number");
    assert_eq!(refusal::<u16>("\"8080\""), "`8080` is quoted and therefore a text; write it without quotes");
    assert_eq!(refusal::<f64>(".nan"), "`.nan` is not a number");
    assert_eq!(refusal::<u16>("[1]"), "expected a whole number, found a list");
}

#[test]
fn booleans_are_true_or_false() {
    assert_eq!(read::<bool>("true"), Some(true));
    assert_eq!(refusal::<bool>("yes"), "`yes` is not `true` or `false`; write `true`");
    assert_eq!(refusal::<bool>("off"), "`off` is not `true` or `false`; write `false`");
    assert_eq!(refusal::<bool>("1"), "`1` is not `true` or `false`");
    assert_eq!(refusal::<bool>("'true'"), "`true` is quoted and therefore a text; write it without quotes");
}

#[test]
fn texts_are_scalars() {
    assert_eq!(read::<String>("1.10").as_deref(), Some("1.10"));
    assert_eq!(read::<char>("x"), Some('x'));
    assert_eq!(refusal::<String>("{ a: 1 }"), "expected a text, found a map");
    assert_eq!(
        refusal::<Span>("10"),
        "`10` is not a duration; write a whole number with a unit: ms, s, m, h or d, such as `10s` or `24h`"
    );
}

#[test]
fn lists_and_maps_are_not_made_of_single_values() {
    assert_eq!(read::<Vec<String>>("[a, 1]"), Some(vec!["a".into(), "1".into()]));
    assert_eq!(read::<(u8, u8)>("[1, 2]"), Some((1, 2)));
    assert_eq!(
        refusal::<Vec<String>>("a"),
        "expected a list, found a single value; write `[…]`, also around a single item"
    );
    assert_eq!(refusal::<BTreeMap<String, u8>>("hunter2"), "expected a map, found a single value");
    assert_eq!(refusal::<(u8, u8)>("[1, 2, 3]"), "expected 2 items, found 3");
    assert_eq!(refusal::<(u8, u8)>("[1]"), "expected a tuple of size 2, found 1");
}

#[test]
fn an_optional_value_may_be_null() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Maybe {
        a: Option<u8>,
        b: Option<u8>,
        c: Option<u8>,
    }
    assert_eq!(read("{ a: 1, b: null }"), Some(Maybe { a: Some(1), b: None, c: None }));
    assert_eq!(refusal::<BTreeMap<String, u8>>("{ a: null }"), "expected a whole number, found nothing");
}

#[test]
fn an_untyped_value_is_what_it_looks_like() {
    let value = read::<serde_json::Value>("[true, 1, -1, 1.5, yes, '1', null, { a: 01:02 }]").unwrap();
    assert_eq!(value, serde_json::json!([true, 1, -1, 1.5, "yes", "1", null, { "a": "01:02" }]));
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Store {
    Memory,
    Sqlite { path: String },
    Postgres(String),
}

#[test]
fn an_enum_is_a_name_or_a_map_with_one_key() {
    assert_eq!(read("memory"), Some(Store::Memory));
    assert_eq!(read("{ memory: {} }"), Some(Store::Memory));
    assert_eq!(read("{ memory: null }"), Some(Store::Memory));
    assert_eq!(read("{ sqlite: { path: a } }"), Some(Store::Sqlite { path: "a".into() }));
    assert_eq!(read("{ postgres: b }"), Some(Store::Postgres("b".into())));
    assert_eq!(refusal::<Store>("sqlite"), "`sqlite` needs its settings; write `sqlite: { … }`");
    assert_eq!(refusal::<Store>("{ memory: { a: 1 } }"), "`memory` takes no settings");
    assert_eq!(refusal::<Store>("sqlit"), "`sqlit` is not one of the allowed values; did you mean `sqlite`?");
    assert_eq!(refusal::<Store>("{}"), "expected a map with one key, found an empty one");
    assert_eq!(refusal::<Store>("[memory]"), "expected a name, or a map with one key, found a list");
}

#[test]
fn of_two_variants_one_has_to_go() {
    assert_eq!(
        refusal::<Store>("{ sqlite: { path: a }, memory: {} }"),
        "`sqlite` and `memory` exclude each other; keep one"
    );
    assert_eq!(refusal::<Store>("{ sqlite: { path: a }, zzz: {} }"), "unknown key `zzz`");
    assert_eq!(read("{ sqlite: null, postgres: b }"), Some(Store::Postgres("b".into())));
}

#[test]
fn a_secret_is_never_repeated_in_a_complaint() {
    assert_eq!(read::<Secret>("'12345'").unwrap().expose(), "12345");
    for value in ["12345", "[12345]", "{ file: [12345] }"] {
        let refusal = refusal::<Secret>(value);
        assert!(!refusal.contains("12345"), "{refusal}");
    }
}
