//! What CAST AI may answer instead of a page, and what may be odd about one.

use super::*;
use crate::support::castai::KEY;
use crate::support::castai::faults::Fault;

#[tokio::test]
async fn an_answer_that_says_nothing_is_an_empty_page() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.castai().fails(V2, 1, Fault::garbage("application/json", "{}"));
    relay.reads(0).await;
    relay.castai().fails(V2, 1, Fault::garbage("application/json", r#"{"events":null,"nextCursor":""}"#));
    relay.reads(30).await;
    relay.logs([node("e-1", 40, "added")]);
    relay.reads(30).await;
    assert!(relay.told("e-1").await.is_some());
}

#[tokio::test]
async fn records_without_zeros_and_with_words_nobody_knows_are_told() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.castai().world().omits_zeros = true;
    relay.reads(0).await;
    let odd = json!({
        "eventId": "odd",
        "occurredAt": at(10),
        "eventSeverity": "SEVERITY_DREADFUL",
        "actor": null,
        "resource": "a text",
        "body": "bm90IGpzb24=",
        "labels": {},
        "newField": {"nested": true},
    });
    relay.logs([odd]);
    relay.reads(30).await;
    let event = relay.event("odd").await.event;
    assert_eq!(event.type_name(), "audit.unknown.unknown.unknown");
    assert_eq!((event.severity, event.organization.as_deref()), (Severity::Info, None));
    assert_eq!((&event.data["newField"]["nested"], &event.data["resource"]), (&json!(true), &json!("a text")));
    assert!(event.notes.iter().any(|note| note.contains("SEVERITY_DREADFUL")), "{:?}", event.notes);
}

#[tokio::test]
async fn a_page_without_anything_readable_does_not_end_the_paging_and_is_kept_for_people() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 10, "added")]);
    relay.pass(30);
    let page = r#"{"events": [17, null, "x"], "nextCursor": "the-second-page"}"#;
    relay.castai().fails(V2, 1, Fault::garbage("application/json", page));
    // The stand-in does not know this cursor.
    assert!(relay.poll("audit_log").await.is_err());
    let asked = relay.castai().asked(V2).pop().unwrap();
    assert_eq!(asked.query("page.cursor"), Some("the-second-page"));
    relay.castai().fails(V2, 1, Fault::garbage("application/json", &page.replace("the-second-page", "")));
    relay.reads(2).await;
    relay.reads(30).await;
    assert!(relay.told("e-1").await.is_some());
    relay.deliver().await;
    let rejected = relay.slack_titles().into_iter().filter(|title| title.contains("Item from audit_log rejected"));
    assert_eq!(rejected.count(), 3, "each of them once");
}

#[tokio::test]
async fn every_failure_is_said_with_its_cure_and_tried_again() {
    let relay = TestRelay::start_hurried(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 10, "added")]);
    relay.pass(60);
    for (fault, times, said) in [
        (Fault::status(401, "unauthorized"), 1, "api_url: us"),
        (Fault::firewall(), 1, "firewall"),
        (Fault::status(403, "missing permission"), 1, "Viewer"),
        (Fault::status(404, "not found"), 1, "castai.organization_id"),
        (Fault::status(404, "not found"), 1, "version: v1"),
        (Fault::status(500, "internal"), 3, "https://status.cast.ai/"),
        (Fault::later(429, "5"), 3, "asked too often"),
        (Fault::HangUp, 3, "check that this machine reaches"),
        (Fault::BreakOff, 3, "gave no whole answer"),
        (Fault::garbage("text/html", "<html>"), 1, "is not understood"),
    ] {
        relay.castai().fails(V2, times, fault);
        let error = relay.poll("audit_log").await.unwrap_err();
        assert!(error.detail.contains(said), "{said}: {}", error.detail);
        assert!(!error.detail.contains(KEY));
    }
    relay.reads(0).await;
    assert!(relay.told("e-1").await.is_some());
    let polls = |outcome: &str| format!(r#"castai_relay_source_polls_total{{source="audit_log",outcome="{outcome}"}}"#);
    assert_eq!((relay.metric(&polls("failed")).await, relay.metric(&polls("answered")).await), (10.0, 2.0));
}

#[tokio::test]
async fn a_failure_that_passes_is_not_even_noticed() {
    let relay = TestRelay::start_hurried(FROM_NOW).await;
    relay.castai().fails(V2, 2, Fault::status(502, "bad gateway"));
    relay.reads(0).await;
}

#[tokio::test]
async fn castais_wish_for_patience_is_handed_on() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.castai().fails(V2, 1, Fault::later(429, "120"));
    let error = relay.poll("audit_log").await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn names_that_cannot_be_looked_up_cost_nothing_unless_they_decide() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 10, "added")]);
    relay.castai().fails("/v1/kubernetes/external-clusters", 1, Fault::status(403, "missing permission"));
    relay.reads(30).await;
    assert_eq!(relay.event(&own("e-1")).await.event.cluster.name, None);

    let relay = TestRelay::start("sources: { audit_log: { clusters: [prod-eu] } }").await;
    relay.castai().push(List::Clusters, [cluster(CLUSTER, "prod-eu")]);
    relay.reads(0).await;
    relay.logs([node("e-1", 10, "added")]);
    relay.castai().fails("/v1/kubernetes/external-clusters", 1, Fault::status(403, "missing permission"));
    relay.pass(30);
    let error = relay.poll("audit_log").await.unwrap_err();
    assert!(error.detail.contains("external-clusters"), "{}", error.detail);
    relay.reads(2).await;
    assert!(relay.told("e-1").await.is_some(), "nobody could say whether it was wanted, so it was read again");
}
