//! From every schema that was ever released there is a way to today's, and none back.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::event::Timestamp;
use crate::event::act::Signature;
use crate::event::batch::Batch;
use crate::event::delivery::{Outcome, Reason};
use crate::event::silence::Terms;
use crate::names::{CursorName, EventId, TargetName, TokenName};
use crate::store::sqlite::SqliteStore;
use crate::store::{Append, Appended, Backlog, Cursor, DeliveryState, Settled, Settlement, Store, undisturbed};
use crate::target::Sign;

/// Kept apart from the steps, so that no step can be edited unnoticed.
const VERSION_1: &str = include_str!("../../../tests/fixtures/store/version_1.sql");
const VERSION_2: &str = include_str!("../../../tests/fixtures/store/version_2.sql");
const VERSION_2_IN_USE: &str = include_str!("../../../tests/fixtures/store/version_2_in_use.sql");
const VERSION_4: &str = include_str!("../../../tests/fixtures/store/version_4.sql");
const VERSION_8: &str = include_str!("../../../tests/fixtures/store/version_8.sql");

fn database(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    Connection::open(&path).unwrap().execute_batch(text).unwrap();
    (directory, path)
}

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, Arc::new(|_, _| {}))
}

fn version(path: &Path) -> i64 {
    Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// What the tables and indexes are made of.
fn tables(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_database_of_version_1_keeps_what_it_holds_and_gains_cursors() {
    let (_directory, path) = database(VERSION_1);
    let store = open(&path).unwrap();

    let id = EventId::parse("evt-1").unwrap();
    let kept = store.event(&id).await.unwrap().unwrap();
    assert_eq!(kept.event.type_name(), "node.added");
    assert_eq!((kept.deliveries[0].attempts, kept.deliveries[0].owed.target.as_str()), (2, "slack-ops"));
    let later = Timestamp::parse("2026-11-23T00:00:00Z").unwrap();
    let due = store.claim(undisturbed::claim(&TargetName::parse("slack-ops").unwrap(), later)).await.unwrap().batches;
    assert_eq!(due[0].attempt, 3);

    let cursor = Cursor { name: CursorName::parse("audit").unwrap(), value: "page 1".into() };
    assert_eq!(store.cursor(&cursor.name).await.unwrap(), None);
    let again = Append { event: kept.event, owed: vec![], routed_by: None, deed: None };
    let appended = store.append(vec![again], Some(cursor.clone())).await.unwrap().appended;
    assert_eq!(appended, [Appended::Duplicate { conflict: false }]);
    assert_eq!(store.cursor(&cursor.name).await.unwrap(), Some(cursor.value));
}

#[tokio::test]
async fn a_database_of_version_2_keeps_what_it_holds_and_gains_silences() {
    let (_directory, path) = database(VERSION_2);
    let store = open(&path).unwrap();

    let kept = store.event(&EventId::parse("evt-1").unwrap()).await.unwrap().unwrap();
    assert_eq!((kept.deliveries[0].attempts, kept.deliveries[0].owed.target.as_str()), (3, "slack-ops"));
    assert!(store.cursor(&CursorName::pulse()).await.unwrap().unwrap().contains("alive_at"));

    let now = Timestamp::parse("2026-11-23T00:00:00Z").unwrap();
    assert_eq!(store.silences(now, None, 9).await.unwrap(), []);
    let terms = Terms {
        matching: Default::default(),
        routes: vec![],
        targets: vec![TargetName::parse("slack-ops").unwrap()],
        from: now,
        until: now.saturating_add(std::time::Duration::from_secs(9)),
        by: "ada".into(),
        why: "upgrade".into(),
    };
    let by = Signature { at: now, token: TokenName::admin(), whom: None };
    let silence = store.keep_silence(terms, by).await.unwrap();
    assert_eq!(store.silences(now, None, 9).await.unwrap(), [silence]);
}

/// Whatever version 2 owed is told, in time and once; what it had ended stays ended.
#[tokio::test]
async fn what_version_2_owed_is_told_by_this_one() {
    let (_directory, path) = database(&format!("{VERSION_2}{VERSION_2_IN_USE}"));
    let store = open(&path).unwrap();
    let [slack, mail] = ["slack-ops", "mail"].map(|name| TargetName::parse(name).unwrap());
    let [received, paused_until] = [1_795_353_148_619, 1_795_353_200_000].map(Timestamp::from_millis);
    let backlog = store.backlog().await.unwrap();
    assert_eq!(backlog[&mail], Backlog { pending: 2, oldest: Some(received), dead: 1 });
    assert_eq!(backlog[&slack], Backlog { pending: 2, oldest: Some(received), dead: 0 });

    let cut_off = "SELECT id FROM deliveries WHERE interrupted = 1";
    let cut_off: i64 = Connection::open(&path).unwrap().query_row(cut_off, [], |row| row.get(0)).unwrap();
    assert_eq!(cut_off, 196_608, "what was claimed may have arrived");
    let told = async |target, now| {
        let batches = store.claim(undisturbed::claim(target, now)).await.unwrap().batches;
        let attempts = |batch: &Batch| (batch.lead().event.id.as_str().to_owned(), batch.attempt);
        let mut told: Vec<_> = batches.iter().map(attempts).collect();
        told.sort();
        for batch in batches {
            let (outcome, sign, terms) = (Outcome::Delivered { receipt: None }, Sign::Well, undisturbed::terms());
            let settlement = Settlement { batch: Arc::new(batch), outcome, answer: None, sign, at: now, terms };
            assert!(matches!(store.settle(settlement).await.unwrap(), Settled::Done { .. }));
        }
        told
    };
    assert_eq!(told(&mail, received).await, [("evt-2".to_owned(), 1), ("evt-3".to_owned(), 2)]);
    assert_eq!(store.next_due(&slack, received, undisturbed::terms()).await.unwrap(), Some(paused_until));
    assert_eq!(told(&slack, Timestamp::from_millis(1_795_353_199_999)).await, []);
    assert_eq!(told(&slack, paused_until).await, [("evt-1".to_owned(), 4), ("evt-6".to_owned(), 2)]);

    let row = async |id| store.event(&EventId::parse(id).unwrap()).await.unwrap().unwrap().deliveries.remove(0);
    for (id, state, reason) in [
        ("evt-1", DeliveryState::Delivered, Some(Reason::Unreachable)),
        ("evt-3", DeliveryState::Delivered, None),
        ("evt-4", DeliveryState::Delivered, Some(Reason::TargetFailed)),
        ("evt-5", DeliveryState::Dead, Some(Reason::MessageRefused)),
    ] {
        let row = row(id).await;
        assert_eq!((row.state, row.reason), (state, reason), "{id}");
    }
    assert!(store.backlog().await.unwrap().values().all(|left| left.pending == 0));
}

#[tokio::test]
async fn what_version_4_kept_is_there_and_from_now_on_it_is_written_down_what_happens() {
    let (_directory, path) = database(VERSION_4);
    let store = open(&path).unwrap();
    let kept = store.event(&EventId::parse("evt-1").unwrap()).await.unwrap().unwrap();
    let states: Vec<_> = kept.deliveries.iter().map(|row| row.state).collect();
    assert_eq!(states, [DeliveryState::Superseded, DeliveryState::Delivered]);
    assert_eq!((kept.routed_by, kept.ledger.len()), (None, 0), "nobody wrote down what happened then");

    let (slack, now) = (TargetName::parse("slack-ops").unwrap(), Timestamp::parse("2026-11-29T02:00:00Z").unwrap());
    let batch = store.claim(undisturbed::claim(&slack, now)).await.unwrap().batches.remove(0);
    let (outcome, sign, terms) = (Outcome::Delivered { receipt: None }, Sign::Well, undisturbed::terms());
    let settlement = Settlement { batch: Arc::new(batch), outcome, answer: None, sign, at: now, terms };
    assert!(matches!(store.settle(settlement).await.unwrap(), Settled::Done { .. }));
    let told = store.event(&EventId::parse("evt-2").unwrap()).await.unwrap().unwrap();
    assert_eq!(told.deliveries[0].state, DeliveryState::Delivered);
    assert_eq!(told.ledger.len(), 1, "{:?}", told.ledger);
}

#[tokio::test]
async fn what_version_8_owed_in_a_storm_is_told_and_of_its_message_nobody_knows_what_it_told() {
    let (_directory, path) = database(VERSION_8);
    let store = open(&path).unwrap();
    let slot = "SELECT receipt, told FROM slots";
    let slot: (Option<String>, Option<String>) =
        Connection::open(&path).unwrap().query_row(slot, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(slot, (Some("1300000000000000001".to_owned()), None));
    let states = async |id| {
        let kept = store.event(&EventId::parse(id).unwrap()).await.unwrap().unwrap();
        kept.deliveries.iter().map(|row| row.state).collect::<Vec<_>>()
    };
    assert_eq!(states("evt-1").await, [DeliveryState::Delivered]);
    assert_eq!(states("evt-4").await, [DeliveryState::Pending]);
    let (chat, now) = (TargetName::parse("chat").unwrap(), Timestamp::parse("2026-11-29T11:00:00Z").unwrap());
    let batch = store.claim(undisturbed::claim(&chat, now)).await.unwrap().batches.remove(0);
    assert_eq!((batch.lead().event.id.as_str(), &batch.before), ("evt-4", &None));
    let (outcome, sign, terms) = (Outcome::Delivered { receipt: None }, Sign::Well, undisturbed::terms());
    let settlement = Settlement { batch: Arc::new(batch), outcome, answer: None, sign, at: now, terms };
    assert!(matches!(store.settle(settlement).await.unwrap(), Settled::Done { .. }));
    assert_eq!(states("evt-4").await, [DeliveryState::Delivered]);
}

#[test]
fn an_old_database_becomes_what_a_new_one_is() {
    let (_new, new) = database("");
    drop(open(&new).unwrap());
    for old in [VERSION_1, VERSION_2, VERSION_4, VERSION_8] {
        let (_old, old) = database(old);
        drop(open(&old).unwrap());
        assert_eq!(version(&old), VERSION);
        assert_eq!(tables(&old), tables(&new));
    }
}

#[test]
fn opening_again_changes_nothing() {
    let (_directory, path) = database("");
    let look = |_| {
        drop(open(&path).unwrap());
        (version(&path), tables(&path))
    };
    let [first, second] = [0, 1].map(look);
    assert_eq!(first, second);
}

#[test]
fn a_step_that_fails_is_not_half_taken() {
    // Something else stands where the second step wants to build.
    let (_directory, path) = database(&format!("{VERSION_1} CREATE TABLE cursors (other);"));
    let before = tables(&path);
    let refused = open(&path).err().unwrap();
    assert!(refused.to_string().contains("table cursors already exists"), "{refused}");
    assert_eq!((version(&path), tables(&path)), (1, before));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (_directory, path) = database("CREATE TABLE tomorrow (a); PRAGMA user_version = 99;");
    let refused = open(&path).err().unwrap();
    assert!(refused.to_string().contains("schema version 99"), "{refused}");
    assert_eq!((version(&path), tables(&path)), (99, vec!["CREATE TABLE tomorrow (a)".to_owned()]));
}
