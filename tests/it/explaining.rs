//! What became of an event, as operators find it out at night: the screen of `explain`, the lists, and the stream.

mod finding;
mod screens;
mod tailing;
mod typed;
mod watching;

use serde_json::Value;

use crate::support::http::{Answer, ask};
use crate::support::process::{House, Said, run};
use crate::support::relay::TestRelay;

const TOKEN: &str = "a-token-for-operators";
const CONFIG: &str = "admin: { token: a-token-for-operators }";

/// What whoever types a command has as configuration.
const TYPED: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { token: a-token-for-operators }
"#;

async fn call(relay: &TestRelay, method: &str, path: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {TOKEN}");
    ask(relay.admin, method, &format!("/api/v1/{path}"), &[("authorization", &authorization)], body.as_bytes()).await
}

/// What is there; it must be.
async fn look(relay: &TestRelay, path: &str) -> Value {
    let answer = call(relay, "GET", path, "").await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// What the command says that is typed beside this relay.
async fn typed(relay: &TestRelay, arguments: &[&str]) -> Said {
    typed_at(&format!("http://{}", relay.admin), arguments).await
}

async fn typed_at(url: &str, arguments: &[&str]) -> Said {
    let typed = [arguments, &["--config", "relay.yaml", "--url", url]].concat();
    let typed: Vec<String> = typed.into_iter().map(str::to_owned).collect();
    tokio::task::spawn_blocking(move || run(House::with(TYPED).path(), &typed, &[])).await.unwrap()
}

/// The screen of `explain` for this event.
async fn explained(relay: &TestRelay, id: &str) -> String {
    let said = typed(relay, &["explain", id]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(!said.out.contains('\x1b'), "no colours where no terminal is");
    said.out
}
