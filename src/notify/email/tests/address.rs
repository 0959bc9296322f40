//! Which addresses may stand in an envelope.

use super::*;

#[test]
fn an_address_may_have_a_name_and_must_be_one_that_servers_take() {
    for good in
        ["ops@example.org", " ops@example.org ", "Ops Team <ops@example.org>", "\"Ops, Téam\" <ops@example.org>"]
    {
        assert_eq!(mailbox(good).unwrap().email.to_string(), "ops@example.org", "{good}");
    }
    let long = format!("{}@example.org", "x".repeat(250));
    for bad in [
        "",
        "ops",
        "ops@",
        "ops@example.org\r\nBcc: x@example.org",
        "ops@example.org, dev@example.org",
        "öps@example.org",
        "ops@exämple.org",
        &long,
        &format!("{} <ops@example.org>", "x".repeat(101)),
    ] {
        assert!(mailbox(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_target_has_one_recipient_written_alone_or_as_a_list_of_one() {
    let read = |yaml: &str| crate::config::Section::from_yaml("to", &format!("{{ to: {yaml} }}"));
    let only = |yaml: &str| read(yaml).child("to").unwrap().read::<Recipients>().unwrap().only();
    for one in ["ops@example.org", "[ops@example.org]"] {
        assert_eq!(only(one).unwrap().email.to_string(), "ops@example.org");
    }
    let two = only("[ops@example.org, dev@example.org]").unwrap_err();
    assert_eq!(two.message, "names 2 recipients, and a target has one");
    assert!(two.cure.contains("a target for each"));
    assert!(only("[]").is_err());
}

#[test]
fn the_name_of_a_list_is_put_into_its_brackets() {
    assert_eq!(list_id("castai.example.com").unwrap(), "<castai.example.com>");
    assert_eq!(list_id(" <castai.example.com> ").unwrap(), "<castai.example.com>");
    for bad in ["", "castai", "a..b", "a b.c", "a.b\r\nX: y", "ä.b", &format!("a.{}", "b".repeat(255))] {
        assert!(list_id(bad).is_err(), "{bad}");
    }
}
