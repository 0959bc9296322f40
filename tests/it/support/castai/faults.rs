//! What goes wrong between a caller and CAST AI.

use std::fmt;

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::stream;
use serde_json::json;

/// What happens to one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing: it is answered as usual. For the calls before the one that goes wrong.
    None,
    /// This is answered instead.
    Instead { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Nothing is answered, ever.
    Hang,
    /// The connection is closed without an answer.
    HangUp,
    /// A success that breaks off in the middle of its body.
    BreakOff,
    /// The page is as usual, but the cursor of the next one is that of this one.
    SameCursor,
}

impl Fault {
    /// CAST AI's own words with this status.
    pub fn status(status: u16, message: &str) -> Self {
        Self::Instead { status, headers: vec![json_type()], body: json!({ "message": message }).to_string() }
    }

    /// 429 or 503 that says when to come back.
    pub fn later(status: u16, retry_after: &str) -> Self {
        let headers = vec![json_type(), ("retry-after", retry_after.to_owned())];
        Self::Instead { status, headers, body: json!({ "message": "slow down" }).to_string() }
    }

    /// A success with this body, which may be anything.
    pub fn garbage(content_type: &str, body: &str) -> Self {
        Self::Instead { status: 200, headers: vec![("content-type", content_type.to_owned())], body: body.to_owned() }
    }

    /// What Cloudflare says to those it does not like.
    pub fn firewall() -> Self {
        let headers = vec![("content-type", "text/html; charset=UTF-8".to_owned())];
        Self::Instead { status: 403, headers, body: FIREWALL_PAGE.to_owned() }
    }

    pub fn replaces_the_answer(&self) -> bool {
        !matches!(self, Self::None | Self::SameCursor)
    }

    pub async fn happen(self) -> Result<Response<Body>, HungUp> {
        match self {
            Self::Instead { status, headers, body } => {
                let head = Response::builder().status(status);
                let head = headers.into_iter().fold(head, |head, (name, value)| head.header(name, value));
                Ok(head.body(Body::from(body)).unwrap())
            }
            Self::Hang => std::future::pending().await,
            Self::None | Self::HangUp | Self::SameCursor => Err(HungUp),
            Self::BreakOff => {
                let chunks = [Ok(Bytes::from_static(b"{\"items\":[{\"id\":")), Err(HungUp)];
                Ok(Response::new(Body::from_stream(stream::iter(chunks))))
            }
        }
    }
}

fn json_type() -> (&'static str, String) {
    ("content-type", "application/json".to_owned())
}

const FIREWALL_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Attention Required! | Cloudflare</title></head>\n\
    <body><h1>Sorry, you have been blocked</h1></body></html>";

/// What is served to a caller without a name.
pub fn firewall_page() -> Response<Body> {
    let head = Response::builder().status(403).header("content-type", "text/html; charset=UTF-8");
    head.body(Body::from(FIREWALL_PAGE)).unwrap()
}

/// The connection is closed in the middle of things.
#[derive(Debug)]
pub struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HungUp {}
