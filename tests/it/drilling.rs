//! Drills: made-up events that go all the way to the real targets, and what is found out by them.

mod apart;
mod asked_for;
mod failing;
mod passing;
mod typed;

use serde_json::{Value, json};

use crate::support::http::{Answer, ask};
use crate::support::receivers::Received;
use crate::support::relay::TestRelay;

const TOKEN: &str = "a-token-for-operators";

/// A drill every day at nine; the tests begin at a quarter past eight.
const CONFIG: &str = r#"
admin: { token: "a-token-for-operators" }
routes:
  - name: spot
    match: { type: node.spot_interrupted }
    notify: [oncall, slack-ops]
    incident: { key: "spot/{{ event.cluster.name }}", resolve_when: { type: node.added }, resolve_after: 2h }
  - { name: alarms, match: { type: "relay.*" }, notify: [slack-ops] }
drills:
  - name: spot-page
    cron: "0 9 * * *"
    source: castai
    within: 5m
    event: { eventType: node.spot_interrupted, clusterName: prod-eu, data: { nodeName: n1, instanceType: m6i.large } }
"#;

/// From the beginning of each test until the drill is due.
const UNTIL_NINE: u64 = 44 * 60 + 29;
/// The event of that drill.
const AT_NINE: &str = "drill/spot-page/2026-11-20T09:00:00Z";

async fn call(relay: &TestRelay, method: &str, path: &str, body: Value) -> Answer {
    let authorization = format!("Bearer {TOKEN}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(relay.admin, method, &format!("/api/v1/{path}"), &[("authorization", &authorization)], body.as_bytes()).await
}

async fn look(relay: &TestRelay, path: &str) -> Value {
    let answer = call(relay, "GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Begins a drill that must be allowed, and says which event that is.
async fn begin(relay: &TestRelay, path: &str, body: Value) -> String {
    let answer = call(relay, "POST", path, body).await;
    assert_eq!(answer.status, 201, "{path}: {answer:?}");
    answer.json()["event_id"].as_str().unwrap().to_owned()
}

async fn begin_sample(relay: &TestRelay, sample: &str) -> String {
    begin(relay, "drills", json!({"sample": sample, "by": "ada"})).await
}

/// The drills are looked after once.
async fn round(relay: &TestRelay) {
    relay.poll("relay").await.unwrap();
}

/// From the first start to nine o'clock, when the drill begins.
async fn until_nine(relay: &TestRelay) {
    round(relay).await;
    relay.pass(UNTIL_NINE);
    round(relay).await;
}

/// The runs of this drill, newest first: `passed`, `failed: …`, `under way`.
async fn results(relay: &TestRelay, drill: &str) -> Vec<String> {
    let shown = look(relay, &format!("drills/{drill}")).await;
    let result = |run: &Value| match run["ended"]["outcome"].as_str() {
        None => "under way".to_owned(),
        Some(outcome) => match run["ended"]["why"].as_str() {
            Some(why) => format!("{outcome}: {why}"),
            None => outcome.to_owned(),
        },
    };
    shown["runs"].as_array().unwrap().iter().map(result).collect()
}

async fn ended(relay: &TestRelay, drill: &str, outcome: &str) -> f64 {
    relay.metric(&format!(r#"castai_relay_drills_total{{drill="{drill}",outcome="{outcome}"}}"#)).await
}

/// What PagerDuty was asked to do: `trigger drill/…`.
fn pages(received: &[Received]) -> Vec<String> {
    let page = |received: &Received| {
        let body = received.json();
        format!("{} {}", body["event_action"].as_str().unwrap(), body["dedup_key"].as_str().unwrap())
    };
    received.iter().map(page).collect()
}
