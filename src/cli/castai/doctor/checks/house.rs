//! What the configuration in force allows that one should know of.

use super::super::facts::Facts;
use super::super::line::Line;
use crate::source::verify::Verifier;

/// A line for each risk, or one that there is none.
pub fn risks(facts: &Facts) -> Vec<Line> {
    let house = &facts.house;
    let mut lines = Vec::new();
    if let Some(exposed) = &house.exposed {
        let open = facts.webhooks.iter().filter(|webhook| matches!(webhook.verifier, Verifier::None));
        let line = |name: &str| {
            let found = format!("verifies nobody, and others than this machine reach {exposed}");
            Line::warning("verify", found, "write `verify: { bearer: [ { env: CASTAI_WEBHOOK_TOKEN } ] }`").about(name)
        };
        lines.extend(open.map(|webhook| line(&webhook.name)));
    }
    if house.memory {
        let found = "nothing survives the end of the process";
        lines.push(Line::warning("store", found, "write `store: { sqlite: { path: … } }` on a persistent volume"));
    }
    match &house.public_url {
        None => {
            let cure = "write the base URL of your ingress as `server.public_url`";
            lines.push(Line::warning("public_url", "not set: what CAST AI must call is not known", cure));
        }
        Some(url) if house.public_url_is_loopback => {
            let found = format!("{url} is this machine's own address: CAST AI cannot reach it");
            lines.push(Line::warning("public_url", found, "write the address of your ingress"));
        }
        Some(_) => {}
    }
    if facts.webhooks.is_empty() && facts.polled.is_empty() {
        lines.push(Line::wrong("sources", "there is none: no event can come in", "write one under `sources`"));
    }
    if lines.is_empty() {
        lines.push(Line::good("configuration", "nothing to warn of"));
    }
    lines
}
