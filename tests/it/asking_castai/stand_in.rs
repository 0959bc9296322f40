//! The stand-in itself, where other tests trust it: it must be as odd as the real one.

use castai_relay::castai_api::{FollowUp, Listed};
use castai_relay::http_client::Method;
use serde::Deserialize;

use super::*;
use crate::support::castai::answers::Stored;
use crate::support::http::ask;

const AUDIT: &str = "/v1/audit";
const EVENTS: &str = "/v2/audit/events";
const WEBHOOKS: &str = "/v1/notifications/webhook-configurations";

#[derive(Debug, Deserialize)]
struct Record {
    id: String,
}

impl Listed for Record {
    const ENVELOPE: &'static str = "items";
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "eventId")]
    id: String,
}

impl Listed for Event {
    const ENVELOPE: &'static str = "events";
}

fn text<const N: usize>(query: [(&'static str, &str); N]) -> Vec<(&'static str, String)> {
    query.map(|(name, value)| (name, value.to_owned())).to_vec()
}

#[tokio::test]
async fn a_caller_without_a_name_meets_the_firewall() {
    let asking = asking().await;
    let answer = ask(asking.castai.address, "GET", AUDIT, &[("x-api-key", KEY)], b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (403, Some("text/html; charset=UTF-8")));
    let answer = ask(asking.castai.address, "GET", AUDIT, &[("x-api-key", KEY), ("user-agent", "x/1")], b"").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_audit_log_v1_comes_newest_first_and_its_cursor_remembers_the_query() {
    let asking = asking().await;
    let record = |n: u32, cluster: &str| json!({ "id": format!("a{n}"), "time": format!("2026-11-20T07:0{n}:00Z"), "labels": { "clusterId": cluster } });
    asking
        .castai
        .push(List::AuditV1, [record(1, "c1"), record(2, "c2"), record(3, "c1"), record(4, "c1"), record(5, "c1")]);
    let query = text([("clusterId", "c1"), ("toDate", "2026-11-20T07:04:00Z")]);
    let mut pages = Pages::<Record>::new(&asking.client, AUDIT, query, 2).following_up(FollowUp::CursorOnly);
    let mut seen = vec![];
    while let Some(page) = pages.next().await.unwrap() {
        seen.extend(page.items.into_iter().map(|record| record.id));
    }
    assert_eq!(seen, ["a4", "a3", "a1"]);
    let names: Vec<_> = asking.castai.asked(AUDIT)[1].query.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["page.limit", "page.cursor"]);
}

#[tokio::test]
async fn the_audit_log_v2_comes_oldest_first_and_its_cursor_wants_the_same_query() {
    let asking = asking().await;
    let event = |n: u32, domain: &str| json!({ "eventId": format!("e{n}"), "occurredAt": format!("2026-11-20T07:0{n}:00Z"), "eventDomain": domain });
    asking
        .castai
        .push(List::AuditV2, [event(3, "autoscaler"), event(1, "autoscaler"), event(2, "platform"), event(4, "woop")]);
    let query =
        text([("filter.domains", "autoscaler"), ("filter.domains", "platform"), ("fromDate", "2026-11-20T07:01:00Z")]);
    let mut pages = Pages::<Event>::new(&asking.client, EVENTS, query.clone(), 2);
    let first = pages.next().await.unwrap().unwrap();
    let second = pages.next().await.unwrap().unwrap();
    let seen: Vec<_> = first.items.iter().chain(&second.items).map(|event| event.id.as_str()).collect();
    assert_eq!(seen, ["e1", "e2", "e3"]);
    let elsewhere = text([("page.limit", "2"), ("page.cursor", first.next_cursor.as_deref().unwrap())]);
    let other = asking.client.page::<Event>(EVENTS, &elsewhere).await;
    assert_eq!(other.unwrap_err().said(), "page.cursor does not belong to this query");
}

#[tokio::test]
async fn a_call_can_be_waited_for() {
    let asking = asking().await;
    let (page, ()) = tokio::join!(asking.first_page(), asking.castai.until_asked(NOTIFICATIONS, 1));
    assert_eq!(page.unwrap().items, []);
}

#[tokio::test]
async fn webhook_configurations_are_created_changed_and_judged() {
    let asking = asking().await;
    let client = &asking.client;
    let webhook =
        json!({ "name": "relay", "callbackUrl": "https://relay.example.com/castai/events", "requestTemplate": "{}" });
    let refused = client.send::<Value>(Method::Post, WEBHOOKS, &[], &json!({ "name": "relay" })).await.unwrap_err();
    assert_eq!(refused.said(), "invalid request; callbackUrl: required; requestTemplate: required");

    let dry_run = text([("dryRun", "true")]);
    client.send::<Value>(Method::Post, WEBHOOKS, &dry_run, &webhook).await.unwrap();
    assert_eq!(asking.castai.world().lists[&List::WebhookConfigurations], [] as [Value; 0]);

    let created: Value = client.send(Method::Post, WEBHOOKS, &[], &webhook).await.unwrap();
    assert_eq!((&created["id"], &created["status"]), (&json!("webhook-1"), &json!("CanConnect")));
    let path = format!("{WEBHOOKS}/webhook-1");
    asking.castai.world().webhook_verdict = ("FailedToConnect".into(), "400 Bad Request".into());
    client.send::<Value>(Method::Put, &path, &[], &webhook).await.unwrap();
    let changed: Value = client.get(&path, &[]).await.unwrap();
    assert_eq!((&changed["status"], &changed["error"]), (&json!("FailedToConnect"), &json!("400 Bad Request")));
    let listed: Value = client.get(WEBHOOKS, &text([("filter.status", "FailedToConnect")])).await.unwrap();
    assert_eq!(listed["items"], json!([changed]));
    let sent = &asking.castai.asked(WEBHOOKS)[2];
    assert_eq!((sent.method.as_str(), sent.header("content-type"), sent.json()), ("POST", "application/json", webhook));
}

#[tokio::test]
async fn what_changes_something_is_never_tried_again() {
    let asking = asking().await;
    for fault in [Fault::status(503, "oops"), Fault::HangUp, Fault::later(429, "1")] {
        asking.castai.fails(WEBHOOKS, 1, fault);
        let error = asking.client.send::<Value>(Method::Post, WEBHOOKS, &[], &json!({})).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(error.to_string().starts_with("POST /v1/notifications/webhook-configurations at "), "{error}");
    }
    assert_eq!((asking.castai.asked(WEBHOOKS).len(), asking.clock.waits().len()), (3, 0));
}

#[tokio::test]
async fn costs_are_told_for_the_time_asked_for_and_not_for_clusters_that_are_only_watched() {
    let asking = asking().await;
    let path = "/v1/cost-reports/clusters/c1/savings";
    let answer = |savings: &str| json!({ "clusterId": "c1", "items": [], "summary": { "totalSavings": savings } });
    asking.castai.world().stored.push(Stored::at(path, answer("1.10")));
    asking.castai.world().stored.push(Stored::at(path, answer("2.20")).when("startTime", "2026-11-01T00:00:00Z"));
    let savings = async |start: &str| {
        let query = text([("startTime", start), ("endTime", "2026-11-20T00:00:00Z")]);
        asking.client.get::<Value>(path, &query).await.map(|answer| answer["summary"]["totalSavings"].clone())
    };
    assert_eq!(savings("2026-11-01T00:00:00Z").await, Ok(json!("2.20")));
    assert_eq!(savings("2026-10-01T00:00:00Z").await, Ok(json!("1.10")));
    let without_time = asking.client.get::<Value>(path, &[]).await.unwrap_err();
    assert_eq!((without_time.kind(), without_time.is_read_only_cluster()), (ErrorKind::Refused, false));
    asking.castai.world().read_only.insert("c1".into());
    let read_only = savings("2026-11-01T00:00:00Z").await.unwrap_err();
    assert!(read_only.is_read_only_cluster() && read_only.status() == Some(400), "{read_only}");
}
