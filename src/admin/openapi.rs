//! The document that tells programs what can be asked: OpenAPI 3.1, made of the list the router is made of.
//!
//! The schemas come from the types that are read and written. Knows no operation by name.

use axum::http::StatusCode;
use schemars::Schema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::access::Role;
use super::operation::{Heeded, Operation};
use crate::http_server::ErrorBody;

/// How everything may be refused.
const ALWAYS: [StatusCode; 5] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];
/// How what has a body may be refused, too.
const WITH_BODY: [StatusCode; 2] = [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE];

/// The document for these operations.
pub fn document(operations: &[Operation]) -> Map<String, Value> {
    let mut generators = Generators::new();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths.entry(format!("/api{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.verb.method().as_str().to_lowercase()] = generators.describe(operation);
    }
    let info = json!({
        "title": "castai-relay",
        "summary": "The admin API: how the relay stands, and what operators may do.",
        "version": env!("CARGO_PKG_VERSION"),
    });
    let token = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "a token of `admin.token` or `admin.tokens`",
    });
    let schemas = generators.answers.take_definitions(true);
    let parts = [
        ("openapi", json!("3.1.0")),
        ("info", info),
        ("paths", Value::Object(paths)),
        ("security", json!([{"token": []}])),
        ("components", json!({"schemas": schemas, "securitySchemes": {"token": token}})),
    ];
    parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

/// What is asked and what is answered have schemas of their own, because what may be left out of the one is always in the
/// other.
struct Generators {
    questions: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Generators {
    fn new() -> Self {
        let inline = |settings: &mut SchemaSettings| settings.inline_subschemas = true;
        let shared = |settings: &mut SchemaSettings| settings.definitions_path = "/components/schemas".into();
        let questions = SchemaSettings::draft2020_12().for_deserialize().with(inline);
        let answers = SchemaSettings::draft2020_12().for_serialize().with(shared);
        Self { questions: questions.into_generator(), answers: answers.into_generator() }
    }

    fn describe(&mut self, operation: &Operation) -> Value {
        let role = Role::for_method(&operation.verb.method()).as_str();
        let mut described = json!({
            "operationId": operation.id,
            "summary": operation.summary,
            "description": format!("Needs a token with the role `{role}`."),
            "parameters": self.parameters(operation),
        });
        let body = (operation.shape.body)(&mut self.questions);
        described["responses"] = Value::Object(self.responses(operation, body.is_some()));
        if let Some(schema) = body {
            described["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        described
    }

    /// What the path names, then the fields of the query, then what is said in a header.
    fn parameters(&mut self, operation: &Operation) -> Vec<Value> {
        let query = (operation.shape.query)(&mut self.questions);
        let required = query.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let fields = query.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let in_query = fields.into_iter().map(|(name, schema)| {
            let is_required = required.iter().any(|required| *required == json!(name));
            json!({"in": "query", "name": name, "required": is_required, "schema": schema})
        });
        let in_path = operation.shape.parameter.map(|name| {
            let schema = (operation.shape.path)(&mut self.questions);
            json!({"in": "path", "name": name, "required": true, "schema": schema})
        });
        let in_header = operation.header.map(|Heeded { name, description, pattern }| {
            let schema = json!({"type": "string", "pattern": pattern});
            json!({"in": "header", "name": name, "description": description, "required": false, "schema": schema})
        });
        in_path.into_iter().chain(in_query).chain(in_header).collect()
    }

    fn responses(&mut self, operation: &Operation, has_body: bool) -> Map<String, Value> {
        let answer = (operation.shape.answer)(&mut self.answers);
        let answer = json!({operation.shape.content_type: {"schema": answer}});
        let good = json!({"description": "done", "content": answer});
        let refusal = content(&self.answers.subschema_for::<ErrorBody>());
        let in_path = operation.shape.parameter.map(|_| StatusCode::NOT_FOUND);
        let with_body = WITH_BODY.into_iter().filter(|_| has_body);
        let refused = ALWAYS.into_iter().chain(in_path).chain(with_body).chain(operation.refusals.iter().copied());
        let refused = refused.map(|status| {
            let why = status.canonical_reason().unwrap_or("refused");
            (status.as_str().to_owned(), json!({"description": why, "content": refusal}))
        });
        refused.chain([(operation.shape.status.as_str().to_owned(), good)]).collect()
    }
}

fn content(schema: &Schema) -> Value {
    json!({"application/json": {"schema": schema}})
}
