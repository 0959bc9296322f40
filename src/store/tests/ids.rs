//! Whatever is added, moved, committed, rolled back or cut off by a crash: an id is known exactly once.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    crate::store::sqlite::schema::migrate(&connection, ":memory:".as_ref()).unwrap();
    connection
}

fn id(n: u16) -> EventId {
    EventId::from_sender(None, &format!("evt-{n}"))
}

fn read(connection: &Connection) -> Ids {
    let mut ids = Ids::read(connection).unwrap();
    ids.set_generation(4);
    ids
}

/// Adds an event the way the writer does.
fn add(connection: &Connection, ids: &mut Ids, n: u16) {
    let mut insert =
        connection.prepare("INSERT INTO events (id, received_at, record, body) VALUES (?1, 0, '', '')").unwrap();
    let seq = insert.insert([id(n).as_str()]).unwrap();
    ids.add(key(&id(n)), seq);
}

#[derive(Debug, Clone)]
enum Happening {
    Committed(Vec<u16>),
    RolledBack(Vec<u16>),
    CommittedWhole(Vec<u16>),
    Crash,
}

fn happening() -> impl Strategy<Value = Happening> {
    let some = || prop::collection::vec(0_u16..60, 0..5);
    prop_oneof![
        5 => some().prop_map(Happening::Committed),
        2 => some().prop_map(Happening::RolledBack),
        1 => some().prop_map(Happening::CommittedWhole),
        1 => Just(Happening::Crash),
    ]
}

proptest! {
    #[test]
    fn an_id_is_known_if_and_only_if_its_event_was_committed(story in prop::collection::vec(happening(), 1..60)) {
        let connection = database();
        let mut ids = read(&connection);
        let mut known = BTreeMap::new();
        for happening in story {
            let (new, commit, whole) = match happening {
                Happening::Crash => {
                    ids = read(&connection);
                    continue;
                }
                Happening::Committed(new) => (new, true, false),
                Happening::RolledBack(new) => (new, false, false),
                Happening::CommittedWhole(new) => (new, true, true),
            };
            connection.execute_batch("BEGIN").unwrap();
            let before = known.clone();
            for n in new {
                if ids.find(&connection, &key(&id(n))).unwrap().is_none() {
                    prop_assert!(known.insert(n, ()).is_none(), "{n} was forgotten");
                    add(&connection, &mut ids, n);
                }
            }
            if whole {
                ids.move_all(&connection).unwrap();
            }
            ids.move_some(&connection).unwrap();
            match commit {
                true => {
                    connection.execute_batch("COMMIT").unwrap();
                    ids.committed();
                }
                false => {
                    connection.execute_batch("ROLLBACK").unwrap();
                    ids.rolled_back();
                    known = before;
                }
            }
            for n in 0..60 {
                let found = ids.find(&connection, &key(&id(n))).unwrap();
                prop_assert_eq!(found.is_some(), known.contains_key(&n), "{}", n);
            }
        }
    }
}

#[test]
fn a_generation_moves_into_the_table_a_few_ids_with_each_commit() {
    let connection = database();
    let mut ids = read(&connection);
    ids.set_generation(200);
    (0..200).for_each(|n| add(&connection, &mut ids, n));
    ids.committed();
    let covered = || connection.query_row("SELECT count(*) FROM event_keys", [], |row| row.get::<_, i64>(0)).unwrap();
    let mut steps = vec![];
    for _ in 0..5 {
        ids.move_some(&connection).unwrap();
        ids.committed();
        steps.push(covered());
    }
    assert_eq!(steps, [64, 128, 192, 200, 200]);
    let up_to: i64 = connection.query_row("SELECT indexed_to FROM event_index", [], |row| row.get(0)).unwrap();
    assert_eq!(up_to, 200);
}

/// A page of a source, or a backlog, comes in one transaction.
#[test]
fn many_ids_in_one_transaction_do_not_pile_up_in_memory() {
    let connection = database();
    let mut ids = read(&connection);
    ids.set_generation(100);
    for page in 0..20 {
        (0..500).for_each(|n| add(&connection, &mut ids, page * 500 + n));
        ids.move_some(&connection).unwrap();
        ids.committed();
    }
    let held = ids.young.len() + ids.moving.len();
    assert!(held <= 1_500, "{held} of 10,000");
}
