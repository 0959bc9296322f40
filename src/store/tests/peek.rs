//! Looking on, while a relay runs, after it stopped or was killed; and that looking leaves no trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::store::sqlite::SqliteStore;
use crate::store::{Cursor, Store};

fn audit() -> CursorName {
    CursorName::parse("audit").unwrap()
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Arc::new(|_, _| {})).unwrap()
}

async fn move_to(store: &SqliteStore, value: &str) {
    store.append(vec![], Some(Cursor { name: audit(), value: value.into() })).await.unwrap();
}

fn seen(path: &Path) -> Option<String> {
    Peek::open(path).unwrap().cursor(&audit()).unwrap()
}

/// Every file of a directory with what is in it, but for the shared memory, which is SQLite's own.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let lasting = paths.filter(|path| !path.to_str().unwrap().ends_with("-shm"));
    lasting.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[tokio::test]
async fn a_cursor_can_be_seen_while_a_relay_runs_and_after_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    let store = open(&path);
    let peek = Peek::open(&path).unwrap();
    assert_eq!(peek.cursor(&audit()).unwrap(), None);
    for value in ["page 1", "page 2"] {
        move_to(&store, value).await;
        assert_eq!(peek.cursor(&audit()).unwrap().as_deref(), Some(value));
    }
    drop(store);
    assert_eq!(peek.cursor(&audit()).unwrap().as_deref(), Some("page 2"));
    move_to(&open(&path), "page 3").await;
    assert_eq!(peek.cursor(&audit()).unwrap().as_deref(), Some("page 3"));
}

#[tokio::test]
async fn looking_at_a_database_at_rest_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("100% böse?&#.db");
    move_to(&open(&path), "page 1").await;
    let before = files(directory.path());
    assert_eq!(seen(&path).as_deref(), Some("page 1"));
    assert_eq!(files(directory.path()), before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), before.len(), "no shared memory either");
}

#[tokio::test]
async fn looking_after_a_relay_was_killed_sees_its_last_word_and_changes_nothing() {
    let (running, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = running.path().join("relay.db");
    let store = open(&path);
    move_to(&store, "page 1").await;
    // What a killed process leaves behind, without killing this one.
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("relay.db{suffix}");
        std::fs::copy(running.path().join(&name), killed.path().join(&name)).unwrap();
    }
    drop(store);
    let before = files(killed.path());
    assert!(!before[&killed.path().join("relay.db-wal")].is_empty(), "the last word is in the log");
    assert_eq!(seen(&killed.path().join("relay.db")).as_deref(), Some("page 1"));
    assert_eq!(files(killed.path()), before);
    let again = open(&killed.path().join("relay.db"));
    assert_eq!(again.cursor(&audit()).await.unwrap().as_deref(), Some("page 1"));
}

#[test]
fn a_database_older_than_cursors_has_none_and_stays_as_old_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    let version_1 = include_str!("../../../tests/fixtures/store/version_1.sql");
    Connection::open(&path).unwrap().execute_batch(version_1).unwrap();
    let before = files(directory.path());
    assert_eq!(seen(&path), None);
    assert_eq!(files(directory.path()), before);
}

#[test]
fn a_database_that_is_not_there_is_not_created_but_said_to_be_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/relay.db");
    let error = Peek::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Missing(_)), "{error}");
    assert_eq!(
        error.to_string(),
        format!("there is no database at `{}`; `serve` creates it when it first starts", path.display())
    );
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn what_is_no_database_or_a_newer_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(matches!(Peek::open(&path).unwrap_err(), OpenError::Newer { found: 99, .. }));
    std::fs::write(&path, "a shopping list, and by no means a database".repeat(100)).unwrap();
    let error = Peek::open(&path).unwrap_err().to_string();
    assert!(error.contains("file is not a database"), "{error}");
}
