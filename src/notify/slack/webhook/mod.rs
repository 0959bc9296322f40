//! Slack, by incoming webhook, <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.
//!
//! [`blocks`] puts a message into Slack's form, [`words`] reads Slack's answer. Slack has no idempotency: a message that
//! may have arrived and is sent again may be seen twice. The URL is the only key, so it never shows.

mod words;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use words::classify;

use super::{blocks, token};
use crate::config::{Secret, Section};
use crate::event::batch::Batch;
use crate::http_client::{Endpoint, HttpClient};
use crate::notify::answer::recorded;
use crate::notify::message::Message;
use crate::notify::{Kit, Notifier, NotifyError, Sent, noted};
use crate::template::{Markup, Wording};

/// Builds the notifier; mistakes in the URL are noted with their cure, never with the URL.
pub(super) fn build(section: &Section, url: &Secret, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let webhook = noted(section, "webhook_url", webhook(url.expose()), WHERE_TO_FIND_IT)?;
    Some(Arc::new(Webhook { webhook, http: kit.http.clone() }))
}

const WHERE_TO_FIND_IT: &str = "an incoming webhook's URL starts with `https://hooks.slack.com/services/`; \
    it is shown at api.slack.com/apps → your app → Incoming Webhooks";

/// The endpoint, or what is wrong with the URL.
fn webhook(url: &str) -> Result<Endpoint, String> {
    if token::is_one(url) {
        return Err("is a token, not a URL: write it as `bot_token`, with a `channel`".to_owned());
    }
    let endpoint = Endpoint::parse(url.trim()).map_err(|error| error.to_string())?;
    let (host, path) = (endpoint.host(), endpoint.path());
    let mistake = match host {
        "hooks.slack.com" | "hooks.slack-gov.com" if is_complete(path) => return Ok(endpoint),
        "hooks.slack.com" | "hooks.slack-gov.com" => match path.split('/').nth(1) {
            Some("triggers" | "workflows") => {
                "is the URL of a workflow, which takes other messages; an incoming webhook is needed"
            }
            _ => "has Slack's host but not the path of an incoming webhook; a part may be missing",
        },
        _ if endpoint.is_at("slack.com") || endpoint.is_at("slack-gov.com") => {
            "is a page for people or another of Slack's interfaces, not an incoming webhook"
        }
        _ => return Ok(endpoint),
    };
    Err(mistake.to_owned())
}

/// `/services/`, then three parts: team, app and secret.
fn is_complete(path: &str) -> bool {
    path.strip_prefix("/services/").is_some_and(|parts| parts.split('/').filter(|part| !part.is_empty()).count() == 3)
}

struct Webhook {
    webhook: Endpoint,
    http: HttpClient,
}

fn payload(batch: &Batch, wording: &Wording) -> serde_json::Value {
    blocks::payload(&Message::compose(batch, wording, Markup::Slack))
}

#[async_trait]
impl Notifier for Webhook {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        format!("POST {}\n{:#}", self.webhook, payload(batch, wording))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.webhook)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let body = Bytes::from(payload(batch, wording).to_string());
        let answer = self.http.post(&self.webhook, "application/json", body, &[], batch.claimed_at).await?;
        // Slack gives nothing for a message by webhook, so that none can be edited or answered.
        recorded(&answer, classify(answer.status, &answer.body, answer.retry_after).map(|()| None))
    }
}

#[cfg(test)]
mod tests;
