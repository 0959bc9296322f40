//! The bodies: ours within its limit, CloudEvents in both modes, and templates.

use proptest::prelude::*;

use super::*;
use crate::event::delivery::Phase;
use crate::notify::samples::texts;
use crate::notify::webhook::cloudevents::percent_encoded;
use crate::notify::webhook::document::LEFT_OUT;

const STRUCTURED: &str = ", body: cloudevents_structured";
const BINARY: &str = ", body: cloudevents_binary";

#[test]
fn one_event_is_told_with_its_particulars() {
    let told = body("", &alone(&node_added()));
    assert_eq!((&told["type"], &told["timestamp"]), (&json!("node.added"), &json!("2026-11-20T08:15:30Z")));
    let data = &told["data"];
    assert_eq!(data["id"], json!(id_of(&node_added())));
    assert_eq!((&data["route"], &data["target"], &data["severity"]), (&json!("all"), &json!("ops"), &json!("info")));
    assert_eq!(data["event"]["id"], "evt-1");
    assert_eq!(data["event"]["data"]["instanceType"], "m6i.2xlarge");
    assert_eq!(data["event"]["cluster"], json!({"name": "prod-eu"}));
    assert_eq!(data["message"]["title"], "New node: m6i.2xlarge");
    for absent in ["batch", "incident", "drill", "replay", "left_out"] {
        assert_eq!(data.get(absent), None, "{absent}");
    }
}

#[test]
fn many_are_told_with_their_count_and_the_worst_of_them() {
    let told = body("", &many(interruptions(412, 12)));
    let batch = &told["data"]["batch"];
    assert_eq!((&told["type"], &batch["count"], &batch["resolved"]), (&json!("batch"), &json!(412), &json!(0)));
    assert_eq!((&told["timestamp"], &batch["first_at"]), (&batch["first_at"], &json!("2026-11-20T08:15:31Z")));
    assert_eq!(batch["events"].as_array().unwrap().len(), Batch::MAX_SHOWN);
    assert_eq!(batch["events"][0]["severity"], "critical");
    assert_eq!(told["data"].get("event"), None);
}

#[test]
fn an_incident_is_told_with_its_key_and_phase() {
    let ends = of_incident(alone(&node_added()), Phase::Resolve, "spot/prod", Some(node_added().event));
    let told = body("", &ends);
    let expected = json!({"key": "spot/prod", "phase": "resolve", "opened_at": "2026-11-20T08:00:00Z",
        "opened_by": "evt-1", "timed_out": false});
    assert_eq!(told["data"]["incident"], expected);
}

#[test]
fn drills_and_replays_are_marked() {
    let mut drill = node_added();
    drill.event = drill.event.as_drill(&crate::names::DrillName::on_demand());
    assert_eq!(body("", &alone(&drill))["data"]["drill"], "on-demand");
    let again = Some(Again { replay: ReplayId::parse("R7").unwrap(), fresh: false });
    assert_eq!(body("", &alone(&Delivery { again, ..node_added() }))["data"]["replay"], "R7");
}

#[test]
fn what_is_too_much_is_left_out_in_the_promised_order_and_said_to_be() {
    let left_out = |batch: &Batch| body("", batch)["data"]["left_out"].clone();
    let long = json!({"nodeName": "n", "dump": "x".repeat(20_000)});
    assert_eq!(left_out(&alone(&delivery("node.added", long.clone()))), json!(["event.data"]));
    let crowd: Vec<Delivery> = (0..25).map(|_| delivery("node.added", long.clone())).collect();
    assert_eq!(left_out(&many(crowd)), json!(["batch.events.data"]));
    let mut wordy: Vec<Delivery> = (0..25).map(|_| node_added()).collect();
    for (number, each) in wordy.iter_mut().enumerate() {
        each.event.id = EventId::from_sender(None, &format!("evt-{number}"));
        each.event.category = Some("🔥".repeat(300));
    }
    let told = body("", &many(wordy));
    let events = told["data"]["batch"]["events"].as_array().unwrap().len();
    assert!((1..Batch::MAX_SHOWN).contains(&events), "{events}");
    assert_eq!(told["data"]["batch"]["count"], 25, "how many there are is never left out");
}

/// A delivery whose every free text is this one.
fn saying(text: &str) -> Delivery {
    let mut saying = delivery(text, json!({"nodeName": text, text: text, "list": [text, text]}));
    let text = || Some(text.to_owned());
    (saying.event.organization, saying.event.category) = (text(), text());
    let cluster = &mut saying.event.cluster;
    (cluster.id, cluster.name, cluster.provider, cluster.project) = (text(), text(), text(), text());
    saying
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_body_is_longer_than_promised_whatever_anybody_writes(text in texts(1000)) {
        let one = saying(&text);
        let crowd = many(vec![one.clone(); 30]);
        let own = wording(json!({
            "title": "{{ event.category }}", "text": "{{ event.category }}{{ event.category }}",
            "links": [{"text": "{{ event.category }}", "url": "https://w/{{ event.id }}"}],
        }));
        let over = of_incident(alone(&one), Phase::Resolve, &"k".repeat(255), Some(one.event.clone()));
        for batch in [alone(&one), crowd, over] {
            for more in [String::new(), STRUCTURED.to_owned(), BINARY.to_owned()] {
                let limit = 20_000;
                let preview = notifier(&more).preview(&batch, &own);
                let (head, shown) = preview.split_once("\n\n").unwrap();
                let sent = serde_json::from_str::<Value>(shown).unwrap().to_string();
                prop_assert!(sent.len() <= limit, "{} bytes", sent.len());
                // What common servers take for the head of a request.
                prop_assert!(head.len() < 8 * 1024, "{} bytes of headers", head.len());
            }
        }
    }
}

#[test]
fn a_structured_cloudevent_holds_the_attributes_and_the_data() {
    let (head, _) = preview(STRUCTURED, &alone(&node_added()));
    assert!(head.contains(&"content-type: application/cloudevents+json; charset=utf-8".to_owned()), "{head:?}");
    let mut event = body(STRUCTURED, &alone(&node_added()));
    let data = event["data"].take();
    let expected = json!({
        "specversion": "1.0", "id": id_of(&node_added()), "source": "/castai-relay/routes/all",
        "type": "castai-relay.node.added", "time": "2026-11-20T08:15:30Z", "subject": "prod-eu", "severity": "info",
        "datacontenttype": "application/json", "data": null,
    });
    assert_eq!(event, expected);
    assert_eq!(data, body("", &alone(&node_added()))["data"]);
}

#[test]
fn a_binary_cloudevent_has_its_attributes_in_headers_and_no_second_content_type() {
    let mut odd = node_added();
    odd.event.cluster.name = Some("Euro € 😀".to_owned());
    let (head, _) = preview(BINARY, &alone(&odd));
    let id = id_of(&odd);
    let expected = [
        "POST https://hooks.example.com/…",
        "content-type: application/json",
        "ce-specversion: 1.0",
        &format!("ce-id: {id}"),
        "ce-source: /castai-relay/routes/all",
        "ce-type: castai-relay.node.added",
        "ce-time: 2026-11-20T08:15:30Z",
        "ce-subject: Euro%20%E2%82%AC%20%F0%9F%98%80",
        "ce-severity: info",
        &format!("idempotency-key: \"{id}\""),
    ];
    assert_eq!(head, expected);
    assert_eq!(body(BINARY, &alone(&odd)), body("", &alone(&odd))["data"]);
}

#[test]
fn a_header_of_a_cloudevent_is_percent_encoded_as_the_specification_shows() {
    assert_eq!(percent_encoded("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
    assert_eq!(percent_encoded("a\"b%c\u{7f}\n"), "a%22b%25c%7F%0A");
    assert_eq!(percent_encoded("!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"), "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~");
}

#[test]
fn a_template_sees_the_event_and_what_our_own_body_would_say() {
    let text = r#"{"node": {{ event.data.nodeName | tojson }}, "title": {{ data.message.title | tojson }}, "phase": "{{ data.incident.phase }}"}"#;
    let more = format!(", method: PUT, body: {{ template: {{ text: '{text}' }} }}");
    let batch = of_incident(alone(&node_added()), Phase::Open, "spot/prod", None);
    let (head, _) = preview(&more, &batch);
    assert_eq!(head[..2], ["PUT https://hooks.example.com/…", "content-type: application/json"]);
    let expected = json!({"node": "ip-10-0-1-7", "title": "New node: m6i.2xlarge", "phase": "open"});
    assert_eq!(body(&more, &batch), expected);
}

/// The examples in the documentation of the format.
fn documented() -> Vec<Value> {
    let document = include_str!("../../../../deploy/WEBHOOK.md");
    let blocks = document.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

#[test]
fn the_documented_examples_are_what_is_sent() {
    let opens = of_incident(alone(&interruptions(1, 1)[0]), Phase::Open, "spot/prod-00", None);
    let crowd = many(interruptions(2, 2));
    let sent = [body("", &opens), body("", &crowd), body(STRUCTURED, &alone(&node_added()))];
    let written: Vec<String> = sent.iter().map(|sent| format!("{sent:#}")).collect();
    assert_eq!(documented(), sent, "{}", written.join("\n----\n"));
}

#[test]
fn the_documented_order_is_the_one_in_which_things_are_left_out() {
    let document = include_str!("../../../../deploy/WEBHOOK.md");
    let listed = LEFT_OUT.iter().map(|path| document.find(&format!("`{}`\n", path.join("."))));
    let places: Vec<usize> =
        std::iter::once(document.find("of a batch `batch.events.data`")).chain(listed).flatten().collect();
    assert_eq!(places.len(), LEFT_OUT.len() + 1, "each is in the list");
    assert!(places.is_sorted(), "{places:?}");
}
