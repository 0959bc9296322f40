//! Any HTTPS endpoint: an event as JSON, as a CloudEvent or as a template makes it, signed or with a credential.
//!
//! [`config`] is what can be written, [`document`] what our own bodies say (documented in `deploy/WEBHOOK.md`),
//! [`cloudevents`] puts it into CloudEvents' form, [`body`] chooses, [`verdict`] reads the answer. Every request has an id
//! that is the same in each attempt, so sending twice is harmless where the receiver looks at it. Knows no receiver.

mod body;
mod cloudevents;
mod config;
mod document;
mod verdict;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderName};

pub use config::build;
pub use verdict::classify;

use super::answer::recorded;
use super::{Notifier, NotifyError, Sent, identity};
use crate::config::Secret;
use crate::event::batch::Batch;
use crate::http_client::{Answer, Endpoint, HttpClient, MAX_ANSWER_BYTES, Method, Request};
use crate::names::hex;
use crate::signing::{self, WEBHOOK_SIGNATURE};
use crate::template::Wording;
use body::{Body, Filled};
use config::{Encoding, Signer};

/// Where retries are told apart from new messages, <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

struct Webhook {
    endpoint: Endpoint,
    method: Method,
    /// The operator's own and the credential; all of them may be secret.
    headers: Vec<(HeaderName, Secret)>,
    signer: Option<Signer>,
    body: Body,
    /// What an answer must be rid of before anybody sees it.
    secrets: Vec<Secret>,
    http: HttpClient,
}

/// One attempt, ready to be sent.
struct Outgoing {
    filled: Filled,
    /// All headers but the content type; those that are secret are not to be shown.
    headers: Vec<Header>,
}

struct Header {
    name: HeaderName,
    value: String,
    is_secret: bool,
}

/// What the message is known by. Has no dot, as Standard Webhooks wants it.
fn message_id(batch: &Batch) -> String {
    format!("msg_{}", identity::of_message(batch).get(..32).unwrap_or_default())
}

impl Webhook {
    fn outgoing(&self, batch: &Batch, wording: &Wording) -> Result<Outgoing, NotifyError> {
        let id = message_id(batch);
        let filled = self.body.fill(batch, wording, &id)?;
        let open = |name, value| Header { name, value, is_secret: false };
        let mut headers: Vec<Header> =
            filled.headers.iter().map(|(name, value)| open(name.clone(), value.clone())).collect();
        // A string of RFC 8941: the quotes belong to it, and nothing in the id needs an escape.
        headers.push(open(IDEMPOTENCY_KEY, format!("\"{id}\"")));
        headers.extend(self.signature(batch, &id, &filled.bytes));
        headers.extend(self.headers.iter().map(|(name, value)| Header {
            name: name.clone(),
            value: value.expose().to_owned(),
            is_secret: true,
        }));
        Ok(Outgoing { filled, headers })
    }

    /// Over exactly these bytes, made anew for each attempt. The time is when the attempt was claimed.
    fn signature(&self, batch: &Batch, id: &str, body: &Bytes) -> Vec<Header> {
        match &self.signer {
            None => Vec::new(),
            Some(Signer::StandardWebhooks(keys)) => {
                let headers = signing::standard_webhooks(keys, id, batch.claimed_at, body).into_iter();
                let header = |(name, value)| Header { is_secret: name == WEBHOOK_SIGNATURE, name, value };
                headers.map(header).collect()
            }
            Some(Signer::Hmac { header, prefix, encoding, key }) => {
                let signature = key.sign(&[body]);
                let value = format!("{prefix}{}", encoding.write(&signature));
                vec![Header { name: header.clone(), value, is_secret: true }]
            }
        }
    }

    async fn send(&self, Outgoing { filled, headers }: &Outgoing, batch: &Batch) -> Result<Answer, NotifyError> {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
        let request = Request {
            method: self.method,
            to: &self.endpoint,
            headers: &headers,
            body: Some((&filled.content_type, &filled.bytes)),
            limit: MAX_ANSWER_BYTES,
        };
        let mut answer = self.http.ask(request, &self.endpoint, batch.claimed_at).await?;
        answer.body = self.without_secrets(answer.body);
        Ok(answer)
    }

    /// Receivers quote what they do not like, credentials and all.
    fn without_secrets(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| secret.blotted_out_of(&text))
    }

    fn shown(&self, Outgoing { filled, headers }: &Outgoing) -> String {
        let header = |header: &Header| {
            let value = if header.is_secret { "***" } else { &header.value };
            format!("{}: {value}\n", header.name)
        };
        let headers: String = headers.iter().map(header).collect();
        let (method, content_type) = (self.method.as_str(), &filled.content_type);
        format!("{method} {}\ncontent-type: {content_type}\n{headers}\n{}", self.endpoint, filled.shown)
    }
}

impl Encoding {
    fn write(self, signature: &[u8]) -> String {
        use base64::prelude::{BASE64_STANDARD, Engine};
        match self {
            Self::Hex => hex(signature),
            Self::Base64 => BASE64_STANDARD.encode(signature),
        }
    }
}

#[async_trait]
impl Notifier for Webhook {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        match self.outgoing(batch, wording) {
            Ok(outgoing) => self.shown(&outgoing),
            Err(error) => error.to_string(),
        }
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.endpoint)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let answer = self.send(&self.outgoing(batch, wording)?, batch).await?;
        // The id is ours, so what the receiver gives back tells us nothing new.
        recorded(&answer, classify(answer.status, &answer.body, answer.retry_after).map(|()| None))
    }

    /// A program that hears of incidents must hear of each by its key, and of every end.
    fn keeps_incidents(&self) -> bool {
        true
    }

    /// A template speaks of one event, and would leave out the others without a word.
    fn tells_many(&self) -> bool {
        !matches!(self.body, Body::Template(_))
    }
}

/// The credential that goes into `Authorization`.
fn authorization(scheme: &str, value: &str) -> (HeaderName, Secret) {
    (AUTHORIZATION, Secret::literal(format!("{scheme} {value}")))
}

#[cfg(test)]
mod tests;
