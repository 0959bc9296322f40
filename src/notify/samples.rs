//! What the notifiers' tests share: deliveries, awkward texts, a target that answers as told, recorded answers.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Kit, Next, NotifyError, Scope};
use crate::event::batch::{Batch, Lease};
use crate::event::castai::Notification;
use crate::event::delivery::Delivery;
use crate::event::{CastAIEvent, Cluster, Event, Timestamp};
use crate::http_client::{HttpClient, retry_after};
use crate::names::{DeliveryId, EventId, RouteName, SourceName, TargetName};
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

/// All recorded answers of `slack` or `pagerduty` that are failures.
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
