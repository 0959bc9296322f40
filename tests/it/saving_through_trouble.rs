//! The summary through all that may go wrong: downtime, death, a second relay, a CAST AI that does not answer.
//! Next: [`super::saving_thresholds`].

use std::sync::Arc;
use std::time::Duration;

use castai_relay::names::CursorName;
use castai_relay::runtime::{Clock, SystemClock};
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{Cursor, Store};
use serde_json::Value;

use crate::saving::{DAILY, DAY, HOUR, TO_NINE, running, summary, told};
use crate::support::castai::faults::Fault;
use crate::support::castai::lists::List;
use crate::support::castai::{KEY, StandIn};
use crate::support::costs::{self, DEMO};
use crate::support::flaky_store::FlakyStore;
use crate::support::http::PATIENCE;
use crate::support::process::{House, Relay};
use crate::support::receivers::Receiver;
use crate::support::relay::TestRelay;

#[tokio::test]
async fn after_two_days_of_downtime_the_latest_summary_comes_once_and_late() {
    let relay = running(DAILY).await;
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    relay.pass(2 * DAY + 5 * HOUR);
    let relay = relay.restart(DAILY).await;
    for _ in 0..3 {
        relay.poll("savings").await.unwrap();
        relay.pass(60);
    }
    assert!(summary(&relay, "2026-11-21").await.is_none(), "what was missed is not made up for one by one");
    let stored = summary(&relay, "2026-11-22").await.unwrap();
    assert_eq!((stored.duplicates, stored.event.late_by()), (0, Some(Duration::from_secs(5 * HOUR))));
    assert_eq!(stored.event.data["total"]["trailing_30_days"]["realised"], "1107.6812");
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 2);
    assert!(told(&relay).contains("5 h 3 min late"), "{}", told(&relay));
}

#[tokio::test]
async fn two_relays_that_share_one_store_send_one_summary() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (one, other) = (TestRelay::start_on(store.clone(), DAILY).await, TestRelay::start_on(store, DAILY).await);
    for relay in [&one, &other] {
        costs::of_the_fixture(relay.castai());
        relay.poll("savings").await.unwrap();
    }
    for day in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        let wait = if day == "2026-11-20" { TO_NINE } else { DAY };
        one.pass(wait);
        other.pass(wait);
        let (first, second) = tokio::join!(one.poll("savings"), other.poll("savings"));
        first.and(second).unwrap();
        let stored = summary(&one, day).await.unwrap();
        assert_eq!(stored.event.data["total"]["trailing_30_days"]["realised"], "1107.6812");
        assert_eq!((stored.deliveries.len(), stored.conflicts), (1, 0));
    }
    one.deliver().await;
    other.deliver().await;
    assert_eq!(one.slack().received().len() + other.slack().received().len(), 3);
}

#[tokio::test]
async fn a_relay_that_dies_between_asking_and_keeping_sends_it_after_its_restart_once() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), DAILY).await;
    costs::of_the_fixture(relay.castai());
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE);
    store.appends.hold();
    {
        let round = relay.poll("savings");
        tokio::select! {
            done = round => panic!("nothing can be kept, and yet {done:?}"),
            () = store.appends.until_reached(2) => {}
        }
    }
    store.appends.open();
    assert!(summary(&relay, "2026-11-20").await.is_none());
    let relay = relay.restart(DAILY).await;
    relay.poll("savings").await.unwrap();
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1);
}

#[tokio::test]
async fn a_summary_that_could_not_be_kept_is_asked_for_again() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), DAILY).await;
    costs::of_the_fixture(relay.castai());
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE);
    store.appends.fail();
    assert!(relay.poll("savings").await.unwrap_err().detail.contains("the disk is full"));
    store.appends.open();
    relay.poll("savings").await.unwrap();
    assert_eq!(summary(&relay, "2026-11-20").await.unwrap().deliveries.len(), 1);
}

#[tokio::test]
async fn while_cast_ai_is_down_nothing_is_sent_and_afterwards_the_whole() {
    let relay = running(DAILY).await;
    relay.pass(TO_NINE);
    for path in ["/v1/kubernetes/external-clusters", "/v1/cost-reports/clusters"] {
        relay.castai().fails(path, 1, Fault::later(503, "120"));
        let error = relay.poll("savings").await.unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_secs(120)), "{error}");
        assert!(summary(&relay, "2026-11-20").await.is_none(), "half a summary is none");
    }
    relay.poll("savings").await.unwrap();
    let event = summary(&relay, "2026-11-20").await.unwrap().event;
    assert_eq!(event.data["total"]["trailing_30_days"]["realised"], "1107.6812");
}

#[tokio::test]
async fn a_short_fault_is_got_over_in_the_same_round() {
    let relay = TestRelay::start_hurried(DAILY).await;
    costs::of_the_fixture(relay.castai());
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE);
    relay.castai().fails(&costs::savings_of(DEMO), 2, Fault::status(500, "try again"));
    relay.poll("savings").await.unwrap();
    assert!(summary(&relay, "2026-11-20").await.is_some());
}

#[tokio::test]
async fn one_cluster_whose_figures_cannot_be_had_does_not_silence_the_others_for_ever() {
    let relay = TestRelay::start_hurried(DAILY).await;
    costs::of_the_fixture(relay.castai());
    let broken = "broken";
    relay.castai().push(List::Clusters, [costs::cluster(broken, "broken-cluster", "2025-09-30T00:00:00Z")]);
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE);
    relay.castai().fails(&costs::savings_of(broken), 100, Fault::status(500, "no model"));
    assert!(relay.poll("savings").await.unwrap_err().detail.contains("no model"));
    relay.pass(3 * HOUR);
    relay.poll("savings").await.unwrap();
    let event = summary(&relay, "2026-11-20").await.unwrap().event;
    let rows = event.data["clusters"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "broken-cluster").unwrap();
    assert_eq!(row["not_available"], "CAST AI answers 500: no model");
    assert_eq!(event.data["total"]["trailing_30_days"]["realised"], "1107.6812");
}

#[tokio::test]
async fn when_no_cluster_can_be_asked_about_there_is_no_summary_however_late() {
    let relay = TestRelay::start_hurried(DAILY).await;
    relay.castai().push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE + 4 * HOUR);
    relay.castai().fails(&costs::savings_of(DEMO), 100, Fault::status(502, "bad gateway"));
    let error = relay.poll("savings").await.unwrap_err();
    assert!(error.detail.contains("the savings of no cluster"), "{error}");
    assert!(summary(&relay, "2026-11-20").await.is_none());
}

#[tokio::test]
async fn a_key_that_may_read_no_costs_does_not_use_up_the_day() {
    let relay = TestRelay::start(DAILY).await;
    relay.castai().push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
    costs::tell(relay.castai(), DEMO, "80", "20");
    relay.castai().world().forbidden.insert(costs::savings_of(DEMO));
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE + 3 * HOUR - 1);
    let error = relay.poll("savings").await.unwrap_err().detail;
    assert!(error.contains("the savings of no cluster") && error.contains("403"), "{error}");
    assert!(summary(&relay, "2026-11-20").await.is_none());
    relay.castai().world().forbidden.clear();
    relay.poll("savings").await.unwrap();
    let event = summary(&relay, "2026-11-20").await.unwrap().event;
    assert_eq!(event.data["total"]["trailing_30_days"]["realised"], "20");
}

#[tokio::test]
async fn what_is_refused_for_hours_is_told_as_not_available() {
    let relay = TestRelay::start(DAILY).await;
    relay.castai().push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
    relay.castai().world().forbidden.insert(costs::savings_of(DEMO));
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE + 3 * HOUR);
    relay.poll("savings").await.unwrap();
    let event = summary(&relay, "2026-11-20").await.unwrap().event;
    assert_eq!(event.data["clusters"][0]["not_available"], "CAST AI answers 403: forbidden");
}

#[tokio::test]
async fn a_clock_that_ran_ahead_does_not_silence_the_summary() {
    let relay = running(DAILY).await;
    let (name, value) = (CursorName::savings_summary(), "2027-11-20T09:00:00Z".to_owned());
    relay.inbox.accept_all(vec![], Some(Cursor { name, value })).await.unwrap();
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();
    assert!(summary(&relay, "2026-11-20").await.is_some());
}

#[tokio::test]
async fn a_round_that_is_not_due_is_no_answer_of_cast_ai() {
    let relay = running(DAILY).await;
    relay.castai().world().keys.clear();
    relay.poll("savings").await.unwrap();
    let answered = r#"castai_relay_source_polls_total{source="savings",outcome="answered"}"#;
    let heard = r#"castai_relay_source_last_heard_timestamp_seconds{source="savings"}"#;
    assert_eq!((relay.metric(answered).await, relay.metric(heard).await), (0.0, 0.0));
    relay.castai().world().keys.push(KEY.to_owned());
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();
    assert_eq!(relay.metric(answered).await, 1.0);
}

#[tokio::test]
async fn a_summary_without_efficiency_is_still_a_summary() {
    let relay = running(DAILY).await;
    relay.castai().world().stored.retain(|stored| !stored.path.ends_with("/efficiency"));
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();
    let event = summary(&relay, "2026-11-20").await.unwrap().event;
    let efficiency = &event.data["clusters"][0]["efficiency"];
    assert_eq!(efficiency["cpu_overprovisioned_percent"], Value::Null);
}

#[tokio::test]
async fn a_key_that_is_not_accepted_says_so_and_what_to_do() {
    let relay = running(DAILY).await;
    relay.castai().world().keys.clear();
    relay.pass(TO_NINE);
    let error = relay.poll("savings").await.unwrap_err().detail;
    assert!(error.contains("does not accept the API key") && error.contains("another region"), "{error}");
}

#[tokio::test]
async fn what_the_summary_remembers_may_be_nonsense_and_it_begins_anew() {
    let relay = running(DAILY).await;
    let name = CursorName::savings_summary();
    let nonsense = Cursor { name, value: "yesterday".to_owned() };
    relay.inbox.accept_all(vec![], Some(nonsense)).await.unwrap();
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();
    assert!(summary(&relay, "2026-11-20").await.is_none());
    relay.pass(DAY);
    relay.poll("savings").await.unwrap();
    assert!(summary(&relay, "2026-11-21").await.is_some());
}

/// Killed with -9, twice: while CAST AI is asked, and when the summary has been delivered.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_while_it_asks_sends_the_summary_after_its_restart_once() {
    let (castai, slack) = (StandIn::start().await, Receiver::slack().await);
    costs::of_the_fixture(&castai);
    // Half a day away, so that no moment comes while this runs.
    let hour = (SystemClock.now().as_millis() / 3_600_000 + 12) % 24;
    let house = House::with(&format!(
        r#"
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ sqlite: {{ path: relay.db }} }}
castai: {{ api_url: "http://{}", api_key: "{KEY}" }}
sources: {{ savings: {{ summary: {{ cron: "0 {hour} * * *" }} }} }}
targets: {{ slack-ops: {{ slack: {{ webhook_url: "http://{}/services/T0/B0/XXXXXXXXXXXX" }} }} }}
default_targets: [slack-ops]
"#,
        castai.address, slack.address
    ));
    // As if the last summary was sent two days ago.
    let past = SystemClock.now().saturating_sub(Duration::from_secs(2 * DAY)).to_string();
    let store = SqliteStore::open(&house.path().join("relay.db"), Arc::new(|_, _| {})).unwrap();
    let cursor = Cursor { name: CursorName::savings_summary(), value: past };
    store.append(vec![], Some(cursor)).await.unwrap();
    drop(store);

    castai.fails(&costs::savings_of(DEMO), 1, Fault::Hang);
    let relay = house.serve().await;
    castai.until_asked(&costs::savings_of(DEMO), 1).await;
    relay.kill();
    let relay = house.serve().await;
    slack.until_received(1).await;
    assert!(slack.received()[0].json().to_string().contains("$1,107.68 realised in 30 days"));
    until_measured(&relay, r#"castai_relay_settled_attempts_total{target="slack-ops",outcome="delivered"} 1"#).await;
    // Attempts are counted before their end is kept; what waits is read from the store.
    until_measured(&relay, r#"castai_relay_pending_deliveries{target="slack-ops"} 0"#).await;
    relay.kill();
    let rounds = castai.asked("/v1/kubernetes/external-clusters").len();
    let relay = house.serve().await;
    until_measured(&relay, r#"castai_relay_source_polls_total{source="relay",outcome="answered"} 1"#).await;
    assert_eq!(castai.asked("/v1/kubernetes/external-clusters").len(), rounds, "the day is dealt with");
    assert_eq!(slack.received().len(), 1);
}

async fn until_measured(relay: &Relay, sample: &str) {
    let measured = async { while !relay.look("/metrics").await.contains(sample) {} };
    assert!(tokio::time::timeout(PATIENCE, measured).await.is_ok(), "never measured: {sample}");
}
