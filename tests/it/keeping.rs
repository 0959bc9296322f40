//! How long what was taken in is kept.

use castai_relay::event::Event;
use castai_relay::names::EventId;
use castai_relay::store::{Append, DeliveryState};

use crate::support::bodies::node_added;
use crate::support::receivers::{Reply, status};
use crate::support::relay::TestRelay;

const ONE_HOUR: &str = "store: { retention: 1h }";
const PRUNED: &str = "castai_relay_pruned_events_total";

#[tokio::test]
async fn old_events_are_forgotten_unless_somebody_is_still_to_be_told() {
    let relay = TestRelay::start(ONE_HOUR).await;
    relay.accept(node_added("told")).await;
    relay.deliver().await;
    relay.slack().next_replies([status(422)]);
    relay.accept(node_added("given-up")).await;
    relay.deliver().await;
    relay.slack().always_replies(status(500));
    relay.accept(node_added("pending")).await;
    relay.deliver().await;
    relay.pass(3600);
    relay.tidy_up().await;
    assert!(relay.find("told").await.is_some(), "an hour is not more than an hour");

    relay.pass(1);
    relay.accept(node_added("young")).await;
    relay.tidy_up().await;
    assert!(relay.find("told").await.is_none());
    assert!(relay.find("given-up").await.is_none());
    assert_eq!(relay.delivery("pending").await.state, DeliveryState::Pending);
    assert!(relay.find("young").await.is_some());

    relay.slack().always_replies(Reply::With(200, vec![], "ok".to_owned()));
    relay.pass(300);
    relay.deliver().await;
    assert_eq!(relay.delivery("pending").await.state, DeliveryState::Delivered);
    relay.tidy_up().await;
    assert!(relay.find("pending").await.is_none());
}

#[tokio::test]
async fn a_forgotten_event_is_news_to_a_relay_that_was_restarted() {
    let relay = TestRelay::start(ONE_HOUR).await;
    relay.accept(node_added("evt")).await;
    relay.accept(node_added("newest")).await;
    relay.deliver().await;
    relay.pass(3601);
    relay.tidy_up().await;
    assert_eq!(relay.metric(PRUNED).await, 1.0);
    let relay = relay.restart(ONE_HOUR).await;
    relay.accept(node_added("evt")).await;
}

#[tokio::test]
async fn however_many_there_are_all_old_events_are_forgotten() {
    let relay = TestRelay::start(&format!("{{ {ONE_HOUR}, routes: [] }}")).await;
    relay.accept(node_added("first")).await;
    let first = relay.event("first").await.event;
    let more = (0..450).map(|number| Event { id: EventId::parse(&format!("evt-{number}")).unwrap(), ..first.clone() });
    relay
        .store
        .append(more.map(|event| Append { event, owed: vec![], routed_by: None, deed: None }).collect(), None)
        .await
        .unwrap();
    relay.pass(3601);
    relay.accept(node_added("young")).await;
    relay.tidy_up().await;
    assert_eq!(relay.metric(PRUNED).await, 451.0);
}
