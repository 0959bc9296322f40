//! Bodies that are not JSON objects, and what their sender is told.

use super::super::body::MAX_DEPTH;
use super::*;

fn refusal(body: &[u8]) -> BodyProblem {
    read_bytes(body).unwrap_err()
}

#[test]
fn an_unescaped_text_of_a_template_is_refused_with_its_place_and_the_remedy() {
    let body = fixture("webhook/rendered/built-BROKEN-newline-in-message.txt");
    let problem = refusal(&body);
    assert_eq!((problem.line, problem.column), (7, 1));
    assert!(problem.message.starts_with("the body is not JSON: control character"), "{}", problem.message);
    assert!(problem.hint.contains("{{ toJSON .Message }}"), "{}", problem.hint);
}

#[test]
fn every_fault_is_told_with_its_place_and_a_hint_that_fits() {
    for (body, line, column, message, hint) in [
        (&b""[..], 1, 1, "the body is empty", "send one JSON object"),
        (b" \r\n\t", 1, 1, "the body is empty", "send one JSON object"),
        (b"\xEF\xBB\xBF", 1, 1, "the body is empty", "send one JSON object"),
        (b"[{}]", 1, 1, "the body is a list, not an object", "send one JSON object"),
        (b"\n  \"text\"", 2, 3, "the body is a string, not an object", "send one JSON object"),
        (b"null", 1, 1, "the body is null, not an object", "send one JSON object"),
        (b"node=n1&x=2", 1, 2, "expected ident", "send one JSON object"),
        (b"{\n\"a\": \"say \"hi\"\"}", 2, 12, "expected `,` or `}`", "not escaped"),
        (b"{\"a\": \"C:\\dir\"}", 1, 11, "invalid escape", "not escaped"),
        (b"{\"a\": 1,\n}", 2, 1, "trailing comma", "remove the comma"),
        (b"{\"a\": [1", 1, 8, "EOF", "ends too early"),
        (b"{} {}", 1, 4, "trailing characters", "nothing after it"),
        (b"{a: 1}", 1, 2, "key must be a string", "double quotes"),
        (b"{\"a\": 1e999}", 1, 11, "number out of range", "as a string"),
        (b"{\"a\":\n\"\xFF\"}", 2, 2, "not valid UTF-8", "UTF-8"),
    ] {
        let problem = refusal(body);
        let shown = String::from_utf8_lossy(body);
        assert!(problem.message.contains(message), "{shown}: {}", problem.message);
        assert!(!problem.message.contains(" at line "), "{shown}: {}", problem.message);
        assert!(problem.hint.contains(hint), "{shown}: {}", problem.hint);
        assert_eq!((problem.line, problem.column), (line, column), "{shown}");
    }
}

#[test]
fn a_body_at_the_depth_limit_survives_the_store_and_one_beyond_is_refused() {
    let nested = |depth: usize| format!("{}{}{}", "{\"a\":".repeat(depth - 1), "{}", "}".repeat(depth - 1));
    let event = read_bytes(nested(MAX_DEPTH).as_bytes()).unwrap();
    let record = serde_json::to_vec(&event).unwrap();
    assert_eq!(Event::from_record(&record, event.body.clone()).unwrap(), event);

    let problem = refusal(nested(MAX_DEPTH + 1).as_bytes());
    assert_eq!(problem.message, "the body is nested deeper than 64 levels");
    assert_eq!((problem.line, problem.column), (1, 5 * MAX_DEPTH + 1));
    assert!(read_bytes("[".repeat(1_000_000).as_bytes()).is_err());
}

#[test]
fn brackets_inside_strings_are_not_levels() {
    let text = "[{".repeat(500) + "\\\"" + &"[{".repeat(500);
    let event = read_bytes(format!(r#"{{"text": "{text}", "x": 1}}"#).as_bytes()).unwrap();
    assert_eq!(event.data["x"], 1);
}

#[test]
fn particulars_inside_a_string_that_are_too_deep_stay_a_text() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let event = notification_with("details", json!(deep));
    assert_eq!(event.data["value"], json!(deep));
}
