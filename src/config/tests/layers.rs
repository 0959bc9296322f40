//! Which layer wins, and that nothing a layer says is lost or misplaced.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::*;

struct Files(tempfile::TempDir, Vec<PathBuf>);

impl Files {
    fn with(texts: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |number| folder.path().join(format!("{number}.yaml"));
        let paths: Vec<_> = (0..texts.len()).map(path).collect();
        paths.iter().zip(texts).for_each(|(path, text)| std::fs::write(path, text).unwrap());
        Self(folder, paths)
    }

    fn load(&self, environment: &[(&str, &str)]) -> Loaded {
        load(&self.1, environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The complaints of `loaded`, without the name of the temporary folder.
    fn complaints(&self, loaded: &Loaded) -> String {
        let folder = format!("{}/", self.0.path().display());
        loaded.finish().unwrap_err().to_string().replace(&folder, "")
    }
}

#[test]
fn the_built_in_default_is_valid() {
    load(&[], Vec::new()).finish().unwrap();
}

#[test]
fn maps_merge_deeply_and_lists_replace() {
    let files = Files::with(&["a: { b: { c: 1, d: 2 } }\nlist: [1, 2]", "a: { b: { d: 3, e: 4 } }\nlist: [5]"]);
    let loaded = files.load(&[]);
    let b: BTreeMap<String, u8> = loaded.root.child("a").unwrap().child("b").unwrap().read().unwrap();
    assert_eq!(b, BTreeMap::from([("c".into(), 1), ("d".into(), 3), ("e".into(), 4)]));
    assert_eq!(loaded.root.child("list").unwrap().read::<Vec<u8>>(), Some(vec![5]));
}

#[test]
fn a_file_that_cannot_be_read_is_told_before_anything_else() {
    let files = Files::with(&["a: 1", "a: [", "- just a list"]);
    assert!(load(&files.1[..1], Vec::new()).readable().is_ok());
    assert!(load(&files.1[..2], Vec::new()).readable().is_err());
    assert!(load(&files.1[2..], Vec::new()).readable().is_err());
    assert!(load(&["nowhere.yaml".into()], Vec::new()).readable().is_err());
    let twice = Files::with(&["a: 1\na: 2"]).load(&[]);
    assert!(twice.readable().is_ok() && twice.finish().is_err(), "a mistake about one key loses nothing else");
}

#[test]
fn null_takes_back_what_an_earlier_layer_said() {
    let loaded = Files::with(&["a: { b: 1 }", "a: null"]).load(&[]);
    assert!(loaded.root.child("a").is_none());
}

#[test]
fn the_environment_wins_and_is_read_as_the_type_that_is_asked_for() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Limits {
        events: u32,
        strict: bool,
        name: String,
    }
    let loaded = Files::with(&["limits: { events: 1, strict: true, name: here }"]).load(&[
        ("CASTAI_RELAY__LIMITS__EVENTS", "250"),
        ("CASTAI_RELAY__LIMITS__STRICT", "false"),
        ("CASTAI_RELAY__LIMITS__NAME", "0123"),
        ("CASTAI_RELAY_LIMITS__EVENTS", "not ours"),
        ("PATH", "/bin"),
    ]);
    let limits = loaded.root.child("limits").unwrap().read();
    assert_eq!(limits, Some(Limits { events: 250, strict: false, name: "0123".into() }));
    loaded.finish().unwrap();
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    let files = Files::with(&["limits: {}"]);
    let loaded = files.load(&[("CASTAI_RELAY__LIMITS__EVENTS", "many")]);
    assert!(loaded.root.child("limits").unwrap().read::<BTreeMap<String, u32>>().is_none());
    let expected = "\
error: `many` is not a whole number
  at: environment variable CASTAI_RELAY__LIMITS__EVENTS, limits.events

1 problem found";
    assert_eq!(files.complaints(&loaded), expected);
}

#[test]
fn what_a_map_lacks_is_missing_in_the_file_even_when_a_variable_adds_to_the_map() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Limits {
        events: u32,
        days: u32,
    }
    let files = Files::with(&["# limits\nlimits: {}"]);
    let loaded = files.load(&[("CASTAI_RELAY__LIMITS__EVENTS", "1")]);
    assert!(loaded.root.child("limits").unwrap().read::<Limits>().is_none());
    let expected = "error: `days` is missing\n  at: 0.yaml:2:1, limits.days\n\n1 problem found";
    assert_eq!(files.complaints(&loaded), expected);
}

#[test]
fn odd_variables_are_reported_and_not_dropped() {
    let files = Files::with(&[]);
    for name in
        ["CASTAI_RELAY__", "CASTAI_RELAY__SERVER____LISTEN", "CASTAI_RELAY__A.B", "CASTAI_RELAY__A[99999999999]"]
    {
        let loaded = files.load(&[(name, "x")]);
        loaded.root.only(&["server"]);
        loaded.root.child("server").unwrap().only(&["listen"]);
        assert!(files.complaints(&loaded).contains(&format!("environment variable {name}")), "{name}");
    }
}

#[test]
fn a_dotted_key_is_not_split_but_explained() {
    let files = Files::with(&["server.listen: 0.0.0.0:80\n"]);
    let loaded = files.load(&[]);
    let expected = "\
error: unknown key `server.listen`
  at: 0.yaml:1:1, server.listen
  hint: write it nested: `server: { listen: … }`

1 problem found";
    assert_eq!(files.complaints(&loaded), expected);
}

#[test]
fn every_file_is_read_whatever_is_wrong_with_the_others() {
    let mut files = Files::with(&["a: [", "b: 1\nb: 2\n", "- c"]);
    files.1.push(files.0.path().join("absent.yaml"));
    let complaints = files.complaints(&files.load(&[]));
    let places: Vec<&str> = complaints.lines().filter_map(|line| line.strip_prefix("  at: ")).collect();
    assert_eq!(places.len(), 4, "{complaints}");
    assert!(places[0].starts_with("0.yaml:"), "{complaints}");
    assert_eq!(places[1..], ["1.yaml:2:1, b", "2.yaml:1:1", "absent.yaml"]);
    assert!(complaints.ends_with("\n4 problems found"), "{complaints}");
}

#[test]
fn a_file_that_is_too_large_or_not_text_is_refused() {
    let files = Files::with(&["", ""]);
    std::fs::write(&files.1[0], " ".repeat(5 << 20)).unwrap();
    std::fs::write(&files.1[1], b"a: \xff").unwrap();
    let complaints = files.complaints(&files.load(&[]));
    assert!(complaints.contains("it is larger than 4 MiB"), "{complaints}");
    assert!(complaints.contains("UTF-8"), "{complaints}");
}
