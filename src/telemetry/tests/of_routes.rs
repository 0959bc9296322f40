//! What is known of a route before it takes an event, and after.

use super::super::Metrics;
use super::*;

fn route(name: &str) -> RouteName {
    RouteName::parse(name).unwrap()
}

#[test]
fn a_route_starts_at_zero_and_remembers_how_many_it_took_and_when_the_last_one_came() {
    let metrics = Metrics::new(&[], &[], &[]).with_routes([&route("spot"), &route("news")]);
    assert_eq!(metrics.route_hits(&route("spot")), RouteHits { events: 0, last_at: None });
    metrics.routed(&[route("spot")], Timestamp::from_millis(2000));
    metrics.routed(&[route("spot"), route("news")], Timestamp::from_millis(1000));
    let last_at = Some(Timestamp::from_millis(2000));
    assert_eq!(metrics.route_hits(&route("spot")), RouteHits { events: 2, last_at });
    assert_eq!(metrics.route_hits(&route("news")).last_at, Some(Timestamp::from_millis(1000)));
    assert_eq!(metrics.route_hits(&route("nobody")), RouteHits::default());
    let text = metrics.encode();
    assert!(text.contains("castai_relay_routed_events_total{route=\"spot\"} 2\n"), "{text}");
}
