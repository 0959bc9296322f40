//! The answer: a status, and words that help people, <https://docs.opsgenie.com/docs/response>.
//!
//! Pure. Sending again is harmless, so doubt is no trouble.

use std::time::Duration;

use serde_json::Value;

use crate::notify::NotifyError;
use crate::notify::answer::{asked_wait, by_status, is_page};
use crate::notify::message::{cut, one_line};

/// The API counts requests over a minute and names the wait in no standard header,
/// <https://docs.opsgenie.com/docs/api-rate-limiting>.
const WAIT_WHEN_THROTTLED: Duration = Duration::from_secs(30);

/// The decision, from the answer alone.
///
/// # Errors
/// For everything but 2xx, and for a 2xx with a page: that is a proxy's or a wrong URL's.
pub fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Result<(), NotifyError> {
    let after = asked_wait(retry_after, body);
    let said = said(body);
    match status {
        200..300 if is_page(body) => {
            let detail = format!("answered {status} with a page: look for a proxy in between, and at `url`");
            Err(NotifyError::ambiguous(after, detail))
        }
        401 | 403 => {
            let said = if said.is_empty() { said } else { format!(" `{said}`") };
            Err(NotifyError::target_refused(format!(
                "answered {status}{said}: compare `api_key` with the key of the integration, look whether that is turned \
                 on and may create alerts, and at `region`, which only Opsgenie has"
            )))
        }
        429 => by_status(status, Some(after.unwrap_or(WAIT_WHEN_THROTTLED)), &said),
        // The API fails for one alert while it takes others.
        500 | 502 | 504 => by_status(status, after, &said).map_err(NotifyError::of_this_message),
        _ => by_status(status, after, &said),
    }
}

/// The message of a refusal, and the fields it complains of.
fn said(body: &str) -> String {
    const LONGEST: usize = 300;
    let text = |body: Value| {
        let message = body.get("message")?.as_str()?.to_owned();
        let fields = body.get("errors").filter(|errors| errors.is_object()).map(|errors| format!(" {errors}"));
        Some(message + &fields.unwrap_or_default())
    };
    cut(&one_line(&serde_json::from_str(body).ok().and_then(text).unwrap_or_default()), LONGEST)
}
