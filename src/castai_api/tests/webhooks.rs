//! What a webhook configuration covers, whom it calls, and that the values of its headers stay secret.

use serde_json::json;

use super::*;
use crate::castai_api::notifications::{NotificationCluster, NotificationOperation};

fn recorded() -> WebhookConfig {
    let text = include_str!("../../../tests/fixtures/castai/notifications-api/built-webhook-config.json");
    serde_json::from_str(text).unwrap()
}

fn notification(severity: &str, cluster: Option<&str>, category: Option<&str>) -> Notification {
    Notification {
        severity: Some(severity.into()),
        cluster: NotificationCluster { id: cluster.map(str::to_owned), ..NotificationCluster::default() },
        operation: NotificationOperation { category: category.map(str::to_owned), ..NotificationOperation::default() },
        created_at: Timestamp::parse("2026-11-20T08:00:00Z"),
        ..Notification::default()
    }
}

#[test]
fn one_for_everything_covers_everything() {
    let all = recorded();
    for severity in ["CRITICAL", "info", "Success"] {
        assert!(all.covers(&notification(severity, Some("c1"), None)), "{severity}");
        assert!(all.covers(&notification(severity, None, Some("Security"))), "{severity}");
    }
    assert!(!all.covers(&notification("UNSPECIFIED", Some("c1"), None)));
    assert!(!all.covers(&Notification { severity: None, ..notification("x", None, None) }));
}

#[test]
fn each_of_its_conditions_can_leave_a_notification_out() {
    let told = notification("ERROR", Some("c1"), Some("NODE_AUTOSCALER"));
    let clusters = |ids: &[&str]| ClusterTriggers { cluster_ids: ids.iter().map(|&id| id.to_owned()).collect() };
    let category = |name: &str| Some(name.to_owned());
    let later = Timestamp::parse("2026-11-20T08:00:01Z");
    for (webhook, covered) in [
        (WebhookConfig { severity_triggers: vec!["ERROR".into()], ..recorded() }, true),
        (WebhookConfig { severity_triggers: vec!["CRITICAL".into()], ..recorded() }, false),
        (WebhookConfig { severity_triggers: vec![], ..recorded() }, false),
        (WebhookConfig { cluster_triggers: clusters(&["c0", "c1"]), ..recorded() }, true),
        (WebhookConfig { cluster_triggers: clusters(&["c0"]), ..recorded() }, false),
        (WebhookConfig { category: category("Node Autoscaler"), ..recorded() }, true),
        (WebhookConfig { category: category("Security"), ..recorded() }, false),
        (WebhookConfig { subcategory: category("Anomalies"), ..recorded() }, false),
        (WebhookConfig { created_at: later, ..recorded() }, false),
        (WebhookConfig { deleted_at: later, ..recorded() }, false),
    ] {
        assert_eq!(webhook.covers(&told), covered, "{webhook:?}");
    }
    let clusterless = notification("ERROR", None, None);
    let without = WebhookConfig { include_clusterless: false, ..recorded() };
    assert_eq!((recorded().covers(&clusterless), without.covers(&clusterless)), (true, false));
    let security = WebhookConfig { category: category("Security"), ..recorded() };
    assert!(!security.covers(&clusterless), "a category that is not known is not taken for the wanted one");
}

#[test]
fn it_calls_us_when_its_url_ends_with_our_path() {
    let calling = |url: &str| WebhookConfig { callback_url: url.into(), ..WebhookConfig::default() };
    for url in [
        "https://relay.example.com/castai/events",
        "https://relay.example.com/castai/events/",
        "https://relay.example.com:8443/prefix/castai/events?source=castai#x",
        "HTTP://relay/castai/events",
    ] {
        assert!(calling(url).calls("/castai/events"), "{url}");
    }
    for url in ["https://relay.example.com/castai/events/security", "https://castai/events", "https://x/notcastai", ""]
    {
        assert!(!calling(url).calls("/castai/events"), "{url}");
    }
    assert!(!calling("https://x/my-events").calls("/events"));
}

#[test]
fn what_is_left_out_or_null_is_read_as_nothing() {
    for body in [json!({}), json!({"authKeys": null, "clusterTriggers": null, "severityTriggers": null})] {
        let webhook: WebhookConfig = serde_json::from_value(body).unwrap();
        assert!(webhook.auth_keys.is_empty() && webhook.severity_triggers.is_empty() && webhook.id.is_none());
        assert!(!webhook.covers(&notification("ERROR", None, None)));
    }
}

#[test]
fn the_values_of_headers_are_sent_to_castai_and_printed_nowhere() {
    let webhook = recorded();
    let printed = format!("{webhook:?} {:?}", webhook.draft());
    assert!(printed.contains("Authorization") && !printed.contains("REPLACE-ME"), "{printed}");
    let sent = serde_json::to_value(webhook.draft()).unwrap();
    assert_eq!(sent["authKeys"]["Authorization"], "Bearer REPLACE-ME");
    assert_eq!(sent["clusterTriggers"], json!({"clusterIds": []}));
    assert_eq!(sent.get("category"), None);
    assert_eq!(sent["callbackUrl"], webhook.callback_url);
}

#[test]
fn what_castai_says_beside_is_said_back_and_what_is_its_own_is_not() {
    let text = include_str!("../../../tests/fixtures/castai/notifications-api/built-webhook-config.json");
    let mut raw: Value = serde_json::from_str(text).unwrap();
    raw["retryPolicy"] = json!({"attempts": 3});
    let page = Page::<WebhookConfig>::read(json!({"items": [raw]}).to_string().as_bytes()).unwrap();
    let sent = serde_json::to_value(page.items[0].draft()).unwrap();
    assert_eq!(sent["retryPolicy"], json!({"attempts": 3}));
    for own in ["id", "organizationId", "status", "error", "createdAt", "updatedAt", "deletedAt"] {
        assert_eq!(sent.get(own), None, "{own}");
    }
}

#[test]
fn an_error_is_told_without_what_is_secret_in_the_callback_url() {
    let url = "https://castai:hunter2@relay.example.com/castai/events?token=s3cr3t&n=1#frag";
    for (said, shown) in [
        (
            r#"Post "https://castai:hunter2@relay.example.com/castai/events?token=s3cr3t&n=1#frag": i/o timeout"#,
            r#"Post "https://…@relay.example.com/castai/events?…": i/o timeout"#,
        ),
        (
            "Post \"https://castai:***@relay.example.com/castai/events?token=s3c",
            "Post \"https://…@relay.example.com/castai/events?…",
        ),
        (
            "é→https://x.example/a?b the token s3cr3t of hunter2 is not 1",
            "é→https://x.example/a?… the token … of … is not 1",
        ),
        ("401 unauthorized :// ", "401 unauthorized :// "),
    ] {
        let answer = json!({ "callbackUrl": url, "error": said });
        let read: WebhookConfig = serde_json::from_value(answer).unwrap();
        assert_eq!(read.error.as_deref(), Some(shown));
        assert_eq!(read.printable_url(), "https://…@relay.example.com/castai/events?…");
        assert_eq!(read.callback_url, url, "it is said back as it is");
    }
}
