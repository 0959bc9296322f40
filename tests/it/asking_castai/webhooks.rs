//! Webhook configurations over the network: listed, tried without effect, made, changed.

use castai_relay::castai_api::webhooks::{ClusterTriggers, WebhookDraft};
use castai_relay::config::Secret;

use super::*;

const WEBHOOKS: &str = "/v1/notifications/webhook-configurations";

fn draft() -> WebhookDraft {
    WebhookDraft {
        name: "relay".into(),
        callback_url: "https://relay.example.com/castai/events".into(),
        severity_triggers: vec!["CRITICAL".into()],
        cluster_triggers: ClusterTriggers::default(),
        include_clusterless: true,
        auth_keys: [("Authorization".to_owned(), Secret::literal("Bearer token-1"))].into(),
        request_template: "{}".into(),
        ..WebhookDraft::default()
    }
}

#[tokio::test]
async fn a_webhook_is_tried_made_found_and_changed() {
    let asking = asking().await;
    let tried = asking.client.create_webhook(&draft(), true).await.unwrap();
    assert_eq!(tried.status.as_deref(), Some("CanConnect"));
    assert_eq!(asking.client.webhooks().await.unwrap().items.len(), 0, "a dry run makes nothing");

    let made = asking.client.create_webhook(&draft(), false).await.unwrap();
    let id = made.id.unwrap();
    asking.castai.world().webhook_verdict = ("FailedToConnect".into(), "401 unauthorized".into());
    let changed = WebhookDraft { severity_triggers: vec!["ERROR".into()], ..draft() };
    asking.client.update_webhook(&id, &changed).await.unwrap();

    let found = asking.client.webhook(&id).await.unwrap();
    assert_eq!((found.status.as_deref(), found.error.as_deref()), (Some("FailedToConnect"), Some("401 unauthorized")));
    assert_eq!(found.severity_triggers, ["ERROR"]);
    assert_eq!(found.auth_keys["Authorization"].expose(), "Bearer token-1");
    assert_eq!(asking.client.webhook("gone").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn all_webhooks_are_found_and_one_that_cannot_be_read_costs_no_other() {
    let asking = asking().await;
    let many = (0..60).map(|n| json!({ "id": format!("w{n}"), "name": format!("alert {n}") }));
    asking.castai.push(List::WebhookConfigurations, many.chain([json!({ "name": 7 })]));
    let all = asking.client.webhooks().await.unwrap();
    assert_eq!((all.items.len(), all.unreadable.len()), (60, 1));
    assert_eq!(asking.castai.asked(WEBHOOKS).len(), 2);
}

#[tokio::test]
async fn what_castai_refuses_in_a_webhook_is_said_by_field() {
    let asking = asking().await;
    asking.castai.fails(WEBHOOKS, 1, Fault::Instead {
        status: 400,
        headers: vec![("content-type", "application/json".into())],
        body: json!({ "message": "invalid", "fieldViolations": [{ "field": "requestTemplate", "description": "no JSON" }] })
            .to_string(),
    });
    let said = asking.client.create_webhook(&draft(), false).await.unwrap_err().to_string();
    assert!(said.contains("requestTemplate: no JSON") && !said.contains("token-1"), "{said}");
}
