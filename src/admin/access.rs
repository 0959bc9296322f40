//! Who may use the API, and for what: whoever shows one of the tokens. Without a token in the configuration nobody may.
//!
//! Compared in constant time, always with all of them; neither a token nor what was shown instead is ever logged. The rooms
//! behind it hear of a [`Caller`] only. Knows no page behind it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::config::Secret;
use crate::event::Timestamp;
use crate::event::act::Signature;
use crate::http_server::ApiError;
use crate::names::TokenName;

/// How many tokens there may be: each is compared with every request.
pub const MOST_TOKENS: usize = 100;
/// The shortest token, in bytes: nobody is kept from trying, so there must be too much to try.
pub const SHORTEST_TOKEN: usize = 16;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looking: every `GET`.
    Read,
    /// Everything.
    Operate,
}

impl Role {
    /// What a request of this method needs.
    pub fn for_method(method: &Method) -> Self {
        if [Method::GET, Method::HEAD].contains(method) { Self::Read } else { Self::Operate }
    }

    /// The closed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }
}

/// A token with its name and what it is good for: an item of `admin.tokens`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What it is called, in the list of acts and in the log.
    pub name: TokenName,
    /// What it is good for.
    pub role: Role,
    /// What has to be shown.
    pub token: Secret,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the token that was shown.
    pub name: TokenName,
    /// What it is good for.
    pub role: Role,
}

impl Caller {
    /// Signs an act, for the person that is named.
    pub fn sign(&self, at: Timestamp, whom: Option<String>) -> Signature {
        Signature { at, token: self.name.clone(), whom }
    }
}

/// All tokens there are.
pub type Tokens = Arc<[Token]>;

/// Lets a request pass that shows a token which is good for it, and answers all others.
pub async fn guard(State(tokens): State<Tokens>, mut request: Request, next: Next) -> Response {
    if tokens.is_empty() {
        return ApiError::api_closed().into_response();
    }
    match check(request.headers(), &tokens) {
        Ok(caller) if caller.role < Role::for_method(request.method()) => {
            ApiError::role_is_not_enough(caller.name.as_str(), caller.role.as_str()).into_response()
        }
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => {
            let mut response = error.into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}

fn check(headers: &HeaderMap, tokens: &[Token]) -> Result<Caller, ApiError> {
    let shown = headers.get(header::AUTHORIZATION).ok_or_else(|| ApiError::wrong_token("the token is missing"))?;
    let shown = shown.to_str().ok().and_then(bearer);
    let shown = shown.ok_or_else(|| ApiError::wrong_token("the header `Authorization` holds no bearer token"))?;
    let shown = Secret::literal(shown);
    // All the way through, so that the time tells nothing of where it was found.
    let found = tokens.iter().fold(None, |found, token| if token.token.is(&shown) { Some(token) } else { found });
    let caller = found.map(|token| Caller { name: token.name.clone(), role: token.role });
    caller.ok_or_else(|| ApiError::wrong_token("the token is another one"))
}

/// What follows the scheme's name, which may be in any case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    Some(token.trim()).filter(|token| !token.is_empty() && scheme.eq_ignore_ascii_case("bearer"))
}

/// Something about the tokens that cannot be meant: where below the section `admin`, and what is wrong.
pub type Mistake = (String, String);

/// What is wrong with the tokens: `single` is `admin.token`, the others are `admin.tokens`.
pub fn mistakes(single: Option<&Secret>, tokens: &[Token]) -> Vec<Mistake> {
    let mut all: Vec<Mistake> = Vec::new();
    if tokens.len() > MOST_TOKENS {
        all.push((
            "tokens".to_owned(),
            format!("{} tokens are written, at most {MOST_TOKENS} are allowed", tokens.len()),
        ));
    }
    let single = single.map(|secret| ("token".to_owned(), secret));
    let many = tokens.iter().enumerate().map(|(index, token)| (format!("tokens[{index}].token"), &token.token));
    let secrets: Vec<(String, &Secret)> = single.into_iter().chain(many).collect();
    for (at, (place, secret)) in secrets.iter().enumerate() {
        all.extend(unusable(secret).map(|mistake| (place.clone(), mistake)));
        if let Some((other, _)) = secrets.iter().take(at).find(|(_, earlier)| earlier.is(secret)) {
            all.push((
                place.clone(),
                format!("the same token is written as `admin.{other}`; nobody could tell who asked"),
            ));
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        let place = format!("tokens[{index}].name");
        if token.name == TokenName::admin() {
            all.push((place, "`admin` is the name of the token at `admin.token`; choose another one".to_owned()));
        } else if tokens.iter().take(index).any(|earlier| earlier.name == token.name) {
            all.push((place, format!("more than one token is called `{}`; each needs its own name", token.name)));
        }
    }
    all
}

fn unusable(secret: &Secret) -> Option<String> {
    let length = secret.expose().len();
    if length < SHORTEST_TOKEN {
        let why = "anybody who reaches the listener may try as many as they like";
        return Some(format!(
            "the token has {length} bytes, at least {SHORTEST_TOKEN} are needed, because {why}; `openssl rand -hex 32` makes a good one"
        ));
    }
    let is_sendable = secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
    (!is_sendable)
        .then(|| "the token has characters that no header can carry; use letters, digits and `-._~+/=`".to_owned())
}

#[cfg(test)]
#[path = "tests/access.rs"]
mod tests;
