//! A source that says nothing for longer than it may is reported, once for each silence, also across restarts.

use castai_relay::event::Timestamp;
use castai_relay::names::CursorName;
use castai_relay::source::pulse::record::Record;

use crate::support::bodies;
use crate::support::relay::{START, TestRelay};

/// A webhook that may be silent for an hour, at a relay that tells Slack everything.
const AN_HOUR: &str = r#"
sources:
  webhooks:
    castai: { path: /castai/events, verify: none, silent_after: 1h }
"#;

/// The id of the report on a silence of the source `castai` since `seconds` after the start of the test.
fn report(seconds: u64) -> String {
    let since = Timestamp::parse(START).unwrap().saturating_add(std::time::Duration::from_secs(seconds));
    format!("source_silent/castai/{since}")
}

/// Lets time pass, a minute at a time as the watch does.
async fn minutes(relay: &TestRelay, minutes: u64) {
    for _ in 0..minutes {
        relay.pass(60);
        relay.poll("relay").await.unwrap();
    }
}

async fn kept(relay: &TestRelay) -> Record {
    Record::read(&relay.store.cursor(&CursorName::pulse()).await.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn a_silence_is_reported_once_and_again_after_the_source_was_heard() {
    let relay = TestRelay::start(AN_HOUR).await;
    relay.accept(bodies::node_added("evt-1")).await;
    minutes(&relay, 60).await;
    assert!(relay.find(&report(0)).await.is_none(), "an hour is allowed");
    minutes(&relay, 30).await;
    let told = relay.event(&report(0)).await;
    assert_eq!((told.duplicates, told.deliveries.len()), (0, 1));
    assert_eq!(told.event.data["last_event_at"], START);

    relay.accept(bodies::node_added("evt-2")).await;
    minutes(&relay, 61).await;
    assert_eq!(relay.event(&report(90 * 60)).await.duplicates, 0);
    relay.deliver().await;
    let silent =
        relay.slack_titles().into_iter().filter(|title| title.starts_with("Nothing heard from castai")).count();
    assert_eq!(silent, 2);
}

#[tokio::test]
async fn a_repeat_or_a_broken_body_is_a_sign_of_life_but_a_stranger_is_not() {
    let config = AN_HOUR.replace("verify: none", "verify: { bearer: [ \"token\" ] }");
    let relay = TestRelay::start(&config).await;
    let allowed = [("authorization", "Bearer token")];
    for body in [bodies::node_added("evt-1"), bodies::node_added("evt-1"), "not JSON".into()] {
        relay.pass(1800);
        relay.post("/castai/events", &allowed, body).await;
    }
    let heard = |record: &Record| record.sources.values().next().and_then(|heard| heard.heard_at);
    minutes(&relay, 1).await;
    let alive = heard(&kept(&relay).await);
    assert_eq!(alive, Some(Timestamp::parse(START).unwrap().saturating_add(std::time::Duration::from_secs(5400))));
    relay.post("/castai/events", &[], bodies::node_added("evt-2")).await;
    minutes(&relay, 1).await;
    assert_eq!(heard(&kept(&relay).await), alive);
}

#[tokio::test]
async fn a_source_that_was_never_heard_counts_from_the_first_start() {
    let relay = TestRelay::start(AN_HOUR).await;
    minutes(&relay, 40).await;
    let relay = relay.restart(AN_HOUR).await;
    minutes(&relay, 21).await;
    let told = relay.event(&report(0)).await;
    assert!(told.event.data["last_heard_at"].is_null());
}

#[tokio::test]
async fn a_silence_survives_a_restart_and_our_absence_is_no_part_of_it() {
    let relay = TestRelay::start(AN_HOUR).await;
    relay.accept(bodies::node_added("evt-1")).await;
    minutes(&relay, 30).await;
    let relay = relay.restart(AN_HOUR).await;
    relay.pass(7200);
    let relay = relay.restart(AN_HOUR).await;
    minutes(&relay, 29).await;
    assert!(relay.find(&report(0)).await.is_none(), "two hours of it we were not there");
}

#[tokio::test]
async fn a_reported_silence_is_not_reported_again_after_a_restart() {
    let relay = TestRelay::start(AN_HOUR).await;
    relay.accept(bodies::node_added("evt-1")).await;
    minutes(&relay, 90).await;
    let relay = relay.restart(AN_HOUR).await;
    minutes(&relay, 30).await;
    assert_eq!(relay.event(&report(0)).await.duplicates, 0);
    relay.deliver().await;
    assert_eq!(relay.slack_titles().len(), 2, "the event, and one silence");
}

#[tokio::test]
async fn a_webhook_without_a_limit_may_be_quiet_for_ever() {
    let relay = TestRelay::start("").await;
    relay.pass(90 * 24 * 3600);
    minutes(&relay, 2).await;
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), [""; 0]);
}

#[tokio::test]
async fn it_can_be_seen_at_metrics_when_a_source_was_last_heard() {
    let relay = TestRelay::start("").await;
    relay.accept(bodies::node_added("evt-1")).await;
    let start = Timestamp::parse(START).unwrap().as_millis() / 1000;
    for series in ["heard", "event"] {
        let series = format!(r#"castai_relay_source_last_{series}_timestamp_seconds{{source="castai"}}"#);
        assert_eq!(relay.metric(&series).await, start as f64, "{series}");
    }
}
