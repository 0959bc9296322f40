//! `castai-relay drill …`, against a relay that runs as a process of its own.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::process::{House, Said, run};

const CONFIGURATION: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0, token: { env: RELAY_ADMIN_TOKEN } }
store: { sqlite: { path: relay.db } }
routes: [ { name: nodes, match: { type: "node.*" }, notify: [console] } ]
default_targets: []
drills: [ { name: new-node, sample: node.added } ]
"#;

const TOKEN: (&str, &str) = ("RELAY_ADMIN_TOKEN", "a-token-for-operators");

async fn drill(house: &House, admin: SocketAddr, arguments: &[&str]) -> Said {
    let url = format!("http://{admin}");
    let typed = [&["drill"], arguments, &["--config", "relay.yaml", "--url", &url]].concat();
    let typed: Vec<String> = typed.into_iter().map(str::to_owned).collect();
    let folder = house.path().to_owned();
    tokio::task::spawn_blocking(move || run(&folder, &typed, &[TOKEN, ("USER", "ada")])).await.unwrap()
}

fn words(line: Option<&str>) -> String {
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn drills_are_run_waited_for_and_listed() {
    let house = House::with(CONFIGURATION);
    let relay = house.serve_with(&[(TOKEN.0, TOKEN.1.to_owned())]).await;
    let listed = drill(&house, relay.admin, &["list"]).await;
    assert_eq!(words(listed.out.lines().next()), "NAME SCHEDULE NEXT LAST RESULT");
    assert_eq!(words(listed.out.lines().nth(1)), "new-node - - - -");

    let passed = drill(&house, relay.admin, &["run", "new-node", "--wait"]).await;
    assert_eq!(passed.code, 0, "{passed:?}");
    assert!(passed.out.starts_with("new-node: passed in "), "{passed:?}");
    assert!(passed.out.contains("ms; event drill/new-node/"), "{passed:?}");
    let failed = drill(&house, relay.admin, &["run", "--sample", "unknown", "--within", "1m", "--wait"]).await;
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.out.starts_with("on-demand: failed: it is owed to nobody"), "{failed:?}");
    let json = drill(&house, relay.admin, &["run", "--sample", "node.added", "--wait", "--output", "json"]).await;
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["ended"]["outcome"], &json["by"]), (&"passed".into(), &"ada".into()));
    let begun = drill(&house, relay.admin, &["run", "new-node"]).await;
    assert!(begun.code == 0 && begun.out.starts_with("new-node: begun, everybody must be told until "), "{begun:?}");

    let listed = drill(&house, relay.admin, &["list"]).await;
    assert!(listed.out.contains("passed in "), "{}", listed.out);
    let admin = relay.admin;
    let nothing = drill(&house, admin, &["run", "nothing"]).await;
    let said = "there is no drill `nothing` in the configuration\nhint: ";
    assert!(nothing.code == 1 && nothing.err.contains(said), "{nothing:?}");
    relay.kill();
    let dead = drill(&house, admin, &["run", "new-node", "--wait"]).await;
    assert_eq!((dead.code, dead.out.as_str()), (1, ""));
    assert!(dead.err.contains("hint: is `castai-relay serve` running"), "{dead:?}");
}
