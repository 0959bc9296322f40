//! What settings come to together, and what a client makes of them.

use tokio::net::TcpListener;

use super::*;
use crate::config::Section;
use crate::event::Timestamp;
use crate::http_client::{HttpClient, Method, Request, SendError};

fn written(text: &str) -> Written {
    let section = Section::from_yaml("connection", text);
    section.read().unwrap_or_else(|| panic!("{text}: {:?}", section.problems()))
}

/// The words for it where the environment names this proxy, if any.
fn words(environment: &str, text: &str) -> String {
    let way =
        proxy::of_environment(|name| (name == "ALL_PROXY" && !environment.is_empty()).then(|| environment.into()));
    let environment = Connection { way, authorities: Authorities::default(), identity: None, guard: Guard::default() };
    environment.with(written(text)).to_string()
}

#[test]
fn what_is_written_goes_before_the_environment() {
    assert_eq!(words("", "{}"), "directly");
    assert_eq!(words("a:1", "{}"), "by the proxy http://a:1 (ALL_PROXY)");
    assert_eq!(words("a:1", "{ proxy: none }"), "directly");
    assert_eq!(words("a:1", "{ no_proxy: [b] }"), "by the proxy http://a:1 (ALL_PROXY), directly to .b");
    let own = words("a:1", "{ proxy: \"http://ada:s3cret@b:2\", allow: [public, c] }");
    assert_eq!(own, "by the proxy http://b:2 (`connection.proxy`), only to public, c");
    assert_eq!(words("socks5://a", "{ proxy: none }"), "directly");
    assert!(words("socks5://a", "{}").starts_with("not at all, because the environment variable ALL_PROXY"));
}

#[test]
fn a_targets_keys_go_before_the_common_ones_each_for_itself() {
    let common = written("{ proxy: \"http://a:1\", no_proxy: [b], allow: [c] }");
    let over =
        |text: &str| Connection { way: Way::Direct, ..Connection::of_environment() }.with(written(text).over(&common));
    assert_eq!(over("{}").to_string(), "by the proxy http://a:1 (`connection.proxy`), directly to .b, only to c");
    assert_eq!(over("{ proxy: none, allow: [d] }").to_string(), "directly, only to d");
    assert_eq!(over("{ no_proxy: [] }").to_string(), "by the proxy http://a:1 (`connection.proxy`), only to c");
    assert_eq!(over("{}"), over("{}"));
    assert_ne!(over("{}"), over("{ proxy: \"http://ada:s3cret@a:1\" }"), "another password is another connection");
}

#[test]
fn nothing_that_is_printed_holds_a_password() {
    let written = written("{ proxy: \"http://ada:s3cret@a:1\" }");
    let connection = Connection::of_environment().with(written.clone());
    let client = HttpClient::with(connection.clone()).unwrap();
    for printed in [format!("{written:?}"), format!("{connection:?}"), format!("{client:?}"), connection.to_string()] {
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}

#[tokio::test]
async fn a_refused_host_is_unreachable_and_is_not_knocked_at() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = HttpClient::with(Connection::of_environment().with(written("{ allow: [10.0.0.0/8] }"))).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let to = Endpoint::parse(&format!("http://{host}:{port}/")).unwrap();
        let request = Request { method: Method::Get, to: &to, headers: &[], body: None, limit: 0 };
        let error = client.exchange(request, Timestamp::from_millis(0)).await.unwrap_err();
        let SendError::Unreachable(words) = error else { panic!("{error:?}") };
        assert!(words.starts_with("not connected: ") && words.contains("is not in `allow`"), "{words}");
        assert_eq!(client.refusal(&to).is_some(), host == "127.0.0.1", "a name says nothing before it is looked up");
    }
    let knocked = tokio::select! {
        biased;
        accepted = listener.accept() => accepted.is_ok(),
        () = std::future::ready(()) => false,
    };
    assert!(!knocked);
}
