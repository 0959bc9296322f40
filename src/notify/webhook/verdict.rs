//! A receiver's answer: its status, whatever it says.
//!
//! Pure. After Standard Webhooks, which tries again whatever is not 2xx, because receivers are deployed wrongly and put right:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>. Where the general table
//! ([`super::super::answer`]) gives up, this one waits: nothing is lost to an hour of 404.

use std::time::Duration;

use crate::notify::NotifyError;
use crate::notify::Scope;
use crate::notify::answer::{asked_wait, by_status};
use crate::notify::message::{cut, one_line};

/// The decision.
///
/// # Errors
/// For everything but 2xx.
pub fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<(), NotifyError> {
    let said = said(body);
    let after = asked_wait(retry_after, body);
    match status {
        // "Gone" is how a receiver ends it. The target is closed: what is owed waits for somebody to look, and one message in
        // five minutes finds out whether it was meant.
        410 => Err(NotifyError::target_refused(answered(
            410,
            &said,
            ", it wants no more messages: remove the target, or ask whoever runs the receiver",
        ))),
        408 | 425 | 429 => by_status(status, after, &said),
        // All others may be about this one message (a gateway that dislikes a word, a receiver that knows no such type) or about
        // a wrong deployment. So each is tried again by the schedule and by itself; where nothing else gets through in
        // between, five in a row close the target, and a closed target is probed with other messages, too. So one odd
        // message stops nobody.
        400..500 => Err(NotifyError::target_failed(Scope::Message, after, answered(status, &said, cure(status)))),
        // Something broke over this message, for all we know; the next one may be taken.
        500 => by_status(status, after, &said).map_err(NotifyError::of_this_message),
        // A redirect is never followed, so nothing gets through until `url` is changed. 502, 503 and 504 speak for everybody: with
        // `Retry-After` the whole target rests, without it it is closed after five in a row.
        _ => by_status(status, after, &said),
    }
}

fn answered(status: u16, said: &str, cure: &str) -> String {
    let said = if said.is_empty() { String::new() } else { format!(" `{said}`") };
    format!("answered {status}{said}{cure}")
}

fn cure(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => ": compare `auth` and `sign` with what the receiver expects",
        404 | 405 => ": check `url` and `method`",
        413 => ": it takes only smaller bodies",
        400 | 415 | 422 => ": compare `body` with what the receiver expects",
        _ => "",
    }
}

/// The start of what it says, unless that is a page.
fn said(body: &str) -> String {
    const LONGEST: usize = 300;
    let body = body.trim_start_matches('\u{feff}').trim();
    let is_page = body.starts_with('<');
    if is_page { String::new() } else { cut(&one_line(body), LONGEST) }
}
