//! Which addresses can be told to others.

use super::*;

#[test]
fn a_public_url_is_https_or_loopback_with_nothing_but_a_path() {
    for good in ["https://relay.example.com", "https://relay.example.com:8443/relay/", "http://127.0.0.1:8080/"] {
        assert!(PublicUrl::parse(good).is_ok(), "{good}");
    }
    let bad = [
        "",
        "relay.example.com",
        "/castai/events",
        "http://relay.example.com",
        "ftp://relay.example.com",
        "https://relay.example.com/?a=b",
        "https://relay.example.com/#a",
        "https://",
    ];
    for bad in bad {
        let error = PublicUrl::parse(bad).unwrap_err();
        assert!(error.contains("`https://relay.example.com`"), "{bad}: {error}");
    }
}

#[test]
fn a_password_in_a_public_url_is_refused_and_not_repeated() {
    let error = PublicUrl::parse("https://user:word@relay.example.com").unwrap_err();
    assert!(!error.contains("word@") && !error.contains("user:"), "{error}");
}

#[test]
fn a_path_is_put_below_the_base_whether_it_ends_in_a_slash_or_not() {
    for base in ["https://relay.example.com/base", "https://relay.example.com/base/"] {
        assert_eq!(
            PublicUrl::parse(base).unwrap().at("/castai/events"),
            "https://relay.example.com/base/castai/events"
        );
    }
}

#[test]
fn this_machine_alone_reaches_a_loopback_address() {
    for loopback in ["http://localhost:1", "http://[::1]:1", "https://127.0.0.9"] {
        assert!(PublicUrl::parse(loopback).unwrap().is_loopback(), "{loopback}");
    }
    assert!(!PublicUrl::parse("https://localhost.example.com").unwrap().is_loopback());
}
