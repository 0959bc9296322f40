//! PagerDuty's answer: a status, and for 400 a text that tells a bad event from a bad key.
//!
//! Pure. Texts as documented and observed; PagerDuty does not promise them, so only a few stems are looked for.

use std::time::Duration;

use serde_json::Value;

use crate::notify::NotifyError;
use crate::notify::answer::{asked_wait, by_status, is_page};
use crate::notify::message::{cut, one_line};

/// PagerDuty names no wait with its 429; it counts calls over a sliding minute,
/// <https://developer.pagerduty.com/docs/events-api-v2/rate-limits>.
const WAIT_WHEN_THROTTLED: Duration = Duration::from_secs(30);

/// Stems of texts that speak of the key, and those of the first version's endpoint, which speaks of other fields.
const KEY_STEMS: [&str; 2] = ["routing_key", "routing key"];
const V1_STEMS: [&str; 2] = ["service key", "event_type"];

/// The decision, from PagerDuty's answer alone.
///
/// # Errors
/// For everything but 2xx, and for a 2xx with a page: that is a proxy's or a wrong URL's; sending again is harmless.
pub fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<(), NotifyError> {
    let said = said(body);
    let after = asked_wait(retry_after, body);
    let speaks_of = |stems: [&str; 2]| stems.iter().any(|stem| said.to_ascii_lowercase().contains(stem));
    match status {
        200..300 if is_page(body) => Err(NotifyError::ambiguous(
            after,
            format!(
                "answered {status} with a page, which PagerDuty never does: look for a proxy in between, and at `url`"
            ),
        )),
        400 if speaks_of(KEY_STEMS) => Err(NotifyError::target_refused(format!(
            "answered 400 `{said}`: compare `routing_key` with the service's integration key, and `region`"
        ))),
        400 if speaks_of(V1_STEMS) => Err(NotifyError::target_refused(format!(
            "answered 400 `{said}`: this is version 1 of the Events API; set `url` to a path `/v2/enqueue` or leave it out"
        ))),
        // Recorded as failures of one event: PagerDuty takes others meanwhile.
        500 | 502 | 504 => by_status(status, after, &said).map_err(NotifyError::of_this_message),
        429 => by_status(status, Some(after.unwrap_or(WAIT_WHEN_THROTTLED)), &said),
        _ => by_status(status, after, &said),
    }
}

/// What the body says: its list of errors, else its message, else the text itself unless it is a page.
fn said(body: &str) -> String {
    const LONGEST: usize = 300;
    let text = match serde_json::from_str::<Value>(body) {
        Ok(answer) => errors(&answer).or_else(|| answer.get("message")?.as_str().map(str::to_owned)),
        Err(_) => Some(body.to_owned()).filter(|text| !is_page(text)),
    };
    cut(&one_line(&text.unwrap_or_default()), LONGEST)
}

fn errors(answer: &Value) -> Option<String> {
    let errors: Vec<&str> = answer.get("errors")?.as_array()?.iter().filter_map(Value::as_str).collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}
