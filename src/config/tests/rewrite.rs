//! What is written out reads as it did, and does not depend on the order of keys.

use proptest::prelude::*;

use super::*;

fn rewritten(yaml: &str) -> String {
    Section::from_yaml("a", yaml).written_out()
}

#[test]
fn what_is_written_out_reads_as_it_did() {
    let yaml = r#"
b: { z: [1, "2", 0123, yes, true, 1.50, null, ~], a: ">= 30" }
a: "quote \" and \\ and ümlaut"
c: {}
d: |
  two
  lines
"#;
    let once = rewritten(yaml);
    let expected = r#"{"a": "quote \" and \\ and ümlaut", "b": {"a": ">= 30", "z": [1, "2", 0123, "yes", true, 1.50, null, null]}, "c": {}, "d": "two\nlines\n"}"#;
    assert_eq!(once, expected);
    assert_eq!(rewritten(&once), once);
}

#[test]
fn the_order_of_keys_makes_no_difference() {
    assert_eq!(rewritten("a: 1\nb: { d: x, c: y }"), rewritten("b: { c: y, d: x }\na: 1"));
    assert_ne!(rewritten("a: [1, 2]"), rewritten("a: [2, 1]"));
    assert_ne!(rewritten("a: 1"), rewritten("a: '1'"));
}

proptest! {
    #[test]
    fn any_text_survives(text in any::<String>(), key in "[a-z]{1,8}") {
        let yaml = format!("{key}: {}", serde_json::Value::from(text.as_str()));
        let section = Section::from_yaml("a", &yaml);
        prop_assume!(section.problems().is_ok());
        let again = Section::from_yaml("b", &section.written_out());
        prop_assert!(again.problems().is_ok());
        let read = |section: &Section| section.child(&key).and_then(|child| child.read::<String>());
        prop_assert_eq!(read(&again), read(&section));
    }
}
