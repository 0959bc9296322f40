//! CAST AI's audit log becomes events: the canonical ones typed, all others under their own names, each once.

mod lateness;
mod oddities;
mod stories;
mod surviving;
mod v1;

use std::time::Duration;

use castai_relay::event::castai::Node;
use castai_relay::event::{CastAIEvent, Severity, Timestamp};
use castai_relay::store::StoredEvent;
use serde_json::{Value, json};

use crate::support::castai::lists::List;
use crate::support::castai::{Asked, StandIn};
use crate::support::relay::{START, TestRelay};

const V2: &str = "/v2/audit/events";
const ORGANIZATION: &str = "6f0c1c1e-7f0a-4b1f-9f5a-2f4f5f0e9a10";
const CLUSTER: &str = "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21";
const NODE: &str = "77777777-0000-4000-8000-000000000001";

/// From now on, without sweeps.
const FROM_NOW: &str = "sources: { audit_log: { sweep: none } }";

/// So many seconds after every test begins.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(Timestamp::parse(START).unwrap().as_millis() + seconds * 1000)
}

/// A record of v2 that came into the log a second after it happened.
fn record(id: &str, seconds: i64, name: &str) -> Value {
    let [domain, resource, action] = <[&str; 3]>::try_from(name.split('.').collect::<Vec<_>>()).unwrap();
    json!({
        "eventId": id,
        "tenantId": ORGANIZATION,
        "occurredAt": at(seconds),
        "ingestedAt": at(seconds + 1),
        "eventDomain": domain,
        "eventResource": resource,
        "eventAction": action,
        "eventSeverity": 9,
        "eventSeverityText": "info",
        "description": format!("{resource} {action}"),
        "actor": {"type": "user", "id": "user-1", "displayName": "Alice", "email": "alice@example.com"},
        "clusterId": CLUSTER,
    })
}

/// One that is about the node.
fn node(id: &str, seconds: i64, action: &str) -> Value {
    let mut record = record(id, seconds, &format!("autoscaler.node.{action}"));
    record["resource"] = json!({"type": "node", "id": NODE, "displayName": "ip-10-16-36-50.ec2.internal"});
    record
}

fn own(id: &str) -> String {
    format!("{ORGANIZATION}/{id}")
}

impl TestRelay {
    /// Puts it into the log, now.
    fn logs(&self, records: impl IntoIterator<Item = Value>) {
        self.castai().push(List::AuditV2, records);
    }

    /// Lets some time pass and reads the log, which must go well.
    async fn reads(&self, after_seconds: u64) {
        self.pass(after_seconds);
        self.poll("audit_log").await.unwrap();
    }

    async fn told(&self, id: &str) -> Option<StoredEvent> {
        self.find(&own(id)).await
    }

    async fn beyond_overlap(&self) -> f64 {
        self.metric("castai_relay_audit_records_beyond_overlap_total").await
    }
}

/// From when to when the last call asked.
fn last_asked(castai: &StandIn, path: &str) -> (Timestamp, Timestamp) {
    let asked = castai.asked(path);
    let time = |asked: &Asked, name| Timestamp::parse(asked.query(name).unwrap()).unwrap();
    let last = asked.iter().rev().find(|asked| asked.query("fromDate").is_some()).unwrap();
    (time(last, "fromDate"), time(last, "toDate"))
}

#[tokio::test]
async fn a_node_that_was_added_is_told_as_such_with_who_did_it() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    let mut added = node("e-1", 10, "added");
    added["labels"] = json!({"node.kubernetes.io/instance-type": "m6a.xlarge", "scheduling.cast.ai/spot": "true"});
    relay.logs([added]);
    relay.reads(30).await;
    let event = relay.event(&own("e-1")).await.event;
    let node = Node {
        name: Some("ip-10-16-36-50.ec2.internal".into()),
        instance_type: Some("m6a.xlarge".into()),
        lifecycle: Some("spot".into()),
        node_id: Some(NODE.into()),
        ..Node::default()
    };
    assert_eq!(event.kind, CastAIEvent::NodeAdded(node));
    assert_eq!(event.data["auditType"], "autoscaler.node.added");
    assert_eq!(event.data["initiator"]["email"], "alice@example.com");
    assert_eq!(event.data["ingestionLagSeconds"], 1.0);
    assert_eq!((event.source.as_str(), event.organization.as_deref()), ("audit_log", Some(ORGANIZATION)));
    assert_eq!(event.cluster.id.as_deref(), Some(CLUSTER));
    assert_eq!(event.late_by(), Some(Duration::from_secs(20)));
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["New spot node: m6a.xlarge"]);
}

#[tokio::test]
async fn nodes_that_went_or_were_interrupted_are_canonical_too() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 1, "removed"), node("e-2", 2, "interrupted")]);
    relay.reads(30).await;
    assert_eq!(relay.event(&own("e-1")).await.event.type_name(), "node.removed");
    let interrupted = relay.event(&format!("spot_interrupted/{NODE}")).await.event;
    assert_eq!((interrupted.type_name(), interrupted.severity), ("node.spot_interrupted", Severity::Warning));
}

#[tokio::test]
async fn an_interruption_that_the_cluster_told_of_already_is_not_told_again() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    // As the watcher of the cluster names it; who brings it does not matter.
    relay
        .accept(format!(r#"{{"id":"spot_interrupted/{NODE}","eventType":"node.spot_interrupted","data":{{}}}}"#))
        .await;
    relay.logs([node("e-1", 5, "interrupted")]);
    relay.reads(30).await;
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1);
    let told = relay.event(&format!("spot_interrupted/{NODE}")).await;
    assert_eq!((told.event.source.as_str(), told.conflicts), ("castai", 0));
}

#[tokio::test]
async fn a_type_nobody_knows_flows_under_its_own_name_in_castais_words() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([record("e-1", 5, "kent.Node Pool.re-balanced")]);
    relay.reads(30).await;
    assert_eq!(relay.event(&own("e-1")).await.event.type_name(), "audit.kent.node_pool.re-balanced");
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["Node Pool re-balanced"]);
    let metric = |label: &str| format!(r#"castai_relay_accepted_events_total{{type="{label}"}}"#);
    assert_eq!((relay.metric(&metric("audit")).await, relay.metric(&metric("other")).await), (1.0, 0.0));
}

#[tokio::test]
async fn the_operator_decides_what_is_canonical() {
    let types = r#"{ "kent.node.*": node.removed, autoscaler.node.added: audit }"#;
    let relay = TestRelay::start(&format!("sources: {{ audit_log: {{ types: {types} }} }}")).await;
    relay.reads(0).await;
    relay.logs([record("e-1", 1, "kent.node.reclaimed"), node("e-2", 2, "added")]);
    relay.reads(30).await;
    assert_eq!(relay.event(&own("e-1")).await.event.type_name(), "node.removed");
    assert_eq!(relay.event(&own("e-2")).await.event.type_name(), "audit.autoscaler.node.added");
}

#[tokio::test]
async fn what_happened_first_is_told_first() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    let many = (0..600).map(|n| record(&format!("e-{n}"), 1 + n / 25, "workload.pod.updated"));
    relay.logs(many.rev());
    relay.reads(60).await;
    let kept = relay.castai().asked(V2).len();
    assert_eq!(kept, 1 + 3, "600 records are three pages of 250");
    let seq = async |n: i64| relay.delivery(&own(&format!("e-{n}"))).await.id;
    assert!(seq(0).await < seq(299).await && seq(299).await < seq(599).await);
}

#[tokio::test]
async fn at_the_first_start_history_is_left_alone() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.logs([node("old", -60, "added")]);
    relay.reads(0).await;
    relay.logs([node("older", -1, "added"), node("new", 0, "added")]);
    relay.reads(30).await;
    assert!(relay.told("old").await.is_none() && relay.told("older").await.is_none());
    assert!(relay.told("new").await.is_some());
}

#[tokio::test]
async fn at_the_first_start_as_much_history_is_read_as_was_asked_for() {
    let relay =
        TestRelay::start("sources: { audit_log: { start: 2h, page_if_younger_than: 1h, older_notify: [oncall] } }")
            .await;
    relay.logs([node("too-old", -7300, "added"), node("old", -7000, "added"), node("new", -600, "added")]);
    relay.reads(0).await;
    assert!(relay.told("too-old").await.is_none());
    let target = async |id: &str| relay.delivery(&own(id)).await.owed.target.to_string();
    assert_eq!(target("old").await, "oncall", "what is no news goes past the routes");
    assert_eq!(target("new").await, "slack-ops");
    relay.reads(60).await;
    let asked_from = last_asked(relay.castai(), V2).0;
    assert!(asked_from >= at(-1200), "the look back is for the first time only: {asked_from}");
}

#[tokio::test]
async fn only_what_is_wanted_is_told_and_the_server_is_asked_for_no_more() {
    let config = format!(
        "sources: {{ audit_log: {{ clusters: [{CLUSTER}], domains: [autoscaler], resources: [node], actions: [added, interrupted], severity: '>= warning' }} }}"
    );
    let relay = TestRelay::start(&config).await;
    relay.reads(0).await;
    let mut elsewhere = node("elsewhere", 1, "interrupted");
    elsewhere["clusterId"] = json!("00000000-2c6b-4f5e-8a0b-1d7c5e3f4a21");
    relay.logs([
        elsewhere,
        node("mild", 2, "added"),
        node("bad", 3, "interrupted"),
        record("other", 4, "platform.cluster.created"),
    ]);
    relay.reads(30).await;
    assert!(relay.find(&format!("spot_interrupted/{NODE}")).await.is_some());
    for id in ["mild", "other", "elsewhere"] {
        assert!(relay.told(id).await.is_none(), "{id}");
    }
    let asked = relay.castai().asked(V2).pop().unwrap();
    let all = |name: &str| asked.query_all(name).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(all("filter.clusters"), [CLUSTER]);
    assert_eq!(
        (all("filter.domains"), all("filter.actions")),
        (vec!["autoscaler".into()], vec!["added".into(), "interrupted".into()])
    );
    assert!(all("filter.severity").is_empty(), "an interruption is worse than its record says");
    assert_eq!((asked.query("sort.field"), asked.query("sort.order")), (Some("occurred_at"), Some("ASC")));
}

fn cluster(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "providerType": "eks"})
}

#[tokio::test]
async fn clusters_go_by_name_and_are_asked_for_once_in_a_while() {
    let relay = TestRelay::start("sources: { audit_log: { clusters: ['prod-*'] } }").await;
    let other = "00000000-2c6b-4f5e-8a0b-1d7c5e3f4a21";
    relay.castai().push(List::Clusters, [cluster(CLUSTER, "prod-eu"), cluster(other, "dev")]);
    relay.reads(0).await;
    let mut in_dev = node("dev", 2, "added");
    in_dev["clusterId"] = json!(other);
    relay.logs([node("prod", 1, "added"), in_dev]);
    relay.reads(30).await;
    relay.reads(30).await;
    let told = relay.event(&own("prod")).await.event.cluster;
    assert_eq!((told.name.as_deref(), told.provider.as_deref()), (Some("prod-eu"), Some("eks")));
    assert!(relay.told("dev").await.is_none());
    assert_eq!(relay.castai().asked("/v1/kubernetes/external-clusters").len(), 1);
}

#[tokio::test]
async fn a_cluster_that_was_just_connected_is_soon_known_by_its_name() {
    let relay = TestRelay::start("sources: { audit_log: { clusters: ['prod-*'], sweep: none } }").await;
    relay.reads(0).await;
    relay.logs([node("e-1", 10, "added")]);
    relay.reads(30).await;
    assert!(relay.told("e-1").await.is_none(), "nobody knows its name");
    relay.castai().push(List::Clusters, [cluster(CLUSTER, "prod-eu")]);
    relay.reads(30).await;
    assert_eq!(relay.castai().asked("/v1/kubernetes/external-clusters").len(), 1, "not at every round");
    relay.reads(30).await;
    assert!(relay.told("e-1").await.is_some());
    relay.reads(90).await;
    assert_eq!(relay.castai().asked("/v1/kubernetes/external-clusters").len(), 2);
}

#[tokio::test]
async fn a_mistake_in_the_section_is_told_with_what_is_allowed() {
    let said = crate::support::relay::refusal(
        "sources: { audit_log: { overlap: 60d, version: v1, domains: [autoscaler], types: { a: node.gone }, older_notify: [nobody] } }",
    )
    .await;
    for expected in ["node.spot_interrupted", "target `nobody` is not defined"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let said =
        crate::support::relay::refusal("sources: { audit_log: { overlap: 60d, version: v1, domains: [a] } }").await;
    for expected in ["`store.retention` is 30d", "records of v1 have no domains"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let sweep = "sources: { audit_log: { sweep: { every: 1h, back: 30d } } }";
    let said = crate::support::relay::refusal(sweep).await;
    for expected in ["30d back", "after 1h", "`store.retention` is 30d"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let grace = "sources: { notifications: { webhook_grace: 55m, look_back: 1h } }\nstore: { retention: 1h }";
    let said = crate::support::relay::refusal(grace).await;
    for expected in ["`webhook_grace`", "10m", "write at most `50m`"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
