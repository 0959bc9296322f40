//! The older audit log: newest first, cursors that carry everything, no severities.

use super::*;
use crate::support::castai::faults::Fault;

const V1: &str = "/v1/audit";
const CONFIG: &str = "sources: { audit_log: { version: v1, sweep: none } }";

fn v1(id: &str, seconds: i64, event_type: &str) -> Value {
    json!({
        "id": id,
        "eventType": event_type,
        "initiatedBy": {"id": "user-1", "name": "Alice"},
        "time": at(seconds),
        "event": {"node": {
            "name": "ip-10-16-36-50.ec2.internal",
            "labels": {"beta.kubernetes.io/instance-type": "m6a.xlarge", "scheduling.cast.ai/spot": "true"},
        }},
        "labels": {"clusterId": CLUSTER, "nodeId": NODE},
    })
}

#[tokio::test]
async fn the_newest_come_first_and_are_told_last() {
    let relay = TestRelay::start(CONFIG).await;
    relay.reads(0).await;
    let records = (0..1200).map(|n| v1(&format!("e-{n}"), 1 + n, "nodeDrained"));
    relay.castai().push(List::AuditV1, records);
    relay.reads(1300).await;
    let seq = async |n: i64| relay.delivery(&format!("e-{n}")).await.id;
    assert!(seq(0).await < seq(1).await && seq(1).await < seq(700).await && seq(700).await < seq(1199).await);
    assert_eq!(relay.event("e-0").await.event.type_name(), "audit.nodeDrained");
}

#[tokio::test]
async fn further_pages_are_asked_for_by_cursor_and_limit_alone() {
    let relay = TestRelay::start(CONFIG).await;
    relay.reads(0).await;
    relay.castai().push(List::AuditV1, (0..501).map(|n| v1(&format!("e-{n}"), 1, "nodeDrained")));
    relay.reads(30).await;
    let asked = relay.castai().asked(V1).pop().unwrap();
    let names: Vec<&str> = asked.query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["page.limit", "page.cursor"]);
}

#[tokio::test]
async fn a_node_is_read_from_its_labels() {
    let organization = "castai: { organization_id: org-7 }";
    let relay = TestRelay::start(&format!("{CONFIG}\n{organization}")).await;
    relay.reads(0).await;
    relay.castai().push(List::AuditV1, [v1("e-1", 1, "nodeAdded"), v1("e-2", 2, "nodesInterrupted")]);
    relay.reads(30).await;
    let added = relay.event("org-7/e-1").await.event;
    let CastAIEvent::NodeAdded(node) = added.kind else { panic!("{:?}", added.kind) };
    assert_eq!((node.instance_type.as_deref(), node.lifecycle.as_deref()), (Some("m6a.xlarge"), Some("spot")));
    assert_eq!(relay.event(&format!("spot_interrupted/{NODE}")).await.event.organization.as_deref(), Some("org-7"));
}

#[tokio::test]
async fn an_empty_answer_and_a_page_without_anything_readable_end_nothing() {
    let relay = TestRelay::start(CONFIG).await;
    relay.castai().fails(V1, 1, Fault::garbage("application/json", "{}"));
    relay.reads(0).await;
    relay.castai().push(List::AuditV1, [v1("e-1", 10, "nodeAdded")]);
    relay.castai().fails(V1, 1, Fault::garbage("application/json", r#"{"items":[1,2],"nextCursor":""}"#));
    relay.reads(30).await;
    relay.reads(30).await;
    assert!(relay.told_of("e-1").await);
}

#[tokio::test]
async fn too_many_records_at_a_time_are_read_in_shorter_stretches() {
    let relay = TestRelay::start(CONFIG).await;
    relay.reads(0).await;
    relay.castai().push(List::AuditV1, (0..15_000).map(|n| v1(&format!("e-{n}"), 1 + n, "nodeDrained")));
    relay.reads(16_000).await;
    for n in [0, 7_999, 8_000, 14_999] {
        assert_eq!(relay.event(&format!("e-{n}")).await.conflicts, 0);
    }
    let stretches = relay.castai().asked(V1).iter().filter(|asked| asked.query("fromDate").is_some()).count();
    assert_eq!(stretches, 4, "the first round, the one that was too long, and its halves");
}

#[tokio::test]
async fn a_log_that_is_too_slow_is_asked_for_less_at_a_time() {
    let relay = TestRelay::start_hurried(&format!("{CONFIG}\ncastai: {{ timeout: 50ms }}")).await;
    relay.reads(0).await;
    relay.castai().push(List::AuditV1, [v1("e-1", 10, "nodeAdded"), v1("e-2", 4000, "nodeAdded")]);
    relay.pass(8000);
    relay.castai().fails(V1, 3, Fault::Hang);
    let error = relay.poll("audit_log").await.unwrap_err();
    assert!(error.detail.contains("castai.timeout"), "{}", error.detail);
    relay.poll("audit_log").await.unwrap();
    assert!(relay.told_of("e-1").await && relay.told_of("e-2").await);
    let stretches: Vec<Asked> = relay.castai().asked(V1);
    let spans = stretches.iter().skip(1).map(|asked| {
        let time = |name| Timestamp::parse(asked.query(name).unwrap()).unwrap();
        time("toDate").saturating_since(time("fromDate")).as_secs()
    });
    let spans: Vec<u64> = spans.collect();
    assert!(spans[3] <= spans[0] / 2 + 1, "{spans:?}");
}

#[tokio::test]
async fn a_slow_log_that_has_no_records_is_read_to_its_end() {
    let relay = TestRelay::start_hurried(&format!("{CONFIG}\ncastai: {{ timeout: 50ms }}")).await;
    relay.reads(0).await;
    relay.castai().world().longest_stretch = Some(Duration::from_secs(901));
    relay.castai().push(List::AuditV1, [v1("e-1", 7150, "nodeAdded")]);
    relay.pass(7200);
    let mut rounds = 1;
    while relay.poll("audit_log").await.is_err() {
        rounds += 1;
        assert!(rounds < 10, "it goes round and round");
    }
    assert_eq!(rounds, 4, "from two hours to a quarter of one");
    assert!(relay.told_of("e-1").await);
}

#[tokio::test]
async fn a_sweep_of_a_slow_log_comes_to_its_end_and_fails_no_round() {
    let config = "sources: { audit_log: { version: v1, start: 24h } }\ncastai: { timeout: 50ms }";
    let relay = TestRelay::start_hurried(config).await;
    relay.reads(0).await;
    relay.castai().push(List::AuditV1, [v1("e-1", 3600, "nodeAdded")]);
    relay.reads(3590).await;
    relay.castai().world().longest_stretch = Some(Duration::from_secs(4 * 3600));
    relay.castai().push(List::AuditV1, [v1("late", -2000, "nodeAdded")]);
    for _ in 0..12 {
        relay.reads(30).await;
    }
    assert!(relay.told_of("e-1").await && relay.told_of("late").await);
    assert_eq!(relay.beyond_overlap().await, 1.0);
    let span = |asked: &Asked| {
        let time = |name| Timestamp::parse(asked.query(name)?);
        Some(time("toDate")?.saturating_since(time("fromDate")?).as_secs())
    };
    let too_long = |span: &u64| *span > 4 * 3600;
    let asked: Vec<u64> = relay.castai().asked(V1).iter().skip(1).filter_map(span).collect();
    let tries = asked.iter().filter(|span| too_long(span)).count();
    assert!(tries <= 3 * 3, "nothing is asked for again that was too much before: {asked:?}");
    let swept = asked.len();
    for _ in 0..12 {
        relay.reads(30).await;
    }
    assert_eq!(relay.castai().asked(V1).len() - 1 - swept, 12, "a sweep that ended is not begun again at once");
}

#[tokio::test]
async fn what_the_newer_log_told_is_not_told_again_by_the_older_one() {
    let relay = TestRelay::start(FROM_NOW).await;
    relay.reads(0).await;
    relay.logs([node("e-1", 100, "added")]);
    relay.reads(110).await;
    let relay = relay.restart(CONFIG).await;
    relay.castai().push(List::AuditV1, [v1("e-1", 100, "nodeAdded"), v1("e-2", 105, "nodeAdded")]);
    relay.reads(10).await;
    relay.castai().push(List::AuditV1, [v1("e-3", 130, "nodeAdded")]);
    relay.reads(30).await;
    assert!(relay.told("e-1").await.is_some() && !relay.told_of("e-1").await);
    assert!(relay.told_of("e-2").await && relay.told_of("e-3").await);
}

#[tokio::test]
async fn one_cluster_is_left_to_the_server_and_several_are_not() {
    let clusters = |list: &str| format!("sources: {{ audit_log: {{ version: v1, clusters: [{list}] }} }}");
    let other = "00000000-2c6b-4f5e-8a0b-1d7c5e3f4a21";
    let relay = TestRelay::start(&clusters(CLUSTER)).await;
    relay.reads(0).await;
    assert_eq!(relay.castai().asked(V1)[0].query("clusterId"), Some(CLUSTER));

    let relay = TestRelay::start(&clusters(&format!("{CLUSTER}, {other}"))).await;
    relay.reads(0).await;
    let mut elsewhere = v1("e-2", 2, "nodeAdded");
    elsewhere["labels"]["clusterId"] = json!("11111111-2c6b-4f5e-8a0b-1d7c5e3f4a21");
    relay.castai().push(List::AuditV1, [v1("e-1", 1, "nodeAdded"), elsewhere]);
    relay.reads(30).await;
    assert_eq!(relay.castai().asked(V1)[1].query("clusterId"), None);
    assert!(relay.told_of("e-1").await && !relay.told_of("e-2").await);
}

impl TestRelay {
    /// v1 does not say whose its records are.
    async fn told_of(&self, id: &str) -> bool {
        self.find(id).await.is_some()
    }
}
