//! What is made of each answer that is no success, to the word.

use bytes::Bytes;

use super::*;
use crate::http_client::{Ending, Headers};

const KEY: &str = "SECRET-key-0123456789";

fn reply(status: u16, content_type: &str, body: &str) -> Reply {
    Reply {
        status,
        retry_after: None,
        content_type: Some(content_type.to_owned()),
        date: None,
        headers: Headers::default(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        ending: Ending::Complete,
    }
}

fn call(at: ApiUrl) -> Call {
    Call { method: Method::Get, path: "/v1/notifications".to_owned(), at }
}

fn error(status: u16, content_type: &str, body: &str) -> ApiError {
    ApiError::of_reply(&call(ApiUrl::Us), &reply(status, content_type, body), KEY)
}

#[test]
fn each_status_has_its_kind_and_only_some_are_tried_again() {
    use ErrorKind::*;
    let json = |status| error(status, "application/json", "{}").kind();
    let statuses = [301, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504];
    let kinds = statuses.map(json);
    let expected = [
        Redirected,
        Refused,
        Unauthorized,
        Forbidden,
        NotFound,
        Failed,
        Refused,
        Refused,
        RateLimited,
        Failed,
        Failed,
        Failed,
        Failed,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(kinds.map(ErrorKind::is_transient).iter().filter(|again| **again).count(), 6);
    assert!([Unreachable, TimedOut].iter().all(|kind| kind.is_transient()));
    assert!(![Redirected, Malformed, Endless, Firewall].iter().any(|kind| kind.is_transient()));
}

#[test]
fn an_error_says_what_failed_where_what_castai_said_and_what_to_do() {
    let said = error(401, "application/json", r#"{"message":"unauthorized"}"#).to_string();
    assert_eq!(
        said,
        "GET /v1/notifications at https://api.cast.ai (us): CAST AI does not accept the API key (401): unauthorized; \
         check that `castai.api_key` is complete and has not expired; a key of another region is answered the same: \
         this was https://api.cast.ai (us), try `castai.api_url: eu`"
    );
}

#[test]
fn an_answer_that_leads_elsewhere_is_not_castai() {
    let elsewhere = error(302, "text/html", "<html><title>Log in</title></html>");
    assert_eq!((elsewhere.kind(), elsewhere.said()), (ErrorKind::Redirected, "Log in"));
    assert!(elsewhere.cure().contains("check `castai.api_url` and proxies on the way"));
}

#[test]
fn a_page_for_browsers_is_a_firewall_and_is_told_by_its_title() {
    let page = "<!DOCTYPE html>\n<html><head><title>Attention Required! | Cloudflare</title></head><body>…";
    for kind in ["text/html; charset=UTF-8", "application/octet-stream"] {
        let error = error(403, kind, page);
        assert_eq!((error.kind(), error.said()), (ErrorKind::Firewall, "Attention Required! | Cloudflare"));
    }
    assert!(error(403, "text/html", "").cure().contains("User-Agent"));
}

#[test]
fn a_complaint_is_told_with_the_fields_it_is_about() {
    let body = r#"{"message":"invalid\nrequest","fieldViolations":[{"field":"name","description":"too long"},{"field":"url"}]}"#;
    assert_eq!(error(400, "application/json", body).said(), "invalid request; name: too long; url:");
    assert_eq!(error(400, "application/json", r#"{"message":7}"#).said(), r#"{"message":7}"#);
}

#[test]
fn a_read_only_cluster_is_recognised() {
    let read_only = error(400, "application/json", r#"{"message":"cluster is read-only"}"#);
    assert!(read_only.is_read_only_cluster());
    assert!(read_only.cure().contains("only watches"));
    assert!(!error(400, "application/json", r#"{"message":"startTime is required"}"#).is_read_only_cluster());
    assert!(!error(404, "application/json", r#"{"message":"read-only"}"#).is_read_only_cluster());
}

#[test]
fn long_words_are_cut_and_the_key_is_taken_out_of_them() {
    let error = error(500, "text/plain", &format!("key {KEY} {}", "ä".repeat(1000)));
    assert_eq!(error.said().chars().count(), MAX_EXCERPT + 1);
    assert!(error.said().starts_with("key *** ä") && !format!("{error:?} {error}").contains(KEY));
}

#[test]
fn json_that_is_not_understood_is_not_repeated() {
    let call = call(ApiUrl::Eu);
    let malformed = |body| ApiError::malformed(&call, &reply(200, "application/json", body), "no list at line 1", KEY);
    assert_eq!(malformed(r#"{"authKeys":{"Authorization":"Bearer x"}}"#).said(), "no list at line 1");
    assert_eq!(malformed("OK").said(), "no list at line 1: OK");
}
