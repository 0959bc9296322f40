//! How deliveries get through, however their targets behave. Next: [`super::signing`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use async_trait::async_trait;
use castai_relay::deliver::quiet::Quiet;
use castai_relay::deliver::{Deliverer, Policy, Tools, Turn};
use castai_relay::event::batch::Batch;
use castai_relay::http_client::Endpoint;
use castai_relay::live::Live;
use castai_relay::names::TargetName;
use castai_relay::notify::{Notifier, NotifyError, Sent};
use castai_relay::route::RoutingTable;
use castai_relay::runtime::{Clock, Doorbell, Lifecycle, Pending};
use castai_relay::store::DeliveryState;
use castai_relay::telemetry::Metrics;
use castai_relay::template::Wording;
use tokio::sync::Semaphore;

use crate::support::bodies::{fixture, node_added};
use crate::support::flaky_store::FlakyStore;
use crate::support::receivers::{Reply, status};
use crate::support::relay::TestRelay;

const BOTH: &str = "routes: [ { name: all-news, match: {}, notify: [slack-ops, oncall] } ]";

fn wait(retry_after: &str) -> Reply {
    Reply::With(429, vec![("retry-after", retry_after.to_owned())], "rate_limited".to_owned())
}

/// How many attempts at `slack-ops` failed for this reason.
async fn failed(relay: &TestRelay, reason: &str) -> f64 {
    let series = format!(r#"castai_relay_failed_attempts_total{{target="slack-ops",reason="{reason}"}}"#);
    relay.metric(&series).await
}

#[tokio::test]
async fn a_new_node_is_told_to_slack_and_pagerduty_in_the_words_of_the_brief() {
    let relay = TestRelay::start(BOTH).await;
    relay.accept(fixture("brief/node.added.json")).await;
    relay.deliver().await;
    let (slack, pagerduty) = (relay.slack().received(), relay.pagerduty().received());
    assert_eq!((slack.len(), pagerduty.len()), (1, 1));
    assert_eq!(slack[0].json()["blocks"][0]["text"]["text"], "New spot node: m6i.2xlarge");
    assert_eq!(pagerduty[0].json()["payload"]["summary"], "New spot node: m6i.2xlarge (prod-eu)");
    assert_eq!(slack[0].path, "/services/T000/B000/XXXXXXXXXXXX");
    assert!(slack[0].headers.contains(&("content-type".to_owned(), "application/json".to_owned())));
    insta::assert_json_snapshot!([slack[0].json(), pagerduty[0].json()]);
    let delivered = r#"castai_relay_settled_attempts_total{target="slack-ops",outcome="delivered"}"#;
    assert_eq!(relay.metric(delivered).await, 1.0);
    relay.pass(3600);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1, "told once");
}

#[tokio::test]
async fn what_a_target_says_in_its_own_words_goes_before_those_of_the_route_and_leaves_the_others_alone() {
    let relay = TestRelay::start(
        r#"
targets: { slack-ops: { message: { text: "*{{ event.data.instanceType }}*" } } }
routes:
  - { name: all-news, match: {}, notify: [slack-ops, oncall], message: { title: "A node", text: "as the route has it" } }
"#,
    )
    .await;
    relay.accept(fixture("brief/node.added.json")).await;
    relay.deliver().await;
    let (slack, page) = (relay.slack().received()[0].json().to_string(), relay.pagerduty().received()[0].json());
    assert!(slack.contains("*m6i.2xlarge*") && slack.contains("A node"), "{slack}");
    assert!(!slack.contains("as the route has it"), "{slack}");
    assert!(page.to_string().contains("as the route has it"), "{page}");
}

#[tokio::test]
async fn nothing_is_sent_to_slack_before_the_time_it_asked_for() {
    let relay = TestRelay::start(BOTH).await;
    relay.slack().next_replies([wait("30")]);
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    relay.accept(node_added("b")).await;
    relay.deliver().await;
    relay.pass(29);
    relay.accept(node_added("c")).await;
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1, "the other events have to wait too");
    assert_eq!(relay.pagerduty().received().len(), 3, "other targets do not");
    relay.pass(5);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 4);
    assert_eq!(failed(&relay, "rate_limited").await, 1.0);
}

#[tokio::test]
async fn the_time_may_be_given_as_a_date() {
    let relay = TestRelay::start("").await;
    relay.slack().next_replies([wait("Fri, 20 Nov 2026 08:16:01 GMT")]);
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    relay.pass(29);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 1);
    relay.pass(5);
    relay.deliver().await;
    assert_eq!(relay.slack().received().len(), 2);
}

#[tokio::test]
async fn a_target_that_fails_is_tried_again_until_it_takes_it() {
    let relay = TestRelay::start("").await;
    relay.slack().next_replies([status(500), status(503), status(502)]);
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    let waiting = relay.delivery("evt").await;
    assert_eq!(
        (waiting.state, waiting.attempts, waiting.detail.as_deref()),
        (DeliveryState::Pending, 1, Some("answered 500; it may have arrived"))
    );
    // Waits are at most 1, 2 and 4 seconds.
    for seconds in [1, 2, 4] {
        relay.pass(seconds);
        relay.deliver().await;
    }
    let done = relay.delivery("evt").await;
    assert_eq!((done.state, done.attempts), (DeliveryState::Delivered, 4));
    assert_eq!(relay.slack_titles(), ["New spot node: m6i.2xlarge"; 4]);
    assert_eq!(failed(&relay, "target_failed").await, 3.0);
}

#[tokio::test]
async fn no_answer_in_time_may_mean_it_arrived_and_is_tried_again() {
    let relay = TestRelay::start("targets: { slack-ops: { timeout: 1ms } }").await;
    relay.slack().always_replies(Reply::Silence);
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    let detail = relay.delivery("evt").await.detail;
    assert_eq!(detail.as_deref(), Some("no answer within 1ms; it may have arrived"));
    assert_eq!(failed(&relay, "ambiguous").await, 1.0);
    // With time enough for an answer.
    let relay = relay.restart("").await;
    relay.slack().always_replies(Reply::ok());
    relay.pass(1);
    relay.deliver().await;
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_target_that_refuses_the_connection_is_tried_again() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}/services/T000/B000/XXXXXXXXXXXX");
    let relay =
        TestRelay::start(&format!(r#"targets: {{ slack-ops: {{ slack: {{ webhook_url: "{url}" }} }} }}"#)).await;
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    relay.pass(1);
    relay.deliver().await;
    let waiting = relay.delivery("evt").await;
    assert_eq!((waiting.state, waiting.attempts), (DeliveryState::Pending, 2));
    let detail = waiting.detail.unwrap();
    assert!(detail.contains("refused") && !detail.contains("XXXXXXXXXXXX"), "{detail}");
    assert_eq!(failed(&relay, "unreachable").await, 2.0);
}

#[tokio::test]
async fn a_dead_target_delays_nothing_for_a_live_one() {
    let relay = TestRelay::start(BOTH).await;
    relay.slack().always_replies(status(500));
    for number in 0..50 {
        relay.accept(node_added(&format!("evt-{number}"))).await;
    }
    relay.deliver().await;
    assert_eq!(relay.pagerduty().received().len(), 50);
    assert_eq!(relay.metric(r#"castai_relay_pending_deliveries{target="slack-ops"}"#).await, 50.0);
    assert_eq!(relay.metric(r#"castai_relay_pending_deliveries{target="oncall"}"#).await, 0.0);
    relay.slack().always_replies(Reply::ok());
    // Five failures in a row closed it; the first probe leaves after five seconds.
    relay.pass(5);
    relay.deliver().await;
    assert_eq!(relay.metric(r#"castai_relay_pending_deliveries{target="slack-ops"}"#).await, 0.0);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_recorded_at_once_is_not_sent_twice() {
    let store = FlakyStore::shared();
    let mut relay = TestRelay::start_on(store.clone(), "").await;
    relay.accept(node_added("evt")).await;
    store.settles.fail();
    let cranks = relay.take_cranks();
    let turning = tokio::spawn(async move { cranks.deliver_until_idle().await });
    store.settles.until_reached(1).await;
    relay.pass(1);
    store.settles.until_reached(2).await;
    store.settles.open();
    relay.pass(1);
    turning.await.unwrap().unwrap();
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Delivered);
    assert_eq!(relay.slack().received().len(), 1);
}

struct Panicking;

#[async_trait]
impl Notifier for Panicking {
    fn preview(&self, _: &Batch, _: &Wording) -> String {
        String::new()
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, _: &Batch, _: &Wording) -> Result<Sent, NotifyError> {
        panic!("a fault in a notifier")
    }
}

/// A crank for `slack-ops` with a notifier of one's own, and the bell that wakes it.
async fn crank(relay: &TestRelay, notifier: Arc<dyn Notifier>, policy: Policy) -> (Deliverer, Arc<Doorbell>) {
    let target = TargetName::parse("slack-ops").unwrap();
    let table = Arc::new(RoutingTable::compile(vec![], vec![]));
    let quiet = Quiet::load(table.clone(), relay.store.clone(), relay.clock().now()).await.unwrap();
    let bell = Arc::new(Doorbell::for_targets([target.clone()]));
    let tools = Tools {
        store: relay.store.clone(),
        table,
        quiet: Arc::new(quiet),
        clock: Arc::new(relay.clock().clone()),
        bell: bell.clone(),
        metrics: Arc::new(Metrics::new(&[], &[], &[])),
        live: Live::default(),
    };
    (Deliverer::new(target, notifier, policy, tools), bell)
}

#[tokio::test]
async fn a_notifier_that_panics_costs_one_attempt_and_nothing_else() {
    let relay = TestRelay::start("").await;
    relay.accept(node_added("evt")).await;
    let (faulty, _) = crank(&relay, Arc::new(Panicking), Policy::default()).await;
    assert_eq!(faulty.step().await.unwrap(), Turn::Worked);
    let detail = relay.delivery("evt").await.detail.unwrap();
    assert!(detail.contains("panicked"), "{detail}");
    relay.pass(1);
    relay.deliver().await;
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Delivered);
}

/// Holds every message until it is let go.
struct Holding {
    begun: AtomicUsize,
    let_go: Semaphore,
}

#[async_trait]
impl Notifier for Holding {
    fn preview(&self, _: &Batch, _: &Wording) -> String {
        String::new()
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, _: &Batch, _: &Wording) -> Result<Sent, NotifyError> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.let_go.acquire().await.unwrap().forget();
        Ok(Sent::default())
    }
}

/// Lets `task` go on until it waits, and nothing but somebody else can wake it.
async fn goes_on(task: &mut Pending) {
    struct Stirs(AtomicBool);
    impl Wake for Stirs {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stirs = Arc::new(Stirs(AtomicBool::new(true)));
    let waker = Waker::from(stirs.clone());
    while stirs.0.swap(false, Ordering::Relaxed) {
        assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "it ended by itself");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_target_never_has_more_attempts_at_a_time_than_it_is_allowed() {
    // In memory, so that nothing happens anywhere else.
    let relay = TestRelay::start_on(FlakyStore::shared(), "").await;
    for number in 0..5 {
        relay.accept(node_added(&format!("evt-{number}"))).await;
    }
    let holding = Arc::new(Holding { begun: AtomicUsize::new(0), let_go: Semaphore::new(0) });
    let policy = Policy { concurrency: 3, ..Policy::default() };
    let (deliverer, bell) = crank(&relay, holding.clone(), policy).await;
    let mut running: Pending = Box::pin(Arc::new(deliverer).run(Lifecycle::default()));
    let begun = || holding.begun.load(Ordering::Relaxed);
    goes_on(&mut running).await;
    assert_eq!(begun(), 3);
    relay.accept(node_added("one-more")).await;
    bell.ring(&TargetName::parse("slack-ops").unwrap());
    goes_on(&mut running).await;
    assert_eq!(begun(), 3, "nobody leaves before somebody is back");
    for begun_then in [4, 5, 6, 6] {
        holding.let_go.add_permits(1);
        goes_on(&mut running).await;
        assert_eq!(begun(), begun_then, "one for one");
    }
}

#[tokio::test]
async fn new_events_are_delivered_at_once_and_failed_ones_when_they_are_due() {
    let store = FlakyStore::shared();
    let mut relay = TestRelay::start_on(store.clone(), "").await;
    relay.run_deliveries();
    relay.accept(node_added("a")).await;
    relay.slack().until_received(1).await;
    store.settles.until_reached(1).await;

    relay.slack().next_replies([status(500)]);
    relay.accept(node_added("b")).await;
    store.settles.until_reached(2).await;
    assert_eq!(relay.slack().received().len(), 2);
    relay.pass(1);
    relay.slack().until_received(3).await;
    store.settles.until_reached(3).await;
    assert_eq!(relay.delivery("b").await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn pagerduty_sees_one_alert_however_often_an_event_is_sent_to_it() {
    let relay = TestRelay::start(BOTH).await;
    relay.pagerduty().next_replies([status(500)]);
    relay.accept(node_added("a")).await;
    relay.accept(node_added("b")).await;
    relay.deliver().await;
    relay.pass(1);
    relay.deliver().await;
    let keys: Vec<_> = relay.pagerduty().received().iter().map(|page| page.json()["dedup_key"].clone()).collect();
    let [first, other, again] = <[_; 3]>::try_from(keys).unwrap();
    assert!(first.is_string());
    assert_eq!(first, again);
    assert_ne!(first, other);
}
