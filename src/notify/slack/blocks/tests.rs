//! The shape of a message, and Slack's limits whatever the event holds.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::batch::Batch;
use crate::event::delivery::Phase;
use crate::notify::samples::{alone, delivery, interruptions, many, notification, of_incident, texts, wording};
use crate::template::Wording;

fn of(delivery: &crate::event::delivery::Delivery, wording: &Wording) -> Value {
    payload(&Message::compose(&alone(delivery), wording, Markup::Slack))
}

#[test]
fn a_spot_node_reads_like_this() {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let field = |text: &str| json!({"type": "mrkdwn", "text": text});
    let context = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
    let text = "Node ip-10-0-12-7 joined cluster prod-eu.";
    let title = "New spot node: m6i.2xlarge";
    let expected = json!({
        "text": format!("{title} (prod-eu)\n{text}"),
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [{"type": "header", "text": {"type": "plain_text", "text": title, "emoji": true}}],
        "attachments": [{
            "color": "#1D9BD1",
            "blocks": [
                {"type": "section", "text": {"type": "mrkdwn", "text": text}},
                {"type": "section", "fields": [
                    field("*Cluster*\n`prod-eu`"),
                    field("*Node*\n`ip-10-0-12-7`"),
                    field("*Instance type*\n`m6i.2xlarge`"),
                    field("*Lifecycle*\n`spot`"),
                    field("*Happened*\n2026-11-20T08:15:30Z"),
                ]},
                {"type": "context", "elements": [
                    context("event evt-1"),
                    context("info · node.added from castai"),
                    context("organisation org-1"),
                ]},
            ],
        }],
    });
    assert_eq!(of(&delivery("node.added", data), &Wording::default()), expected);
}

#[test]
fn mentions_and_markup_of_a_sender_are_only_text() {
    let delivery = notification("<!channel> & co", "<https://evil|click> `x`", json!({"k": "`<!here>`"}));
    let payload = of(&delivery, &Wording::default());
    let details = &payload["attachments"][0]["blocks"];
    assert_eq!(payload["text"], "&lt;!channel&gt; &amp; co (prod-eu)\n&lt;https://evil|click&gt; `x`");
    // A plain_text object is never searched for mentions.
    assert_eq!(payload["blocks"][0]["text"]["text"], "<!channel> & co");
    assert_eq!(details[0]["text"]["text"], "&lt;https://evil|click&gt; `x`");
    assert_eq!(details[1]["fields"][1]["text"], "*k*\n`'&lt;!here&gt;'`");
}

#[test]
fn a_backtick_opens_no_code_in_a_fact_of_words_either() {
    let mut delivery = notification("n", "m", json!({}));
    delivery.event.category = Some("`a`".into());
    let payload = of(&delivery, &Wording::default());
    assert_eq!(payload["attachments"][0]["blocks"][1]["fields"][1]["text"], "*Category*\n'a'");
}

#[test]
fn a_routes_own_markup_and_links_are_kept() {
    let wording = wording(json!({
        "text": "*{{ event.cluster.name }}* & <https://x|docs>",
        "links": [{"text": "A > B", "url": "https://x/?a=1&b=|"}, {"text": "C", "url": "https://y"}],
    }));
    let payload = of(&delivery("node.added", json!({})), &wording);
    let details = payload["attachments"][0]["blocks"].as_array().unwrap();
    assert_eq!(details[0]["text"]["text"], "*prod-eu* & <https://x|docs>");
    assert_eq!(details[2]["text"]["text"], "<https://x/?a=1&amp;b=%7C|A &gt; B>  ·  <https://y|C>");
}

#[test]
fn links_that_do_not_fit_are_left_out_whole() {
    let link = |n: usize| Link { text: format!("{n}"), url: format!("https://{}", "x".repeat(n)) };
    let line = super::links(&[link(900), link(500), link(300)]).unwrap();
    assert!(line.ends_with("|300>") && !line.contains("|500>"), "{line}");
}

#[test]
fn a_cut_is_never_inside_an_entity_or_a_link() {
    assert_eq!(cut_markup("ab&amp;cd", 9), "ab&amp;cd");
    for max in 4..8 {
        assert_eq!(cut_markup("ab&amp;cd", max), "ab…", "{max}");
    }
    assert_eq!(cut_markup("ab&amp;cd", 8), "ab&amp;…");
    for max in 4..16 {
        assert_eq!(cut_markup("ab <https://x|y> z", max), "ab …", "{max}");
    }
    assert_eq!(cut_markup("a < b and no more", 10), "a < b and…");
    assert_eq!(cut_markup("R&D in several lines", 4), "R&D…");
    assert_eq!(cut_markup("<https://very/long>", 5), "…");
}

/// Text that came from the sender only: no bare `<` or `>`, and every `&` starts an entity.
fn is_escaped(text: &str) -> bool {
    let entity = |rest: &str| ["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity));
    !text.contains(['<', '>']) && text.split('&').skip(1).all(entity)
}

fn texts_of(block: &Value) -> Vec<&Value> {
    let list = |key: &str| block[key].as_array().cloned().map_or(0, |list| list.len());
    let in_list = |key: &'static str| (0..list(key)).map(move |n| &block[key][n]);
    let own = Some(&block["text"]).filter(|text| text.is_object());
    own.into_iter().chain(in_list("fields")).chain(in_list("elements")).collect()
}

proptest! {
    #[test]
    fn every_limit_of_slack_holds(
        title in texts(150), text in texts(3000), value in texts(200), label in texts(60), id in texts(255),
        marked in any::<bool>(),
    ) {
        let details = json!({label: value.clone(), "a": value, "b": {"c": value, "d": [value]}, "e": 1, "f": 2, "g": 3});
        let mut delivery = notification(&title, &text, details);
        delivery.event.id = crate::names::EventId::from_sender(Some("o"), &id);
        delivery.event.notes = vec![text; 4];
        let wording = match marked {
            true => wording(json!({"title": "{{ event.name }}", "text": "{{ event.message }}"})),
            false => Wording::default(),
        };
        let payload = of(&delivery, &wording);
        assert_keeps_to_the_limits(&payload)?;
    }

    #[test]
    fn every_limit_of_slack_holds_for_many_and_for_what_is_over(
        title in texts(150), cluster in texts(200), count in 1..60u32, ended in any::<bool>(), storm in any::<bool>(),
    ) {
        let mut deliveries = interruptions(count, 7);
        for delivery in deliveries.iter_mut().step_by(2) {
            delivery.event.cluster.name = Some(cluster.clone());
        }
        deliveries.extend(std::iter::repeat_n(notification(&title, &cluster, json!({"zone": cluster})), 2));
        let opening = deliveries.last().map(|last| last.event.clone());
        let mut batch = Batch { is_storm: storm, ..many(deliveries) };
        if ended {
            batch = of_incident(batch, Phase::Resolve, "k", opening);
        }
        assert_keeps_to_the_limits(&payload(&Message::compose(&batch, &Wording::default(), Markup::Slack)))?;
    }
}

/// The limits of Slack, and that nothing of a sender's is markup.
fn assert_keeps_to_the_limits(payload: &Value) -> Result<(), TestCaseError> {
    let fallback = payload["text"].as_str().unwrap();
    prop_assert!((1..=3000).contains(&fallback.chars().count()) && is_escaped(fallback), "{fallback}");
    let tops = payload["blocks"].as_array().unwrap();
    let blocks: Vec<&Value> = tops.iter().chain(payload["attachments"][0]["blocks"].as_array().unwrap()).collect();
    prop_assert!(blocks.len() <= 50);
    let mut sum = 0;
    for block in blocks {
        let (limit, most) = match (block["type"].as_str().unwrap(), block.get("fields")) {
            ("header", _) => (150, 1),
            ("section", None) => (3000, 1),
            ("section", Some(_)) => (2000, 10),
            ("context", _) => (3000, 10),
            (other, _) => return Err(TestCaseError::fail(format!("unexpected block {other}"))),
        };
        let texts = texts_of(block);
        prop_assert!((1..=most).contains(&texts.len()), "{block}");
        for object in texts {
            let text = object["text"].as_str().unwrap();
            prop_assert!((1..=limit).contains(&text.chars().count()), "{object}");
            prop_assert!(object["type"] == "plain_text" || is_escaped(text), "{object}");
            sum += text.chars().count();
        }
    }
    prop_assert!(sum <= 9000, "{sum}");
    Ok(())
}

#[test]
fn a_storm_is_a_readable_story() {
    let wording = wording(json!({"links": [{"text": "Console", "url": "https://console.cast.ai/"}]}));
    let storm = Batch { is_storm: true, ..many(interruptions(8412, 50)) };
    insta::assert_json_snapshot!(payload(&Message::compose(&storm, &wording, Markup::Slack)));
}

#[test]
fn the_end_of_an_incident_is_good_news() {
    let opening = interruptions(1, 1).remove(0).event;
    let batch = alone(&delivery("node.added", json!({"nodeName": "ip-10-0-99-1", "lifecycle": "spot"})));
    let closing = of_incident(batch, Phase::Resolve, "spot/prod-00", Some(opening));
    insta::assert_json_snapshot!(payload(&Message::compose(&closing, &Wording::default(), Markup::Slack)));
}
