//! Discord's answer: a number of its own beside the status, whose meaning is firmer.
//!
//! Pure. Codes from <https://docs.discord.com/developers/topics/opcodes-and-status-codes>, limits from
//! <https://docs.discord.com/developers/topics/rate-limits>. Ten thousand refusals in ten minutes have Discord shut out
//! everybody behind one address, so what will never be taken closes the target at once.

use std::time::Duration;

use serde_json::Value;

use super::Snowflake;
use crate::notify::NotifyError;
use crate::notify::answer::{asked_wait, by_status};

/// What a code means.
#[derive(Clone, Copy)]
enum Meaning {
    /// This message will never be taken.
    MessageRefused,
    /// No message will be taken until somebody acts.
    TargetRefused,
}

const OUR_FORM: &str = "Discord does not take the message's form: look at the route's `message` templates";
const NEW_URL: &str = "the webhook is gone: make a new one in Discord and change `url`";
const A_THREAD: &str = "the channel is a forum, which takes messages in threads only: set `thread_id`";
const THREAD_GONE: &str = "the thread is archived, locked or gone: change `thread_id`, or leave it out";

/// The message that was to be changed is not there.
const UNKNOWN_MESSAGE: u64 = 10_008;

/// The thread is archived.
const ARCHIVED: u64 = 50_083;

/// Code → meaning and what to do.
const CODES: &[(u64, Meaning, &str)] = {
    use Meaning::*;
    &[
        (10_003, TargetRefused, THREAD_GONE),
        (10_015, TargetRefused, NEW_URL),
        (20_028, TargetRefused, "the channel takes no more messages for now: lower the target's `rate`"),
        (40_005, MessageRefused, OUR_FORM),
        (50_006, MessageRefused, OUR_FORM),
        (50_027, TargetRefused, "the URL is mistyped or was renewed: compare `url` with Discord's page"),
        (50_035, MessageRefused, OUR_FORM),
        (ARCHIVED, TargetRefused, THREAD_GONE),
        (220_001, TargetRefused, A_THREAD),
        (220_003, TargetRefused, THREAD_GONE),
        (240_000, MessageRefused, "Discord blocks a link in the message as harmful"),
    ]
};

/// The decision, from Discord's answer alone: delivered only if it says what the message is called.
///
/// # Errors
/// For everything else; by the code if we know it, else by the status.
pub(super) fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<Snowflake, NotifyError> {
    let (after, code) = (asked_wait(retry_after, body), code(body));
    let known = CODES.iter().find(|(known, ..)| Some(*known) == code && (400..500).contains(&status) && status != 429);
    if let Some((code, meaning, advice)) = known {
        let detail = format!("answered {status}, code {code}: {advice}");
        return Err(match meaning {
            Meaning::MessageRefused => NotifyError::message_refused(detail),
            Meaning::TargetRefused => NotifyError::target_refused(detail),
        });
    }
    let said = code.map(|code| format!("code {code}")).unwrap_or_default();
    by_status(status, after, &said)?;
    let message = |said: Value| Snowflake::parse(said.get("id")?.as_str()?);
    serde_json::from_str(body).ok().and_then(message).ok_or_else(|| {
        let detail = format!("answered {status} without the message: look into the channel whether it was posted");
        NotifyError::ambiguous(after, detail)
    })
}

fn code(body: &str) -> Option<u64> {
    serde_json::from_str::<Value>(body).ok()?.get("code")?.as_u64()
}

/// Whether the message that was to be changed is not there any more, or not to be changed where it is: only a new message wakes
/// a thread that was archived, <https://docs.discord.com/developers/topics/threads>.
pub(super) fn is_gone(status: u16, body: &str) -> bool {
    matches!((status, code(body)), (404, Some(UNKNOWN_MESSAGE)) | (400, Some(ARCHIVED)))
}
