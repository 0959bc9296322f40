//! What can be written, and what is said to what cannot be meant: the place and the cure, never a secret.

use super::*;

/// What is said to a section that is refused.
fn mistakes(more: &str) -> String {
    let section = Section::from_yaml("webhook", &format!("{{ {URL}{more} }}"));
    assert!(build(&section, &kit()).is_none(), "{more} is taken");
    section.problems().unwrap_err().to_string()
}

#[test]
fn every_way_to_sign_to_show_a_credential_and_to_fill_the_body_can_be_written() {
    for more in [
        "",
        ", method: PATCH, headers: { X-Team: platform }",
        ", sign: { standard_webhooks: [ whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD ] }",
        ", sign: { hmac: { header: X-Signature, secret: s } }",
        ", sign: { hmac: { header: X-Signature, prefix: 'sha256=', encoding: base64, secret: s } }, auth: { bearer: t }",
        ", auth: { basic: { username: ada, password: p } }",
        ", auth: { header: { name: X-Key, value: v } }",
        ", body: event",
        ", body: cloudevents_structured",
        ", body: cloudevents_binary",
        ", body: { template: { text: '{}', content_type: text/plain } }",
    ] {
        notifier(more);
    }
}

#[test]
fn what_cannot_be_meant_is_told_with_its_cure_and_without_a_secret() {
    for (more, expected) in [
        (", method: GET", "POST"),
        (", sign: { standard_webhooks: [] }", "at least one secret"),
        (", sign: { standard_webhooks: [ hunter2hunter2hunter2 ] }", "`whsec_` followed by base64"),
        (", sign: { standard_webhooks: [ whsec_aHVudGVyMg== ] }", "24 bytes or more"),
        (", sign: { hmac: { header: 'X Y', secret: hunter2 } }", "not the name of a header"),
        (", sign: { hmac: { header: Webhook-Id, secret: hunter2 } }", "is set by the relay"),
        (", sign: { hmac: { secret: hunter2 } }", "header"),
        (", sign: { hmac: { header: X-A, secret: hunter2 }, standard_webhooks: [ hunter2 ] }", "one"),
        (", auth: { bearer: hunter2, header: { name: X-A, value: hunter2 } }", "one"),
        (", auth: { basic: { username: 'a:b', password: hunter2 } }", "colon"),
        (", auth: { header: { name: Content-Type, value: hunter2 } }", "is set by the relay"),
        (", auth: { bearer: \"hunter2\\nX-Evil: 1\" }", "cannot stand in a header"),
        (", auth: { bearer: hunter2 }, headers: { authorization: hunter2 }", "is set by the relay"),
        (", headers: { ce-id: hunter2 }", "is set by the relay"),
        (", headers: { X-A: hunter2, x-a: hunter2 }", "written twice"),
        (", headers: { 'X A': hunter2 }", "not the name of a header"),
        (", headers: { X-A: \"hunter2\\u00e4\" }", "cannot stand in a header"),
        (", body: cloudevents", "cloudevents_structured"),
        (", body: { template: { text: '{{ event.' } }", "not a valid template"),
        (", body: { template: { text: x, content_type: text } }", "no content type"),
        (", retries: 3", "retries"),
    ] {
        let told = mistakes(more);
        assert!(told.contains(expected), "{more}: {told}");
        assert!(!told.contains("hunter2"), "{more}: {told}");
    }
}

#[test]
fn an_address_is_https_and_holds_no_user() {
    for (url, expected) in [
        ("http://hooks.example.com/hunter2", "must start with `https://`"),
        ("hooks.example.com/hunter2", "is not a URL"),
        ("https://ada:hunter2@hooks.example.com/", "has a user in it"),
    ] {
        let section = Section::from_yaml("webhook", &format!("{{ url: '{url}' }}"));
        assert!(build(&section, &kit()).is_none(), "{url} is taken");
        let told = section.problems().unwrap_err().to_string();
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn several_mistakes_are_told_at_once() {
    let more =
        ", auth: { basic: { username: 'a:b', password: p } }, headers: { host: x }, sign: { standard_webhooks: [ x ] }";
    let told = mistakes(more);
    for place in ["auth.basic.username", "headers.host", "sign.standard_webhooks"] {
        assert!(told.contains(place), "{place}: {told}");
    }
}
