//! Discord, by webhook, <https://docs.discord.com/developers/resources/webhook>.
//!
//! [`embed`] puts a message into Discord's form, [`codes`] reads Discord's answer. Posted with `wait=true`, because without
//! it Discord says nothing of messages that it loses. Discord has no idempotency: a message that may have arrived and is
//! sent again may be seen twice. The end of an incident is written into the message that told of its beginning, where that
//! told of nothing else; what follows in a storm into the one message of the storm. The URL is the only key, so it never shows.

mod codes;
mod embed;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::answer::recorded;
use super::message::Message;
use super::{Kit, Notifier, NotifyError, Sent, noted};
use crate::config::{Secret, Section};
use crate::event::batch::{Batch, Receipt};
use crate::http_client::{Answer, Endpoint, HttpClient, Method, Request};
use crate::template::{Markup, Wording};

/// What is read of an answer: Discord says the whole message back, and what it is called comes last.
const MAX_ANSWER: usize = 64 * 1024;

/// `discord: { url, thread_id }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: Secret,
    /// A thread of the webhook's channel; a forum has nothing but threads.
    thread_id: Option<Snowflake>,
}

/// What Discord calls things: a number, <https://docs.discord.com/developers/reference#snowflakes>.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Snowflake(String);

impl Snowflake {
    fn parse(text: &str) -> Option<Self> {
        let is_number = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self(text.to_owned()))
    }
}

impl TryFrom<String> for Snowflake {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
            .ok_or("must be a number of up to 20 digits in quotes, as Discord's `Copy Thread ID` gives it")
    }
}

/// Builds the notifier; mistakes in the URL are noted with their cure, never with the URL.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let webhook = noted(section, "url", webhook(config.url.expose()), WHERE_TO_FIND_IT)?;
    Some(Arc::new(Discord { webhook, thread: config.thread_id, http: kit.http.clone() }))
}

const WHERE_TO_FIND_IT: &str = "a webhook's URL starts with `https://discord.com/api/webhooks/`; it is shown at the \
    channel → Edit Channel → Integrations → Webhooks → Copy Webhook URL";

/// The endpoint, or what is wrong with the URL.
fn webhook(url: &str) -> Result<Endpoint, String> {
    let endpoint = Endpoint::parse(url.trim()).map_err(|error| error.to_string())?;
    if !endpoint.is_at("discord.com") && !endpoint.is_at("discordapp.com") {
        return Ok(endpoint);
    }
    let parts: Vec<&str> = endpoint.path().split('/').filter(|part| !part.is_empty()).collect();
    let of_webhook = match parts[..] {
        ["api", "webhooks", ref rest @ ..] => rest,
        ["api", version, "webhooks", ref rest @ ..] if version.starts_with('v') => rest,
        _ => return Err("is a page for people or another of Discord's interfaces".to_owned()),
    };
    let mistake = match *of_webhook {
        [_id, _token] => return Ok(endpoint),
        [_id, _token, "slack" | "github"] => "takes the messages of another service: leave out what follows the token",
        _ => "has Discord's host but not the path of a webhook; a part may be missing",
    };
    Err(mistake.to_owned())
}

struct Discord {
    webhook: Endpoint,
    thread: Option<Snowflake>,
    http: HttpClient,
}

fn payload(batch: &Batch, wording: &Wording) -> Value {
    embed::payload(&Message::compose(batch, wording, Markup::Discord))
}

impl Discord {
    async fn ask(&self, method: Method, to: &Endpoint, body: &Bytes, batch: &Batch) -> Result<Answer, NotifyError> {
        let body = Some(("application/json", body));
        let request = Request { method, to, headers: &[], body, limit: MAX_ANSWER };
        Ok(self.http.ask(request, &self.webhook, batch.claimed_at).await?)
    }

    /// The thread counts where a message is written and where it is changed.
    fn query(&self) -> Vec<(&'static str, String)> {
        self.thread.iter().map(|Snowflake(id)| ("thread_id", id.clone())).collect()
    }

    fn to_post(&self) -> Endpoint {
        self.webhook.join("", &[self.query(), vec![("wait", "true".to_owned())]].concat())
    }

    fn to_change(&self, Snowflake(message): &Snowflake) -> Endpoint {
        self.webhook.join(&format!("messages/{message}"), &self.query())
    }
}

#[async_trait]
impl Notifier for Discord {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        let method = if told_before(batch).is_some() { Method::Patch } else { Method::Post };
        format!("{} {}\n{:#}", method.as_str(), self.webhook, payload(batch, wording))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.webhook)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let body = Bytes::from(payload(batch, wording).to_string());
        if let Some(message) = told_before(batch) {
            let answer = self.ask(Method::Patch, &self.to_change(&message), &body, batch).await?;
            if !codes::is_gone(answer.status, &answer.body) {
                return settled(&answer, batch);
            }
            // Somebody has deleted the message; what was to be written into it is news all the same.
        }
        settled(&self.ask(Method::Post, &self.to_post(), &body, batch).await?, batch)
    }

    fn rewrites_storms(&self) -> bool {
        true
    }
}

fn settled(answer: &Answer, batch: &Batch) -> Result<Sent, NotifyError> {
    let taken = codes::classify(answer.status, &answer.body, answer.retry_after);
    recorded(answer, taken.map(|message| receipt(message, batch)))
}

/// What is told of a beginning can be changed at its end, unless it tells of something else, too; what is told of a storm, as
/// long as it storms.
fn receipt(Snowflake(message): Snowflake, batch: &Batch) -> Option<Receipt> {
    batch.is_one_story().then(|| Receipt::new(&message)).flatten()
}

/// The message that told of the beginning of what ends now, or of the storm so far.
fn told_before(batch: &Batch) -> Option<Snowflake> {
    batch.to_change().and_then(|earlier| Snowflake::parse(earlier.as_str()))
}

#[cfg(test)]
mod tests;
