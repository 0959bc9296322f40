//! A document as a CloudEvent 1.0 over HTTP, <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>.
//!
//! Pure. In structured mode the body is all of it, in binary mode the attributes are headers and the body is the data. The
//! attributes are documented in `deploy/WEBHOOK.md`.

use hyper::header::HeaderName;
use serde_json::{Map, Value, json};

use super::document::Document;

/// The content type of structured mode.
pub(super) const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";

/// The context attributes, in their order.
fn attributes(document: &Document, id: &str) -> Vec<(&'static str, String)> {
    let mut attributes = vec![
        ("specversion", "1.0".to_owned()),
        ("id", id.to_owned()),
        // A URI reference: the route that tells it. Together with the id it is what tells events apart.
        ("source", format!("/castai-relay/routes/{}", document.route)),
        ("type", format!("castai-relay.{}", document.kind)),
        ("time", document.timestamp.to_string()),
    ];
    attributes.extend(document.subject.clone().map(|subject| ("subject", subject)));
    attributes.push(("severity", document.severity.to_string()));
    attributes
}

/// The body of structured mode.
pub(super) fn structured(document: &Document, id: &str) -> Value {
    let attributes = attributes(document, id).into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
    let data = [("datacontenttype", json!("application/json")), ("data", document.data())];
    let data = data.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(attributes.chain(data).collect::<Map<_, _>>())
}

/// The headers of binary mode.
pub(super) fn headers(document: &Document, id: &str) -> Vec<(HeaderName, String)> {
    let header = |(name, value): (&str, String)| {
        // The names are ours, and all of them are names of headers.
        Some((HeaderName::try_from(format!("ce-{name}")).ok()?, percent_encoded(&value)))
    };
    attributes(document, id).into_iter().filter_map(header).collect()
}

/// As a header holds it (3.1.3.2): blanks, quotes, per cents and all that is not visible ASCII as the per cent form of its UTF-8.
pub(super) fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' | b'"' | b'%' => format!("%{byte:02X}"),
        b'!'..=b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
