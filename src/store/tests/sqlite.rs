//! What only a file can do wrong: locks, neighbours in one transaction, rows nobody can read.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;
use crate::event::delivery::{IncidentStep, Owed, Phase, Reason};
use crate::event::relay::{self, BodyProblem};
use crate::event::{Event, Severity};
use crate::names::{CursorName, IncidentKey, RouteName, SourceName};
use crate::store::Appended;
use crate::store::query::{EventFilter, Order, Slice};
use crate::store::undisturbed;

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
fn whether_a_process_holds_a_database_is_seen_without_disturbing_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    assert!(!is_held(&path).unwrap());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "looking creates nothing");
    let store = SqliteStore::open(&path, unobserved()).unwrap();
    assert!(is_held(&path).unwrap() && is_held(&path).unwrap());
    drop(store);
    assert!(!is_held(&path).unwrap());
    SqliteStore::open(&path, unobserved()).unwrap();
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
    let owed = Owed::plain(RouteName::default_targets(), TargetName::parse("console").unwrap(), Severity::Error);
    let appends = |body, owing| {
        vec![Append { event: report(body), owed: vec![owed.clone(); owing], routed_by: None, deed: None }]
    };
    let refused = store.append(appends(b"one", 65_537), None).await.unwrap_err();
    assert!(refused.detail.contains("at most 65536"), "{refused}");
    assert_eq!(store.append(appends(b"one", 65_536), None).await.unwrap().appended, [Appended::New]);
    assert_eq!(store.append(appends(b"two", 1), None).await.unwrap().appended, [Appended::New]);
}

#[tokio::test]
async fn where_an_event_or_the_cursor_cannot_be_written_neither_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap();
    let name = CursorName::parse("audit").unwrap();
    let cursor = |value: &str| Some(Cursor { name: name.clone(), value: value.into() });
    let report = |body: &'static str| {
        let problem = BodyProblem { message: String::new(), line: 1, column: 1, hint: "" };
        relay::body_rejected(&SourceName::relay(), Bytes::from_static(body.as_bytes()), &problem, Timestamp::EPOCH)
    };
    let page = || {
        ["one", "two"].map(|body| Append { event: report(body), owed: vec![], routed_by: None, deed: None }).to_vec()
    };
    store.append(vec![], cursor("page 1")).await.unwrap();
    for forbidden in ["events WHEN NEW.body = CAST('two' AS BLOB)", "cursors"] {
        let forbid = format!("CREATE TRIGGER full BEFORE INSERT ON {forbidden} BEGIN SELECT raise(ABORT, 'full'); END");
        store.writer.write("forbid", move |database| database.connection.execute_batch(&forbid)).await.unwrap();
        assert_eq!(store.append(page(), cursor("page 2")).await.unwrap_err().detail, "full", "{forbidden}");
        assert_eq!(store.cursor(&name).await.unwrap().as_deref(), Some("page 1"));
        assert!(!store.contains(&report("one").id).await.unwrap());
        store.writer.write("allow", |database| database.connection.execute_batch("DROP TRIGGER full")).await.unwrap();
    }
    assert_eq!(store.append(page(), cursor("page 2")).await.unwrap().appended, [Appended::New, Appended::New]);
    assert_eq!(store.cursor(&name).await.unwrap().as_deref(), Some("page 2"));
}

#[tokio::test]
async fn a_read_sees_one_moment_however_many_questions_it_asks() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap();
    let count =
        |connection: &Connection| connection.query_row("SELECT count(*) FROM targets", [], |row| row.get::<_, i64>(0));
    let (asked, first) = std::sync::mpsc::channel();
    let (written, second) = std::sync::mpsc::channel();
    let twice = store.readers.read("count twice", move |connection| {
        let before = count(connection)?;
        asked.send(()).unwrap();
        second.recv().unwrap();
        Ok((before, count(connection)?))
    });
    let between = async {
        tokio::task::spawn_blocking(move || first.recv().unwrap()).await.unwrap();
        let insert = "INSERT INTO targets (name) VALUES ('between')";
        store.writer.write("insert", move |database| database.connection.execute(insert, [])).await.unwrap();
        written.send(()).unwrap();
    };
    assert_eq!(tokio::join!(twice, between).0.unwrap(), (0, 0));
    assert_eq!(store.readers.read("count", count).await.unwrap(), 1);
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
        let mut writes: Vec<_> = (0..50).map(|_| store.probe()).collect();
        assert!(writes.iter_mut().all(|write| write.now_or_never().is_none()), "each is queued, none is done");
        release.send(()).unwrap();
        join_all(writes).await
    };
    let (_, written) = tokio::join!(blocked, followers);
    assert!(written.iter().all(Result::is_ok));
    assert!(largest.load(Ordering::Relaxed) >= 50, "{largest:?}");
}

#[tokio::test]
async fn a_store_whose_last_handle_was_in_a_job_ends_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    let store = Arc::new(SqliteStore::open(&path, unobserved()).unwrap());
    let (release, held) = std::sync::mpsc::channel::<()>();
    let other = store.clone();
    let job = move |_: &mut Database| {
        let _ = (held.recv(), &other);
        Ok(())
    };
    assert!(Box::pin(store.writer.write("hold the store", job)).now_or_never().is_none());
    drop(store);
    assert!(is_held(&path).unwrap(), "the job holds it");
    release.send(()).unwrap();
    let patience = std::time::Instant::now() + Duration::from_secs(30);
    while is_held(&path).unwrap() {
        assert!(std::time::Instant::now() < patience, "nobody let go of the file");
        std::thread::yield_now();
    }
    SqliteStore::open(&path, unobserved()).unwrap();
}

/// An event with this body, owed to `target`.
fn rejected(body: &'static str, target: &TargetName) -> Append {
    let problem = BodyProblem { message: String::new(), line: 1, column: 1, hint: "" };
    let body = Bytes::from_static(body.as_bytes());
    let event = relay::body_rejected(&SourceName::relay(), body, &problem, Timestamp::EPOCH);
    let owed = vec![Owed::plain(RouteName::default_targets(), target.clone(), Severity::Error)];
    Append { event, owed, routed_by: None, deed: None }
}

#[test]
fn who_is_just_being_started_does_not_keep_the_database_from_the_next_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    let store = SqliteStore::open(&path, unobserved()).unwrap();
    let _inherited = store._lock.0.try_clone().unwrap();
    drop(store);
    SqliteStore::open(&path, unobserved()).unwrap();
}

#[tokio::test]
async fn behind_a_delivery_of_an_incident_that_nobody_can_read_nobody_waits_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap();
    let (target, now) = (TargetName::parse("slack").unwrap(), Timestamp::EPOCH);
    let append = |body| {
        let key = IncidentKey::from_rendered("all").unwrap();
        let incident = Some(IncidentStep { key, phase: Phase::Open, resolve_after: None });
        let plain = rejected(body, &target);
        let owed = plain.owed.iter().map(|plain| Owed { incident: incident.clone(), ..plain.clone() }).collect();
        Append { owed, ..plain }
    };
    let appends: Vec<Append> = ["1", "2", "3"].map(append).into();
    let second = appends[1].event.id.clone();
    store.append(appends, None).await.unwrap();
    let spoil = |database: &mut Database| {
        database.connection.execute("UPDATE deliveries SET severity = 'none' WHERE behind = 0", [])
    };
    store.writer.write("spoil a row", spoil).await.unwrap();
    let claimed = store.claim(undisturbed::claim(&target, now)).await.unwrap();
    assert_eq!(claimed.batches.iter().map(|batch| &batch.lead().event.id).collect::<Vec<_>>(), [&second]);
}

#[tokio::test]
async fn a_row_nobody_can_read_becomes_a_dead_letter_and_holds_up_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap();
    let (target, now) = (TargetName::parse("slack").unwrap(), Timestamp::EPOCH);
    let (spoilt, good) = (rejected("1", &target), rejected("2", &target));
    let (spoilt_id, good_id) = (spoilt.event.id.clone(), good.event.id.clone());
    let again = Append {
        event: Event { body: Bytes::from_static(b"3"), ..spoilt.event.clone() },
        owed: vec![],
        routed_by: None,
        deed: None,
    };
    store.append(vec![spoilt, good], None).await.unwrap();
    let spoil = spoilt_id.to_string();
    let spoil = move |database: &mut Database| {
        database.connection.execute("UPDATE events SET record = '{' WHERE id = ?1", [&spoil])
    };
    store.writer.write("spoil a record", spoil).await.unwrap();

    let claimed = store.claim(undisturbed::claim(&target, now)).await.unwrap();

    assert_eq!(claimed.batches.iter().map(|batch| &batch.lead().event.id).collect::<Vec<_>>(), [&good_id]);
    assert_eq!(claimed.after.ended.iter().map(|ended| ended.reason).collect::<Vec<_>>(), [Some(Reason::Internal)]);
    assert_eq!(store.backlog().await.unwrap()[&target].dead, 1);
    let repeat = store.append(vec![again], None).await.unwrap().appended;
    assert_eq!(repeat, [Appended::Duplicate { conflict: false }], "nobody can tell whose the first one was");
}

/// Waits until the index of words covers all that is there.
fn wait_for_the_index(path: &Path) -> Connection {
    let connection = read::connect(path).unwrap();
    let covered = "SELECT indexed_to >= (SELECT ifnull(max(seq), 0) FROM events) FROM search_index";
    while !connection.query_row(covered, [], |row| row.get::<_, bool>(0)).unwrap() {
        std::thread::yield_now();
    }
    connection
}

#[tokio::test]
async fn what_is_in_the_index_and_what_is_not_yet_are_found_alike_and_what_is_forgotten_is_in_neither() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.db");
    let store = SqliteStore::open(&path, Arc::new(|_, _| {})).unwrap();
    let console = TargetName::parse("console").unwrap();
    let unowed = |body| Append { owed: vec![], ..rejected(body, &console) };
    let page = |bodies: &[&'static str]| bodies.iter().map(|body| unowed(body)).collect();
    store.append(page(&["one", "two"]), None).await.unwrap();
    let connection = wait_for_the_index(&path);
    let in_index =
        || connection.query_row("SELECT count(*) FROM event_search", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(in_index(), 2);
    store.append(page(&["three"]), None).await.unwrap();
    let filter = || EventFilter { text: Some("rejected".to_owned()), ..EventFilter::default() };
    let found = async || store.events(filter(), Slice::first(10, Order::NewestFirst)).await.unwrap().items.len();
    assert_eq!(found().await, 3);
    wait_for_the_index(&path);
    assert_eq!(found().await, 3);
    let later = Timestamp::parse("2030-01-01T00:00:00Z").unwrap();
    assert_eq!(store.prune(later, 10).await.unwrap(), 2, "the newest stays");
    assert_eq!((found().await, in_index()), (1, 1));
    assert_eq!(connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[tokio::test]
async fn however_long_people_look_deliveries_do_not_wait_for_them() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&directory.path().join("relay.db"), unobserved()).unwrap());
    let (begun, mut began) = tokio::sync::mpsc::unbounded_channel();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let looking = join_all((0..read::READERS).map(|_| {
        let (begun, held) = (begun.clone(), held.clone());
        store.lookers.read("look for long", move |_: &Connection| {
            begun.send(()).unwrap();
            // Ends with the sender.
            let _ = held.lock().unwrap().recv();
            Ok(())
        })
    }));
    let console = TargetName::parse("console").unwrap();
    let meanwhile = async {
        for _ in 0..read::READERS {
            began.recv().await.unwrap();
        }
        assert!(store.events(EventFilter::default(), Slice::first(1, Order::NewestFirst)).now_or_never().is_none());
        store.standing(&console).await.unwrap();
        let terms = undisturbed::claim(&console, Timestamp::EPOCH).terms;
        assert_eq!(store.next_due(&console, Timestamp::EPOCH, terms).await.unwrap(), None);
        drop(let_go);
    };
    let (looked, ()) = tokio::join!(looking, meanwhile);
    assert!(looked.into_iter().all(|looked| looked.is_ok()));
}
