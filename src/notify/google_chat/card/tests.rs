//! The shape of a card, and that it stays small whatever the event holds.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::delivery::Delivery;
use crate::notify::samples::{alone, delivery, notification, texts, wording};
use crate::template::Wording;

fn of(delivery: &Delivery, wording: &Wording) -> Value {
    payload(&Message::compose(&alone(delivery), wording, Markup::GoogleChat), None)
}

#[test]
fn a_spot_node_reads_like_this() {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let fact =
        |label: &str, value: &str| json!({"decoratedText": {"topLabel": label, "text": value, "wrapText": true}});
    let expected = json!({
        "fallbackText": "New spot node: m6i.2xlarge (prod-eu)",
        "cardsV2": [{"cardId": "event", "card": {
            "header": {"title": "New spot node: m6i.2xlarge", "subtitle": "info"},
            "sections": [
                {"widgets": [
                    {"textParagraph": {"text": "Node ip-10-0-12-7 joined cluster prod-eu."}},
                    fact("Cluster", "prod-eu"),
                    fact("Node", "ip-10-0-12-7"),
                    fact("Instance type", "m6i.2xlarge"),
                    fact("Lifecycle", "spot"),
                    fact("Happened", "2026-11-20T08:15:30Z"),
                ]},
                {"widgets": [{"textParagraph": {"text": "event evt-1\ninfo · node.added from castai\norganisation org-1"}}]},
            ],
        }}],
    });
    assert_eq!(of(&delivery("node.added", data), &Wording::default()), expected);
}

#[test]
fn tags_of_a_sender_are_only_text_and_the_routes_own_stay() {
    let delivery = notification("<users/all>", "<a href=\"https://evil\">x</a> & y", json!({}));
    let text =
        |payload: &Value| payload["cardsV2"][0]["card"]["sections"][0]["widgets"][0]["textParagraph"]["text"].clone();
    let payload = of(&delivery, &Wording::default());
    assert_eq!(text(&payload), "&lt;a href=\"https://evil\"&gt;x&lt;/a&gt; &amp; y");
    assert_eq!(payload["fallbackText"], "<users/all> (prod-eu)");
    let own =
        wording(json!({"text": "<b>{{ event.name }}</b>", "links": [{"text": "Open", "url": "https://wiki.example"}]}));
    let payload = of(&delivery, &own);
    assert_eq!(text(&payload), "<b>&lt;users/all&gt;</b>");
    assert!(payload.to_string().contains(r#"{"openLink":{"url":"https://wiki.example"}}"#));
}

proptest! {
    #[test]
    fn no_text_makes_it_too_large(text in texts(8000), value in texts(200), label in texts(60)) {
        let data = json!({label: value, "message": text});
        let payload = of(&notification(&text, &text, data), &wording(json!({"text": "{{ event.message }}"})));
        prop_assert!(payload.to_string().len() <= MOST);
    }
}
