//! Telegram, by a bot, <https://core.telegram.org/bots/api>.
//!
//! [`form`] puts a message into Telegram's form, [`verdict`] reads Telegram's answer. Telegram has no idempotency: a
//! message that may have arrived and is sent again may be seen twice. The end of an incident is written into the message
//! that told of its beginning, where that told of nothing else; what follows in a storm into the storm's one message. The
//! bot's token is a part of the URL, so the URL never shows.

mod form;
mod html;
mod verdict;

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::recorded;
use super::message::Message;
use super::{Kit, Notifier, NotifyError, Sent, noted};
use crate::config::{Secret, Section};
use crate::event::batch::{Batch, Receipt};
use crate::http_client::{Answer, Endpoint, HttpClient, Method, Request};
use crate::template::{Markup, Wording};
use verdict::Place;

/// What is read of an answer: Telegram says the whole message back.
const MAX_ANSWER: usize = 64 * 1024;

/// `telegram: { bot_token, chat_id, message_thread_id, url }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    bot_token: Secret,
    chat_id: Written,
    /// A topic of a group that has topics.
    message_thread_id: Option<NonZeroU32>,
    /// A server of one's own, <https://core.telegram.org/bots/api#using-a-local-bot-api-server>.
    url: Option<Endpoint>,
}

/// How a chat is named in the configuration.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "must be a number, or `@name` in quotes")]
enum Written {
    Number(i64),
    Text(String),
}

/// How Telegram knows a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Chat {
    Number(i64),
    /// Of a public channel or group, with its `@`.
    Name(String),
}

impl Chat {
    fn parse(written: Written) -> Result<Self, &'static str> {
        let text = match written {
            Written::Number(0) => return Err("is 0, which is no chat"),
            Written::Number(number) => return Ok(Self::Number(number)),
            Written::Text(text) => text.trim().to_owned(),
        };
        let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match (text.parse(), text.strip_prefix('@')) {
            (Ok(number), _) if number != 0 => Ok(Self::Number(number)),
            (_, Some(name)) if (4..=32).contains(&name.len()) && name.chars().all(of_name) => Ok(Self::Name(text)),
            (_, Some(_)) => Err("begins with `@` but is no name: 4 to 32 letters, digits and `_` follow"),
            _ if text.contains("t.me/") => Err("is a link, not the chat's number or `@name`"),
            _ => Err("is neither a number nor a `@name`"),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Name(name) => json!(name),
        }
    }
}

/// Builds the notifier; mistakes are noted with their cure, the token never.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let token =
        noted(section, "bot_token", token(config.bot_token.expose()), "@BotFather shows it at /mybots → API Token");
    let chat = noted(section, "chat_id", Chat::parse(config.chat_id), WHERE_TO_FIND_THE_CHAT);
    let server =
        noted(section, "url", server(config.url), "write the server's address alone: `https://telegram.example.com`");
    let bot = server?.below(&format!("bot{}", token?));
    Some(Arc::new(Telegram { bot, chat: chat?, thread: config.message_thread_id, http: kit.http.clone() }))
}

const WHERE_TO_FIND_THE_CHAT: &str = "of a public channel or group write `\"@name\"`; any other chat has a number, below zero \
    for groups and channels: write something to the bot there and look for `chat` in https://api.telegram.org/bot<token>/getUpdates";

/// The token, or what is wrong with it.
fn token(token: &str) -> Result<&str, &'static str> {
    let token = token.trim();
    let is_key =
        |key: &str| key.len() == 35 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let is_token = |token: &str| token.split_once(':').is_some_and(|(number, key)| is_number(number) && is_key(key));
    match token.strip_prefix("bot") {
        _ if is_token(token) => Ok(token),
        Some(rest) if is_token(rest) => Err("begins with `bot`, which belongs in the URL only: leave it out"),
        _ => Err("is no bot's token: digits, a colon, then 35 letters, digits, `_` and `-`"),
    }
}

/// The server's address, or what is wrong with it.
fn server(url: Option<Endpoint>) -> Result<Endpoint, String> {
    let server =
        url.map_or_else(|| Endpoint::parse("https://api.telegram.org"), Ok).map_err(|error| error.to_string())?;
    let holds_token = server.path().split('/').any(|part| part.starts_with("bot") && part.contains(':'));
    if holds_token { Err("holds the token, which belongs in `bot_token`".to_owned()) } else { Ok(server) }
}

struct Telegram {
    /// With the token: what is called lies below.
    bot: Endpoint,
    chat: Chat,
    thread: Option<NonZeroU32>,
    http: HttpClient,
}

impl Telegram {
    async fn ask(&self, method: &str, body: &Value, batch: &Batch) -> Result<Answer, NotifyError> {
        let to = self.bot.below(method);
        let body = Bytes::from(body.to_string());
        let body = Some(("application/json", &body));
        let request = Request { method: Method::Post, to: &to, headers: &[], body, limit: MAX_ANSWER };
        Ok(self.http.ask(request, &self.bot, batch.claimed_at).await?)
    }

    fn new_message(&self, text: &str) -> Value {
        let mut body = body(self.chat.to_json(), text);
        if let Some(thread) = self.thread {
            body["message_thread_id"] = json!(thread);
        }
        body
    }
}

fn body(chat: Value, text: &str) -> Value {
    json!({
        "chat_id": chat,
        "text": text,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    })
}

fn change(place: Place, text: &str) -> Value {
    let mut body = body(json!(place.chat), text);
    body["message_id"] = json!(place.message);
    body
}

fn text(batch: &Batch, wording: &Wording) -> String {
    form::text(&Message::compose(batch, wording, Markup::Telegram))
}

#[async_trait]
impl Notifier for Telegram {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        let text = text(batch, wording);
        let body = told_before(batch).map_or_else(|| self.new_message(&text), |place| change(place, &text));
        format!("POST {}\n{body:#}", self.bot)
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.bot)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let text = text(batch, wording);
        if let Some(place) = told_before(batch) {
            let answer = self.ask("editMessageText", &change(place, &text), batch).await?;
            if verdict::is_unchanged(answer.status, &answer.body) {
                return recorded(&answer, Ok(receipt(place, batch)));
            }
            if !verdict::is_gone(answer.status, &answer.body) {
                return settled(&answer, batch);
            }
            // Somebody has deleted the message, or it is too old to be changed; what it was to say is news all the same.
        }
        settled(&self.ask("sendMessage", &self.new_message(&text), batch).await?, batch)
    }

    fn rewrites_storms(&self) -> bool {
        true
    }
}

fn settled(answer: &Answer, batch: &Batch) -> Result<Sent, NotifyError> {
    let taken = verdict::classify(answer.status, &answer.body, answer.retry_after);
    recorded(answer, taken.map(|place| receipt(place, batch)))
}

/// What is told of a beginning can be changed at its end, unless it tells of something else, too; what is told of a storm, as
/// long as it storms.
fn receipt(Place { chat, message }: Place, batch: &Batch) -> Option<Receipt> {
    batch.is_one_story().then(|| Receipt::new(&format!("{chat}/{message}"))).flatten()
}

/// The message that told of the beginning of what ends now, or of the storm so far.
fn told_before(batch: &Batch) -> Option<Place> {
    let (chat, message) = batch.to_change()?.as_str().split_once('/')?;
    Some(Place { chat: chat.parse().ok()?, message: message.parse().ok()? })
}

#[cfg(test)]
mod tests;
