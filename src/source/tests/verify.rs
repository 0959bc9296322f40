//! Who is believed and who is not, for every way of proving it.

use std::str::FromStr;

use hyper::header::HeaderValue;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KEY_A: &str = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const KEY_B: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

impl VerifyError {
    /// One word out of a closed set, for answers and metrics.
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Malformed { .. } => "malformed",
            Self::Wrong { .. } => "wrong",
            Self::Stale { .. } => "stale",
        }
    }
}

fn verifier(written: Value) -> Verifier {
    serde_json::from_value(written).unwrap()
}

fn refusal(written: Value) -> String {
    serde_json::from_value::<Verifier>(written).unwrap_err().to_string()
}

/// Every way that asks for a proof, with two secrets each.
fn strict_verifiers() -> Vec<Verifier> {
    let secrets = json!(["first-secret", "second-secret"]);
    vec![
        verifier(json!({"bearer": secrets})),
        verifier(json!({"header": {"name": "X-Relay-Token", "values": secrets}})),
        verifier(json!({"basic": {"username": "castai", "passwords": secrets}})),
        verifier(json!({"hmac": {"header": "X-Signature", "secrets": secrets}})),
        verifier(json!({"hmac": {"header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": secrets}})),
        verifier(json!({"standard_webhooks": [KEY_A, KEY_B]})),
        verifier(json!({"standard_webhooks": {"secrets": [KEY_B], "tolerance": "10s"}})),
    ]
}

fn noon() -> Timestamp {
    Timestamp::parse("2026-10-05T12:00:00Z").unwrap()
}

type Headers<'a> = &'a [(&'a str, &'a str)];

fn header_map(headers: &[(impl AsRef<str>, impl AsRef<str>)]) -> HeaderMap {
    let pair = |(name, value): &(_, _)| (parsed::<HeaderName>(name), parsed::<HeaderValue>(value));
    headers.iter().map(pair).collect()
}

fn parsed<T: FromStr<Err: fmt::Debug>>(text: &impl AsRef<str>) -> T {
    text.as_ref().parse().unwrap()
}

fn verify(
    verifier: &Verifier,
    headers: &[(impl AsRef<str>, impl AsRef<str>)],
    body: &[u8],
) -> Result<Bytes, VerifyError> {
    let request = Unverified::new(header_map(headers), Bytes::copy_from_slice(body));
    request.verify(verifier, noon()).map(|verified| verified.body().clone())
}

fn code(verifier: &Verifier, headers: Headers<'_>) -> &'static str {
    verify(verifier, headers, b"{}").map_or_else(|error| error.code(), |_| "believed")
}

#[test]
fn the_published_vectors_of_standard_webhooks_hold() {
    let vectors = [
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        (
            KEY_B,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            KEY_A,
            "evt_01J0000000000000000000000A",
            1_767_225_600,
            r#"{"type":"alert.resolved","timestamp":"2026-01-01T00:00:00Z","data":{"title":"Zürich – déjà vu 🔥"}}"#,
            "v1,4+luTX2iSmU6KoInlP8Wryy9i1xAqh7lJT7wGNO0CsU=",
        ),
        (
            "whsec_/////////////////////////////////////////////////////////////////////////////////////w==",
            "msg_empty",
            1_700_000_000,
            "",
            "v1,AEI/opy7QgBtP+jz1SLJj7VK925rK2TWuPqA2gnL3Os=",
        ),
    ];
    for (secret, id, seconds, body, signature) in vectors {
        let verifier = verifier(json!({"standard_webhooks": [secret]}));
        let now = Timestamp::from_millis(seconds * 1000);
        let sent = verifier.credentials(body.as_bytes(), id, now);
        let expected =
            [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", signature)];
        assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let request = Unverified::new(header_map(&expected), Bytes::copy_from_slice(body.as_bytes()));
        assert!(request.verify(&verifier, now).is_ok(), "{id}");
    }
}

#[test]
fn signatures_of_other_versions_are_skipped() {
    let verifier = verifier(json!({"standard_webhooks": [KEY_B]}));
    let both = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== \
                v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let headers = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", both),
    ];
    let request = |headers| Unverified::new(header_map(headers), Bytes::from_static(br#"{"test": 2432232314}"#));
    let now = Timestamp::from_millis(1_614_265_330_000);
    assert!(request(&headers).verify(&verifier, now).is_ok());

    let other_version_only = [headers[0], headers[1], ("webhook-signature", both.split(' ').next().unwrap())];
    assert_eq!(request(&other_version_only).verify(&verifier, now).unwrap_err().code(), "malformed");
}

#[test]
fn githubs_vector_holds_in_either_case_of_the_digits() {
    let verifier = verifier(json!({"hmac": {
        "header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": ["It's a Secret to Everybody"],
    }}));
    let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for digits in [digits.to_owned(), digits.to_uppercase()] {
        let headers = [("x-hub-signature-256", format!("sha256={digits}"))];
        assert!(verify(&verifier, &headers, b"Hello, World!").is_ok());
        assert_eq!(verify(&verifier, &headers, b"Hello, World?").unwrap_err().code(), "wrong");
    }
    for malformed in [digits, "sha256=", "sha256=75", &format!("sha1={digits}"), &format!("sha256={}zz", &digits[2..])]
    {
        assert_eq!(code(&verifier, &[("x-hub-signature-256", malformed)]), "malformed", "{malformed}");
    }
}

#[test]
fn a_bearer_token_is_believed_whatever_the_case_of_its_scheme() {
    let verifier = verifier(json!({"bearer": ["first", "second"]}));
    for (value, verdict) in [
        ("Bearer first", "believed"),
        ("bearer  second ", "believed"),
        ("Bearer third", "wrong"),
        ("Bearer firs", "wrong"),
        ("Bearer first second", "wrong"),
        ("first", "malformed"),
        ("Bearer ", "malformed"),
        ("Bearerfirst", "malformed"),
        ("Basic first", "malformed"),
        ("", "missing"),
    ] {
        assert_eq!(code(&verifier, &[("authorization", value)]), verdict, "{value}");
    }
    assert_eq!(code(&verifier, &[]), "missing");
}

#[test]
fn basic_credentials_need_both_the_user_and_the_password() {
    let verifier = verifier(json!({"basic": {"username": "castai", "passwords": ["old", "new"]}}));
    for (pair, verdict) in
        [("castai:new", "believed"), ("castai:old", "believed"), ("castai:", "wrong"), ("root:new", "wrong")]
    {
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        assert_eq!(code(&verifier, &[("authorization", &value)]), verdict, "{pair}");
    }
    assert_eq!(code(&verifier, &[("authorization", "Basic castai:new")]), "malformed");
}

#[test]
fn a_signature_is_good_for_as_long_as_the_tolerance_and_not_longer() {
    let verifier = verifier(json!({"standard_webhooks": [KEY_A]}));
    let signed_at = |seconds: i64| {
        let then = Timestamp::from_millis(noon().as_millis() + seconds * 1000);
        let headers = verifier.credentials(b"{}", "msg_1", then);
        verify(&verifier, &headers, b"{}").map_or_else(|error| error.code(), |_| "believed")
    };
    assert_eq!([-301, -300, 0, 300, 301].map(signed_at), ["stale", "believed", "believed", "believed", "stale"]);
}

#[test]
fn an_error_names_the_header_and_the_remedy_but_never_a_value() {
    let token = verifier(json!({"header": {"name": "X-Relay-Token", "values": ["s3cret"]}}));
    let message = |headers: Headers<'_>| verify(&token, headers, b"").unwrap_err().to_string();
    assert_eq!(message(&[]), "header `x-relay-token` is missing; this source expects it to hold the configured secret");
    assert_eq!(
        message(&[("x-relay-token", "guess")]),
        "header `x-relay-token` fits none of this source's secrets; compare the sender's secret with `verify`"
    );
    let late = verifier(json!({"standard_webhooks": [KEY_A]}));
    let headers = late.credentials(b"", "msg_1", noon().saturating_sub(Duration::from_secs(720)));
    assert_eq!(
        verify(&late, &headers, b"").unwrap_err().to_string(),
        "header `webhook-timestamp` is 12m away from now, at most 5m is allowed; compare both clocks"
    );
}

#[test]
fn nothing_that_holds_a_secret_shows_it_when_debugged() {
    for verifier in strict_verifiers() {
        let headers = verifier.credentials(b"{}", "msg_1", noon());
        let unverified = Unverified::new(header_map(&headers), Bytes::from_static(b"{}"));
        let shown = format!("{verifier:?} {unverified:?}") + &format!("{:?}", unverified.verify(&verifier, noon()));
        for secret in ["first-secret", "second-secret", "ICEiIyQl", "MfKQ9r8G", &headers.last().unwrap().1] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn the_ways_are_written_as_the_manual_says() {
    for written in [
        "none",
        "{ bearer: [ a, { file: Cargo.toml } ] }",
        "{ header: { name: X-Token, values: [ a ] } }",
        "{ basic: { username: castai, passwords: [ a ] } }",
        "{ hmac: { header: X-Hub-Signature-256, prefix: sha256=, secrets: [ a ] } }",
        "{ standard_webhooks: [ whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ] }",
        "{ standard_webhooks: { secrets: [ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ], tolerance: 1m } }",
    ] {
        let read = serde_saphyr::from_str::<Verifier>(written);
        assert!(read.is_ok(), "{written}: {}", read.unwrap_err());
    }
}

#[test]
fn a_verifier_that_would_let_anybody_in_is_refused() {
    let empty = "at least one secret is needed, such as `[ { env: CASTAI_WEBHOOK_TOKEN } ]`";
    assert_eq!(refusal(json!({"bearer": []})), empty);
    assert_eq!(refusal(json!({"standard_webhooks": []})), empty);
    assert_eq!(refusal(json!({"hmac": {"header": "X-S", "secrets": []}})), empty);
    assert_eq!(refusal(json!({"bearer": [""]})), "the secret is empty");
    assert_eq!(
        refusal(json!({"standard_webhooks": ["not base64!"]})),
        "a standard_webhooks secret is `whsec_` followed by base64; this one is not"
    );
    assert_eq!(
        refusal(json!({"standard_webhooks": ["whsec_c2hvcnQ="]})),
        "a standard_webhooks secret has 24 bytes or more; this one has 5"
    );
    assert!(refusal(json!({"header": {"name": "X Token", "values": ["a"]}})).contains("`X Token` is not the name"));
    assert!(refusal(json!({"hmac": {"header": "X-S", "secret": ["a"]}})).contains("unknown field `secret`"));
    assert!(refusal(json!("open")).contains("unknown variant `open`"));
}

#[test]
fn no_proof_is_needed_where_none_is_asked_for() {
    let open = verifier(json!("none"));
    assert!(open.credentials(b"{}", "msg_1", noon()).is_empty());
    assert_eq!(code(&open, &[]), "believed");
}

#[test]
fn every_secret_is_good_while_one_is_being_replaced() {
    let rotations = [
        (json!({"bearer": ["old"]}), json!({"bearer": ["new", "old"]})),
        (json!({"standard_webhooks": [KEY_A]}), json!({"standard_webhooks": [KEY_B, KEY_A]})),
        (
            json!({"hmac": {"header": "X-S", "secrets": ["old"]}}),
            json!({"hmac": {"header": "X-S", "secrets": ["new", "old"]}}),
        ),
    ];
    for (before, during) in rotations {
        let (before, during) = (verifier(before), verifier(during));
        assert!(verify(&during, &before.credentials(b"{}", "m", noon()), b"{}").is_ok());
        assert!(verify(&before, &during.credentials(b"{}", "m", noon()), b"{}").is_err());
    }
}

proptest! {
    #[test]
    fn what_is_signed_is_believed_and_arrives_unchanged(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        id in "[a-zA-Z0-9_-]{1,40}",
    ) {
        for verifier in strict_verifiers() {
            let headers = verifier.credentials(&body, &id, noon());
            prop_assert_eq!(verify(&verifier, &headers, &body), Ok(Bytes::copy_from_slice(&body)));
        }
    }

    #[test]
    fn no_byte_of_a_proof_can_be_changed(pick in any::<prop::sample::Index>()) {
        for verifier in strict_verifiers() {
            let headers = verifier.credentials(b"{}", "msg_1", noon());
            for tampered in 0..headers.len() {
                let mut headers = headers.clone();
                let value = &mut headers[tampered].1;
                let at = pick.index(value.len());
                let other = if value[at..].starts_with('!') { "~" } else { "!" };
                value.replace_range(at..=at, other);
                prop_assert!(verify(&verifier, &headers, b"{}").is_err(), "{:?}", headers);
            }
        }
    }

    #[test]
    fn no_byte_of_a_signed_body_can_be_changed(
        body in proptest::collection::vec(any::<u8>(), 1..100),
        pick in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let signed = |verifier: &Verifier| matches!(verifier, Verifier::Hmac { .. } | Verifier::StandardWebhooks(_));
        for verifier in strict_verifiers().into_iter().filter(signed) {
            let headers = verifier.credentials(&body, "msg_1", noon());
            let mut body = body.clone();
            let at = pick.index(body.len());
            body[at] ^= flip;
            prop_assert_eq!(verify(&verifier, &headers, &body).unwrap_err().code(), "wrong");
        }
    }

    #[test]
    fn any_headers_are_judged_without_a_panic(value in "[ -~]{0,60}", seconds in any::<i64>()) {
        let names = ["authorization", "x-relay-token", "x-signature", "x-hub-signature-256", "webhook-id", "webhook-signature"];
        let mut headers = names.map(|name| (name, value.clone())).to_vec();
        headers.push(("webhook-timestamp", seconds.to_string()));
        for verifier in strict_verifiers() {
            let verdict = verify(&verifier, &headers, b"{}");
            prop_assert!(verdict.is_err());
        }
    }
}

#[test]
fn constant_headers_are_what_a_sender_that_cannot_sign_must_set() {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let can = [
        json!({"bearer": ["one", "two"]}),
        json!({"header": {"name": "X-Relay-Token", "values": ["one"]}}),
        json!({"basic": {"username": "castai", "passwords": ["one"]}}),
    ];
    for written in can {
        let verifier: Verifier = serde_json::from_value(written).unwrap();
        let headers = verifier.constant_headers().unwrap();
        let map = headers.iter().map(|header| {
            assert!(!format!("{header:?}").contains(header.value.expose()), "{header:?}");
            (HeaderName::try_from(&header.name).unwrap(), header.value.expose().parse().unwrap())
        });
        let request = Unverified::new(map.collect(), Bytes::from_static(b"any body"));
        assert!(request.verify(&verifier, now).is_ok());
    }
    let cannot = [
        json!({"hmac": {"header": "X-S", "secrets": ["one"]}}),
        json!({"standard_webhooks": [format!("whsec_{}", "A".repeat(32))]}),
    ];
    for written in cannot {
        assert!(serde_json::from_value::<Verifier>(written).unwrap().constant_headers().is_none());
    }
    assert_eq!(Verifier::None.constant_headers().unwrap().len(), 0);
}
