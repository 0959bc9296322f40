//! Who is told instead when a target does not take what it is owed, or cannot for too long. Next: [`super::resuming`].

use castai_relay::store::{DeliveryState, Origin};

use crate::support::bodies::node_added;
use crate::support::receivers::{Reply, says};
use crate::support::relay::TestRelay;

/// When Slack is closed for a quarter of an hour, who is on call reads what it would.
const FALLS_BACK: &str = r#"
targets: { slack-ops: { fallback: oncall, fallback_after: 15m } }
routes: [ { name: all-news, match: { type: "node.*" }, notify: [slack-ops] } ]
"#;

/// How many nodes PagerDuty was told of since last asked.
fn paged(relay: &TestRelay) -> usize {
    let pages = relay.pagerduty().take_received();
    assert!(pages.iter().all(|page| page.json()["payload"]["class"] == "node.added"));
    pages.len()
}

#[tokio::test]
async fn what_a_closed_target_is_owed_is_told_to_its_fallback_once_and_to_itself_when_it_is_well_again() {
    let relay = TestRelay::start(FALLS_BACK).await;
    relay.slack().always_replies(says(404, "no_service"));
    for id in ["a", "b"] {
        relay.accept(node_added(id)).await;
    }
    relay.deliver().await;
    for (seconds, tries, pages) in [(300, 2, 0), (300, 3, 0), (299, 3, 0), (1, 4, 2)] {
        relay.pass(seconds);
        relay.deliver().await;
        assert_eq!((relay.slack().received().len(), paged(&relay)), (tries, pages));
    }
    relay.accept(node_added("c")).await;
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), paged(&relay)), (4, 1), "what comes now does not wait");
    relay.pass(300);
    relay.deliver().await;
    assert_eq!((relay.slack().take_received().len(), paged(&relay)), (5, 0), "each is told once");

    relay.slack().always_replies(Reply::ok());
    relay.pass(300);
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), paged(&relay)), (3, 0), "Slack gets what waited");
    for id in ["a", "b", "c"] {
        let rows = relay.event(id).await.deliveries;
        let fates: Vec<_> = rows.iter().map(|row| (row.owed.target.as_str(), row.origin, row.state)).collect();
        let delivered = DeliveryState::Delivered;
        assert_eq!(fates, [("slack-ops", Origin::Route, delivered), ("oncall", Origin::Fallback, delivered)]);
    }
    relay.accept(node_added("d")).await;
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), paged(&relay)), (4, 0), "from now on Slack alone");
}

#[tokio::test]
async fn what_a_target_will_never_take_is_told_to_its_fallback_at_once_and_once() {
    let relay = TestRelay::start(FALLS_BACK).await;
    relay.slack().always_replies(says(400, "invalid_blocks"));
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    relay.pass(3600);
    relay.deliver().await;
    assert_eq!((relay.slack().received().len(), paged(&relay)), (1, 1));
    let states: Vec<_> = relay.event("evt").await.deliveries.iter().map(|row| row.state).collect();
    assert_eq!(states, [DeliveryState::Dead, DeliveryState::Delivered]);
}

/// It came at a quarter past eight, when there was somebody to read it, and is told at half past.
#[tokio::test]
async fn what_came_within_the_hours_of_its_route_is_told_to_the_fallback_after_them() {
    let relay = TestRelay::start(
        r#"
        targets: { slack-ops: { fallback: oncall, fallback_after: 15m } }
        routes: [ { name: office, match: { type: "node.*" }, notify: [slack-ops], active: [ { times: ["08:00-08:20"] } ] } ]
        "#,
    )
    .await;
    relay.slack().always_replies(says(404, "no_service"));
    relay.accept(node_added("in time")).await;
    relay.deliver().await;
    relay.pass(600);
    relay.accept(node_added("too late")).await;
    relay.deliver().await;
    relay.pass(300);
    relay.deliver().await;
    assert_eq!(paged(&relay), 1);
    let states = async |id| relay.event(id).await.deliveries.iter().map(|row| row.state).collect::<Vec<_>>();
    assert_eq!(states("in time").await, [DeliveryState::Pending, DeliveryState::Delivered]);
    assert_eq!(states("too late").await, [DeliveryState::Silenced], "nobody was to hear of it anywhere");
    let silenced = r#"castai_relay_ended_deliveries_total{target="slack-ops",outcome="silenced"}"#;
    assert_eq!(relay.metric(silenced).await, 1.0);
}
