//! A webhook that should have brought something and did not is reported, with what CAST AI says of it; nothing else is.

use super::*;
use crate::support::castai::faults::Fault;
use crate::support::flaky_store::FlakyStore;

const WEBHOOKS: &str = "/v1/notifications/webhook-configurations";
const METRIC: &str = "castai_relay_webhook_missed_notifications_total";

/// The alert at CAST AI that calls us, for warnings.
pub(super) fn webhook() -> Value {
    json!({
        "id": "w1",
        "name": "relay",
        "callbackUrl": "https://relay.example.com/castai/events",
        "severityTriggers": ["WARNING"],
        "clusterTriggers": { "clusterIds": [] },
        "includeClusterless": true,
        "authKeys": { "Authorization": "Bearer very-secret" },
        "status": "FailedToConnect",
        "error": "401 unauthorized",
        "createdAt": at(-9999),
    })
}

/// A relay that has been there for half an hour, with this webhook at CAST AI.
pub(super) async fn watched(webhook: impl Into<Option<Value>>) -> TestRelay {
    let relay = settled(ON).await;
    relay.castai().push(List::WebhookConfigurations, webhook.into());
    minutes(&relay, 30).await;
    relay.poll("notifications").await.unwrap();
    relay
}

/// These notifications are listed, and looked for when the webhook had its time.
pub(super) async fn missed(relay: &TestRelay, items: impl IntoIterator<Item = Value>) {
    relay.castai().push(List::Notifications, items);
    minutes(relay, 5).await;
    relay.poll("notifications").await.unwrap();
}

#[tokio::test]
async fn a_gap_is_reported_once_an_hour_with_what_castai_says_of_the_webhook() {
    let relay = watched(webhook()).await;
    missed(&relay, [notification("n-1", 30), notification("n-2", 31)]).await;
    let report = relay.event("webhook_gap/2026-11-20T08").await.event;
    assert_eq!((&report.data["missed"], &report.data["names"]), (&json!(2), &json!(["n-1", "n-2"])));
    assert_eq!((&report.data["first_at"], &report.data["last_at"]), (&json!(at(30)), &json!(at(31))));
    let named = json!([{"name": "relay", "status": "FailedToConnect", "error": "401 unauthorized", "missed": 2}]);
    assert_eq!(report.data["webhooks"], named);
    assert!(!serde_json::to_string(&report).unwrap().contains("very-secret"));

    missed(&relay, [notification("n-3", 36)]).await;
    assert_eq!(relay.metric(METRIC).await, 3.0, "every miss is counted");
    missed(&relay, [notification("n-4", 41)]).await;
    missed(&relay, [notification("n-5", 46)]).await;
    relay.deliver().await;
    let titles = relay.slack_titles();
    let told: Vec<_> = titles.iter().filter(|title| title.starts_with("The webhook missed")).collect();
    assert_eq!(told, ["The webhook missed 2 notifications", "The webhook missed 1 notification"], "08h and 09h");
}

#[tokio::test]
async fn nothing_is_a_gap_that_no_webhook_should_have_brought() {
    let with = |field: &str, value: Value| {
        let mut webhook = webhook();
        webhook[field] = value;
        Some(webhook)
    };
    for webhook in [
        None,
        with("severityTriggers", json!(["CRITICAL", "ERROR"])),
        with("callbackUrl", json!("https://elsewhere.example.com/hooks")),
        with("clusterTriggers", json!({"clusterIds": ["c2"]})),
        with("category", json!("Security")),
        with("createdAt", json!(at(34))),
        with("deletedAt", json!(at(1))),
    ] {
        let relay = watched(webhook.clone()).await;
        missed(&relay, [notification("n-1", 30)]).await;
        assert!(relay.find("org-1/n-1").await.is_some());
        assert!(relay.find("webhook_gap/2026-11-20T08").await.is_none(), "{webhook:?}");
        assert_eq!(relay.metric(METRIC).await, 0.0);
    }
}

#[tokio::test]
async fn nothing_is_a_gap_that_came_while_we_were_away_or_had_just_come_back() {
    let relay = watched(webhook()).await;
    let relay = away(relay, 10, ON).await;
    missed(&relay, [notification("away", 35), notification("just back", 41)]).await;
    assert_eq!(accepted(&relay).await, 2.0);
    assert!(relay.find("webhook_gap/2026-11-20T09").await.is_none());
    missed(&relay, [notification("there again", 44)]).await;
    assert_eq!(relay.event("webhook_gap/2026-11-20T09").await.event.data["missed"], 1);
}

#[tokio::test]
async fn an_absence_that_ended_two_starts_ago_is_remembered() {
    let relay = watched(webhook()).await;
    let relay = away(relay, 10, ON).await;
    minutes(&relay, 10).await;
    let relay = relay.restart(ON).await;
    missed(&relay, [notification("away", 35)]).await;
    assert!(relay.find("org-1/away").await.is_some());
    assert!(relay.find("webhook_gap/2026-11-20T09").await.is_none());
}

#[tokio::test]
async fn where_the_webhooks_may_not_be_read_the_gap_is_reported_and_says_so() {
    let relay = watched(webhook()).await;
    relay.castai().fails(WEBHOOKS, 1, Fault::status(403, "access denied"));
    missed(&relay, [notification("n-1", 30)]).await;
    let report = relay.event("webhook_gap/2026-11-20T08").await.event;
    assert_eq!((&report.data["missed"], &report.data["webhooks"]), (&json!(1), &json!([])));
    assert!(report.data["unknown"].as_str().unwrap().contains("access denied"), "{:?}", report.data);
}

#[tokio::test]
async fn where_it_is_known_how_others_reach_us_the_same_path_elsewhere_is_not_ours() {
    let elsewhere = format!("{ON}server: {{ public_url: \"https://staging.example.com\" }}\n");
    let here = format!("{ON}server: {{ public_url: \"https://relay.example.com/\" }}\n");
    for (config, reported) in [(elsewhere, false), (here, true)] {
        let relay = settled(&config).await;
        relay.castai().push(List::WebhookConfigurations, [webhook()]);
        minutes(&relay, 30).await;
        relay.poll("notifications").await.unwrap();
        missed(&relay, [notification("n-1", 30)]).await;
        assert_eq!(relay.find("webhook_gap/2026-11-20T08").await.is_some(), reported, "{config}");
    }
}

#[tokio::test]
async fn no_secret_of_a_callback_url_that_an_error_quotes_is_told_or_kept() {
    let mut webhook = webhook();
    webhook["callbackUrl"] = json!("https://castai:hunter2@relay.example.com/castai/events?token=s3cr3t");
    webhook["error"] =
        json!("Post \"https://castai:hunter2@relay.example.com/castai/events?token=s3cr3t\": dial tcp: i/o timeout");
    let relay = watched(webhook).await;
    missed(&relay, [notification("n-1", 30)]).await;
    let report = serde_json::to_string(&relay.event("webhook_gap/2026-11-20T08").await.event).unwrap();
    assert!(!report.contains("s3cr3t") && !report.contains("hunter2"), "{report}");
    assert!(report.contains("relay.example.com/castai/events") && report.contains("i/o timeout"), "{report}");
}

/// Afterwards what was missed is known, and nobody could tell any more that it was.
#[tokio::test]
async fn a_gap_is_reported_even_when_the_store_fails_in_the_middle_of_it() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), ON).await;
    relay.castai().push(List::WebhookConfigurations, [webhook()]);
    minutes(&relay, 30).await;
    relay.poll("notifications").await.unwrap();
    relay.castai().push(List::Notifications, (0..150).map(|n| notification(&format!("n-{n}"), 25)));
    store.appends.fail_after(1);
    relay.poll("notifications").await.unwrap_err();
    store.appends.open();
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 150.0);
    assert_eq!(relay.event("webhook_gap/2026-11-20T08").await.event.data["missed"], 150);
}

#[tokio::test]
async fn a_webhook_that_works_is_never_asked_about() {
    let relay = watched(webhook()).await;
    relay.accept(by_webhook("n-1", 30)).await;
    missed(&relay, [notification("n-1", 30)]).await;
    assert_eq!(relay.castai().asked(WEBHOOKS).len(), 0);
}
