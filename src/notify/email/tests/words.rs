//! How a message reads: the order of its parts, what is escaped, what is left out.

use serde_json::json;

use super::*;
use crate::event::batch::Batch;
use crate::notify::samples::{alone, delivery, interruptions, many, notification, wording};
use crate::template::Wording;

fn both(batch: &Batch, wording: &Wording) -> (String, String) {
    let compose = |markup| Message::compose(batch, wording, markup);
    (plain(&compose(Markup::Plain)), html(&compose(Markup::Html)))
}

/// The texts in this order.
#[track_caller]
fn assert_in_order(whole: &str, parts: &[&str]) {
    parts.iter().fold(0, |from, part| {
        from + whole[from..].find(part).unwrap_or_else(|| panic!("`{part}` is not there in its place:\n{whole}"))
    });
}

#[test]
fn one_event_reads_from_the_headline_to_the_id() {
    let delivery = delivery("node.spot_interrupted", json!({"nodeName": "ip-1", "instanceType": "m6i.large"}));
    let links = wording(json!({"links": [{"text": "Runbook <1>", "url": "https://wiki.example/?a=1&b=\"2\""}]}));
    let (plain, html) = both(&alone(&delivery), &links);
    assert_in_order(
        &plain,
        &[
            "Spot interruption: m6i.large in prod-eu\n[warning]\n\n",
            "The cloud provider takes back ip-1",
            "\n\nCluster: prod-eu\nNode: ip-1\n",
            "\n\nRunbook <1>: https://wiki.example/?a=1&b=\"2\"\n\nevent evt-1\n",
        ],
    );
    assert_in_order(
        &html,
        &[
            ">warning</div>",
            ">Spot interruption: m6i.large in prod-eu</h1>",
            ">Node</div>",
            "<a href=\"https://wiki.example/?a=1&amp;b=&quot;2&quot;\"",
            ">Runbook &lt;1&gt;</a>",
            "event evt-1<br>",
        ],
    );
}

#[test]
fn of_many_the_counts_come_before_the_list_and_the_list_has_an_end() {
    let (plain, html) = both(&many(interruptions(412, 12)), &Wording::default());
    assert_in_order(&plain, &["412 spot interruptions in 12 clusters\n", "Severity: ", "• critical", "and 392 more"]);
    assert_in_order(
        &html,
        &["412 spot interruptions in 12 clusters</h1>", ">Severity</div>", "• critical", "<br>\nand 392 more"],
    );
}

#[test]
fn a_text_is_cut_at_its_limit_and_not_before() {
    for (length, is_cut) in [(LONGEST_TEXT - 1, false), (LONGEST_TEXT, false), (LONGEST_TEXT + 1, true)] {
        for unit in ["a", "🔥", "ש", "<"] {
            let said = unit.repeat(length);
            let (plain, html) = both(&alone(&notification("name", &said, json!({}))), &Wording::default());
            assert_eq!(plain.contains(&said), !is_cut, "{length} {unit}");
            assert_eq!(html.contains(&Markup::Html.escape(&said)), !is_cut, "{length} {unit}");
            assert!(plain.len() < 5 * LONGEST_TEXT && html.len() < 7 * LONGEST_TEXT, "{length} {unit}");
        }
    }
}

#[test]
fn every_text_takes_the_direction_of_its_own_letters() {
    let (_, html) = both(&alone(&notification("שלום", "עולם", json!({"k": "v"}))), &Wording::default());
    assert!(html.contains("<h1 dir=\"auto\"") && html.contains("<div dir=\"auto\">עולם</div>"), "{html}");
}

#[test]
fn a_phone_gets_one_column_and_nothing_to_fetch() {
    let (_, html) = both(&many(interruptions(30, 3)), &Wording::default());
    assert!(html.contains("width=device-width") && html.contains("max-width:600px"), "{html}");
    for absent in ["<img", "<link", "<style", "<script", "url(", "src=", "<th"] {
        assert!(!html.contains(absent), "{absent}");
    }
    let too_small = ["font-size:10px", "font-size:11px", "font-size:12px"];
    assert!(too_small.iter().all(|size| !html.contains(size)));
}
