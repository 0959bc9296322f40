//! Killed between a page and its commit, or after it: every notification is told, and told once.

use std::collections::BTreeMap;

use castai_relay::runtime::{Clock, SystemClock};

use super::*;
use crate::support::castai::faults::Fault;
use crate::support::castai::{KEY, StandIn};
use crate::support::process::House;
use crate::support::receivers::Receiver;

const COUNT: i64 = 150;

/// A relay that reads the list each second and tells Slack the id of every event.
fn house(slack: &Receiver, castai: &StandIn) -> House {
    House::with(&format!(
        r#"
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ sqlite: {{ path: relay.db }} }}
castai: {{ api_url: "http://{}", api_key: "{KEY}" }}
sources: {{ notifications: {{ every: 1s }} }}
targets:
  slack-ops: {{ slack: {{ webhook_url: "http://{}/services/T000/B000/secret" }}, concurrency: 16, rate: unlimited }}
routes:
  - {{ name: all, notify: [slack-ops], message: {{ title: "{{{{ event.id }}}}" }} }}
"#,
        castai.address, slack.address
    ))
}

/// How often Slack was told of each id.
fn told(slack: &Receiver) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for received in slack.received() {
        let text = received.json()["text"].as_str().unwrap().to_owned();
        *told.entry(text.lines().next().unwrap_or_default().to_owned()).or_default() += 1;
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_page_and_commit_loses_nothing_and_doubles_nothing() {
    let (slack, castai) = (Receiver::slack().await, StandIn::start().await);
    let now = SystemClock.now();
    let items = (0..COUNT).map(|n| {
        let mut item = notification(&format!("n-{n:03}"), 0);
        let time = now.saturating_sub(Duration::from_secs(600 + 10 * n.unsigned_abs()));
        (item["timestamp"], item["createdAt"]) = (json!(time), json!(time));
        item
    });
    castai.push(List::Notifications, items);
    castai.fails(LIST, 1, Fault::None);
    castai.fails(LIST, 1, Fault::Hang);
    let house = house(&slack, &castai);

    let relay = house.serve().await;
    castai.until_asked(LIST, 2).await;
    relay.kill();
    assert_eq!(slack.received().len(), 0, "one page was read, none was kept");

    let count = usize::try_from(COUNT).unwrap();
    let relay = house.serve().await;
    slack.until_received(count).await;
    let rounds = castai.asked(LIST).len();
    castai.until_asked(LIST, rounds + 2).await;
    relay.kill();

    let relay = house.serve().await;
    let rounds = castai.asked(LIST).len();
    castai.until_asked(LIST, rounds + 2).await;
    relay.ask_to_stop();
    relay.ended().await;
    let told = told(&slack);
    let expected = (0..COUNT).map(|n| (format!("org-1/n-{n:03}"), 1)).collect();
    assert_eq!(told, expected);
}
