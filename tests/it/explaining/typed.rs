//! `events …`, `deliveries …` and `explain` as they are typed: what they print, and how they end.

use serde_json::{Value, json};

use super::{CONFIG, look, typed, typed_at};
use crate::support::bodies::{node_added, spot_interrupted};
use crate::support::receivers::says;
use crate::support::relay::TestRelay;

/// The lines with one blank between two words.
fn lines(table: &str) -> Vec<String> {
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_deliveries_are_listed_by_what_is_asked_for() {
    let relay = TestRelay::start(CONFIG).await;
    let nothing = typed(&relay, &["events", "list"]).await;
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "no event fits\n"));
    let nothing = typed(&relay, &["deliveries", "list"]).await;
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "no delivery fits\n"));
    relay.accept(node_added("a")).await;
    relay.send(node_added("a")).await;
    relay.inbox.write_repeats_down().await;
    relay.deliver().await;
    relay.pass(60);
    relay.slack().next_replies([says(400, "invalid_blocks")]);
    relay.accept(spot_interrupted("b")).await;
    relay.deliver().await;

    let listed = typed(&relay, &["events", "list", "--type", "node.*"]).await;
    let heading = "RECEIVED (UTC) TYPE SEVERITY CLUSTER OWED ID";
    let expected = [
        heading,
        "2026-11-20 08:16:31 node.spot_interrupted warning prod-eu slack-ops dead b",
        "2026-11-20 08:15:31 node.added info prod-eu slack-ops delivered a (and once more)",
    ];
    assert_eq!((listed.code, lines(&listed.out)), (0, expected.map(str::to_owned).to_vec()), "{listed:?}");
    let first = typed(&relay, &["events", "list", "--oldest", "--limit", "1"]).await;
    assert_eq!(lines(&first.out), [expected[0], expected[2]]);
    assert_eq!(first.err, "there is more; `--limit` says how many are shown\n");
    let arguments = ["events", "list", "--severity", "warning", "--since", "2026-11-20T08:16:00Z", "--output", "json"];
    let listed = json(&typed(&relay, &arguments).await.out);
    assert!(listed["events"].as_array().unwrap().iter().any(|event| event["id"] == "b"), "{listed}");

    let dead = typed(&relay, &["deliveries", "list", "--state", "dead"]).await;
    assert_eq!(lines(&dead.out)[0], "OWED SINCE (UTC) ID TARGET STATE TRIES TYPE EVENT WHY");
    let row = &lines(&dead.out)[1];
    assert!(row.contains("slack-ops dead 1 node.spot_interrupted b message_refused: ") && dead.code == 0, "{dead:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_shown_as_it_is_kept_and_as_it_came() {
    let relay = TestRelay::start(CONFIG).await;
    let body = r#"{"id": "org/a", "eventType": "x", "data": {"text": "\u001b[31mred"}}"#;
    relay.accept(body).await;
    let said = typed(&relay, &["events", "show", "org/a"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains(&format!("body, {} bytes:\n{body}\n", body.len())), "{said:?}");
    assert!(!said.out.contains('\x1b'), "{said:?}");
    let shown = json(&typed(&relay, &["events", "show", "org/a", "--output", "json"]).await.out);
    assert_eq!((&shown["event"]["id"], &shown["body"]["text"]), (&json!("org/a"), &json!(body)));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_the_story_is_told_as_the_api_tells_it() {
    let relay = TestRelay::start(CONFIG).await;
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    let said = typed(&relay, &["explain", "a", "--output", "json"]).await;
    assert_eq!((said.code, json(&said.out)), (0, look(&relay, "events/a").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_who_does_not_answer_is_said_with_what_to_do() {
    let relay = TestRelay::start(CONFIG).await;
    for command in [["explain", "evt/9"].as_slice(), &["events", "show", "evt/9"]] {
        let said = typed(&relay, command).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains("there is no event `evt/9`\nhint: "), "{said:?}");
    }
    let said = typed(&relay, &["events", "list", "--text", "-"]).await;
    assert!(said.code == 2 && said.err.contains("`text` has no word in it\nhint: "), "{said:?}");
    for command in [["explain", "a"].as_slice(), &["events", "list"], &["deliveries", "list"]] {
        let said = typed_at("http://127.0.0.1:1", command).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains("hint: is `castai-relay serve` running"), "{said:?}");
    }
}
