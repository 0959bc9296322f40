//! What only a file can do wrong: locks, versions, neighbours in one transaction.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::*;
use crate::event::Severity;
use crate::event::delivery::Owed;
use crate::event::relay::{self, BodyProblem};
use crate::names::{RouteName, SourceName};

fn unobserved() -> CommitObserver {
    Arc::new(|_, _| {})
}

#[test]
fn a_second_process_is_told_why_it_may_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/relay.db");
    let _first = SqliteStore::open(&path, unobserved()).unwrap();
    let second = SqliteStore::open(&path, unobserved()).err().unwrap();
    assert!(matches!(second, OpenError::Locked(_)), "{second}");
    assert!(second.to_string().contains("another castai-relay runs on this database"));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    drop(SqliteStore::open(&path, unobserved()).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteStore::open(&path, unobserved()).err().unwrap();
    assert!(refused.to_string().contains("schema version 99"), "{refused}");
    let version: i64 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn the_bundled_sqlite_is_new_enough_not_to_corrupt_a_log_with_several_connections() {
    // https://www.sqlite.org/releaselog/3_51_3.html: the WAL-reset bug.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[tokio::test]
async fn a_job_that_fails_does_not_fail_its_neighbours_in_the_same_commit() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap();
    let good = |n: i64| {
        store.writer.write("count", move |database| {
            database.connection.execute("INSERT INTO targets (name) VALUES (?1)", [format!("t{n}")]).map(|_| n)
        })
    };
    let bad = store.writer.write("fail", |database| database.connection.execute("INSERT INTO nowhere VALUES (1)", []));
    let (one, failed, two) = tokio::join!(good(1), bad, good(2));
    assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
    assert!(failed.unwrap_err().detail.contains("nowhere"));
    let count =
        |connection: &Connection| connection.query_row("SELECT count(*) FROM targets", [], |row| row.get::<_, i64>(0));
    assert_eq!(store.readers.read("count", count).await.unwrap(), 2_i64);
}

#[tokio::test]
async fn an_event_that_owes_more_than_its_ids_can_number_is_refused_and_harms_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap();
    let problem = BodyProblem { message: "not JSON".into(), line: 1, column: 1, hint: "" };
    let report =
        |body| relay::body_rejected(&SourceName::relay(), Bytes::from_static(body), &problem, Timestamp::EPOCH);
    let owed = Owed {
        route: RouteName::default_targets(),
        target: TargetName::parse("console").unwrap(),
        severity: Severity::Error,
    };
    let appends = |body, owing| vec![Append { event: report(body), owed: vec![owed.clone(); owing] }];
    let refused = store.append(appends(b"one", 65_537)).await.unwrap_err();
    assert!(refused.detail.contains("at most 65536"), "{refused}");
    assert_eq!(store.append(appends(b"one", 65_536)).await.unwrap(), [Appended::New]);
    assert_eq!(store.append(appends(b"two", 1)).await.unwrap(), [Appended::New]);
}

#[tokio::test]
async fn many_writes_that_wait_together_share_one_commit() {
    let directory = tempfile::tempdir().unwrap();
    let largest = Arc::new(AtomicUsize::new(0));
    let seen = largest.clone();
    let observe: CommitObserver = Arc::new(move |jobs, _| {
        seen.fetch_max(jobs, Ordering::Relaxed);
    });
    let store = SqliteStore::open(&directory.path().join("relay.db"), observe).unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let blocked = store.writer.write("hold the writer", move |_| Ok(held.recv().is_ok()));
    let followers = async {
        let writes = (0..50).map(|_| store.probe());
        let all = futures_util::future::join_all(writes);
        let queued_first = async {
            tokio::task::yield_now().await;
            release.send(()).unwrap();
        };
        tokio::join!(all, queued_first).0
    };
    let (_, written) = tokio::join!(blocked, followers);
    assert!(written.iter().all(Result::is_ok));
    assert!(largest.load(Ordering::Relaxed) >= 50, "{largest:?}");
}

#[tokio::test]
async fn a_row_nobody_can_read_becomes_a_dead_letter_and_holds_up_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap();
    let (target, now) = (TargetName::parse("slack").unwrap(), Timestamp::EPOCH);
    let append = |body: &'static str| {
        let problem = BodyProblem { message: String::new(), line: 1, column: 1, hint: "" };
        let event = relay::body_rejected(&SourceName::relay(), Bytes::from_static(body.as_bytes()), &problem, now);
        let route = RouteName::default_targets();
        Append { event, owed: vec![Owed { route, target: target.clone(), severity: Severity::Error }] }
    };
    let (spoilt, good) = (append("1"), append("2"));
    let (spoilt_id, good_id) = (spoilt.event.id.clone(), good.event.id.clone());
    store.append(vec![spoilt, good]).await.unwrap();
    let spoil = spoilt_id.to_string();
    let spoil = move |database: &mut Database| {
        database.connection.execute("UPDATE events SET record = '{' WHERE id = ?1", [&spoil])
    };
    store.writer.write("spoil a record", spoil).await.unwrap();

    let claimed = store.claim(&target, now, Duration::from_secs(60), 10).await.unwrap();

    assert_eq!(claimed.iter().map(|delivery| &delivery.event.id).collect::<Vec<_>>(), [&good_id]);
    assert_eq!(store.backlog().await.unwrap()[&target].dead, 1);
}
