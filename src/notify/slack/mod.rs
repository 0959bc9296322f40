//! Slack, in two forms: a [`webhook`], which writes to its one channel and knows nothing of what it wrote, and the
//! [`web_api`], which writes wherever its bot may, answers in threads, and changes what it wrote.
//!
//! This file says which of them a section means. [`blocks`] puts a message into the form that both take.

mod blocks;
mod token;
pub(super) mod web_api;
mod webhook;

use std::sync::Arc;

use serde::Deserialize;

pub use webhook::classify;

use super::{Kit, Notifier};
use crate::config::{Secret, Section};
use crate::http_client::Endpoint;
use crate::template::KeyTemplate;

/// `slack: { webhook_url }` or `slack: { bot_token, channel, api_url }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    webhook_url: Option<Secret>,
    bot_token: Option<Secret>,
    /// A name or an id, or a template that makes one of the event.
    channel: Option<KeyTemplate>,
    /// Instead of Slack's own address.
    api_url: Option<Endpoint>,
}

/// Builds the notifier; mistakes are noted with their cure, never with the URL or the token.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let Config { webhook_url, bot_token, channel, api_url } = section.read()?;
    let note = |key: &str, mistake: &str, cure: &str| section.problem_at(key, mistake, &[], Some(cure.to_owned()));
    match (webhook_url, bot_token) {
        (Some(url), None) => {
            let of_the_other = [("channel", channel.is_some()), ("api_url", api_url.is_some())];
            let misplaced = of_the_other.into_iter().find_map(|(key, is_there)| is_there.then_some(key));
            if let Some(key) = misplaced {
                note(key, &format!("`{key}` says nothing to a webhook"), A_WEBHOOK_HAS_ITS_CHANNEL);
            }
            webhook::build(section, &url, kit).filter(|_| misplaced.is_none())
        }
        (None, Some(token)) => web_api::build(section, &token, channel, api_url, kit),
        (Some(_), Some(_)) => {
            note("bot_token", "`webhook_url` and `bot_token` are two ways to write to Slack", KEEP_ONE);
            None
        }
        (None, None) => {
            section.problem(format!("neither `webhook_url` nor `bot_token` is written: {KEEP_ONE}"));
            None
        }
    }
}

const A_WEBHOOK_HAS_ITS_CHANNEL: &str = "a webhook writes to the channel it was made for: leave it out, or write a \
    `bot_token` instead of `webhook_url`";
const KEEP_ONE: &str = "write `webhook_url` for one channel, or `bot_token` and `channel` for threads, changes and more \
    channels";

#[cfg(test)]
mod tests;
