//! What CAST AI's webhook did not bring arrives late instead of never, once, and is marked as late.

mod faults;
mod gaps;
mod killed;
mod templates;

use std::time::Duration;

use castai_relay::event::Timestamp;
use serde_json::{Value, json};

use crate::support::castai::lists::List;
use crate::support::receivers::Received;
use crate::support::relay::{START, TestRelay};

const LIST: &str = "/v1/notifications";

/// Everybody is told of everything; old news goes to Slack alone.
const ON: &str = r#"
sources:
  notifications: { older_notify: [slack-ops] }
targets: { slack-ops: { concurrency: 1 } }
routes:
  - { name: everybody, match: {}, notify: [slack-ops, oncall] }
"#;

/// `minutes` after the start of the test, or before it.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(Timestamp::parse(START).unwrap().as_millis() + minutes * 60_000)
}

/// A notification as CAST AI lists it.
fn notification(id: &str, minutes: i64) -> Value {
    json!({
        "id": id,
        "organizationId": "org-1",
        "severity": "WARNING",
        "name": id,
        "message": "Pending pod detected",
        "details": "{\"pod\":\"web\"}",
        "timestamp": at(minutes),
        "createdAt": at(minutes),
        "ackAt": null,
        "isExpired": false,
        "clusterMetadata": { "id": "c1", "name": "prod-eu", "project": "1234", "providerType": "eks" },
        "operationMetadata": { "id": "", "type": "", "category": "Node Autoscaler" },
    })
}

/// The same by webhook, in the relay's own template.
fn by_webhook(id: &str, minutes: i64) -> String {
    let body = json!({
        "schema": "castai-relay/1",
        "category": "Node Autoscaler",
        "notification_id": id,
        "organization_id": "org-1",
        "severity": "WARNING",
        "name": id,
        "message": "Pending pod detected",
        "timestamp": at(minutes),
        "details": { "pod": "web" },
        "cluster": { "id": "c1", "name": "prod-eu", "provider_type": "eks", "project_name": "1234" },
    });
    body.to_string()
}

/// A relay whose first round is over: from now on everything is news. Its time is [`START`].
async fn settled(config: &str) -> TestRelay {
    let relay = TestRelay::start(config).await;
    relay.poll("notifications").await.unwrap();
    relay.poll("relay").await.unwrap();
    relay
}

/// The relay was away for `minutes`.
async fn away(relay: TestRelay, minutes: u64, config: &str) -> TestRelay {
    relay.pass(minutes * 60);
    relay.restart(config).await
}

/// Lets time pass, a minute at a time, and the relay know that it is there.
async fn minutes(relay: &TestRelay, minutes: u64) {
    for _ in 0..minutes {
        relay.pass(60);
        relay.poll("relay").await.unwrap();
    }
}

/// How many notifications were accepted, by whichever source.
async fn accepted(relay: &TestRelay) -> f64 {
    relay.metric(r#"castai_relay_accepted_events_total{type="castai.notification"}"#).await
}

#[tokio::test]
async fn ten_notifications_missed_while_we_were_away_arrive_once_oldest_first_and_marked_late() {
    let relay = settled(ON).await;
    let ten: Vec<String> = (1..=10).map(|n| format!("n-{n:02}")).collect();
    relay.castai().push(List::Notifications, (1..).zip(&ten).map(|(n, id)| notification(id, n * 5)));
    let relay = away(relay, 55, ON).await;
    for _ in 0..3 {
        relay.poll("notifications").await.unwrap();
    }
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ten);
    assert_eq!(relay.pagerduty().received().len(), 10);
    let told = relay.slack().received()[0].json().to_string();
    assert!(told.contains("(50 min late)") && told.contains("castai.notification from notifications"), "{told}");
    let first = relay.event("org-1/n-01").await.event;
    assert_eq!(serde_json::to_value(&first).unwrap()["late_by"], 50 * 60);
    assert_eq!(first.category.as_deref(), Some("Node Autoscaler"));

    let copy = relay.send(by_webhook("n-03", 15)).await;
    assert_eq!((copy.status, &copy.json()["duplicate"]), (200, &json!(true)));
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 10, "a webhook copy changes nothing");
    assert_eq!(relay.event("org-1/n-03").await.conflicts, 0);
    assert!(relay.find("webhook_gap/2026-11-20T09").await.is_none(), "we were away: that is no gap of the webhook");
}

#[tokio::test]
async fn what_the_webhook_brought_first_is_not_told_again_from_the_list() {
    let relay = settled(ON).await;
    relay.accept(by_webhook("n-1", 0)).await;
    relay.castai().push(List::Notifications, [notification("n-1", 0)]);
    minutes(&relay, 10).await;
    relay.poll("notifications").await.unwrap();
    let kept = relay.event("org-1/n-1").await;
    assert_eq!((kept.event.source.as_str(), kept.duplicates, kept.deliveries.len()), ("castai", 0, 2));
    assert_eq!(accepted(&relay).await, 1.0);
}

#[tokio::test]
async fn a_webhook_whose_template_leaves_the_organisation_out_is_recognised_too() {
    let relay = settled(ON).await;
    relay.accept(r#"{"notification_id": "n-1", "severity": "ERROR", "name": "Operation failed"}"#).await;
    relay.castai().push(List::Notifications, [notification("n-1", 0)]);
    minutes(&relay, 10).await;
    relay.poll("notifications").await.unwrap();
    assert!(relay.find("org-1/n-1").await.is_none());
    assert_eq!(accepted(&relay).await, 1.0);
}

#[tokio::test]
async fn the_youngest_are_left_to_the_webhook_and_taken_when_it_does_not_bring_them() {
    let relay = settled(ON).await;
    minutes(&relay, 10).await;
    relay.castai().push(List::Notifications, [notification("kept", 10), notification("lost", 10)]);
    relay.poll("notifications").await.unwrap();
    minutes(&relay, 1).await;
    relay.poll("notifications").await.unwrap();
    assert!(relay.find("org-1/kept").await.is_none());
    assert_eq!(relay.event(relay.accept(by_webhook("kept", 10)).await.as_str()).await.event.source.as_str(), "castai");
    minutes(&relay, 1).await;
    relay.poll("notifications").await.unwrap();
    assert_eq!(relay.event("org-1/lost").await.event.source.as_str(), "notifications");
    assert_eq!(accepted(&relay).await, 2.0);
}

#[tokio::test]
async fn without_a_grace_or_without_a_webhook_nothing_is_left_to_anybody() {
    let without_grace = ON.replace("older_notify", "webhook_grace: 0s, older_notify");
    let without_webhook = ON.replace("sources:", "sources:\n  webhooks: {}");
    for config in [without_grace, without_webhook] {
        let relay = settled(&config).await;
        relay.castai().push(List::Notifications, [notification("n-1", 0)]);
        relay.poll("notifications").await.unwrap();
        assert!(relay.find("org-1/n-1").await.is_some(), "{config}");
    }
}

#[tokio::test]
async fn what_is_too_old_or_was_acknowledged_is_told_but_pages_nobody() {
    let relay = TestRelay::start(ON).await;
    let mut acknowledged = notification("acknowledged", -10);
    acknowledged["ackAt"] = json!(at(-5));
    acknowledged["ackedBy"] = json!("user@example.com");
    let items = [notification("old", -61), notification("young", -60), acknowledged];
    relay.castai().push(List::Notifications, items);
    relay.poll("notifications").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["old", "young", "acknowledged"]);
    let paged = relay.pagerduty().received();
    assert_eq!(paged.len(), 1);
    assert!(paged[0].json()["payload"]["summary"].as_str().unwrap().starts_with("young"));
    assert_eq!(relay.delivery("org-1/old").await.owed.route.as_str(), "too_late");
}

#[tokio::test]
async fn the_first_round_looks_back_a_day_and_no_further() {
    let relay = TestRelay::start(ON).await;
    let days = [notification("today", -23 * 60), notification("yesterday", -25 * 60)];
    relay.castai().push(List::Notifications, days);
    relay.poll("notifications").await.unwrap();
    assert!(relay.find("org-1/today").await.is_some() && relay.find("org-1/yesterday").await.is_none());
}

#[tokio::test]
async fn after_three_days_away_everything_since_arrives() {
    let relay = settled(ON).await;
    let days = (0..3).map(|day| notification(&format!("day-{day}"), day * 24 * 60 + 30));
    relay.castai().push(List::Notifications, days);
    let relay = away(relay, 3 * 24 * 60, ON).await;
    relay.poll("notifications").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["day-0", "day-1", "day-2"]);
}

#[tokio::test]
async fn five_hundred_notifications_on_many_pages_arrive_once() {
    let relay = settled(ON).await;
    let many = (0..500).map(|n| notification(&format!("n-{n:03}"), 1 + n % 590));
    relay.castai().push(List::Notifications, many);
    let relay = away(relay, 600, ON).await;
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 500.0);
    let pages = relay.castai().asked(LIST).len();
    relay.pass(60);
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 500.0);
    assert_eq!(relay.castai().asked(LIST).len(), pages + 1, "one page shows that nothing is new");
}

#[tokio::test]
async fn more_than_is_held_at_a_time_arrives_all_the_same() {
    let relay = settled(&ON.replace("notify: [slack-ops, oncall]", "notify: []")).await;
    let many = (0..2500).map(|n| notification(&format!("n-{n}"), 1 + n % 50));
    relay.castai().push(List::Notifications, many);
    let relay = away(relay, 55, ON).await;
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 2500.0);
}

#[tokio::test]
async fn an_item_that_slips_to_the_next_page_while_we_read_is_told_once() {
    let relay = settled(ON).await;
    relay.castai().push(List::Notifications, (0..150).map(|n| notification(&format!("n-{n:03}"), 1 + n / 10)));
    relay.castai().world().meanwhile.push_back((List::Notifications, notification("meanwhile", 20)));
    let relay = away(relay, 55, ON).await;
    relay.poll("notifications").await.unwrap();
    relay.poll("notifications").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 151);
    assert_eq!(accepted(&relay).await, 151.0);
}

#[tokio::test]
async fn a_list_that_leaves_out_what_is_zero_is_read_and_so_is_an_empty_one() {
    let relay = settled(ON).await;
    relay.castai().world().omits_zeros = true;
    relay.poll("notifications").await.unwrap();
    relay.castai().push(List::Notifications, [notification("n-1", 1)]);
    let relay = away(relay, 10, ON).await;
    relay.poll("notifications").await.unwrap();
    let cluster = relay.event("org-1/n-1").await.event.cluster;
    assert_eq!(cluster.label(), Some("prod-eu"));
}

#[tokio::test]
async fn what_castai_writes_down_long_after_it_happened_is_still_news() {
    let relay = settled(ON).await;
    minutes(&relay, 60).await;
    relay.poll("notifications").await.unwrap();
    let mut late = notification("late", 1);
    late["createdAt"] = json!(at(60));
    relay.castai().push(List::Notifications, [late]);
    minutes(&relay, 3).await;
    relay.poll("notifications").await.unwrap();
    relay.deliver().await;
    let told = relay.event("org-1/late").await;
    assert_eq!(told.event.late_by(), Some(Duration::from_secs(62 * 60)), "people are told when it happened");
    let routes: Vec<_> = told.deliveries.iter().map(|delivery| delivery.owed.route.as_str()).collect();
    assert_eq!(routes, ["everybody", "everybody"], "it is news all the same, and pages");
    let paged = |page: &Received| page.json()["payload"]["summary"].as_str().unwrap().starts_with("late");
    assert!(relay.pagerduty().received().iter().any(paged));
}

#[tokio::test]
async fn what_is_written_down_late_is_found_within_the_hour_however_much_is_newer() {
    let relay = settled(ON).await;
    relay.castai().push(List::Notifications, (0..250).map(|n| notification(&format!("n-{n:03}"), 60 + n / 50)));
    minutes(&relay, 70).await;
    relay.poll("notifications").await.unwrap();
    let mut late = notification("late", 1);
    late["createdAt"] = json!(at(79));
    minutes(&relay, 10).await;
    relay.poll("notifications").await.unwrap();
    relay.castai().push(List::Notifications, [late]);
    for _ in 0..12 {
        minutes(&relay, 5).await;
        relay.poll("notifications").await.unwrap();
    }
    assert!(relay.find("org-1/late").await.is_some());
    assert_eq!(accepted(&relay).await, 251.0);
}

#[tokio::test]
async fn what_the_list_brings_carries_the_labels_of_its_source() {
    let labels = "labels: { team: platform, category: Other }, older_notify";
    let relay = settled(&ON.replace("older_notify", labels)).await;
    let mut plain = notification("plain", -5);
    plain["operationMetadata"]["category"] = json!("");
    relay.castai().push(List::Notifications, [plain, notification("named", -5)]);
    relay.poll("notifications").await.unwrap();
    let (plain, named) = (relay.event("org-1/plain").await.event, relay.event("org-1/named").await.event);
    assert_eq!((plain.labels["team"].as_str(), plain.category.as_deref()), ("platform", Some("Other")));
    assert_eq!(named.category.as_deref(), Some("Node Autoscaler"), "what CAST AI says goes first");
}
