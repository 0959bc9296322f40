//! Words and marks: what is found by an index fits, and what fits is found.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::{CastAIEvent, Cluster, Timestamp};
use crate::names::{EventId, SourceName};

fn event(id: &str, type_name: &str, data: Value) -> Event {
    let data = data.as_object().unwrap().clone();
    Event {
        id: EventId::from_sender(None, id),
        source: SourceName::parse("castai").unwrap(),
        kind: CastAIEvent::read(type_name, &data, &mut vec![]),
        severity: Severity::Error,
        organization: None,
        cluster: Cluster { name: Some("prod-eu".into()), ..Cluster::default() },
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: Timestamp::EPOCH,
        data,
        notes: vec![],
        body: Default::default(),
    }
}

#[test]
fn words_lie_between_what_is_neither_letter_nor_digit() {
    assert_eq!(words("ip-10.0 GRÖSSE_x"), ["ip", "10", "0", "grösse", "x"]);
    assert_eq!(words(" -- "), [""; 0]);
    assert_eq!(words(&"x".repeat(99))[0].len(), LONGEST_WORD);
}

#[test]
fn what_is_deep_in_the_particulars_is_found_and_an_endless_event_is_not_indexed_without_end() {
    let deep = words_of(&event("a", "node.added", json!({"a": [{"b": "Deep"}, 1.5, true, null]})));
    assert!(["a", "b", "deep", "1", "5", "prod", "eu"].iter().all(|word| deep.contains(*word)), "{deep:?}");
    let endless: String = (0..10_000).map(|number| format!("w{number} ")).collect();
    assert_eq!(words_of(&event("a", "node.added", json!({"a": endless}))).len(), MOST_WORDS);
}

#[test]
fn terms_are_letters_and_digits_of_ascii_whatever_is_in_the_event() {
    let terms = terms_of(&event("größe \" OR x*", "node.added", json!({"城": "é"})));
    assert!(terms.chars().all(|c| c.is_ascii_alphanumeric() || c == ' '), "{terms}");
}

proptest! {
    #[test]
    fn what_fits_has_the_terms_that_are_wanted(id in "[a-c ü-]{1,6}", text in "[a-cü -]{0,6}", kind in "(node|x)\\.(a|b)") {
        let event = event(&id, &kind, json!({}));
        let types = [kind.clone(), "node.*".to_owned()].map(Some);
        for event_type in types.into_iter().chain([None]) {
            let filter = EventFilter {
                event_type,
                text: Some(text.clone()),
                severity: Some(Severity::Warning),
                cluster: Some("prod-eu".to_owned()),
                ..EventFilter::default()
            };
            let terms = terms_of(&event);
            let has = |term: &String| terms.split(' ').any(|each| each == term);
            let is_found = wanted(&filter).iter().all(|group| group.iter().any(has));
            prop_assert!(is_found || !filter.fits(&event), "{:?} {}", filter, terms);
        }
    }
}
