//! Reads what a request says: its query, its body. Everything within bounds, and nothing that is not known.
//!
//! A body is read as bytes whatever its Content-Type says, within the limits of the listener; every refusal is an
//! [`ApiError`] that says what is allowed. Knows no path of the API.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use axum::body::Body;
use axum::http::Uri;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{Error as ValueError, MapDeserializer};
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer};

use crate::deliver::quiet::Draft;
use crate::http_server::{self, ApiError, BodyError, read_body};

/// The longest query, in bytes as it was sent.
pub const LONGEST_QUERY: usize = 2048;
/// How deep lists and objects may lie in each other: what is kept is read again by others, too.
pub const DEEPEST: usize = 32;

/// The body as a JSON object with the fields of `T`.
///
/// # Errors
/// When it cannot be had within the limits, or is something else.
pub async fn read_json<T: DeserializeOwned>(body: Body, limits: &http_server::Config) -> Result<T, ApiError> {
    let body = read_body(body, limits.body_limit.get(), limits.body_timeout.get()).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge => ApiError::body_too_large(limits.body_limit),
        BodyError::TooSlow => ApiError::body_too_slow(),
        BodyError::BrokenOff => ApiError::body_broken_off(),
    })?;
    let bad = |why: &str| ApiError::bad_body(format!("the body cannot be read: {why}"), "send a JSON object");
    // The library would take the items of a list for fields, too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(bad("it is not a JSON object"));
    }
    if depth(&body) > DEEPEST {
        return Err(bad(&format!("lists and objects lie in each other more than {DEEPEST} deep")));
    }
    serde_json::from_slice(&body).map_err(|error| bad(&error.to_string()))
}

/// How deep brackets lie in each other, texts left out.
fn depth(json: &[u8]) -> usize {
    let (mut deepest, mut depth, mut is_text, mut is_escaped) = (0, 0_usize, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => depth += 1,
            b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The query as the fields of `T`, each of them read from its text.
///
/// # Errors
/// When it is too long, has a key twice or one that is not known, or a value that cannot be meant.
pub fn read_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    let query = uri.query().unwrap_or_default();
    if query.len() > LONGEST_QUERY {
        let message = format!("the query has {} bytes", query.len());
        return Err(ApiError::not_allowed(message, format!("at most {LONGEST_QUERY} are allowed")));
    }
    let pairs = form_urlencoded::parse(query.as_bytes());
    T::deserialize(MapDeserializer::<_, ValueError>::new(pairs)).map_err(|error| {
        let hint = "see /api/v1/openapi.json for what the query may have here";
        ApiError::not_allowed(format!("the query cannot be read: {error}"), hint)
    })
}

/// The schema of a text that is one line and says something: who, why. What is white counts as a blank, all other control
/// characters are refused.
pub struct Line;

impl JsonSchema for Line {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Line".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let sane = r"[^\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f]*";
        let visible = r"[^\s\u0000-\u001f\u007f-\u009f]";
        let pattern = format!("^{sane}{visible}{sane}$");
        json_schema!({"type": "string", "minLength": 1, "maxLength": Draft::MAX_CHARS, "pattern": pattern})
    }
}

/// `true` or `false` in a query.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(de::Error::custom(format!("`{other}` is neither `true` nor `false`"))),
    }
}

/// A whole number from `LOWEST` to `HIGHEST` in a query.
pub fn number<'de, const LOWEST: usize, const HIGHEST: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<usize, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_plain.then(|| text.parse().ok()).flatten().filter(|number| (LOWEST..=HIGHEST).contains(number));
    number.ok_or_else(|| de::Error::custom(format!("`{text}` is not a whole number from {LOWEST} to {HIGHEST}")))
}

/// A text that is there: where a field is an `Option`, a text in the query is `Some`.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct Given<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Given<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<T>, E> {
            T::deserialize(de::value::StrDeserializer::new(text)).map(Some)
        }
    }
    deserializer.deserialize_str(Given(PhantomData))
}

#[cfg(test)]
#[path = "tests/read.rs"]
mod tests;
