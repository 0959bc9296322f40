//! Which servers may be sent to, and that whom we log in as never shows.

use super::*;

fn parse(text: &str) -> Result<Server, Mistake> {
    Server::parse(text, false)
}

#[test]
fn the_scheme_says_how_the_connection_is_made_private() {
    for (text, security, shown) in [
        ("smtps://smtp.example.com", Security::Implicit, "smtps://smtp.example.com:465"),
        ("smtps://127.0.0.1:7465", Security::Implicit, "smtps://127.0.0.1:7465"),
        (" smtp://smtp.example.com\n", Security::StartTls, "smtp://smtp.example.com:587"),
        ("smtp://203.0.113.7:25/", Security::StartTls, "smtp://203.0.113.7:25"),
        ("smtp://[2001:db8::1]", Security::StartTls, "smtp://[2001:db8::1]:587"),
        ("smtp://localhost:25", Security::None, "smtp://localhost:25"),
        ("smtp://127.0.0.1", Security::None, "smtp://127.0.0.1:587"),
        ("smtp://[::1]:25", Security::None, "smtp://[::1]:25"),
        ("smtp://localhost.example.com", Security::StartTls, "smtp://localhost.example.com:587"),
    ] {
        let server = parse(text).unwrap();
        assert_eq!((server.security, server.to_string().as_str()), (security, shown), "{text}");
    }
    assert_eq!(Server::parse("smtp://localhost", true).unwrap().security, Security::StartTls);
}

#[test]
fn the_user_may_be_an_address_and_does_not_show() {
    for (text, user) in [
        ("smtps://me@smtp.example.com", Some("me")),
        ("smtps://me%40example.com@smtp.example.com", Some("me@example.com")),
        ("smtps://me@example.com@smtp.example.com", Some("me@example.com")),
        ("smtps://AK+IA%2F%C3%BC=&@smtp.example.com", Some("AK+IA/ü=&")),
        ("smtps://smtp.example.com", None),
        ("smtps://@smtp.example.com", None),
    ] {
        let server = parse(text).unwrap();
        assert_eq!(server.user.as_deref(), user, "{text}");
        assert!(!format!("{server} {server:?}").contains("me"), "{server:?}");
    }
}

#[test]
fn what_is_no_mail_server_is_refused_without_repeating_it() {
    for (text, said) in [
        ("smtp.example.com", "is not a URL"),
        ("smtps://", "has no host"),
        ("smtps://a_ b", "is not a URL"),
        ("https://smtp.example.com", "starts with neither"),
        ("smtps://me:hunter2@smtp.example.com", "holds a password"),
        ("smtps://smtp.example.com/hunter2", "has something after"),
        ("smtps://smtp.example.com?hunter2", "has something after"),
        ("smtps://hunter2%0d%0a@smtp.example.com", "control characters"),
        ("smtps://hunter2%ff@smtp.example.com", "not UTF-8"),
    ] {
        let mistake = parse(text).unwrap_err();
        assert!(mistake.message.starts_with(said) || mistake.message.contains(said), "{text}: {mistake:?}");
        assert!(!format!("{mistake:?}").contains("hunter2"), "{mistake:?}");
    }
}
