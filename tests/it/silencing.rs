//! Silences, as operators add and end them: by the API of the admin listener, and by the command line.

mod telling;
mod typed;

use serde_json::{Value, json};

use crate::support::flaky_store::FlakyStore;
use crate::support::http::{Answer, ask};
use crate::support::relay::TestRelay;

const TOKEN: &str = "a-token-for-operators";
const CONFIG: &str = r#"admin: { token: "a-token-for-operators" }"#;
const PATH: &str = "/api/v1/silences";

async fn call(relay: &TestRelay, method: &str, path: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {TOKEN}");
    ask(relay.admin, method, path, &[("authorization", &authorization)], body.as_bytes()).await
}

/// A silence of node events for an hour, with these fields on top.
fn wanted(fields: Value) -> String {
    let mut wanted = json!({"match": {"type": "node.*"}, "for": "1h", "by": "ada", "why": "upgrade"});
    wanted.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    wanted.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    wanted.to_string()
}

/// Adds what must be accepted, and returns it.
async fn add(relay: &TestRelay, fields: Value) -> Value {
    let answer = call(relay, "POST", PATH, &wanted(fields)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// The ids that are listed, newest first, with where they stand.
async fn listed(relay: &TestRelay, query: &str) -> Vec<String> {
    let answer = call(relay, "GET", &format!("{PATH}{query}"), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let silences = answer.json()["silences"].as_array().unwrap().clone();
    let text = |silence: &Value, key: &str| silence[key].as_str().unwrap().to_owned();
    silences.iter().map(|silence| format!("{} {}", text(silence, "id"), text(silence, "standing"))).collect()
}

#[tokio::test]
async fn a_silence_is_answered_as_it_is_kept_and_listed_until_it_is_over() {
    let relay = TestRelay::start(CONFIG).await;
    assert_eq!(listed(&relay, "").await, [""; 0]);
    let body = wanted(json!({"routes": ["all-news", "default_targets"], "targets": ["slack-ops"]}));
    let answer = call(&relay, "POST", PATH, &body).await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/api/v1/silences/S1")), "{answer:?}");
    let expected = json!({
        "id": "S1",
        "match": {"type": "node.*"},
        "routes": ["all-news", "default_targets"],
        "targets": ["slack-ops"],
        "from": "2026-11-20T08:15:31Z",
        "until": "2026-11-20T09:15:31Z",
        "by": "ada",
        "why": "upgrade",
        "ended": null,
        "standing": "active",
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(call(&relay, "GET", PATH, "").await.json(), json!({"silences": [expected], "next": null}));
    relay.pass(3599);
    assert_eq!(listed(&relay, "").await, ["S1 active"]);
    relay.pass(1);
    assert_eq!(listed(&relay, "").await, [""; 0]);
    assert_eq!(listed(&relay, "?all=true").await, ["S1 expired"]);
}

#[tokio::test]
async fn silences_are_listed_a_page_at_a_time() {
    let relay = TestRelay::start(CONFIG).await;
    for _ in 0..5 {
        add(&relay, json!({})).await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = call(&relay, "GET", &format!("{PATH}?limit=2{next}"), "").await.json();
        let ids = page["silences"].as_array().unwrap().iter().map(|silence| silence["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        next = page["next"].as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        // What comes meanwhile moves nothing.
        add(&relay, json!({})).await;
    }
    assert_eq!((seen.join(" ").as_str(), next.as_str()), ("S5 S4 S3 S2 S1", ""));
}

#[tokio::test]
async fn a_silence_may_begin_later_and_end_at_a_time_of_any_zone() {
    let relay = TestRelay::start(CONFIG).await;
    let times = json!({"from": "2026-11-20T10:00:00+01:00", "until": "2026-11-20T11:00:00+01:00", "for": null});
    let silence = add(&relay, times).await;
    assert_eq!(
        (silence["standing"].as_str(), silence["until"].as_str()),
        (Some("planned"), Some("2026-11-20T10:00:00Z"))
    );
    let lasting = add(&relay, json!({"from": "2026-11-20T10:00:00Z", "for": "30m"})).await;
    assert_eq!(lasting["until"], "2026-11-20T10:30:00Z");
}

#[tokio::test]
async fn a_silence_can_be_ended_by_anybody_and_the_first_end_stands() {
    let relay = TestRelay::start(CONFIG).await;
    add(&relay, json!({})).await;
    add(&relay, json!({"match": {}, "everything": true})).await;
    relay.pass(60);
    let ended = call(&relay, "DELETE", &format!("{PATH}/S1?by=Bob%20%26%20Eve"), "").await;
    assert_eq!((ended.status, &ended.json()["standing"]), (200, &json!("ended")), "{ended:?}");
    assert_eq!(ended.json()["ended"], json!({"at": "2026-11-20T08:16:31Z", "by": "Bob & Eve"}));
    relay.pass(60);
    let again = call(&relay, "DELETE", &format!("{PATH}/1?by=mallory"), "").await;
    assert_eq!(again.json(), ended.json());
    assert_eq!(listed(&relay, "").await, ["S2 active"]);
    assert_eq!(listed(&relay, "?all=true").await, ["S2 active", "S1 ended"]);
}

#[tokio::test]
async fn silences_survive_a_restart_and_are_forgotten_after_the_retention() {
    let relay = TestRelay::start(CONFIG).await;
    add(&relay, json!({})).await;
    let relay = relay.restart(CONFIG).await;
    assert_eq!(listed(&relay, "").await, ["S1 active"]);
    relay.pass(3600 + 30 * 24 * 3600);
    relay.tidy_up().await;
    assert_eq!(listed(&relay, "?all=true").await, ["S1 expired"]);
    relay.pass(1);
    relay.tidy_up().await;
    assert_eq!(listed(&relay, "?all=true").await, [""; 0]);
    assert_eq!(add(&relay, json!({})).await["id"], "S2", "no id is used twice");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_what_can_and_kept_nowhere() {
    let relay = TestRelay::start(CONFIG).await;
    for (fields, code, part) in [
        (json!({"match": {}}), "not_allowed", "this would silence everything"),
        (json!({"everything": true}), "not_allowed", "stands beside conditions"),
        (json!({"match": {"typ": "x"}}), "not_allowed", "unknown field `typ`"),
        (json!({"match": {"type": "[a"}}), "not_allowed", "is not a valid glob"),
        (json!({"match": []}), "bad_body", "expected a map"),
        (json!({"for": null}), "not_allowed", "neither is written"),
        (json!({"until": "2026-11-20T09:00:00Z"}), "not_allowed", "both are written"),
        (json!({"until": "2026-11-20T08:00:00Z", "for": null}), "not_allowed", "over before it begins"),
        (json!({"for": "91d"}), "not_allowed", "at most 90 days"),
        (json!({"for": "soon"}), "bad_body", "`soon` is not a duration"),
        (json!({"until": "soon", "for": null}), "bad_body", "`soon` is not an RFC 3339 time"),
        (json!({"by": null}), "bad_body", "missing field `by`"),
        (json!({"by": " "}), "not_allowed", "`by` is missing or blank"),
        (json!({"why": "\t"}), "not_allowed", "`why` is missing or blank"),
        (json!({"targets": ["slack-opps"]}), "not_allowed", "there is no target `slack-opps`"),
        (json!({"routes": ["nodes"]}), "not_allowed", "there is: `all-news`, `default_targets`, `too_late`"),
        (json!({"routes": ["Nodes!"]}), "bad_body", "route name `Nodes!` is not allowed"),
        (json!({"untill": "x"}), "bad_body", "unknown field `untill`"),
    ] {
        let answer = call(&relay, "POST", PATH, &wanted(fields)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{part}: {answer:?}");
        assert!(answer.body.contains(part), "{part}: {answer:?}");
    }
    for body in ["", "{", "[]", "null", "\"x\"", "\u{0}"] {
        let answer = call(&relay, "POST", PATH, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_body"), "{body}: {answer:?}");
    }
    assert_eq!(listed(&relay, "?all=true").await, [""; 0]);
}

#[tokio::test]
async fn what_is_not_there_and_what_means_nothing_is_said_to_be_so() {
    let relay = TestRelay::start(CONFIG).await;
    for (method, path, status, code) in [
        ("DELETE", "/api/v1/silences/S7?by=bob", 404, "not_found"),
        ("DELETE", "/api/v1/silences/seven?by=bob", 404, "not_found"),
        ("DELETE", "/api/v1/silences/S7", 400, "not_allowed"),
        ("DELETE", "/api/v1/silences/S7?by=%20", 400, "not_allowed"),
        ("DELETE", "/api/v1/silences/S7?by=bob&why=x", 400, "not_allowed"),
        ("GET", "/api/v1/silences?all=yes", 400, "not_allowed"),
        ("GET", "/api/v1/silences?every=true", 400, "not_allowed"),
        ("DELETE", "/api/v1/silences", 405, "method_not_allowed"),
        ("PUT", "/api/v1/silences/S7", 405, "method_not_allowed"),
        ("POST", "/metrics", 405, "method_not_allowed"),
        ("GET", "/api/v1/silences/", 404, "not_found"),
        ("GET", "/api/v2/silences", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/nowhere", 404, "not_found"),
    ] {
        let answer = call(&relay, method, path, "").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}: {answer:?}");
        assert!(!answer.json()["error"]["hint"].as_str().unwrap().is_empty());
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_is_read_whatever_it_is_called_and_only_up_to_its_limit() {
    let relay = TestRelay::start(&format!("{CONFIG}\nserver: {{ body_limit: 1KiB }}")).await;
    let authorization = format!("Bearer {TOKEN}");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let headers = [("authorization", authorization.as_str()), ("content-type", content_type)];
        let answer = ask(relay.admin, "POST", PATH, &headers, wanted(json!({})).as_bytes()).await;
        assert_eq!(answer.status, 201, "{content_type}: {answer:?}");
    }
    let answer = call(&relay, "POST", PATH, &wanted(json!({"why": "x".repeat(1024)}))).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"), "{answer:?}");
}

#[tokio::test]
async fn without_a_token_in_the_configuration_the_api_is_closed_to_everybody() {
    let relay = TestRelay::start("").await;
    for (method, path) in [("GET", PATH), ("POST", PATH), ("DELETE", "/api/v1/silences/S1"), ("GET", "/api/nowhere")] {
        let answer = call(&relay, method, path, &wanted(json!({}))).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "api_closed"), "{method} {path}: {answer:?}");
        assert!(answer.body.contains("admin: { token: { env: RELAY_ADMIN_TOKEN } }"), "{answer:?}");
    }
}

#[tokio::test]
async fn only_who_shows_the_token_is_let_in_and_the_probes_are_open() {
    let relay = TestRelay::start(CONFIG).await;
    let shown = [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer a-token-for-operator"),
        Some("Bearer a-token-for-operators-and-more"),
        Some("Basic YS10b2tlbi1mb3Itb3BlcmF0b3Jz"),
        Some("a-token-for-operators"),
    ];
    for shown in shown {
        let headers: Vec<_> = shown.iter().map(|shown| ("authorization", *shown)).collect();
        for (method, path) in [("GET", PATH), ("POST", PATH), ("PUT", PATH), ("GET", "/api/nowhere")] {
            let answer = ask(relay.admin, method, path, &headers, wanted(json!({})).as_bytes()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "unauthorized"),
                "{shown:?} {method} {path}: {answer:?}"
            );
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert!(!answer.body.contains("operator"), "{answer:?}");
        }
    }
    let any_case = ask(relay.admin, "GET", PATH, &[("authorization", "bEARER a-token-for-operators")], b"").await;
    assert_eq!(any_case.status, 200);
    assert_eq!(any_case.json(), json!({"silences": [], "next": null}));
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(relay.look(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_what_the_operator_is_told_of() {
    let store = FlakyStore::shared();
    let relay = TestRelay::start_on(store.clone(), CONFIG).await;
    store.silences.hold();
    let (path, body) = (format!("{PATH}/S1?by=ada"), wanted(json!({})));
    let calls = [("GET", PATH, ""), ("POST", PATH, body.as_str()), ("DELETE", path.as_str(), "")];
    for answer in
        futures_util::future::join_all(calls.map(|(method, path, body)| call(&relay, method, path, body))).await
    {
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("store_failed")), "{answer:?}");
    }
    store.silences.open();
    assert_eq!(listed(&relay, "").await, [""; 0], "what was held up did not happen");
    add(&relay, json!({})).await;
}
