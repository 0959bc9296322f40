//! Faults around the relay: clocks, silence, targets, and what the configuration allows.

use std::time::Duration;

use serde_json::{Value, json};

use super::clinic::{Clinic, cluster, remember};
use crate::support::castai::faults::Fault;
#[cfg(feature = "kubernetes")]
use crate::support::kubernetes::ApiServer;
use crate::support::process::House;
use crate::support::receivers::Reply;

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong() {
    let clinic = Clinic::open().await;
    let headers = vec![("date", "Fri, 20 Nov 2020 08:00:00 GMT".to_owned())];
    let body = json!({"items": [cluster("c1", "prod-eu")]}).to_string();
    clinic.us.fails("/v1/kubernetes/external-clusters", 1, Fault::Instead { status: 200, headers, body });
    clinic.finds("✗ clock CAST AI", "ahead of theirs", "NTP").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fell_silent() {
    let clinic = Clinic::open().await;
    let house = House::with(&clinic.configuration());
    remember(&house, Duration::from_secs(13 * 3600), Duration::from_secs(5)).await;
    let clinic = Clinic { house, ..clinic };
    let findings = clinic.finds_all(&["! relay", "✗ last heard castai"]).await;
    assert!(findings[1].found.contains("longer than the 12h"), "{findings:#?}");
    assert!(findings[1].cure.contains("raise `silent_after`"), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_asked_and_does_not_answer() {
    let clinic = Clinic::open().await;
    let house = House::with(&clinic.configuration());
    remember(&house, Duration::from_secs(60), Duration::from_secs(3600)).await;
    let clinic = Clinic { house, ..clinic };
    let findings = clinic.finds_all(&["! relay", "✗ last heard notifications"]).await;
    assert!(findings[1].found.contains("1h ago"), "{findings:#?}");
    assert!(findings[1].cure.contains("it is asked and does not answer"), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_does_not_run() {
    let clinic = Clinic::open().await;
    let clinic = Clinic { house: House::with(&clinic.configuration()), ..clinic };
    clinic.finds_all(&[]).await;
    let said = clinic.doctor("").await;
    assert!(said.out.contains("– relay") && said.out.contains("there is no database"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_reached() {
    let clinic = Clinic::open().await;
    clinic.internet.forget("hooks.slack.com");
    clinic.finds("✗ target slack-ops", "https://hooks.slack.com/… does not answer", "egress").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_slack_does_not_let_in() {
    let clinic = Clinic::open().await;
    let webhook = "webhook_url: \"https://hooks.slack.com/services/T000/B000/slack-secret\"";
    let api = format!("http://{}/api", clinic.slack.address);
    clinic.configure(webhook, &format!("bot_token: xoxb-slack-secret, channel: ops, api_url: \"{api}\""));
    let says = |body: Value| clinic.slack.always_replies(Reply::With(200, vec![], body.to_string()));
    says(json!({"ok": true}));
    clinic.slack.take_received();
    clinic.finds_all(&[]).await;
    let asked = clinic.slack.take_received();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.path == "/api/auth.test"), "{asked:?}");
    says(json!({"ok": false, "error": "invalid_auth"}));
    let found = "/… does not let us in: answered 200 `invalid_auth`";
    clinic.finds("✗ target slack-ops", found, "put right what it names").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_replicas_that_cannot_be_reached() {
    let clinic = Clinic::open().await;
    let urls = format!("[ \"http://{}\", \"http://127.0.0.1:1\" ]", clinic.slack.address);
    let alerts = format!("console: {{ log: {{}} }}\n  alerts: {{ alertmanager: {{ urls: {urls} }} }}");
    clinic.configure("console: { log: {} }", &alerts);
    clinic.finds("✗ target alerts", "http://127.0.0.1:1/… does not answer", "egress").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_allows_is_said() {
    let clinic = Clinic::open().await;
    clinic.configure("listen: 127.0.0.1:0, public_url", "listen: 0.0.0.0:0, public_url");
    clinic.configure("verify: { bearer: [ \"webhook-token\" ] }", "verify: none");
    clinic.configure("sqlite: { path: relay.db }", "memory: {}");
    clinic.configure("https://relay.example.com", "http://127.0.0.1:1");
    let expected = ["✗ webhook castai", "✗ public url castai", "! verify castai", "! store", "! public_url"];
    clinic.finds_all(&expected).await;
}

#[cfg(feature = "kubernetes")]
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_let_itself_be_watched() {
    let (clinic, server) = (Clinic::open().await, ApiServer::start().await);
    clinic.configure("notifications: {}", &format!("notifications: {{}}\n  kubernetes: {}", server.section("")));
    clinic.finds_all(&[]).await;
    server.forbid("nodes");
    clinic
        .finds("✗ kubernetes Nodes being drained", "cannot list resource \"nodes\"", "deploy/kubernetes/rbac.yaml")
        .await;
    server.permit_all();
    server.write_token("expired");
    clinic.finds("✗ kubernetes", "401", "the credentials are wrong or have expired").await;
}
