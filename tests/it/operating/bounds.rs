//! What is too much, too deep, unknown or in the wrong place is refused, as JSON, with what is allowed.

use super::*;

async fn refused(relay: &TestRelay, method: &str, path: &str, body: &str, expected: (u16, &str)) {
    let answer = call_as(relay, OPERATE, method, path, body).await;
    assert_eq!((answer.status, answer.code().as_str()), expected, "{method} {path}: {answer:?}");
    for key in ["message", "hint"] {
        assert!(!answer.json()["error"][key].as_str().unwrap().is_empty(), "{method} {path}: {answer:?}");
    }
    assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_too_deep_is_refused() {
    let relay = TestRelay::start(&format!("{CONFIG}\nserver: {{ body_limit: 64KiB }}")).await;
    let silence = |matching: &str| format!(r#"{{"match": {matching}, "for": "1h", "by": "ada", "why": "x"}}"#);
    let large = silence(&format!(r#"{{"type": "{}"}}"#, "x".repeat(64 * 1024)));
    refused(&relay, "POST", "silences", &large, (413, "body_too_large")).await;
    for depth in [32, 127, 129, 10_000] {
        let deep = silence(&format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth)));
        let answer = call_as(&relay, OPERATE, "POST", "silences", &deep).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_body"), "{answer:?}");
        assert!(answer.body.contains("more than 32 deep"), "{answer:?}");
    }
    let long = silence(&format!(r#"{{"type": "{}"}}"#, "x".repeat(5000)));
    refused(&relay, "POST", "silences", &long, (400, "not_allowed")).await;
}

#[tokio::test]
async fn a_query_that_is_too_long_or_means_nothing_is_refused() {
    let relay = TestRelay::start(CONFIG).await;
    for path in [
        "status",
        "targets",
        "targets/oncall",
        "routes",
        "sources",
        "silences",
        "acts",
        "events",
        "events/a",
        "deliveries",
        "stream",
        "openapi.json",
    ] {
        refused(&relay, "GET", &format!("{path}?colour=red"), "", (400, "not_allowed")).await;
        refused(&relay, "GET", &format!("{path}?{}", "x".repeat(3000)), "", (400, "not_allowed")).await;
    }
    for query in
        ["limit=0", "limit=201", "limit=all", "limit=", "limit=1&limit=2", "cursor=", "cursor=AAAA", "all=true"]
    {
        refused(&relay, "GET", &format!("acts?{query}"), "", (400, "not_allowed")).await;
    }
    refused(&relay, "POST", "targets/oncall/test?by=ada", r#"{"by": "ada"}"#, (400, "not_allowed")).await;
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there_are_said_to_be_so() {
    let relay = TestRelay::start(CONFIG).await;
    for path in ["status", "targets", "targets/oncall", "targets/oncall/pause", "routes", "silences/S1", "openapi.json"]
    {
        refused(&relay, "PATCH", path, "", (405, "method_not_allowed")).await;
        refused(&relay, "OPTIONS", path, "", (405, "method_not_allowed")).await;
    }
    refused(&relay, "GET", "targets/oncall/pause", "", (405, "method_not_allowed")).await;
    for path in ["", "nowhere", "status/", "targets/oncall/", "targets/oncall/stop", "targets/on%2Fcall", "targets/%FF"]
    {
        refused(&relay, "GET", path, "", (404, "not_found")).await;
    }
    for path in ["targets/mail", "targets/UPPER", "targets/%20"] {
        refused(&relay, "GET", path, "", (404, "not_found")).await;
    }
}

#[tokio::test]
async fn nothing_but_an_object_with_known_fields_is_a_body() {
    let relay = TestRelay::start(CONFIG).await;
    for body in
        ["", "null", "[]", "{", r#"["ada"]"#, r#"{"by": 7}"#, r#"{"by": null}"#, "{}", r#"{"by": "a", "by": "b"}"#]
    {
        refused(&relay, "POST", "targets/oncall/test", body, (400, "bad_body")).await;
    }
    refused(&relay, "POST", "targets/oncall/test", r#"{"by": "a\u0000"}"#, (400, "not_allowed")).await;
    assert!(relay.pagerduty().received().is_empty());
}
