//! How the relay gets out of a house with a proxy, an authority and rules of its own. Next: [`super::command_line`].
//!
//! [`crate::support::internet`] is the world behind a proxy, [`crate::support::tls_host`] a host inside the house.

mod allowed;
mod by_proxy;
mod trusted;

use castai_relay::event::delivery::Reason;
use castai_relay::store::DeliveryState;

use crate::support::bodies::node_added;
use crate::support::internet::fixture;
use crate::support::relay::TestRelay;

const PATH: &str = "/services/T000/B000/XXXXXXXXXXXX";

/// A configuration in which `slack-ops` is at `url`, with `settings` beside its kind, and `common` at the top.
fn configuration(url: &str, settings: &str, common: &str) -> String {
    let [authority, inside] = ["authority.pem", "inside-authority.pem"].map(|name| fixture(name).display().to_string());
    let target = format!("{{ slack: {{ webhook_url: \"{url}{PATH}\" }}, rate: unlimited, {settings} }}");
    format!("targets: {{ slack-ops: {target} }}\n{common}\n")
        .replace("{{AUTHORITY}}", &authority)
        .replace("{{INSIDE}}", &inside)
}

/// What became of one event that was to be told: delivered, or the reason and the words.
async fn fate(relay: &TestRelay) -> Result<(), (Reason, String)> {
    relay.accept(node_added("evt")).await;
    relay.deliver().await;
    let delivery = relay.delivery("evt").await;
    match delivery.state {
        DeliveryState::Delivered => Ok(()),
        _ => Err((delivery.reason.unwrap(), delivery.detail.unwrap_or_default())),
    }
}

/// The words of one that found no connection and will be tried again.
async fn refused(relay: &TestRelay) -> String {
    let (reason, detail) = fate(relay).await.unwrap_err();
    assert_eq!(reason, Reason::Unreachable, "{detail}");
    assert_eq!(relay.delivery("evt").await.state, DeliveryState::Pending, "{detail}");
    detail
}
