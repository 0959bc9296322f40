//! What an answer means: every status, every recorded answer, redirects, and how long to wait.

use std::time::Duration;

use castai_relay::event::delivery::Reason;
use castai_relay::notify::Scope;
use serde_json::Value;

use super::*;
use crate::support::receivers::Receiver;
use crate::support::wire_faults::{Act, WireFault, answer};

/// The verdict on a target that answers like this, however often it is asked.
async fn verdict_on(kit: &Kit, harness: &Harness, answer: &[u8]) -> Verdict {
    let peer = WireFault::acting([Act::Say(answer.to_vec()), Act::Say(answer.to_vec())]).await;
    let notifier = harness.notifier(kit, &format!("http://{}", peer.address));
    Verdict::of(&notify(&notifier, &any_delivery()).await)
}

#[tokio::test]
async fn a_success_is_a_success() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        assert_eq!(verdict_on(&kit, harness, &http.success()).await, Verdict::Delivered, "{}", harness.kind);
    }
}

#[tokio::test]
async fn every_final_status_is_a_decision() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        for status in 200..=599 {
            let bare = answer(status, &[], "");
            assert_eq!(
                verdict_on(&kit, harness, &bare).await,
                http.verdict_on_bare(status),
                "{} {status}",
                harness.kind
            );
        }
    }
}

#[tokio::test]
async fn the_words_of_a_success_do_not_turn_a_failure_into_one() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        for status in 300..=599 {
            let verdict = verdict_on(&kit, harness, &answer(status, &[], http.success.1)).await;
            assert_eq!(verdict, http.verdict_on_bare(status), "{} {status}", harness.kind);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_final_decides_nothing() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        for status in 100..=199 {
            let broken_off = WireFault::acting([Act::Close(answer(status, &[], ""))]).await;
            let notifier = harness.notifier(&kit, &format!("http://{}", broken_off.address));
            let verdict = Verdict::of(&notify(&notifier, &any_delivery()).await);
            assert_eq!(verdict, Verdict::AMBIGUOUS, "{} {status}", harness.kind);
        }
        // 101 is the one that is not followed by another: RFC 9110, 15.2.2.
        for status in [100, 102, 103, 150, 199] {
            let then_final = [answer(status, &[("link", "</x>")], ""), http.success()].concat();
            assert_eq!(verdict_on(&kit, harness, &then_final).await, Verdict::Delivered, "{} {status}", harness.kind);
        }
    }
}

#[tokio::test]
async fn every_recorded_answer_means_what_is_recorded() {
    let kit = kit();
    let recorded: Value = serde_json::from_str(include_str!("../../fixtures/targets.json")).unwrap();
    for (harness, http) in every_http_kind() {
        let rows = recorded[harness.kind].as_array();
        let rows = rows.unwrap_or_else(|| panic!("record the answers of `{}` in targets.json", harness.kind));
        assert!(!rows.is_empty(), "{}", harness.kind);
        for row in rows {
            let status = u16::try_from(row["status"].as_u64().unwrap()).unwrap();
            let headers = row["headers"].as_object().unwrap().iter();
            let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            let served = answer(status, &headers, row["body"].as_str().unwrap());
            assert_eq!(verdict_on(&kit, harness, &served).await, meaning(row, status, http), "{} {row}", harness.kind);
        }
    }
}

/// What is recorded beside the answer as its meaning.
fn meaning(row: &Value, status: u16, http: &Http) -> Verdict {
    let scope = if row["scope"] == "target" { Scope::Target } else { Scope::Message };
    if row["class"] == "permanent" {
        let reason = if scope == Scope::Target { Reason::TargetRefused } else { Reason::MessageRefused };
        return Verdict::GiveUp(reason, scope);
    }
    assert_eq!(row["class"], "transient", "{row}");
    let asked = row["headers"]["retry-after"].as_str().map(|seconds| seconds.parse().unwrap());
    // Where nobody asks, what is known of the trouble says how long it lasts.
    let asked = asked.or(row["wait"].as_u64()).map(Duration::from_secs);
    let noted_as_ambiguous = row["note"].as_str().is_some_and(|note| note.contains("outcome ambiguous"));
    match status {
        200 if row["limited"] == true => Verdict::Retry(Reason::RateLimited, scope, asked),
        200 if row["failed"] == true => Verdict::PerhapsDone(Reason::TargetFailed, scope, asked),
        200 if noted_as_ambiguous => Verdict::PerhapsDone(Reason::Ambiguous, scope, None),
        429 => Verdict::Retry(Reason::RateLimited, scope, asked.or(http.wait_when_limited)),
        500 | 502 | 504 => Verdict::PerhapsDone(Reason::TargetFailed, scope, asked),
        _ if noted_as_ambiguous => panic!("not known to be ambiguous: {row}"),
        _ => Verdict::Retry(Reason::TargetFailed, scope, asked),
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        let elsewhere = Receiver::slack().await;
        let location = format!("http://{}/elsewhere", elsewhere.address);
        for status in [300, 301, 302, 303, 307, 308, 399] {
            let redirect = answer(status, &[("location", &location), ("refresh", &location)], http.success.1);
            let verdict = verdict_on(&kit, harness, &redirect).await;
            assert_eq!(verdict, Verdict::GiveUp(Reason::TargetRefused, Scope::Target), "{} {status}", harness.kind);
        }
        assert!(elsewhere.received().is_empty(), "{} followed a redirect", harness.kind);
        // Whoever followed this one would find it refused, and try again.
        let credentials = answer(307, &[("location", "http://169.254.169.254/latest/meta-data/")], http.success.1);
        let verdict = verdict_on(&kit, harness, &credentials).await;
        assert_eq!(verdict, Verdict::GiveUp(Reason::TargetRefused, Scope::Target), "{}", harness.kind);
    }
}

#[tokio::test]
async fn the_wait_that_was_asked_for_is_kept_and_never_an_absurd_one() {
    let kit = kit();
    const HOUR: u64 = 3_600_000;
    // `Retry-After`, body, milliseconds to wait; all deliveries are claimed at 08:20:00.
    let asked: &[(&str, &str, Option<u64>)] = &[
        ("7", "", Some(7_000)),
        ("0", "", Some(0)),
        (" 7 ", "", Some(7_000)),
        ("64.57", "", Some(64_570)),
        ("0.0001", "", Some(1)),
        ("Fri, 20 Nov 2026 08:21:00 GMT", "", Some(60_000)),
        ("Friday, 20-Nov-26 08:21:00 GMT", "", Some(60_000)),
        ("Fri Nov 20 08:21:00 2026", "", Some(60_000)),
        ("Fri, 20 Nov 2026 08:19:00 GMT", "", Some(0)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "", Some(0)),
        ("3601", "", Some(HOUR)),
        ("99999999999999999999999999999999", "", Some(HOUR)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "", Some(HOUR)),
        ("", "", None),
        ("-1", "", None),
        ("+1", "", None),
        ("1e3", "", None),
        ("NaN", "", None),
        ("soon", "", None),
        ("7 seconds", "", None),
        ("20 Nov 2026 08:21:00", "", None),
        ("", r#"{"retry_after":7}"#, Some(7_000)),
        ("", r#"{"retry_after":0.5,"ok":false,"error":"rate_limited"}"#, Some(500)),
        ("1", r#"{"retry_after":30}"#, Some(30_000)),
        ("30", r#"{"retry_after":1}"#, Some(30_000)),
        ("", r#"{"retry_after":1e300}"#, Some(HOUR)),
        ("", r#"{"retry_after":-5}"#, None),
        ("", r#"{"retry_after":"soon"}"#, None),
        ("", r#"{"retry_after":true}"#, None),
        ("", r#"{"retry_after":"#, None),
        ("soon", r#"{"retry_after":7}"#, Some(7_000)),
        ("7", r#"{"retry_after":"soon"}"#, Some(7_000)),
        ("Fri, 20 Nov 2026 08:21:00 GMT", r#"{"retry_after":7}"#, Some(60_000)),
        ("Fri, 20 Nov 2026 08:19:00 GMT", r#"{"retry_after":7}"#, Some(7_000)),
    ];
    for (harness, http) in every_http_kind() {
        for (header, body, millis) in asked {
            let wait = millis.map(Duration::from_millis);
            let limited = verdict_on(&kit, harness, &answer(429, &[("retry-after", header)], body)).await;
            let expected = Verdict::Retry(Reason::RateLimited, Scope::Target, wait.or(http.wait_when_limited));
            assert_eq!(limited, expected, "{}: `{header}` {body}", harness.kind);
        }
        let unavailable = verdict_on(&kit, harness, &answer(503, &[("Retry-After", "7")], "")).await;
        let expected = Verdict::Retry(Reason::TargetFailed, Scope::Target, Some(Duration::from_secs(7)));
        assert_eq!(unavailable, expected, "{}", harness.kind);
    }
}

#[tokio::test]
async fn a_retry_after_that_is_not_text_asks_for_nothing() {
    let kit = kit();
    for (harness, _) in every_http_kind() {
        let odd = b"HTTP/1.1 503 x\r\nretry-after: 7\xff\xfe\r\ncontent-length: 0\r\n\r\n";
        let expected = Verdict::Retry(Reason::TargetFailed, Scope::Target, None);
        assert_eq!(verdict_on(&kit, harness, odd).await, expected, "{}", harness.kind);
    }
}
