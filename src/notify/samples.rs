//! What the notifiers' tests share: deliveries and batches, awkward texts, a target that answers as told, recorded answers.

use std::cmp::Reverse;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Kit, Next, NotifyError, Scope};
use crate::event::batch::{Batch, Incident, Lease};
use crate::event::castai::Notification;
use crate::event::delivery::{Delivery, Phase};
use crate::event::tally::Tally;
use crate::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use crate::http_client::{HttpClient, retry_after};
use crate::names::{DeliveryId, EventId, IncidentKey, RouteName, SourceName, TargetName};
use crate::template::Wording;

/// An event of this type with these particulars, happened in `prod-eu`, claimed two seconds later.
pub fn delivery(event_type: &str, data: Value) -> Delivery {
    let kind = CastAIEvent::read(event_type, data.as_object().unwrap(), &mut vec![]);
    of_kind(kind, data)
}

/// A notification of CAST AI with these details.
pub fn notification(name: &str, message: &str, details: Value) -> Delivery {
    let notification = Notification { name: Some(name.into()), message: Some(message.into()) };
    of_kind(CastAIEvent::Notification(notification), details)
}

fn of_kind(kind: CastAIEvent, data: Value) -> Delivery {
    of_event(Event {
        id: EventId::from_sender(None, "evt-1"),
        source: SourceName::parse("castai").unwrap(),
        severity: kind.default_severity(),
        kind,
        organization: Some("org-1".into()),
        cluster: Cluster { name: Some("prod-eu".into()), ..Cluster::default() },
        category: None,
        labels: Default::default(),
        occurred_at: Timestamp::parse("2026-11-20T08:15:30Z"),
        received_at: Timestamp::parse("2026-11-20T08:15:31Z").unwrap(),
        data: data.as_object().unwrap().clone(),
        notes: vec![],
        body: Bytes::from(data.to_string()),
    })
}

/// The first attempt to deliver this event.
pub fn of_event(event: Event) -> Delivery {
    Delivery {
        again: None,
        id: DeliveryId::from_row(1),
        route: RouteName::parse("all").unwrap(),
        target: TargetName::parse("ops").unwrap(),
        severity: event.severity,
        attempt: 1,
        claimed_at: event.received_at.saturating_add(Duration::from_secs(1)),
        event,
    }
}

/// The delivery alone.
pub fn alone(delivery: &Delivery) -> Batch {
    Batch::of_one(delivery.clone(), Lease(1))
}

/// Many told as one, as they are put together when they are claimed: given in order of arrival, the worst shown first.
pub fn many(deliveries: Vec<Delivery>) -> Batch {
    let mut tally = Tally::default();
    deliveries.iter().for_each(|delivery| tally.add(&delivery.event, delivery.severity));
    let ids = (1..).map(DeliveryId::from_row).take(deliveries.len()).collect();
    let first_event = deliveries.first().map(|first| Arc::new(first.event.clone()));
    let mut shown = deliveries;
    shown.sort_by_key(|delivery| Reverse(delivery.severity));
    shown.truncate(Batch::MAX_SHOWN);
    shown.iter_mut().for_each(|delivery| delivery.event.body = Bytes::new());
    let claimed_at = tally.last_at().unwrap().saturating_add(Duration::from_secs(10));
    let alone = Batch::of_one(shown.first().unwrap().clone(), Lease(1));
    Batch { deliveries: ids, shown, tally: Some(tally), first_event, claimed_at, ..alone }
}

/// So many spot interruptions, one a second, spread unevenly over so many clusters; every hundredth is critical.
pub fn interruptions(count: u32, clusters: u32) -> Vec<Delivery> {
    let interruption = |n: u32| {
        let cluster = (n % clusters).min(n / 3 % clusters);
        let instance_type = ["m6i.2xlarge", "c6a.4xlarge", "r5.large"][(n % 3) as usize];
        let data = json!({
            "nodeName": format!("ip-10-0-{}-{}", n / 256, n % 256),
            "instanceType": instance_type,
            "lifecycle": "spot",
            "action": "spot-interruption",
            "zone": format!("eu-central-1{}", if n.is_multiple_of(3) { "a" } else { "b" }),
        });
        let mut delivery = delivery("node.spot_interrupted", data);
        let at = delivery.event.received_at.saturating_add(Duration::from_secs(n.into()));
        delivery.event.id = EventId::from_sender(None, &format!("evt-{n}"));
        delivery.event.cluster.name = Some(format!("prod-{cluster:02}"));
        (delivery.event.occurred_at, delivery.event.received_at) = (Some(at), at);
        delivery.severity = if n % 100 == 99 { Severity::Critical } else { Severity::Warning };
        delivery
    };
    (0..count).map(interruption).collect()
}

/// The same batch, as a step of this incident that this event opened at 08:00:00.
pub fn of_incident(batch: Batch, phase: Phase, key: &str, opening: Option<Event>) -> Batch {
    let incident = Incident {
        key: IncidentKey::from_rendered(key).unwrap(),
        phase,
        severity: batch.severity(),
        opened_at: Timestamp::parse("2026-11-20T08:00:00Z").unwrap(),
        opening: opening.map(Arc::new),
        timed_out: false,
    };
    Batch { incident: Some(incident), ..batch }
}

/// A route's `message:`, as it reads in the configuration.
pub fn wording(message: Value) -> Wording {
    serde_json::from_value(message).unwrap()
}

pub fn kit() -> Kit {
    Kit { http: HttpClient::new().unwrap() }
}

/// Any text, and texts of awkward characters around a limit.
pub fn texts(limit: usize) -> impl Strategy<Value = String> {
    let awkward = [
        "a",
        "&",
        "<",
        ">",
        "`",
        "*",
        "<!channel>",
        "<https://x|y>",
        "&amp;",
        "ü",
        "🔥",
        "👩‍👩‍👧",
        "שלום",
        "\u{202e}",
        "\n",
    ];
    let around = prop::sample::select(vec![limit - 1, limit, limit + 1, 4 * limit]);
    let repeated = (prop::sample::select(awkward.to_vec()), around, 0..7usize).prop_map(|(unit, length, shift)| {
        let units = unit.repeat(length / unit.chars().count() + 1);
        "x".repeat(shift).chars().chain(units.chars()).take(length).collect()
    });
    prop_oneof![any::<String>(), repeated]
}

/// A target that answers one request after the other as told. Yields its address, and a future of the bodies it got.
pub async fn target(answers: &[&'static str]) -> (String, impl Future<Output = Vec<String>> + use<>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answers = answers.to_vec();
    let serving = async move {
        let mut bodies = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let body = loop {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request broke off");
                if let Some(body) = whole_body(&String::from_utf8_lossy(&request)) {
                    break body;
                }
            };
            bodies.push(body);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        bodies
    };
    (address, serving)
}

fn whole_body(request: &str) -> Option<String> {
    let (head, body) = request.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    (body.len() >= length.parse().unwrap()).then(|| body.to_owned())
}

/// One answer of a target as documented or observed, with what it must mean.
pub struct Recorded {
    pub id: String,
    pub status: u16,
    pub body: String,
    pub retry_after: Option<Duration>,
    permanent: bool,
    scope: Scope,
    ambiguous: bool,
}

/// All recorded answers of a kind of target that are failures.
pub fn recorded(target: &str) -> Vec<Recorded> {
    let all: Value = serde_json::from_str(include_str!("../../tests/fixtures/targets.json")).unwrap();
    all[target].as_array().unwrap().iter().map(Recorded::read).collect()
}

impl Recorded {
    fn read(row: &Value) -> Self {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let asked = row["headers"]["retry-after"].as_str();
        Self {
            id: text("id"),
            status: row["status"].as_u64().unwrap().try_into().unwrap(),
            body: text("body"),
            retry_after: asked.and_then(|asked| retry_after(asked, Timestamp::from_millis(0))),
            permanent: text("class") == "permanent",
            scope: if text("scope") == "target" { Scope::Target } else { Scope::Message },
            ambiguous: row["note"].as_str().is_some_and(|note| note.contains("outcome ambiguous")),
        }
    }

    /// Compares the verdict with what is recorded.
    pub fn assert_means(&self, verdict: Result<(), NotifyError>) {
        let verdict = verdict.unwrap_err();
        let permanent = verdict.next == Next::GiveUp;
        assert_eq!((permanent, verdict.scope), (self.permanent, self.scope), "{}", self.id);
        // What is recorded says so only where the body does; a bare 5xx is ambiguous by its status.
        assert!(verdict.ambiguous || !self.ambiguous, "{}: {verdict:?}", self.id);
        assert!(self.ambiguous || !verdict.ambiguous || self.status >= 500, "{}: {verdict:?}", self.id);
    }
}
