//! Change events: what is sent, where to, that nothing of them is an alert, and what does not go with them.

use super::*;
use crate::event::delivery::Phase;
use crate::notify::samples::{interruptions, many, of_incident};

fn changed(batch: &Batch) -> Value {
    serde_json::from_slice(&form(Action::Change, None).fill(batch, &Wording::default()).unwrap().body()).unwrap()
}

#[test]
fn a_node_that_was_added_is_shown_like_this() {
    let batch = alone(&delivery("node.added", json!({"nodeName": "ip-10-0-1-7", "instanceType": "m6i.2xlarge"})));
    let mut event = changed(&batch);
    let details = event["payload"]["custom_details"].take();
    assert_eq!(
        event,
        json!({
            "routing_key": KEY,
            "payload": {
                "summary": "New node: m6i.2xlarge (prod-eu)",
                "source": "prod-eu",
                "timestamp": "2026-11-20T08:15:30Z",
                "custom_details": null,
            },
            "links": [],
        })
    );
    assert_eq!((&details["Node"], &details["data"]["nodeName"]), (&json!("ip-10-0-1-7"), &json!("ip-10-0-1-7")));
}

#[test]
fn neither_an_incident_nor_many_make_an_alert_of_it() {
    let batch = alone(&delivery("node.added", json!({})));
    for phase in [Phase::Open, Phase::Resolve] {
        let event = changed(&of_incident(batch.clone(), phase, "spot/a", None));
        assert!(event["event_action"].is_null() && event["dedup_key"].is_null(), "{event}");
    }
    let all = changed(&many(interruptions(412, 12)));
    assert_eq!(all["payload"]["summary"], "412 spot interruptions in 12 clusters");
    let changes = built(&format!("{{ routing_key: {KEY}, action: change }}")).unwrap();
    assert!(!changes.keeps_incidents() && changes.tells_many());
}

#[test]
fn changes_go_to_an_endpoint_of_their_own() {
    for (more, host) in [("", "events.pagerduty.com"), (", region: eu", "events.eu.pagerduty.com")] {
        let notifier = built(&format!("{{ routing_key: {KEY}, action: change{more} }}")).unwrap();
        let endpoint = notifier.endpoint().unwrap();
        assert_eq!((endpoint.host(), endpoint.path()), (host, "/v2/change/enqueue"));
    }
}

#[test]
fn what_does_not_go_with_changes_is_a_mistake_in_the_configuration() {
    let of_ruleset = format!("R{}", &KEY[1..]);
    for (section, mistake) in [
        (format!("{{ routing_key: {KEY}, action: change, dedup_key: x }}"), "has no `dedup_key`"),
        (format!("{{ routing_key: {of_ruleset}, action: change }}"), "is of a ruleset"),
        (
            format!("{{ routing_key: {KEY}, action: change, url: \"https://a.example/v2/enqueue\" }}"),
            "is where alerts go",
        ),
        (format!("{{ routing_key: {KEY}, url: \"https://a.example/v2/change/enqueue\" }}"), "nobody would be paged"),
    ] {
        let section = Section::from_yaml("pagerduty", &section);
        assert!(build(&section, &kit()).is_none());
        let said = section.problems().unwrap_err().to_string();
        assert!(said.contains(mistake), "{said}");
    }
    for section in [
        format!("{{ routing_key: {of_ruleset} }}"),
        format!("{{ routing_key: {KEY}, action: change, url: \"https://a.example/v2/change/enqueue\" }}"),
        format!("{{ routing_key: {KEY}, action: change, url: \"https://proxy.example/changes\" }}"),
    ] {
        assert!(built(&section).is_some(), "{section}");
    }
}

#[tokio::test]
async fn a_change_found_too_large_is_sent_once_more_without_its_particulars() {
    let too_large = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n";
    let (address, serving) = target(&[too_large, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"]).await;
    let section = format!("{{ routing_key: {KEY}, action: change, url: \"{address}/v2/change/enqueue\" }}");
    let (changes, batch) = (built(&section).unwrap(), alone(&delivery("node.added", json!({}))));
    let wording = Wording::default();
    let (sent, bodies) = tokio::join!(changes.notify(&batch, &wording), serving);
    assert!(sent.is_ok(), "{sent:?}");
    let smaller: Value = serde_json::from_str(&bodies[1]).unwrap();
    assert!(smaller["payload"].get("custom_details").is_none() && smaller["payload"]["summary"].is_string());
}
