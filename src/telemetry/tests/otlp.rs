//! Which collectors are allowed, and where spans go then.

use super::*;

fn mistakes(yaml: &str) -> Vec<String> {
    let config: OtlpConfig = Section::from_yaml("test.yaml", yaml).read().unwrap();
    config.mistakes().into_iter().map(|(key, mistake)| format!("{key}: {mistake}")).collect()
}

#[test]
fn spans_go_to_the_path_that_every_collector_has() {
    for (written, address) in [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("https://otlp.example.com/team/", "https://otlp.example.com/team/v1/traces"),
        ("http://collector:4318/v1/traces", "http://collector:4318/v1/traces"),
    ] {
        assert_eq!(Collector::parse(written).unwrap().for_spans(), address);
    }
}

#[test]
fn what_is_no_collector_or_may_hold_a_secret_is_refused() {
    for text in
        ["collector:4318", "grpc://collector", "/v1/traces", "http://user:secret@host", "https://host?key=secret", ""]
    {
        assert_eq!(Collector::parse(text), None, "{text}");
    }
}

#[test]
fn a_token_goes_out_by_tls_or_not_at_all() {
    let with = |endpoint: &str| mistakes(&format!("endpoint: {endpoint}\nheaders: {{ Authorization: token }}"));
    assert_eq!(
        with("http://collector:4318"),
        ["headers: `headers` would be sent in the clear; use an `https` endpoint"]
    );
    for endpoint in ["https://collector", "http://localhost:4318", "http://127.0.0.1:4318", "http://[::1]:4318"] {
        assert_eq!(with(endpoint), [""; 0], "{endpoint}");
    }
    assert_eq!(mistakes("endpoint: http://collector:4318"), [""; 0]);
}

#[test]
fn a_header_that_cannot_be_sent_is_named_without_its_value() {
    let said = mistakes("endpoint: https://collector\nheaders: { \"a b\": \"secret\" }\ntimeout: 0s");
    assert_eq!(
        said,
        ["headers: `a b` with its value cannot stand in a request", "timeout: `timeout` must be more than zero"]
    );
}
