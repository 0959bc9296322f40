//! The section: what is refused in it, with which cure, and that no complaint holds the password.

use super::*;
use crate::http_client::Connection;
use crate::notify::samples::kit;

const GOOD: &str =
    "url: \"smtps://me@smtp.example.com\", password: hunter2hunter2, from: a@example.com, to: b@example.com";

fn mistakes(yaml: &str) -> String {
    let section = Section::from_yaml("email", &format!("{{ {yaml} }}"));
    assert!(build(&section, &kit()).is_none(), "{yaml}");
    section.problems().unwrap_err().to_string()
}

#[test]
fn every_mistake_is_told_at_once_with_its_cure_and_without_the_password() {
    let all = mistakes(
        "url: \"smtps://smtp.example.com\", password: hunter2hunter2, from: nobody, to: [b@x.org, c@x.org], reply_to: \"\", list_id: x",
    );
    for (said, cure) in [
        ("`password` is of nobody", "name the user in `url`"),
        ("`from` is no mail address", "write `name@example.com`"),
        ("`to` names 2 recipients", "a target for each"),
        ("`reply_to` is no mail address", "write `name@example.com`"),
        ("`list_id` is no name of a list", "castai.example.com"),
    ] {
        assert!(all.contains(said) && all.contains(cure), "{said}: {all}");
    }
    assert!(all.contains("5 problems") && !all.contains("hunter2"), "{all}");
}

#[test]
fn a_user_goes_with_a_password_and_a_password_with_a_user() {
    let without = GOOD.replace("password: hunter2hunter2, ", "");
    assert!(mistakes(&without).contains("`password` is missing for the user in `url`"));
    assert!(mistakes(&GOOD.replace("hunter2hunter2", "\"hunter2\\nhunter2\"")).contains("control characters"));
    let section = Section::from_yaml("email", &format!("{{ {} }}", without.replace("me@", "")));
    assert!(build(&section, &kit()).is_some());
}

#[test]
fn the_authority_must_be_a_file_with_a_certificate() {
    let missing = mistakes(&format!("{GOOD}, ca: /nowhere.pem"));
    assert!(missing.contains("`ca` `/nowhere.pem`: No such file") && missing.contains("name a PEM file"), "{missing}");
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(mistakes(&format!("{GOOD}, ca: \"{}\"", empty.path().display())).contains("has no certificate in it"));
}

#[test]
fn the_password_is_blotted_out_in_every_form_in_which_it_was_sent() {
    let session = Session {
        server: Server::parse("smtp://127.0.0.1", false).unwrap(),
        tls: None,
        login: Some(Login { user: "me".to_owned(), password: Secret::literal("hunter2hunter2") }),
        patience: Patience::USUAL,
        connection: Connection::of_environment(),
    };
    let parse = |text: &str| text.parse().unwrap();
    let (from, to) = (parse("a@example.com"), parse("b@example.com"));
    let email = Email { correspondents: Correspondents { from, to, reply_to: None, list_id: String::new() }, session };
    // `\0me\0hunter2hunter2` and `hunter2hunter2`, encoded elsewhere.
    let said = "no AG1lAGh1bnRlcjJodW50ZXIy nor aHVudGVyMmh1bnRlcjI= nor hunter2hunter2 here";
    assert_eq!(email.redacted(said), "no *** nor *** nor *** here");
}
