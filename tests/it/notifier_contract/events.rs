//! The events a notifier has to cope with: every recorded body, every report of the relay's own, every kind with too
//! little and too much in it, and texts that are awkward where they are cut.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use castai_relay::event::castai::{KINDS, Notification};
use castai_relay::event::delivery::Reason;
use castai_relay::event::relay::{self, ClosedTarget, Gap, GapWebhook, GivenUp, RelayReport, Silence};
use castai_relay::event::{CastAIEvent, Cluster, Event, Timestamp};
use castai_relay::names::{EventId, RouteName, SourceName, TargetName};
use castai_relay::source::verify::{Unverified, Verifier};
use castai_relay::source::wire::{self, Mapping};
use hyper::header::HeaderMap;
use serde_json::{Map, Value, json};

/// An event with what to call it when something is wrong with it.
pub type Named = (String, Event);

fn received_at() -> Timestamp {
    Timestamp::parse("2026-11-20T08:16:00Z").unwrap()
}

fn castai() -> SourceName {
    SourceName::parse("castai").unwrap()
}

/// The event most people will see first.
pub fn node_added() -> Event {
    of_body(include_bytes!("../../fixtures/brief/node.added.json"))
}

/// Everything that has to be told.
pub fn all() -> Vec<Named> {
    recorded().into_iter().chain(reports()).chain(sparse()).chain(crowded()).collect()
}

/// What the webhook makes of a body.
fn of_body(body: &[u8]) -> Event {
    let body = Bytes::copy_from_slice(body);
    let request = Unverified::new(HeaderMap::new(), body.clone());
    let verified = request.verify(&Verifier::None, received_at()).unwrap();
    wire::read(&verified, &castai(), &Mapping::default(), received_at())
        .unwrap_or_else(|problem| relay::body_rejected(&castai(), body, &problem, received_at()))
}

/// Every body in `tests/fixtures`, among them one that is not JSON.
fn recorded() -> Vec<Named> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = ["brief", "webhook/rendered"].map(|folder| std::fs::read_dir(fixtures.join(folder)).unwrap());
    let bodies = files.into_iter().flatten().map(|file| file.unwrap().path());
    let events: Vec<Named> =
        bodies.map(|path| (path.display().to_string(), of_body(&std::fs::read(path).unwrap()))).collect();
    assert!(events.len() >= 14, "bodies are missing in {}", fixtures.display());
    events
}

/// What the relay says of itself.
fn reports() -> Vec<Named> {
    let (route, target, event) =
        (RouteName::parse("new-nodes").unwrap(), TargetName::parse("slack-ops").unwrap(), node_added());
    let of = |reason| {
        let detail = "answered 410 `<!channel>` & `channel_is_archived`";
        let given_up =
            GivenUp { event: &event, route: &route, target: &target, reason, detail, attempts: 7, deliveries: 412 };
        (format!("delivery_dead {reason}"), relay::delivery_dead(given_up, received_at()))
    };
    Reason::ALL.into_iter().map(of).chain(reports_of_sources()).chain(reports_of_targets()).collect()
}

/// What the relay says of targets that are closed, and of those that are no more.
fn reports_of_targets() -> Vec<Named> {
    let target = TargetName::parse("slack-ops").unwrap();
    let at = received_at();
    let refusing = ClosedTarget {
        target: &target,
        refuses: true,
        turned: false,
        since: at,
        probes: 3,
        reason: Reason::TargetRefused,
        detail: "answered 404 `<!channel>` & `no_service`",
        waiting: Some(412),
    };
    let failing = ClosedTarget { refuses: false, reason: Reason::Unreachable, waiting: None, ..refusing };
    let later = at.saturating_add(Duration::from_secs(7500));
    vec![
        ("target_paused refusing".to_owned(), relay::target_paused(&refusing, at)),
        ("target_paused failing".to_owned(), relay::target_paused(&failing, at)),
        ("target_resumed".to_owned(), relay::target_resumed(&refusing, later)),
        ("target_resumed at once".to_owned(), relay::target_resumed(&failing, at)),
    ]
}

/// What the relay says of its sources.
fn reports_of_sources() -> Vec<Named> {
    let webhook = GapWebhook {
        name: "relay `<!channel>`".to_owned(),
        status: Some("FailedToConnect".to_owned()),
        error: Some("400 <b>bad</b> & worse".to_owned()),
        missed: 3,
    };
    let at = received_at();
    let names = vec!["Pending pod detected".to_owned(), "Ünïcode & <more>".to_owned()];
    let known = Gap { missed: 3, first_at: at, last_at: at, names, webhooks: vec![webhook], unknown: None };
    let unknown = Gap { webhooks: vec![], unknown: Some("403: no".to_owned()), ..known.clone() };
    let (asked, sent) = (SourceName::notifications(), castai());
    let limit = Duration::from_secs(900);
    let silent =
        Silence { source: &asked, heard_at: Some(at), event_at: None, since: at, limit, error: Some("503 <again>") };
    let never = Silence { source: &sent, heard_at: None, error: None, ..silent.clone() };
    vec![
        ("webhook_gap".to_owned(), relay::webhook_gap(&known, at)),
        ("webhook_gap unknown".to_owned(), relay::webhook_gap(&unknown, at)),
        ("source_silent".to_owned(), relay::source_silent(&silent, at)),
        ("source_silent never heard".to_owned(), relay::source_silent(&never, at)),
        ("item_rejected".to_owned(), relay::item_rejected(&asked, Bytes::from_static(b"[1]"), "not an object", at)),
    ]
}

/// Every kind, knowing nothing or blanks.
fn sparse() -> Vec<Named> {
    let kinds = KINDS.iter().map(|(name, _)| *name).chain([CastAIEvent::UNRECOGNIZED, "cluster.hibernated", " "]);
    let data = [json!({}), json!({"nodeName": " ", "instanceType": "", "action": null, "name": "\n", "detail": ""})];
    kinds.flat_map(|kind| data.each_ref().map(|data| (format!("{kind} {data}"), of_kind(kind, data)))).collect()
}

/// Every kind, with far more than can be shown.
fn crowded() -> Vec<Named> {
    let flat: Map<String, Value> = (0..1000).map(|n| (format!("field_{n}"), json!("v".repeat(n)))).collect();
    let nested: Map<String, Value> = (0..1000).map(|n| (format!("k{n}"), json!({"a": {"b": [n]}, "c": [n]}))).collect();
    let long: Map<String, Value> = ["nodeName", "instanceType", "action", "problem", "detail", "target", "x"]
        .map(|key| (key.to_owned(), json!("long ".repeat(2000))))
        .into_iter()
        .collect();
    let data = [("flat", flat), ("nested", nested), ("long", long)];
    let of = |kind: &str| {
        let event =
            |(name, data): &(&str, _)| (format!("{kind} {name}"), of_kind(kind, &Value::Object(Map::clone(data))));
        data.iter().map(event).collect::<Vec<_>>()
    };
    let of_all_kinds = KINDS.iter().map(|(name, _)| *name).chain([CastAIEvent::UNRECOGNIZED]).flat_map(of);
    // More than any target takes, and six times as much in JSON.
    let blob = json!({"blob": "\u{1}".repeat(200_000)});
    of_all_kinds.chain([("huge".to_owned(), of_kind(CastAIEvent::UNRECOGNIZED, &blob))]).collect()
}

fn of_kind(kind: &str, data: &Value) -> Event {
    let data = data.as_object().unwrap();
    let kind = match kind {
        CastAIEvent::NOTIFICATION => CastAIEvent::Notification(Notification::default()),
        other => match RelayReport::ALL.into_iter().find(|report| report.type_name() == other) {
            Some(report) => CastAIEvent::Relay(report),
            None => CastAIEvent::read(other, data, &mut vec![]),
        },
    };
    Event { kind, data: data.clone(), ..bare() }
}

/// An event of which nothing is known but that it came.
fn bare() -> Event {
    let kind = CastAIEvent::Unrecognized { event_type: CastAIEvent::UNRECOGNIZED.to_owned() };
    Event {
        id: EventId::from_sender(None, "evt-1"),
        source: castai(),
        severity: kind.default_severity(),
        kind,
        organization: None,
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: received_at(),
        data: Map::new(),
        notes: vec![],
        body: Bytes::from_static(b"{}"),
    }
}

/// What is awkward to cut, to escape or to show.
pub const AWKWARD: &[&str] = &[
    "a",
    "ü",
    "🔥",
    "👩‍👩‍👧",
    "🇩🇪",
    "e\u{301}",
    "שלום ",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\0",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\r\n",
    "\u{2028}",
    " ",
    "\t",
    "&",
    "<",
    ">",
    "&amp;",
    "<!channel>",
    "<!subteam^S1|x>",
    "<@U1>",
    "<https://evil.example|ok>",
    "`",
    "*_~",
    "\"\\",
    "{{ 7 * 7 }}",
    "|",
];

/// Lengths at which something is cut, here or at a target.
const LIMITS: &[usize] = &[1, 60, 150, 200, 1024, 3000];

/// Texts of one awkward thing again and again, as long as a limit, a character less and a character more.
pub fn awkward_texts() -> impl Iterator<Item = String> {
    let lengths = LIMITS.iter().flat_map(|limit| [limit - 1, *limit, limit + 1]);
    lengths.flat_map(|length| AWKWARD.iter().map(move |unit| unit.chars().cycle().take(length).collect()))
}

/// An event that has this text wherever a sender can write one.
pub fn saying(text: &str) -> Event {
    let said = || Some(text.to_owned());
    let data = json!({"k": text, text: {"n": [1]}});
    Event {
        kind: CastAIEvent::Notification(Notification { name: said(), message: said() }),
        organization: said(),
        cluster: Cluster { id: said(), name: said(), provider: said(), project: said() },
        category: said(),
        notes: vec![text.to_owned()],
        data: data.as_object().unwrap().clone(),
        ..bare()
    }
}

/// The same, of a node.
pub fn node_called(text: &str) -> Event {
    let data = json!({"nodeName": text, "instanceType": text, "lifecycle": text, "action": text});
    let kind = CastAIEvent::read("node.removed", data.as_object().unwrap(), &mut vec![]);
    Event { kind, data: data.as_object().unwrap().clone(), ..saying(text) }
}

/// The same, of a type we do not know.
pub fn typed(text: &str) -> Event {
    Event { kind: CastAIEvent::Unrecognized { event_type: text.to_owned() }, ..saying(text) }
}
