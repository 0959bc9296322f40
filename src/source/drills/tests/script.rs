//! The event of a drill is as the source would read it, but for what makes it a drill.

use serde_json::json;

use super::*;

fn stage() -> Stage {
    let mapping = Mapping { labels: [("team".to_owned(), "platform".to_owned())].into(), ..Mapping::default() };
    Stage { source: SourceName::parse("castai").unwrap(), mapping }
}

fn play(script: &Script) -> Result<Event, BodyProblem> {
    let drill = DrillName::parse("spot-page").unwrap();
    let now = Timestamp::parse("2026-11-23T09:00:01Z").unwrap();
    script.play(&drill, id(&drill, Timestamp::parse("2026-11-23T09:00:00Z").unwrap()), &stage(), now)
}

#[test]
fn a_body_is_read_as_the_source_would_and_marked() {
    let body = json!({"id": "evt-1", "eventType": "node.spot_interrupted", "clusterName": "prod-eu", "timestamp": "2020-01-01T00:00:00Z", "data": {"nodeName": "n1"}});
    let event = play(&Script::Event(body.as_object().unwrap().clone())).unwrap();
    assert_eq!(
        (event.id.as_str(), event.type_name()),
        ("drill/spot-page/2026-11-23T09:00:00Z", "node.spot_interrupted")
    );
    assert_eq!((event.source.as_str(), event.cluster.label()), ("castai", Some("prod-eu")));
    assert_eq!(event.occurred_at, Some(event.received_at), "it happens now, whatever the body says");
    assert_eq!(event.received_at.to_string(), "2026-11-23T09:00:01Z");
    assert_eq!(event.labels["team"], "platform");
    assert_eq!(event.drill().unwrap().as_str(), "spot-page");
}

#[test]
fn every_sample_can_be_played_but_the_broken_one() {
    for name in samples::names() {
        let played = play(&Script::Sample(name.to_owned()));
        assert_eq!(played.is_ok(), name != "broken", "{name}: {played:?}");
    }
    assert_eq!(play(&Script::Sample("nothing".to_owned())).unwrap_err().message, "there is no sample `nothing`");
}
