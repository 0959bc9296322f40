//! Faults of the webhook configuration at CAST AI.

use serde_json::json;

use super::clinic::Clinic;
use crate::support::castai::lists::List;

const SETUP: &str = "castai-relay castai setup --source castai";

#[tokio::test(flavor = "multi_thread")]
async fn no_webhook_at_all() {
    let clinic = Clinic::open().await;
    clinic.us.world().lists.remove(&List::WebhookConfigurations);
    clinic
        .finds("✗ webhook castai", "no webhook at CAST AI calls https://relay.example.com/castai/events", SETUP)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_calls_another_address() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| webhook["callbackUrl"] = "https://old.example.com/castai/events?key=1".into());
    let found = "calls https://old.example.com/castai/events?…, and by `server.public_url`";
    clinic.finds("✗ webhook castai", found, "correct `server.public_url`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_failed_says_with_what() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| {
        webhook["status"] = "FailedToConnect".into();
        webhook["error"] = "dial tcp: lookup relay.example.com: no such host".into();
    });
    clinic.finds("✗ status castai-relay (castai)", "no such host", "the ingress lets everybody in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_template() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| webhook["requestTemplate"] = "{ \"text\": \"{{ .Name }}: {{ .Message }}\" }".into());
    let found = "without notification_id, organization_id, severity, timestamp, details, cluster";
    clinic.finds("✗ template castai-relay (castai)", found, SETUP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_content_type() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| webhook["authKeys"] = json!({"Authorization": "Bearer webhook-token"}));
    let cure = "add `Content-Type: application/json` in the console";
    clinic.finds("✗ headers castai-relay (castai)", "Content-Type is missing", cure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_than_ours() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| webhook["authKeys"]["Authorization"] = "Bearer somebody-elses-token".into());
    clinic.finds("✗ credential castai-relay (castai)", "fits none of this source's secrets", SETUP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn severities_that_are_not_sent() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| webhook["severityTriggers"] = json!(["CRITICAL", "INFO", "SUCCESS"]));
    clinic.finds("✗ severities", "does not send ERROR, WARNING", "--severity all --apply").await;
    clinic.webhook(|webhook| webhook["severityTriggers"] = json!(["CRITICAL", "ERROR", "WARNING"]));
    clinic.finds("! severities", "does not send INFO, SUCCESS", "--severity all --apply").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_are_not_covered() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| webhook["clusterTriggers"] = json!({"clusterIds": ["c1"]}));
    clinic.finds("! clusters", "does not send: dev-eu", "--cluster all --apply").await;
    clinic.webhook(|webhook| webhook["includeClusterless"] = false.into());
    clinic.finds("! clusters", "dev-eu, what concerns no cluster", "--cluster all --apply").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_for_one_category_only() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| webhook["category"] = "Security".into());
    clinic.finds("! categories", "only Security is sent", "another alert").await;
}

/// What the diagnosis recommends must be a cure.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_it_names_heals_what_it_found() {
    let clinic = Clinic::open().await;
    clinic.webhook(|webhook| {
        webhook["authKeys"] = json!({"Authorization": "Bearer somebody-elses-token"});
        webhook["requestTemplate"] = "{}".into();
    });
    let name = "castai-relay (castai)";
    let broken = ["✗ template", "✗ headers", "✗ credential"].map(|check| format!("{check} {name}"));
    let findings = clinic.finds_all(&broken.each_ref().map(String::as_str)).await;
    let command = findings[0].cure.split('`').nth(1).unwrap().to_owned();
    let said = clinic.shell(&command).await;
    assert_eq!(said.code, 0, "{said:?}");
    clinic.finds_all(&[]).await;
}
