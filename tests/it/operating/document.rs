//! The document says what there is, and what it says is so.

use std::collections::BTreeSet;

use super::*;
use crate::support::bodies::node_added;
use crate::support::receivers::says;

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];

/// Every method and path that is written down.
fn written(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        let methods: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[tokio::test]
async fn what_is_written_down_is_there_and_nothing_else_is() {
    let relay = TestRelay::start(CONFIG).await;
    let document = look(&relay, "openapi.json").await;
    let written = written(&document);
    let paths: BTreeSet<_> = written.iter().map(|(_, path)| path).collect();
    assert!(written.len() >= 13, "{written:?}");
    for path in paths {
        let there = path.replace("{name}", "oncall").replace("{id}", "S1");
        let there = there.strip_prefix("/api/v1/").unwrap();
        for method in METHODS {
            let is_written = written.contains(&(method.to_owned(), path.clone()));
            let status = call_as(&relay, OPERATE, &method.to_uppercase(), there, "").await.status;
            assert_eq!(status != 405, is_written, "{method} {path} answers {status}");
            assert!(status != 404 || path.contains('{'), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_answered_is_what_is_written_down() {
    let relay = TestRelay::start(CONFIG).await;
    let document = look(&relay, "openapi.json").await;
    let silence = json!({"everything": true, "for": "1h", "by": "ada", "why": "drill"}).to_string();
    let pause = json!({"by": "ada", "why": "they move", "for": "1h"}).to_string();
    let by = json!({"by": "ada"}).to_string();
    relay.slack().next_replies([says(503, "busy")]);
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    relay.send(node_added("evt-1")).await;
    relay.inbox.write_repeats_down().await;
    let drill = json!({"sample": "node.added", "by": "ada"}).to_string();
    for (method, path, there, body) in [
        ("get", "events", "events", ""),
        ("get", "events", "events?state=lost", ""),
        ("get", "events/{id}", "events/evt-1", ""),
        ("get", "events/{id}", "events/evt-9", ""),
        ("get", "deliveries", "deliveries", ""),
        ("get", "status", "status", ""),
        ("get", "targets", "targets", ""),
        ("get", "targets/{name}", "targets/oncall", ""),
        ("get", "targets/{name}", "targets/mail", ""),
        ("post", "targets/{name}/pause", "targets/oncall/pause", &pause),
        ("post", "targets/{name}/pause", "targets/oncall/pause", "{}"),
        ("post", "targets/{name}/resume", "targets/oncall/resume", &by),
        ("post", "targets/{name}/test", "targets/oncall/test", &by),
        ("get", "drills", "drills", ""),
        ("get", "drills/{name}", "drills/on-demand", ""),
        ("get", "drills/{name}", "drills/nothing", ""),
        ("post", "drills/{name}/run", "drills/nothing/run", &by),
        ("post", "drills/{name}/run", "drills/on-demand/run", &by),
        ("post", "drills", "drills", &drill),
        ("post", "drills", "drills", &by),
        ("get", "routes", "routes", ""),
        ("get", "sources", "sources", ""),
        ("post", "silences", "silences", &silence),
        ("post", "silences", "silences", "[]"),
        ("get", "silences", "silences?all=true", ""),
        ("get", "silences", "silences?all=perhaps", ""),
        ("delete", "silences/{id}", "silences/S1?by=ada", ""),
        ("delete", "silences/{id}", "silences/S9?by=ada", ""),
        ("get", "acts", "acts", ""),
        ("get", "openapi.json", "openapi.json", ""),
    ] {
        let answer = call_as(&relay, OPERATE, &method.to_uppercase(), there, body).await;
        let operation = &document["paths"][format!("/api/v1/{path}")][method];
        let response = &operation["responses"][answer.status.to_string()];
        let schema = &response["content"]["application/json"]["schema"];
        assert!(!schema.is_null(), "{method} {there}: {} is not written down", answer.status);
        fits(&document, schema, &answer.json(), &format!("{method} {there}"));
        assert!(operation["responses"]["401"].is_object() && operation["responses"]["403"].is_object());
    }
}

#[tokio::test]
async fn the_stream_is_written_down_as_what_it_is_with_the_data_of_each_of_its_events() {
    let relay = TestRelay::start(CONFIG).await;
    let document = look(&relay, "openapi.json").await;
    let content = &document["paths"]["/api/v1/stream"]["get"]["responses"]["200"]["content"];
    assert_eq!(content.as_object().unwrap().keys().collect::<Vec<_>>(), ["text/event-stream"]);
    let data = content["text/event-stream"]["schema"]["contentSchema"]["oneOf"].as_array().unwrap();
    let fields = data.iter().map(|data| named(&document, data)["properties"].as_object().unwrap().len());
    assert!(data.len() == 4 && fields.into_iter().all(|fields| fields > 0), "{content}");
}

#[tokio::test]
async fn the_header_by_which_a_stream_goes_on_is_written_down_and_no_other() {
    let relay = TestRelay::start(CONFIG).await;
    let document = look(&relay, "openapi.json").await;
    for (method, path) in written(&document) {
        let parameters = document["paths"][&path][&method]["parameters"].as_array().unwrap().clone();
        let headers = parameters.iter().filter(|parameter| parameter["in"] == "header");
        let headers: Vec<_> = headers.map(|header| json!([header["name"], header["required"]])).collect();
        let expected = if path == "/api/v1/stream" { vec![json!(["Last-Event-ID", false])] } else { vec![] };
        assert_eq!(headers, expected, "{method} {path}");
    }
}

/// Whether a value is what a schema says, as far as our schemas say anything: references, kinds, fields and items.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    if schema["$ref"].is_string() && schema["type"].is_null() {
        return fits(document, named(document, schema), value, place);
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let is_null = |schema: &&Value| schema["type"] == "null";
        return match value {
            Value::Null => assert!(either.iter().any(|schema| is_null(&schema)), "{place}: null"),
            value => fits(document, either.iter().find(|schema| !is_null(schema)).unwrap(), value, place),
        };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let may_be =
        |allowed: &Value| allowed == kind || allowed.as_array().is_some_and(|kinds| kinds.contains(&json!(kind)));
    let is_enum = schema["enum"].is_array() || schema["oneOf"].is_array();
    assert!(is_enum || may_be(&schema["type"]), "{place}: {kind} is not {schema}");
    if schema["properties"].is_object() {
        let fields = fields(document, schema, value);
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(value.get(key.as_str().unwrap()).is_some(), "{place}: no {key}");
        }
        for (key, value) in value.as_object().unwrap() {
            let schema = fields.get(key).unwrap_or_else(|| panic!("{place}: `{key}` is not written down"));
            fits(document, schema, value, &format!("{place}.{key}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item, place);
    }
}

/// What a reference leads to.
fn named<'a>(document: &'a Value, schema: &Value) -> &'a Value {
    let reference = schema["$ref"].as_str().unwrap();
    document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("no {reference}"))
}

/// The fields a value may have: those of its schema, of what that refers to, and of the one variant it is of.
fn fields(document: &Value, schema: &Value, value: &Value) -> serde_json::Map<String, Value> {
    let mut all = schema["properties"].as_object().cloned().unwrap_or_default();
    if schema["$ref"].is_string() {
        all.extend(fields(document, named(document, schema), value));
    }
    let is_of = |variant: &&Value| {
        let fixed =
            variant["properties"].as_object().into_iter().flatten().filter(|(_, field)| !field["const"].is_null());
        fixed.into_iter().all(|(key, field)| value[key] == field["const"])
    };
    let variants: Vec<&Value> = schema["oneOf"].as_array().into_iter().flatten().filter(is_of).collect();
    assert!(schema["oneOf"].is_null() || variants.len() == 1, "{value} is of one of {schema}");
    all.extend(variants.into_iter().flat_map(|variant| fields(document, variant, value)));
    all
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_says_what_it_needs() {
    let relay = TestRelay::start(CONFIG).await;
    let document = look(&relay, "openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (method, path) in written(&document) {
        let operation = &document["paths"][&path][&method];
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
        let role = if method == "get" { "read" } else { "operate" };
        assert_eq!(operation["description"], format!("Needs a token with the role `{role}`."), "{method} {path}");
        let in_path = operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "path");
        assert_eq!(in_path.count(), path.matches('{').count(), "{method} {path}");
        assert_eq!(operation["requestBody"].is_object(), method == "post", "{method} {path}");
    }
}
