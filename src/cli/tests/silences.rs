//! What is typed becomes a matcher.

use super::*;

fn matcher_of(typed: &[&str]) -> Value {
    let pairs: Vec<_> = typed.iter().map(|text| pair(text).unwrap()).collect();
    Value::Object(matcher(&pairs))
}

#[test]
fn pairs_are_fields_and_those_of_one_key_are_alternatives() {
    assert_eq!(
        matcher_of(&["type=node.added", "cluster=prod-*", "type = node.removed", "type=/^a=b/"]),
        json!({"type": ["node.added", "node.removed", "/^a=b/"], "cluster": "prod-*"})
    );
    assert_eq!(matcher_of(&["severity=>= warning"]), json!({"severity": ">= warning"}));
    assert_eq!(matcher_of(&["when=event.data.n == 3"]), json!({"when": "event.data.n == 3"}));
    assert_eq!(matcher_of(&[]), json!({}));
}

#[test]
fn what_begins_with_not_is_left_out() {
    assert_eq!(
        matcher_of(&["not.cluster=dev-*", "type=node.*", "not.name=a", "not.name=b"]),
        json!({"type": "node.*", "not": {"cluster": "dev-*", "name": ["a", "b"]}})
    );
}

#[test]
fn what_is_not_a_pair_is_refused() {
    for text in ["", "type", "=x", "type=", " = ", "not.=x"] {
        assert!(pair(text).unwrap_err().contains("is not a pair"), "{text}");
    }
}
