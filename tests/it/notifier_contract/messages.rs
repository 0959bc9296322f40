//! What is sent: within the target's limits and showing what was meant, whatever the event holds and whatever the
//! route's templates do; the same as the preview; and known again when it is sent twice.

use std::collections::HashSet;

use castai_relay::event::{Event, Severity};
use serde_json::json;

use super::*;
use crate::support::receivers::{Receiver, Reply};

const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Success, Severity::Warning, Severity::Error, Severity::Critical];

/// A notifier and the target it speaks to, which takes everything.
pub struct Bench {
    pub harness: &'static Harness,
    pub http: &'static Http,
    receiver: Receiver,
    notifier: Arc<dyn Notifier>,
}

impl Bench {
    pub async fn of(kit: &Kit, (harness, http): (&'static Harness, &'static Http)) -> Self {
        let receiver = Receiver::slack().await;
        receiver.always_replies(Reply::With(http.success.0, vec![], http.success.1.to_owned()));
        let notifier = harness.notifier(kit, &format!("http://{}", receiver.address));
        Self { harness, http, receiver, notifier }
    }

    /// Sends it and yields what arrived, which must be one request that is as previewed and that the target takes.
    async fn sends(&self, what: &str, delivery: &Delivery, wording: &Wording) -> Received {
        self.sends_all(what, &alone(delivery), wording).await
    }

    /// The same of a batch.
    pub async fn sends_all(&self, what: &str, batch: &Batch, wording: &Wording) -> Received {
        let kind = self.harness.kind;
        let result = in_time(self.notifier.notify(batch, wording)).await;
        assert_eq!(result.map(drop), Ok(()), "{kind}, {what}");
        let mut received = self.receiver.take_received();
        let sent = received.pop().unwrap();
        assert!(received.is_empty(), "{kind}, {what}: sent {} times", received.len() + 1);
        assert_eq!((self.http.refuses)(&sent), [""; 0], "{kind}, {what}");
        let shown = format!("POST http://{}/…\n{}", self.receiver.address, (self.http.shown)(&sent));
        assert_eq!(self.notifier.preview(batch, wording), shown, "{kind}, {what}");
        sent
    }
}

#[tokio::test]
async fn every_event_at_every_severity_is_told_within_the_targets_limits_and_as_previewed() {
    let kit = kit();
    let events = events::all();
    for kind in every_http_kind() {
        let bench = Bench::of(&kit, kind).await;
        for (name, event) in &events {
            for severity in SEVERITIES {
                let delivery = Delivery { severity, ..delivery(event.clone()) };
                bench.sends(&format!("{name} {severity}"), &delivery, &Wording::default()).await;
            }
        }
    }
}

#[tokio::test]
async fn no_text_of_a_sender_breaks_a_limit_or_breaks_out() {
    let kit = kit();
    // In the route's templates what a sender wrote is the sender's too.
    let own = wording(json!({
        "title": "{{ event.name | default(event.type) }}",
        "text": "*{{ event.cluster.name }}*: {{ event.message | default('') }} {{ event.data }}",
        "links": [
            {"text": "{{ event.cluster.name }}", "url": "https://wiki.example/{{ event.type }}?a=1&b=2"},
            {"text": "Open", "url": "https://wiki.example/{{ event.cluster.name }}"},
        ],
    }));
    for kind in every_http_kind() {
        let bench = Bench::of(&kit, kind).await;
        for (number, text) in events::awkward_texts().enumerate() {
            let start: String = text.chars().take(12).collect();
            let what = format!("{} characters of {start:?}", text.chars().count());
            let other = if number % 2 == 0 { events::node_called(&text) } else { events::typed(&text) };
            bench.sends(&what, &delivery(other), &Wording::default()).await;
            let saying = delivery(events::saying(&text));
            bench.sends(&what, &saying, &Wording::default()).await;
            bench.sends(&what, &saying, &own).await;
        }
    }
}

#[tokio::test]
async fn templates_that_fail_cost_their_words_and_not_the_message() {
    let kit = kit();
    let default_title = "New spot node: m6i.2xlarge";
    for failing in [
        "{{ event.data.missing }}",
        "{{ event.data.nodeName.deeper.still }}",
        "{{ event.data.nodeName + 1 }}",
        "{{ 1 // 0 }}",
        "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
        "{% for i in range(9999) %}0123456789{% endfor %}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        " \n ",
    ] {
        let links = json!([{"text": failing, "url": failing}, {"text": "x", "url": "javascript:alert(1)"}]);
        let wording = wording(json!({"title": failing, "text": failing, "links": links}));
        for kind in every_http_kind() {
            let sent = Bench::of(&kit, kind).await.sends(failing, &any_delivery(), &wording).await.json().to_string();
            assert!(sent.contains(default_title), "{} {failing}: {sent}", kind.0.kind);
            assert!(!sent.contains("javascript:"), "{} {failing}: {sent}", kind.0.kind);
        }
    }
}

#[tokio::test]
async fn what_sends_nothing_takes_and_previews_everything_too() {
    let kit = kit();
    let texts = events::AWKWARD.iter().map(|text| (format!("{text:?}"), events::saying(text)));
    let all: Vec<(String, Event)> = events::all().into_iter().chain(texts).collect();
    for harness in every_kind().filter(|harness| harness.http.is_none() && !SMTP.contains(&harness.kind)) {
        let notifier = harness.notifier(&kit, "http://127.0.0.1:9");
        for (name, event) in &all {
            let delivery = delivery(event.clone());
            assert_eq!(taken(notify(&notifier, &delivery).await), Ok(None), "{} {name}", harness.kind);
            let preview = notifier.preview(&alone(&delivery), &Wording::default());
            let obeyed = preview.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
            assert!(!preview.trim().is_empty() && obeyed.is_none(), "{} {name}: {preview:?}", harness.kind);
        }
    }
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_is_known_again_and_another_is_not_mistaken_for_it() {
    let kit = kit();
    for kind in every_http_kind() {
        let bench = Bench::of(&kit, kind).await;
        let key = async |delivery: &Delivery| {
            let sent = bench.sends("again", delivery, &Wording::default()).await;
            (bench.http.idempotency_key)(&sent)
        };
        let first = any_delivery();
        let later = now().saturating_add(Duration::from_secs(3600));
        let again = Delivery { attempt: 2, claimed_at: later, severity: Severity::Critical, ..first.clone() };
        let Some(known) = key(&first).await else { continue };
        assert_eq!(key(&again).await.as_ref(), Some(&known), "{}", bench.harness.kind);
        let mut keys = HashSet::from([known]);
        for (name, event) in events::all().into_iter().filter(|(name, _)| name.contains("fixtures")) {
            let is_the_first = event.id == first.event.id;
            let new = keys.insert(key(&delivery(event)).await.unwrap());
            assert_ne!(new, is_the_first, "{} {name}", bench.harness.kind);
        }
    }
}
