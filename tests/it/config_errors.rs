//! What `check` says to every mistake we could think of: where it is, what is allowed, what to do.
//!
//! To add one: a file in `tests/fixtures/config/bad`, named after its mistake; then look at the new snapshot.

use std::path::{Path, PathBuf};

use crate::support::process::{Said, run};

/// What the fixtures find in their environment.
const ENVIRONMENT: &[(&str, &str)] = &[("SECRET", "0123456789abcdef"), ("EMPTY", "")];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

/// The names of the fixtures in `good` or `bad`, without `.yaml`.
fn fixtures(which: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder().join(which)).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.iter().map(|name| name.strip_suffix(".yaml").unwrap().to_owned()).collect()
}

fn check(file: &str) -> Said {
    run(&folder(), &["check", "--config", file], ENVIRONMENT)
}

#[test]
fn every_mistake_is_told_with_its_place_and_its_cure() {
    for name in fixtures("bad") {
        let said = check(&format!("bad/{name}.yaml"));
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{name}: {}", said.err);
        insta::assert_snapshot!(format!("bad_{name}"), said.err);
    }
}

#[test]
fn what_is_good_is_said_to_be_good_and_what_it_means() {
    for name in fixtures("good") {
        let said = check(&format!("good/{name}.yaml"));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{name}: {}", said.out);
        insta::assert_snapshot!(format!("good_{name}"), said.out);
    }
}

#[test]
fn ten_mistakes_are_told_in_one_run() {
    let said = check("bad/ten_mistakes_at_once.yaml");
    assert!(said.err.ends_with("\n10 problems found\n"), "{}", said.err);
}

#[test]
fn no_complaint_repeats_a_secret() {
    for name in fixtures("bad") {
        let said = check(&format!("bad/{name}.yaml"));
        for secret in ["0123456789abcdef", "B000/secret", "abcdefghij1234567", "whsec_MDEy"] {
            assert!(!said.err.contains(secret), "{name}: {}", said.err);
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_the_only_complaint() {
    let said = check("bad/nowhere.yaml");
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err);
}

#[test]
fn a_mistake_in_a_variable_names_the_variable() {
    let variables = [("CASTAI_RELAY__SERVER__LISTN", "x"), ("CASTAI_RELAY__STORE__RETENTION", "30")];
    let said = run(&folder(), &["check", "--config", "good/smallest.yaml"], &variables);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err);
}
