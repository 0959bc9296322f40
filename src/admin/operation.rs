//! One thing that can be asked of the API: a method, a path, what it takes, what it answers.
//!
//! An [`Operation`] is made of a handler, and what the handler takes and answers is read off its types: so the router and
//! the document ([`super::openapi`]) cannot say different things. Knows no operation; [`super::api`] is the list of them.

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Extension, RawPathParams, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use axum::{Json, Router};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::access::Caller;
use super::read::{read_json, read_query};
use crate::event::Timestamp;
use crate::http_server::{self, ApiError};
use crate::names::{DrillName, EventId, NameError, ReplayId, SilenceId, TargetName};

/// A request that was let in and read.
pub struct Call<P = Nothing, Q = Nothing, B = Nothing> {
    /// What the handlers look at.
    pub admin: Admin,
    /// Who asks.
    pub caller: Caller,
    /// The relay's time.
    pub now: Timestamp,
    /// What the path names.
    pub path: P,
    /// What the query says.
    pub query: Q,
    /// What the body says.
    pub body: B,
    /// All the rest that the request says.
    pub headers: HeaderMap,
}

/// Nothing: no part of the path, no query, no body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A JSON body.
#[derive(Debug)]
pub struct Sent<T>(pub T);

/// What a path may name.
pub trait InPath: Sized + Send {
    /// What the part is called in the path; `None` when there is none.
    const PARAMETER: Option<&'static str>;

    /// Reads it.
    ///
    /// # Errors
    /// 404: nothing has such a name.
    fn read(text: &str) -> Result<Self, ApiError>;

    /// Its schema.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

impl InPath for Nothing {
    const PARAMETER: Option<&'static str> = None;

    fn read(_: &str) -> Result<Self, ApiError> {
        Ok(Self {})
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Self>()
    }
}

macro_rules! in_path {
    ($name:ident, $parameter:literal, $hint:literal) => {
        impl InPath for $name {
            const PARAMETER: Option<&'static str> = Some($parameter);

            fn read(text: &str) -> Result<Self, ApiError> {
                Self::parse(text).map_err(|error: NameError| ApiError::nothing_there(error.to_string(), $hint))
            }

            fn schema(generator: &mut SchemaGenerator) -> Schema {
                generator.subschema_for::<Self>()
            }
        }
    };
}

in_path!(EventId, "id", "`GET /api/v1/events` lists those that are kept");
in_path!(SilenceId, "id", "`GET /api/v1/silences?all=true` lists those that are remembered");
in_path!(ReplayId, "id", "`GET /api/v1/replays` lists those that are remembered");
in_path!(DrillName, "name", "`GET /api/v1/drills` lists those there are");
in_path!(TargetName, "name", "`GET /api/v1/targets` lists those there are");

/// What a body may be.
pub trait InBody: Sized + Send {
    /// Its schema; `None` when no body is read.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;

    /// Reads it.
    fn read(body: Body, limits: &http_server::Config) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

impl InBody for Nothing {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    async fn read(_: Body, _: &http_server::Config) -> Result<Self, ApiError> {
        Ok(Self {})
    }
}

impl<T: DeserializeOwned + JsonSchema + Send> InBody for Sent<T> {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    async fn read(body: Body, limits: &http_server::Config) -> Result<Self, ApiError> {
        read_json(body, limits).await.map(Self)
    }
}

/// What a handler answers when all is well.
pub trait Answer {
    /// With this status.
    const STATUS: StatusCode;
    /// As this.
    const CONTENT_TYPE: &'static str = "application/json";

    /// The schema of its body.
    fn schema(generator: &mut SchemaGenerator) -> Schema;

    /// As it is sent.
    fn into_response(self) -> Response;
}

impl<T: Serialize + JsonSchema> Answer for Json<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    fn into_response(self) -> Response {
        IntoResponse::into_response(self)
    }
}

/// Something new, and where it is.
pub struct Created<T> {
    /// Its path.
    pub place: String,
    /// As it is shown.
    pub shown: T,
}

impl<T: Serialize + JsonSchema> Answer for Created<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    fn into_response(self) -> Response {
        (Self::STATUS, [(header::LOCATION, self.place)], Json(self.shown)).into_response()
    }
}

/// What an operation takes and answers, for the document.
pub struct Shape {
    /// What its path names.
    pub parameter: Option<&'static str>,
    /// The schema of that.
    pub path: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its query.
    pub query: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its body.
    pub body: fn(&mut SchemaGenerator) -> Option<Schema>,
    /// The status when all is well.
    pub status: StatusCode,
    /// What the answer is.
    pub content_type: &'static str,
    /// The schema of the answer.
    pub answer: fn(&mut SchemaGenerator) -> Schema,
}

/// The methods there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Looks.
    Get,
    /// Does something, or makes something new.
    Post,
    /// Ends something.
    Delete,
}

impl Verb {
    /// The method.
    pub fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Delete => Method::DELETE,
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// A header that says something to an operation.
#[derive(Debug, Clone, Copy)]
pub struct Heeded {
    /// What it is called.
    pub name: &'static str,
    /// What it says.
    pub description: &'static str,
    /// What it may be.
    pub pattern: &'static str,
}

/// One thing that can be asked.
pub struct Operation {
    /// By this method.
    pub verb: Verb,
    /// At this path below `/api`.
    pub path: &'static str,
    /// What programs call it.
    pub id: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// How it may be refused, beyond how everything may.
    pub refusals: Vec<StatusCode>,
    /// A header it heeds, beyond those that everything does.
    pub header: Option<Heeded>,
    /// What it takes and answers.
    pub shape: Shape,
    handle: MethodRouter<Admin>,
}

impl Operation {
    /// What `handler` answers at `path`.
    pub fn new<P, Q, B, A, F>(
        verb: Verb,
        path: &'static str,
        id: &'static str,
        handler: impl Fn(Call<P, Q, B>) -> F + Clone + Send + Sync + 'static,
        summary: &'static str,
    ) -> Self
    where
        P: InPath + 'static,
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        B: InBody + 'static,
        A: Answer + 'static,
        F: Future<Output = Result<A, ApiError>> + Send,
    {
        let shape = Shape {
            parameter: P::PARAMETER,
            path: P::schema,
            query: SchemaGenerator::subschema_for::<Q>,
            body: B::schema,
            status: A::STATUS,
            content_type: A::CONTENT_TYPE,
            answer: A::schema,
        };
        let handle = move |State(admin), Extension(caller), path, uri, headers, body| {
            let handler = handler.clone();
            async move {
                let called = match Call::read(admin, caller, path, uri, headers, body).await {
                    Ok(call) => handler(call).await,
                    Err(error) => Err(error),
                };
                called.map_or_else(IntoResponse::into_response, A::into_response)
            }
        };
        let handle = MethodRouter::new().on(verb.filter(), handle);
        Self { verb, path, id, summary, refusals: Vec::new(), header: None, shape, handle }
    }

    /// It may also be refused like this.
    pub fn or(mut self, refusal: StatusCode) -> Self {
        self.refusals.push(refusal);
        self
    }

    /// It also reads this header.
    pub fn heeding(self, header: Heeded) -> Self {
        Self { header: Some(header), ..self }
    }

    /// Adds it to a router.
    pub fn add_to(self, router: Router<Admin>) -> Router<Admin> {
        router.route(self.path, self.handle)
    }
}

impl<P: InPath, Q: DeserializeOwned, B: InBody> Call<P, Q, B> {
    async fn read(
        admin: Admin,
        caller: Caller,
        path: Result<RawPathParams, RawPathParamsRejection>,
        uri: Uri,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Self, ApiError> {
        // What is no text names nothing that there is.
        let path = path.map_err(|_| ApiError::no_such_page())?;
        let named = path.iter().next().map(|(_, text)| text).unwrap_or_default();
        let (path, query) = (P::read(named)?, read_query(&uri)?);
        let body = B::read(body, &admin.limits).await?;
        let now = admin.clock.now();
        Ok(Self { admin, caller, now, path, query, body, headers })
    }
}
