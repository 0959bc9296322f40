//! `events tail`: what happens is printed as it happens, nothing is left out, and Ctrl-C is a good end.

use serde_json::Value;

use super::{CONFIG, TYPED};
use crate::explaining::watching::plain;
use crate::support::bodies::{node_added, spot_interrupted};
use crate::support::process::{House, Running, program};
use crate::support::receivers::says;
use crate::support::relay::TestRelay;

/// Somebody who types `events tail`.
struct Tail {
    running: Running,
    _house: House,
}

fn tail(relay: &TestRelay, arguments: &[&str]) -> Tail {
    tail_at(&format!("http://{}", relay.admin), arguments)
}

fn tail_at(url: &str, arguments: &[&str]) -> Tail {
    let house = House::with(TYPED);
    let mut command = program();
    command.current_dir(house.path()).args(["events", "tail", "--config", "relay.yaml", "--url", url]).args(arguments);
    Tail { running: Running::start(&mut command), _house: house }
}

/// The ids of what was printed as JSON, each with what happened.
fn told(lines: &[String]) -> Vec<String> {
    let word = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = line["id"].as_str().or(line["event"]["id"].as_str()).unwrap();
        format!("{} {id}", line["what"].as_str().unwrap())
    };
    lines.iter().map(word).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_printed_until_ctrl_c() {
    let relay = TestRelay::start(CONFIG).await;
    let tail = tail(&relay, &["--after", "0"]);
    relay.accept(node_added("a")).await;
    tail.running.until_printed("came       info node.added in prod-eu, owed: slack-ops pending  a").await;
    relay.slack().next_replies([says(400, "invalid_blocks")]);
    relay.deliver().await;
    let printed = tail.running.until_printed("ended      slack-ops: dead (message_refused): ").await;
    assert!(
        printed.iter().all(|line| line.starts_with("2026-11-20 08:15:31  ") && !line.contains('\x1b')),
        "{printed:?}"
    );
    assert!(
        printed.iter().any(|line| line.contains("given up   slack-ops, attempt 1: node.added (message_refused): "))
    );
    tail.running.interrupt();
    assert_eq!(tail.running.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_each_thing_that_is_asked_for_is_a_line() {
    let relay = TestRelay::start(CONFIG).await;
    let tail = tail(&relay, &["--after", "0", "--output", "json", "--type", "node.spot_interrupted"]);
    relay.accept(node_added("a")).await;
    relay.accept(spot_interrupted("b")).await;
    tail.running.until_printed(r#""id":"b""#).await;
    relay.deliver().await;
    let printed = tail.running.until_printed(r#""what":"attempted""#).await;
    assert_eq!(told(&printed), ["accepted b", "attempted b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_leaves_out_is_listed_in_its_place() {
    let relay = TestRelay::start(CONFIG).await;
    let events = (1..=1300).map(|number| plain(number, &relay)).collect();
    relay.inbox.accept_all(events, None).await.unwrap();
    let tail = tail(&relay, &["--after", "0", "--output", "json"]);
    tail.running.until_printed(r#""id":"evt-1300""#).await;
    relay.accept(node_added("new")).await;
    let printed = tail.running.until_printed(r#""id":"new""#).await;
    let expected = (1..=1300).map(|number| format!("accepted evt-{number}")).chain(["accepted new".to_owned()]);
    assert_eq!(told(&printed), expected.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_goes_away_is_waited_for_and_one_that_is_not_there_is_an_error() {
    let relay = TestRelay::start(CONFIG).await;
    let nobody = tail_at("http://127.0.0.1:1", &[]);
    nobody.running.until_complained("hint: is `castai-relay serve` running").await;
    assert_eq!(nobody.running.ended().code(), Some(1));
    let mut waiting = tail(&relay, &["--after", "0"]);
    relay.accept(node_added("a")).await;
    waiting.running.until_printed("node.added").await;
    relay.life.stop();
    waiting.running.until_complained("the stream ended; trying again").await;
    assert!(!waiting.running.has_ended());
    waiting.running.interrupt();
    assert_eq!(waiting.running.ended().code(), Some(0));
}
