//! The worst night: ten thousand interruptions over fifty clusters in nine minutes, and a target that is dead for six hours.
//!
//! Whoever is told must be able to read it, nobody is told faster than they take it, and the others notice nothing. The night
//! goes by in steps that fit no rate. That a dead target harms nobody is told to the millisecond in
//! [`super::simulating`]; here it is told over real HTTP.

mod in_one_message;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{EventId, SourceName};
use castai_relay::runtime::Clock;
use castai_relay::store::DeliveryState;
use serde_json::{Value, json};

use crate::support::receivers::{Received, Reply, status};
use crate::support::relay::{TestRelay, title};

/// As the README recommends: Slack hears of groups and storms, PagerDuty has an incident for each cluster.
const STORM: &str = r#"
targets:
  slack-ops: { rate: 1/s }
  oncall: { rate: 2/s, burst: 20 }
routes:
  - name: interruptions
    match: { type: node.spot_interrupted }
    notify: [slack-ops]
    group: { by: [cluster], wait: 10s, interval: 1m, max_events: 1000 }
    storm: { above: 30/m, never: { severity: critical }, interval: 1m }
  - name: pages
    match: { type: node.spot_interrupted }
    notify: [oncall]
    group: { by: [cluster], wait: 10s, interval: 5m, max_events: 1000 }
    incident: { key: "spot/{{ event.cluster.id }}", severity: error, resolve_when: { type: node.added }, resolve_after: 2h }
"#;

const INTERRUPTIONS: usize = 10_000;
const CLUSTERS: usize = 50;
const TYPES: [&str; 3] = ["m6i.2xlarge", "c5.xlarge", "r6g.4xlarge"];
const ZONES: [&str; 3] = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];
/// The numbers of critical ones begin here.
const CRITICAL: usize = 20_000;
/// The time from one crank to the next, over and over, in milliseconds: together a second.
const STEPS: [u64; 3] = [130, 270, 600];

fn zone(number: usize) -> &'static str {
    ZONES[number % 7 % 3]
}

/// One in four hundred is worse than the rest.
fn severity(number: usize) -> Severity {
    match number {
        CRITICAL.. => Severity::Critical,
        _ if number % 400 == 7 => Severity::Error,
        _ => Severity::Warning,
    }
}

fn happened(number: usize, event_type: &str, relay: &TestRelay) -> Event {
    let cluster = number % CLUSTERS;
    let data = json!({
        "nodeName": format!("ip-10-{cluster}-{number}"), "instanceType": TYPES[number % 3], "zone": zone(number),
        "lifecycle": "spot", "action": "spot-interruption",
    });
    let data = data.as_object().unwrap().clone();
    let now = relay.clock().now();
    Event {
        id: EventId::from_sender(None, &format!("{event_type}-{number}")),
        source: SourceName::parse("castai").unwrap(),
        kind: CastAIEvent::read(event_type, &data, &mut vec![]),
        severity: severity(number),
        organization: None,
        cluster: Cluster {
            id: Some(format!("00000000-0000-0000-0000-0000000000{cluster:02}")),
            name: Some(format!("prod-{cluster:02}")),
            ..Cluster::default()
        },
        category: None,
        labels: Default::default(),
        occurred_at: Some(now),
        received_at: now,
        data,
        notes: vec![],
        body: Bytes::from_static(b"{}"),
    }
}

/// What somebody was told, and when.
type Told = Vec<(Timestamp, Received)>;

/// A night, and what was heard of it.
struct Night {
    relay: TestRelay,
    slack: Told,
    pages: Told,
}

impl Night {
    async fn begins(config: &str) -> Self {
        Self { relay: TestRelay::start(config).await, slack: Vec::new(), pages: Vec::new() }
    }

    fn now(&self) -> Timestamp {
        self.relay.clock().now()
    }

    async fn happen(&self, numbers: impl IntoIterator<Item = usize>, event_type: &str) {
        let events: Vec<Event> = numbers.into_iter().map(|number| happened(number, event_type, &self.relay)).collect();
        self.relay.inbox.accept_all(events, None).await.unwrap();
    }

    /// Lets everything leave that may leave now.
    async fn deliver(&mut self) {
        self.relay.deliver().await;
        let now = self.now();
        self.slack.extend(self.relay.slack().take_received().into_iter().map(|message| (now, message)));
        self.pages.extend(self.relay.pagerduty().take_received().into_iter().map(|page| (now, page)));
    }

    async fn lives_through(&mut self, seconds: u64) {
        for step in (0..seconds).flat_map(|_| STEPS) {
            self.deliver().await;
            self.relay.clock().advance(Duration::from_millis(step));
        }
    }
}

fn millis_between(first: Timestamp, last: Timestamp) -> u64 {
    u64::try_from(last.saturating_since(first).as_millis()).unwrap()
}

/// In no stretch of time more than the burst, and what its time allows at one in `every` milliseconds.
#[track_caller]
fn assert_within(every: u64, burst: u64, told: &Told) {
    for (last, (until, _)) in (1..).zip(told) {
        for (before, (from, _)) in (0..last).zip(told) {
            let (calls, millis) = (last - before, millis_between(*from, *until));
            let allowed = burst + millis / every;
            assert!(calls <= allowed, "{calls} calls in {millis} ms until {until}, {allowed} are allowed");
        }
    }
}

fn number(text: &str) -> usize {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

/// Of `Storm: 1,000 spot interruptions in 50 clusters`.
fn told_in_headline(storm: &Received) -> usize {
    number(title(storm).split(' ').nth(1).unwrap())
}

/// Of the field `*Zone*`: how many in each.
fn told_by_zone(storm: &Received) -> Vec<(String, usize)> {
    let message = storm.json();
    let fields = message.pointer("/attachments/0/blocks/0/fields").unwrap().as_array().unwrap();
    let text = fields.iter().find_map(|field| field["text"].as_str()?.strip_prefix("*Zone*\n")).unwrap();
    let entries = text.trim_matches('`').split(", ").map(|entry| entry.strip_suffix(')').unwrap());
    entries.map(|entry| entry.split_once(" (").map(|(zone, count)| (zone.to_owned(), number(count))).unwrap()).collect()
}

/// As a reader sees it: every text, line by line.
fn as_read(message: &Received) -> String {
    fn texts(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(fields) => match fields.get("text") {
                Some(Value::String(text)) => out.push(text.clone()),
                Some(text) => texts(text, out),
                None => {
                    ["fields", "elements"].iter().filter_map(|key| fields.get(*key)).for_each(|all| texts(all, out))
                }
            },
            Value::Array(all) => all.iter().for_each(|one| texts(one, out)),
            _ => {}
        }
    }
    let message = message.json();
    let mut out = Vec::new();
    texts(&message["blocks"], &mut out);
    out.push(format!("[{}]", message["attachments"][0]["color"].as_str().unwrap()));
    texts(&message["attachments"][0]["blocks"], &mut out);
    out.join("\n")
}

/// How many events a page tells of.
fn told_in_page(page: &Value) -> usize {
    let details = &page["payload"]["custom_details"];
    let first = |count: &Value| number(count.as_str().unwrap().split(' ').next().unwrap());
    details.pointer("/counts/Type/0").map_or(1, first)
}

fn action(page: &(Timestamp, Received)) -> Value {
    page.1.json()["event_action"].clone()
}

/// A hundred in each of the first forty seconds, then twelve.
fn in_second(second: usize) -> std::ops::Range<usize> {
    let until = |second: usize| 100 * second.min(40) + 12 * second.saturating_sub(40);
    until(second)..until(second + 1)
}

/// Nine minutes of interruptions, a critical one now and then; then until nothing more is told.
async fn the_storm() -> (Night, BTreeMap<String, Timestamp>) {
    let mut night = Night::begins(STORM).await;
    let mut critical = BTreeMap::new();
    for second in 0..540 {
        night.happen(in_second(second), "node.spot_interrupted").await;
        if second % 50 == 30 {
            night.happen([CRITICAL + second], "node.spot_interrupted").await;
            critical.insert(format!("node.spot_interrupted-{}", CRITICAL + second), night.now());
        }
        night.lives_through(1).await;
    }
    night.lives_through(300).await;
    (night, critical)
}

#[tokio::test]
async fn ten_thousand_interruptions_are_a_readable_story_and_one_incident_for_each_cluster() {
    let (mut night, critical) = the_storm().await;
    assert_within(1000, 1, &night.slack);
    let (storms, others): (Told, Told) =
        std::mem::take(&mut night.slack).into_iter().partition(|(_, message)| title(message).starts_with("Storm"));
    slack_can_be_read(&storms);
    critical_ones_come_alone_and_soon(&others, &critical);
    insta::assert_snapshot!(as_read(&storms[10].1));

    let pages = night.pages.clone();
    every_cluster_is_an_incident(&pages, critical.len());
    incidents_end_once(&mut night).await;
    night.pages.splice(0..0, pages);
    assert_within(500, 20, &night.pages);
    assert!(night.slack.is_empty(), "the end is PagerDuty's business");
    let backlog = night.relay.store.backlog().await.unwrap();
    assert!(backlog.is_empty(), "everything has ended: {backlog:?}");
}

/// Each message has all that came since the last one, and comes a minute after it, or has no room for more.
fn slack_can_be_read(storms: &Told) {
    for pair in storms.windows(2) {
        let [(before, first), (at, _)] = pair else { unreachable!() };
        let is_full = told_in_headline(first) == 1000;
        assert!(is_full || millis_between(*before, *at) >= 60_000, "{before} was not full, and the next came at {at}");
    }
    let told: Vec<usize> = storms.iter().map(|(_, storm)| told_in_headline(storm)).collect();
    let full = told.iter().filter(|told| **told == 1000).count();
    assert_eq!((full, told.len() - full), (4, 10), "four in the worst minute, then one a minute: {told:?}");
    assert_eq!(told.iter().sum::<usize>(), INTERRUPTIONS, "nobody is missing, nobody is told of twice");
    let (mut told, mut came) = (BTreeMap::new(), BTreeMap::new());
    for (zone, count) in storms.iter().flat_map(|(_, storm)| told_by_zone(storm)) {
        *told.entry(zone).or_insert(0) += count;
    }
    (0..INTERRUPTIONS).for_each(|number| *came.entry(zone(number).to_owned()).or_insert(0) += 1);
    assert_eq!(told, came);
}

/// Critical ones wait neither for company nor for the storm: no longer than the messages take that are due already.
fn critical_ones_come_alone_and_soon(others: &Told, critical: &BTreeMap<String, Timestamp>) {
    let told = others.iter().map(|(at, message)| {
        let read = as_read(message);
        let id = read.lines().find_map(|line| line.strip_prefix("event ")).unwrap_or_else(|| panic!("{read}"));
        assert!(read.contains("[#8B0000]") && !read.contains("more"), "{read}");
        let waited = millis_between(critical[id], *at);
        assert!(waited <= 2000, "{id} waited {waited} ms");
        id.to_owned()
    });
    assert_eq!(told.collect::<Vec<_>>(), critical.keys().cloned().collect::<Vec<_>>());
}

/// Each hears of all that happened in it, at most every five minutes, the first time as soon as the rate allows.
fn every_cluster_is_an_incident(pages: &Told, critical: usize) {
    let mut incidents: BTreeMap<String, Vec<(Timestamp, usize)>> = BTreeMap::new();
    for (at, page) in pages {
        let page = page.json();
        assert_eq!(page["event_action"], "trigger");
        let key = page["dedup_key"].as_str().unwrap().to_owned();
        incidents.entry(key).or_default().push((*at, told_in_page(&page)));
    }
    assert_eq!(incidents.len(), CLUSTERS);
    assert_eq!(pages.len(), CLUSTERS * 3, "at once, after five minutes and after ten");
    let began = pages[0].0;
    for (key, told) in &incidents {
        assert!(millis_between(began, told[0].0) <= 15_000, "{key} is opened at {}, the first at {began}", told[0].0);
        let apart = |pair: &[(Timestamp, usize)]| millis_between(pair[0].0, pair[1].0) >= 300_000;
        assert!(told.windows(2).all(apart), "{key}: {told:?}");
        let events: usize = told.iter().map(|(_, events)| events).sum();
        assert!(events >= INTERRUPTIONS / CLUSTERS, "{key}: {told:?}");
    }
    let told: usize = incidents.values().flatten().map(|(_, events)| events).sum();
    assert_eq!(told, INTERRUPTIONS + critical, "nobody is missing");
}

/// A new node for each cluster ends its incident; a second one ends nothing.
async fn incidents_end_once(night: &mut Night) {
    night.pages.clear();
    night.happen(0..CLUSTERS, "node.added").await;
    night.lives_through(60).await;
    let ended: BTreeSet<String> =
        night.pages.iter().map(|(_, page)| page.json()["dedup_key"].as_str().unwrap().to_owned()).collect();
    assert_eq!((ended.len(), night.pages.len()), (CLUSTERS, CLUSTERS));
    assert!(night.pages.iter().all(|page| action(page) == "resolve"));
    night.happen(CLUSTERS..2 * CLUSTERS, "node.added").await;
    night.lives_through(60).await;
    assert_eq!(night.pages.len(), CLUSTERS);
}

/// Slack is to be dead; who is on call hears of everything, of Slack's death, too.
const OUTAGE: &str = r#"
targets:
  slack-ops: { rate: 5/s, burst: 5 }
  oncall: { rate: unlimited }
routes: [ { name: all-news, match: {}, notify: [slack-ops, oncall] } ]
"#;

#[tokio::test]
async fn a_target_that_is_dead_for_six_hours_harms_nobody_and_catches_up_in_order() {
    let mut night = Night::begins(OUTAGE).await;
    night.relay.slack().always_replies(status(503));
    for number in 0..360 {
        night.happen([number], "node.added").await;
        night.deliver().await;
        night.relay.pass(60);
    }
    // The five that closed it, then a probe after five seconds, twice as long each time, five minutes at most.
    let tries = night.slack.len();
    assert!(tries <= 5 + 6 + 6 * 12, "{tries} attempts in six hours are more than the probes there may be");
    let start = night.pages[0].0;
    let told: Vec<_> = night.pages.iter().filter_map(|(at, page)| Some((number_of(page)?, *at))).collect();
    let due: Vec<_> = (0..360).map(|number| (number, start.saturating_add(Duration::from_secs(number * 60)))).collect();
    assert_eq!(told, due, "the living one hears of each at once");

    night.slack.clear();
    night.relay.slack().always_replies(Reply::With(200, vec![], "ok".into()));
    night.relay.pass(300);
    let mut fresh = Vec::new();
    for number in (1000..1120).step_by(7) {
        night.happen([number], "node.added").await;
        fresh.push((u64::try_from(number).unwrap(), night.now()));
        night.lives_through(1).await;
    }
    night.lives_through(120).await;
    assert_within(200, 5, &night.slack);
    let told: BTreeMap<u64, Timestamp> =
        night.slack.iter().filter_map(|(at, message)| Some((number_of(message)?, *at))).collect();
    for (number, at) in fresh {
        let waited = millis_between(at, told[&number]);
        assert!(waited <= 1000, "fresh news {number} waited {waited} ms");
    }
    let backlog: Vec<u64> =
        night.slack.iter().filter_map(|(_, message)| number_of(message)).filter(|number| *number < 1000).collect();
    assert_eq!(backlog.len(), 360, "nothing is lost, nothing is told twice");
    let (first, rest) = backlog.split_first().unwrap();
    assert!(rest.is_sorted(), "in order, after the probe with {first}: {backlog:?}");
    let states: Vec<_> = night.relay.event("node.added-7").await.deliveries.iter().map(|row| row.state).collect();
    assert_eq!(states, [DeliveryState::Delivered; 2]);
}

/// Of `ip-10-CLUSTER-NUMBER`.
fn number_of(message: &Received) -> Option<u64> {
    let text = message.json().to_string();
    let start = text.find("ip-10-")?;
    let name: String = text[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    name.rsplit('-').next()?.parse().ok()
}
