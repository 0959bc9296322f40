//! What operators have told again: dead letters, and stored events at a pace.

use castai_relay::deliver::Turn;

use super::*;
use crate::support::bodies::{node_added, with};
use crate::support::receivers::{Reply, says};

/// News goes to Slack and to who is on call.
const BOTH: &str = "routes: [ { name: all-news, match: {}, notify: [slack-ops, oncall] } ]";

async fn started(routes: &str) -> TestRelay {
    TestRelay::start(&format!("{CONFIG}\n{routes}")).await
}

/// Begins what must be allowed.
async fn begun(relay: &TestRelay, fields: Value) -> Value {
    let mut body = json!({"why": "slack was down", "by": "ada"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let answer = call(relay, "POST", "replays", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// Has all that is due now told again, and delivered.
async fn tell_again(relay: &TestRelay) {
    while relay.replay().await == Turn::Worked {}
    relay.deliver().await;
}

fn dedup_keys(relay: &TestRelay) -> Vec<String> {
    let text = |page: Value| page["dedup_key"].as_str().unwrap().to_owned();
    relay.pagerduty().received().iter().map(|page| text(page.json())).collect()
}

#[tokio::test]
async fn a_dead_letter_is_owed_again_and_told_with_its_own_key() {
    let relay = started("routes: [ { name: all-news, match: { type: \"node.*\" }, notify: [oncall] } ]").await;
    relay.pagerduty().next_replies([says(400, "Event object is invalid")]);
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    let dead = relay.delivery("evt-1").await;
    let listed = look(&relay, "deliveries?state=dead").await;
    assert_eq!(listed["deliveries"][0]["id"], dead.id.row());
    let retried = does(&relay, "deliveries/retry", json!({"ids": [dead.id.row(), 7], "by": "ada"})).await;
    assert_eq!(retried, json!({"retried": [dead.id.row()], "left": [7]}));
    relay.deliver().await;
    let [first, second] = <[String; 2]>::try_from(dedup_keys(&relay)).unwrap();
    assert_eq!(first, second, "it is the same message");
    assert_eq!(relay.delivery("evt-1").await.attempts, 2);
    assert_eq!(acts(&relay).await, [format!("delivery_retried {} by ada with admin", dead.id)]);
}

#[tokio::test]
async fn a_replay_tells_what_is_stored_at_its_pace_and_every_message_says_so() {
    let relay = started(BOTH).await;
    for id in ["a", "b", "c"] {
        relay.accept(node_added(id)).await;
    }
    relay.deliver().await;
    let replay = begun(&relay, json!({"type": "node.*", "rate": "30/m"})).await;
    assert_eq!((&replay["id"], &replay["standing"], &replay["every"]), (&json!("R1"), &json!("running"), &json!("2s")));
    tell_again(&relay).await;
    assert_eq!(relay.slack_titles().len(), 4, "one at once");
    relay.pass(1);
    tell_again(&relay).await;
    assert_eq!(relay.slack_titles().len(), 4, "and none before its time");
    relay.pass(3);
    tell_again(&relay).await;
    assert_eq!(relay.slack_titles()[3..], ["Replay: New spot node: m6i.2xlarge"; 3].map(str::to_owned));
    let page = relay.pagerduty().received().last().unwrap().json();
    assert!(page["payload"]["summary"].as_str().unwrap().starts_with("Replay: "), "{page}");
    let keys = dedup_keys(&relay);
    assert_eq!(keys[..3], keys[3..], "who has it already is not told twice");
    let done = look(&relay, "replays/R1").await;
    assert_eq!((&done["standing"], &done["events"], &done["deliveries"]), (&json!("done"), &json!(3), &json!(6)));
    assert_eq!((&done["percent"], &done["ended_at"]), (&json!(100), &json!("2026-11-20T08:15:35Z")));
    let story = look(&relay, "events/a").await;
    assert!(story.to_string().contains(r#""what":"replayed""#), "{story}");
    assert_eq!(acts(&relay).await, ["replay_begun R1 by ada with admin"]);
}

#[tokio::test]
async fn with_new_keys_everybody_is_told() {
    let relay = started(BOTH).await;
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    for keys in ["new", "new"] {
        begun(&relay, json!({"ids": ["a"], "keys": keys, "to": ["oncall"]})).await;
        tell_again(&relay).await;
    }
    let keys = dedup_keys(&relay);
    assert!(keys.len() == 3 && keys[0] != keys[1] && keys[1] != keys[2], "{keys:?}");
    assert_eq!(relay.slack_titles().len(), 1, "nobody else is told");
}

#[tokio::test]
async fn what_came_after_a_replay_was_begun_is_no_part_of_it() {
    let relay = started(BOTH).await;
    relay.accept(node_added("a")).await;
    begun(&relay, json!({"everything": true, "rate": "1/s"})).await;
    relay.accept(node_added("b")).await;
    relay.pass(60);
    while relay.replay().await == Turn::Worked {}
    assert_eq!(look(&relay, "replays/R1").await["events"], 1);
    assert_eq!(relay.event("b").await.deliveries.len(), 2);
}

#[tokio::test]
async fn a_replay_goes_on_where_it_was_after_a_restart() {
    let relay = started(BOTH).await;
    for id in ["a", "b"] {
        relay.accept(node_added(id)).await;
    }
    begun(&relay, json!({"everything": true, "to": ["slack-ops"]})).await;
    assert_eq!(relay.replay().await, Turn::Worked);
    let relay = relay.restart(&format!("{CONFIG}\n{BOTH}")).await;
    assert_eq!(relay.replay().await, Turn::Idle, "the pace is kept");
    relay.pass(1);
    while relay.replay().await == Turn::Worked {}
    for id in ["a", "b"] {
        assert_eq!(relay.event(id).await.deliveries.len(), 3, "{id}");
    }
}

#[tokio::test]
async fn a_replay_is_told_at_night_but_not_to_those_who_are_silenced() {
    let by_day = r#"routes: [ { name: all-news, match: {}, notify: [slack-ops, oncall], active: [ { times: ["20:00-21:00"] } ] } ]"#;
    let relay = started(by_day).await;
    relay.accept(node_added("a")).await;
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), [""; 0]);
    let silence = json!({"targets": ["oncall"], "for": "1h", "by": "ada", "why": "she knows"});
    assert_eq!(call(&relay, "POST", "silences", silence).await.status, 201);
    begun(&relay, json!({"ids": ["a"]})).await;
    tell_again(&relay).await;
    assert_eq!((relay.slack_titles().len(), relay.pagerduty().received().len()), (1, 0));
}

#[tokio::test]
async fn a_replay_that_is_stopped_owes_nothing_more() {
    let relay = started(BOTH).await;
    for id in ["a", "b"] {
        relay.accept(node_added(id)).await;
    }
    begun(&relay, json!({"everything": true})).await;
    assert_eq!(relay.replay().await, Turn::Worked);
    let stopped = does(&relay, "replays/R1/stop", json!({"by": "bob"})).await;
    assert_eq!(
        (&stopped["standing"], &stopped["stopped_by"], &stopped["percent"]),
        (&json!("stopped"), &json!("bob"), &json!(50))
    );
    relay.pass(60);
    assert_eq!(relay.replay().await, Turn::Idle);
    assert_eq!(look(&relay, "replays").await["replays"].as_array().unwrap().len(), 1);
    assert_eq!(call(&relay, "GET", "replays/R9", Value::Null).await.status, 404);
    assert_eq!(call(&relay, "POST", "replays/R9/stop", json!({"by": "bob"})).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_meant_is_told_again_to_nobody() {
    let relay = started(BOTH).await;
    let (why, by) = ("slack was down", "ada");
    for (body, said) in [
        (json!({"why": why, "by": by}), "not said what is to be told again"),
        (json!({"everything": true, "why": " ", "by": by}), "`why` is missing"),
        (json!({"everything": true, "why": why, "by": by, "to": ["nobody"]}), "no target `nobody`"),
        (json!({"everything": true, "why": why, "by": by, "rate": "1000/s"}), "at most 100/s"),
        (json!({"everything": true, "why": why, "by": by, "rate": "often"}), "not a rate"),
        (json!({"since": "2026-11-21T00:00:00Z", "why": why, "by": by}), "nothing lies between"),
        (json!({"ids": vec!["a"; 201], "why": why, "by": by}), "at most 200"),
        (json!({"everything": true, "why": why, "by": by, "colour": "red"}), "colour"),
        (json!({"type": "", "why": why, "by": by}), "`type` has 0 characters"),
        (json!({"text": "x".repeat(256), "why": why, "by": by}), "`text` has 256 characters"),
    ] {
        let answer = call(&relay, "POST", "replays", body.clone()).await;
        let error = answer.json()["error"].to_string();
        assert!(answer.status == 400 && error.contains(said), "{body}: {answer:?}");
    }
    for body in [json!({"ids": [], "by": by}), json!({"ids": vec![1; 201], "by": by}), json!({"ids": [1], "by": ""})] {
        assert_eq!(call(&relay, "POST", "deliveries/retry", body).await.status, 400);
    }
    assert_eq!(call_as(&relay, READ, "POST", "replays", r#"{"everything": true}"#).await.status, 403);
    assert_eq!(acts(&relay).await, [""; 0]);
}

#[tokio::test]
async fn a_group_that_is_told_again_is_one_message_that_says_so() {
    let grouped = "routes: [ { name: all-news, match: {}, notify: [slack-ops], group: { by: [cluster], wait: 0s } } ]";
    let relay = started(grouped).await;
    relay.slack().always_replies(Reply::ok());
    for id in ["a", "b"] {
        relay.accept(with(&node_added(id), json!({"clusterName": "prod"}))).await;
    }
    relay.deliver().await;
    begun(&relay, json!({"everything": true, "rate": "100/s"})).await;
    relay.pass(600);
    tell_again(&relay).await;
    let titles = relay.slack_titles();
    assert!(titles.len() == 2 && titles[1].starts_with("Replay: 2 "), "{titles:?}");
}
