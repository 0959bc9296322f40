//! The shape of a message, and Telegram's limit whatever the event holds.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::delivery::Delivery;
use crate::notify::samples::{alone, delivery, interruptions, many, notification, texts, wording};
use crate::template::Wording;

fn of(delivery: &Delivery, wording: &Wording) -> String {
    text(&Message::compose(&alone(delivery), wording, Markup::Telegram))
}

#[test]
fn a_spot_node_reads_like_this() {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let expected = "<b>New spot node: m6i.2xlarge (prod-eu)</b>\n\
        Node ip-10-0-12-7 joined cluster prod-eu.\n\n\
        <b>Cluster:</b> <code>prod-eu</code>\n\
        <b>Node:</b> <code>ip-10-0-12-7</code>\n\
        <b>Instance type:</b> <code>m6i.2xlarge</code>\n\
        <b>Lifecycle:</b> <code>spot</code>\n\
        <b>Happened:</b> 2026-11-20T08:15:30Z\n\n\
        <code>event evt-1\ninfo · node.added from castai\norganisation org-1</code>";
    assert_eq!(of(&delivery("node.added", data), &Wording::default()), expected);
}

#[test]
fn mentions_and_markup_of_a_sender_are_only_text() {
    let sent = notification("@ada <b>x</b>", "a & b: @bob, ada@example.com, \"y\"", json!({"k": "@ada </code>"}));
    let text = of(&sent, &Wording::default());
    assert!(
        text.starts_with("<b>@\u{2060}ada &lt;b&gt;x&lt;/b&gt; (prod-eu)</b>\na &amp; b: @\u{2060}bob, "),
        "{text}"
    );
    assert!(text.contains("ada@example.com, &quot;y&quot;"), "{text}");
    assert!(text.contains("<b>k:</b> <code>@ada &lt;/code&gt;</code>"), "{text}");
}

#[test]
fn the_routes_own_markup_stays_and_its_values_are_escaped() {
    let own = wording(json!({
        "text": "<i>{{ event.data.node }}</i> <a href=\"https://x/?n={{ event.data.node }}\">x</a> <img>",
        "links": [{"text": "Run <book>", "url": "https://wiki.example/a?b=\"&c=1"}],
    }));
    let text = of(&delivery("node.added", json!({"node": "a\"<b>"})), &own);
    let expected = "<i>a&quot;&lt;b&gt;</i> <a href=\"https://x/?n=a&quot;&lt;b&gt;\">x</a> &lt;img&gt;";
    assert!(text.contains(expected), "{text}");
    let link = "<a href=\"https://wiki.example/a?b=&quot;&amp;c=1\">Run &lt;book&gt;</a>";
    assert!(text.contains(link), "{text}");
}

#[test]
fn a_text_that_is_too_long_is_cut_and_all_else_stays() {
    let own = wording(json!({"text": "<b>{{ 'ü' * 5000 }}</b>"}));
    let text = of(&delivery("node.added", json!({"nodeName": "n"})), &own);
    assert_eq!(measure(&text).units, MOST.units);
    assert!(text.contains("ü…</b>\n\n<b>Cluster:</b>") && text.ends_with("organisation org-1</code>"), "{text}");
}

#[test]
fn many_are_a_list_with_their_counts() {
    let message = Message::compose(&many(interruptions(412, 12)), &Wording::default(), Markup::Telegram);
    let text = text(&message);
    assert!(text.starts_with("<b>412 spot interruptions in 12 clusters</b>\n• "), "{text}");
    assert!(text.contains(" more\n\n<b>Happened:</b> "), "{text}");
}

proptest! {
    #[test]
    fn a_message_is_within_telegrams_limits(name in texts(1000), said in texts(4096), value in texts(200)) {
        let details = json!({"a": value, "b": value, name.as_str(): value});
        let own = wording(json!({
            "text": "<b>{{ event.message }}</b>",
            "links": [{"text": "{{ event.name }}", "url": "https://x/&&&"}],
        }));
        for wording in [Wording::default(), own] {
            let text = of(&notification(&name, &said, details.clone()), &wording);
            let size = measure(&text);
            prop_assert!(size.units <= MOST.units && size.bytes <= MOST.bytes, "{:?}", size);
            // What is whole is not changed any more.
            prop_assert_eq!(within(&text, MOST), text);
        }
    }
}
