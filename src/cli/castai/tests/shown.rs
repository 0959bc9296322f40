//! Nothing that may be a key is shown, and the rest is.

use proptest::prelude::*;

use super::*;

#[test]
fn a_url_shows_where_it_leads() {
    for (whole, shown) in [
        ("https://relay.example.com/castai/events", "https://relay.example.com/castai/events"),
        ("https://relay.example.com/x?key=secret#y", "https://relay.example.com/x?…"),
        ("https://relay.example.com/x#secret", "https://relay.example.com/x#…"),
        ("https://me:secret@relay.example.com:8443/x", "https://…@relay.example.com:8443/x"),
        ("https://me:sec/ret@relay.example.com/x", "https://…@relay.example.com/x"),
        ("https://secret@relay.example.com", "https://…@relay.example.com"),
        ("me:secret@relay.example.com/x?secret", "…@relay.example.com/x?…"),
        ("", ""),
    ] {
        assert_eq!(url(whole), shown);
    }
}

#[test]
fn what_is_said_about_a_url_keeps_its_words() {
    let about = "https://me:secret@relay.example.com/castai/events?key=secret-too";
    for (said, shown) in [
        ("401 Unauthorized", "401 Unauthorized"),
        (
            "Post \"https://me:secret@relay.example.com/castai/events?key=secret-too\": dial tcp: timeout",
            "Post \"https://…@relay.example.com/castai/events?…\": dial tcp: timeout",
        ),
        ("404: no /castai/events?key=secret-too here\n", "404: no /castai/events?… here\n"),
        ("moved to <http://other/?other-secret>, see there", "moved to <http://other/?…>, see there"),
    ] {
        assert_eq!(text(said, about), shown);
    }
}

proptest! {
    #[test]
    fn no_key_in_a_url_is_ever_shown(
        before in "[ -~]{0,12}", after in "[ -~]{0,12}",
        path in "[a-z/]{0,8}", key in "KEY[a-z0-9]{3,9}", with_user in any::<bool>(), quote in "[\"' (]",
    ) {
        let about = match with_user {
            true => format!("https://me:{key}@relay.example.com/{path}"),
            false => format!("https://relay.example.com/{path}?k={key}"),
        };
        prop_assert!(!url(&about).contains(&key));
        let said = text(&format!("{before}{quote}{about}{quote}{after}"), &about);
        prop_assert!(!said.contains(&key), "{}", said);
    }
}
