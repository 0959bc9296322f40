//! Faults of the API server and of the way to it cost nothing but time.

use std::time::{Duration, Instant};

use castai_relay::runtime::ManualClock;

use super::{configuration, crash, drained, object, told, until_watched, watching};
use crate::support::flaky_store::FlakyStore;
use crate::support::kubernetes::{ApiServer, Asked, Gone};
use crate::support::relay::TestRelay;

const FAILED: &str = r#"castai_relay_source_polls_total{source="kubernetes",outcome="failed"}"#;

/// From now on the relay's time passes by itself, a hundred times as fast as ours.
fn let_time_pass(clock: &ManualClock) -> tokio::task::JoinHandle<()> {
    let clock = clock.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            clock.advance(Duration::from_secs(1));
        }
    })
}

fn lists(asked: &Asked) -> bool {
    asked.verb() == "list" && asked.namespace.is_some()
}

fn watches(asked: &Asked) -> bool {
    asked.verb() == "watch" && asked.namespace.is_some()
}

#[tokio::test]
async fn after_410_everything_is_listed_again_and_nothing_is_lost_in_whichever_form_it_comes() {
    for gone in [Gone::Line, Gone::Status] {
        let server = ApiServer::start().await;
        let relay = watching(&server).await;
        server.apply(crash("before", 1));
        assert_eq!(told(&relay, 1).await, ["BackOff-before-1"]);
        until_watched(&server).await;
        server.forget_history(gone);
        server.apply(crash("meanwhile", 1));
        assert_eq!(told(&relay, 2).await, ["BackOff-before-1", "BackOff-meanwhile-1"], "{gone:?}");
        server.until_asked(2, lists).await;
        server.apply(crash("after", 1));
        assert_eq!(told(&relay, 3).await.len(), 3);
        assert_eq!(relay.metric(FAILED).await, 0.0, "nobody failed");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_line_loses_nothing() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    server.cut_next_line();
    server.apply(crash("cut", 1));
    server.apply(crash("after", 1));
    assert_eq!(told(&relay, 2).await, ["BackOff-after-1", "BackOff-cut-1"]);
    assert_eq!(server.asked().iter().filter(|asked| lists(asked)).count(), 1, "the thread is taken up, not begun anew");
}

#[tokio::test]
async fn an_api_server_that_restarts_loses_nothing() {
    let mut server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    let before = relay.metric(FAILED).await;
    server.stop().await;
    server.apply(crash("while-away", 1));
    server.apply(drained("node-1", "spot-interruption"));
    server.apply(object("built-autoscaler-pod-event", "autoscaler"));
    let time = let_time_pass(relay.clock());
    // Each watch has noticed; then it waits, and does not ask again and again.
    while relay.metric(FAILED).await < before + 6.0 {
        tokio::task::yield_now().await;
    }
    server.start_again().await;
    assert_eq!(told(&relay, 3).await, ["BackOff-while-away-1", "FailedScheduling", "Spot interruption"]);
    time.abort();
}

#[tokio::test]
async fn an_api_server_that_answers_503_for_a_while_loses_nothing() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    server.is_broken(true);
    // The first retry follows at once, and the next ones when time has passed.
    server.until_asked(3, watches).await;
    server.apply(crash("meanwhile", 1));
    let time = let_time_pass(relay.clock());
    server.is_broken(false);
    assert_eq!(told(&relay, 1).await, ["BackOff-meanwhile-1"]);
    time.abort();
}

#[tokio::test]
async fn a_quiet_watch_that_ends_is_taken_up_where_it_was() {
    let server = ApiServer::start().await;
    let mut relay = TestRelay::start(&configuration(&server, ", watch_timeout: 1s")).await;
    relay.run_deliveries();
    server.until_asked(3, watches).await;
    let quiet: Vec<_> = server.asked().into_iter().filter(watches).collect();
    assert!(quiet.iter().all(|asked| asked.number("timeoutSeconds") == Some(1)), "{quiet:#?}");
    assert_eq!(server.asked().iter().filter(|asked| lists(asked)).count(), 1);
    server.apply(crash("after", 1));
    assert_eq!(told(&relay, 1).await, ["BackOff-after-1"]);
}

/// Takes the timeout and the five seconds that the client library allows beyond it.
#[tokio::test]
async fn a_connection_that_is_dead_without_saying_so_is_noticed() {
    let server = ApiServer::start().await;
    let mut relay = TestRelay::start(&configuration(&server, ", watch_timeout: 1s")).await;
    relay.run_deliveries();
    until_watched(&server).await;
    server.lose_the_way();
    server.apply(crash("meanwhile", 1));
    server.apply(drained("node-1", "spot-interruption"));
    assert_eq!(told(&relay, 2).await, ["BackOff-meanwhile-1", "Spot interruption"]);
}

#[tokio::test]
async fn a_server_that_ends_every_watch_at_once_is_not_asked_without_pause() {
    let server = ApiServer::start().await;
    let _relay = watching(&server).await;
    let began = Instant::now();
    server.ends_watches_at_once();
    // One more than a burst and what came before it.
    server.until_asked(23, watches).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_event_that_cannot_be_kept_is_kept_when_the_store_is_well_again_and_nothing_overtakes_it() {
    let (server, store) = (ApiServer::start().await, FlakyStore::shared());
    let mut relay = TestRelay::start_on(store.clone(), &configuration(&server, "")).await;
    relay.run_deliveries();
    until_watched(&server).await;
    store.appends.fail();
    server.apply(crash("first", 1));
    server.apply(crash("second", 1));
    server.apply(drained("node-1", "spot-interruption"));
    store.appends.until_reached(6).await;
    assert_eq!(relay.slack().received().len(), 0);
    store.appends.open();
    let time = let_time_pass(relay.clock());
    assert_eq!(told(&relay, 3).await, ["BackOff-first-1", "BackOff-second-1", "Spot interruption"]);
    time.abort();
}

#[tokio::test]
async fn a_token_that_was_renewed_in_the_kubeconfig_is_taken_up() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    until_watched(&server).await;
    server.expect_token("second-token");
    server.until_asked(1, |asked| watches(asked) && asked.number("resourceVersion") == Some(0)).await;
    server.write_token("second-token");
    server.apply(crash("after", 1));
    let time = let_time_pass(relay.clock());
    assert_eq!(told(&relay, 1).await, ["BackOff-after-1"]);
    time.abort();
}

#[tokio::test]
async fn one_watch_without_an_answer_is_reported_although_the_others_have_theirs() {
    let server = ApiServer::start().await;
    server.forbid("nodes");
    let more = ", silent_after: 5m, watch_timeout: 1s";
    let mut relay = TestRelay::start(&configuration(&server, more)).await;
    relay.run_deliveries();
    let time = let_time_pass(relay.clock());
    relay.slack().until_received(1).await;
    time.abort();
    let report = &relay.slack().received()[0];
    let text = report.json().to_string();
    assert!(text.contains("relay.source_silent") && text.contains("Nodes being drained"), "{text}");
    assert!(text.contains("deploy/kubernetes/rbac.yaml"), "{text}");
}
