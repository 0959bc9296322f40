//! Google Chat, by the webhook of a space, <https://developers.google.com/workspace/chat/quickstart/webhooks>.
//!
//! [`card`] puts a message into a card, [`verdict`] reads the answer. What belongs to one incident is one thread. Each request has an
//! id that is the same when the same deliveries are sent again: Google promises for it that the message is not posted twice, though
//! not for webhooks, <https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create>. The URL is the
//! only key, so it never shows.

mod card;
mod verdict;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::answer::recorded;
use super::identity::{hashed, of_message};
use super::message::Message;
use super::{Kit, Notifier, NotifyError, Sent, noted};
use crate::config::{Secret, Section};
use crate::event::batch::Batch;
use crate::http_client::{Endpoint, HttpClient};
use crate::template::{Markup, Wording};

/// `google_chat: { url }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: Secret,
}

/// Builds the notifier; mistakes in the URL are noted with their cure, never with the URL.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let webhook = noted(section, "url", webhook(config.url.expose()), WHERE_TO_FIND_IT)?;
    Some(Arc::new(GoogleChat { webhook, http: kit.http.clone() }))
}

const WHERE_TO_FIND_IT: &str = "a webhook's URL starts with `https://chat.googleapis.com/v1/spaces/` and has a `key` and a \
    `token`; it is shown at the space → Apps & integrations → Webhooks";

/// The endpoint, or what is wrong with the URL.
fn webhook(url: &str) -> Result<Endpoint, String> {
    let endpoint = Endpoint::parse(url.trim()).map_err(|error| error.to_string())?;
    let parts: Vec<&str> = endpoint.path().split('/').filter(|part| !part.is_empty()).collect();
    let has_key = endpoint.has_parameter("key") && endpoint.has_parameter("token");
    let mistake = match (endpoint.host(), &parts[..]) {
        ("chat.googleapis.com", ["v1", "spaces", _space, "messages"]) if has_key => return Ok(endpoint),
        ("chat.googleapis.com", ["v1", "spaces", _space, "messages"]) => "lacks its `key` or its `token`",
        ("chat.googleapis.com", _) => "has Google's host but not the path of a webhook; a part may be missing",
        ("chat.google.com" | "mail.google.com", _) => "is a page for people, not a webhook",
        _ => return Ok(endpoint),
    };
    Err(mistake.to_owned())
}

struct GoogleChat {
    webhook: Endpoint,
    http: HttpClient,
}

fn payload(batch: &Batch, wording: &Wording) -> Value {
    let thread = batch.incident.as_ref().map(|incident| hashed(incident.key.as_str()));
    let message = Message::compose(batch, wording, Markup::GoogleChat);
    card::payload(&message, thread.as_deref())
}

impl GoogleChat {
    /// A thread that does not exist begins with the message.
    fn to_post(&self, batch: &Batch) -> Endpoint {
        let mut query = vec![("requestId", of_message(batch))];
        if batch.incident.is_some() {
            query.push(("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD".to_owned()));
        }
        self.webhook.join("", &query)
    }
}

#[async_trait]
impl Notifier for GoogleChat {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        format!("POST {}\n{:#}", self.webhook, payload(batch, wording))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.webhook)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let body = Bytes::from(payload(batch, wording).to_string());
        let content_type = "application/json; charset=UTF-8";
        let answer = self.http.post(&self.to_post(batch), content_type, body, &[], batch.claimed_at).await?;
        recorded(&answer, verdict::classify(answer.status, &answer.body, answer.retry_after).map(|()| None))
    }
}

#[cfg(test)]
mod tests;
