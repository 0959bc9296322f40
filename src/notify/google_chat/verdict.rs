//! What Google Chat answers: the message it made, or an error in the form of all of Google's interfaces.
//!
//! Pure. <https://cloud.google.com/apis/design/errors>; a success without a message is somebody else's.

use std::time::Duration;

use serde_json::Value;

use crate::notify::NotifyError;
use crate::notify::answer::{asked_wait, by_status};
use crate::notify::message::{cut, one_line};

/// The quota is one of a minute, and Google names no wait.
const WAIT_WHEN_EXHAUSTED: Duration = Duration::from_secs(30);

/// The decision, from the answer alone: delivered only if it says what the message is called.
///
/// # Errors
/// For everything else, by its status.
pub(super) fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<(), NotifyError> {
    let after = asked_wait(retry_after, body);
    match status {
        200..300 if is_message(body) => Ok(()),
        200..300 => {
            let detail = format!("answered {status} without the message: look into the space whether it was posted");
            Err(NotifyError::ambiguous(after, detail))
        }
        429 => by_status(status, Some(after.unwrap_or(WAIT_WHEN_EXHAUSTED)), &said(body)),
        _ => by_status(status, after, &said(body)),
    }
}

/// A long message is said back, and cut off where we stop reading; what it is called comes first.
fn is_message(body: &str) -> bool {
    if let Ok(message) = serde_json::from_str::<Value>(body) {
        return message.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with("spaces/"));
    }
    let start: String = body.chars().filter(|c| !c.is_whitespace()).take(16).collect();
    start.starts_with("{\"name\":\"spaces/")
}

/// The status word of an error and its text.
fn said(body: &str) -> String {
    const LONGEST: usize = 300;
    let text = |body: Value| {
        let error = body.get("error")?;
        let word = error.get("status")?.as_str()?;
        Some(format!("{word}: {}", error.get("message").and_then(Value::as_str).unwrap_or_default()))
    };
    let text = serde_json::from_str(body).ok().and_then(text).unwrap_or_default();
    cut(&one_line(&text), LONGEST)
}
