//! Whether our public URL leads to us, and lets in who proves itself and nobody else.

use super::super::facts::{Answered, Facts, Public, Webhook};
use super::super::line::Line;
use crate::source::verify::Verifier;

const URL: &str = "public url";
const CREDENTIAL: &str = "credential";

fn each(facts: &Facts, check: &'static str, judge: impl Fn(&Webhook, &str, &Public) -> Line) -> Vec<Line> {
    let line = |webhook: &Webhook| {
        let known = webhook.url.as_deref().zip(webhook.public.as_ref());
        let unknown = || Line::unknown(check, "`server.public_url` is not set");
        known.map_or_else(unknown, |(url, public)| judge(webhook, url, public)).about(&webhook.name)
    };
    facts.webhooks.iter().map(line).collect()
}

/// Whether a castai-relay answers there, as seen from this machine.
pub fn answers(facts: &Facts) -> Vec<Line> {
    each(facts, URL, |webhook, url, public| {
        let believes_all = matches!(webhook.verifier, Verifier::None);
        match &public.stranger {
            Answered::Nothing(why) => Line::wrong(URL, format!("{url} does not answer: {why}"), cure_of(why)),
            Answered::With { status: 300..400, location, .. } => {
                let to = location.as_deref().unwrap_or("somewhere else");
                let cure = "let the ingress serve the path itself; whether CAST AI follows redirects is not known";
                Line::wrong(URL, format!("{url} redirects to {to}"), cure)
            }
            Answered::With { believed: true, .. } if believes_all => Line::good(URL, format!("{url} answers")),
            Answered::With { believed: true, .. } => {
                let found = format!("{url} believes anybody, and the configuration does not");
                Line::wrong(URL, found, "the relay there runs with another configuration: restart it with this one")
            }
            Answered::With { refusal: Some((code, _)), .. } if code == "unauthorized" => {
                Line::good(URL, format!("{url} answers, and turns strangers away"))
            }
            Answered::With { refusal: Some((code, message)), .. } => of_refusal(url, code, message),
            Answered::With { status, .. } => {
                let cure = "something else answers there: check the ingress's host and path, and that it asks for no \
                            log-in of its own";
                Line::wrong(URL, format!("{url} answers {status}, and not as a castai-relay does"), cure)
            }
        }
    })
}

fn of_refusal(url: &str, code: &str, message: &str) -> Line {
    let found = format!("the relay at {url} answers `{code}`: {message}");
    match code {
        "not_found" => {
            let cure = "the ingress must hand on the path as it is, and the relay must run with this configuration";
            Line::wrong(URL, found, cure)
        }
        "method_not_allowed" => Line::wrong(URL, found, "the ingress must hand on POST as POST"),
        _ => Line::warning(URL, found, "look at the relay's log"),
    }
}

/// What the client's words point to.
fn cure_of(why: &str) -> &'static str {
    let why = why.to_ascii_lowercase();
    let points = [
        (
            &["certificate", "unknownissuer", "notvalidforname", "tls", "handshake"][..],
            "CAST AI will not trust that certificate either: let the ingress show one for this host from a public \
             authority, with its intermediates",
        ),
        (&["dns", "lookup", "resolve"], "the name does not resolve: add a DNS record for the ingress"),
        (&["refused", "unreachable", "reset"], "nothing listens there: check the ingress and its load balancer"),
        (
            &["timed out", "no answer", "deadline"],
            "a firewall may drop the packets, or a cluster cannot reach its own load balancer: try from outside, too",
        ),
    ];
    let fits = points.into_iter().find(|(words, _)| words.iter().any(|word| why.contains(word)));
    fits.map_or("check `server.public_url` and the ingress", |(_, cure)| cure)
}

/// Whether the source's own credential is believed there.
pub fn credential(facts: &Facts) -> Vec<Line> {
    each(facts, CREDENTIAL, |webhook, url, public| match &public.friend {
        None => Line::unknown(CREDENTIAL, format!("not known as long as {url} does not answer")),
        Some(_) if matches!(webhook.verifier, Verifier::None) => Line::good(CREDENTIAL, "nothing has to be proved"),
        Some(Answered::With { believed: true, .. }) => Line::good(CREDENTIAL, format!("believed at {url}")),
        Some(Answered::With { refusal: Some((code, message)), .. }) if code == "unauthorized" => {
            let cure = match message.contains("is missing") {
                true => "the ingress takes the header away: let it pass, or verify by a `header` of another name",
                false => "the relay there knows other secrets: restart it with this configuration, or compare both",
            };
            Line::wrong(CREDENTIAL, format!("the credential in the configuration is refused at {url}: {message}"), cure)
        }
        Some(Answered::Nothing(why)) => {
            Line::warning(CREDENTIAL, format!("{url} did not answer this time: {why}"), "try again")
        }
        Some(Answered::With { .. }) => Line::unknown(CREDENTIAL, "no castai-relay answered"),
    })
}
