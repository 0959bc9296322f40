//! What to do next, in plain words; nothing where nothing is to be done.

use serde_json::Value;

use super::short::is_taken;
use super::{Line, rejected};
use crate::admin::deliveries::Shown;
use crate::admin::story::Story;
use crate::admin::waiting::Because;
use crate::cli::shown::Tone;
use crate::event::delivery::{DeliveryState, Reason};

/// The lines, each advice once.
pub fn lines(story: &Story) -> Vec<Line> {
    let mut all: Vec<String> = of_body(story).into_iter().collect();
    for delivery in &story.deliveries {
        all.extend(of_delivery(delivery).filter(|advice| !all.contains(advice)));
    }
    let is_lost = story.deliveries.is_empty() && story.routing.unknown.is_none();
    if is_lost && !is_taken(story) && rejected(story).is_none() {
        all.push(
            "if somebody should hear of it, write a route for it; `castai-relay route test` shows who would".to_owned(),
        );
    }
    let line = |advice: String| (Tone::Plain, vec!["what to do:".to_owned(), advice]);
    all.into_iter().map(line).collect()
}

/// What the relay says to a body it could not read.
fn of_body(story: &Story) -> Option<String> {
    rejected(story)?.get("hint").and_then(Value::as_str).map(str::to_owned)
}

fn of_delivery(delivery: &Shown) -> Option<String> {
    let target = &delivery.target;
    let put_right = || {
        format!("put right the key, the address or the channel of {target}, then `castai-relay targets test {target}`")
    };
    let is_well = || format!("`castai-relay targets test {target}` finds out whether it is well again");
    match (delivery.state, delivery.reason, delivery.waits.as_ref().map(|waits| waits.because)) {
        (DeliveryState::Pending, _, Some(Because::Paused)) => {
            Some(format!("nothing, if the pause is meant; `castai-relay targets resume {target}` ends it"))
        }
        (DeliveryState::Pending, _, Some(Because::Refusing)) => Some(put_right()),
        (DeliveryState::Pending, _, Some(Because::Failing)) => {
            Some(format!("nothing yet: {target} is tried again and again; {}", is_well()))
        }
        (DeliveryState::Pending, _, Some(Because::NoTarget)) => Some(format!("configure {target} again, or let it be")),
        (DeliveryState::Dead, Some(reason), _) => Some(match reason {
            Reason::MessageRefused => {
                "read what the target answered, below; `castai-relay route test` shows the message as it is sent"
                    .to_owned()
            }
            Reason::Misconfigured => "correct the configuration as it says, and start the relay again".to_owned(),
            Reason::TargetRefused => put_right(),
            Reason::Ambiguous => format!("look whether it is at {target}: it may have arrived"),
            Reason::Internal => "this is a fault in the relay: its log has more".to_owned(),
            Reason::TargetRemoved => format!("name another target in the route, or configure {target} again"),
            Reason::Expired | Reason::RateLimited | Reason::TargetFailed | Reason::Unreachable => is_well(),
        }),
        _ => None,
    }
}
