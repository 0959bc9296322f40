//! Limits for savings and costs: each crossing is told of once, whoever looks and however often.
//! Next: [`super::castai_summary`].

use std::sync::Arc;
use std::time::Duration;

use castai_relay::event::delivery::Owed;
use castai_relay::names::{CursorName, EventId};
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::{Store, StoredEvent};
use serde_json::{Value, json};

use crate::support::castai::faults::Fault;
use crate::support::castai::lists::List;
use crate::support::costs::{self, DEMO};
use crate::support::relay::{TestRelay, refusal};

const HOUR: u64 = 3600;
/// The hour of the first look, since 1970; crossings are counted from here.
const FIRST_HOUR: u64 = 498_656;

/// Only these thresholds, no summary.
fn watching(thresholds: &str) -> String {
    format!("sources: {{ savings: {{ summary: false, thresholds: [ {thresholds} ] }} }}")
}

async fn with_demo(config: &str) -> TestRelay {
    let relay = TestRelay::start(config).await;
    relay.castai().push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
    relay
}

/// Looks an hour later, when this is what CAST AI tells of the cluster.
async fn look(relay: &TestRelay, cost: &str, savings: &str) {
    costs::tell(relay.castai(), DEMO, cost, savings);
    relay.pass(HOUR);
    relay.poll("savings").await.unwrap();
}

fn nth(name: &str, scope: &str, hour: u64, crossing: u64) -> EventId {
    EventId::parse(&format!("threshold/{name}/{scope}/{}", hour + crossing)).unwrap()
}

async fn crossing(relay: &TestRelay, number: u64) -> Option<StoredEvent> {
    relay.store.event(&nth("low", "total", FIRST_HOUR + 1, number)).await.unwrap()
}

#[tokio::test]
async fn a_limit_that_is_crossed_is_told_of_once_and_again_after_it_was_left() {
    let relay = with_demo(&watching("{ name: low, metric: realised_percent, below: 25, hysteresis: 5 }")).await;
    look(&relay, "70", "30").await;
    assert!(crossing(&relay, 1).await.is_none());
    look(&relay, "80", "20").await;
    let event = crossing(&relay, 1).await.unwrap().event;
    assert_eq!(
        (event.type_name(), event.source.as_str(), event.severity.as_str()),
        ("savings.threshold", "savings", "warning")
    );
    let expected = json!({
        "name": "low", "metric": "realised_percent", "value": "20", "limit": "25", "direction": "below",
        "scope": "total", "period": "trailing_30_days",
        "from": "2026-10-21T10:00:00Z", "to": "2026-11-20T10:00:00Z",
    });
    assert_eq!(Value::Object(event.data), expected);
    for (cost, savings) in [("81", "19"), ("74", "26"), ("80", "20")] {
        look(&relay, cost, savings).await;
    }
    assert!(crossing(&relay, 2).await.is_none(), "26% is within the hysteresis");
    look(&relay, "70", "30").await;
    look(&relay, "80", "20").await;
    assert!(crossing(&relay, 2).await.is_some());
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["Savings threshold crossed: low", "Savings threshold crossed: low"]);
}

#[tokio::test]
async fn a_restart_forgets_neither_what_is_crossed_nor_what_is_armed() {
    let config = watching("{ name: low, metric: realised, below: 25 }");
    let relay = with_demo(&config).await;
    look(&relay, "80", "20").await;
    let relay = relay.restart(&config).await;
    look(&relay, "80", "20").await;
    assert!(crossing(&relay, 2).await.is_none());
    look(&relay, "80", "25").await;
    let relay = relay.restart(&config).await;
    look(&relay, "80", "20").await;
    assert!(crossing(&relay, 2).await.is_some());
}

#[tokio::test]
async fn two_relays_that_share_one_store_tell_of_each_crossing_once() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let config = watching("{ name: low, metric: realised, below: 25 }");
    let mut relays = Vec::new();
    for _ in 0..2 {
        let relay = TestRelay::start_on(store.clone(), &config).await;
        relay.castai().push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
        relays.push(relay);
    }
    for savings in ["20", "30", "20", "20"] {
        let (first, second) = tokio::join!(look(&relays[0], "80", savings), look(&relays[1], "80", savings));
        assert_eq!(((), ()), (first, second));
    }
    for relay in &relays {
        relay.deliver().await;
    }
    let told: usize = relays.iter().map(|relay| relay.slack().received().len()).sum();
    assert_eq!(told, 2);
    let stored = crossing(&relays[0], 2).await.unwrap();
    assert_eq!((stored.deliveries.len(), stored.conflicts), (1, 0));
}

#[tokio::test]
async fn each_cluster_may_have_the_limit_for_itself_and_is_named() {
    let thresholds = "{ name: costly, metric: cost, above: 100, each: cluster, cluster: 'prod-*', severity: error }";
    let relay = TestRelay::start(&watching(thresholds)).await;
    let castai = relay.castai();
    for (id, name, cost) in [("c-1", "prod-eu", "101"), ("c-2", "prod-us", "100"), ("c-3", "dev", "999")] {
        castai.push(List::Clusters, [costs::cluster(id, name, "2025-09-30T00:00:00Z")]);
        costs::tell(castai, id, cost, "1");
    }
    relay.poll("savings").await.unwrap();
    let stored = relay.store.event(&nth("costly", "c-1", FIRST_HOUR, 1)).await.unwrap().unwrap();
    assert_eq!((stored.event.cluster.name.as_deref(), stored.event.severity.as_str()), (Some("prod-eu"), "error"));
    let severities: Vec<_> =
        stored.deliveries.iter().map(|row| &row.owed).map(|Owed { severity, .. }| *severity).collect();
    assert_eq!(severities, [stored.event.severity]);
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["Savings threshold crossed: costly in prod-eu"]);
    assert!(relay.slack().received()[0].json().to_string().contains("Cost is $101.00, above the limit of $100.00."));
    assert!(castai.asked(&costs::savings_of("c-3")).is_empty(), "who does not count is not asked about");
}

#[tokio::test]
async fn what_is_not_available_neither_crosses_nor_arms() {
    let relay = with_demo(&watching("{ name: low, metric: realised, below: 25 }")).await;
    look(&relay, "80", "20").await;
    relay.castai().world().read_only.insert(DEMO.to_owned());
    look(&relay, "80", "30").await;
    relay.castai().world().read_only.clear();
    look(&relay, "80", "20").await;
    assert!(crossing(&relay, 1).await.is_some() && crossing(&relay, 2).await.is_none());
}

#[tokio::test]
async fn a_young_cluster_and_one_that_is_only_watched_have_no_savings_to_fall_below_anything() {
    let thresholds = "{ name: low, metric: realised, below: 25 }, { name: idle, metric: potential, below: 1000000 }";
    let relay = TestRelay::start(&watching(thresholds)).await;
    let castai = relay.castai();
    castai.push(List::Clusters, [costs::cluster("young", "young", "2026-11-10T00:00:00Z")]);
    castai.push(List::Clusters, [costs::cluster("watched", "watched", "2025-09-30T00:00:00Z")]);
    castai.world().read_only.insert("watched".to_owned());
    costs::tell(castai, "young", "10", "0");
    costs::tell_offers(castai, "young");
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), [] as [&str; 0]);
}

#[tokio::test]
async fn potential_savings_and_the_month_to_date_can_be_watched() {
    let thresholds = "{ name: possible, metric: potential, above: 19376.50 }, \
                      { name: share, metric: potential_percent, above: 55.98 }, \
                      { name: budget, metric: cost, period: month_to_date, above: 5000 }";
    let relay = with_demo(&watching(thresholds)).await;
    costs::tell_offers(relay.castai(), DEMO);
    let (month, trailing, to) = ("2026-11-01T00:00:00Z", "2026-10-21T08:00:00Z", "2026-11-20T08:00:00Z");
    costs::tell_between(relay.castai(), DEMO, month, to, "5000.01", "0");
    costs::tell_between(relay.castai(), DEMO, trailing, to, "7", "0");
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(
        relay.slack_titles(),
        ["Savings threshold crossed: possible", "Savings threshold crossed: budget"],
        "55.98% is not above 55.98%"
    );
}

#[tokio::test]
async fn half_an_answer_crosses_nothing() {
    let relay = with_demo(&watching("{ name: low, metric: cost, below: 100 }")).await;
    relay.castai().push(List::Clusters, [costs::cluster("c-2", "other", "2025-09-30T00:00:00Z")]);
    costs::tell(relay.castai(), DEMO, "80", "0");
    costs::tell(relay.castai(), "c-2", "80", "0");
    relay.castai().fails(&costs::savings_of("c-2"), 1, Fault::later(503, "60"));
    let error = relay.poll("savings").await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(60)));
    assert_eq!(relay.inbox.cursor(&CursorName::savings_thresholds()).await.unwrap(), None);
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 0, "both together cost 160");
}

/// Two clusters that save 20 and 30.
async fn with_two(config: &str) -> TestRelay {
    let relay = with_demo(config).await;
    relay.castai().push(List::Clusters, [costs::cluster("c-2", "other", "2025-09-30T00:00:00Z")]);
    costs::tell(relay.castai(), DEMO, "80", "20");
    costs::tell(relay.castai(), "c-2", "80", "30");
    relay
}

#[tokio::test]
async fn a_total_of_which_cast_ai_refuses_a_part_is_not_available() {
    let relay = with_two(&watching("{ name: low, metric: realised, below: 25 }")).await;
    relay.castai().world().forbidden.insert(costs::savings_of("c-2"));
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), [""; 0], "20 is a part of it only");
    relay.castai().world().forbidden.clear();
    costs::tell(relay.castai(), "c-2", "80", "4");
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["Savings threshold crossed: low"]);
}

#[tokio::test]
async fn a_cluster_that_is_refused_does_not_keep_the_others_from_their_own_limits() {
    let relay = with_two(&watching("{ name: low, metric: realised, below: 25, each: cluster }")).await;
    relay.castai().world().forbidden.insert(costs::savings_of("c-2"));
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["Savings threshold crossed: low in demo-cluster"]);
}

#[tokio::test]
async fn a_key_that_may_read_no_costs_fails_the_round_and_says_so() {
    let relay = with_two(&watching("{ name: low, metric: realised, below: 25 }")).await;
    relay.castai().world().forbidden.extend([costs::savings_of(DEMO), costs::savings_of("c-2")]);
    let error = relay.poll("savings").await.unwrap_err().detail;
    assert!(error.contains("the savings of no cluster") && error.contains("403"), "{error}");
    assert!(error.contains("`castai.organization_id`"), "{error}");
    assert_eq!(relay.metric(r#"castai_relay_source_polls_total{source="savings",outcome="answered"}"#).await, 0.0);
}

#[tokio::test]
async fn offers_that_are_refused_are_said_and_do_not_keep_other_limits_from_being_watched() {
    let thresholds = "{ name: costly, metric: cost, above: 100 }, { name: possible, metric: potential, above: 1 }";
    let relay = with_two(&watching(thresholds)).await;
    let error = relay.poll("savings").await.unwrap_err().detail;
    assert!(error.contains("the potential savings of no cluster") && error.contains("404"), "{error}");
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["Savings threshold crossed: costly"]);
}

#[tokio::test]
async fn a_list_that_is_short_or_empty_for_once_makes_nothing_news_again() {
    let relay = with_two(&watching("{ name: low, metric: realised, below: 25, each: cluster }")).await;
    relay.poll("savings").await.unwrap();
    let all = relay.castai().world().lists.remove(&List::Clusters).unwrap();
    relay.pass(HOUR);
    let error = relay.poll("savings").await.unwrap_err().detail;
    assert!(error.contains("lists no cluster") && error.contains("`castai.organization_id`"), "{error}");
    relay.castai().push(List::Clusters, all[1..].to_vec());
    relay.poll("savings").await.unwrap();
    relay.castai().world().lists.insert(List::Clusters, all);
    relay.pass(HOUR);
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["Savings threshold crossed: low in demo-cluster"]);
}

#[tokio::test]
async fn an_organisation_that_is_still_empty_may_be_watched() {
    let relay = TestRelay::start(&watching("{ name: low, metric: realised, below: 25 }")).await;
    relay.poll("savings").await.unwrap();
    relay.poll("savings").await.unwrap();
}

#[tokio::test]
async fn what_the_thresholds_remember_may_be_nonsense_and_they_begin_anew() {
    let relay = with_demo(&watching("{ name: low, metric: realised, below: 25 }")).await;
    let nonsense = castai_relay::store::Cursor { name: CursorName::savings_thresholds(), value: "[]".to_owned() };
    relay.inbox.accept_all(vec![], Some(nonsense)).await.unwrap();
    look(&relay, "80", "20").await;
    assert!(crossing(&relay, 1).await.is_some());
}

#[tokio::test]
async fn who_asks_cast_ai_must_say_how() {
    let said = refusal("{ castai: null, sources: { savings: {} } }").await;
    assert!(said.contains("`savings` asks CAST AI, and there is no section `castai`"), "{said}");
}
