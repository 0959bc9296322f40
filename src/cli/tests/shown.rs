//! Tables are safe for terminals, and coloured only where somebody looks.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn printed(with_colours: bool) -> String {
    let rows = [(Tone::Heading, ["A", "WHY"]), (Tone::Wrong, ["b\x1b[2Jc", "x\ny"]), (Tone::Plain, ["longer", ""])];
    let rows = rows.map(|(tone, row)| (tone, row.map(str::to_owned).to_vec())).to_vec();
    let mut out = Vec::new();
    painted(rows, with_colours, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn nobody_writes_to_the_terminal_of_who_looks() {
    assert_eq!(printed(false), "A       WHY\nb\u{fffd}[2Jc  x\u{fffd}y\nlonger\n");
}

#[test]
fn a_row_is_painted_as_a_whole_and_the_columns_stay_aligned() {
    let lines = "\x1b[1mA       WHY\x1b[0m\n\x1b[31mb\u{fffd}[2Jc  x\u{fffd}y\x1b[0m\nlonger\n";
    assert_eq!(printed(true), lines);
}

fn as_text(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_a_terminal_obeys_is_written_by_its_number_in_json() {
    let steering = "\u{7f}\u{80}\u{9b}2J\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";
    let printed = as_text(|out| as_json_line(&json!({"text": steering}), out));
    let numbers = r"\u007f\u0080\u009b2J\u009f\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069";
    assert_eq!(printed, format!("{{\"text\":\"{numbers}\"}}\n"));
    let plain = as_text(|out| as_json_line(&json!("naïve 😀 \u{a0}"), out));
    assert_eq!(plain, "\"naïve 😀 \u{a0}\"\n", "all else stays as it is");
}

/// Texts in which such characters are frequent, beside quotes, backslashes and anything at all.
fn text() -> impl Strategy<Value = String> {
    let steering = "[\\x00-\\x1f\\x7f-\\u{9f}\\u{61c}\\u{200e}-\\u{200f}\\u{2028}-\\u{202e}\\u{2066}-\\u{2069}\"\\\\]";
    prop_oneof![any::<String>(), steering.prop_map(|c| format!("a{c}u009b{c}")), "[\\\\\"u0-9\u{9b}]{0,12}"]
}

proptest! {
    #[test]
    fn json_is_equal_however_it_is_printed_and_never_steers(texts in prop::collection::hash_map(text(), text(), 0..6)) {
        let value = json!({"texts": texts, "list": [1, null, {"deep": []}]});
        for printed in [as_text(|out| as_json(&value, out)), as_text(|out| as_json_line(&value, out))] {
            prop_assert_eq!(&serde_json::from_str::<Value>(&printed).unwrap(), &value);
            prop_assert!(printed.chars().all(|c| c == '\n' || !steers(c)), "{:?}", printed);
        }
    }
}
