//! Where messages can be changed, a storm is one message that counts on: over a restart, and in a new one when somebody has
//! deleted it, or when it gets worse.

use serde_json::{Value, json};

use super::{happened, told_in_headline};
use crate::support::receivers::{Received, Reply};
use crate::support::relay::{TestRelay, title};

const BOT: &str = r##"
targets:
  slack-bot:
    slack: { bot_token: xoxb-1-secret, channel: "#ops", api_url: "http://{{SLACK}}/api" }
    rate: unlimited
routes:
  - name: interruptions
    match: { type: node.spot_interrupted }
    notify: [slack-bot]
    storm: { above: 5/m, interval: 1m }
"##;

const ROOT: &str = "1503435956.000247";
const POST: &str = "/api/chat.postMessage";
const CHANGE: &str = "/api/chat.update";

fn taken(ts: &str) -> Reply {
    says(&json!({"ok": true, "channel": "C123ABC456", "ts": ts, "message": {"type": "message"}}))
}

fn says(body: &Value) -> Reply {
    Reply::With(200, vec![("content-type", "application/json; charset=utf-8".into())], body.to_string())
}

/// By which method, what is changed, and how many it tells of.
fn told(sent: &Received) -> (String, Option<String>, usize) {
    (sent.path.clone(), sent.json()["ts"].as_str().map(str::to_owned), told_in_headline(sent))
}

fn post(all: usize) -> (String, Option<String>, usize) {
    (POST.to_owned(), None, all)
}

fn change(ts: &str, all: usize) -> (String, Option<String>, usize) {
    (CHANGE.to_owned(), Some(ts.to_owned()), all)
}

/// A storm of warnings: those that are worse are left out.
struct Storm {
    relay: TestRelay,
    numbers: Box<dyn Iterator<Item = usize>>,
}

impl Storm {
    async fn begins() -> Self {
        let relay = TestRelay::start(BOT).await;
        relay.slack().always_replies(taken(ROOT));
        Self { relay, numbers: Box::new((0..).filter(|number| number % 400 != 7)) }
    }

    /// What is sent when so many more come, and a minute goes by.
    async fn brings(&mut self, count: usize) -> Vec<(String, Option<String>, usize)> {
        let numbers: Vec<usize> = self.numbers.by_ref().take(count).collect();
        self.brings_these(numbers).await
    }

    async fn brings_these(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<(String, Option<String>, usize)> {
        let events = numbers.into_iter().map(|number| happened(number, "node.spot_interrupted", &self.relay));
        self.relay.inbox.accept_all(events.collect(), None).await.unwrap();
        self.relay.deliver().await;
        self.relay.pass(60);
        self.relay.slack().take_received().iter().map(told).collect()
    }
}

#[tokio::test]
async fn a_storm_is_one_message_that_counts_on_over_a_restart_too() {
    let mut storm = Storm::begins().await;
    assert_eq!(storm.brings(300).await, [post(300)]);
    assert_eq!(storm.brings(200).await, [change(ROOT, 500)]);
    assert_eq!(storm.brings(1).await, [change(ROOT, 501)]);
    let mut storm = Storm { relay: storm.relay.restart(BOT).await, ..storm };
    assert_eq!(storm.brings(499).await, [change(ROOT, 1000)]);
    storm.relay.pass(600);
    assert_eq!(storm.brings(20).await, [post(20)], "another storm is another message");
}

#[tokio::test]
async fn a_message_of_a_storm_that_somebody_deleted_is_told_anew_with_all_that_it_told() {
    let mut storm = Storm::begins().await;
    assert_eq!(storm.brings(30).await, [post(30)]);
    let gone = says(&json!({"ok": false, "error": "message_not_found"}));
    storm.relay.slack().next_replies([gone, taken("1503436000.000001")]);
    assert_eq!(storm.brings(10).await, [change(ROOT, 40), post(40)]);
    assert_eq!(storm.brings(10).await, [change("1503436000.000001", 50)]);
}

#[tokio::test]
async fn a_change_whose_answer_got_lost_is_made_again_and_counts_nothing_twice() {
    let mut storm = Storm::begins().await;
    assert_eq!(storm.brings(30).await, [post(30)]);
    storm.relay.slack().next_replies([Reply::With(500, vec![], String::new())]);
    assert_eq!(storm.brings(10).await, [change(ROOT, 40)]);
    assert_eq!(storm.brings(5).await, [change(ROOT, 45)]);
    assert_eq!(storm.brings(5).await, [change(ROOT, 50)]);
}

/// Nobody hears that a message was changed.
#[tokio::test]
async fn what_is_worse_makes_a_sound() {
    let mut storm = Storm::begins().await;
    assert_eq!(storm.brings(30).await, [post(30)]);
    storm.relay.slack().always_replies(taken("1503436000.000001"));
    assert_eq!(storm.brings_these((10_010..10_019).chain([407])).await, [post(10)]);
    assert_eq!(storm.brings_these((10_020..10_029).chain([807])).await, [change("1503436000.000001", 20)]);
    assert_eq!(storm.brings(10).await, [change("1503436000.000001", 30)]);
}

#[tokio::test]
async fn it_reads_as_one_story() {
    let mut storm = Storm::begins().await;
    storm.brings(300).await;
    storm.relay.slack().take_received();
    let numbers: Vec<usize> = storm.numbers.by_ref().take(50).collect();
    let events = numbers.into_iter().map(|number| happened(number, "node.spot_interrupted", &storm.relay));
    storm.relay.inbox.accept_all(events.collect(), None).await.unwrap();
    storm.relay.deliver().await;
    let sent = storm.relay.slack().take_received();
    assert_eq!(title(&sent[0]), "Storm: 350 spot interruptions in 50 clusters, 3 zones");
    let read = super::as_read(&sent[0]);
    assert!(read.contains("and 330 more") && read.contains("and 349 more of route interruptions"), "{read}");
}
