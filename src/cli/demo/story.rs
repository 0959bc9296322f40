//! What happens in the demo: half a minute in the life of a cluster, with everything that usually goes wrong.

/// One thing that happens.
pub enum Act {
    /// CAST AI calls the webhook with this sample under this id.
    Send {
        /// Which sample.
        sample: &'static str,
        /// Its id.
        id: &'static str,
    },
    /// Slack starts to answer 503.
    SlackFails,
    /// Slack answers again.
    SlackWorks,
}

/// When it happens, in words and deeds.
pub struct Scene {
    /// Milliseconds after the start.
    pub at_ms: u64,
    /// What to print.
    pub says: &'static str,
    /// What to do.
    pub act: Act,
}

const fn send(at_ms: u64, sample: &'static str, id: &'static str, says: &'static str) -> Scene {
    Scene { at_ms, says, act: Act::Send { sample, id } }
}

/// The story.
pub const STORY: &[Scene] = &[
    send(500, "node.added", "evt-1", "a spot node joins prod-eu"),
    send(3_000, "node.added", "evt-1", "the same event again, as after a timeout"),
    send(5_500, "notification", "ntf-1", "a pod cannot be scheduled"),
    Scene { at_ms: 8_000, says: "goes down: every call is answered 503", act: Act::SlackFails },
    send(9_000, "node.spot_interrupted", "evt-2", "the spot node will be taken away"),
    send(11_000, "node.removed", "evt-3", "the node is gone"),
    send(13_500, "unknown", "evt-4", "an event of a kind nobody has heard of"),
    send(16_000, "broken", "ntf-2", "a body that is not JSON: a quote in a message broke the template"),
    Scene { at_ms: 18_500, says: "is back", act: Act::SlackWorks },
    send(21_000, "critical", "ntf-3", "the CAST AI agent lost its connection"),
    send(24_000, "savings.threshold", "evt-5", "savings crossed a threshold"),
    send(27_000, "critical", "ntf-3", "the agent's alert again"),
];
