//! What `castai template` prints, and what the relay makes of what CAST AI renders from it.

use serde_json::{Value, json};

use super::go_template::render;
use crate::support::process::{House, Said, run};
use crate::support::relay::TestRelay;
use castai_relay::castai_api::console_template::{Category, Form};

const CONFIGURATION: &str = r#"
server: { listen: 127.0.0.1:0, public_url: "https://relay.example.com" }
sources:
  webhooks:
    castai: { path: /castai/events, verify: { bearer: [ "webhook-token", "the-old-one" ] } }
    header: { path: /header, verify: { header: { name: X-Relay-Token, values: [ "webhook-token" ] } }, labels: { category: Security } }
    basic: { path: /basic, verify: { basic: { username: castai, passwords: [ "webhook-token" ] } } }
    open: { path: /open, verify: none }
    hmac: { path: /hmac, verify: { hmac: { header: X-Hub-Signature-256, secrets: [ "webhook-token" ] } } }
    standard: { path: /std, verify: { standard_webhooks: [ "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz" ] } }
"#;

fn template(arguments: &str) -> Said {
    let house = House::with(CONFIGURATION);
    let arguments = format!("castai template --config relay.yaml {arguments}");
    run(house.path(), &arguments.split_whitespace().collect::<Vec<_>>(), &[])
}

#[test]
fn it_says_what_to_enter_field_by_field_with_both_forms_of_the_template() {
    let said = template("");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    insta::assert_snapshot!(said.out);
}

#[test]
fn a_source_that_stands_for_a_category_is_for_that_one_only() {
    let own = template("--source header --form json");
    assert!(own.out.contains("\n  Category          Security\n"), "{}", own.out);
    assert!(own.out.contains(r#""category": "Security""#), "{}", own.out);
    let other = template("--source header --form json --category Inventory");
    assert!(other.out.contains("\n  Category          Inventory\n"), "{}", other.out);
}

#[test]
fn a_form_a_category_and_the_secret_can_be_asked_for() {
    let json = template("--source basic --form json --category Security --show-secrets");
    insta::assert_snapshot!(json.out);
    let strings = template("--form strings").out;
    assert!(strings.contains("toEscapedString") && !strings.contains("toJSON"), "{strings}");
}

#[test]
fn no_secret_is_printed_unasked() {
    for source in ["castai", "header", "basic", "open", "hmac", "standard"] {
        let said = template(&format!("--source {source}"));
        let all = format!("{}{}", said.out, said.err);
        for secret in ["webhook-token", "Y2FzdGFpOndlYmhvb2stdG9rZW4=", "MDEyMzQ1"] {
            assert!(!all.contains(secret), "{source}: {all}");
        }
    }
    assert!(template("--show-secrets").out.contains("Authorization: Bearer webhook-token\n"));
}

#[test]
fn each_way_of_verifying_has_its_header_but_those_that_sign() {
    let line = |source: &str| {
        let said = template(&format!("--source {source} --form json"));
        said.out.lines().skip_while(|line| !line.contains("Content-Type")).nth(1).unwrap_or_default().trim().to_owned()
    };
    assert_eq!(line("castai"), "Authorization: Bearer <token>");
    assert_eq!(line("header"), "X-Relay-Token: <secret>");
    assert_eq!(line("basic"), "Authorization: Basic <base64 of user:password>");
    assert_eq!(line("open"), "");
    for source in ["hmac", "standard"] {
        let said = template(&format!("--source {source}"));
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("CAST AI cannot sign") && said.out.contains("verify: { bearer:"), "{}", said.out);
    }
}

#[test]
fn without_a_configuration_it_shows_where_things_go() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["castai", "template", "--form", "json"], &[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    for part in ["https://YOUR-INGRESS/castai/events", "Authorization: Bearer <token>", "toJSON .Details", "--config"] {
        assert!(said.out.contains(part), "{part} not in {}", said.out);
    }
    let broken = run(folder.path(), &["castai", "template", "--config", "none.yaml"], &[]);
    assert_eq!(broken.code, 1, "a file that is named must be there");
}

/// A notification with everything that breaks templates made by hand.
fn awkward() -> Value {
    json!({
        "NotificationID": "0b6c5d61-5a0e-4d0e-8f3c-6d1f2a7b9c01",
        "OrganizationID": "6f0c1c1e-7f0a-4b1f-9f5a-2f4f5f0e9a10",
        "Severity": "CRITICAL",
        "Name": "Quotes \" and \\ and <b>&</b>",
        "Message": "first line\nsecond line\twith a \"quote\" and ü €",
        "Timestamp": "2026-10-05T03:41:10Z",
        "Details": {"error": "said \"no\"\n", "nested": {"n": 1}},
        "Cluster": {
            "ID": "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21", "Name": "demo \"cluster\"", "ProviderType": "eks",
            "ProjectNamespaceID": "123456789012", "ProjectName": "123456789012"
        }
    })
}

/// The same without what the form in strings cannot carry.
fn tame() -> Value {
    let mut notification = awkward();
    notification["Name"] = "Quotes and slashes / and <b>&</b>".into();
    notification["Message"] = "one line with ü €".into();
    notification["Cluster"]["Name"] = "demo-cluster".into();
    notification
}

async fn sent(form: Form, notification: &Value) -> castai_relay::event::Event {
    let relay = TestRelay::start("").await;
    let category = Category::parse("Node Autoscaler").unwrap();
    let id = relay.accept(render(&form.text(Some(&category)), notification)).await;
    relay.event(id.as_str()).await.event
}

#[tokio::test]
async fn whatever_a_notification_holds_arrives_by_the_form_with_to_json() {
    let event = sent(Form::Json, &awkward()).await;
    assert_eq!(event.type_name(), "castai.notification");
    assert!(event.id.as_str().ends_with("0b6c5d61-5a0e-4d0e-8f3c-6d1f2a7b9c01"), "{}", event.id);
    assert_eq!(event.notes, [""; 0]);
    let mut seen = serde_json::to_value(&event).unwrap();
    seen["body"] = "as received".into();
    insta::assert_json_snapshot!(seen);
}

#[tokio::test]
async fn both_forms_say_the_same() {
    let [one, other] = [sent(Form::Json, &tame()).await, sent(Form::Strings, &tame()).await];
    assert_eq!(
        (one.id, one.kind, one.severity, one.category, one.cluster, one.data, one.occurred_at, one.organization),
        (
            other.id,
            other.kind,
            other.severity,
            other.category,
            other.cluster,
            other.data,
            other.occurred_at,
            other.organization
        )
    );
}

#[tokio::test]
async fn details_with_quotes_and_line_breaks_survive_the_form_in_strings_too() {
    let event = sent(Form::Strings, &tame()).await;
    assert_eq!(event.data["error"], "said \"no\"\n");
}

#[tokio::test]
async fn a_notification_without_a_cluster_or_details_arrives_in_both_forms() {
    for (form, cluster) in [
        (Form::Json, Value::Null),
        (Form::Json, json!({"ID": "", "Name": "", "ProviderType": "", "ProjectName": ""})),
        (Form::Strings, json!({"ID": "", "Name": "", "ProviderType": "", "ProjectName": ""})),
        (Form::Strings, json!({})),
    ] {
        let mut notification = tame();
        (notification["Cluster"], notification["Details"]) = (cluster.clone(), Value::Null);
        let event = sent(form, &notification).await;
        assert_eq!((&event.cluster.id, &event.cluster.name), (&None, &None), "{form} {cluster}");
        assert_eq!(event.category.as_deref(), Some("Node Autoscaler"));
    }
}

#[tokio::test]
async fn what_the_form_in_strings_cannot_carry_is_kept_and_reported() {
    let relay = TestRelay::start("").await;
    let answer = relay.send(render(&Form::Strings.text(None), &awkward())).await;
    assert_eq!(answer.status, 400);
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 1);
    assert!(answer.body.contains("toJSON"), "{}", answer.body);
}
