//! What counts as a gap, and which webhook is named first.

use super::*;
use crate::castai_api::notifications::NotificationCluster;
use crate::castai_api::webhooks::ClusterTriggers;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(minutes * 60_000)
}

fn notification(name: &str, severity: &str) -> Notification {
    Notification {
        name: Some(name.into()),
        severity: Some(severity.into()),
        cluster: NotificationCluster { id: Some("c1".into()), ..NotificationCluster::default() },
        ..Notification::default()
    }
}

fn webhook(name: &str, severities: &[&str]) -> WebhookConfig {
    WebhookConfig {
        name: name.into(),
        severity_triggers: severities.iter().map(|&severity| severity.to_owned()).collect(),
        include_clusterless: true,
        ..WebhookConfig::default()
    }
}

fn missed(notifications: &[Notification]) -> Vec<Missed<'_>> {
    (0..).zip(notifications).map(|(minute, notification)| Missed { notification, written_at: at(minute) }).collect()
}

#[test]
fn only_what_a_webhook_covers_is_missed() {
    let notifications = [notification("a", "INFO"), notification("b", "ERROR"), notification("c", "INFO")];
    let gap = judge(&missed(&notifications), Ok(&[webhook("errors", &["ERROR"])])).unwrap();
    assert_eq!((gap.missed, gap.first_at, gap.last_at), (1, at(1), at(1)));
    assert_eq!((gap.names, gap.unknown), (vec!["b".to_owned()], None));
    let elsewhere = WebhookConfig {
        cluster_triggers: ClusterTriggers { cluster_ids: vec!["c2".into()] },
        ..webhook("elsewhere", &["INFO"])
    };
    assert_eq!(judge(&missed(&notifications), Ok(&[elsewhere])), None);
    assert_eq!(judge(&missed(&notifications), Ok(&[])), None, "no webhook calls us");
    assert_eq!(judge(&[], Err("no")), None);
}

#[test]
fn the_webhook_that_fails_is_named_first_with_what_castai_says_of_it() {
    let notifications = [notification("a", "INFO"), notification("a", "INFO"), notification("b", "ERROR")];
    let failing = WebhookConfig {
        status: Some("FailedToConnect".into()),
        error: Some("401".into()),
        ..webhook("errors", &["ERROR"])
    };
    let fine = WebhookConfig { status: Some("CanConnect".into()), ..webhook("news", &["INFO"]) };
    let idle = webhook("idle", &["CRITICAL"]);
    let gap = judge(&missed(&notifications), Ok(&[fine, failing, idle])).unwrap();
    assert_eq!((gap.missed, gap.first_at, gap.last_at), (3, at(0), at(2)));
    assert_eq!(gap.names, ["a", "b"]);
    let named: Vec<_> = gap.webhooks.iter().map(|webhook| (webhook.name.as_str(), webhook.missed)).collect();
    assert_eq!(named, [("errors", 1), ("news", 2)]);
    assert_eq!(gap.webhooks[0].error.as_deref(), Some("401"));
}

#[test]
fn where_the_webhooks_are_not_known_everything_counts_and_the_reason_is_told() {
    let notifications = [notification("a", "INFO")];
    let gap = judge(&missed(&notifications), Err("the key may not read them")).unwrap();
    assert_eq!((gap.missed, gap.webhooks.len()), (1, 0));
    assert_eq!(gap.unknown.as_deref(), Some("the key may not read them"));
}

#[test]
fn a_report_stays_small_whatever_castai_says() {
    let notifications: Vec<_> = (0..500).map(|n| notification(&format!("{n}{}", "x".repeat(1000)), "INFO")).collect();
    let webhooks: Vec<_> = (0..50)
        .map(|n| WebhookConfig { error: Some("é".repeat(9000)), ..webhook(&format!("{n}"), &["INFO"]) })
        .collect();
    let gap = judge(&missed(&notifications), Ok(&webhooks)).unwrap();
    assert_eq!((gap.missed, gap.names.len(), gap.webhooks.len()), (500, 10, 5));
    assert!(gap.names.iter().all(|name| name.chars().count() <= 301));
    assert!(gap.webhooks.iter().all(|webhook| webhook.error.as_ref().unwrap().chars().count() <= 301));
}
