//! A target whose messages can be answered and changed: an incident is one thread from its beginning to its end, over a
//! restart too, and each route's messages go to the channel it names. Next: [`super::falling_back`].

use serde_json::{Value, json};

use crate::support::bodies::{node_added, spot_interrupted, with};
use crate::support::receivers::{Received, Reply};
use crate::support::relay::{TestRelay, refusal};

const BOT: &str = r##"
targets:
  slack-bot:
    slack: { bot_token: xoxb-1-secret, channel: "#ops", api_url: "http://{{SLACK}}/api" }
    rate: unlimited
routes:
  - name: spot
    match: { type: node.spot_interrupted }
    notify: [slack-bot]
    incident: { key: "spot/{{ event.cluster.id }}", resolve_when: { type: node.added } }
    message: { channel: "#k8s-{{ event.cluster.name }}" }
  - { name: savings, match: { type: savings.threshold }, notify: [slack-bot] }
"##;

const ROOT: &str = "1503435956.000247";

fn taken(ts: &str, thread: Option<&str>) -> Reply {
    let message = json!({"type": "message", "thread_ts": thread});
    let body = json!({"ok": true, "channel": "C123ABC456", "ts": ts, "message": message}).to_string();
    Reply::With(200, vec![("content-type", "application/json; charset=utf-8".into())], body)
}

/// The method, the channel, the thread and the message that is changed.
fn address(sent: &Received) -> (String, Value, Value, Value) {
    let body = sent.json();
    let part = |key: &str| body[key].clone();
    (sent.path.clone(), part("channel"), part("thread_ts"), part("ts"))
}

#[tokio::test]
async fn an_incident_is_one_thread_and_its_end_is_written_into_its_first_message_over_a_restart_too() {
    let relay = TestRelay::start(BOT).await;
    let opened = spot_interrupted("a");
    relay.slack().next_replies([taken(ROOT, None), taken("1503435999.000001", Some(ROOT)), taken(ROOT, None)]);
    relay.accept(&opened).await;
    relay.deliver().await;
    relay.accept(spot_interrupted("b")).await;
    relay.deliver().await;
    let relay = relay.restart(BOT).await;
    relay.accept(node_added("c")).await;
    relay.deliver().await;
    let sent: Vec<_> = relay.slack().received().iter().map(address).collect();
    let cluster: Value = serde_json::from_slice(&opened).unwrap();
    let name = format!("#k8s-{}", cluster["clusterName"].as_str().unwrap());
    let (post, change) = ("/api/chat.postMessage".to_owned(), "/api/chat.update".to_owned());
    let (id, root) = (json!("C123ABC456"), json!(ROOT));
    assert_eq!(
        sent,
        [
            (post.clone(), json!(name), Value::Null, Value::Null),
            (post, id.clone(), root.clone(), Value::Null),
            (change, id, Value::Null, root)
        ]
    );
}

#[tokio::test]
async fn what_belongs_to_a_thread_gets_there_though_its_own_event_names_no_channel() {
    let relay = TestRelay::start(BOT).await;
    relay.slack().next_replies([taken(ROOT, None), taken("1503435999.000001", Some(ROOT)), taken(ROOT, None)]);
    relay.accept(spot_interrupted("a")).await;
    relay.deliver().await;
    let nameless = json!({"clusterName": null});
    relay.accept(with(&spot_interrupted("b"), nameless.clone())).await;
    relay.deliver().await;
    relay.accept(with(&node_added("c"), nameless)).await;
    relay.deliver().await;
    let sent: Vec<_> = relay.slack().received().iter().map(|sent| sent.path.clone()).collect();
    assert_eq!(sent, ["/api/chat.postMessage", "/api/chat.postMessage", "/api/chat.update"]);
}

#[tokio::test]
async fn an_event_without_what_the_channel_is_made_of_is_a_dead_letter_that_says_so_and_holds_nothing_up() {
    let relay = TestRelay::start(BOT).await;
    relay.slack().always_replies(taken(ROOT, None));
    relay.accept(with(&spot_interrupted("a"), json!({"clusterName": null}))).await;
    relay.accept(spot_interrupted("b")).await;
    relay.deliver().await;
    let said = relay.delivery("a").await.detail.unwrap_or_default();
    assert!(said.contains("of the message of route `spot` names no channel for this event"), "{said}");
    assert_eq!(relay.slack().received().len(), 1);
}

#[tokio::test]
async fn a_channel_for_targets_that_have_but_one_is_refused() {
    let said = refusal(
        r##"
routes:
  - { name: news, match: {}, notify: [slack-ops, oncall], message: { channel: "#ops" } }
"##,
    )
    .await;
    assert!(said.contains("no target of this route has more than one channel"), "{said}");
}
