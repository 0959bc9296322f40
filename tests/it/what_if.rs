//! `castai-relay what-if`: another configuration over what a relay kept, while it runs and after, on a copy, and in CI.

mod databases;

use std::path::Path;

use serde_json::{Value, json};

use crate::support::bodies::{fixture, with};
use crate::support::process::{House, Relay, Said, run};

/// What the relay ran with.
const OLD: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
store: { sqlite: { path: relay.db } }
targets: { oncall: { log: {} }, channel: { log: {} }, console: { log: {} } }
routes:
  - name: interruptions
    match: { type: node.spot_interrupted }
    notify: [oncall, channel]
    severity: critical
    incident: { key: "spot/{{ event.cluster.id }}", resolve_when: { type: node.added } }
  - { name: noisy, match: { type: savings.threshold }, notify: [] }
  - { name: nodes, match: { type: [node.added, node.removed] }, notify: [channel] }
default_targets: [console]
"#;

/// What is to come: its secrets are not here, interruptions elsewhere are forgotten, and so are the ends.
const NEW: &str = r#"
server: { listen: 127.0.0.1:0 }
store: { sqlite: { path: relay.db } }
sources: { webhooks: { castai: { path: /castai/events, verify: { bearer: [ { env: NOT_SET } ] } } } }
targets:
  oncall: { pagerduty: { routing_key: { env: NOT_SET_EITHER } } }
  channel: { slack: { webhook_url: { file: /nowhere/to/be/found } } }
routes:
  - { name: interruptions, match: { type: node.spot_interrupted, cluster: "prod-*" }, notify: [oncall], severity: warning }
  - { name: added, match: { type: node.added }, notify: [channel] }
default_targets: [channel]
"#;

/// In an order that their ids tell, too: three interruptions, one of them elsewhere; what ends two of them; a node that goes, savings, and what nobody routes.
const EVENTS: [(&str, &str, &str); 8] = [
    ("brief/node.spot_interrupted.json", "1-int", "prod-eu"),
    ("brief/node.spot_interrupted.json", "2-int", "prod-eu"),
    ("brief/node.spot_interrupted.json", "3-int", "staging"),
    ("brief/node.added.json", "4-add", "prod-eu"),
    ("brief/node.added.json", "5-add", "prod-eu"),
    ("brief/node.removed.json", "6-rem", "prod-eu"),
    ("brief/savings.threshold.json", "7-sav", "prod-eu"),
    ("brief/node.added.json", "8-odd", "prod-eu"),
];

/// A house whose relay took all of them in, and runs.
async fn a_day() -> (House, Relay) {
    let house = House::with(OLD);
    std::fs::write(house.path().join("new.yaml"), NEW).unwrap();
    let relay = house.serve().await;
    for (file, id, cluster) in EVENTS {
        let kind = if id == "8-odd" { json!({"eventType": "cluster.hibernated"}) } else { json!({}) };
        let mut changes = json!({"id": id, "clusterId": cluster, "clusterName": cluster, "timestamp": null});
        changes.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        let body = String::from_utf8(with(&fixture(file), changes).to_vec()).unwrap();
        assert_eq!(relay.post("/castai/events", body).await.unwrap().status, 200, "{id}");
        if id == "1-int" {
            // An end is owed only where somebody was told of the beginning.
            relay.until_logged(r#""target.name":"oncall""#).await;
            relay.until_logged(r#""target.name":"channel""#).await;
        }
    }
    (house, relay)
}

/// `what-if …` in this folder, without any secret.
fn what_if(folder: &Path, arguments: &str) -> Said {
    let typed: Vec<&str> = std::iter::once("what-if").chain(arguments.split_whitespace()).collect();
    run(folder, &typed, &[])
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// Without the times in it, which are those of the day.
macro_rules! assert_table {
    ($name:expr, $said:expr) => {
        insta::with_settings!({filters => [(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[time]")]}, {
            insta::assert_snapshot!($name, $said.out);
        });
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_is_told_beside_a_relay_after_it_and_on_a_copy() {
    let (house, relay) = a_day().await;
    let beside = what_if(house.path(), "--config new.yaml");
    assert_eq!((beside.code, beside.err.as_str()), (1, ""), "{beside:?}");
    assert_table!("what_would_change", beside);
    assert_eq!(relay.post("/castai/events", String::from("{}")).await.unwrap().status, 200, "it is not disturbed");
    relay.kill();
    let after = what_if(house.path(), "--config new.yaml --type node.* --type savings.* --type cluster.*");
    assert_eq!(without_heading(&after.out), without_heading(&beside.out), "{after:?}");

    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["relay.db", "relay.db-wal", "new.yaml"] {
        std::fs::copy(house.path().join(name), elsewhere.path().join(name)).unwrap();
    }
    std::fs::rename(elsewhere.path().join("relay.db"), elsewhere.path().join("copy.db")).unwrap();
    std::fs::rename(elsewhere.path().join("relay.db-wal"), elsewhere.path().join("copy.db-wal")).unwrap();
    let copied = what_if(
        elsewhere.path(),
        "--config new.yaml --database copy.db --type node.* --type savings.* --type cluster.*",
    );
    assert_eq!(without_heading(&copied.out), without_heading(&after.out), "{copied:?}");
}

fn without_heading(table: &str) -> &str {
    table.split_once("\n\n").unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_configuration_that_ran_nothing_would_change() {
    let (house, _relay) = a_day().await;
    for arguments in ["--config relay.yaml", "--config relay.yaml --against relay.yaml"] {
        let said = what_if(house.path(), arguments);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains("\nnothing would change\n"), "{}", said.out);
        assert!(said.out.ends_with("✓ no event of severity warning or worse would lose its route\n"), "{}", said.out);
    }
    let renamed = OLD.replace("name: nodes", "name: all-nodes");
    std::fs::write(house.path().join("renamed.yaml"), renamed).unwrap();
    let said = json_of(&what_if(house.path(), "--config renamed.yaml --output json"));
    assert_eq!((&said["changed"], &said["unrouted"]), (&json!(3), &json!([])), "{said:#}");
    assert!(said["targets"].as_array().unwrap().iter().all(|target| target["lost"]["count"] == 0), "{said:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_configurations_can_be_compared_over_what_came() {
    let (house, _relay) = a_day().await;
    let said = what_if(house.path(), "--config relay.yaml --against new.yaml");
    assert_eq!(said.code, 0, "what no route took before cannot lose its route: {said:?}");
    assert_table!("the_other_way_round", said);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_all_of_it_as_json() {
    let (house, _relay) = a_day().await;
    let said = json_of(&what_if(house.path(), "--config new.yaml --output json"));
    insta::with_settings!({filters => [(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[time]")]}, {
        insta::assert_snapshot!("as_json", format!("{said:#}"));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_whether_something_bad_enough_lost_its_route() {
    let (house, _relay) = a_day().await;
    for (arguments, code) in [
        ("", 1),
        ("--fail-at critical", 1),
        ("--fail-at none", 0),
        ("--type node.removed", 0),
        ("--type node.removed --fail-at info", 1),
        ("--type node.added --fail-at info", 0),
        ("--type node.spot_interrupted --limit 4", 0),
        ("--limit 8", 1),
        ("--since 1h", 1),
        ("--since 1h --until 30m", 0),
        ("--until 2026-01-01T00:00:00Z", 0),
        ("--since 2999-01-01T00:00:00Z", 0),
    ] {
        let said = what_if(house.path(), &format!("--config new.yaml {arguments}"));
        assert_eq!((said.code, said.err.as_str()), (code, ""), "{arguments}: {}", said.out);
    }
    let nothing = what_if(house.path(), "--config new.yaml --since 2999-01-01T00:00:00Z").out;
    assert!(
        nothing.starts_with("0 events compared\n") && nothing.contains("\nthere was nothing to compare\n"),
        "{nothing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_would_be_muted_is_lost() {
    let (house, _relay) = a_day().await;
    let muted = OLD.replace("severity: critical", "severity: critical\n    muted: [ { times: [\"00:00-24:00\"] } ]");
    std::fs::write(house.path().join("muted.yaml"), muted).unwrap();
    let said = json_of(&what_if(house.path(), "--config muted.yaml --output json"));
    let lost = |name: &str| {
        let targets = said["targets"].as_array().unwrap();
        targets.iter().find(|target| target["target"] == name).map(|target| target["lost"]["count"].clone())
    };
    assert_eq!((lost("oncall"), lost("channel")), (Some(json!(3)), Some(json!(3))), "{said:#}");
    assert_eq!((&said["unheard"]["count"], &said["failed"]), (&json!(3), &json!(false)), "{said:#}");
}
