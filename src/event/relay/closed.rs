//! What the relay says of a target that is closed, and of one that is open again.
//!
//! One report for each pause, one more where a target that was said to fail turns out to refuse, and one for the end of it all,
//! however often and by whom it is said. Knows only names and events; when
//! a target is closed is for [`crate::target`] to say.

use bytes::Bytes;
use serde_json::json;

use super::{RelayReport, report};
use crate::event::delivery::Reason;
use crate::event::{Event, Timestamp};
use crate::names::{EventId, TargetName};

/// A target that is closed, or was until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedTarget<'a> {
    /// Which target.
    pub target: &'a TargetName,
    /// True when it refuses everything until somebody acts; false when it fails and may recover by itself.
    pub refuses: bool,
    /// Whether it refuses by now, and was reported as failing before.
    pub turned: bool,
    /// Since when.
    pub since: Timestamp,
    /// How often it was tried since then whether it is well again.
    pub probes: u32,
    /// Why the last attempt failed.
    pub reason: Reason,
    /// The same in words, without secrets.
    pub detail: &'a str,
    /// How many deliveries wait for it, if that is known.
    pub waiting: Option<usize>,
}

impl ClosedTarget<'_> {
    fn cause(&self) -> &'static str {
        if self.refuses { "refusing" } else { "failing" }
    }

    fn hint(&self) -> &'static str {
        match self.refuses {
            true => {
                "correct the target's key or URL in the configuration and restart the relay, or put right at the target \
                 what its answer complains of, such as an archived channel; the relay goes on trying"
            }
            false => {
                "look at the target's status page, and at DNS, proxy and firewall between the relay and the target; \
                 the relay goes on trying, and goes on by itself when the target recovers"
            }
        }
    }
}

/// `relay.target_paused`: one for each time a target is closed, and another one where it turns out to refuse after that.
pub fn target_paused(closed: &ClosedTarget<'_>, now: Timestamp) -> Event {
    let ClosedTarget { target, since, probes, reason, detail, waiting, .. } = closed;
    let data = json!({
        "target": target.as_str(),
        "cause": closed.cause(),
        "reason": reason.as_str(),
        "detail": detail,
        "since": since,
        "probes": probes,
        "waiting": waiting,
        "hint": closed.hint(),
    });
    let turned = if closed.turned { "/refusing" } else { "" };
    let id = EventId::from_sender(None, &format!("target_paused/{target}/{since}{turned}"));
    report(RelayReport::TargetPaused, id, data, Bytes::new(), now)
}

/// `relay.target_resumed`: one for each time that a target was closed and that was reported, when it takes messages again.
pub fn target_resumed(closed: &ClosedTarget<'_>, now: Timestamp) -> Event {
    let ClosedTarget { target, since, probes, reason, detail, waiting, .. } = closed;
    let data = json!({
        "target": target.as_str(),
        "cause": closed.cause(),
        "reason": reason.as_str(),
        "detail": detail,
        "since": since,
        "closed_seconds": now.saturating_since(*since).as_secs(),
        "probes": probes,
        "waiting": waiting,
    });
    let id = EventId::from_sender(None, &format!("target_resumed/{target}/{since}"));
    report(RelayReport::TargetResumed, id, data, Bytes::new(), now)
}
