//! What the Web API answers: `ok`, or a word for what is wrong, both with status 200 as a rule.
//!
//! Pure. Words and their meanings: <https://docs.slack.dev/reference/methods/chat.postMessage> and
//! <https://docs.slack.dev/reference/methods/chat.update>. A word we do not know is about the message: it is never
//! tried again and again.

use std::time::Duration;

use serde_json::Value;

use super::channel::Place;
use super::way::Taken;
use crate::notify::answer::{asked_wait, by_status};
use crate::notify::message::cut;
use crate::notify::{NotifyError, Scope};

/// What a word means.
#[derive(Clone, Copy)]
enum Meaning {
    /// This message will never be taken.
    MessageRefused,
    /// No message will be taken until somebody acts.
    TargetRefused,
    /// No message for this channel will be.
    ChannelRefused,
    /// What was to be changed or answered does not let it.
    Blocked(Obstacle),
    /// Too many messages; come back after so much time, if Slack does not say.
    RateLimited(Option<Duration>),
    /// It cannot be now, and nothing was done; the same.
    NotNow(Scope, Option<Duration>),
    /// Slack failed, and parts may have happened.
    Failed,
}

/// Why a message that was written cannot be changed or answered, though another one may be posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It is not there, or cannot be answered, or its channel is not to be reached.
    Gone,
    /// It is there, and stays as it is.
    Unchangeable,
}

const OUR_FORM: &str = "Slack does not take the message's form: look at the route's `message` templates";
const NEW_TOKEN: &str = "install the app anew, and change `bot_token` to the token that is shown then";
const WRONG_TOKEN: &str = "the token is mistyped, or Slack lets nobody in from this address: compare `bot_token`";
const EXPIRED: &str = "switch token rotation off for the app, install it anew, and change `bot_token`";
const NO_SCOPE: &str =
    "give the bot the scope under OAuth & Permissions, `chat:write` at least, and install the app anew";
const NO_CHANNEL: &str = "there is none, or the app does not see it: correct `channel`, or invite the app";
const ADMINS: &str = "the workspace's administrators forbid it: ask them to allow the app";
const SETTINGS: &str = "the settings of the workspace or the channel keep the app from writing there";
const FEWER: &str = "Slack takes about one message a second for each channel";
const MIGRATION: &str = "the workspace moves into an organisation; that takes a while";
const PARTLY: &str = "Slack failed, perhaps after posting the message";
const TOO_LONG: &str = "the message is too long: shorten the route's `message` templates";
const NOT_THERE: &str = "what was to be changed or answered is not there";

const A_WHILE: Option<Duration> = Some(Duration::from_secs(15 * 60));

/// Word → meaning and what to do.
const WORDS: &[(&str, Meaning, &str)] = {
    use Meaning::*;
    &[
        ("ratelimited", RateLimited(None), FEWER),
        ("rate_limited", RateLimited(None), FEWER),
        ("message_limit_exceeded", RateLimited(A_WHILE), "the workspace has used up the messages of its plan"),
        ("internal_error", Failed, PARTLY),
        ("fatal_error", Failed, PARTLY),
        ("service_unavailable", NotNow(Scope::Target, None), "Slack is not available"),
        ("request_timeout", NotNow(Scope::Message, None), "the request arrived in part only, and nothing was done"),
        ("team_added_to_org", NotNow(Scope::Target, A_WHILE), MIGRATION),
        ("org_login_required", NotNow(Scope::Target, A_WHILE), MIGRATION),
        ("not_authed", TargetRefused, "no token arrived: look at `api_url`, and for a proxy that takes headers away"),
        ("invalid_auth", TargetRefused, WRONG_TOKEN),
        ("account_inactive", TargetRefused, NEW_TOKEN),
        ("token_revoked", TargetRefused, NEW_TOKEN),
        ("token_expired", TargetRefused, EXPIRED),
        ("not_allowed_token_type", TargetRefused, "`bot_token` must be the token of the app's bot, `xoxb-…`"),
        ("missing_scope", TargetRefused, NO_SCOPE),
        ("no_permission", TargetRefused, NO_SCOPE),
        ("access_denied", TargetRefused, ADMINS),
        ("accesslimited", TargetRefused, ADMINS),
        ("ekm_access_denied", TargetRefused, ADMINS),
        ("enterprise_is_restricted", TargetRefused, ADMINS),
        ("team_access_not_granted", TargetRefused, ADMINS),
        ("two_factor_setup_required", TargetRefused, ADMINS),
        ("team_not_found", TargetRefused, "the token's workspace is not there: change `bot_token`"),
        ("as_user_not_supported", TargetRefused, "the app is of an old kind: make a new one, and change `bot_token`"),
        ("deprecated_endpoint", TargetRefused, "Slack has given this method up: look for a newer version of the relay"),
        ("method_deprecated", TargetRefused, "Slack has given this method up: look for a newer version of the relay"),
        ("channel_not_found", ChannelRefused, NO_CHANNEL),
        ("not_in_channel", ChannelRefused, "invite the app, or give it the scope `chat:write.public`"),
        ("is_archived", ChannelRefused, "the channel is archived: unarchive it, or change `channel`"),
        ("restricted_action", ChannelRefused, SETTINGS),
        ("restricted_action_read_only_channel", ChannelRefused, SETTINGS),
        ("restricted_action_thread_only_channel", ChannelRefused, SETTINGS),
        ("messages_tab_disabled", ChannelRefused, "the app takes no messages in person: App Home → Messages Tab"),
        ("message_not_found", Blocked(Obstacle::Gone), NOT_THERE),
        ("thread_not_found", Blocked(Obstacle::Gone), NOT_THERE),
        ("cannot_reply_to_message", Blocked(Obstacle::Gone), NOT_THERE),
        ("restricted_action_non_threadable_channel", Blocked(Obstacle::Gone), SETTINGS),
        ("restricted_action_thread_locked", Blocked(Obstacle::Gone), SETTINGS),
        ("cant_update_message", Blocked(Obstacle::Unchangeable), "the message is not the app's own"),
        ("edit_window_closed", Blocked(Obstacle::Unchangeable), "the workspace lets nobody change old messages"),
        ("msg_too_long", MessageRefused, TOO_LONG),
        ("msg_blocks_too_long", MessageRefused, TOO_LONG),
        ("attachment_payload_limit_exceeded", MessageRefused, TOO_LONG),
        ("no_text", MessageRefused, OUR_FORM),
        ("invalid_blocks", MessageRefused, OUR_FORM),
        ("invalid_blocks_format", MessageRefused, OUR_FORM),
        ("invalid_attachments", MessageRefused, OUR_FORM),
        ("too_many_attachments", MessageRefused, OUR_FORM),
    ]
};

/// The decision, from the answer alone: delivered only if it says `ok`. Yields what the message is called, if that is said.
///
/// # Errors
/// For everything else; by the word if we know it, else by the status.
pub(in crate::notify) fn classify(
    status: u16,
    body: &str,
    retry_after: Option<Duration>,
    place: &Place,
) -> Result<Option<Taken>, NotifyError> {
    let (success, after) = ((200..300).contains(&status), asked_wait(retry_after, body));
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let ok = answer.get("ok").and_then(Value::as_bool);
    if success && ok == Some(true) {
        return Ok(Taken::read(&answer));
    }
    if let Some((word, meaning, advice)) = known(&answer) {
        let more = particulars(&answer).map(|more| format!(" ({more})")).unwrap_or_default();
        return Err(meaning.error(after, place, &format!("answered {status} `{word}`{more}"), advice));
    }
    let word = word(&answer).unwrap_or_default();
    Err(match (success, ok) {
        (true, Some(_)) => NotifyError::message_refused(format!(
            "answered {status} `{word}`, which this relay does not know: look it up among the errors of `chat.postMessage`"
        )),
        (true, None) => NotifyError::ambiguous(
            after,
            format!("answered {status} without saying `ok`: look into the channel whether it was posted"),
        ),
        (false, _) => return by_status(status, after, word).map(|()| None),
    })
}

impl Meaning {
    fn error(self, after: Option<Duration>, place: &Place, answered: &str, advice: &str) -> NotifyError {
        let detail = match self {
            Self::ChannelRefused => format!("{answered} for channel `{}`: {advice}", place.name),
            _ => format!("{answered}: {advice}"),
        };
        match self {
            Self::ChannelRefused if place.is_everybodys => NotifyError::target_refused(detail),
            Self::TargetRefused => NotifyError::target_refused(detail),
            Self::MessageRefused | Self::ChannelRefused | Self::Blocked(_) => NotifyError::message_refused(detail),
            Self::RateLimited(wait) => NotifyError::rate_limited(after.max(wait), detail),
            Self::NotNow(scope, wait) => NotifyError::target_failed(scope, after.max(wait), detail),
            Self::Failed => NotifyError::target_failed(Scope::Message, after, detail).perhaps_done(),
        }
    }
}

/// What keeps a message from being changed or answered, as this answer says.
pub(super) fn obstacle(body: &str) -> Option<Obstacle> {
    match known(&serde_json::from_str(body).ok()?)? {
        (_, Meaning::Blocked(obstacle), _) => Some(*obstacle),
        // It is the channel of what was written before, which need not be the one that is meant now.
        (_, Meaning::ChannelRefused, _) => Some(Obstacle::Gone),
        _ => None,
    }
}

fn known(answer: &Value) -> Option<&'static (&'static str, Meaning, &'static str)> {
    let word = word(answer)?;
    WORDS.iter().find(|(known, ..)| *known == word)
}

fn word(answer: &Value) -> Option<&str> {
    let is_of_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let word = answer.get("error")?.as_str()?;
    ((1..=64).contains(&word.len()) && word.bytes().all(is_of_word)).then_some(word)
}

/// Which scope is missing, or what is wrong with the form of which part.
fn particulars(answer: &Value) -> Option<String> {
    const LONGEST: usize = 300;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " :.,_-[]()/'".contains(c);
    let scope = answer.get("needed").and_then(Value::as_str).map(|scope| format!("it needs the scope {scope}"));
    let messages = || answer.get("response_metadata")?.get("messages")?.as_array();
    let faults = messages().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let said = scope.unwrap_or(faults);
    let shows = !said.is_empty() && said.chars().all(is_plain) && !said.contains("://");
    shows.then(|| cut(&said, LONGEST))
}

#[cfg(test)]
mod tests;
