//! Alertmanager through the whole relay: an incident from its beginning to its end, replicas that fail, and Debian's own
//! Alertmanager as a target and as a source. What a single attempt does is in [`super::notifier_contract`]. Next:
//! [`super::falling_back`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use castai_relay::event::Timestamp;
use castai_relay::event::delivery::DeliveryState;
use castai_relay::runtime::Clock;
use serde_json::{Value, json};

use crate::support::bodies::{BRIEF, fixture, node_added, spot_interrupted, with};
use crate::support::http::{PATIENCE, ask};
use crate::support::process::{House, Running};
use crate::support::receivers::{Received, Receiver, says, status};
use crate::support::relay::TestRelay;

const ROUTES: &str = r#"
routes:
  - name: spot
    match: { type: node.spot_interrupted }
    notify: [am]
    severity: critical
    incident: { key: "spot/{{ event.cluster.name }}", resolve_when: { type: node.added }, resolve_after: 2h }
  - { name: nodes, match: { type: node.removed }, notify: [am] }
"#;

/// Two replicas that take everything, and a relay that tells both.
async fn two_replicas() -> (Receiver, Receiver, TestRelay) {
    two_replicas_with("").await
}

/// The same where the target says more beside its kind.
async fn two_replicas_with(policy: &str) -> (Receiver, Receiver, TestRelay) {
    let (one, other) = (Receiver::slack().await, Receiver::slack().await);
    let urls = format!("[ \"http://{}/am\", \"http://{}\" ]", one.address, other.address);
    let targets =
        format!("targets:\n  am: {{ alertmanager: {{ urls: {urls}, labels: {{ team: platform }} }}{policy} }}\n");
    let relay = TestRelay::start(&format!("{targets}{ROUTES}")).await;
    (one, other, relay)
}

/// Every alert in these requests, in order.
fn alerts(received: Vec<Received>) -> Vec<Value> {
    received.iter().flat_map(|request| request.json().as_array().unwrap().clone()).collect()
}

fn time(alert: &Value, key: &str) -> Timestamp {
    Timestamp::parse(alert[key].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_over_before_every_replica_heard_of_it_ends_at_the_one_that_did() {
    for policy in ["", ", ambiguous: give_up"] {
        let (one, other, relay) = two_replicas_with(policy).await;
        other.always_replies(status(503));
        relay.accept(spot_interrupted("evt-1")).await;
        relay.deliver().await;
        assert_eq!(alerts(one.take_received()).len(), 1, "one has it");
        other.always_replies(status(200));
        relay.pass(60);
        relay.accept(node_added("evt-2")).await;
        relay.deliver().await;
        relay.pass(600);
        relay.deliver().await;
        let ended = alerts(one.take_received()).pop().expect("the end is told where the beginning was");
        assert!(time(&ended, "endsAt") <= relay.clock().now(), "{policy}: {ended}");
    }
}

#[tokio::test]
async fn an_incident_is_one_alert_at_every_replica_until_it_is_over() {
    let (one, other, relay) = two_replicas().await;
    relay.accept(spot_interrupted("evt-1")).await;
    relay.deliver().await;
    relay.pass(60);
    relay.accept(spot_interrupted("evt-2")).await;
    relay.deliver().await;
    relay.pass(60);
    let over = relay.accept(node_added("evt-3")).await;
    relay.deliver().await;
    let told = one.take_received();
    assert!(told.iter().all(|request| request.path == "/am/api/v2/alerts"), "{told:?}");
    let told = alerts(told);
    assert_eq!(told, alerts(other.take_received()));
    let [begun, more, ended] = &told[..] else { panic!("{told:?}") };
    for alert in [more, ended] {
        assert_eq!((&alert["labels"], &alert["startsAt"]), (&begun["labels"], &begun["startsAt"]));
    }
    let labels = &begun["labels"];
    assert_eq!((&labels["severity"], &labels["team"]), (&json!("critical"), &json!("platform")), "{labels}");
    let lasts = time(begun, "endsAt").saturating_since(time(begun, "startsAt"));
    assert_eq!(lasts, Duration::from_secs(30 * 24 * 3600));
    assert_eq!(time(more, "endsAt").saturating_since(time(begun, "endsAt")), Duration::from_secs(60));
    assert_eq!(time(ended, "endsAt").saturating_since(time(begun, "startsAt")), Duration::from_secs(110));
    let by = ended["annotations"]["about"].as_str().unwrap();
    assert!(by.starts_with(&format!("event {over}")), "{by}");
}

#[tokio::test]
async fn while_one_replica_is_down_the_other_hears_of_everything_at_once_and_both_in_the_end() {
    let (one, other, relay) = two_replicas().await;
    other.always_replies(status(503));
    let ids: Vec<String> = (0..8).map(|number| format!("evt-{number}")).collect();
    // More in a row than close a target that fails.
    for id in &ids {
        relay.accept(with(&fixture(BRIEF[1]), json!({"id": id}))).await;
        relay.deliver().await;
    }
    let events = |receiver: &Receiver| -> BTreeSet<String> {
        let alerts = alerts(receiver.take_received());
        alerts.iter().map(|alert| alert["labels"]["event"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(events(&one), ids.iter().cloned().collect());
    let waiting = relay.event("evt-0").await.deliveries.remove(0);
    assert_eq!(waiting.state, DeliveryState::Pending);
    let story = format!("{:?}", relay.event("evt-0").await);
    assert!(story.contains("replica 2 of 2 (127.0.0.1): answered 503"), "{story}");
    other.take_received();
    other.always_replies(says(200, ""));
    relay.pass(600);
    relay.deliver().await;
    assert_eq!(events(&other), ids.iter().cloned().collect());
    for id in &ids {
        assert_eq!(relay.event(id).await.deliveries.remove(0).state, DeliveryState::Delivered, "{id}");
    }
}

/// Debian's `prometheus-alertmanager`, on a port of its own; what it notifies of goes where `receiver` says.
struct Alertmanager {
    address: SocketAddr,
    _process: Running,
}

impl Alertmanager {
    async fn start(folder: &Path, name: &str, receiver: &str) -> Self {
        let (file, data) = (folder.join(format!("{name}.yml")), folder.join(name));
        let route = "route: { receiver: all, group_wait: 10ms, group_by: ['...'] }";
        std::fs::write(&file, format!("{route}\nreceivers: [ {{ name: all{receiver} }} ]\n")).unwrap();
        let program = std::env::var("ALERTMANAGER").expect("ALERTMANAGER must name the program: run .ci/alertmanager");
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", file.display())).arg(format!("--storage.path={}", data.display()));
        command.args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]);
        let process = Running::start(&mut command);
        let said = process.until_complained("msg=\"Listening on\"").await;
        let address = said.iter().find_map(|line| line.split_once("msg=\"Listening on\" address=")).unwrap().1;
        Self { address: address.trim().parse().unwrap(), _process: process }
    }

    /// The alerts that are open, once there are so many of them.
    async fn until_open(&self, count: usize) -> Vec<Value> {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                ticks.tick().await;
                let open = ask(self.address, "GET", "/api/v2/alerts", &[], b"").await.json();
                let open = open.as_array().unwrap().clone();
                if open.len() == count {
                    return open;
                }
            }
        });
        waited.await.unwrap_or_else(|_| panic!("never had {count} open alerts"))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's prometheus-alertmanager; `.ci/alertmanager` installs it and runs this"]
async fn a_real_alertmanager_keeps_an_incident_open_until_it_is_over_at_each_replica() {
    let folder = tempfile::tempdir().unwrap();
    let replicas =
        [Alertmanager::start(folder.path(), "one", "").await, Alertmanager::start(folder.path(), "other", "").await];
    let urls = replicas.each_ref().map(|replica| format!("\"http://{}\"", replica.address)).join(", ");
    let house = House::with(&format!(
        "server: {{ listen: 127.0.0.1:0 }}\nadmin: {{ listen: 127.0.0.1:0 }}\nstore: {{ memory: {{}} }}\n\
         targets:\n  am: {{ alertmanager: {{ urls: [ {urls} ], labels: {{ team: platform }} }} }}\n{ROUTES}"
    ));
    let relay = house.serve().await;
    let send = async |body: bytes::Bytes| {
        let answer = relay.post("/castai/events", String::from_utf8(body.to_vec()).unwrap()).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    send(spot_interrupted("evt-1")).await;
    let mut fingerprints = Vec::new();
    for replica in &replicas {
        let open = replica.until_open(1).await.remove(0);
        assert_eq!(
            (&open["labels"]["alertname"], &open["labels"]["severity"]),
            (&json!("node.spot_interrupted"), &json!("critical"))
        );
        assert_eq!((&open["labels"]["team"], &open["status"]["state"]), (&json!("platform"), &json!("active")));
        // Without an end of its own it would be over five minutes after the last word of it.
        let lasts = time(&open, "endsAt").saturating_since(time(&open, "updatedAt"));
        assert!(lasts > Duration::from_secs(29 * 24 * 3600), "{open}");
        fingerprints.push(open["fingerprint"].clone());
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
    // More of it is no second alert; an event without an incident is one, for its time.
    send(spot_interrupted("evt-2")).await;
    let removed =
        json!({"eventType": "node.removed", "id": "evt-3", "clusterName": "prod-🔥", "data": {"nodeName": "a \"b\""}});
    send(removed.to_string().into()).await;
    for replica in &replicas {
        let open = replica.until_open(2).await;
        let event = open.iter().find(|alert| alert["labels"]["event"] == "evt-3").unwrap();
        assert_eq!(event["labels"]["cluster"], "prod-🔥");
        let lasts = time(event, "endsAt").saturating_since(time(event, "updatedAt"));
        assert!((3590..=3600).contains(&lasts.as_secs()), "{event}");
    }
    send(node_added("evt-4")).await;
    for replica in &replicas {
        // The other one goes on.
        let open = replica.until_open(1).await;
        assert_eq!(open[0]["labels"]["event"], "evt-3");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's prometheus-alertmanager; `.ci/alertmanager` installs it and runs this"]
async fn what_a_real_alertmanager_sends_is_an_event_whose_fields_can_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let slack = Receiver::slack().await;
    let house = House::with(&format!(
        r#"
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ memory: {{}} }}
targets:
  slack-ops: {{ slack: {{ webhook_url: "http://{}/services/T000/B000/XXXXXXXXXXXX" }} }}
routes:
  - name: disks
    match:
      type: unrecognized
      data.status: firing
      data.alerts.0.labels.alertname: "Disk*"
      when: event.data.alerts[0].labels.severity == "critical"
    notify: [slack-ops]
    message:
      title: "{{{{ event.data.alerts[0].labels.alertname }}}} at {{{{ event.data.commonLabels.instance }}}}"
      text: "{{{{ event.data.alerts | length }}}} alert: {{{{ event.data.alerts[0].annotations.summary }}}}"
default_targets: []
"#,
        slack.address
    ));
    let relay = house.serve().await;
    let receiver = format!(", webhook_configs: [ {{ url: 'http://{}/castai/events' }} ]", relay.public);
    let alertmanager = Alertmanager::start(folder.path(), "one", &receiver).await;
    let alert = json!([{
        "labels": {"alertname": "DiskFull", "severity": "critical", "instance": "db-1"},
        "annotations": {"summary": "97 % used"},
    }]);
    let headers = [("content-type", "application/json")];
    let taken = ask(alertmanager.address, "POST", "/api/v2/alerts", &headers, alert.to_string().as_bytes()).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    slack.until_received(1).await;
    let message = slack.received().remove(0).json().to_string();
    assert!(message.contains("DiskFull at db-1") && message.contains("1 alert: 97 % used"), "{message}");
}
