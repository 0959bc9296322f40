//! What stands in the body: our document, a CloudEvent, or what a template makes of it.
//!
//! Pure. The bytes made here are the bytes that are signed and sent.

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::cloudevents;
use super::document::{Document, MAX_BYTES};
use crate::event::batch::Batch;
use crate::notify::NotifyError;
use crate::notify::message::is_obeyed;
use crate::template::{Markup, Subject, Template, Wording};

const JSON: &str = "application/json";

/// Bytes of a CloudEvent's attributes at most: each text of a sender in them is short.
const ATTRIBUTES: usize = 2000;

/// The kinds of body.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Body {
    /// `{"type", "timestamp", "data"}`, as Standard Webhooks recommends it.
    #[default]
    Event,
    /// A CloudEvent as one JSON object.
    CloudeventsStructured,
    /// A CloudEvent whose attributes are headers.
    CloudeventsBinary,
    /// What the operator writes.
    Template(Box<Written>),
}

/// `template: { text, content_type }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Sees `event`, and as `data` what our own body has under `data`.
    text: Template,
    #[serde(default = "json", deserialize_with = "content_type")]
    content_type: String,
}

fn json() -> String {
    JSON.to_owned()
}

fn content_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_one = text.contains('/') && HeaderValue::from_str(&text).is_ok_and(|value| value.to_str().is_ok());
    if is_one { Ok(text) } else { Err(de::Error::custom("this is no content type; write one such as `text/plain`")) }
}

/// A body and what goes with it.
pub(super) struct Filled {
    pub(super) content_type: String,
    /// What this kind of body needs beside it.
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) bytes: Bytes,
    /// The same for people.
    pub(super) shown: String,
}

impl Filled {
    fn json(content_type: &str, headers: Vec<(HeaderName, String)>, value: &Value) -> Self {
        let (bytes, shown) = (Bytes::from(value.to_string()), format!("{value:#}"));
        Self { content_type: content_type.to_owned(), headers, bytes, shown }
    }
}

impl Body {
    /// The body for this batch.
    ///
    /// # Errors
    /// When the template fails, or is to make JSON and does not: nothing is sent then.
    pub(super) fn fill(&self, batch: &Batch, wording: &Wording, id: &str) -> Result<Filled, NotifyError> {
        // In structured mode the attributes stand in the body, too.
        let limit = if matches!(self, Self::CloudeventsStructured) { MAX_BYTES - ATTRIBUTES } else { MAX_BYTES };
        let document = Document::of(batch, wording, id).within(limit);
        match self {
            Self::Event => Ok(Filled::json(JSON, vec![], &document.whole())),
            Self::CloudeventsStructured => {
                Ok(Filled::json(cloudevents::STRUCTURED, vec![], &cloudevents::structured(&document, id)))
            }
            Self::CloudeventsBinary => Ok(Filled::json(JSON, cloudevents::headers(&document, id), &document.data())),
            Self::Template(written) => written.fill(batch, &document),
        }
    }
}

impl Written {
    fn fill(&self, batch: &Batch, document: &Document) -> Result<Filled, NotifyError> {
        let subject = Subject::with_data(&batch.lead().event, &document.data());
        let misconfigured = |problem: String| {
            let target = batch.target();
            NotifyError::misconfigured(format!("the `body` template of target `{target}` {problem}"))
        };
        let text = self.text.render(&subject, Markup::Plain);
        let text = text.map_err(|error| misconfigured(format!("failed: {error}")))?;
        if is_json(&self.content_type)
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text)
        {
            // The error names a place, not what stands there.
            let cure = "write values as `{{ … | tojson }}`, without quotes around, or set `content_type`";
            return Err(misconfigured(format!(
                "made no valid JSON of event `{}`: {error}; {cure}",
                batch.lead().event.id
            )));
        }
        let shown = text.replace(|c| is_obeyed(c) && !matches!(c, '\n' | '\t'), "");
        let content_type = self.content_type.clone();
        Ok(Filled { content_type, headers: vec![], bytes: Bytes::from(text), shown })
    }
}

/// `application/json` and everything `+json`, whatever its parameters.
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == JSON || kind.ends_with("+json")
}
