//! What was answered 200 is told, whatever happens to the process: killed under load ten times, stopped under load.
//!
//! The relay is a process of its own; Slack's stand-in lives here and outlives it.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::process::{House, Relay, Sender};
use crate::support::receivers::{Receiver, Reply, status};

const POSTERS: usize = 6;
const KILLS: usize = 10;
/// A round ends after at most this many acknowledged events.
const MOST_PER_ROUND: usize = 40;

/// A relay that tells Slack the id of every event as the first line of a message.
fn house(slack: &Receiver) -> House {
    House::with(&format!(
        r#"
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ sqlite: {{ path: relay.db }} }}
targets:
  slack-ops:
    slack: {{ webhook_url: "http://{}/services/T000/B000/secret" }}
    concurrency: 16
    rate: unlimited
    retry: {{ base: 200ms, cap: 1s }}
routes:
  - {{ name: all, notify: [slack-ops], message: {{ title: "{{{{ event.id }}}}" }} }}
"#,
        slack.address
    ))
}

/// What the senders sent and what they were told, over all lives of the relay.
#[derive(Clone, Default)]
struct Ledger {
    next: Arc<AtomicUsize>,
    sent: Arc<Mutex<BTreeSet<String>>>,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Ledger {
    /// Notes a fresh id as sent, before it is.
    fn next_id(&self) -> String {
        let id = format!("evt-{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.sent.lock().unwrap().insert(id.clone());
        id
    }

    fn acknowledge(&self, id: String) {
        self.acknowledged.lock().unwrap().insert(id);
        self.count.send_modify(|count| *count += 1);
    }

    async fn until_acknowledged(&self, more: usize) {
        let wanted = *self.count.borrow() + more;
        self.count.subscribe().wait_for(|count| *count >= wanted).await.unwrap();
    }

    fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    fn sent(&self) -> BTreeSet<String> {
        self.sent.lock().unwrap().clone()
    }
}

fn body(id: &str) -> String {
    format!(r#"{{"id":"{id}","eventType":"node.added","clusterName":"prod-eu","data":{{"nodeName":"node-of-{id}"}}}}"#)
}

/// Senders that post one event after the other until the relay is gone.
fn load(relay: &Relay, ledger: &Ledger) -> JoinSet<()> {
    let mut posters = JoinSet::new();
    for _ in 0..POSTERS {
        let (sender, ledger) = (Sender::to(relay.public, "/castai/events"), ledger.clone());
        posters.spawn(async move {
            loop {
                let id = ledger.next_id();
                match sender.post(body(&id)).await {
                    Ok(answer) if answer.status == 200 => ledger.acknowledge(id),
                    Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.body),
                    Err(_) => break,
                }
            }
        });
    }
    posters
}

/// The ids Slack was told of.
fn told(slack: &Receiver) -> BTreeSet<String> {
    let title = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    slack.received().iter().map(|received| title(received.json()["text"].as_str().unwrap())).collect()
}

async fn until_told(slack: &Receiver, wanted: &BTreeSet<String>) {
    loop {
        let seen = slack.received().len();
        if wanted.is_subset(&told(slack)) {
            return;
        }
        slack.until_received(seen + 1).await;
    }
}

fn ok() -> Reply {
    Reply::With(200, vec![], "ok".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_event_survives_ten_kills_under_load() {
    let slack = Receiver::slack().await;
    let (house, ledger, dice) = (house(&slack), Ledger::default(), RandomState::new());
    for round in 0..KILLS {
        // In every other life Slack is down as well, so that what is owed must survive in the database.
        slack.always_replies(if round % 2 == 0 { status(503) } else { ok() });
        let relay = house.serve().await;
        let posters = load(&relay, &ledger);
        let many = usize::try_from(dice.hash_one(round) % MOST_PER_ROUND as u64).unwrap() + 1;
        ledger.until_acknowledged(many).await;
        relay.kill();
        posters.join_all().await;
    }
    slack.always_replies(ok());
    let relay = house.serve().await;
    let acknowledged = ledger.acknowledged();
    assert!(acknowledged.len() >= KILLS, "{}", acknowledged.len());
    until_told(&slack, &acknowledged).await;
    let unknown: Vec<_> = told(&slack).difference(&ledger.sent()).cloned().collect();
    assert!(unknown.is_empty(), "told of what was never sent: {unknown:?}");

    let sender = Sender::to(relay.public, "/castai/events");
    for id in &ledger.sent() {
        let answer = sender.post(body(id)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let again = answer.body.contains(r#""duplicate":true"#);
        assert!(again || !acknowledged.contains(id), "{id} was acknowledged, and then forgotten: {}", answer.body);
    }
    until_told(&slack, &ledger.sent()).await;
    let metrics = relay.look("/metrics").await;
    assert!(metrics.contains("castai_relay_dead_letters{target=\"slack-ops\"} 0\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_nothing_that_was_acknowledged() {
    let slack = Receiver::slack().await;
    let (house, ledger) = (house(&slack), Ledger::default());
    let relay = house.serve().await;
    let posters = load(&relay, &ledger);
    ledger.until_acknowledged(30).await;
    relay.ask_to_stop();
    assert_eq!(relay.ended().await.code(), Some(0));
    posters.join_all().await;

    let _relay = house.serve().await;
    until_told(&slack, &ledger.acknowledged()).await;
    assert!(told(&slack).is_subset(&ledger.sent()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_at_sigterm_is_still_answered() {
    let slack = Receiver::slack().await;
    let house = house(&slack);
    let relay = house.serve().await;
    let mut requests = Vec::new();
    for number in 0..POSTERS {
        requests.push(Half::sent(&relay, body(&format!("late-{number}"))).await);
    }
    relay.ask_to_stop();
    relay.until_logged("\"finishing what is in flight\"").await;
    for request in requests {
        let answer = request.finish().await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""duplicate":false"#), "{answer}");
    }
    let log = relay.until_logged("\"stopped\"").await;
    assert!(log.contains("Clean"), "{log}");
    assert_eq!(relay.ended().await.code(), Some(0));
    let relay = house.serve().await;
    let again = relay.post("/castai/events", body("late-0")).await.unwrap();
    assert!(again.body.contains(r#""duplicate":true"#), "{}", again.body);
}

/// A request whose head the relay has read and whose body it waits for.
struct Half {
    connection: TcpStream,
    body: String,
}

impl Half {
    async fn sent(relay: &Relay, body: String) -> Self {
        let mut connection = TcpStream::connect(relay.public).await.unwrap();
        let head = format!(
            "POST /castai/events HTTP/1.1\r\nhost: relay\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut go_on = vec![0; expected.len()];
        connection.read_exact(&mut go_on).await.unwrap();
        assert_eq!(go_on, expected);
        Self { connection, body }
    }

    /// Sends the body; the answer, up to the end of the connection.
    async fn finish(mut self) -> String {
        self.connection.write_all(self.body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.connection.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_relay_at_once_and_what_hung_is_told_after_the_restart() {
    let slack = Receiver::slack().await;
    let house = house(&slack);
    let relay = house.serve().await;
    slack.next_replies([Reply::Silence]);
    assert_eq!(relay.post("/castai/events", body("hung")).await.unwrap().status, 200);
    slack.until_received(1).await;
    relay.ask_to_stop();
    relay.until_logged("\"finishing what is in flight\"").await;
    relay.ask_to_stop();
    assert!(relay.until_logged("\"stopped\"").await.contains("Abandoned"));
    assert_eq!(relay.ended().await.code(), Some(0));
    let _relay = house.serve().await;
    slack.until_received(2).await;
}
