//! What is kept of an entry reads back, also by those who do not know it.

use serde_json::{Value, json};

use super::*;

fn entry(fact: Fact) -> Entry {
    Entry { number: 3, at: Timestamp::from_millis(1_000), fact }
}

#[test]
fn an_entry_reads_back_as_it_was_written() {
    let attempt = Attempt {
        delivery: DeliveryId::from_row(65_536),
        attempt: 2,
        outcome: AttemptOutcome::Retry,
        took_ms: 41,
        reason: Some(Reason::TargetFailed),
        detail: Some("answered 503".to_owned()),
        ambiguous: true,
        again_at: Some(Timestamp::from_millis(2_000)),
        answer: Some(Answered::new(503, "busy")),
        together: Some(Together { first: DeliveryId::from_row(65_536), deliveries: 7, storm: true }),
    };
    let facts = [
        Fact::Attempted(attempt),
        Fact::Repeated { source: SourceName::notifications(), conflict: true, times: 2 },
        Fact::Ended {
            delivery: DeliveryId::from_row(1),
            state: DeliveryState::Silenced,
            reason: None,
            detail: "silence S1".to_owned(),
        },
    ];
    for fact in facts {
        let written = serde_json::to_string(&entry(fact.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&written).unwrap(), entry(fact), "{written}");
    }
}

#[test]
fn what_did_not_happen_takes_no_room() {
    let attempt = Attempt {
        delivery: DeliveryId::from_row(65_536),
        attempt: 1,
        outcome: AttemptOutcome::Delivered,
        took_ms: 0,
        reason: None,
        detail: None,
        ambiguous: false,
        again_at: None,
        answer: Some(Answered::new(202, "")),
        together: None,
    };
    let written = serde_json::to_value(Fact::Attempted(attempt)).unwrap();
    let expected = json!({
        "what": "attempted", "delivery": 65_536, "attempt": 1, "outcome": "delivered", "took_ms": 0,
        "answer": {"status": 202},
    });
    assert_eq!(written, expected);
}

#[test]
fn what_a_newer_relay_wrote_is_an_entry_all_the_same() {
    let newer = json!({"number": 1, "at": "2026-11-20T08:00:00Z", "what": "translated", "into": "Esperanto"});
    assert_eq!(serde_json::from_value::<Entry>(newer).unwrap().fact, Fact::Unknown);
    assert!(serde_json::from_value::<Entry>(Value::Null).is_err());
}

#[test]
fn answers_and_details_are_cut_between_characters() {
    let long = "ü".repeat(Answered::LONGEST + 1);
    let said = Answered::new(500, &long).said;
    assert_eq!(said.chars().count(), Answered::LONGEST + 1);
    assert!(said.ends_with('…'));
    assert_eq!(bounded("short"), "short");
    assert_eq!(bounded(&"x".repeat(5_000)).chars().count(), LONGEST_DETAIL + 1);
}
