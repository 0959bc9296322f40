//! What the suite has to know of the kind `webhook`: one with a credential, a header of its own and two keys to sign with.

use castai_relay::event::delivery::Reason;
use castai_relay::notify::Scope;

use super::{Verdict, shown_json};
use crate::support::receivers::Received;

pub const PATH: &str = "w0secret0w0secret0";
pub const TOKEN: &str = "t0secret0t0secret0";
pub const HEADER: &str = "h0secret0h0secret0";

/// As they are written but for `whsec_`; the second one is on its way out.
pub const KEYS: [&str; 2] = ["C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];

pub fn section(address: &str) -> String {
    let [new, old] = KEYS;
    format!(
        "{{ url: \"{address}/hooks/{PATH}\", auth: {{ bearer: {TOKEN} }}, headers: {{ X-Own: {HEADER} }}, \
         sign: {{ standard_webhooks: [ whsec_{new}, whsec_{old} ] }} }}"
    )
}

/// Written from Standard Webhooks, "Delivery and retries": everything that is not 2xx is tried again, 410 ends it; what a
/// redirect says stays with it, as at every target.
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
pub fn own_verdict(status: u16) -> Option<Verdict> {
    match status {
        410 | 429 => None,
        400..500 => Some(Verdict::Retry(Reason::TargetFailed, Scope::Message, None)),
        500 => Some(Verdict::PerhapsDone(Reason::TargetFailed, Scope::Message, None)),
        _ => None,
    }
}

/// All headers of the message in their order, then the body.
pub fn shown(received: &Received) -> String {
    let headers = ["content-type", "idempotency-key", "webhook-id", "webhook-timestamp"];
    let open: String = headers
        .iter()
        .map(|name| format!("{name}: {}\n", received.header(name).unwrap_or_else(|| panic!("no `{name}`"))))
        .collect();
    let secret = ["webhook-signature", "x-own", "authorization"].map(|name| format!("{name}: ***\n")).concat();
    format!("{open}{secret}\n{}", shown_json(received))
}
