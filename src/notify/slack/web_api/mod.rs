//! Slack, by the Web API with a bot's token, <https://docs.slack.dev/reference/methods/chat.postMessage>.
//!
//! [`channel`] says where a batch goes; [`way`] whether it is a message of its own, an answer in the thread of its
//! incident, or a change of what told of the beginning, or of the storm so far; [`verdict`] reads Slack's answer. Slack has no idempotency here
//! either: a message that may have arrived and is sent again may be seen twice. The token goes into a header and never
//! shows.

mod channel;
mod verdict;
mod way;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

pub(in crate::notify) use channel::Place;
pub(in crate::notify) use verdict::classify;

use super::{blocks, token};
use crate::config::{Secret, Section};
use crate::event::Timestamp;
use crate::event::batch::Batch;
use crate::http_client::{Answer, Endpoint, HttpClient, Method, Request};
use crate::notify::answer::recorded;
use crate::notify::message::Message;
use crate::notify::{Kit, Notifier, NotifyError, Sent, noted};
use crate::template::{KeyTemplate, Markup, Wording};
use channel::Channel;
use way::Way;

const SLACK: &str = "https://slack.com/api";

/// What is read of an answer: Slack says the whole message back, with twelve bytes for some of its characters.
const MAX_ANSWER: usize = 256 * 1024;

/// Builds the notifier; all mistakes that can be seen without asking Slack are noted with their cure.
pub(super) fn build(
    section: &Section,
    token: &Secret,
    channel: Option<KeyTemplate>,
    api_url: Option<Endpoint>,
    kit: &Kit,
) -> Option<Arc<dyn Notifier>> {
    let token = noted(section, "bot_token", token::of_bot(token.expose()), token::WHERE_TO_FIND_IT);
    let channel = channel.ok_or_else(|| "is missing".to_owned()).and_then(Channel::checked);
    let channel = noted(section, "channel", channel, channel::WHAT_IT_IS);
    let api = match api_url {
        Some(url) => checked(url),
        None => Endpoint::parse(SLACK).map_err(|error| error.to_string()),
    };
    let api =
        noted(section, "api_url", api, "write what stands before the method, `https://slack.com/api`, or leave it out");
    Some(Arc::new(WebApi { token: token?, channel: channel?, api: api?, http: kit.http.clone() }))
}

/// The address before the methods, or what it is instead.
fn checked(url: Endpoint) -> Result<Endpoint, String> {
    let last = url.path().rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    match url.host() {
        "hooks.slack.com" | "hooks.slack-gov.com" => Err("is a webhook's address, which takes no token".to_owned()),
        _ if last.starts_with("chat.") || last.starts_with("auth.") => Err("ends with a method".to_owned()),
        _ => Ok(url),
    }
}

struct WebApi {
    token: Secret,
    channel: Channel,
    api: Endpoint,
    http: HttpClient,
}

fn payload(batch: &Batch, wording: &Wording, way: &Way, place: &Place) -> Value {
    way.addressed(blocks::payload(&Message::compose(batch, wording, Markup::Slack)), place)
}

impl WebApi {
    /// Asks, once. `now` is what a date to wait for is measured from.
    async fn ask(&self, method: &str, body: &Value, now: Timestamp) -> Result<Answer, NotifyError> {
        let (to, body) = (self.api.below(method), Bytes::from(body.to_string()));
        let bearer = format!("Bearer {}", self.token.expose());
        let request = Request {
            method: Method::Post,
            to: &to,
            headers: &[("authorization", &bearer)],
            body: Some(("application/json; charset=utf-8", &body)),
            limit: MAX_ANSWER,
        };
        let mut answer = self.http.ask(request, &self.api, now).await?;
        // Whoever answers may say back what it was asked with.
        answer.body = self.token.blotted_out_of(&answer.body);
        Ok(answer)
    }

    /// What was told before says where what belongs to it goes; only a message of its own needs a channel.
    fn place(&self, way: &Way, batch: &Batch, wording: &Wording) -> Result<Place, NotifyError> {
        way.place().map_or_else(|| self.channel.of(batch, wording), Ok)
    }
}

#[async_trait]
impl Notifier for WebApi {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        let way = Way::of(batch);
        match self.place(&way, batch, wording) {
            Ok(place) => format!("POST {}\n{:#}", self.api, payload(batch, wording, &way, &place)),
            Err(error) => error.to_string(),
        }
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.api)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let mut way = Way::of(batch);
        loop {
            let place = self.place(&way, batch, wording)?;
            let answer = self.ask(way.method(), &payload(batch, wording, &way, &place), batch.claimed_at).await?;
            let Some(instead) = way.instead(&answer, batch) else {
                let taken = classify(answer.status, &answer.body, answer.retry_after, &place);
                return recorded(&answer, taken.map(|taken| way.receipt(taken?, batch)));
            };
            way = instead;
        }
    }

    fn rewrites_storms(&self) -> bool {
        true
    }

    /// Asks whose token it is. Whether the channel takes messages, only a message can tell.
    async fn knock(&self) -> Option<(String, Result<(), String>)> {
        let answer = self.ask("auth.test", &json!({}), Timestamp::EPOCH).await;
        let elsewhere = Place { name: "any".to_owned(), is_everybodys: true };
        let opened = answer.and_then(|it| classify(it.status, &it.body, it.retry_after, &elsewhere));
        Some((self.api.to_string(), opened.map(drop).map_err(|error| error.detail)))
    }
}

#[cfg(test)]
mod tests;
