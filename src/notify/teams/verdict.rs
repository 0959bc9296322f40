//! What a workflow answers: a status, and for a refusal a code with a text.
//!
//! Pure. No page of the vendor lists the answers; these were observed. What is posted by the workflow fails after the answer,
//! unseen, but where the flow itself answers for Teams.

use std::time::Duration;

use serde_json::Value;

use crate::notify::answer::{asked_wait, by_status, is_page};
use crate::notify::message::{cut, one_line};
use crate::notify::{NotifyError, Scope};

/// How a success begins that is none.
const FAILED: &str = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error ";

/// The decision, from the answer alone.
///
/// # Errors
/// For everything but 2xx, for a 2xx with a page, and for one that says that Teams refused it.
pub(super) fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<(), NotifyError> {
    let after = asked_wait(retry_after, body);
    match status {
        200..300 if is_page(body) => {
            let detail = format!("answered {status} with a page: look for a proxy in between, and at `url`");
            Err(NotifyError::ambiguous(after, detail))
        }
        200..300 => match body.split_once(FAILED) {
            Some((_, rest)) => Err(refused_by_teams(rest, after)),
            None => Ok(()),
        },
        _ => by_status(status, after, &said(body)),
    }
}

/// Teams refused it, and the workflow says so with a success. Nothing was posted.
fn refused_by_teams(rest: &str, after: Option<Duration>) -> NotifyError {
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(3).collect();
    let detail = format!("answered that Teams refused it with {digits}");
    match digits.as_str() {
        "429" => NotifyError::rate_limited(after, detail),
        "400" | "413" => NotifyError::message_refused(detail),
        "401" | "403" | "404" | "410" => NotifyError::target_refused(detail),
        _ => NotifyError::target_failed(Scope::Target, after, detail),
    }
}

/// The code of a refusal.
fn said(body: &str) -> String {
    const LONGEST: usize = 100;
    let code = |body: Value| Some(body.get("error")?.get("code")?.as_str()?.to_owned());
    let code = serde_json::from_str(body).ok().and_then(code).unwrap_or_default();
    cut(&one_line(&code), LONGEST)
}
