//! What happens to deliveries that cannot get through: they are kept, and somebody is told. Next: [`super::falling_back`].

use castai_relay::store::{DeliveryRow, DeliveryState};
use serde_json::{Value, json};

use crate::support::bodies::node_added;
use crate::support::receivers::{Reply, says, status};
use crate::support::relay::TestRelay;

/// News goes to Slack; what the relay says of itself goes to PagerDuty.
const REPORTS_TO_ONCALL: &str = r#"
routes:
  - { name: reports, match: { type: "relay.*" }, notify: [oncall], stop: true }
  - { name: all-news, match: {}, notify: [slack-ops] }
"#;

/// State, attempts, and the reason in words.
fn fate(row: DeliveryRow) -> (DeliveryState, u32, String) {
    (row.state, row.attempts, row.detail.unwrap_or_default())
}

/// What PagerDuty was told of dead letters: their particulars.
fn reports(relay: &TestRelay) -> Vec<Value> {
    let pages = relay.pagerduty().received();
    pages.iter().map(|page| page.json()["payload"]["custom_details"]["data"].clone()).collect()
}

#[tokio::test]
async fn what_slack_will_never_take_becomes_a_dead_letter_after_one_attempt() {
    let relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    relay.slack().always_replies(says(400, "invalid_blocks"));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    relay.pass(3600);
    relay.deliver().await;
    let (state, attempts, detail) = fate(relay.delivery("evt").await);
    assert_eq!((state, attempts), (DeliveryState::Dead, 1));
    assert!(detail.contains("invalid_blocks"), "{detail}");
    assert_eq!(relay.slack().received().len(), 1);
    assert_eq!(relay.metric(r#"castai_relay_dead_letters{target="slack-ops"}"#).await, 1.0);

    let [report] = <[Value; 1]>::try_from(reports(&relay)).unwrap();
    assert_eq!((&report["reason"], &report["detail"]), (&json!("message_refused"), &json!(detail)));
    assert_eq!((&report["target"], &report["route"]), (&json!("slack-ops"), &json!("all-news")));
    assert_eq!((&report["first_event_id"], &report["attempts"]), (&json!("evt"), &json!(1)));
}

#[tokio::test]
async fn a_target_that_refuses_everything_is_probed_now_and_then_and_keeps_what_it_is_owed() {
    let relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    relay.slack().always_replies(says(404, "no_service"));
    for id in ["a", "b", "c"] {
        relay.accept(node_added(id)).await;
        relay.deliver().await;
    }
    assert_eq!(relay.slack().received().len(), 1, "the first refusal closes it");
    let (state, attempts, detail) = fate(relay.delivery("a").await);
    assert_eq!((state, attempts), (DeliveryState::Pending, 1));
    assert!(detail.contains("no_service"), "{detail}");
    for (seconds, requests) in [(299, 1), (1, 2), (299, 2), (1, 3)] {
        relay.pass(seconds);
        relay.deliver().await;
        assert_eq!(relay.slack().received().len(), requests, "a probe each five minutes, with what it is owed");
    }
    relay.slack().always_replies(Reply::ok());
    relay.pass(300);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 6, "the probe got through, and the others after it");
    for id in ["a", "b", "c"] {
        assert_eq!(relay.delivery(id).await.state, DeliveryState::Delivered);
    }
    assert_eq!(relay.metric(r#"castai_relay_dead_letters{target="slack-ops"}"#).await, 0.0);
}

/// What PagerDuty was told since last asked: the type, and the target and cause it is about.
fn changes(relay: &TestRelay) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |page: Value| {
        let (payload, data) = (&page["payload"], &page["payload"]["custom_details"]["data"]);
        (text(&payload["class"]), text(&data["target"]), text(&data["cause"]))
    };
    relay.pagerduty().take_received().iter().map(|page| of(page.json())).collect()
}

fn change(what: &str, cause: &str) -> [(String, String, String); 1] {
    [(format!("relay.target_{what}"), "slack-ops".to_owned(), cause.to_owned())]
}

#[tokio::test]
async fn somebody_else_is_told_when_a_target_refuses_everything_and_when_it_is_well_again() {
    let relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    for closed in [says(404, "no_service"), says(403, "invalid_token"), status(401), status(410)] {
        relay.slack().always_replies(closed);
        relay.accept(node_added(&format!("evt-{}", relay.slack().received().len()))).await;
        relay.deliver().await;
        assert_eq!(changes(&relay), change("paused", "refusing"));
        relay.pass(300);
        relay.deliver().await;
        assert_eq!(changes(&relay), [], "once, however often it is probed");
        relay.slack().always_replies(Reply::ok());
        relay.pass(300);
        relay.deliver().await;
        assert_eq!(changes(&relay), change("resumed", "refusing"));
    }
}

#[tokio::test]
async fn slack_is_told_when_pagerduty_refuses_everything() {
    let relay = TestRelay::start(
        r#"
        routes:
          - { name: reports, match: { type: "relay.*" }, notify: [slack-ops], stop: true }
          - { name: pages, match: {}, notify: [oncall] }
        "#,
    )
    .await;
    relay.pagerduty().always_replies(says(400, r#"{"error":"no_team","message":"Invalid routing key"}"#));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    relay.pagerduty().always_replies(says(202, r#"{"status":"success","message":"Event processed"}"#));
    relay.pass(300);
    relay.deliver().await;
    let [paused, resumed] = <[String; 2]>::try_from(relay.slack_titles()).unwrap();
    assert!(paused.contains("oncall") && resumed.contains("oncall"), "{paused}; {resumed}");
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_target_that_fails_is_worth_a_word_when_its_first_probe_failed_too() {
    let relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    relay.slack().always_replies(status(500));
    for n in 0..5 {
        relay.accept(node_added(&format!("evt-{n}"))).await;
    }
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), changes(&relay)), (5, vec![]), "it may pass");
    relay.pass(5);
    relay.deliver().await;
    assert_eq!(changes(&relay), change("paused", "failing"));
    relay.slack().always_replies(Reply::ok());
    relay.pass(10);
    relay.deliver().await;
    assert_eq!(changes(&relay), change("resumed", "failing"));
}

#[tokio::test]
async fn a_target_that_fails_five_times_in_a_row_is_left_alone_and_probed_less_and_less() {
    let relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    relay.slack().always_replies(status(500));
    for n in 0..20 {
        relay.accept(node_added(&format!("evt-{n}"))).await;
    }
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 5);
    for (seconds, requests) in [(4, 5), (1, 6), (9, 6), (1, 7), (19, 7), (1, 8)] {
        relay.pass(seconds);
        relay.deliver().await;
        assert_eq!(relay.slack().received().len(), requests);
    }
}

/// What `/metrics` says of Slack: that it is closed because it refuses, because it fails.
async fn closed(relay: &TestRelay) -> [f64; 2] {
    let series = |cause| format!(r#"castai_relay_target_closed{{target="slack-ops",cause="{cause}"}}"#);
    [relay.metric(&series("refusing")).await, relay.metric(&series("failing")).await]
}

#[tokio::test]
async fn that_a_target_is_closed_is_seen_at_once_whether_or_not_it_is_reported() {
    let relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    relay.slack().always_replies(status(500));
    for n in 0..5 {
        relay.accept(node_added(&format!("evt-{n}"))).await;
    }
    assert_eq!(closed(&relay).await, [0.0, 0.0]);
    relay.deliver().await;
    assert_eq!((closed(&relay).await, reports(&relay).len()), ([0.0, 1.0], 0), "before its first probe nobody is told");
    relay.pass(5);
    relay.deliver().await;
    assert_eq!((closed(&relay).await, reports(&relay).len()), ([0.0, 1.0], 1));
    relay.slack().always_replies(says(404, "no_service"));
    relay.pass(10);
    relay.deliver().await;
    assert_eq!((closed(&relay).await, reports(&relay).len()), ([1.0, 0.0], 2), "that it refuses is worth another word");
    let causes: Vec<_> = reports(&relay).iter().map(|report| report["cause"].clone()).collect();
    assert_eq!(causes, ["failing", "refusing"]);

    let relay = relay.restart(REPORTS_TO_ONCALL).await;
    assert_eq!(closed(&relay).await, [1.0, 0.0]);
    relay.slack().always_replies(says(200, "ok"));
    relay.deliver().await;
    assert_eq!(closed(&relay).await, [0.0, 0.0], "the probe leaves as soon as the relay is back");
}

#[tokio::test]
async fn what_pagerduty_will_never_take_becomes_a_dead_letter_after_one_attempt() {
    let relay = TestRelay::start(
        r#"
        routes:
          - { name: reports, match: { type: "relay.*" }, notify: [slack-ops], stop: true }
          - { name: pages, match: {}, notify: [oncall] }
        "#,
    )
    .await;
    let answer = r#"{"status":"invalid event","message":"Event object is invalid","errors":["'payload.summary' is missing or blank"]}"#;
    relay.pagerduty().always_replies(says(400, answer));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    let (state, attempts, detail) = fate(relay.delivery("evt").await);
    assert_eq!((state, attempts), (DeliveryState::Dead, 1));
    assert!(detail.contains("payload.summary"), "{detail}");
    assert_eq!(relay.slack_titles().len(), 1);
}

#[tokio::test]
async fn dead_letters_are_reported_once_an_hour_for_each_reason() {
    let config = format!("{REPORTS_TO_ONCALL}\ntargets: {{ slack-ops: {{ max_age: 20m }} }}");
    let relay = TestRelay::start(&config).await;
    relay.slack().always_replies(says(400, "invalid_blocks"));
    for id in ["a", "b", "c"] {
        relay.accept(node_added(id)).await;
    }
    relay.deliver().await;
    assert_eq!(reports(&relay).len(), 1);
    assert_eq!(relay.metric(r#"castai_relay_dead_letters{target="slack-ops"}"#).await, 3.0, "each is kept");

    relay.slack().next_replies([status(500)]);
    relay.accept(node_added("another-reason")).await;
    relay.deliver().await;
    relay.pass(1201);
    relay.deliver().await;
    assert_eq!(reports(&relay).len(), 2);

    relay.pass(1800);
    relay.accept(node_added("another-hour")).await;
    relay.deliver().await;
    let reasons: Vec<_> = reports(&relay).iter().map(|report| report["reason"].clone()).collect();
    assert_eq!(reasons, ["message_refused", "expired", "message_refused"]);
}

#[tokio::test]
async fn a_report_that_dies_itself_raises_nothing() {
    let relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    relay.slack().always_replies(says(400, "invalid_blocks"));
    relay.pagerduty().always_replies(says(400, "no"));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), reports(&relay).len()), (1, 1));
    let report = relay.delivery("delivery_dead/slack-ops/all-news/message_refused/2026-11-20T08").await;
    assert_eq!(report.state, DeliveryState::Dead);
}

#[tokio::test]
async fn a_report_does_not_wait_for_the_next_event() {
    let mut relay = TestRelay::start(REPORTS_TO_ONCALL).await;
    relay.slack().always_replies(says(400, "invalid_blocks"));
    relay.run_deliveries();
    relay.accept(node_added("evt")).await;
    relay.pagerduty().until_received(1).await;
}

#[tokio::test]
async fn what_grew_too_old_is_given_up_unsent() {
    let config =
        format!("{REPORTS_TO_ONCALL}\ntargets: {{ slack-ops: {{ max_age: 60s, retry: {{ base: 50s, cap: 50s }} }} }}");
    let relay = TestRelay::start(&config).await;
    relay.slack().always_replies(status(500));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Pending);
    relay.pass(61);
    relay.deliver().await;
    let (state, _, detail) = fate(relay.delivery("evt").await);
    assert_eq!((state, relay.slack().received().len()), (DeliveryState::Dead, 1));
    assert_eq!(
        detail,
        "it waited longer than the target's `max_age`; the last attempt: answered 500; it may have arrived"
    );
    assert_eq!(reports(&relay)[0]["reason"], "expired");
}

#[tokio::test]
async fn what_has_to_wait_until_it_is_too_old_is_given_up_when_its_target_opens_again() {
    let config = format!("{REPORTS_TO_ONCALL}\ntargets: {{ slack-ops: {{ max_age: 20s }} }}");
    let relay = TestRelay::start(&config).await;
    relay.slack().next_replies([Reply::With(429, vec![("retry-after", "30".to_owned())], "rate_limited".to_owned())]);
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Pending);
    relay.pass(33);
    relay.deliver().await;
    let (state, attempts, detail) = fate(relay.delivery("evt").await);
    assert_eq!((state, attempts, relay.slack().received().len()), (DeliveryState::Dead, 1, 1));
    assert!(detail.contains("rate_limited") && detail.contains("max_age"), "{detail}");
}

#[tokio::test]
async fn what_is_owed_to_a_target_that_is_gone_becomes_dead_letters() {
    let relay = TestRelay::start(
        r#"
        targets: { old-channel: { slack: { webhook_url: "http://{{SLACK}}/services/T000/B000/OLD" } } }
        routes: [ { name: all-news, match: {}, notify: [old-channel] } ]
        "#,
    )
    .await;
    relay.accept(node_added("evt")).await;
    let relay = relay.restart(REPORTS_TO_ONCALL).await;
    relay.deliver().await;
    let (state, attempts, detail) = fate(relay.delivery("evt").await);
    assert_eq!((state, attempts), (DeliveryState::Dead, 1));
    assert!(detail.contains("`old-channel` is no longer in the configuration"), "{detail}");
    assert_eq!(reports(&relay)[0]["reason"], "target_removed");
    assert_eq!(relay.slack().received().len(), 0);
}

/// A Slack channel of its own, beside what [`REPORTS_TO_ONCALL`] has.
const AND_OLD_CHANNEL: &str = r#"
targets: { old-channel: { slack: { webhook_url: "http://{{SLACK}}/services/T000/B000/OLD" } } }
routes:
  - { name: reports, match: { type: "relay.*" }, notify: [oncall], stop: true }
  - { name: all-news, match: {}, notify: [old-channel] }
"#;

#[tokio::test]
async fn what_is_owed_to_a_target_that_was_closed_and_is_gone_becomes_dead_letters_at_once() {
    let ids = ["a", "b", "c"];
    let relay = TestRelay::start(AND_OLD_CHANNEL).await;
    relay.slack().always_replies(says(404, "no_service"));
    for id in ids {
        relay.accept(node_added(id)).await;
    }
    relay.deliver().await;
    assert_eq!(reports(&relay)[0]["cause"], "refusing");
    let relay = relay.restart(REPORTS_TO_ONCALL).await;
    relay.deliver().await;
    for id in ids {
        assert_eq!(relay.delivery(id).await.reason.map(|reason| reason.as_str()), Some("target_removed"), "{id}");
    }
    assert_eq!(relay.slack().received().len(), 1, "nothing but what closed it was sent");
    let told: Vec<_> = reports(&relay).iter().map(|report| report["reason"].clone()).collect();
    assert_eq!(told, ["target_refused", "target_removed"], "and nobody is told that it takes messages again");
}

#[tokio::test]
async fn who_asks_for_a_wait_and_is_gone_holds_nothing_up() {
    let relay = TestRelay::start(AND_OLD_CHANNEL).await;
    let patience = Reply::With(429, vec![("retry-after", "3000".to_owned())], "rate_limited".to_owned());
    relay.slack().always_replies(patience);
    for id in ["a", "b"] {
        relay.accept(node_added(id)).await;
    }
    relay.deliver().await;
    let relay = relay.restart(REPORTS_TO_ONCALL).await;
    relay.deliver().await;
    assert_eq!(relay.delivery("b").await.state, DeliveryState::Dead, "what was never tried is due");
}
