//! What a mail server's answer means: one pure table over the stage and the code.
//!
//! After RFC 5321, section 4.2, RFC 4954 and RFC 3463. Before the mail itself all messages to a target are alike, for they have one
//! sender and one recipient: so what is refused for good there is refused to all of them. After the final dot it is
//! about the mail. A target keeps what it is owed while it refuses, so nothing is lost by that.

use std::time::Duration;

use super::session::{Failure, Stage};
use super::wire::{Fault, Reply};
use crate::notify::message::cut;
use crate::notify::{NotifyError, Scope};

/// How long a server is left alone that knows us not yet (greylisting) or has no time: who comes back sooner begins anew.
/// <https://www.rfc-editor.org/rfc/rfc6647#section-5> has servers wait for up to five minutes.
const GREYLISTED: Duration = Duration::from_secs(300);

/// Words of those who want fewer messages: Amazon SES, Exchange Online, Gmail.
const TOO_FAST: [&str; 7] =
    ["throttl", "rate exceeded", "rate limit", "too many messages", "quota exceeded", "sending limit", "5.4.5"];

/// What servers say of an address that they will not send from or to, whatever the mail: Amazon SES, Exchange,
/// <https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html>.
const NOT_OURS: [&str; 3] = ["not verified", "5.7.60", "not authorized to send"];

/// The decision on a failure. `about` is the server, safe to print.
pub(super) fn of(failure: &Failure, about: &str) -> NotifyError {
    match failure {
        Failure::Refused(stage, reply) => refused(*stage, reply, about),
        Failure::Missing(what) => NotifyError::target_refused(format!("{about} {what}")),
        Failure::Fault(stage, fault) => of_fault(*stage, fault, about),
    }
}

fn of_fault(stage: Stage, fault: &Fault, about: &str) -> NotifyError {
    match (stage, fault) {
        (Stage::End, _) => NotifyError::ambiguous(None, format!("{about} after {}: {fault}", stage.as_str())),
        (_, Fault::Broken(_)) => NotifyError::unreachable(format!("{about} at {}: {fault}", stage.as_str())),
        (_, Fault::Nonsense(_)) => {
            NotifyError::target_failed(Scope::Target, None, format!("{about} at {}: it {fault}", stage.as_str()))
        }
    }
}

fn refused(stage: Stage, reply: &Reply, about: &str) -> NotifyError {
    let text = reply.text();
    let said = if text.is_empty() { String::new() } else { format!(" `{}`", cut(&text, 300)) };
    let answered = |cure: &str| format!("{about} answered {} to {}{said}{cure}", reply.code, stage.as_str());
    let of_all = stage != Stage::End;
    match reply.code {
        // A yes that fits no question of ours: out of step, and after the final dot it may be one.
        ..400 if !of_all => NotifyError::ambiguous(None, answered(", which is no answer to that")),
        ..400 => NotifyError::target_failed(Scope::Target, None, answered(", which is no answer to that")),
        400..500 => put_off(stage, reply.code, &text, answered("")),
        530 | 534 | 535 | 538 => NotifyError::target_refused(answered(": check the user in `url` and `password`")),
        502..=504 | 555 => NotifyError::target_refused(answered(": this is not a server for submitting mail")),
        // So says RFC 5321, section 4.5.3.1.10, of a code that once meant too many recipients and now a mailbox that is full.
        552 if of_all => NotifyError::target_failed(Scope::Target, Some(GREYLISTED), answered("")),
        _ if of_all => NotifyError::target_refused(answered(cure(stage))),
        // Some look at sender, recipient and quota only when they have the mail.
        _ if says_one_of(&text, &NOT_OURS) => {
            NotifyError::target_refused(answered(": check that this server may send as `from` and to `to`"))
        }
        _ if says_one_of(&text, &TOO_FAST) => NotifyError::rate_limited(None, answered("")),
        _ => NotifyError::message_refused(answered("")),
    }
}

fn says_one_of(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

fn put_off(stage: Stage, code: u16, text: &str, detail: String) -> NotifyError {
    if says_one_of(text, &TOO_FAST) {
        return NotifyError::rate_limited(None, detail);
    }
    let after = matches!(code, 450 | 451).then_some(GREYLISTED);
    // Only what stands in the mail can make a server put off one mail and take the next.
    let scope = if stage == Stage::End && code != 421 { Scope::Message } else { Scope::Target };
    NotifyError::target_failed(scope, after, detail)
}

fn cure(stage: Stage) -> &'static str {
    match stage {
        Stage::From => ": check that this server may send as `from`",
        Stage::To => ": check the address in `to`",
        Stage::Auth => ": check the user in `url` and `password`",
        _ => ": check `url`",
    }
}

#[cfg(test)]
#[path = "tests/verdict.rs"]
mod tests;
