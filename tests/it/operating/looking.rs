//! What operators see: the relay on one page, its targets, its routes, its sources, what was done.

use super::*;
use crate::support::flaky_store::FlakyStore;
use crate::support::receivers::says;

#[tokio::test]
async fn the_status_says_how_the_relay_stands() {
    let sources = "sources: { webhooks: { castai: { path: /castai/events, silent_after: 1h } } }";
    let relay = TestRelay::start(&format!("{CONFIG}\n{sources}")).await;
    relay.accept(r#"{"eventType": "node.added"}"#).await;
    relay.pass(60);
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": "2026-11-20T08:15:31Z",
        "uptime_seconds": 60,
        "store": "sqlite",
        "ready": true,
        "not_ready_because": null,
        "pending": 1,
        "dead": 0,
        "paused_targets": [],
        "closed_targets": [],
        "silent_sources": [],
        "silences": 0,
        "last_event_at": "2026-11-20T08:15:31Z",
    });
    assert_eq!(look(&relay, "status").await, expected);
    relay.slack().next_replies([says(404, "no_service")]);
    relay.deliver().await;
    let silence = json!({"everything": true, "for": "2h", "by": "ada", "why": "drill"});
    assert_eq!(call(&relay, "POST", "silences", silence).await.status, 201);
    relay.pass(3601);
    let status = look(&relay, "status").await;
    assert_eq!(
        (&status["closed_targets"], &status["silent_sources"], &status["silences"]),
        (&json!(["slack-ops"]), &json!(["castai"]), &json!(1))
    );
}

#[tokio::test]
async fn a_relay_whose_store_fails_says_that_it_is_not_ready() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), CONFIG).await;
    let status = look(&relay, "status").await;
    assert_eq!((&status["ready"], &status["store"]), (&json!(true), &json!("sqlite")));
    relay.life.stop();
    let status = look(&relay, "status").await;
    assert_eq!((&status["ready"], &status["not_ready_because"]), (&json!(false), &json!("stopping")));
    store.silences.fail();
    let answer = call(&relay, "GET", "acts", Value::Null).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "store_failed"), "{answer:?}");
}

#[tokio::test]
async fn a_target_says_how_it_stands_and_why() {
    let relay = TestRelay::start(CONFIG).await;
    relay.slack().next_replies([says(404, "no_service")]);
    relay.accept(r#"{"eventType": "node.added"}"#).await;
    relay.deliver().await;
    let expected = json!({
        "name": "slack-ops",
        "kind": "slack",
        "state": "closed",
        "pause": null,
        "closed": {
            "cause": "refusing",
            "since": "2026-11-20T08:15:31Z",
            "reason": "target_refused",
            "detail": look(&relay, "targets/slack-ops").await["closed"]["detail"],
            "probe_at": "2026-11-20T08:20:31Z",
        },
        "busy_until": null,
        "backlog": 2,
        "oldest": "2026-11-20T08:15:31Z",
        "dead": 0,
        "limits": "unlimited, 4 at a time, 15s each, given up after 1d",
        "fallback": null,
    });
    let listed = look(&relay, "targets").await;
    let named = |target: &&Value| target["name"] == "slack-ops";
    assert_eq!(listed["targets"].as_array().unwrap().iter().find(named), Some(&expected));
    assert_eq!(look(&relay, "targets/oncall").await["state"], "open");
    assert_eq!(listed["targets"].as_array().unwrap().len(), 3, "the console is one by default");
    assert!(!listed.to_string().contains("XXXXXXXXXXXX"), "{listed}");
}

#[tokio::test]
async fn the_routes_are_shown_in_the_words_of_check() {
    let routes = r#"
routes:
  - name: nodes
    match: { type: "node.*", severity: ">= warning" }
    notify: [slack-ops]
    stop: true
    group: { by: [cluster], wait: 10s }
    active: [ { times: ["09:00-17:00"] } ]
default_targets: [oncall]
"#;
    let relay = TestRelay::start(&format!("{CONFIG}{routes}")).await;
    let table = look(&relay, "routes").await;
    let route = &table["routes"][0];
    assert_eq!(
        (&route["name"], &route["notify"], &route["stop"]),
        (&json!("nodes"), &json!(["slack-ops"]), &json!(true))
    );
    for (key, part) in [("match", "node.*"), ("group", "cluster"), ("hours", "09:00-17:00")] {
        assert!(route[key].as_str().unwrap().contains(part), "{key}: {route}");
    }
    assert_eq!((&route["storm"], &route["incident"], &route["severity"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&table["default_targets"], &table["too_late"]), (&json!(["oncall"]), &json!([])));
}

#[tokio::test]
async fn the_routes_say_what_they_took_since_the_relay_began() {
    let routes = "routes: [ { name: nodes, match: { type: \"node.*\" }, notify: [] } ]\ndefault_targets: [oncall]\n";
    let relay = TestRelay::start(&format!("{CONFIG}\n{routes}")).await;
    relay.accept(r#"{"id": "a", "eventType": "node.added"}"#).await;
    relay.pass(60);
    relay.accept(r#"{"id": "b", "eventType": "node.removed"}"#).await;
    relay.accept(r#"{"id": "c", "eventType": "other"}"#).await;
    let table = look(&relay, "routes").await;
    assert_eq!(table["routes"][0]["hits"], json!({"events": 2, "last_at": "2026-11-20T08:16:31Z"}));
    assert_eq!(table["default_hits"], json!({"events": 1, "last_at": "2026-11-20T08:16:31Z"}));
    assert_eq!(table["counted_since"], "2026-11-20T08:15:31Z");
}

#[tokio::test]
async fn the_sources_say_when_they_were_last_heard() {
    let sources = "sources: { webhooks: { castai: { path: /castai/events, silent_after: 1h } }, notifications: {} }";
    let relay = TestRelay::start(&format!("{CONFIG}\n{sources}")).await;
    relay.pass(10);
    relay.accept(r#"{"eventType": "node.added"}"#).await;
    relay.pass(20);
    let sources = look(&relay, "sources").await;
    let expected = json!({
        "name": "castai",
        "kind": "webhook",
        "heard_at": "2026-11-20T08:15:41Z",
        "event_at": "2026-11-20T08:15:41Z",
        "lag_seconds": 20,
        "silent_after": "1h",
        "is_silent": false,
        "failure": null,
    });
    assert_eq!(sources["sources"][0], expected);
    assert_eq!(
        (&sources["sources"][1]["kind"], &sources["sources"][1]["heard_at"]),
        (&json!("notifications"), &Value::Null)
    );
}

#[tokio::test]
async fn acts_are_listed_a_page_at_a_time() {
    let relay = TestRelay::start(CONFIG).await;
    for by in ["a", "b", "c", "d", "e"] {
        does(&relay, "targets/oncall/pause", json!({"by": by, "why": "they move"})).await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = look(&relay, &format!("acts?limit=2{next}")).await;
        seen.extend(page["acts"].as_array().unwrap().iter().map(|act| act["by_whom"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen.concat(), "edcba");
    let elsewhere = next.replace("&", "?");
    let answer = call(&relay, "GET", &format!("silences{elsewhere}"), Value::Null).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "not_allowed"), "{answer:?}");
    assert!(answer.body.contains("the cursor is none of this list"), "{answer:?}");
}
