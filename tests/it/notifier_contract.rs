//! What every notifier promises, as one suite that runs over every row of [`NOTIFIERS`].
//!
//! A clause is a test that goes through the table by [`every_kind`] or [`every_http_kind`]; what it must know of a kind
//! is in that kind's [`Harness`]. A kind without one fails [`every_kind_is_under_contract`]: give it a row in
//! [`HARNESSES`] and its recorded answers in `tests/fixtures/targets.json`, and the whole suite is its own.
//! Targets are stand-ins on loopback: [`crate::support::receivers`] for what is sent, [`crate::support::wire_faults`]
//! for what can go wrong on the way.

mod answers;
mod batches;
mod changes;
mod events;
mod faults;
mod harnesses;
mod limits;
mod messages;
mod secrets;
mod webhook;
mod smtp;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use castai_relay::config::Section;
use castai_relay::event::batch::{Batch, Lease, Receipt};
use castai_relay::event::delivery::{Delivery, Reason};
use castai_relay::event::{Event, Timestamp};
use castai_relay::http_client::HttpClient;
use castai_relay::names::{DeliveryId, RouteName, TargetName};
use castai_relay::notify::{Kind, Kit, NOTIFIERS, Next, Notifier, NotifyError, Scope, Sent};
use castai_relay::template::Wording;
use serde_json::{Value, json};

use crate::support::receivers::Received;
use crate::support::wire_faults;
use harnesses::HARNESSES;

/// What the suite has to know of one kind of target.
struct Harness {
    /// The kind, or what a further form of it is called in [`FORMS`].
    kind: &'static str,
    /// A good section for a target at this address (`http://127.0.0.1:9`), with all of `secrets` in it.
    section: fn(address: &str) -> String,
    /// What must never show.
    secrets: &'static [&'static str],
    /// What must never show and is never sent either: keys that only sign.
    unsent: &'static [&'static str],
    /// `None` for a kind that sends nothing over HTTP.
    http: Option<Http>,
}

/// What the suite has to know of a target that speaks HTTP.
struct Http {
    /// The status and the body of its success.
    success: (u16, &'static str),
    /// What makes a 2xx a success.
    success_is: SuccessIs,
    /// How long to leave it alone after a 429 that does not say.
    wait_when_limited: Option<Duration>,
    /// What a status without words means where that is not its general meaning.
    own_verdict: fn(status: u16) -> Option<Verdict>,
    /// How many requests one attempt makes when each is answered with this status.
    requests: fn(status: u16) -> usize,
    /// What a preview must show of what was sent, below the method and the address: all but the secrets.
    shown: fn(&Received) -> String,
    /// By what the target knows a delivery again, if it does.
    idempotency_key: fn(&Received) -> Option<String>,
    /// What a target that knows a message again makes of one that says more by now.
    when_grown: WhenGrown,
    /// What the target would refuse about a request, or show otherwise than meant.
    refuses: fn(&Received) -> Vec<String>,
    /// How a message that was taken is changed, where it can be.
    changes: Option<Changes>,
}

/// What the suite has to know of a target whose messages can be changed.
struct Changes {
    /// What the first message is called, once it was taken.
    receipt: &'static str,
    /// The method and the path, with its query, by which it is changed.
    to: (&'static str, &'static str),
    /// The answer where it is not there any more.
    gone: (u16, &'static str),
}

/// What makes a 2xx a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SuccessIs {
    /// The status, whatever is said.
    TheStatus,
    /// The status, unless a page is served with it.
    NoPage,
    /// A word in the body.
    InTheBody,
}

/// What a target makes of a message that it knows by its key, when that says more than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenGrown {
    /// It takes over what is new, so the key must stay.
    ItIsRenewed,
    /// It drops it unread, so it must be another key.
    ItIsDropped,
}

/// The body, as it is shown.
fn shown_json(received: &Received) -> String {
    format!("{:#}", received.json())
}

/// The kinds that speak SMTP; their part of the suite is in [`smtp`].
const SMTP: [&str; 1] = ["email"];

/// A kind that can be written in more than one way is under contract in each: what the further ones are called here and
/// in `targets.json`, and of which kind they are.
const FORMS: &[(&str, &str)] = &[("pagerduty_changes", "pagerduty"), ("slack_web_api", "slack")];

/// Every kind in the table in each of its forms, each under its harness.
fn every_kind() -> impl Iterator<Item = &'static Harness> {
    NOTIFIERS.iter().flat_map(|Kind { name: kind, .. }| {
        let mut forms = HARNESSES.iter().filter(move |harness| harness.name() == *kind).peekable();
        assert!(
            forms.peek().is_some(),
            "`{kind}` is in NOTIFIERS but not under contract: add its row to HARNESSES in {}",
            file!()
        );
        forms
    })
}

/// Every kind in the table that speaks HTTP.
fn every_http_kind() -> impl Iterator<Item = (&'static Harness, &'static Http)> {
    every_kind().filter_map(|harness| Some((harness, harness.http.as_ref()?)))
}

/// One client for all targets, as in the relay.
fn kit() -> Kit {
    Kit { http: HttpClient::new().unwrap() }
}

impl Harness {
    /// Everything that must never show.
    fn all_secrets(&self) -> Vec<&'static str> {
        [self.secrets, self.unsent].concat()
    }

    /// What the kind is called in the table.
    fn name(&self) -> &'static str {
        FORMS.iter().find(|(form, _)| *form == self.kind).map_or(self.kind, |(_, kind)| *kind)
    }

    /// Its row in the table.
    fn row(&self) -> &'static Kind {
        NOTIFIERS.iter().find(|kind| kind.name == self.name()).unwrap()
    }

    /// The notifier for a target at this address (`http://127.0.0.1:9`).
    fn notifier(&self, kit: &Kit, address: &str) -> Arc<dyn Notifier> {
        let section = Section::from_yaml(self.kind, &(self.section)(address));
        let notifier = (self.row().build)(&section, kit);
        notifier.unwrap_or_else(|| panic!("the section of `{}` is not good: {:?}", self.kind, section.problems()))
    }
}

impl Http {
    /// The target's success, as its bytes.
    fn success(&self) -> Vec<u8> {
        wire_faults::answer(self.success.0, &[], self.success.1)
    }

    /// What an answer without words means: the statuses' general meaning, and what is particular to this target.
    fn verdict_on_bare(&self, status: u16) -> Verdict {
        match status {
            200..300 if self.success_is == SuccessIs::InTheBody => Verdict::AMBIGUOUS,
            429 => Verdict::Retry(Reason::RateLimited, Scope::Target, self.wait_when_limited),
            _ => (self.own_verdict)(status).unwrap_or_else(|| Verdict::by_status(status)),
        }
    }
}

/// What became of an attempt, without the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Delivered,
    Retry(Reason, Scope, Option<Duration>),
    /// To be tried again, though the message may be there.
    PerhapsDone(Reason, Scope, Option<Duration>),
    GiveUp(Reason, Scope),
}

impl Verdict {
    const UNREACHABLE: Self = Self::Retry(Reason::Unreachable, Scope::Target, None);
    const AMBIGUOUS: Self = Self::PerhapsDone(Reason::Ambiguous, Scope::Message, None);

    fn of(result: &Result<Sent, NotifyError>) -> Self {
        let Err(NotifyError { next, scope, ambiguous, reason, .. }) = result else { return Self::Delivered };
        match (*next, ambiguous) {
            (Next::Retry { after }, false) => Self::Retry(*reason, *scope, after),
            (Next::Retry { after }, true) => Self::PerhapsDone(*reason, *scope, after),
            (Next::GiveUp, false) => Self::GiveUp(*reason, *scope),
            (Next::GiveUp, true) => panic!("given up without knowing whether it arrived: {result:?}"),
        }
    }

    /// The general meaning of a status, written a second time on purpose.
    fn by_status(status: u16) -> Self {
        match status {
            200..300 => Self::Delivered,
            300..400 | 401..=405 | 407 | 410 => Self::GiveUp(Reason::TargetRefused, Scope::Target),
            408 | 425 => Self::Retry(Reason::TargetFailed, Scope::Message, None),
            429 => Self::Retry(Reason::RateLimited, Scope::Target, None),
            400..500 => Self::GiveUp(Reason::MessageRefused, Scope::Message),
            501 | 503 | 505 | 511 => Self::Retry(Reason::TargetFailed, Scope::Target, None),
            500.. => Self::PerhapsDone(Reason::TargetFailed, Scope::Target, None),
            ..200 => Self::AMBIGUOUS,
        }
    }
}

/// When all deliveries of the suite were claimed.
fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T08:20:00Z").unwrap()
}

/// The first attempt to deliver this event.
fn delivery(event: Event) -> Delivery {
    Delivery {
        again: None,
        id: DeliveryId::from_row(7),
        route: RouteName::parse("everything").unwrap(),
        target: TargetName::parse("ops").unwrap(),
        severity: event.severity,
        attempt: 1,
        claimed_at: now(),
        event,
    }
}

/// The delivery as a batch of its own.
fn alone(delivery: &Delivery) -> Batch {
    Batch::of_one(delivery.clone(), Lease(1))
}

/// A delivery where it does not matter of what.
fn any_delivery() -> Delivery {
    delivery(events::node_added())
}

/// One attempt with the relay's own words, which must end: whoever hangs here would hang until the caller's patience
/// is over.
async fn notify(notifier: &Arc<dyn Notifier>, delivery: &Delivery) -> Result<Sent, NotifyError> {
    in_time(notifier.notify(&alone(delivery), &Wording::default())).await
}

/// What the target gave for a message it took. What it answered, if it answers, is recorded.
fn taken(result: Result<Sent, NotifyError>) -> Result<Option<Receipt>, NotifyError> {
    let sent = result?;
    assert!(sent.answer.is_none_or(|answer| (200..300).contains(&answer.status)));
    Ok(sent.receipt)
}

/// What must come without anybody's help, far sooner than this.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("nothing came of it within {limit:?}"))
}

/// A wording, as it reads in a route's `message:`.
fn wording(message: Value) -> Wording {
    serde_json::from_value(message).unwrap()
}

#[test]
fn every_kind_is_under_contract() {
    assert_eq!(every_kind().count(), HARNESSES.len());
    let unknown = HARNESSES.iter().find(|harness| NOTIFIERS.iter().all(|kind| kind.name != harness.name()));
    assert!(unknown.is_none_or(|gone| panic!("`{}` has a harness but is no longer in NOTIFIERS", gone.kind)));
}

#[test]
fn every_kind_says_where_it_sends_without_its_key() {
    for harness in every_kind() {
        let notifier = harness.notifier(&kit(), "http://127.0.0.1:9");
        let endpoint = notifier.endpoint().map(|endpoint| (endpoint.to_string(), endpoint.root().path().to_owned()));
        let expected = harness.http.is_some().then(|| ("http://127.0.0.1:9/…".to_owned(), "/".to_owned()));
        assert_eq!(endpoint, expected, "{}", harness.kind);
    }
}
