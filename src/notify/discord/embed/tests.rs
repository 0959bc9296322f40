//! The shape of a message, and Discord's limits whatever the event holds.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::delivery::Delivery;
use crate::notify::samples::{alone, delivery, interruptions, many, notification, texts, wording};
use crate::template::Wording;

fn of(delivery: &Delivery, wording: &Wording) -> Value {
    payload(&Message::compose(&alone(delivery), wording, Markup::Discord))
}

#[test]
fn a_spot_node_reads_like_this() {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let field = |name: &str, value: &str| json!({"name": name, "value": value, "inline": true});
    let expected = json!({
        "content": "**New spot node: m6i.2xlarge (prod-eu)**",
        "embeds": [{
            "color": 0x1D_9B_D1,
            "description": "Node ip-10-0-12-7 joined cluster prod-eu.",
            "fields": [
                field("Cluster", "`prod-eu`"),
                field("Node", "`ip-10-0-12-7`"),
                field("Instance type", "`m6i.2xlarge`"),
                field("Lifecycle", "`spot`"),
                field("Happened", "2026-11-20T08:15:30Z"),
            ],
            "footer": {"text": "event evt-1\ninfo · node.added from castai\norganisation org-1"},
        }],
        "allowed_mentions": {"parse": []},
    });
    assert_eq!(of(&delivery("node.added", data), &Wording::default()), expected);
}

#[test]
fn mentions_and_markup_of_a_sender_are_only_text() {
    let delivery = notification("@everyone *x* <@1>", "[click](https://evil) `x` ||y||", json!({"k": "`@here`"}));
    let payload = of(&delivery, &Wording::default());
    assert_eq!(payload["content"], r"**@everyone \*x\* \<@1\> (prod-eu)**");
    assert_eq!(payload["embeds"][0]["description"], r"\[click\](https://evil) \`x\` \|\|y\|\|");
    assert_eq!(payload["embeds"][0]["fields"][1], json!({"name": "k", "value": "`'@here'`", "inline": true}));
}

#[test]
fn the_routes_own_markup_stays_and_its_values_are_escaped() {
    let own = wording(json!({
        "text": "**{{ event.data.node }}**",
        "links": [{"text": "Run *book*", "url": "https://wiki.example/a_(b)?c=1"}],
    }));
    let payload = of(&delivery("node.added", json!({"node": "a_b"})), &own);
    let expected = "**a\\_b**\n[Run \\*book\\*](https://wiki.example/a_%28b%29?c=1)";
    assert_eq!(payload["embeds"][0]["description"], expected);
}

#[test]
fn many_are_a_list_with_their_counts() {
    let payload = payload(&Message::compose(&many(interruptions(412, 12)), &Wording::default(), Markup::Discord));
    assert_eq!(payload["content"], "**412 spot interruptions in 12 clusters**");
    let description = payload["embeds"][0]["description"].as_str().unwrap();
    assert!(description.starts_with("• critical · ") && description.ends_with(" more"), "{description}");
}

#[test]
fn a_cut_never_splits_an_escape() {
    for max in 1..12 {
        let cut = cut_markup(r"\*\*\\\*\_🔥🔥", max);
        assert!(units(&cut) <= max, "{max}: {cut}");
        let backslashes = cut.trim_end_matches('…').chars().rev().take_while(|c| *c == '\\').count();
        assert_eq!(backslashes % 2, 0, "{max}: {cut}");
    }
    assert_eq!(cut_markup("🔥🔥", 3), "🔥…");
    assert_eq!(cut_markup("🔥🔥", 4), "🔥🔥");
}

fn sum_of(embed: &Value) -> usize {
    let of = |value: &Value| units(value.as_str().unwrap_or_default());
    let fields = embed["fields"].as_array().into_iter().flatten();
    let fields: usize = fields.map(|field| of(&field["name"]) + of(&field["value"])).sum();
    of(&embed["description"]) + fields + of(&embed["footer"]["text"])
}

proptest! {
    #[test]
    fn no_text_breaks_a_limit(text in texts(CONTENT), value in texts(OUR_VALUE), label in texts(OUR_LABEL)) {
        let data = json!({label: value, "message": text});
        let payload = of(&notification(&text, &text, data), &wording(json!({"text": "{{ event.message }}"})));
        let embed = &payload["embeds"][0];
        prop_assert!(units(payload["content"].as_str().unwrap()) <= CONTENT);
        prop_assert!(units(embed["description"].as_str().unwrap_or_default()) <= DESCRIPTION);
        prop_assert!(sum_of(embed) <= EMBED);
    }
}
