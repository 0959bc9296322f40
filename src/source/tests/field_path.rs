//! How operators write paths, and what they are told when they slip.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn found(path: &str) -> Option<Value> {
    let body = json!({"a": {"b": [{"c": 1}, 2], "odd key": 3, "with.dot": {"x-y": 4}}, "0": 5});
    path.parse::<FieldPath>().unwrap().find(body.as_object().unwrap()).cloned()
}

#[test]
fn a_path_leads_to_its_value_in_every_way_of_writing_it() {
    for (path, value) in [
        ("$.a.b[0].c", json!(1)),
        ("a.b[1]", json!(2)),
        ("$.a['odd key']", json!(3)),
        ("$['a'][\"with.dot\"].x-y", json!(4)),
        (" 0 ", json!(5)),
    ] {
        assert_eq!(found(path), Some(value), "{path}");
    }
}

#[test]
fn a_path_that_leads_nowhere_finds_nothing() {
    for path in ["x", "a.x", "a.b.c", "a.b[2]", "a[0]", "a.b[0].c.d"] {
        assert_eq!(found(path), None, "{path}");
    }
}

#[test]
fn a_slip_is_named_with_its_column() {
    for (path, problem, column) in [
        ("", "a name is missing", 1),
        ("$", "a name is missing", 2),
        ("$.", "a name is missing", 3),
        ("a..b", "a name is missing", 3),
        ("$a", "`.` or `[` is missing", 2),
        ("a b", "`.` or `[` is missing", 2),
        ("$[0].a", "the body is an object, so the first step is a name", 1),
        ("a[", "`]` is missing", 3),
        ("a[x]", "a number from 0 or a quoted name is missing", 3),
        ("a[-1]", "a number from 0 or a quoted name is missing", 3),
        ("ä['x", "the closing quote is missing", 3),
        ("a['x'", "`]` is missing", 6),
    ] {
        let error = path.parse::<FieldPath>().unwrap_err();
        assert_eq!((error.problem, error.column), (problem, column), "{path}");
    }
    let error = serde_json::from_value::<FieldPath>(json!("a[")).unwrap_err().to_string();
    assert!(error.starts_with("`a[` is not a field path: `]` is missing at column 3; write it like"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "[$.a\\[\\]'\"0 ä]{0,12}") {
        let _ = text.parse::<FieldPath>().map(|path| path.find(&Map::new()).cloned());
    }

    #[test]
    fn a_quoted_name_may_be_anything_without_its_quote(name in "[^']{0,20}") {
        let body = Map::from_iter([(name.clone(), json!(true))]);
        let path: FieldPath = format!("$['{name}']").parse().unwrap();
        prop_assert_eq!(path.find(&body), Some(&json!(true)));
    }
}
