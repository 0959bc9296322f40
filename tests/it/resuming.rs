//! What a restart changes: nothing. Next: [`super::keeping`].

use std::sync::Arc;
use std::time::Duration;

use castai_relay::runtime::RunDown;
use castai_relay::store::DeliveryState;
use tokio::sync::Notify;

use crate::support::bodies::node_added;
use crate::support::flaky_store::FlakyStore;
use crate::support::receivers::{Reply, status};
use crate::support::relay::TestRelay;

#[tokio::test]
async fn what_was_accepted_before_a_restart_is_delivered_after_it() {
    let relay = TestRelay::start("").await;
    relay.accept(node_added("evt")).await;
    let relay = relay.restart("").await;
    assert_eq!(relay.event("evt").await.event.body, node_added("evt"));
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), ["New spot node: m6i.2xlarge"]);
}

#[tokio::test]
async fn a_delivery_that_was_cut_off_in_the_middle_is_sent_again_rather_than_never() {
    let mut relay = TestRelay::start("").await;
    relay.slack().next_replies([Reply::Silence]);
    relay.accept(node_added("evt")).await;
    let cranks = relay.take_cranks();
    let turning = tokio::spawn(async move { cranks.deliver_until_idle().await });
    relay.slack().until_received(1).await;
    turning.abort();
    assert!(turning.await.unwrap_err().is_cancelled());

    let relay = relay.restart("").await;
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 2);
    let sent = relay.delivery("evt").await;
    assert_eq!((sent.state, sent.attempts), (DeliveryState::Delivered, 2));
}

#[tokio::test]
async fn a_stopping_relay_abandons_an_attempt_that_hangs_and_resumes_it_later() {
    let mut relay = TestRelay::start("").await;
    relay.slack().next_replies([Reply::Silence]);
    relay.accept(node_added("evt")).await;
    relay.run_deliveries();
    relay.slack().until_received(1).await;
    relay.life.stop();
    assert_eq!(relay.life.run_down(Duration::ZERO).await, RunDown::Abandoned);

    let relay = relay.restart_after(RunDown::Abandoned, "").await;
    relay.deliver().await;
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_stopping_relay_finishes_the_attempts_in_flight() {
    let mut relay = TestRelay::start("").await;
    let answered = Arc::new(Notify::new());
    relay.slack().next_replies([Reply::When(answered.clone(), Box::new(Reply::ok()))]);
    relay.accept(node_added("evt")).await;
    relay.run_deliveries();
    relay.slack().until_received(1).await;
    relay.life.stop();
    answered.notify_one();
    let relay = relay.restart("").await;
    let settled = relay.delivery("evt").await;
    assert_eq!((settled.state, settled.attempts), (DeliveryState::Delivered, 1));
}

#[tokio::test]
async fn a_claim_that_nobody_settles_is_due_again_when_its_lease_ends() {
    let store = FlakyStore::shared();
    let mut relay = TestRelay::start_on(store.clone(), "").await;
    relay.accept(node_added("evt")).await;
    // Two targets claim; it dies with the second claim.
    store.die_with_write(2);
    let cranks = relay.take_cranks();
    let turning = tokio::spawn(async move { cranks.deliver_until_idle().await });
    store.until_dead().await;
    turning.abort();
    assert!(turning.await.unwrap_err().is_cancelled());
    store.revive();
    assert_eq!(relay.delivery("evt").await.attempts, 1, "it was claimed");

    // The memory engine keeps leases beyond a restart: the time limit of an attempt, 15 s, and 30 s to settle it.
    let relay = relay.restart("").await;
    relay.pass(44);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 0);
    relay.pass(1);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1);
}

#[tokio::test]
async fn a_restart_keeps_the_schedule_of_retries_and_the_patience_a_target_asked_for() {
    let relay = TestRelay::start("").await;
    relay.slack().next_replies([Reply::With(429, vec![("retry-after", "30".to_owned())], "rate_limited".to_owned())]);
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    let due_at = relay.delivery("evt").await.due_at;
    let relay = relay.restart("").await;
    assert_eq!(relay.delivery("evt").await.due_at, due_at);
    relay.accept(node_added("another")).await;
    relay.pass(29);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1);
    relay.pass(5);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 3);
}

#[tokio::test]
async fn attempts_are_counted_on_across_a_restart() {
    let relay = TestRelay::start("").await;
    relay.slack().always_replies(status(500));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    let relay = relay.restart("").await;
    relay.pass(1);
    relay.deliver().await;
    assert_eq!(relay.delivery("evt").await.attempts, 2);
}
