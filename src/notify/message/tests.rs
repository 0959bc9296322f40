//! What people read, for every kind of event; and that no template loses a message.

use std::collections::HashMap;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::Timestamp;
use crate::event::delivery::Reason;
use crate::event::relay::{self, BodyProblem, GivenUp};
use crate::names::{DrillName, ReplayId, RouteName, SourceName, TargetName};
use crate::notify::samples::{alone, delivery, notification, of_event, of_incident, texts, wording};

fn compose(delivery: &Delivery) -> Message {
    Message::compose(&alone(delivery), &Wording::default(), Markup::Plain)
}

fn facts(message: &Message) -> HashMap<&str, &str> {
    message.facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect()
}

fn text(message: &Message) -> String {
    message.text.as_ref().map(|text| text.in_markup(Markup::Plain)).unwrap_or_default()
}

fn node(lifecycle: &str) -> Value {
    json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": lifecycle, "zone": "eu-central-1a"})
}

#[test]
fn a_new_node_says_where_what_and_when() {
    let message = compose(&delivery("node.added", node("spot")));
    assert_eq!(message.title, "New spot node: m6i.2xlarge");
    assert_eq!(message.headline, "New spot node: m6i.2xlarge (prod-eu)");
    assert_eq!(text(&message), "Node ip-10-0-12-7 joined cluster prod-eu.");
    let facts: Vec<(&str, &str)> = message.facts.iter().map(|fact| (&*fact.label, &*fact.value)).collect();
    let expected = [
        ("Cluster", "prod-eu"),
        ("Node", "ip-10-0-12-7"),
        ("Instance type", "m6i.2xlarge"),
        ("Lifecycle", "spot"),
        ("Zone", "eu-central-1a"),
        ("Happened", "2026-11-20T08:15:30Z"),
    ];
    assert_eq!(facts, expected);
    assert_eq!(message.footer, ["event evt-1", "info · node.added from castai", "organisation org-1"]);
}

fn back_off() -> Value {
    json!({
        "reason": "BackOff",
        "message": "Back-off restarting failed container agent",
        "count": 7,
        "reportingComponent": "kubelet",
        "involvedObject": {"kind": "Pod", "namespace": "castai-agent", "name": "castai-agent-7c9d"},
        "lastTimestamp": "2026-11-20T08:15:30Z",
    })
}

#[test]
fn a_kubernetes_event_says_of_what_by_whom_and_how_often() {
    let message = compose(&delivery("kubernetes.event", back_off()));
    assert_eq!(text(&message), "Back-off restarting failed container agent");
    let facts: Vec<(&str, &str)> = message.facts.iter().map(|fact| (&*fact.label, &*fact.value)).collect();
    let expected = [("Namespace", "castai-agent"), ("Reported by", "kubelet"), ("Times", "7")];
    assert_eq!(facts[1..4], expected);
}

#[test]
fn a_predicted_interruption_is_not_told_as_one_that_was_announced() {
    let told = |reason: &str| text(&compose(&delivery("node.spot_interrupted", json!({"action": reason}))));
    assert!(told("spot-interruption").starts_with("The cloud provider takes back a spot node"));
    assert!(told("spot-prediction").starts_with("CAST AI expects the cloud provider to take back a spot node"));
}

#[test]
fn every_kind_has_a_title_that_names_what_happened() {
    let removed = json!({"nodeName": "ip-10-0-12-7", "action": "scale-down"});
    let cases = [
        (delivery("node.added", node("on-demand")), "New node: m6i.2xlarge"),
        (delivery("node.added", json!({"nodeName": "n1"})), "New node: n1"),
        (delivery("node.added", json!({})), "New node"),
        (delivery("node.removed", removed), "Node removed: ip-10-0-12-7 (scale-down)"),
        (delivery("node.removed", json!({})), "Node removed"),
        (delivery("node.spot_interrupted", node("spot")), "Spot interruption: m6i.2xlarge in prod-eu"),
        (delivery("savings.threshold", json!({"savingsImpact": 37.5})), "Savings threshold crossed: 37.5 in prod-eu"),
        (delivery("savings.threshold", json!({})), "Savings threshold crossed in prod-eu"),
        (notification("Pending pod detected", "web waits", json!({})), "Pending pod detected"),
        (delivery("kubernetes.event", back_off()), "BackOff: Pod castai-agent-7c9d in prod-eu"),
        (delivery("kubernetes.event", json!({"reason": "NodeEvent"})), "NodeEvent in prod-eu"),
        (delivery("kubernetes.event", json!({})), "Kubernetes event in prod-eu"),
        (delivery("cluster.hibernated", json!({})), "Unrecognized event: cluster.hibernated"),
        (delivery("unrecognized", json!({})), "Unrecognized event"),
    ];
    for (delivery, title) in cases {
        assert_eq!(compose(&delivery).title, title);
    }
}

#[test]
fn an_audit_record_is_told_in_castais_own_words_with_who_did_it() {
    let data = json!({
        "auditType": "autoscaler.policy.updated",
        "description": "Policy updated",
        "initiator": {"type": "user", "id": "user-1", "name": "Alice", "email": "alice@example.com"},
        "resource": {"type": "policy", "id": "p-1", "name": "node policy"},
        "details": {"reason": "by hand"},
        "ingestedAt": "2026-11-20T08:15:31Z",
        "ingestionLagSeconds": 1,
    });
    let message = compose(&delivery("audit.autoscaler.policy.updated", data));
    assert_eq!(message.headline, "Policy updated (prod-eu)");
    let facts: Vec<(&str, &str)> = message.facts.iter().map(|fact| (&*fact.label, &*fact.value)).collect();
    let expected = [
        ("Cluster", "prod-eu"),
        ("By", "Alice"),
        ("Resource", "node policy"),
        ("Action", "autoscaler.policy.updated"),
        ("details.reason", "by hand"),
        ("Happened", "2026-11-20T08:15:30Z"),
    ];
    assert_eq!(facts, expected);
    assert_eq!(compose(&delivery("audit.nodeDrained", json!({}))).title, "Audit log: nodeDrained");
}

#[test]
fn a_node_of_the_audit_log_is_told_as_any_other_and_by_whom() {
    let data = json!({
        "nodeName": "ip-10-0-12-7",
        "instanceType": "m6i.2xlarge",
        "auditType": "autoscaler.node.added",
        "description": "Node added",
        "initiator": {"type": "internal", "id": "internal|autoscaler"},
        "resource": {"type": "node", "id": "n-1", "name": "ip-10-0-12-7"},
        "ingestionLagSeconds": 6.5,
        "zone": "eu-central-1a",
    });
    let message = compose(&delivery("node.added", data));
    assert_eq!(message.title, "New node: m6i.2xlarge");
    let labels: Vec<&str> = message.facts.iter().map(|fact| &*fact.label).collect();
    assert_eq!(labels, ["Cluster", "Node", "Instance type", "Zone", "By", "Happened"]);
}

#[test]
fn lateness_is_told_from_a_minute_on() {
    let mut delivery = delivery("node.added", json!({}));
    let happened = delivery.event.occurred_at.unwrap();
    let mut told = |seconds: u64| {
        delivery.claimed_at = happened.saturating_add(std::time::Duration::from_secs(seconds));
        facts(&compose(&delivery))["Happened"].to_owned()
    };
    assert_eq!(told(59), "2026-11-20T08:15:30Z");
    assert_eq!(told(60), "2026-11-20T08:15:30Z (1 min late)");
    assert_eq!(told(4 * 60 + 59), "2026-11-20T08:15:30Z (4 min late)");
    assert_eq!(told(90 * 60), "2026-11-20T08:15:30Z (1 h 30 min late)");
    assert_eq!(told(3 * 86_400), "2026-11-20T08:15:30Z (3 days late)");
}

#[test]
fn an_event_without_a_time_tells_when_it_was_received() {
    let mut delivery = delivery("node.added", json!({}));
    delivery.event.occurred_at = None;
    assert_eq!(facts(&compose(&delivery))["Received"], "2026-11-20T08:15:31Z");
}

#[test]
fn a_notification_does_not_say_the_same_thing_twice() {
    assert_eq!(compose(&notification("Cost anomaly", "Cost anomaly", json!({}))).text, None);
    assert_eq!(text(&compose(&notification("Cost anomaly", "It doubled", json!({})))), "It doubled");
}

#[test]
fn a_security_anomaly_names_rule_and_process() {
    let details = json!({
        "status": "open",
        "rule_metadata": {"id": "a1", "name": "Crypto mining DNS lookup", "labels": {}},
        "events": [{
            "type": "dns",
            "resource": {"namespace": "default", "pod": "web-5c7d8b-abcde", "workload": "web"},
            "process": "curl",
            "dns": {"question": "pool.example.invalid"}
        }]
    });
    let message = compose(&notification("Runtime security anomaly", "Crypto mining DNS lookup", details));
    let facts = facts(&message);
    for (label, value) in [
        ("Rule", "Crypto mining DNS lookup"),
        ("Namespace", "default"),
        ("Pod", "web-5c7d8b-abcde"),
        ("Workload", "web"),
        ("Process", "curl"),
        ("DNS question", "pool.example.invalid"),
        ("status", "open"),
    ] {
        assert_eq!(facts.get(label), Some(&value), "{label}");
    }
    assert!(!facts.contains_key("rule_metadata.name"), "said twice: {facts:?}");
}

#[test]
fn loose_data_becomes_facts_one_level_deep_and_bounded() {
    let data = json!({
        "a": 1, "b": {"c": true, "d": {"too": "deep"}}, "e": null, "f": "", "g": ["m8g.large", "m8g.xlarge"],
        "long": "x".repeat(5000),
    });
    let message = compose(&delivery("cluster.hibernated", data));
    let facts = facts(&message);
    assert_eq!((facts["a"], facts["b.c"], facts["g"]), ("1", "true", "m8g.large, m8g.xlarge"));
    assert_eq!(facts["long"], format!("{}…", "x".repeat(199)));
    assert_eq!(facts.len(), 4 + 2);
    let many: serde_json::Map<_, _> = (0..50).map(|n| (format!("k{n}"), json!(n))).collect();
    assert_eq!(compose(&delivery("x", Value::Object(many))).facts.len(), 10);
}

#[test]
fn a_rejected_body_says_where_and_what_to_do() {
    let problem =
        BodyProblem { message: "a raw line break in a string".into(), line: 3, column: 14, hint: "Use toJson." };
    let source = SourceName::parse("castai").unwrap();
    let event = relay::body_rejected(&source, Bytes::from_static(b"{"), &problem, Timestamp::from_millis(0));
    let message = compose(&of_event(event));
    assert_eq!(message.title, "Body from castai rejected: not understood");
    let text = text(&message);
    assert!(text.starts_with("a raw line break in a string at line 3, column 14. Use toJson. "), "{text}");
    assert_eq!(facts(&message)["Bytes"], "1");
}

#[test]
fn a_dead_delivery_says_why_and_what_to_do_for_every_reason() {
    let (route, target) = (RouteName::parse("new-nodes").unwrap(), TargetName::parse("slack-ops").unwrap());
    let event = delivery("node.added", json!({})).event;
    let mut advice = std::collections::HashSet::new();
    for reason in Reason::ALL {
        let (event, detail) = (&event, "answered 410");
        let given_up = GivenUp { event, route: &route, target: &target, reason, detail, attempts: 7, deliveries: 1 };
        let message = compose(&of_event(relay::delivery_dead(given_up, Timestamp::from_millis(0))));
        assert_eq!(message.title, format!("Delivery to slack-ops given up: {reason}"));
        let text = text(&message);
        assert!(text.starts_with("answered 410. ") && text.ends_with("kept as a dead letter."), "{text}");
        let facts = facts(&message);
        assert_eq!((facts["Route"], facts["Attempts"], facts["First event"]), ("new-nodes", "7", "evt-1"));
        advice.insert(text);
    }
    assert_eq!(advice.len(), Reason::ALL.len());
}

#[test]
fn the_routes_wording_comes_first_and_only_the_text_is_in_the_targets_markup() {
    let wording = wording(json!({
        "title": "{{ event.data.nodeName }}\n is up",
        "text": "*{{ event.data.nodeName }}*",
        "links": [{"text": "Console of {{ event.cluster.name }}", "url": "https://console.cast.ai/{{ event.id }}"}],
    }));
    let message =
        Message::compose(&alone(&delivery("node.added", json!({"nodeName": "a<b"}))), &wording, Markup::Slack);
    assert_eq!((message.title.as_str(), message.headline.as_str()), ("a<b is up", "a<b is up"));
    assert_eq!(message.text, Some(Text::Marked("*a&lt;b*".into())));
    let link = Link { text: "Console of prod-eu".into(), url: "https://console.cast.ai/evt-1".into() };
    assert_eq!(message.links, [link]);
}

#[test]
fn a_template_that_fails_costs_its_words_and_not_the_message() {
    let wording = wording(json!({
        "title": "{{ event.data.missing }}",
        "text": "{{ event.data.missing }}",
        "links": [{"text": "x", "url": "javascript:alert(1)"}],
    }));
    let message = Message::compose(&alone(&delivery("node.added", node("spot"))), &wording, Markup::Slack);
    assert_eq!(message.title, "New spot node: m6i.2xlarge");
    assert_eq!(message.text, Some(Text::Plain("Node ip-10-0-12-7 joined cluster prod-eu.".into())));
    assert!(message.links.is_empty());
    let footer = message.footer.join("\n");
    assert!(footer.contains("template for `title` failed: ") && footer.contains("default("), "{footer}");
    assert!(footer.contains("template for `text` failed: ") && footer.contains("A link"), "{footer}");
}

#[test]
fn what_a_screen_would_obey_is_left_out_of_every_part() {
    let awkward = "a\0b\u{1b}[2J\u{202e}c\u{2066}";
    let told = notification(awkward, &format!("{awkward}\r\nnext\ttab\rlast"), json!({ awkward: awkward }));
    let message = compose(&told);
    assert_eq!(message.title, "ab[2Jc");
    assert_eq!(text(&message), "ab[2Jc\nnext\ttab\nlast");
    assert_eq!(facts(&message)["ab[2Jc"], "ab[2Jc");
    let wording =
        wording(json!({"text": "{{ event.name }}", "links": [{"text": "x", "url": "https://x/{{ event.name }}"}]}));
    let message = Message::compose(&alone(&told), &wording, Markup::Slack);
    assert_eq!(message.text, Some(Text::Marked("ab[2Jc".into())));
    assert_eq!(message.links, []);
    assert_eq!(compose(&notification("n", "\u{202e}\u{7}", json!({}))).text, None);
}

#[test]
fn a_drill_says_so_whatever_the_route_says() {
    let mut drill = delivery("node.added", node("spot"));
    drill.event = drill.event.as_drill(&DrillName::parse("monday").unwrap());
    let wording = wording(json!({"title": "Wake up", "text": "now"}));
    let mark = "drill monday: this did not happen, and nothing is to be done";
    let over = of_incident(alone(&drill), Phase::Resolve, "drill/monday/1", None);
    for batch in [alone(&drill), over] {
        let message = Message::compose(&batch, &wording, Markup::Slack);
        assert!(message.title.starts_with("Drill: ") && message.headline.starts_with("Drill: "), "{message:?}");
        assert_eq!(message.footer[1], mark);
    }
    let title = |batch| Message::compose(&batch, &wording, Markup::Slack).title;
    assert_eq!(title(alone(&drill)), "Drill: Wake up");
    drill.again = Some(Again { replay: ReplayId::from_row(7), fresh: false });
    assert_eq!(title(alone(&drill)), "Replay: Drill: Wake up");
    drill.event.labels.clear();
    assert_eq!(title(alone(&drill)), "Replay: Wake up", "what is no drill is not called one");
}

#[test]
fn an_empty_title_is_the_default_and_an_empty_text_is_no_text() {
    let wording = wording(json!({"title": " ", "text": " "}));
    let message = Message::compose(&alone(&delivery("node.added", node("spot"))), &wording, Markup::Slack);
    assert_eq!((message.title.as_str(), message.text), ("New spot node: m6i.2xlarge", None));
    assert!(message.footer.iter().any(|line| line.contains("came out empty")));
}

#[test]
fn what_was_odd_about_the_body_is_told_briefly() {
    let mut delivery = delivery("node.added", json!({}));
    delivery.event.notes = vec!["one".into(), "two".into(), "three".into()];
    assert!(compose(&delivery).footer.contains(&"As received: one; two; and 1 more".to_owned()));
}

#[test]
fn a_wording_key_that_does_not_exist_is_refused() {
    assert!(serde_json::from_value::<Wording>(json!({"titel": "x"})).is_err());
}

proptest! {
    #[test]
    fn every_part_is_bounded_whatever_came(awkward in texts(200)) {
        let mut delivery = notification(&awkward, &awkward, json!({"k": awkward, awkward.clone(): {"n": awkward}}));
        delivery.event.cluster.name = Some(awkward.clone());
        delivery.event.notes = vec![awkward];
        let message = compose(&delivery);
        let length = |text: &str| text.chars().count();
        prop_assert!(length(&message.title) <= 1000 && length(&message.headline) <= 1203);
        prop_assert!(!message.headline.contains('\n') && message.facts.len() <= 10 && message.footer.len() <= 6);
        for fact in &message.facts {
            prop_assert!((1..=60).contains(&length(&fact.label)) && (1..=200).contains(&length(&fact.value)));
        }
        prop_assert!(message.footer.iter().all(|line| length(line) <= 270));
    }
}
