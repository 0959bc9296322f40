//! `castai-relay status` and `targets …`, against a relay that runs as a process of its own.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::process::{House, Said, run};

const CONFIGURATION: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0, token: { env: RELAY_ADMIN_TOKEN } }
store: { sqlite: { path: relay.db } }
targets:
  slack-ops: { slack: { webhook_url: "http://127.0.0.1:1/services/T000/B000/XXXXXXXXXXXX" } }
routes: [ { name: nodes, match: { type: "node.*" }, notify: [console, slack-ops] } ]
"#;

const TOKEN: (&str, &str) = ("RELAY_ADMIN_TOKEN", "a-token-for-operators");

async fn typed(house: &House, admin: SocketAddr, arguments: &[&str]) -> Said {
    let url = format!("http://{admin}");
    let typed = [arguments, &["--config", "relay.yaml", "--url", &url]].concat();
    let typed: Vec<String> = typed.into_iter().map(str::to_owned).collect();
    let folder = house.path().to_owned();
    tokio::task::spawn_blocking(move || run(&folder, &typed, &[TOKEN, ("USER", "ada")])).await.unwrap()
}

/// The lines with one blank between two words.
fn lines(table: &str) -> Vec<String> {
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_relay_is_one_page() {
    let house = House::with(CONFIGURATION);
    let relay = house.serve_with(&[(TOKEN.0, TOKEN.1.to_owned())]).await;
    let said = typed(&house, relay.admin, &["status"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    for line in ["store sqlite", "ready yes", "pending 0", "paused targets none", "silences in force 0"] {
        assert!(lines(&said.out).iter().any(|printed| printed == line), "{line}: {}", said.out);
    }
    assert!(!said.out.contains('\x1b'), "no colours where no terminal is");
    let said = typed(&house, relay.admin, &["status", "--output", "json"]).await;
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &json["ready"]), (0, &Value::Bool(true)));
    let admin = relay.admin;
    relay.kill();
    let said = typed(&house, admin, &["status"]).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("hint: is `castai-relay serve` running"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_listed_paused_resumed_and_tested() {
    let house = House::with(CONFIGURATION);
    let relay = house.serve_with(&[(TOKEN.0, TOKEN.1.to_owned())]).await;
    let said = typed(&house, relay.admin, &["targets", "list"]).await;
    let printed = lines(&said.out);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(printed[0], "NAME KIND STATE PENDING OLDEST DEAD LIMITS NOTE");
    assert!(printed.iter().any(|line| line.starts_with("console log open 0 - 0 unlimited")), "{printed:?}");

    let pause = ["targets", "pause", "console", "--why", "they move"];
    let said = typed(&house, relay.admin, &pause).await;
    assert!(said.code == 2 && said.err.contains("--until-resumed"), "{said:?}");
    let said = typed(&house, relay.admin, &[&pause[..], &["--until-resumed"]].concat()).await;
    assert!(said.code == 0 && said.out.contains("paused until it is resumed by ada since "), "{said:?}");
    let said = typed(&house, relay.admin, &[&pause[..], &["--for", "91d"]].concat()).await;
    assert!(said.code == 2 && said.err.contains("hint: at most 90 days ahead"), "{said:?}");
    let said = typed(&house, relay.admin, &["targets", "resume", "console"]).await;
    assert!(said.code == 0 && lines(&said.out)[1].starts_with("console log open"), "{said:?}");

    let said = typed(&house, relay.admin, &["targets", "test", "console"]).await;
    assert!(said.code == 0 && said.out.starts_with("console: delivered in "), "{said:?}");
    let said = typed(&house, relay.admin, &["targets", "test", "slack-ops"]).await;
    assert!(said.code == 1 && said.out.contains("(unreachable): "), "{said:?}");
    assert!(!said.out.contains("XXXXXXXXXXXX"), "{said:?}");
    let said = typed(&house, relay.admin, &["targets", "test", "slack-ops", "--output", "json"]).await;
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &json["outcome"]), (1, &Value::from("failed")));
    let said = typed(&house, relay.admin, &["targets", "test", "nobody"]).await;
    assert!(said.code == 1 && said.err.contains("there is no target `nobody`\nhint: "), "{said:?}");
}
