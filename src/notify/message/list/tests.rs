//! Whole lines, and never one too few without a word.

use proptest::prelude::*;

use super::*;

fn list(lines: &[&str], more: usize) -> List {
    List::new(lines.iter().map(|line| (*line).to_owned()), more)
}

#[test]
fn what_is_more_than_the_lines_is_counted() {
    assert_eq!(list(&["a", "b"], 0).within(Markup::Plain, 99), "• a\n• b");
    assert_eq!(list(&["a", "b"], 1234).within(Markup::Plain, 99), "• a\n• b\nand 1,234 more");
    assert_eq!(list(&["a\nb\u{202e}"], 1).lines(), ["a b", "and 1 more"]);
}

#[test]
fn a_line_that_has_no_room_is_left_out_whole_and_counted() {
    let list = list(&["a", "<b>", "c"], 7);
    assert_eq!(list.within(Markup::Slack, 1000), "• a\n• &lt;b&gt;\n• c\nand 7 more");
    assert_eq!(list.within(Markup::Slack, 26), "• a\n• &lt;b&gt;\nand 8 more");
    assert_eq!(list.within(Markup::Slack, 25), "• a\nand 9 more");
    assert_eq!(list.within(Markup::Slack, 0), "and 10 more");
}

proptest! {
    #[test]
    fn every_thing_is_a_line_or_counted(
        lines in prop::collection::vec("[a&<]{1,40}", 0..30), more in 0..2000usize, max in 20..1200usize,
    ) {
        let all = lines.len() + more;
        let text = List::new(lines.into_iter(), more).within(Markup::Slack, max);
        prop_assert!(text.chars().count() <= max, "{text}");
        let shown = text.lines().filter(|line| line.starts_with('•')).count();
        let counted = text.lines().find_map(|line| line.strip_prefix("and ")?.strip_suffix(" more"));
        let counted: usize = counted.map_or(0, |count| count.replace(',', "").parse().unwrap());
        prop_assert_eq!(shown + counted, all, "{}", text);
    }
}
