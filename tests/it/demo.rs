//! The demo is what a stranger sees first: it must end well, whatever the machine.

use std::path::Path;

use crate::support::process::run;

#[test]
fn the_demo_ends_well_and_its_sums_agree() {
    let said = run(Path::new("."), &["demo", "--speed", "1000"], &[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let (_, summary) = said.out.split_once("\n\n10 calls").unwrap_or_else(|| panic!("{}", said.out));
    // How often Slack was tried in vain depends on the machine; everything else does not.
    insta::with_settings!({filters => vec![(r"outage: \d+", "outage: N"), (r"of it: \d+", "of it: N")]}, {
        insta::assert_snapshot!(format!("10 calls{summary}"));
    });
}

#[test]
fn the_demo_says_everything_on_one_line_each() {
    let said = run(Path::new("."), &["demo", "--speed", "1000"], &[]);
    let (story, _) = said.out.split_once("\n\n10 calls").unwrap();
    for line in story.lines().skip(2) {
        assert!(line.trim_start().starts_with(|c: char| c.is_ascii_digit()), "{line}");
        assert!(line.chars().count() <= 180, "{line}");
    }
}

#[test]
fn the_demo_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["demo", "--speed", "1000"], &[("TMPDIR", folder.path().to_str().unwrap())]);
    assert_eq!(said.code, 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
