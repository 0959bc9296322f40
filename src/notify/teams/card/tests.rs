//! The shape of a card, and that it stays small whatever the event holds.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::delivery::Delivery;
use crate::notify::samples::{alone, delivery, interruptions, many, notification, texts, wording};
use crate::template::Wording;

fn of(delivery: &Delivery, wording: &Wording) -> Value {
    payload(&Message::compose(&alone(delivery), wording, Markup::AdaptiveCard))
}

fn body_of(payload: &Value) -> Vec<Value> {
    payload["attachments"][0]["content"]["body"].as_array().unwrap().clone()
}

#[test]
fn a_spot_node_reads_like_this() {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let fact = |title: &str, value: &str| json!({"title": title, "value": value});
    let expected = json!([
        {
            "type": "TextBlock", "text": "New spot node: m6i.2xlarge (prod-eu)", "wrap": true, "weight": "Bolder",
            "size": "Medium", "color": "Accent",
        },
        {"type": "TextBlock", "text": "Node ip-10-0-12-7 joined cluster prod-eu.", "wrap": true},
        {"type": "FactSet", "facts": [
            fact("Cluster", "prod-eu"),
            fact("Node", "ip-10-0-12-7"),
            fact("Instance type", "m6i.2xlarge"),
            fact("Lifecycle", "spot"),
            fact("Happened", "2026-11-20T08:15:30Z"),
        ]},
        {
            "type": "TextBlock", "text": "event evt-1\n\ninfo · node.added from castai\n\norganisation org-1",
            "wrap": true, "size": "Small", "isSubtle": true,
        },
    ]);
    assert_eq!(json!(body_of(&of(&delivery("node.added", data), &Wording::default()))), expected);
}

#[test]
fn markup_of_a_sender_is_only_text_and_the_routes_own_stays() {
    let delivery = notification("*x* _y_", "[click](https://evil)", json!({}));
    let body = body_of(&of(&delivery, &Wording::default()));
    assert_eq!(body[0]["text"], r"\*x\* \_y\_ (prod-eu)");
    assert_eq!(body[1]["text"], r"\[click\](https://evil)");
    let own =
        wording(json!({"text": "**{{ event.name }}**", "links": [{"text": "Open", "url": "https://wiki.example"}]}));
    let payload = of(&delivery, &own);
    assert_eq!(body_of(&payload)[1]["text"], r"**\*x\* \_y\_**");
    let action = json!({"type": "Action.OpenUrl", "title": "Open", "url": "https://wiki.example"});
    assert_eq!(payload["attachments"][0]["content"]["actions"], json!([action]));
}

#[test]
fn many_are_a_list_with_a_line_for_each() {
    let payload = payload(&Message::compose(&many(interruptions(412, 12)), &Wording::default(), Markup::AdaptiveCard));
    let text = body_of(&payload)[1]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("• critical · ") && text.contains("\n\n• ") && text.ends_with(" more"), "{text}");
}

#[test]
fn a_cut_never_splits_an_escape() {
    // What is cut off has as many bytes as what marks the cut.
    assert_eq!(cut_markup(r"ab\*é", 4), "ab…");
    assert_eq!(cut_markup(r"ab\*xy", 5), r"ab\*…");
    assert_eq!(cut_markup(r"ab\…", 4), r"ab\…");
    assert_eq!(cut_markup(r"\**c", 2), "…");
}

proptest! {
    #[test]
    fn no_text_makes_it_too_large(text in texts(8000), value in texts(200), label in texts(60)) {
        let data = json!({label: value, "message": text});
        let payload = of(&notification(&text, &text, data), &wording(json!({"text": "{{ event.message }}"})));
        prop_assert!(payload.to_string().len() <= MOST);
        let ends_in_half = |block: &Value| {
            let text = block["text"].as_str().unwrap_or_default().trim_end_matches('…');
            text.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
        };
        prop_assert!(!body_of(&payload).iter().any(ends_in_half));
    }
}
