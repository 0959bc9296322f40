//! `castai audit`: what was done, by whom, as a table, as JSON, and as it happens.

use std::process::Command;

use castai_relay::event::Timestamp;
use castai_relay::runtime::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::castai::faults::Fault;
use crate::support::castai::lists::List;
use crate::support::castai::{KEY, StandIn};
use crate::support::process::{House, Running, Said, program, run};

const V2: &str = "/v2/audit/events";
const CLUSTER: &str = "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21";

fn house(castai: &StandIn) -> House {
    House::with(&format!(
        "server: {{ listen: 127.0.0.1:0 }}\ncastai: {{ api_url: 'http://{}', api_key: {KEY} }}",
        castai.address
    ))
}

fn audit(house: &House, arguments: &str) -> Said {
    let arguments = format!("castai audit --config relay.yaml {arguments}");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    tokio::task::block_in_place(|| run(house.path(), &arguments, &[]))
}

fn following(house: &House, arguments: &str) -> Running {
    let arguments = format!("castai audit --config relay.yaml --follow --every 1s {arguments}");
    Running::start(program().current_dir(house.path()).args(arguments.split_whitespace()))
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_millis(SystemClock.now().as_millis() / 1000 * 1000 - seconds * 1000)
}

/// A record of so many seconds ago.
fn record(id: &str, seconds: i64, name: &str) -> Value {
    let [domain, resource, action] = <[&str; 3]>::try_from(name.split('.').collect::<Vec<_>>()).unwrap();
    json!({
        "eventId": id,
        "tenantId": "org-1",
        "occurredAt": ago(seconds),
        "ingestedAt": ago(seconds),
        "eventDomain": domain,
        "eventResource": resource,
        "eventAction": action,
        "eventSeverity": 9,
        "description": format!("{resource} {action}"),
        "actor": {"type": "user", "id": "user-1", "displayName": "Alice", "email": "alice@example.com"},
        "clusterId": CLUSTER,
    })
}

/// Three things that were done, one of them long ago.
async fn some_history() -> (StandIn, House) {
    let castai = StandIn::start().await;
    let mut added = record("e-2", 60, "autoscaler.node.added");
    added["resource"] = json!({"type": "node", "id": "n-1", "displayName": "ip-10-16-36-50.ec2.internal"});
    added["actor"] = json!({"type": "internal", "id": "internal|autoscaler"});
    let mut odd = record("e-3", 30, "kent.pool.updated");
    odd["description"] = json!("two\nlines \u{1b}[31mred\u{202e} and \u{9b}2J");
    odd["eventSeverity"] = json!(13);
    castai.push(List::AuditV2, [record("e-1", 5000, "autoscaler.policy.updated"), added, odd]);
    castai.push(List::Clusters, [json!({"id": CLUSTER, "name": "prod-eu"})]);
    let house = house(&castai);
    (castai, house)
}

macro_rules! assert_shown {
    ($said:expr) => {
        insta::with_settings!({ filters => [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[date and time now ]"),
        ] }, { insta::assert_snapshot!($said) })
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_shown_oldest_first_and_safe_for_the_terminal() {
    let (_castai, house) = some_history().await;
    let said = audit(&house, "--since 2h");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(!said.out.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
    assert_shown!(said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_each_operation_is_an_object_on_its_line_with_the_record_as_it_came() {
    let (_castai, house) = some_history().await;
    let said = audit(&house, "--since 2h --output json --limit 2");
    assert!(!said.out.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [added, odd] = &lines[..] else { panic!("{lines:?}") };
    assert_shown!(serde_json::to_string_pretty(added).unwrap());
    assert_eq!(odd["description"], "two\nlines \u{1b}[31mred\u{202e} and \u{9b}2J", "nothing is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filters_choose() {
    let (castai, house) = some_history().await;
    let ids = |arguments: &str| {
        let said = audit(&house, &format!("--output json {arguments}"));
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
        said.out.lines().map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids(""), ["e-2", "e-3"], "the last hour");
    assert_eq!(ids("--since 10s"), [""; 0]);
    assert_eq!(ids("--since 2h -n 1"), ["e-3"], "the last ones");
    assert_eq!(ids("--since 2h --domain autoscaler"), ["e-1", "e-2"]);
    assert_eq!(ids("--since 2h --domain autoscaler --resource node --action added"), ["e-2"]);
    assert_eq!(ids("--severity warning"), ["e-3"]);
    assert_eq!(ids("--cluster prod-*"), ["e-2", "e-3"]);
    assert_eq!(ids("--cluster staging"), [""; 0]);
    assert_eq!(ids(&format!("--cluster {CLUSTER}")), ["e-2", "e-3"]);
    assert_eq!(castai.asked(V2).pop().unwrap().query("filter.clusters"), Some(CLUSTER));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_done_is_said_and_good() {
    let castai = StandIn::start().await;
    let said = audit(&house(&castai), "");
    let expected = (0, "", "nothing of what is asked for was done in the last 1h\n");
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_log_is_shown_alike() {
    let castai = StandIn::start().await;
    let v1 = json!({
        "id": "e-1", "eventType": "nodeAdded", "time": ago(60), "initiatedBy": {"name": "autoscaler"},
        "event": {"node": {"name": "ip-10-16-36-50.ec2.internal"}}, "labels": {"clusterId": CLUSTER},
    });
    castai.push(List::AuditV1, [v1]);
    let said = audit(&house(&castai), "--api v1");
    assert_shown!(said.out);
    let said = audit(&house(&castai), "--api v1 --domain autoscaler");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("records of v1 have no domains; ask with `--api v2`"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_what_to_do() {
    let castai = StandIn::start().await;
    castai.fails(V2, 1, Fault::status(401, "unauthorized"));
    let said = audit(&house(&castai), "");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("castai.api_key") && !said.err.contains(KEY), "{}", said.err);
    let nobody = House::with("server: { listen: 127.0.0.1:0 }");
    let said = audit(&nobody, "");
    assert!(said.code == 1 && said.err.contains("hint: write `castai:"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_now_is_printed_as_it_happens_until_ctrl_c() {
    let (castai, house) = some_history().await;
    let running = following(&house, "--since 2h --limit 1");
    running.until_printed("kent.pool.updated").await;
    castai.push(List::AuditV2, [record("e-4", 0, "platform.cluster.created")]);
    running.until_printed("platform.cluster.created").await;
    // It came into the log late, so it comes late here.
    castai.push(List::AuditV2, [record("e-5", 45, "platform.cluster.deleted")]);
    let lines = running.until_printed("platform.cluster.deleted").await;
    assert_eq!(lines.len(), 1 + 3, "a heading, and each operation once: {lines:#?}");
    running.interrupt();
    assert_eq!(running.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_passes_does_not_end_the_following_and_one_that_stays_does() {
    let (castai, house) = some_history().await;
    let running = following(&house, "");
    running.until_printed("kent.pool.updated").await;
    castai.fails(V2, 3, Fault::later(429, "0"));
    running.until_complained("asked too often").await;
    castai.push(List::AuditV2, [record("e-4", 0, "platform.cluster.created")]);
    running.until_printed("platform.cluster.created").await;
    castai.fails(V2, 1, Fault::status(403, "missing permission"));
    running.until_complained("Viewer").await;
    assert_eq!(running.ended().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_nobody_reads_any_more() {
    let (castai, house) = some_history().await;
    let command = format!(
        "'{}' castai audit --config relay.yaml --follow --every 1s | head -n 1",
        env!("CARGO_BIN_EXE_castai-relay")
    );
    let mut shell = Running::start(Command::new("sh").current_dir(house.path()).args(["-c", &command]));
    let mut number = 0;
    while !shell.has_ended() {
        castai.push(List::AuditV2, [record(&format!("n-{number}"), 0, "platform.cluster.created")]);
        number += 1;
        let next = castai.asked(V2).len() + 1;
        let asked = tokio::time::timeout(std::time::Duration::from_secs(2), castai.until_asked(V2, next)).await;
        assert!(asked.is_ok() || shell.has_ended());
    }
    assert_eq!(shell.until_printed("TIME").await.len(), 1);
}
