//! Events and deliveries are found by what is known of them, a page at a time.

use castai_relay::event::ledger::KeptTable;
use castai_relay::names::TableId;
use castai_relay::runtime::Clock;
use castai_relay::store::Append;
use serde_json::{Value, json};

use super::watching::plain;
use super::{CONFIG, call, explained, look};
use crate::support::bodies::{node_added, spot_interrupted};
use crate::support::receivers::says;
use crate::support::relay::TestRelay;

const BOTH: &str = r#"
admin: { token: a-token-for-operators }
routes:
  - { name: interruptions, match: { type: node.spot_interrupted }, notify: [oncall] }
  - { name: nodes, match: { type: "node.*" }, notify: [slack-ops] }
"#;

/// Three events a minute apart: the second one is an interruption, the third one is a dead letter at Slack.
async fn three() -> TestRelay {
    let relay = TestRelay::start(BOTH).await;
    relay.accept(node_added("a")).await;
    relay.pass(60);
    relay.accept(spot_interrupted("b")).await;
    relay.deliver().await;
    relay.pass(60);
    relay.slack().next_replies([says(400, "invalid_blocks")]);
    relay.accept(node_added("c")).await;
    relay.deliver().await;
    relay
}

/// The ids of what is listed, of the events with short ids: the relay's own reports left out.
fn ids(listing: &Value, id: impl Fn(&Value) -> Value) -> String {
    let items = listing["events"].as_array().or(listing["deliveries"].as_array()).unwrap();
    let ids = items.iter().map(|item| id(item).as_str().unwrap().to_owned());
    ids.filter(|id| id.len() == 1).collect()
}

async fn events(relay: &TestRelay, query: &str) -> String {
    ids(&look(relay, &format!("events?{query}")).await, |event| event["id"].clone())
}

async fn deliveries(relay: &TestRelay, query: &str) -> String {
    ids(&look(relay, &format!("deliveries?{query}")).await, |delivery| delivery["event"]["id"].clone())
}

#[tokio::test]
async fn events_are_found_by_what_they_are_and_what_they_owe() {
    let relay = three().await;
    for (query, found) in [
        ("", "cba"),
        ("order=oldest", "abc"),
        ("type=node.*", "cba"),
        ("type=node.spot_interrupted", "b"),
        ("cluster=prod-eu", "cba"),
        ("cluster=prod", ""),
        ("severity=warning", "b"),
        ("source=castai", "cba"),
        ("target=oncall", "b"),
        ("route=interruptions", "b"),
        ("state=dead", "c"),
        ("state=dead&target=oncall", ""),
        ("since=2026-11-20T08:16:31Z", "cb"),
        ("until=2026-11-20T08:16:31Z", "a"),
        ("since=2026-11-20T09:16:31%2B01:00&until=2026-11-20T08:17:31Z", "b"),
        ("text=INTERNAL+ip-10", "cba"),
        ("text=nowhere", ""),
    ] {
        assert_eq!(events(&relay, query).await, found, "{query}");
    }
    let first = &look(&relay, "events?order=oldest&limit=1").await["events"][0];
    assert_eq!(
        (&first["type"], &first["received_at"], &first["repeats"], &first["owed"]),
        (&json!("node.added"), &json!("2026-11-20T08:15:31Z"), &json!(0), &json!({"slack-ops": {"delivered": 1}}))
    );
}

#[tokio::test]
async fn deliveries_are_found_with_what_they_tell_of_and_why_they_ended() {
    let relay = three().await;
    for (query, found) in [
        ("", "cbba"),
        ("order=oldest&target=slack-ops", "abc"),
        ("target=oncall", "b"),
        ("route=interruptions", "b"),
        ("state=dead", "c"),
        ("state=pending", ""),
        ("severity=warning&target=slack-ops", "b"),
        ("since=2026-11-20T08:16:31Z&state=delivered", "bb"),
    ] {
        assert_eq!(deliveries(&relay, query).await, found, "{query}");
    }
    let dead = &look(&relay, "deliveries?state=dead&type=node.added").await["deliveries"][0];
    assert_eq!(dead["event"], json!({"id": "c", "type": "node.added", "severity": "info"}));
    assert_eq!(
        (&dead["route"], &dead["target"], &dead["attempts"], &dead["reason"], &dead["waits"], &dead["due_at"]),
        (&json!("nodes"), &json!("slack-ops"), &json!(1), &json!("message_refused"), &Value::Null, &Value::Null)
    );
    assert_eq!(
        (&dead["owed_since"], &dead["settled_at"]),
        (&json!("2026-11-20T08:17:31Z"), &json!("2026-11-20T08:17:31Z"))
    );
    relay.accept(node_added("d")).await;
    let waits = &look(&relay, "deliveries?state=pending&type=node.added").await["deliveries"][0]["waits"];
    assert_eq!(waits["because"], "turn");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_in_either_order() {
    let relay = TestRelay::start(BOTH).await;
    for id in ["a", "b", "c", "d", "e"] {
        relay.accept(spot_interrupted(id)).await;
    }
    for (list, order, expected) in [
        ("events", "newest", "edcba"),
        ("events", "oldest", "abcde"),
        ("deliveries", "newest", "eeddccbbaa"),
        ("deliveries", "oldest", "aabbccddee"),
    ] {
        let (mut seen, mut next) = (String::new(), String::new());
        loop {
            let page = look(&relay, &format!("{list}?order={order}&limit=3{next}")).await;
            seen.push_str(&ids(&page, |item| item.get("event").unwrap_or(item)["id"].clone()));
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(seen, expected, "{list} {order}");
    }
}

#[tokio::test]
async fn a_cursor_leads_on_in_its_own_list_only() {
    let relay = TestRelay::start(BOTH).await;
    for id in ["a", "b", "c"] {
        relay.accept(node_added(id)).await;
    }
    let cursor = look(&relay, "events?limit=1&type=node.*").await["next"].as_str().unwrap().to_owned();
    assert_eq!(events(&relay, &format!("limit=9&type=node.*&cursor={cursor}")).await, "ba");
    for other in ["events?limit=1", "events?type=node.*&order=oldest", "deliveries?type=node.*", "acts?limit=1"] {
        let answer = call(&relay, "GET", &format!("{other}&cursor={cursor}"), "").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "not_allowed"), "{other}: {answer:?}");
        assert!(answer.body.contains("the cursor is none of this list"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_refused_with_what_can() {
    let relay = TestRelay::start(CONFIG).await;
    let long = "x".repeat(256);
    for (query, part) in [
        (format!("type={long}"), "at most 255 are allowed"),
        (format!("text={long}"), "at most 255 are allowed"),
        (format!("cluster={}", "x".repeat(3000)), "at most 2048 are allowed"),
        ("type=".to_owned(), "an empty text"),
        ("text=%20-%20".to_owned(), "`text` has no word in it"),
        ("severity=loud".to_owned(), "allowed: info, success, warning, error, critical"),
        ("state=lost".to_owned(), "unknown variant `lost`"),
        ("source=No!".to_owned(), "source name `No!` is not allowed"),
        ("target=".to_owned(), "target name `` is not allowed"),
        ("since=yesterday".to_owned(), "`yesterday` is not an RFC 3339 time"),
        ("since=2026-11-20T08:16:31Z&until=2026-11-20T08:16:31Z".to_owned(), "nothing lies between"),
        ("order=random".to_owned(), "unknown variant `random`"),
        ("limit=0".to_owned(), "is not a whole number from 1 to 200"),
        ("cursor=AAAA".to_owned(), "the cursor is none of this list"),
        ("kind=node.added".to_owned(), "unknown field `kind`"),
        ("type=a&type=b".to_owned(), "duplicate field `type`"),
    ] {
        for list in ["events", "deliveries"] {
            let answer = call(&relay, "GET", &format!("{list}?{query}"), "").await;
            assert_eq!((answer.status, answer.code().as_str()), (400, "not_allowed"), "{list}?{query}: {answer:?}");
            assert!(answer.body.contains(part), "{list}?{query}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_story_of_an_event_is_found_whatever_its_id_is_made_of() {
    let relay = TestRelay::start(CONFIG).await;
    for (id, path) in [("a/b", "a%2Fb"), ("ä ö?#%", "%C3%A4%20%C3%B6%3F%23%25"), ("plain", "plain")] {
        relay.accept(json!({"id": id, "eventType": "node.added"}).to_string()).await;
        assert_eq!(look(&relay, &format!("events/{path}")).await["event"]["id"], id);
    }
    let gone = call(&relay, "GET", "events/a", "").await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "not_found"), "{gone:?}");
    assert!(gone.body.contains("there is no event `a`") && gone.body.contains("%2F"), "{gone:?}");
}

#[tokio::test]
async fn a_body_is_shown_as_it_came_up_to_a_limit() {
    let relay = TestRelay::start(CONFIG).await;
    let body = json!({"id": "large", "eventType": "x", "data": {"text": "é".repeat(50_000)}}).to_string();
    relay.accept(&body).await;
    let story = look(&relay, "events/large").await;
    let shown = story["body"]["text"].as_str().unwrap();
    assert_eq!((&story["body"]["bytes"], &story["body"]["is_whole"]), (&json!(body.len()), &json!(false)));
    assert!(shown.len() <= 64 * 1024 + 3 && body.starts_with(shown.trim_end_matches('\u{fffd}')), "{}", shown.len());
    relay.accept(r#"{"id": "small", "eventType": "x"}"#).await;
    let story = look(&relay, "events/small").await;
    assert_eq!(story["body"], json!({"bytes": 33, "text": r#"{"id": "small", "eventType": "x"}"#, "is_whole": true}));
}

#[tokio::test]
async fn what_the_routes_made_of_an_event_is_told_by_the_table_of_its_time() {
    let relay = TestRelay::start(BOTH).await;
    relay.accept(spot_interrupted("a")).await;
    let told = |story: &Value| {
        let verdicts = story["routing"]["verdicts"].as_array().unwrap().iter();
        verdicts.map(|verdict| verdict["told"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = look(&relay, "events/a").await;
    assert_eq!(before["routing"]["is_in_force"], true);
    assert_eq!(told(&before)[0], "interruptions: matched; tells oncall with severity warning");
    let relay = relay.restart(CONFIG).await;
    let after = look(&relay, "events/a").await;
    assert_eq!(after["routing"]["is_in_force"], false);
    assert_eq!((told(&after), &after["routing"]["table"]), (told(&before), &before["routing"]["table"]));
}

#[tokio::test]
async fn why_it_cannot_be_told_what_the_routes_made_of_an_event_is_said() {
    let relay = TestRelay::start(CONFIG).await;
    let unreadable = KeptTable::new("{routes: [ { name: nodes, match: { typ: x }, notify: [] } ]}".to_owned());
    relay.store.keep_table(unreadable.clone(), relay.clock().now()).await.unwrap();
    let forgotten = TableId::of("a table that nobody kept");
    for (number, routed_by, part) in [
        (1, None, "an earlier version of the relay routed it"),
        (2, Some(forgotten), "is no longer kept"),
        (3, Some(unreadable.id), "unknown key `typ`; at: the routing table of that time:1:36"),
    ] {
        let event = plain(number, &relay);
        relay.store.append(vec![Append { event, owed: vec![], routed_by, deed: None }], None).await.unwrap();
        let story = look(&relay, &format!("events/evt-{number}")).await;
        let routing = &story["routing"];
        assert!(routing["unknown"].as_str().unwrap().contains(part), "{part}: {routing}");
        assert_eq!((&routing["verdicts"], &routing["is_in_force"]), (&json!([]), &json!(false)));
        let screen = explained(&relay, &format!("evt-{number}")).await;
        assert!(screen.contains("routes\n  cannot be told: ") && screen.contains(part), "{screen}");
    }
}
