//! Asking CAST AI, over the network: what goes out, what comes back, and what every oddity of it is made of.

use std::time::Duration;

use castai_relay::castai_api::notifications::Notification;
use castai_relay::castai_api::{ApiError, CastAi, ErrorKind, Page, Pages};
use serde_json::{Value, json};

use crate::support::castai::faults::Fault;
use crate::support::castai::lists::List;
use crate::support::castai::{KEY, StandIn, Stranger};
use crate::support::hurried_clock::HurriedClock;

mod lists;
mod stand_in;
mod webhooks;

const NOTIFICATIONS: &str = "/v1/notifications";

/// A stand-in and what asks it.
struct Asking {
    castai: StandIn,
    client: CastAi,
    clock: HurriedClock,
}

async fn asking() -> Asking {
    asking_with("").await
}

/// With these settings of the section `castai` on top.
async fn asking_with(settings: &str) -> Asking {
    let clock = HurriedClock::starting_at("2026-11-20T08:15:31Z");
    let castai = StandIn::start().await;
    let client = castai.client(&clock, settings);
    Asking { castai, client, clock }
}

/// As on its list; `minute` is when.
fn notification(id: &str, minute: u32) -> Value {
    let time = format!("2026-11-20T07:{minute:02}:00.123456789Z");
    json!({
        "id": id,
        "organizationId": "org-1",
        "severity": "WARNING",
        "name": "Pending pod detected",
        "message": "Pending pod detected",
        "details": "{\"pod\":\"web\"}",
        "timestamp": time,
        "createdAt": time,
        "ackAt": null,
        "isExpired": false,
        "clusterMetadata": { "id": "c1", "name": "prod-eu", "project": "1234", "providerType": "eks" },
        "operationMetadata": { "id": "", "type": "", "category": "Node Autoscaler" },
    })
}

impl Asking {
    /// The first page of the notifications.
    async fn first_page(&self) -> Result<Page<Notification>, ApiError> {
        self.client.notifications(50).next().await.map(|page| page.expect("a first page"))
    }

    async fn error(&self) -> ApiError {
        self.first_page().await.unwrap_err()
    }

    fn times_asked(&self) -> usize {
        self.castai.asked(NOTIFICATIONS).len()
    }
}

fn ids(page: &Page<Notification>) -> Vec<&str> {
    page.items.iter().filter_map(|notification| notification.id.as_deref()).collect()
}

/// The ids of each page, and the error that ended the walk.
async fn walk(mut pages: Pages<'_, Notification>) -> (Vec<Vec<String>>, Option<ErrorKind>) {
    let mut walked = vec![];
    loop {
        match pages.next().await {
            Ok(Some(page)) => walked.push(ids(&page).into_iter().map(str::to_owned).collect()),
            Ok(None) => return (walked, None),
            Err(error) => return (walked, Some(error.kind())),
        }
    }
}

#[tokio::test]
async fn every_call_names_the_key_the_organisation_and_ourselves() {
    let asking = asking_with("organization_id: org-child").await;
    asking.castai.world().organization = Some(("org-child".into(), Stranger::NotFound));
    asking.first_page().await.unwrap();
    let asked = &asking.castai.asked(NOTIFICATIONS)[0];
    assert_eq!((asked.header("x-api-key"), asked.header("x-castai-organization-id")), (KEY, "org-child"));
    assert_eq!(asked.header("user-agent"), concat!("castai-relay/", env!("CARGO_PKG_VERSION")));
    assert_eq!(asked.header("accept"), "application/json");
}

#[tokio::test]
async fn without_a_configured_organisation_none_is_named() {
    let asking = asking().await;
    asking.first_page().await.unwrap();
    assert_eq!(asking.castai.asked(NOTIFICATIONS)[0].header("x-castai-organization-id"), "");
}

#[tokio::test]
async fn a_key_that_is_not_known_may_belong_to_another_region() {
    let asking = asking().await;
    asking.castai.world().keys.clear();
    let error = asking.error().await;
    assert_eq!((error.kind(), error.status(), error.said()), (ErrorKind::Unauthorized, Some(401), "unauthorized"));
    assert!(error.to_string().starts_with("GET /v1/notifications at http://127.0.0.1:"), "{error}");
    assert!(
        error.cure().contains("another region") && error.cure().ends_with("try `castai.api_url: us` or `eu`"),
        "{error}"
    );
    assert_eq!(asking.times_asked(), 1);
}

#[tokio::test]
async fn a_page_for_browsers_is_called_a_firewall() {
    let asking = asking().await;
    asking.castai.fails(NOTIFICATIONS, 1, Fault::firewall());
    let error = asking.error().await;
    assert_eq!((error.kind(), error.said()), (ErrorKind::Firewall, "Attention Required! | Cloudflare"));
    assert!(error.cure().contains("User-Agent") && error.cure().contains("proxy"), "{error}");
    assert_eq!(asking.times_asked(), 1);
}

#[tokio::test]
async fn a_key_that_may_not_is_told_which_call_it_may_not_make() {
    let asking = asking().await;
    asking.castai.fails(NOTIFICATIONS, 1, Fault::status(403, "permission denied"));
    let error = asking.error().await;
    assert_eq!((error.kind(), error.said()), (ErrorKind::Forbidden, "permission denied"));
    assert!(error.cure().contains("GET /v1/notifications") && error.cure().contains("Viewer"), "{error}");
}

#[tokio::test]
async fn what_is_not_found_may_lack_the_organisation() {
    let asking = asking().await;
    asking.castai.world().organization = Some(("org-child".into(), Stranger::NotFound));
    let error = asking.error().await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotFound, Some(404)));
    assert!(error.cure().contains("castai.organization_id"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_told_in_castais_own_words() {
    let asking = asking().await;
    let error = asking.client.notifications(0).next().await.unwrap_err();
    assert_eq!((error.kind(), error.said()), (ErrorKind::Refused, "page.limit must be between 1 and 500"));
    assert_eq!((asking.times_asked(), error.is_transient()), (1, false));
}

#[tokio::test]
async fn who_is_asked_to_wait_waits_as_long_as_asked() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, [notification("n1", 1)]);
    asking.castai.fails(NOTIFICATIONS, 1, Fault::later(429, "7"));
    asking.castai.fails(NOTIFICATIONS, 1, Fault::later(503, "Fri, 20 Nov 2026 08:16:00 GMT"));
    assert_eq!(ids(&asking.first_page().await.unwrap()), ["n1"]);
    let waits = asking.clock.waits();
    // The date is 29 s after the start, of which at least 7 are over.
    let as_asked = [7.0..=7.7, 21.3..=24.2];
    assert_eq!(waits.len(), 2, "{waits:?}");
    assert!(waits.iter().zip(&as_asked).all(|(wait, asked)| asked.contains(&wait.as_secs_f64())), "{waits:?}");
}

#[tokio::test]
async fn a_wish_that_is_too_long_is_handed_on_at_once() {
    let asking = asking().await;
    asking.castai.fails(NOTIFICATIONS, 1, Fault::later(429, "600"));
    let error = asking.error().await;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(600))));
    assert_eq!((asking.times_asked(), asking.clock.waits().len(), error.is_transient()), (1, 0, true));
}

#[tokio::test]
async fn what_fails_is_asked_three_times_and_then_given_up() {
    for fault in [Fault::status(500, "oops"), Fault::status(408, "oops"), Fault::HangUp, Fault::BreakOff] {
        let asking = asking().await;
        asking.castai.fails(NOTIFICATIONS, 3, fault.clone());
        let error = asking.error().await;
        assert!(error.is_transient(), "{fault:?}: {error}");
        assert_eq!((asking.times_asked(), asking.clock.waits().len()), (3, 2), "{fault:?}");
        asking.first_page().await.unwrap();
    }
}

#[tokio::test]
async fn what_fails_twice_has_not_failed() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, [notification("n1", 1)]);
    asking.castai.fails(NOTIFICATIONS, 1, Fault::HangUp);
    asking.castai.fails(NOTIFICATIONS, 1, Fault::status(502, "bad gateway"));
    assert_eq!(ids(&asking.first_page().await.unwrap()), ["n1"]);
    let waits = asking.clock.waits();
    assert!(waits.len() == 2 && waits.iter().all(|wait| (250..=1000).contains(&wait.as_millis())), "{waits:?}");
}

#[tokio::test]
async fn a_hang_is_ended_by_the_timeout() {
    let asking = asking_with("timeout: 50ms").await;
    asking.castai.fails(NOTIFICATIONS, 3, Fault::Hang);
    let error = asking.error().await;
    assert_eq!((error.kind(), error.said()), (ErrorKind::TimedOut, "no answer within 50ms"));
    assert!(error.cure().contains("castai.timeout"), "{error}");
    assert_eq!(asking.times_asked(), 3);
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let asking = asking().await;
    let Asking { castai, client, clock } = asking;
    let address = castai.address;
    drop(castai);
    let error = client.notifications(50).next().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unreachable, None));
    assert!(error.cure().contains(&format!("reaches http://{address}")), "{error}");
    assert_eq!(clock.waits().len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_shown_and_not_asked_for_again() {
    let asking = asking().await;
    asking.castai.fails(NOTIFICATIONS, 1, Fault::garbage("text/html", "<html><title>CAST AI console</title></html>"));
    let error = asking.error().await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Malformed, Some(200)));
    assert!(error.said().contains("line 1 column 1") && error.said().ends_with("CAST AI console"), "{error}");
    assert!(error.cure().contains("the API and not the console"), "{error}");
    assert_eq!(asking.times_asked(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_and_refused() {
    let asking = asking().await;
    let long = format!("{{\"items\":[\"{}\"]}}", "x".repeat(castai_relay::castai_api::MAX_ANSWER_BYTES));
    asking.castai.fails(NOTIFICATIONS, 1, Fault::garbage("application/json", &long));
    let error = asking.error().await;
    assert_eq!((error.kind(), error.said()), (ErrorKind::Malformed, "the answer is longer than 16777216 bytes"));
}

#[tokio::test]
async fn the_key_never_appears_in_an_error() {
    let faults = [
        Fault::status(500, &format!("bad key {KEY}")),
        Fault::status(400, &format!("bad key {KEY}")),
        Fault::garbage("text/plain", &format!("hello {KEY}")),
        Fault::garbage("application/json", &format!("{{\"items\":\"{KEY}\"}}")),
        Fault::HangUp,
        Fault::firewall(),
    ];
    for fault in faults {
        let asking = asking().await;
        asking.castai.fails(NOTIFICATIONS, 3, fault.clone());
        let error = asking.error().await;
        assert!(!format!("{error} {error:?} {}", error.cure()).contains(KEY), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn an_empty_answer_is_an_empty_object() {
    let asking = asking().await;
    for nothing in ["", " \n", "{}"] {
        asking.castai.fails(NOTIFICATIONS, 2, Fault::garbage("application/json", nothing));
        let object: Value = asking.client.get(NOTIFICATIONS, &[]).await.unwrap();
        assert_eq!(object, json!({}));
        assert_eq!(asking.first_page().await.unwrap(), Page { items: vec![], unreadable: vec![], next_cursor: None });
    }
}

#[tokio::test]
async fn the_answer_tells_what_time_it_is_there() {
    let asking = asking().await;
    let received = asking.client.get_raw(NOTIFICATIONS, &[]).await.unwrap();
    assert_eq!(received.at.to_string(), "2026-11-20T08:15:31Z");
    // The stand-in has the machine's clock, which is not that of the test.
    assert!(received.date.is_some_and(|date| date != received.at), "{received:?}");
}
