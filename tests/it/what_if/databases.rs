//! What `what-if` does with databases that are old, new, broken or none, and with what cannot be meant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{NEW, json_of, what_if};
use crate::support::process::{House, Said, run};

/// A house with `relay.yaml`, and a database made of this text.
fn house(text: &str) -> House {
    let house = House::with(NEW);
    Connection::open(house.path().join("relay.db")).unwrap().execute_batch(text).unwrap();
    house
}

fn version(number: u8) -> String {
    let path = format!("{}/tests/fixtures/store/version_{number}.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

/// Refused as misuse, for this reason, with something to do about it.
#[track_caller]
fn refused(said: &Said, reason: &str) {
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    assert!(said.err.contains(reason) && said.err.contains("\nhint: "), "{said:?}");
}

#[test]
fn databases_of_older_versions_are_read_and_left_as_they_are() {
    for (number, events) in [(1, 1), (2, 1), (4, 4)] {
        let house = house(&version(number));
        let before = files(house.path());
        let said = what_if(house.path(), "--config relay.yaml --output json --fail-at none");
        assert_eq!(said.code, 0, "{number}: {said:?}");
        let told = json_of(&said);
        assert_eq!((&told["events"], &told["without_table"]), (&events.into(), &events.into()), "{number}: {told:#}");
        assert_eq!(files(house.path()), before, "{number}");
        let table = what_if(house.path(), "--config relay.yaml --fail-at none").out;
        assert!(table.contains("came by a routing table that is not known any more"), "{number}: {table}");
    }
}

#[test]
fn what_is_no_database_of_ours_is_refused_with_what_to_do() {
    let newer = house("PRAGMA user_version = 99");
    refused(&what_if(newer.path(), "--config relay.yaml"), "has schema version 99, this castai-relay knows up to");
    let foreign = house("CREATE TABLE shopping (what TEXT)");
    refused(&what_if(foreign.path(), "--config relay.yaml"), "is a database that no castai-relay has written into");
    let garbage = House::with(NEW);
    std::fs::write(garbage.path().join("relay.db"), "a shopping list".repeat(1000)).unwrap();
    refused(&what_if(garbage.path(), "--config relay.yaml"), "file is not a database");
    let torn = house(&version(4));
    let mut half = std::fs::read(torn.path().join("relay.db")).unwrap();
    half.iter_mut().skip(4096).for_each(|byte| *byte = 0xff);
    std::fs::write(torn.path().join("relay.db"), half).unwrap();
    refused(&what_if(torn.path(), "--config relay.yaml"), "database disk image is malformed");
    let missing = House::with(NEW);
    let before = files(missing.path());
    refused(&what_if(missing.path(), "--config relay.yaml"), "there is no database at `relay.db`");
    refused(&what_if(missing.path(), "--config relay.yaml --database copy.db"), "there is no database at `copy.db`");
    assert_eq!(files(missing.path()), before, "nothing is created");
    let in_memory = House::with("server: { listen: 127.0.0.1:0 }\nstore: { memory: {} }");
    refused(&what_if(in_memory.path(), "--config relay.yaml"), "the new configuration keeps events in memory");
}

#[test]
fn an_event_that_nobody_can_read_is_counted_and_named() {
    let house = house(&version(4));
    let spoil = "UPDATE events SET record = X'7B' WHERE seq = 2";
    Connection::open(house.path().join("relay.db")).unwrap().execute_batch(spoil).unwrap();
    let said = what_if(house.path(), "--config relay.yaml --fail-at none");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("left out because nobody can read it: 1 event; first the one with the number 2: "),
        "{}",
        said.out
    );
}

#[test]
fn mistakes_in_the_routes_are_told_as_check_tells_them() {
    let house = House::with(
        r#"
targets: { console: { log: {} } }
routes:
  - { name: nodes, match: { type: "node.*" }, notify: [consol] }
  - { name: nodes, match: { typ: "node.*" }, notify: [console] }
rotes: []
"#,
    );
    let check =
        run(house.path(), &["check", "--config", "relay.yaml"], &[("CASTAI_RELAY__SERVER__LISTEN", "127.0.0.1:0")]);
    for said in [
        what_if(house.path(), "--config relay.yaml"),
        what_if(house.path(), "--config relay.yaml --against relay.yaml"),
    ] {
        assert_eq!((said.code, &said.err), (1, &check.err), "{said:?}");
    }
    assert!(check.err.contains("did you mean `console`?") && check.err.contains("3 problems found"), "{}", check.err);
}

#[test]
fn what_cannot_be_meant_is_misuse() {
    let house = house(&version(4));
    for arguments in [
        "",
        "--config",
        "--config relay.yaml --since yesterday",
        "--config relay.yaml --until 7",
        "--config relay.yaml --limit 0",
        "--config relay.yaml --fail-at bad",
        "--config relay.yaml --output yaml",
        "--config relay.yaml somewhere",
    ] {
        let said = what_if(house.path(), arguments);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments}: {said:?}");
    }
}
