//! What a collector hears of an event and of every attempt to tell it: one trace, whatever process they happened in.
//! Next: [`super::simulating`].

#![cfg(feature = "otel")]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::support::bodies::{node_added, with};
use crate::support::process::{House, Relay};
use crate::support::receivers::{Receiver, Reply, status};

/// Tells Slack, and the collector at `endpoint` of it.
fn house(slack: &Receiver, endpoint: &str) -> House {
    House::with(&format!(
        r#"
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ sqlite: {{ path: relay.db }} }}
telemetry: {{ otlp: {{ endpoint: "{endpoint}", headers: {{ x-token: "otlp-secret" }}, timeout: 2s }} }}
targets:
  slack-ops:
    slack: {{ webhook_url: "http://{}/services/T000/B000/secret" }}
    rate: unlimited
    retry: {{ base: 100ms, cap: 200ms }}
default_targets: [slack-ops]
"#,
        slack.address
    ))
}

/// A collector that takes everything.
async fn collector() -> Receiver {
    let collector = Receiver::slack().await;
    collector.always_replies(Reply::With(200, vec![("content-type", "application/x-protobuf".into())], String::new()));
    collector
}

/// Every span a collector got, of this name.
fn spans(collector: &Receiver, name: &str) -> Vec<Span> {
    let requests =
        collector.received().into_iter().map(|request| ExportTraceServiceRequest::decode(request.body).unwrap());
    let scopes = requests.flat_map(|request| request.resource_spans).flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).filter(|span| span.name == name).collect()
}

fn attribute(span: &Span, key: &str) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key);
    match attribute.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} is {other:?}"),
    }
}

async fn stop(relay: Relay) {
    relay.ask_to_stop();
    assert!(relay.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_and_all_attempts_at_it_are_one_trace_also_after_a_restart() {
    let (slack, collector) = (Receiver::slack().await, collector().await);
    let house = house(&slack, &format!("http://{}", collector.address));
    slack.always_replies(status(500));
    let relay = house.serve().await;
    let body = with(&node_added("evt"), serde_json::json!({"data": {"nodeName": "told-to-nobody"}}));
    assert_eq!(relay.post("/castai/events", String::from_utf8(body.to_vec()).unwrap()).await.unwrap().status, 200);
    assert_eq!(relay.post("/castai/events", String::from_utf8(body.to_vec()).unwrap()).await.unwrap().status, 200);
    relay.until_logged("an attempt failed").await;
    stop(relay).await;
    let earlier = collector.received().len();
    assert!(earlier > 0, "the last spans of a process get out before it ends");

    slack.always_replies(Reply::ok());
    let relay = house.serve().await;
    relay.until_logged("\"delivered\"").await;
    stop(relay).await;

    let [accepted] = <[Span; 1]>::try_from(spans(&collector, "accept event")).expect("a repeat is no event");
    let attempts = spans(&collector, "deliver");
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attribute(attempt, "outcome")).collect();
    let (last, before) = outcomes.split_last().unwrap();
    assert!(
        last == "delivered" && !before.is_empty() && before.iter().all(|outcome| outcome == "retry"),
        "{outcomes:?}"
    );
    for attempt in &attempts {
        assert_eq!((&attempt.trace_id, &attempt.parent_span_id), (&accepted.trace_id, &accepted.span_id));
        assert_eq!(
            (attribute(attempt, "event.id"), attribute(attempt, "target.name")),
            ("evt".into(), "slack-ops".into())
        );
    }
    let delivery_ids: std::collections::BTreeSet<_> =
        attempts.iter().map(|attempt| attribute(attempt, "delivery.id")).collect();
    assert_eq!(delivery_ids.len(), 1);
    for request in collector.received() {
        assert_eq!(request.path, "/v1/traces");
        assert!(request.headers.contains(&("x-token".into(), "otlp-secret".into())));
        let text = String::from_utf8_lossy(&request.body).into_owned();
        assert!(
            text.contains("castai-relay") && !text.contains("told-to-nobody") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_nothing_but_the_spans() {
    let slack = Receiver::slack().await;
    let nobody = Receiver::slack().await.address;
    let relay = house(&slack, &format!("http://{nobody}")).serve().await;
    for id in ["first", "second"] {
        let body = String::from_utf8(node_added(id).to_vec()).unwrap();
        assert_eq!(relay.post("/castai/events", body).await.unwrap().status, 200);
    }
    slack.until_received(2).await;
    let said = relay.until_logged("spans could not be exported").await;
    assert!(!said.contains("secret"), "{said}");
    stop(relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_nothing_is_exported() {
    let (slack, collector) = (Receiver::slack().await, collector().await);
    let house = house(&slack, &format!("http://{}", collector.address));
    let path = house.path().join("relay.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.lines().filter(|line| !line.starts_with("telemetry")).collect::<Vec<_>>().join("\n"))
        .unwrap();
    let relay = house.serve().await;
    let body = String::from_utf8(node_added("evt").to_vec()).unwrap();
    assert_eq!(relay.post("/castai/events", body).await.unwrap().status, 200);
    slack.until_received(1).await;
    stop(relay).await;
    assert!(collector.received().is_empty());
}
