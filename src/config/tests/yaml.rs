//! What a file may hold, and that scalars, positions and syntax errors come out as they were written.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::Section;

fn texts(yaml: &str) -> BTreeMap<String, String> {
    let section = Section::from_yaml("a.yaml", yaml);
    let texts = section.read();
    section.problems().unwrap();
    texts.unwrap()
}

fn complaint(yaml: &str) -> String {
    Section::from_yaml("a.yaml", yaml).problems().unwrap_err().to_string()
}

#[test]
fn a_text_field_receives_plain_scalars_as_they_were_written() {
    for text in
        ["0123", "1.10", "yes", "no", "1e5", "0x1F", "1_000", "true", "12:30", "2026-11-03", "+7", ".inf", "1e999"]
    {
        assert_eq!(texts(&format!("key: {text}"))["key"], text);
        assert_eq!(texts(&format!("{{ ключ: ü, key:   {text} }}"))["key"], text);
        assert_eq!(texts(&format!("key: '{text}'"))["key"], text);
        assert_eq!(texts(&format!("a: &it {text}\nkey: *it"))["key"], text);
        assert_eq!(texts(&format!("{text}: key"))[text], "key");
    }
}

#[test]
fn blocks_and_escapes_are_resolved() {
    assert_eq!(texts("key: |\n  a\n  b\n")["key"], "a\nb\n");
    assert_eq!(texts(r#"key: "a\tb""#)["key"], "a\tb");
}

#[test]
fn an_empty_file_is_an_empty_configuration() {
    for yaml in ["", "# nothing\n", "---\n", "null"] {
        assert_eq!(texts(yaml), BTreeMap::new(), "{yaml}");
    }
}

#[test]
fn merge_keys_and_aliases_are_followed() {
    let section = Section::from_yaml("a.yaml", "base: &base { a: 1, b: 2 }\nmore: { <<: *base, b: 3 }");
    let more: BTreeMap<String, String> = section.child("more").unwrap().read().unwrap();
    assert_eq!(more, BTreeMap::from([("a".into(), "1".into()), ("b".into(), "3".into())]));
    section.problems().unwrap();
}

#[test]
fn a_key_written_twice_is_refused_with_both_lines() {
    let expected = "\
error: `listen` is written twice, first in line 2
  at: a.yaml:4:3, server.listen
  hint: keep one of the two

1 problem found";
    assert_eq!(complaint("server:\n  listen: a\n  path: b\n  listen: c\n"), expected);
}

#[test]
fn a_syntax_error_names_line_and_column() {
    let complaint = complaint("server:\n  listen: [a, b\nnext: 1\n");
    assert!(complaint.starts_with("error: not valid YAML: "), "{complaint}");
    assert!(complaint.contains("\n  at: a.yaml:3:"), "{complaint}");
}

#[test]
fn a_file_that_is_not_a_map_is_refused() {
    for yaml in ["- a", "text", "1"] {
        assert!(complaint(yaml).contains("the file must hold a map of sections"), "{yaml}");
    }
}

#[test]
fn two_documents_unknown_tags_and_odd_keys_are_refused() {
    for yaml in ["a: 1\n---\nb: 2", "a: !vault x", "? [a]\n: b", "~: a", "a: *nowhere", "a: &a [*a]"] {
        assert!(complaint(yaml).starts_with("error: not valid YAML"), "{yaml}");
    }
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        yaml.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(complaint(&yaml).starts_with("error: not valid YAML"));
}

#[test]
fn twenty_levels_of_nesting_are_read() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        let yaml = format!("v:\n  {}1{}", open.repeat(20), close.repeat(20));
        let section = Section::from_yaml("a.yaml", &yaml);
        assert!(section.read::<serde_json::Value>().is_some(), "{:?}", section.problems());
    }
}

#[test]
fn deep_nesting_is_refused_without_exhausting_the_stack() {
    for open in ["[", "{a: ", "- "] {
        assert!(complaint(&open.repeat(30_000)).starts_with("error: not valid YAML"), "{open}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(yaml in r#"([a-c0-9.~é"'\-\n\t :\[\]{},&*!|>#%?<\\]|\n  |- |: |true|null|<<: |&a|\*a){0,40}"#) {
        let section = Section::from_yaml("a.yaml", &yaml);
        section.entries();
        let _ = section.read::<BTreeMap<String, Vec<u8>>>();
        let _ = section.read::<serde_json::Value>();
        if let Err(problems) = section.problems() {
            prop_assert!(problems.to_string().ends_with(" found"));
        }
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_panic(yaml in any::<String>()) {
        let section = Section::from_yaml("a.yaml", &yaml);
        let _ = section.read::<BTreeMap<String, String>>();
    }
}
