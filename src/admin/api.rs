//! The API for operators: the list of all there is to ask. The router and the document are made of it.
//!
//! To add something: a handler in a file for what it is about, and a line here. What all of them share in reading a
//! request is [`super::operation`]; who may ask is [`super::access`].

use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::{Json, Router};
use serde_json::{Map, Value};

use super::operation::Verb::{Delete, Get, Post};
use super::operation::{Call, Operation};
use super::{
    Admin, access, acts, deliveries, drills, events, openapi, replays, routes, silences, sources, status, story,
    stream, targets,
};
use crate::http_server::ApiError;

/// All there is to ask.
#[rustfmt::skip]
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/v1/openapi.json", "openapi", document, "This document"),
        Operation::new(Get, "/v1/status", "status", status::status, "How the relay stands"),
        Operation::new(Get, "/v1/targets", "list_targets", targets::list, "The targets and how each stands"),
        Operation::new(Get, "/v1/targets/{name}", "show_target", targets::show, "A target and how it stands"),
        Operation::new(Post, "/v1/targets/{name}/pause", "pause_target", targets::pause, "Let nothing leave for a target until it is resumed, or for a while"),
        Operation::new(Post, "/v1/targets/{name}/resume", "resume_target", targets::resume, "Let a paused target be told again"),
        Operation::new(Post, "/v1/targets/{name}/test", "test_target", targets::test, "Send a target a message that says it is a test").or(StatusCode::TOO_MANY_REQUESTS),
        Operation::new(Get, "/v1/routes", "list_routes", routes::list, "The routing table in force, in words"),
        Operation::new(Get, "/v1/sources", "list_sources", sources::list, "The sources and when each was last heard"),
        Operation::new(Get, "/v1/silences", "list_silences", silences::list, "The silences, newest first"),
        Operation::new(Post, "/v1/silences", "add_silence", silences::add, "Silence some deliveries for a while, or all of them").or(StatusCode::CONFLICT),
        Operation::new(Delete, "/v1/silences/{id}", "end_silence", silences::end, "End a silence before its time"),
        Operation::new(Get, "/v1/events", "list_events", events::list, "The events, newest first; `type=relay.body_rejected` are the bodies nobody could read"),
        Operation::new(Get, "/v1/events/{id}", "tell_story", story::tell, "The whole story of an event; in the path, a `/` of its id is written `%2F`"),
        Operation::new(Get, "/v1/deliveries", "list_deliveries", deliveries::list, "What is owed to whom, newest first; `state=dead` are the dead letters"),
        Operation::new(Post, "/v1/deliveries/retry", "retry_deliveries", replays::retry, "Owe dead letters again"),
        Operation::new(Get, "/v1/replays", "list_replays", replays::list, "The replays, newest first"),
        Operation::new(Post, "/v1/replays", "begin_replay", replays::begin, "Tell stored events again, at a pace"),
        Operation::new(Get, "/v1/replays/{id}", "show_replay", replays::show, "A replay and how far it has come"),
        Operation::new(Post, "/v1/replays/{id}/stop", "stop_replay", replays::stop, "End a replay before its time"),
        Operation::new(Get, "/v1/stream", "stream", stream::open, "What happens, as it happens, as Server-Sent Events").or(StatusCode::CONFLICT).heeding(stream::GO_ON),
        Operation::new(Get, "/v1/drills", "list_drills", drills::list, "The drills, when each comes next, and how it went lately"),
        Operation::new(Post, "/v1/drills", "begin_drill", drills::begin, "Begin a drill of an event of one's own, or of a sample").or(StatusCode::CONFLICT),
        Operation::new(Get, "/v1/drills/{name}", "show_drill", drills::show, "A drill, and how it went lately; `on-demand` for those that nobody configured"),
        Operation::new(Post, "/v1/drills/{name}/run", "run_drill", drills::run, "Begin a drill that is configured, now").or(StatusCode::CONFLICT),
        Operation::new(Get, "/v1/acts", "list_acts", acts::list, "What operators did, newest first"),
    ]
}

/// Everything below `/api`, behind the tokens: a stranger is not told what there is.
pub fn router(admin: &Admin) -> Router<Admin> {
    operations()
        .into_iter()
        .fold(Router::new(), |router, operation| operation.add_to(router))
        .fallback(async || ApiError::no_such_page())
        .method_not_allowed_fallback(async || ApiError::wrong_method())
        .layer(from_fn_with_state(admin.tokens.clone(), access::guard))
}

async fn document(_: Call) -> Result<Json<Map<String, Value>>, ApiError> {
    Ok(Json(openapi::document(&operations())))
}
