//! The admin API as operators and their machines use it: who may ask, what there is, what it does to the relay.

mod access;
mod bounds;
mod document;
mod looking;
mod pausing;
mod telling_again;
mod trying;
mod typed;

use serde_json::{Value, json};

use crate::support::http::{Answer, ask};
use crate::support::relay::TestRelay;

const OPERATE: &str = "a-token-for-operators";
const READ: &str = "a-token-for-dashboards";
const CONFIG: &str = r#"
admin:
  token: "a-token-for-operators"
  tokens: [ { name: grafana, role: read, token: "a-token-for-dashboards" }, { name: bot, role: operate, token: "a-token-for-machines" } ]
"#;

async fn call_as(relay: &TestRelay, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let path = format!("/api/v1/{path}");
    ask(relay.admin, method, &path, &[("authorization", &authorization)], body.as_bytes()).await
}

async fn call(relay: &TestRelay, method: &str, path: &str, body: Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    call_as(relay, OPERATE, method, path, &body).await
}

/// What is there; it must be.
async fn look(relay: &TestRelay, path: &str) -> Value {
    let answer = call(relay, "GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Does what must be allowed.
async fn does(relay: &TestRelay, path: &str, body: Value) -> Value {
    let answer = call(relay, "POST", path, body).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// What operators did, newest first: `target_paused slack-ops by ada with admin`.
async fn acts(relay: &TestRelay) -> Vec<String> {
    let acts = look(relay, "acts").await["acts"].as_array().unwrap().clone();
    let told = |act: &Value| {
        let text = |key: &str| act[key].as_str().unwrap_or("nobody").to_owned();
        format!("{} {} by {} with {}", text("what"), text("subject"), text("by_whom"), text("by_token"))
    };
    acts.iter().map(told).collect()
}
