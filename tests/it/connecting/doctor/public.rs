//! Faults between the world and our listener.

use super::clinic::Clinic;
use crate::support::process::House;
use crate::support::receivers::{Receiver, Reply};

const URL: &str = "✗ public url castai";

#[tokio::test(flavor = "multi_thread")]
async fn something_else_answers_there() {
    let clinic = Clinic::open().await;
    let page = Receiver::slack().await;
    clinic.internet.host("relay.example.com", page.address);
    clinic.finds(URL, "answers 200, and not as a castai-relay does", "the ingress's host and path").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn something_that_answers_204_to_everything_is_not_taken_for_a_relay() {
    let clinic = Clinic::open().await;
    let sink = Receiver::slack().await;
    sink.always_replies(Reply::With(204, vec![("x-castai-relay-probe", "1".into())], String::new()));
    clinic.internet.host("relay.example.com", sink.address);
    clinic.finds(URL, "answers 204, and not as a castai-relay does", "something else answers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect() {
    let clinic = Clinic::open().await;
    let page = Receiver::slack().await;
    let location = vec![("location", "https://login.example.com/".to_owned())];
    page.always_replies(Reply::With(302, location, String::new()));
    clinic.internet.host("relay.example.com", page.address);
    clinic.finds(URL, "redirects to https://login.example.com/", "let the ingress serve the path itself").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_there() {
    let clinic = Clinic::open().await;
    clinic.internet.forget("relay.example.com");
    clinic.finds(URL, "does not answer", "ingress").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusts() {
    let clinic = Clinic::open().await;
    clinic.internet.distrusted_host("relay.example.com", clinic.relay.public);
    clinic.finds(URL, "certificate", "from a public authority").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_knows_another_token() {
    let clinic = Clinic::open().await;
    // In the configuration and at CAST AI the token was replaced; the relay was not restarted.
    clinic.configure("webhook-token", "new-webhook-token");
    clinic.webhook(|webhook| webhook["authKeys"]["Authorization"] = "Bearer new-webhook-token".into());
    clinic
        .finds("✗ credential castai", "fits none of this source's secrets", "restart it with this configuration")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_the_relay_does_not_serve() {
    let clinic = Clinic::open().await;
    clinic.configure("/castai/events", "/another/path");
    clinic.webhook(|webhook| webhook["callbackUrl"] = "https://relay.example.com/another/path".into());
    clinic.finds(URL, "no webhook source has this path", "the relay must run with this configuration").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_believes_anybody_although_it_should_not() {
    let clinic = Clinic::open().await;
    let believing = clinic.configuration().replace("verify: { bearer: [ \"webhook-token\" ] }", "verify: none");
    let house = House::with(&believing);
    let open = house.serve_with(&clinic.internet.variables()).await;
    clinic.internet.host("relay.example.com", open.public);
    clinic.finds(URL, "believes anybody", "restart it with this one").await;
}
