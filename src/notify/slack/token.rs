//! Slack's tokens: which of them a bot writes with, and what the others are. Never shows one.
//!
//! Pure. The kinds: <https://docs.slack.dev/authentication/tokens>.

use crate::config::Secret;

/// Where people find the right one.
pub(super) const WHERE_TO_FIND_IT: &str = "a bot token begins with `xoxb-`; it is shown at api.slack.com/apps → \
    your app → OAuth & Permissions → Bot User OAuth Token, once the app is installed";

/// How the tokens begin that are not a bot's, and what they are.
const OTHERS: &[(&str, &str)] = &[
    ("xoxp-", "is a user's token, which writes in that person's name and ends with the account"),
    ("xapp-", "is a token of the app itself, which cannot write messages"),
    ("xoxe.", "is a token that ends after twelve hours: switch token rotation off for the app"),
    ("xoxe-", "is for renewing another token, and cannot write messages"),
    ("xoxc-", "is a token of somebody's browser"),
    ("xoxd-", "is a cookie of somebody's browser"),
    ("xoxa-", "is a token of an old kind, which Slack does not issue any more"),
    ("xoxs-", "is a token of an old kind, which Slack does not issue any more"),
];

/// Whether it is a token of Slack, of whatever kind.
pub(super) fn is_one(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("xoxb-") || OTHERS.iter().any(|(start, _)| text.starts_with(start))
}

/// The bot's token, or what it is instead.
pub(super) fn of_bot(text: &str) -> Result<Secret, String> {
    let text = text.trim();
    let is_plain = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let other = OTHERS.iter().find(|(start, _)| text.starts_with(start));
    let mistake = match (text.strip_prefix("xoxb-"), other) {
        (Some(rest), _) if is_plain(rest) => return Ok(Secret::literal(text)),
        (Some(_), _) => "begins as a bot's token does, but goes on with what no token has: copy it once more, whole",
        (None, Some((_, what))) => what,
        _ if text.starts_with("https://") => "is a URL: a webhook's is written as `webhook_url`, without `channel`",
        _ if text.starts_with("Bearer ") => "has `Bearer` before it: leave that out",
        _ => "is no bot token",
    };
    Err(mistake.to_owned())
}

#[cfg(test)]
mod tests;
