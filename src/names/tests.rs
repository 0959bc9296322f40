//! What a name may be, and that ids from different senders stay apart.

use proptest::prelude::*;

use super::*;

#[test]
fn a_name_is_short_lower_case_and_starts_with_a_letter_or_digit() {
    for good in ["slack-ops", "a", "0day", "on_call-2"] {
        assert!(TargetName::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "-x", "Slack", "a b", "ä", &"x".repeat(64)] {
        assert!(TargetName::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_bad_name_says_what_is_allowed() {
    let error = RouteName::parse("Spot Nodes").unwrap_err().to_string();
    assert!(error.starts_with("route name `Spot Nodes` is not allowed: use 1 to 63"), "{error}");
}

#[test]
fn every_source_that_is_built_in_has_a_name_of_its_own_that_no_webhook_may_have() {
    let built_in = [
        SourceName::relay(),
        SourceName::notifications(),
        SourceName::audit_log(),
        SourceName::savings(),
        SourceName::kubernetes(),
    ];
    for (at, name) in built_in.iter().enumerate() {
        assert!(name.is_built_in() && !built_in[..at].contains(name), "{name}");
        assert_eq!(SourceName::parse(name.as_str()).as_ref(), Ok(name), "a stored event must read back");
    }
    assert!(!SourceName::parse("castai").unwrap().is_built_in());
}

#[test]
fn an_organisation_cannot_borrow_another_ones_id() {
    assert_ne!(EventId::from_sender(Some("a/b"), "c"), EventId::from_sender(Some("a"), "b/c"));
}

#[test]
fn an_over_long_id_is_replaced_by_its_hash_and_stays_distinct() {
    let (one, two) = ("x".repeat(300), format!("{}y", "x".repeat(299)));
    let ids = [EventId::from_sender(None, &one), EventId::from_sender(None, &two)];
    assert!(ids[0].as_str().starts_with("sha256:"));
    assert_ne!(ids[0], ids[1]);
}

proptest! {
    #[test]
    fn whatever_a_sender_calls_its_event_the_id_can_be_read_back(id in ".{1,400}", org in proptest::option::of(".{1,40}")) {
        let made = EventId::from_sender(org.as_deref(), &id);
        prop_assert_eq!(EventId::parse(made.as_str()).unwrap(), made);
    }
}

#[test]
fn the_number_of_a_delivery_may_be_written_as_any_whole_number() {
    let read = |text: &str| serde_json::from_str::<DeliveryId>(text).ok();
    for (text, row) in [("7", Some(7)), ("7.0", Some(7)), ("-3", Some(-3)), ("9223372036854775807", Some(i64::MAX))] {
        assert_eq!(read(text).map(DeliveryId::row), row, "{text}");
    }
    for text in ["7.5", "1e300", "\"7\"", "null", "18446744073709551615"] {
        assert_eq!(read(text), None, "{text}");
    }
}
