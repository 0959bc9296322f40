//! Slack's answer: one bare word, whose meaning is firmer than its status.
//!
//! Pure. Words from <https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks> and from
//! what was observed since; only six have a documented status, so the word decides and the status is for the rest.

use std::time::Duration;

use serde_json::Value;

use crate::notify::answer::{asked_wait, by_status};
use crate::notify::{NotifyError, Scope};

/// What a word means.
#[derive(Clone, Copy)]
enum Meaning {
    /// This message will never be taken.
    MessageRefused,
    /// No message will be taken until somebody acts.
    TargetRefused,
    /// Too many messages.
    RateLimited,
    /// Slack failed; parts may have happened.
    Failed,
}

const OUR_FORM: &str = "Slack does not take the message's form: look at the route's `message` templates";
const NEW_URL: &str = "the webhook is gone: make a new one in Slack and change `webhook_url`";

/// Word → meaning and what to do.
const WORDS: &[(&str, Meaning, &str)] = {
    use Meaning::*;
    &[
        ("invalid_payload", MessageRefused, OUR_FORM),
        ("no_text", MessageRefused, OUR_FORM),
        ("missing_text_or_fallback_or_attachments", MessageRefused, OUR_FORM),
        ("invalid_blocks", MessageRefused, OUR_FORM),
        ("invalid_blocks_format", MessageRefused, OUR_FORM),
        ("invalid_attachments", MessageRefused, OUR_FORM),
        ("too_many_attachments", MessageRefused, OUR_FORM),
        ("msg_blocks_too_long", MessageRefused, OUR_FORM),
        ("user_not_found", TargetRefused, "the webhook's user is gone: make a new webhook and change `webhook_url`"),
        ("action_prohibited", TargetRefused, "the workspace's administrators forbid it: ask them to allow the app"),
        ("invalid_token", TargetRefused, "the URL is mistyped or was revoked: compare `webhook_url` with Slack's page"),
        (
            "posting_to_general_channel_denied",
            TargetRefused,
            "the app may not post to #general: choose another channel",
        ),
        ("team_disabled", TargetRefused, "the workspace is disabled: change `webhook_url`"),
        ("channel_not_found", TargetRefused, "the channel is gone: make a new webhook and change `webhook_url`"),
        ("no_service", TargetRefused, NEW_URL),
        ("no_service_id", TargetRefused, NEW_URL),
        ("no_team", TargetRefused, NEW_URL),
        ("no_active_hooks", TargetRefused, NEW_URL),
        ("channel_is_archived", TargetRefused, "the channel is archived: unarchive it or change `webhook_url`"),
        ("rate_limited", RateLimited, "Slack takes about one message a second for each channel"),
        ("ratelimited", RateLimited, "Slack takes about one message a second for each channel"),
        ("rollup_error", Failed, "Slack failed, perhaps after posting the message"),
    ]
};

/// The decision, from Slack's answer alone: delivered only if it says `ok`.
///
/// # Errors
/// For everything else; by the word if we know it, else by the status.
pub fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<(), NotifyError> {
    let success = (200..300).contains(&status);
    if success && body.trim() == "ok" {
        return Ok(());
    }
    let after = asked_wait(retry_after, body);
    let word = word(body);
    let known = WORDS.iter().find(|(known, ..)| Some(*known) == word.as_deref());
    if let Some((word, meaning, advice)) = known {
        return Err(meaning.error(after, format!("answered {status} `{word}`: {advice}")));
    }
    if success {
        let detail = format!("answered {status} without the word `ok`: look into the channel whether it was posted");
        return Err(NotifyError::ambiguous(after, detail));
    }
    by_status(status, after, word.as_deref().unwrap_or_default())
}

impl Meaning {
    fn error(self, after: Option<Duration>, detail: String) -> NotifyError {
        match self {
            Self::MessageRefused => NotifyError::message_refused(detail),
            Self::TargetRefused => NotifyError::target_refused(detail),
            Self::RateLimited => NotifyError::rate_limited(after, detail),
            Self::Failed => NotifyError::target_failed(Scope::Message, after, detail).perhaps_done(),
        }
    }
}

/// The error word: the whole body, or `error` of a JSON body. A page of a front end is no word.
fn word(body: &str) -> Option<String> {
    let body = body.trim();
    let json = || serde_json::from_str::<Value>(body).ok()?.get("error")?.as_str().map(str::to_owned);
    let word = if body.starts_with('{') { json()? } else { body.to_owned() };
    let is_word = (1..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_word.then_some(word)
}
