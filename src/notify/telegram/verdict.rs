//! Telegram's answer: whether it took the message, what that is called now, and if not, why, in its own words.
//!
//! Pure. <https://core.telegram.org/bots/api#making-requests> promises `ok`, `description` and `parameters`; what the
//! descriptions say is not published and was observed. Where they change, the status decides.

use std::time::Duration;

use serde::Deserialize;

use crate::http_client::wait_of_seconds;
use crate::notify::answer::{asked_wait, by_status};
use crate::notify::message::{cut, one_line};
use crate::notify::{NotifyError, Scope};

/// Where a message is: what changing it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chat: i64,
    pub(super) message: i64,
}

/// What a description means.
#[derive(Clone, Copy)]
enum Meaning {
    /// This message will never be taken.
    MessageRefused,
    /// No message will be taken until somebody acts.
    TargetRefused,
}

const OUR_FORM: &str = "Telegram does not take the message's form: look at the route's `message` templates";
const NO_TOKEN: &str = "Telegram knows no bot with this token: compare `bot_token` with what @BotFather shows";
const NO_CHAT: &str = "there is no such chat, or the bot is not in it: compare `chat_id`, and let the bot into the chat; a \
    person has to press *Start* first";
const NO_TOPIC: &str = "the topic is closed or gone: change `message_thread_id`, or leave it out";
const NO_RIGHT: &str = "the bot may not write there: allow it to, in a channel as an administrator";
const SHUT_OUT: &str = "whoever is told there has shut the bot out: let it in again, or change `chat_id`";

/// Status, a part of the description in small letters, meaning and what to do.
const DESCRIPTIONS: &[(u16, &str, Meaning, &str)] = {
    use Meaning::*;
    &[
        (400, "chat not found", TargetRefused, NO_CHAT),
        (400, "peer_id_invalid", TargetRefused, NO_CHAT),
        (400, "channel_private", TargetRefused, NO_CHAT),
        (400, "group is deactivated", TargetRefused, NO_CHAT),
        (400, "message thread not found", TargetRefused, NO_TOPIC),
        (400, "topic_closed", TargetRefused, NO_TOPIC),
        (400, "topic_deleted", TargetRefused, NO_TOPIC),
        (400, "not enough rights", TargetRefused, NO_RIGHT),
        (400, "have no rights", TargetRefused, NO_RIGHT),
        (400, "need administrator rights", TargetRefused, NO_RIGHT),
        (400, "chat_write_forbidden", TargetRefused, NO_RIGHT),
        (400, "chat_admin_required", TargetRefused, NO_RIGHT),
        (400, "chat_restricted", TargetRefused, NO_RIGHT),
        (400, "can't parse entities", MessageRefused, OUR_FORM),
        (400, "message is too long", MessageRefused, OUR_FORM),
        (400, "text is empty", MessageRefused, OUR_FORM),
        (401, "unauthorized", TargetRefused, NO_TOKEN),
        (403, "can't initiate conversation", TargetRefused, NO_CHAT),
        (403, "not a member", TargetRefused, NO_CHAT),
        (403, "forbidden", TargetRefused, SHUT_OUT),
        (404, "not found", TargetRefused, NO_TOKEN),
    ]
};

/// What it says when a message that was to be changed is not there, or not ours to change any more.
const GONE: [&str; 5] = [
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "no text in the message to edit",
    "chat not found",
];

/// An answer, as far as it is one of Telegram's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    ok: Option<bool>,
    result: Option<Written>,
    error_code: Option<u16>,
    description: String,
    parameters: Parameters,
}

/// The message as it stands in the chat now.
#[derive(Debug, Deserialize)]
struct Written {
    message_id: i64,
    chat: Chat,
}

#[derive(Debug, Deserialize)]
struct Chat {
    id: i64,
}

/// <https://core.telegram.org/bots/api#responseparameters>
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    migrate_to_chat_id: Option<i64>,
    retry_after: Option<f64>,
}

impl Said {
    fn read(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_default()
    }

    /// The status, or the one in the body where that takes back a success. None where it takes it back without one.
    fn status(&self, status: u16) -> Option<u16> {
        let denied = (200..300).contains(&status) && self.ok == Some(false);
        if denied { self.error_code.filter(|code| (400..600).contains(code)) } else { Some(status) }
    }

    fn place(&self) -> Option<Place> {
        let written = self.result.as_ref().filter(|_| self.ok == Some(true))?;
        Some(Place { chat: written.chat.id, message: written.message_id })
    }

    fn says(&self, part: &str) -> bool {
        self.description.to_lowercase().contains(part)
    }
}

/// The decision, from Telegram's answer alone: delivered only if it says where the message is.
///
/// # Errors
/// For everything else; by the description if we know it, else by the status.
pub(super) fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<Place, NotifyError> {
    let said = Said::read(body);
    let after = asked_wait(retry_after, body).max(said.parameters.retry_after.and_then(wait_of_seconds));
    let in_words = cut(&one_line(&said.description), 300);
    let Some(status) = said.status(status) else {
        let detail = format!("answered {status}, but that it took nothing: `{in_words}`");
        return Err(NotifyError::target_failed(Scope::Message, after, detail));
    };
    if let Some(refused) = refused(status, &said) {
        return Err(refused);
    }
    by_status(status, after, &in_words)?;
    said.place().ok_or_else(|| {
        let detail = format!("answered {status} without the message: look into the chat whether it was posted");
        NotifyError::ambiguous(after, detail)
    })
}

/// What is refused for a reason that we know.
fn refused(status: u16, said: &Said) -> Option<NotifyError> {
    if let Some(chat) = said.parameters.migrate_to_chat_id.filter(|_| status == 400) {
        let detail = format!("answered 400: the group has become a supergroup: change `chat_id` to {chat}");
        return Some(NotifyError::target_refused(detail));
    }
    let known = |(known, part, ..): &&(u16, &str, _, _)| *known == status && said.says(part);
    let (_, part, meaning, advice) = DESCRIPTIONS.iter().find(known)?;
    let detail = format!("answered {status} `{part}`: {advice}");
    Some(match meaning {
        Meaning::MessageRefused => NotifyError::message_refused(detail),
        Meaning::TargetRefused => NotifyError::target_refused(detail),
    })
}

/// Whether the message that was to be changed is not to be found, where it was told or at all. A group that has become a
/// supergroup has another number; what it is told anew says which. A chat that shuts us out need not be the one that is meant by
/// now: what is told anew finds out.
pub(super) fn is_gone(status: u16, body: &str) -> bool {
    let said = Said::read(body);
    let moved = said.parameters.migrate_to_chat_id.is_some();
    let shuts_us_out = |(at, part, meaning, _): &(u16, &str, Meaning, _)| {
        *at == 400 && matches!(meaning, Meaning::TargetRefused) && said.says(part)
    };
    match said.status(status) {
        Some(400) => moved || GONE.into_iter().any(|part| said.says(part)) || DESCRIPTIONS.iter().any(shuts_us_out),
        other => other == Some(403),
    }
}

/// Whether the message says already what it was to be changed to: an earlier attempt got through.
pub(super) fn is_unchanged(status: u16, body: &str) -> bool {
    let said = Said::read(body);
    said.status(status) == Some(400) && said.says("message is not modified")
}
