//! Hosts whose certificate no system knows, and hosts that ask for ours.

use super::*;
use crate::support::internet::fixture;
use crate::support::relay::refusal;
use crate::support::tls_host::TlsHost;

#[tokio::test]
async fn a_host_inside_is_trusted_by_who_names_its_authority() {
    let relay = TestRelay::start("").await;
    let host = TlsHost::before(relay.slack().address).await;
    let stranger = TestRelay::start(&configuration(&host.url(), "", "")).await;
    let words = refused(&stranger).await;
    assert!(words.contains("localhost") && words.to_lowercase().contains("issuer"), "{words}");

    let friend = configuration(&host.url(), "connection: { ca: \"{{INSIDE}}\" }", "");
    let friend = TestRelay::start(&friend).await;
    assert_eq!(fate(&friend).await, Ok(()));
    assert_eq!(relay.slack().received().len(), 1);
}

#[tokio::test]
async fn the_authority_of_everybody_is_every_targets_unless_it_has_its_own() {
    let relay = TestRelay::start("").await;
    let host = TlsHost::before(relay.slack().address).await;
    let common = "connection: { ca: \"{{INSIDE}}\" }";
    assert_eq!(fate(&TestRelay::start(&configuration(&host.url(), "", common)).await).await, Ok(()));
    let own = configuration(&host.url(), "connection: { ca: \"{{AUTHORITY}}\" }", common);
    refused(&TestRelay::start(&own).await).await;
}

#[tokio::test]
async fn a_host_that_asks_who_comes_is_shown_our_certificate() {
    let relay = TestRelay::start("").await;
    let host = TlsHost::before_known_clients(relay.slack().address).await;
    let unknown = TestRelay::start(&configuration(&host.url(), "connection: { ca: \"{{INSIDE}}\" }", "")).await;
    let (_, words) = fate(&unknown).await.unwrap_err();
    assert!(words.to_lowercase().contains("certificate"), "{words}");
    assert!(relay.slack().received().is_empty());

    let [certificate, key] = ["client.pem", "client.key"].map(|name| fixture(name).display().to_string());
    let own = format!(
        "connection: {{ ca: \"{{{{INSIDE}}}}\", client_certificate: \"{certificate}\", client_key: \"{key}\" }}"
    );
    assert_eq!(fate(&TestRelay::start(&configuration(&host.url(), &own, "")).await).await, Ok(()));
    assert_eq!(relay.slack().received().len(), 1);
}

#[tokio::test]
async fn a_key_of_another_certificate_is_found_before_anything_starts() {
    let [certificate, key] = ["client.pem", "host.key"].map(|name| fixture(name).display().to_string());
    let common = format!("connection: {{ client_certificate: \"{certificate}\", client_key: \"{key}\" }}");
    let complaint = refusal(&common).await;
    assert!(complaint.contains("`client_key` is not the key of `client_certificate`"), "{complaint}");
    assert!(complaint.contains("connection.client_key"), "{complaint}");
}
