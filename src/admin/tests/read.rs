//! Queries and depths.

use serde_json::json;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default, deserialize_with = "flag")]
    all: bool,
    #[serde(default = "seven", deserialize_with = "number::<1, 200, _>")]
    limit: usize,
    #[serde(default, deserialize_with = "given")]
    cursor: Option<String>,
}

fn seven() -> usize {
    7
}

fn asked(query: &str) -> Result<Asked, ApiError> {
    read_query(&format!("/x?{query}").parse().unwrap())
}

#[test]
fn a_query_is_read_as_its_fields() {
    assert_eq!(asked("").unwrap(), Asked { all: false, limit: 7, cursor: None });
    assert_eq!(
        asked("all=true&limit=200&cursor=a%20b").unwrap(),
        Asked { all: true, limit: 200, cursor: Some("a b".into()) }
    );
}

#[test]
fn what_is_unknown_double_or_not_meant_is_refused() {
    for query in [
        "x=1",
        "all=yes",
        "all=",
        "all",
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=+1",
        "limit=",
        "limit=1.5",
        "all=true&all=true",
    ] {
        assert!(asked(query).is_err(), "{query}");
    }
}

#[test]
fn a_query_has_an_end() {
    let of_length = |length: usize| format!("cursor={}", "x".repeat(length - "cursor=".len()));
    assert!(asked(&of_length(LONGEST_QUERY)).is_ok());
    assert!(asked(&of_length(LONGEST_QUERY + 1)).is_err());
}

#[test]
fn the_depth_is_that_of_brackets_outside_of_texts() {
    for (text, expected) in [
        ("{}", 1),
        (r#"{"a": [1, {"b": []}], "c": {}}"#, 4),
        (r#"{"a[[[": "{{{\"[[[\\", "b": []}"#, 2),
        ("]]]{", 1),
        ("", 0),
    ] {
        assert_eq!(depth(text.as_bytes()), expected, "{text}");
    }
    let deep = (0..DEEPEST).fold(json!(1), |inner, _| json!({"a": inner}));
    assert_eq!(depth(deep.to_string().as_bytes()), DEEPEST);
}
