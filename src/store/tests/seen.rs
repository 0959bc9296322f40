//! One first, any number of twins, and bounds that hold.

use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp::EPOCH;

fn id(text: &str) -> EventId {
    EventId::from_sender(None, text)
}

impl Seen {
    /// Ids remembered now.
    fn len(&self) -> usize {
        self.order.lock().unwrap().len()
    }

    fn enters(&self, text: &str, body: &[u8]) -> Entered<'_> {
        self.enter(&id(text), &source("castai"), body)
    }
}

fn source(name: &str) -> SourceName {
    SourceName::parse(name).unwrap()
}

fn small() -> Seen {
    Seen::new(Limits { entries: 3, age: Span::from_secs(60) })
}

fn keep(seen: &Seen, text: &str, at: Timestamp) {
    match seen.enters(text, b"body") {
        Entered::First(ticket) => ticket.kept(at),
        other => panic!("{text} was expected to be first, got {other:?}"),
    }
}

#[test]
fn the_second_of_an_id_is_known_and_another_body_of_the_same_source_is_a_conflict() {
    let seen = small();
    keep(&seen, "a", NOW);
    assert!(matches!(seen.enters("a", b"body"), Entered::Known { conflict: false }));
    assert!(matches!(seen.enters("a", b"other"), Entered::Known { conflict: true }));
}

#[test]
fn an_id_is_known_when_it_is_durable_and_not_before() {
    let seen = small();
    assert!(!seen.knows(&id("a")));
    let Entered::First(ticket) = seen.enters("a", b"body") else { panic!("first") };
    assert!(!seen.knows(&id("a")));
    ticket.kept(NOW);
    assert!(seen.knows(&id("a")));
}

#[test]
fn another_source_may_give_an_id_another_body() {
    let seen = small();
    let api = source("notifications");
    let Entered::First(ticket) = seen.enters("a", b"body") else { panic!("first") };
    let Entered::Twin(twin) = seen.enter(&id("a"), &api, b"other") else { panic!("twin") };
    assert!(!twin.conflict);
    let Entered::Twin(twin) = seen.enters("a", b"other") else { panic!("twin") };
    assert!(twin.conflict);
    ticket.kept(NOW);
    assert!(matches!(seen.enter(&id("a"), &api, b"other"), Entered::Known { conflict: false }));
}

#[tokio::test]
async fn twins_wait_for_the_first_and_share_its_fate() {
    let seen = small();
    let Entered::First(ticket) = seen.enters("a", b"body") else { panic!("first") };
    let Entered::Twin(twin) = seen.enters("a", b"body") else { panic!("twin") };
    let (fate, ()) = tokio::join!(twin.fate(), async { ticket.kept(NOW) });
    assert_eq!(fate, Fate::Kept);
    assert_eq!(twin.fate().await, Fate::Kept, "asking late gives the same answer");
}

#[tokio::test]
async fn when_the_first_fails_or_vanishes_the_id_is_free_again() {
    let seen = small();
    for vanish in [false, true] {
        let Entered::First(ticket) = seen.enters("a", b"body") else { panic!("first") };
        let Entered::Twin(twin) = seen.enters("a", b"body") else { panic!("twin") };
        match vanish {
            true => drop(ticket),
            false => ticket.failed(),
        }
        assert_eq!(twin.fate().await, if vanish { Fate::Unknown } else { Fate::Failed });
    }
    keep(&seen, "a", NOW);
}

#[test]
fn the_oldest_ids_are_forgotten_when_there_are_too_many() {
    let seen = small();
    for text in ["a", "b", "c", "d"] {
        keep(&seen, text, NOW);
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(seen.map.len(), 3);
    keep(&seen, "a", NOW);
}

#[test]
fn ids_are_forgotten_when_they_are_too_old() {
    let seen = small();
    keep(&seen, "a", NOW);
    keep(&seen, "b", NOW.saturating_add(Duration::from_secs(61)));
    assert_eq!(seen.len(), 1);
    assert!(matches!(seen.enters("a", b"body"), Entered::First(_)));
}
