//! A message as a change event, which is shown beside a service's incidents and wakes nobody.
//!
//! <https://developer.pagerduty.com/docs/send-change-event>. Pure; sends nothing. It has no key, so one that is sent twice is shown
//! twice; what is the same in all events is in [`event`](super::event).

use serde_json::{Map, Value, json};

use super::details;
use super::event::{About, MAX_SUMMARY, links, source};
use crate::event::batch::Batch;
use crate::notify::message::{Message, cut};
use crate::template::{Markup, Wording};

/// All fields but the routing key.
pub(super) fn fields(batch: &Batch, wording: &Wording) -> Map<String, Value> {
    let message = Message::compose(batch, wording, Markup::Plain);
    let about = About::of(batch);
    let payload = json!({
        "summary": cut(&message.headline, MAX_SUMMARY),
        "source": source(about.cluster, &batch.lead().event),
        "timestamp": about.began_at,
        "custom_details": details::of(&message, batch),
    });
    Map::from_iter([("payload".to_owned(), payload), ("links".to_owned(), links(&message))])
}
