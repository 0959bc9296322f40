//! What is sent, what it is known by, and what cannot be written.

mod bodies;
mod sections;

use serde_json::{Value, json};

use super::*;
use crate::config::Section;
use crate::event::delivery::{Again, Delivery, Phase, Reason};
use crate::event::{Event, Timestamp};
use crate::names::{EventId, ReplayId, TargetName};
use crate::notify::samples::{alone, delivery, interruptions, kit, many, of_event, of_incident, wording};
use crate::signing::{Secrets, SigningKeys};

const URL: &str = "url: https://hooks.example.com/castai";

/// The notifier of a section, with what stands beside the URL.
fn notifier(more: &str) -> std::sync::Arc<dyn Notifier> {
    let section = Section::from_yaml("webhook", &format!("{{ {URL}{more} }}"));
    build(&section, &kit()).unwrap_or_else(|| panic!("{more}: {:?}", section.problems()))
}

/// What is previewed: the first line and the headers, and the body.
fn preview(more: &str, batch: &Batch) -> (Vec<String>, String) {
    let preview = notifier(more).preview(batch, &Wording::default());
    let (head, body) = preview.split_once("\n\n").unwrap_or_else(|| panic!("{preview}"));
    (head.lines().map(str::to_owned).collect(), body.to_owned())
}

/// The previewed body, which is JSON.
fn body(more: &str, batch: &Batch) -> Value {
    serde_json::from_str(&preview(more, batch).1).unwrap()
}

fn node_added() -> Delivery {
    delivery("node.added", json!({"nodeName": "ip-10-0-1-7", "instanceType": "m6i.2xlarge"}))
}

fn id_of(delivery: &Delivery) -> String {
    message_id(&alone(delivery))
}

#[test]
fn an_id_is_the_same_in_each_attempt_and_has_no_dot() {
    let first = node_added();
    let later = first.claimed_at.saturating_add(std::time::Duration::from_secs(9000));
    let again = Delivery { attempt: 7, claimed_at: later, ..first.clone() };
    assert_eq!(id_of(&again), id_of(&first));
    let id = id_of(&first);
    assert!(id.starts_with("msg_") && id.len() == 36 && !id.contains('.'), "{id}");
}

#[test]
fn a_batch_that_has_grown_has_another_id_or_else_its_news_would_be_dropped() {
    let all = interruptions(40, 3);
    let ids = [1, 2, 40].map(|count| message_id(&many(all[..count].to_vec())));
    assert_eq!(ids[0], message_id(&alone(&all[0])));
    assert_eq!(ids[2], message_id(&many(all.clone())), "the same in each attempt");
    let distinct: std::collections::HashSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), 3, "{ids:?}");
    assert_ne!(message_id(&many(all[1..].to_vec())), ids[2]);
}

#[test]
fn another_event_target_phase_or_fresh_replay_has_another_id() {
    let first = node_added();
    let other_event = Event { id: EventId::from_sender(None, "evt-2"), ..first.event.clone() };
    let told = |fresh| Some(Again { replay: ReplayId::parse("R7").unwrap(), fresh });
    let ended = |phase| message_id(&of_incident(alone(&first), phase, "spot/prod", None));
    let ids = [
        id_of(&first),
        id_of(&of_event(other_event)),
        id_of(&Delivery { target: TargetName::parse("other").unwrap(), ..first.clone() }),
        id_of(&Delivery { again: told(true), ..first.clone() }),
        ended(Phase::Resolve),
    ];
    let different: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
    assert_eq!(id_of(&Delivery { again: told(false), ..first.clone() }), ids[0], "with the same keys it is the same");
    assert_eq!(ended(Phase::Open), ids[0], "news of an incident is news of its event");
}

/// One that is not built from a section, to look inside.
fn bare(signer: Option<Signer>, body: Body, secrets: Vec<Secret>) -> Webhook {
    let endpoint = Endpoint::parse("https://hooks.example.com").unwrap();
    Webhook { endpoint, method: Method::Post, headers: vec![], signer, body, secrets, http: kit().http }
}

/// The value of a header as it would be sent.
fn value(outgoing: &Outgoing, name: &str) -> String {
    outgoing.headers.iter().find(|header| header.name == name).unwrap().value.clone()
}

fn keys(secret: &str) -> SigningKeys {
    SigningKeys::of_standard_webhooks(&Secrets::try_from(vec![Secret::literal(secret)]).unwrap()).unwrap()
}

#[test]
fn the_bytes_that_are_signed_are_the_bytes_that_are_sent_at_the_time_of_the_attempt() {
    let key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let webhook = bare(Some(Signer::StandardWebhooks(keys(key))), Body::Event, vec![]);
    let first = node_added();
    let later = Timestamp::from_millis(first.claimed_at.as_millis() + 5500);
    for claimed_at in [first.claimed_at, later] {
        let batch = alone(&Delivery { claimed_at, ..first.clone() });
        let outgoing = webhook.outgoing(&batch, &Wording::default()).unwrap();
        let expected = signing::standard_webhooks(&keys(key), &message_id(&batch), claimed_at, &outgoing.filled.bytes);
        let sent = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| value(&outgoing, name));
        assert_eq!(sent, expected.map(|(_, value)| value));
        assert_eq!(value(&outgoing, "webhook-timestamp"), (claimed_at.as_millis() / 1000).to_string());
        assert_eq!(value(&outgoing, "idempotency-key"), format!("\"{}\"", message_id(&batch)));
    }
}

#[test]
fn an_hmac_is_written_as_its_receiver_reads_it() {
    let sent = |encoding| {
        // The vector of GitHub's documentation, in both ways to write it.
        let secrets = Secrets::try_from(vec![Secret::literal("It's a Secret to Everybody")]).unwrap();
        let (header, prefix) = (HeaderName::from_static("x-hub-signature-256"), "sha256=".to_owned());
        let signer = Signer::Hmac { header, prefix, encoding, key: SigningKeys::try_from(secrets).unwrap() };
        let written = json!({"template": {"text": "Hello, World!", "content_type": "text/plain"}});
        let webhook = bare(Some(signer), serde_json::from_value(written).unwrap(), vec![]);
        let outgoing = webhook.outgoing(&alone(&node_added()), &Wording::default()).unwrap();
        assert!(webhook.shown(&outgoing).ends_with("x-hub-signature-256: ***\n\nHello, World!"));
        value(&outgoing, "x-hub-signature-256")
    };
    let hex = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(sent(Encoding::Hex), hex);
    assert_eq!(sent(Encoding::Base64), "sha256=dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=");
}

#[test]
fn a_batch_never_mixes_incidents_and_a_template_speaks_of_one_event() {
    let template = ", body: { template: { text: '{}' } }";
    assert!(notifier("").keeps_incidents() && notifier(template).keeps_incidents());
    assert!(notifier("").tells_many() && !notifier(template).tells_many());
}

#[test]
fn an_answer_loses_what_was_secret_in_the_request() {
    let section = Section::from_yaml(
        "webhook",
        &format!(
            "{{ {URL}, auth: {{ basic: {{ username: ada, password: lovelace }} }}, headers: {{ X-Version: 'v1' }} }}"
        ),
    );
    let shown = build(&section, &kit()).unwrap().preview(&alone(&node_added()), &Wording::default());
    assert!(shown.contains("authorization: ***") && shown.contains("x-version: ***"), "{shown}");
    let webhook = bare(None, Body::Event, config::secrets_of(&section.read().unwrap()));
    let said = "no Basic YWRhOmxvdmVsYWNl here, nor lovelace; v1".to_owned();
    assert_eq!(webhook.without_secrets(said), "no Basic *** here, nor ***; v1");
    let section = Section::from_yaml("webhook", &format!("{{ {URL}, auth: {{ bearer: 'to\"ken/with/slashes' }} }}"));
    let webhook = bare(None, Body::Event, config::secrets_of(&section.read().unwrap()));
    for said in [r#"{"got":"to\"ken/with/slashes"}"#, r#"{"got":"to\"ken\/with\/slashes"}"#] {
        assert_eq!(webhook.without_secrets(said.to_owned()), r#"{"got":"***"}"#);
    }
}

#[tokio::test]
async fn a_template_that_makes_no_json_is_misconfigured_and_says_so() {
    let cases = [
        ("{ text: '{\"node\": {{ event.data.nodeName }}}' }", "made no valid JSON of event `evt-1`"),
        (
            "{ text: '{\"node\": \"x\"} y', content_type: 'application/vnd.x+json; charset=utf-8' }",
            "made no valid JSON",
        ),
        ("{ text: '{{ event.data.nothing }}' }", "failed"),
    ];
    for (template, expected) in cases {
        let notifier = notifier(&format!(", body: {{ template: {template} }}"));
        let error = notifier.notify(&alone(&node_added()), &Wording::default()).await.unwrap_err();
        assert_eq!((error.reason, error.next), (Reason::Misconfigured, crate::notify::Next::GiveUp));
        assert!(error.detail.contains(expected) && error.detail.contains("target `ops`"), "{error}");
        assert!(!error.detail.contains("ip-10-0-1-7"), "{error}");
    }
}

#[test]
fn the_words_of_the_route_are_in_the_message() {
    let words =
        wording(json!({"title": "Wake up", "text": "<b>*now*", "links": [{"text": "Wiki", "url": "https://w/"}]}));
    let preview = notifier("").preview(&alone(&node_added()), &words);
    let body: Value = serde_json::from_str(preview.split_once("\n\n").unwrap().1).unwrap();
    let message = &body["data"]["message"];
    assert_eq!((&message["title"], &message["text"]), (&json!("Wake up"), &json!("<b>*now*")));
    assert_eq!(message["links"], json!([{"text": "Wiki", "url": "https://w/"}]));
}
