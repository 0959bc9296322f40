//! What begins and what ends it, as CAST AI tells of both: the incidents of `config/example.yaml`. The events go through
//! `route test`, as an operator tries them. Next: [`super::delivering`].

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::bodies::{fixture, with};
use crate::support::process::run_with_input;

const SECRETS: &[(&str, &str)] = &[
    ("CASTAI_WEBHOOK_TOKEN", "webhook-token"),
    ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T000/B000/slack-secret"),
    ("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef"),
];

const CLUSTER: &str = "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21";

/// Who is told of this body, and what that does: `oncall by spot-interruptions, as error, opens incident …`.
fn steps(body: &[u8]) -> Vec<String> {
    let arguments = ["route", "test", "--config", "config/example.yaml", "-"];
    let said = run_with_input(Path::new(env!("CARGO_MANIFEST_DIR")), &arguments, SECRETS, body);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let told = said.out.lines().filter_map(|line| line.strip_prefix("to "));
    told.map(|line| line.replace(" (pagerduty), by route", " by").replace(" (slack), by route", " by")).collect()
}

/// What opens or ends an incident, of all that is said.
fn incidents(body: &[u8]) -> Vec<String> {
    steps(body).into_iter().filter(|step| step.contains(" incident ")).collect()
}

fn both(does: &str) -> [String; 2] {
    ["oncall", "slack-ops"].map(|target| format!("{target} by {does}"))
}

#[test]
fn a_spot_interruption_is_open_until_a_node_joins_the_cluster() {
    let interrupted = fixture("brief/node.spot_interrupted.json");
    let opens = both(&format!("spot-interruptions, as error, opens incident spot/{CLUSTER}"));
    assert_eq!(steps(&interrupted), opens);
    let added = fixture("brief/node.added.json");
    let ends = both(&format!("spot-interruptions, as info, resolves incident spot/{CLUSTER}, if it is open"));
    assert_eq!(incidents(&added), ends);
    assert!(
        steps(&added).iter().any(|step| step.starts_with("slack-ops by nodes")),
        "it is still told of as a new node"
    );
    let elsewhere = with(&added, json!({"clusterId": "00000000-0000-4000-8000-000000000000"}));
    assert!(
        !incidents(&elsewhere).iter().any(|step| step.contains(CLUSTER)),
        "another cluster's node ends nothing here"
    );
}

#[test]
fn the_page_for_a_closed_target_ends_when_it_is_open_again() {
    let report = |kind: &str| json!({"eventType": kind, "data": {"target": "slack-ops"}}).to_string();
    let opens = both("closed-targets, as error, opens incident target/slack-ops");
    let paused = with(report("relay.target_paused").as_bytes(), json!({"severity": "error"}));
    assert_eq!(steps(&paused), opens);
    let ends = incidents(report("relay.target_resumed").as_bytes());
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().all(|end| end.contains("resolves incident target/slack-ops, if it is open")), "{ends:?}");
}

#[test]
fn an_interruption_of_an_unknown_cluster_is_told_and_shares_no_incident() {
    let body = with(&fixture("brief/node.spot_interrupted.json"), json!({"clusterId": null}));
    assert_eq!(steps(&body), both("spot-interruptions, as error"));
    let added = with(&fixture("brief/node.added.json"), json!({"clusterId": "<no value>"}));
    assert_eq!(incidents(&added), Vec::<String>::new());
}

#[test]
fn a_cluster_that_cast_ai_lost_sight_of_is_an_incident_until_it_is_reconciled() {
    let opens = both(&format!("agent-lost, as critical, opens incident agent/{CLUSTER}"));
    let lost = fixture("webhook/rendered/built-critical-agent-unreachable.json");
    // All spellings there have been, <https://docs.cast.ai/docs/notifications> over the years.
    for name in [
        "The Cast AI agent is unable to connect to the API",
        "CAST AI agent is not able to connect to API",
        "Cast AI agent is not able to connect to the API",
        "Cluster controller not responding",
    ] {
        assert_eq!(steps(&with(&lost, json!({"name": name}))), opens, "{name}");
    }
    let ends = both(&format!("agent-lost, as success, resolves incident agent/{CLUSTER}, if it is open"));
    assert_eq!(incidents(&fixture("webhook/rendered/built-success-reconciled.json")), ends);
    let not_the_end = with(&lost, json!({"name": "Failed to reconcile cluster", "severity": "WARNING"}));
    assert_eq!(incidents(&not_the_end), Vec::<String>::new());
}

/// The anomaly of the fixture in this state, its details as the template's two forms send them.
fn anomaly(status: &str) -> [Bytes; 2] {
    let body = fixture("webhook/rendered/built-security-anomaly.json");
    let mut details = serde_json::from_slice::<Value>(&body).unwrap()["details"].take();
    details["status"] = status.into();
    [with(&body, json!({"details": details})), with(&body, json!({"details": details.to_string()}))]
}

#[test]
fn a_security_anomaly_is_one_incident_from_its_opening_to_its_closing() {
    const ID: &str = "5f1c2b3a-9d8e-4f70-8a61-2b3c4d5e6f70";
    let opens = both(&format!("security-anomalies, as warning, opens incident anomaly/{ID}"));
    for status in ["open", "acked"] {
        for body in anomaly(status) {
            assert_eq!(steps(&body), opens, "{body:?}");
        }
    }
    let ends = both(&format!("security-anomalies, as warning, resolves incident anomaly/{ID}, if it is open"));
    for status in ["closed", "CLOSED", "ANOMALY_STATUS_CLOSED"] {
        for body in anomaly(status) {
            assert_eq!(steps(&body), ends, "nobody is paged for an end: {body:?}");
        }
    }
}
